//! What the VRRP process tells administrators, in the words that they search their logs for.
//!
//! Each line begins with the instance's name in parentheses, as keepalived's do; a transition carries its
//! cause behind those words. The election gives values, this file gives sentences; it decides nothing.

mod notice;

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use config::model::{HeldBack, Hindrance};
use control::Severity;
use vrrp::{
    Action, AnnounceReason, Cause, FaultReason, GroupId, InstanceId, Output, Role, Step, TrackerId,
};
use wire::Family;
use wire::vrrp::UnicastForm;

use self::notice::of_notice;
pub(crate) use self::notice::topic;

/// The names that stand behind the numbers of an election.
pub(crate) trait Names {
    /// Name of an instance.
    fn instance(&self, instance: InstanceId) -> &str;
    /// Name of a sync group.
    fn group(&self, group: GroupId) -> &str;
    /// What is wrong with what a tracker watches, such as `interface eth1 down`.
    fn tracker(&self, tracker: TrackerId) -> String;
    /// What is wrong with an instance's configuration: the keyword that is not executed, and where it stands.
    fn configuration_fault(&self, instance: InstanceId) -> String;
    /// The family of an instance.
    fn family(&self, instance: InstanceId) -> Family;
    /// The configured address to send from.
    fn source(&self, instance: InstanceId) -> Option<IpAddr>;
    /// The interface of an instance.
    fn interface(&self, instance: InstanceId) -> &str;
    /// The link that an instance's addresses stand on.
    fn holder(&self, instance: InstanceId) -> &str;
}

/// One log line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Syslog severity.
    pub(crate) severity: Severity,
    /// Only under `-D`.
    pub(crate) detail: bool,
    /// The text.
    pub(crate) text: String,
}

impl Line {
    fn new(severity: Severity, text: String) -> Option<Self> {
        Some(Self { severity, detail: false, text })
    }

    fn detail(text: String) -> Option<Self> {
        Some(Self { severity: Severity::Info, detail: true, text })
    }
}

/// keepalived's name of a role.
pub(crate) const fn role(role: Role) -> &'static str {
    match role {
        Role::Initialize => "INIT",
        Role::Backup => "BACKUP",
        Role::Active => "MASTER",
        Role::Fault => "FAULT",
    }
}

/// The line for one output of the election; none for what nobody wants to read.
pub(crate) fn line(output: &Output, names: &dyn Names) -> Option<Line> {
    match output {
        Output::Group { group, from: _, to } => Line::new(
            Severity::Info,
            format!("VRRP_Group({}) Syncing instances to {} state", names.group(*group), role(*to)),
        ),
        Output::Instance { instance, action } => of_action(*instance, action, names),
    }
}

fn of_action(instance: InstanceId, action: &Action, names: &dyn Names) -> Option<Line> {
    let name = names.instance(instance);
    match action {
        Action::Advertise { priority } if priority.0 == 0 => {
            Line::detail(format!("({name}) sent 0 priority"))
        }
        Action::Advertise { .. } => None,
        Action::Assume => Line::detail(format!("({name}) setting VIPs.")),
        Action::Release => Line::detail(format!("({name}) removing VIPs.")),
        Action::Announce { reason, .. } => announced(instance, *reason, names),
        Action::Transitioned { from, to, cause } => {
            Some(transition(instance, *from, *to, cause, names))
        }
        Action::PriorityChanged { from, to } => Line::new(
            Severity::Info,
            format!("({name}) Changing effective priority from {from} to {to}"),
        ),
        Action::Noticed(notice) => of_notice(instance, notice, names),
    }
}

fn announced(instance: InstanceId, reason: AnnounceReason, names: &dyn Names) -> Option<Line> {
    match reason {
        AnnounceReason::Takeover | AnnounceReason::LowerPriority => {
            let (name, link) = (names.instance(instance), names.holder(instance));
            let what = match names.family(instance) {
                Family::Ipv4 => "gratuitous ARPs",
                Family::Ipv6 => "Unsolicited Neighbour Adverts",
            };
            Line::detail(format!("({name}) Sending/queueing {what} on {link}"))
        }
        AnnounceReason::TakeoverRepeat
        | AnnounceReason::LowerPriorityRepeat
        | AnnounceReason::Refresh
        | AnnounceReason::Extra => None,
    }
}

fn transition(
    instance: InstanceId,
    from: Role,
    to: Role,
    cause: &Cause,
    names: &dyn Names,
) -> Line {
    let name = names.instance(instance);
    let mut text = match to {
        Role::Initialize => format!("({name}) Stopping"),
        Role::Backup | Role::Active | Role::Fault => {
            format!("({name}) Entering {} STATE", role(to))
        }
    };
    let why = match (from, cause) {
        (Role::Initialize, Cause::Startup) => "init".to_owned(),
        (Role::Initialize, Cause::Fault(reason)) => {
            format!("init) ({}", fault(instance, *reason, names))
        }
        (_, cause) => because(instance, cause, names),
    };
    let _ = write!(text, " ({why})");
    // The role was lost through our own fault: somebody may have to get up.
    let severity = match (from, to, cause) {
        (Role::Active, Role::Fault, _) | (Role::Active, _, Cause::Stalled(_)) => Severity::Error,
        (_, Role::Fault, _) => Severity::Warning,
        _ => Severity::Info,
    };
    Line { severity, detail: false, text }
}

/// A cause with the names that it is about.
pub(crate) fn because(instance: InstanceId, cause: &Cause, names: &dyn Names) -> String {
    match cause {
        Cause::Fault(reason) => fault(instance, *reason, names),
        Cause::Recovered(reason) => format!("recovered from: {}", fault(instance, *reason, names)),
        Cause::SyncGroup(group) => format!("with sync group {}", names.group(*group)),
        Cause::AdvertisementTimeout { last: Some(peer), waited } => {
            format!("no advertisement from {peer} for {}", span(*waited))
        }
        Cause::AdvertisementTimeout { last: None, waited } => {
            format!("no advertisement from anyone for {}", span(*waited))
        }
        Cause::Stalled(stalled) => format!("this process did not run for {}", span(*stalled)),
        Cause::Startup
        | Cause::Shutdown
        | Cause::Removed
        | Cause::Restarted
        | Cause::Owner
        | Cause::Resumed
        | Cause::PeerResigned { .. }
        | Cause::LowerPriority { .. }
        | Cause::HigherPriority { .. }
        | Cause::HigherAddress { .. }
        | Cause::OwnerConflict { .. } => cause.to_string(),
    }
}

/// Whether these words say that a lower priority was taken the addresses from.
pub(crate) fn is_preemption(because: &str) -> bool {
    because.starts_with("preempts ")
}

/// A reason for FAULT with the names that it is about.
pub(crate) fn fault(instance: InstanceId, reason: FaultReason, names: &dyn Names) -> String {
    let interface = names.interface(instance);
    match reason {
        FaultReason::InterfaceDown => format!("interface {interface} down"),
        FaultReason::InterfaceMissing => format!("interface {interface} does not exist"),
        FaultReason::BaseInterfaceDown => format!("base interface {interface} down"),
        FaultReason::VirtualLinkMissing => format!("no virtual link on interface {interface}"),
        FaultReason::NoSourceAddress => {
            format!("no {} address for interface {interface}", names.family(instance))
        }
        FaultReason::SourceMissing => match names.source(instance) {
            Some(source) => format!("src address not configured: no {source} on this host"),
            None => "src address not configured".to_owned(),
        },
        FaultReason::SocketFailed => format!("no socket on interface {interface}"),
        FaultReason::MissingPrivilege => {
            "this process may not set addresses or open raw sockets (CAP_NET_ADMIN, CAP_NET_RAW)"
                .to_owned()
        }
        FaultReason::DuplicateVrid => {
            format!("duplicate virtual router id on interface {interface}")
        }
        FaultReason::Configuration => names.configuration_fault(instance),
        FaultReason::Tracker(tracker) => names.tracker(tracker),
        FaultReason::SyncGroup(group) => {
            format!("another member of sync group {} is in fault", names.group(group))
        }
    }
}

/// The line for an address of the host that came or went.
pub(crate) fn address_of_host(address: IpAddr, link: &str, is_there: bool) -> String {
    let change = if is_there { "added to" } else { "removed from" };
    format!("Netlink reflector reports IP {address} {change} {link}")
}

/// The line for a unicast peer that uses another form of checksum than before.
pub(crate) fn checksum_form(name: &str, peer: IpAddr, form: UnicastForm) -> String {
    match form {
        UnicastForm::Old => {
            format!("({name}) Setting unicast VRRPv3 checksum to old version for {peer}")
        }
        UnicastForm::Standard => {
            format!("({name}) Setting unicast VRRPv3 checksum to standard version for {peer}")
        }
    }
}

/// The line for a peer whose clock is soon too far from ours.
pub(crate) fn clock_skew(name: &str, peer: IpAddr, skew: Duration) -> String {
    format!(
        "({name}) the clock of {peer} and ours differ by {}: beyond `time_window` its adverts are refused",
        span(skew)
    )
}

/// The line for a system clock that somebody set, where adverts carry the time.
pub(crate) fn clock_step(step: Step) -> String {
    let (way, by) = match step {
        Step::Forward(by) => ("forward", by),
        Step::Back(by) => ("back", by),
    };
    format!(
        "the system clock was set {way} by {}: under `auth_hmac`, adverts are refused between routers whose clocks \
         differ by more than `time_window`",
        span(by)
    )
}

/// Why a keyword keeps an instance in FAULT.
pub(crate) fn hindrance(held: &HeldBack) -> String {
    let HeldBack { keyword, location, why } = held;
    match why {
        Hindrance::NoPeer => {
            format!(
                "Cannot use unicast without any peers - going to fault state: `{keyword}` ({location})"
            )
        }
        Hindrance::NoAddress => {
            format!(
                "IPv4 ipvlan requires a source ip address to be configured: `{keyword}` ({location})"
            )
        }
    }
}

/// Seconds to the millisecond, without needless zeros.
pub(crate) fn span(span: Duration) -> String {
    let milliseconds = span.as_millis();
    if milliseconds == 0 && !span.is_zero() {
        return format!("{}us", span.as_micros());
    }
    let text = format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
    format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
}
