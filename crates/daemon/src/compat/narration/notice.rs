//! What peers did that is worth a line, and what two nodes say differently.

use control::Severity;
use vrrp::{InstanceId, Notice, Role};

use super::{Line, Names, fault, role, span};

/// The line for one notice; none for what nobody wants to read.
pub(super) fn of_notice(instance: InstanceId, notice: &Notice, names: &dyn Names) -> Option<Line> {
    let name = names.instance(instance);
    match notice {
        Notice::ActiveRouter { from: None, to } => {
            Line::detail(format!("({name}) master set to {to}"))
        }
        Notice::ActiveRouter { from: Some(from), to } => {
            Line::new(Severity::Info, format!("({name}) master changed from {from} to {to}"))
        }
        Notice::LowerDiscarded { peer, ours } => Line::detail(format!(
            "({name}) received lower priority ({}) advert from {} - discarding, ours is {ours}",
            peer.priority, peer.address
        )),
        Notice::LowerContested { peer, ours } => Line::new(
            Severity::Info,
            format!(
                "({name}) Received advert from {} with lower priority {}, ours {ours}, forcing new election",
                peer.address, peer.priority
            ),
        ),
        Notice::OwnAddress { peer } => Line::new(
            Severity::Warning,
            format!(
                "({name}) WARNING - equal priority advert received from remote host with our IP address. \
                 ({}: two hosts have this address, or our own packets come back)",
                peer.address
            ),
        ),
        Notice::OwnerConflict { peer } => Line::new(
            Severity::Error,
            format!(
                "({name}) CONFIGURATION ERROR: local instance and {peer} are both configured as address owner, \
                 please resolve: only one node may have priority 255"
            ),
        ),
        Notice::PeerResigned { peer, role: Role::Active } => {
            Line::detail(format!("({name}) Master received priority 0 message from {peer}"))
        }
        Notice::PeerResigned { peer, .. } => Line::new(
            Severity::Info,
            format!("({name}) Backup received priority 0 advertisement from {peer}"),
        ),
        Notice::IntervalDiffers { .. }
        | Notice::IntervalZero { .. }
        | Notice::IntervalLearned { .. }
        | Notice::VersionDiffers { .. }
        | Notice::AddressCountDiffers { .. }
        | Notice::AddressMissing { .. } => disagreement(name, notice),
        Notice::PreemptDelayStarted { delay } => {
            Line::new(Severity::Info, format!("({name}) start preempt delay ({})", span(*delay)))
        }
        Notice::PreemptDelayStopped => {
            Line::new(Severity::Info, format!("({name}) stop preempt delay"))
        }
        Notice::GroupAwaited { group } => Line::detail(format!(
            "({name}) ready to become {}, waiting for the other members of sync group {}",
            role(Role::Active),
            names.group(*group)
        )),
        Notice::FaultRaised(reason) => Line::new(
            Severity::Warning,
            format!(
                "({name}) also in {} state because: {}",
                role(Role::Fault),
                fault(instance, *reason, names)
            ),
        ),
        Notice::FaultCleared(reason) => Line::new(
            Severity::Info,
            format!(
                "({name}) still in {} state, but no longer: {}",
                role(Role::Fault),
                fault(instance, *reason, names)
            ),
        ),
        Notice::EffectFailed { what, retry: Some(retry) } => Line::new(
            Severity::Warning,
            format!("({name}) could not {}, trying again in {}", effect(*what), span(*retry)),
        ),
        Notice::EffectFailed { what, retry: None } => {
            Line::new(Severity::Warning, format!("({name}) could not {}", effect(*what)))
        }
    }
}

/// What a notice is about, for limiting how often it is said: peers decide how often it comes.
pub(crate) const fn topic(notice: &Notice) -> &'static str {
    match notice {
        Notice::ActiveRouter { .. } => "active router",
        Notice::LowerDiscarded { .. } => "lower discarded",
        Notice::LowerContested { .. } => "lower contested",
        Notice::OwnAddress { .. } => "own address",
        Notice::OwnerConflict { .. } => "owner conflict",
        Notice::PeerResigned { .. } => "resigned",
        Notice::IntervalDiffers { .. } => "interval differs",
        Notice::IntervalZero { .. } => "interval zero",
        Notice::IntervalLearned { .. } => "interval learned",
        Notice::VersionDiffers { .. } => "version differs",
        Notice::AddressCountDiffers { .. } => "address count",
        Notice::AddressMissing { .. } => "address missing",
        Notice::PreemptDelayStarted { .. } => "preempt delay started",
        Notice::PreemptDelayStopped => "preempt delay stopped",
        Notice::GroupAwaited { .. } => "group awaited",
        Notice::FaultRaised(_) => "fault raised",
        Notice::FaultCleared(_) => "fault cleared",
        Notice::EffectFailed { .. } => "effect failed",
    }
}

/// What two nodes say differently.
fn disagreement(name: &str, notice: &Notice) -> Option<Line> {
    let text = match notice {
        Notice::IntervalDiffers { peer, theirs, ours } => format!(
            "({name}) advertisement interval mismatch: {peer} sends every {}, we expect {} - discarding; \
             `advert_int` must be the same on all nodes under VRRPv2",
            span(*theirs),
            span(*ours)
        ),
        Notice::IntervalZero { peer } => {
            format!("({name}) {peer} advertises an interval of 0 - discarding")
        }
        Notice::IntervalLearned { peer, from, to } => {
            return Line::new(
                Severity::Info,
                format!(
                    "({name}) advertisement interval updated from {}ms to {}ms by master {peer}",
                    from.as_millis(),
                    to.as_millis()
                ),
            );
        }
        Notice::VersionDiffers { peer } => {
            format!(
                "({name}) {peer} uses another VRRP version - discarding; `version` must be the same on all nodes"
            )
        }
        Notice::AddressCountDiffers { peer, expected, received } => {
            format!("({name}) expected {expected} VIPs but received {received} from {peer}")
        }
        Notice::AddressMissing { peer, address } => {
            format!("({name}) ip address {address} is not in the advertisement of {peer}")
        }
        Notice::ActiveRouter { .. }
        | Notice::LowerDiscarded { .. }
        | Notice::LowerContested { .. }
        | Notice::OwnAddress { .. }
        | Notice::OwnerConflict { .. }
        | Notice::PeerResigned { .. }
        | Notice::PreemptDelayStarted { .. }
        | Notice::PreemptDelayStopped
        | Notice::GroupAwaited { .. }
        | Notice::FaultRaised(_)
        | Notice::FaultCleared(_)
        | Notice::EffectFailed { .. } => return None,
    };
    Line::new(Severity::Warning, text)
}

fn effect(what: vrrp::Effect) -> &'static str {
    match what {
        vrrp::Effect::Advertise => "send an advertisement",
        vrrp::Effect::Assume => "add the virtual addresses",
        vrrp::Effect::Release => "remove the virtual addresses",
        vrrp::Effect::Announce => "announce the virtual addresses",
    }
}
