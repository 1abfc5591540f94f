//! `vrrp_instance`: one virtual router.
//!
//! The order in which settings decide about each other is the incumbent's: the family follows from the
//! first address, the version from the family, ownership from priority and state, preemption from both.

mod decide;
pub(crate) mod ipvlan;
mod unicast;
pub(crate) mod vmac;
mod vrf;

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;

use vrrp::{AddressCheck, OwnerAdverts, Parameters, Reply, Start};
use wire::{Priority, Version, Vrid};

use super::address;
use super::announce::Announce;
use super::authentication;
use super::global::{self, Defaults};
use super::notify;
use super::path;
use super::read::seconds;
use super::report::Reports;
use super::route;
use super::rule::{self, Priorities};
use super::track::{self, Tracked, Trackers};
use crate::diagnostic::model as codes;
use crate::model::{
    Acceptance, AddressLifetime, Checksum, Following, HeldBack, Instance, InterfaceTracking,
    Notify, Proof, RouteLine, RuleLine, VirtualAddress,
};
use crate::source::Span;
use crate::syntax::{Directive, Word};

/// What one block says, before its settings have decided about each other.
#[derive(Default)]
pub(super) struct Written<'t> {
    interface: Option<String>,
    vrf: Option<String>,
    vrid: Option<Vrid>,
    state: Option<(Start, Span)>,
    priority: Option<(u8, Span)>,
    interval: Option<(Duration, Span)>,
    version: Option<(Version, Span)>,
    nopreempt: Option<Span>,
    preempt_delay: Option<(Duration, Span)>,
    addresses: Vec<VirtualAddress>,
    excluded: Vec<VirtualAddress>,
    promotes_secondaries: bool,
    routes: Vec<RouteLine>,
    rules: Vec<RuleLine>,
    unicast_source: Option<(IpAddr, Span)>,
    multicast_source: Option<IpAddr>,
    multicast_group: Option<(IpAddr, Span)>,
    unicast: unicast::Written<'t>,
    pub(super) authentication: Option<&'t Directive>,
    hmac: Option<&'t Directive>,
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
    acceptance: Option<(Acceptance, Span)>,
    held_back: Vec<HeldBack>,
    notify: Option<Box<Notify>>,
    mailed: Option<bool>,
    tracked: Vec<Tracked>,
    vmac: vmac::Lines,
    ipvlan: ipvlan::Lines,
}

/// Lowers one block; nothing where what identifies a virtual router is missing.
pub(super) fn lower(
    block: &Directive,
    defaults: &Defaults,
    (trackers, priorities): (&mut Trackers, &mut Priorities),
    reports: &mut Reports<'_>,
) -> Option<(Instance, Vec<Tracked>)> {
    let name = block.arguments.first().unwrap_or(&block.keyword);
    let mut written = Written::default();
    for directive in block.children() {
        read(&mut written, directive, reports);
        paths(&mut written, directive, priorities, reports);
    }
    let interface = identity(vrf::interface(&mut written, defaults), "interface", name, reports);
    let vrid = identity(written.vrid, "virtual_router_id", name, reports);
    let (interface, vrid) = (interface?, vrid?);
    let family = decide::family(&written);
    decide::drop_other_family(&mut written.addresses, family, name, reports);
    let version = decide::version(&written, defaults, family, name, reports);
    let strict = written.strict.unwrap_or(defaults.strict);
    let (mode, start) = decide::mode(&written, strict, name, reports);
    let advertisement_interval = decide::interval(&written, version, reports);
    let destination = unicast::destination(&mut written, defaults, family, name, reports);
    let acceptance = decide::acceptance(&written, version, mode, strict, reports);
    let trailer = decide::hmac(&mut written, advertisement_interval, strict, reports);
    let (authentication, proof) = authentication::lower(&mut written, version, strict, reports);
    let proof = trailer.map(Proof::Trailer).or(proof);
    let start = authentication::start(&written, start, mode, authentication, reports);
    let identity = (family, vrid);
    let vmac = vmac::lower(&written, identity, &destination, strict, defaults, name, reports);
    let ipvlan = ipvlan::lower(&mut written, family, defaults, name, reports);
    decide::move_surplus(&mut written, name, reports);
    let place = (interface.as_str(), vmac.as_deref());
    vmac::of_addresses(&mut written, identity, place, defaults, reports);
    route::settle_devices(&mut written.routes, &interface, reports);
    let mut tracking = trackers.lower(&written.track, mode, name, &interface, reports);
    trackers.add_devices(&mut tracking, devices(&written), &interface);
    // Thousands of instances live as long as the process: none keeps room that it does not use.
    tracking.shrink_to_fit();
    written.addresses.shrink_to_fit();
    written.excluded.shrink_to_fit();
    written.routes.shrink_to_fit();
    written.rules.shrink_to_fit();
    let source_tracking = unicast::source_tracking(&written, &destination, ipvlan.as_deref());
    let on_ipvlan = ipvlan.as_ref().and_then(|ipvlan| ipvlan.address).map(|(address, _)| address);
    let unicast_source = written.unicast_source.map(|(source, _)| source);
    let source = on_ipvlan.or(unicast_source).or(written.multicast_source);
    let instance = Instance {
        at: name.span,
        interface,
        vrf: written.vrf.map(String::into_boxed_str),
        vmac,
        ipvlan,
        parameters: Arc::new(Parameters {
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
        }),
        source,
        destination,
        source_tracking,
        authentication,
        proof: proof.map(Box::new),
        addresses: written.addresses,
        excluded: written.excluded,
        promotes_secondaries: written.promotes_secondaries,
        routes: written.routes,
        rules: written.rules,
        interface_tracking: if written.untracked {
            InterfaceTracking::Ignored
        } else {
            InterfaceTracking::Tracked
        },
        lifetime: written.lifetime.unwrap_or(defaults.lifetime),
        checksum: written.checksum.unwrap_or(defaults.checksum),
        strict,
        acceptance,
        without_addresses: written.without_addresses,
        extra_links: written.announce.extra_links(&defaults.announce),
        held_back: written.held_back,
        name: name.text.clone(),
        notify: written.notify,
        mailed: written.mailed.unwrap_or(defaults.mail.alerts()),
    };
    Some((instance, written.tracked))
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
        "vrf" => written.vrf = text.map(str::to_owned),
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
        "authentication" => written.authentication = Some(directive),
        "auth_hmac" => written.hmac = Some(directive),
        "track_interface" => written.track.push(directive),
        "track_script" | "track_file" | "track_process" | "track_bfd" => {
            written.tracked.extend(track::lines(directive));
        }
        "smtp_alert" => written.mailed = directive.flag().or(written.mailed),
        "no_virtual_ipaddress" => written.without_addresses = true,
        "use_vmac" => written.vmac.read(directive.keyword.span, &directive.arguments),
        "use_ipvlan" => written.ipvlan.read(directive.keyword.span, &directive.arguments),
        "use_vmac_addr" => written.vmac.for_addresses(),
        "vmac_xmit_base" => written.vmac.transmit_through_parent(directive.keyword.span),
        "dont_track_primary" => written.untracked = true,
        "promote_secondaries" => written.promotes_secondaries = true,
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
        "accept" => written.acceptance = Some((Acceptance::Accept, directive.keyword.span)),
        "no_accept" => written.acceptance = Some((Acceptance::Refuse, directive.keyword.span)),
        "v3_checksum_as_v2" => {
            written.checksum = directive
                .flag()
                .map(|as_v2| if as_v2 { Checksum::AsV2 } else { Checksum::Standard });
        }
        "vrrp_address_lifetime" => written.lifetime = global::lifetime(directive),
        _ if written.unicast.read(directive) => {}
        name => {
            let announce = written.announce.read(name, directive);
            if !announce && name.starts_with("notify") {
                let notify = written.notify.get_or_insert_default();
                notify::read(notify, directive, reports);
            }
        }
    }
}

/// Reads `virtual_routes` and `virtual_rules`.
fn paths(
    written: &mut Written<'_>,
    directive: &Directive,
    priorities: &mut Priorities,
    reports: &mut Reports<'_>,
) {
    let Written { routes, rules, .. } = written;
    match directive.keyword.text.as_str() {
        "virtual_routes" => routes.extend(route::of_instance(directive, reports)),
        "virtual_rules" => rules.extend(rule::of_instance(directive, priorities, reports)),
        _ => {}
    }
}

/// The interfaces of addresses, routes and rules whose loss is a fault of the instance.
fn devices<'w>(written: &'w Written<'_>) -> impl Iterator<Item = &'w str> {
    let matters = |following: &Following| *following != Following::Nobody;
    let addresses = written.addresses.iter().chain(&written.excluded);
    let addresses = addresses.filter(move |line| matters(&line.following));
    let routes = written.routes.iter().filter(move |line| matters(&line.following));
    let rules = written.rules.iter().filter(move |line| matters(&line.following));
    addresses
        .filter_map(|line| line.device.as_ref())
        .chain(routes.flat_map(|line| line.route.devices()))
        .chain(rules.flat_map(|line| [&line.rule.incoming, &line.rule.outgoing]).flatten())
        .map(String::as_str)
}

fn addresses(list: &mut Vec<VirtualAddress>, directive: &Directive, reports: &mut Reports<'_>) {
    let known = |address: &VirtualAddress| (address.address, address.device.clone());
    let mut listed: BTreeSet<(IpAddr, Option<String>)> = list.iter().map(known).collect();
    for line in directive.children() {
        let Some(mut address) = address::lower(line, reports) else { continue };
        address.following = path::without_group(address.following, line.keyword.span, reports);
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
