//! `vrrp_instance`: one virtual router.
//!
//! The order in which settings decide about each other is the incumbent's: the family follows from the
//! first address, the version from the family, ownership from priority and state, preemption from both.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeSet;

use vrrp::{AddressCheck, Mode, OwnerAdverts, Parameters, Preempt, Reply, Start};
use wire::{Family, Priority, Version, Vrid};

use super::address;
use super::authentication;
use super::global::{self, Announce, Defaults};
use super::read::seconds;
use super::report::Reports;
use super::track::Trackers;
use crate::diagnostic::model as codes;
use crate::model::{
    AddressLifetime, Checksum, Destination, HeldBack, Instance, InterfaceTracking, VirtualAddress,
};
use crate::source::Span;
use crate::syntax::{Directive, Word};

/// What one block says, before its settings have decided about each other.
#[derive(Default)]
pub(super) struct Written<'t> {
    interface: Option<String>,
    vrid: Option<Vrid>,
    state: Option<(Start, Span)>,
    priority: Option<(u8, Span)>,
    interval: Option<(Duration, Span)>,
    version: Option<(Version, Span)>,
    nopreempt: Option<Span>,
    preempt_delay: Option<(Duration, Span)>,
    addresses: Vec<VirtualAddress>,
    excluded: Vec<VirtualAddress>,
    unicast_source: Option<(IpAddr, Span)>,
    multicast_source: Option<IpAddr>,
    multicast_group: Option<(IpAddr, Span)>,
    peers: Option<(Vec<IpAddr>, Span)>,
    pub(super) authentication: Option<&'t Directive>,
    track: Vec<&'t Directive>,
    untracked: bool,
    announce: Announce,
    down_timer_adverts: Option<u8>,
    on_lower_priority: Option<Reply>,
    on_higher_priority: Option<Reply>,
    owner_adverts: Option<OwnerAdverts>,
    address_check: Option<AddressCheck>,
    strict: Option<bool>,
    without_addresses: bool,
    checksum: Option<Checksum>,
    lifetime: Option<AddressLifetime>,
    held_back: Vec<HeldBack>,
}

/// Lowers one block; nothing where what identifies a virtual router is missing.
pub(super) fn lower(
    block: &Directive,
    defaults: &Defaults,
    trackers: &mut Trackers,
    reports: &mut Reports<'_>,
) -> Option<Instance> {
    let name = block.arguments.first().unwrap_or(&block.keyword);
    let mut written = Written::default();
    for directive in block.children() {
        read(&mut written, directive, reports);
        if let Some(held) = super::held_back(&["vrrp_instance"], directive, reports) {
            written.held_back.push(held);
        }
    }
    let interface = identity(
        written.interface.take().or_else(|| defaults.interface.clone()),
        "interface",
        name,
        reports,
    );
    let vrid = identity(written.vrid, "virtual_router_id", name, reports);
    let (interface, vrid) = (interface?, vrid?);
    let family = family(&written);
    drop_other_family(&mut written.addresses, family, name, reports);
    let version = version(&written, defaults, family, name, reports);
    let strict = written.strict.unwrap_or(defaults.strict);
    let (mode, start) = mode(&written, strict, name, reports);
    let advertisement_interval = interval(&written, version, reports);
    let destination = destination(&written, defaults, family, name, reports);
    let authentication = authentication::lower(&mut written, version, strict, reports);
    move_surplus(&mut written, name, reports);
    let tracking = trackers.lower(&written.track, mode, name, reports);
    Some(Instance {
        at: name.span,
        interface,
        parameters: Parameters {
            vrid,
            family,
            version,
            mode,
            advertisement_interval,
            down_timer_adverts: written.down_timer_adverts.unwrap_or(defaults.down_timer_adverts),
            start,
            addresses: written.addresses.iter().map(|address| address.address).collect(),
            address_check: written.address_check.unwrap_or(defaults.address_check),
            on_lower_priority: written.on_lower_priority.unwrap_or(defaults.on_lower_priority),
            on_higher_priority: written.on_higher_priority.unwrap_or(defaults.on_higher_priority),
            owner_adverts: written.owner_adverts.unwrap_or(defaults.owner_adverts),
            announce: written.announce.schedule(&defaults.announce),
            tracking,
        },
        source: written.unicast_source.map(|(source, _)| source).or(written.multicast_source),
        destination,
        authentication,
        addresses: written.addresses,
        excluded: written.excluded,
        interface_tracking: if written.untracked {
            InterfaceTracking::Ignored
        } else {
            InterfaceTracking::Tracked
        },
        lifetime: written.lifetime.unwrap_or(defaults.lifetime),
        checksum: written.checksum.unwrap_or(defaults.checksum),
        strict,
        without_addresses: written.without_addresses,
        held_back: written.held_back,
        name: name.text.clone(),
    })
}

fn identity<T>(
    value: Option<T>,
    keyword: &str,
    name: &Word,
    reports: &mut Reports<'_>,
) -> Option<T> {
    if value.is_none() {
        reports
            .error(
                codes::MISSING_SETTING,
                format!("vrrp_instance `{}` has no valid `{keyword}`", name.text),
                name.span,
            )
            .help(format!("add `{keyword}` to the block"));
    }
    value
}

fn read<'t>(written: &mut Written<'t>, directive: &'t Directive, reports: &mut Reports<'_>) {
    let text = directive.text(0);
    let at = directive.arguments.first().map_or(directive.keyword.span, |word| word.span);
    let address = || text.and_then(|text| text.parse::<IpAddr>().ok());
    let reply = |on| if on { Reply::Advertise } else { Reply::Silent };
    match directive.keyword.text.as_str() {
        "state" => {
            // keepalived reads every other word as BACKUP and says so, as the check does.
            let start = if text == Some("MASTER") { Start::Active } else { Start::Backup };
            written.state = Some((start, at));
        }
        "interface" => written.interface = text.map(str::to_owned),
        "virtual_router_id" => {
            written.vrid = text.and_then(|text| text.parse().ok()).and_then(Vrid::new);
        }
        "priority" => {
            let priority =
                text.and_then(|text| text.parse::<u8>().ok()).filter(|priority| *priority > 0);
            written.priority = Some((priority.unwrap_or(Priority::DEFAULT.0), at));
        }
        "advert_int" => {
            if let Some(interval) = text.and_then(|text| seconds(text, 2)) {
                written.interval = Some((interval, at));
            }
        }
        "version" => match text {
            Some("2") => written.version = Some((Version::V2, at)),
            Some("3") => written.version = Some((Version::V3, at)),
            _ => {}
        },
        "nopreempt" => written.nopreempt = Some(directive.keyword.span),
        "preempt" => written.nopreempt = None,
        "preempt_delay" => {
            if let Some(delay) =
                text.and_then(|text| seconds(text, 6)).filter(|delay| delay.as_secs() <= 1000)
            {
                written.preempt_delay = Some((delay, at));
            }
        }
        "virtual_ipaddress" => addresses(&mut written.addresses, directive, reports),
        "virtual_ipaddress_excluded" => addresses(&mut written.excluded, directive, reports),
        "unicast_src_ip" => written.unicast_source = address().map(|source| (source, at)),
        "mcast_src_ip" => written.multicast_source = address(),
        "mcast_dst_ip" => {
            written.multicast_group =
                address().filter(IpAddr::is_multicast).map(|group| (group, at));
        }
        "unicast_peer" => {
            let peers = directive
                .children()
                .iter()
                .filter_map(|line| line.keyword.text.parse().ok())
                .collect();
            written.peers = Some((peers, directive.keyword.span));
        }
        "authentication" => written.authentication = Some(directive),
        "track_interface" => written.track.push(directive),
        "no_virtual_ipaddress" => written.without_addresses = true,
        "dont_track_primary" => written.untracked = true,
        "down_timer_adverts" => {
            written.down_timer_adverts =
                global::down_timer_adverts(directive).or(written.down_timer_adverts);
        }
        "lower_prio_no_advert" => {
            written.on_lower_priority = directive.flag().map(|silent| reply(!silent));
        }
        "higher_prio_send_advert" => written.on_higher_priority = directive.flag().map(reply),
        "owner_ignore_adverts" => {
            written.owner_adverts = directive
                .flag()
                .map(|ignore| if ignore { OwnerAdverts::Ignore } else { OwnerAdverts::Heed });
        }
        "skip_check_adv_addr" => {
            written.address_check = directive
                .flag()
                .map(|skip| if skip { AddressCheck::NewSender } else { AddressCheck::Always });
        }
        "strict_mode" => written.strict = directive.flag(),
        "v3_checksum_as_v2" => {
            written.checksum = directive
                .flag()
                .map(|as_v2| if as_v2 { Checksum::AsV2 } else { Checksum::Standard });
        }
        "vrrp_address_lifetime" => written.lifetime = global::lifetime(directive),
        name => {
            written.announce.read(name, directive);
        }
    }
}

fn addresses(list: &mut Vec<VirtualAddress>, directive: &Directive, reports: &mut Reports<'_>) {
    let known = |address: &VirtualAddress| (address.address, address.device.clone());
    let mut listed: BTreeSet<(IpAddr, Option<String>)> = list.iter().map(known).collect();
    for line in directive.children() {
        let Some(address) = address::lower(line, reports) else { continue };
        if !listed.insert(known(&address)) {
            reports.warning(
                codes::DUPLICATE_ADDRESS,
                format!(
                    "{} is listed twice in this block: the second is left out",
                    address.address
                ),
                address.at,
            );
            continue;
        }
        list.push(address);
    }
}

/// The family of the first address, else of the first excluded one, else of the unicast addresses.
fn family(written: &Written<'_>) -> Family {
    written
        .addresses
        .first()
        .or_else(|| written.excluded.first())
        .map(|address| address.address)
        .or_else(|| written.unicast_source.map(|(source, _)| source))
        .or_else(|| written.peers.as_ref().and_then(|(peers, _)| peers.first().copied()))
        .map_or(Family::Ipv4, Family::of)
}

fn drop_other_family(
    list: &mut Vec<VirtualAddress>,
    family: Family,
    name: &Word,
    reports: &mut Reports<'_>,
) {
    list.retain(|address| {
        let same = Family::of(address.address) == family;
        if !same {
            reports
                .warning(
                    codes::OTHER_FAMILY,
                    format!(
                        "{} is left out: `{}` is an {family} instance, because its first address is",
                        address.address, name.text
                    ),
                    address.at,
                )
                .help("put it under `virtual_ipaddress_excluded`, or into an instance of its own");
        }
        same
    });
}

fn version(
    written: &Written<'_>,
    defaults: &Defaults,
    family: Family,
    name: &Word,
    reports: &mut Reports<'_>,
) -> Version {
    match (written.version, family) {
        (Some((Version::V2, at)), Family::Ipv6) => {
            reports.warning(
                codes::VERSION_REPLACED,
                format!("VRRPv2 cannot carry IPv6: `{}` uses version 3", name.text),
                at,
            );
            Version::V3
        }
        (None, Family::Ipv6) => Version::V3,
        (Some((version, _)), _) => version,
        (None, Family::Ipv4) => defaults.version,
    }
}

fn mode(
    written: &Written<'_>,
    strict: bool,
    name: &Word,
    reports: &mut Reports<'_>,
) -> (Mode, Start) {
    let wanted = written.state.map(|(start, _)| start);
    let priority = match (written.priority, wanted) {
        (Some((priority, _)), _) => Priority(priority),
        // keepalived takes a MASTER without a priority for the owner of its addresses.
        (None, Some(Start::Active)) => Priority::OWNER,
        (None, _) => Priority::DEFAULT,
    };
    let owner = priority == Priority::OWNER;
    let mut start = wanted.unwrap_or(if owner { Start::Active } else { Start::Backup });
    if strict && (start == Start::Active) != owner {
        start = if owner { Start::Active } else { Start::Backup };
        if let Some((_, at)) = written.state {
            reports.warning(
                codes::STRICT,
                format!(
                    "under strict mode the state must match being address owner: `{}` starts as {}",
                    name.text,
                    if owner { "MASTER" } else { "BACKUP" }
                ),
                at,
            );
        }
    }
    if owner {
        if let Some(at) = written.nopreempt {
            reports.warning(
                codes::NOPREEMPT_CLEARED,
                "`nopreempt` has no effect at priority 255: the owner of the addresses always takes them back",
                at,
            );
        }
        return (Mode::Owner, start);
    }
    (Mode::Contender { priority, preempt: preempt(written, wanted, strict, reports) }, start)
}

fn preempt(
    written: &Written<'_>,
    wanted: Option<Start>,
    strict: bool,
    reports: &mut Reports<'_>,
) -> Preempt {
    let master = wanted == Some(Start::Active);
    if let Some(at) = written.nopreempt {
        if !master {
            if let Some((_, delay_at)) = written.preempt_delay {
                reports.warning(
                    codes::PREEMPT_DELAY_DROPPED,
                    "`preempt_delay` has no effect beside `nopreempt`",
                    delay_at,
                );
            }
            return Preempt::Never;
        }
        reports
            .warning(
                codes::NOPREEMPT_CLEARED,
                "`nopreempt` does not work with `state MASTER`: this router preempts",
                at,
            )
            .help("write `state BACKUP` on both nodes and let the priority decide");
    }
    match written.preempt_delay {
        Some((_, at)) if master || strict => {
            let why = if master { "with `state MASTER`" } else { "under strict mode" };
            reports.warning(
                codes::PREEMPT_DELAY_DROPPED,
                format!("`preempt_delay` has no effect {why}"),
                at,
            );
            Preempt::Immediately
        }
        Some((delay, _)) if !delay.is_zero() => Preempt::After(delay),
        _ => Preempt::Immediately,
    }
}

fn interval(written: &Written<'_>, version: Version, reports: &mut Reports<'_>) -> Duration {
    let Some((interval, at)) = written.interval else { return Duration::from_secs(1) };
    match version {
        Version::V2 => {
            let rounded = (interval + Duration::from_millis(500)).as_secs();
            let whole = Duration::from_secs(rounded).max(Duration::from_secs(1));
            let whole = whole.min(Duration::from_secs(255));
            if whole != interval {
                reports
                    .warning(
                        codes::INTERVAL_ROUNDED,
                        format!(
                            "VRRPv2 carries whole seconds: `advert_int` {} becomes {}",
                            interval.as_secs_f64(),
                            whole.as_secs()
                        ),
                        at,
                    )
                    .help("`version 3` carries hundredths of a second, on all nodes of this VRID");
            }
            whole
        }
        Version::V3 => {
            let longest = Duration::from_millis(40_950);
            let cut = interval.clamp(Duration::from_millis(10), longest);
            if cut != interval {
                reports.warning(
                    codes::INTERVAL_ROUNDED,
                    format!(
                        "VRRPv3 carries 0.01 to 40.95 seconds: `advert_int` {} becomes {}",
                        interval.as_secs_f64(),
                        cut.as_secs_f64()
                    ),
                    at,
                );
            }
            cut
        }
    }
}

fn destination(
    written: &Written<'_>,
    defaults: &Defaults,
    family: Family,
    name: &Word,
    reports: &mut Reports<'_>,
) -> Destination {
    if let Some((peers, at)) = &written.peers {
        let peers: Vec<IpAddr> =
            peers.iter().copied().filter(|peer| Family::of(*peer) == family).collect();
        if !peers.is_empty() {
            return Destination::Unicast(peers);
        }
        reports
            .warning(
                codes::NO_PEER,
                format!(
                    "`unicast_peer` of `{}` holds no {family} address: multicast is used",
                    name.text
                ),
                *at,
            )
            .help("list the other nodes' addresses, one a line, or remove the block");
    } else if let Some((_, at)) = written.unicast_source {
        reports
            .warning(
                codes::NO_PEER,
                format!(
                    "`unicast_src_ip` of `{}` without `unicast_peer`: multicast is used",
                    name.text
                ),
                at,
            )
            .help(
                "add `unicast_peer { ... }`, or write `mcast_src_ip` for the source of multicast",
            );
    }
    let group = match family {
        Family::Ipv4 => IpAddr::V4(defaults.group4),
        Family::Ipv6 => IpAddr::V6(defaults.group6),
    };
    let own =
        written.multicast_group.map(|(group, _)| group).filter(|own| Family::of(*own) == family);
    Destination::Multicast(own.unwrap_or(group))
}

/// An advertisement counts its addresses in eight bits; what does not fit is held but not advertised.
fn move_surplus(written: &mut Written<'_>, name: &Word, reports: &mut Reports<'_>) {
    if written.addresses.len() <= ADVERTISED_MAX {
        return;
    }
    let surplus = written.addresses.split_off(ADVERTISED_MAX);
    if let Some(first) = surplus.first() {
        reports.warning(
            codes::TOO_MANY_ADDRESSES,
            format!(
                "an advertisement carries at most {ADVERTISED_MAX} addresses: {} of `{}`, from this one on, are held \
                 but not advertised",
                surplus.len(),
                name.text
            ),
            first.at,
        );
    }
    written.excluded.extend(surplus);
}

/// Most addresses in one advertisement: the count has eight bits (RFC 9568 §5.2.5).
const ADVERTISED_MAX: usize = 255;
