//! Unicast: who the peers are, and what becomes of an instance that was given none.
//!
//! keepalived falls back to multicast where a keyword of unicast stands without a peer, which quietly makes a second
//! group of routers. A block of peers that is empty holds the instance back here, unless it says otherwise.

use core::net::IpAddr;

use wire::Family;
use wire::vrrp::{HOP_LIMIT, HopLimits};

use crate::diagnostic::model as codes;
use crate::lower::global::Defaults;
use crate::lower::report::Reports;
use crate::model::{
    Destination, HeldBack, Hindrance, Ipvlan, Peer, SourceTracking, Strangers, Unicast,
    UnicastChecksum,
};
use crate::source::Span;
use crate::syntax::{Directive, Word};

/// The settings of unicast as they are written.
#[derive(Default)]
pub(super) struct Written<'t> {
    peers: Option<&'t Directive>,
    ttl: Option<(u8, Span)>,
    refuses_strangers: bool,
    checksum: Option<UnicastChecksum>,
    fault_without_peer: Option<Span>,
    may_lack_peers: bool,
    tracks_source: bool,
}

impl<'t> Written<'t> {
    /// Reads one of the keywords; says whether it was one.
    pub(super) fn read(&mut self, directive: &'t Directive) -> bool {
        let at = directive.keyword.span;
        match directive.keyword.text.as_str() {
            "unicast_peer" => self.peers = Some(directive),
            "unicast_ttl" => {
                let ttl = directive.text(0).and_then(|text| text.parse().ok());
                self.ttl = ttl.map(|ttl| (ttl, at)).or(self.ttl);
            }
            "check_unicast_src" => self.refuses_strangers = true,
            "old_unicast_checksum" => {
                let never = directive.text(0) == Some("never");
                self.checksum =
                    Some(if never { UnicastChecksum::Standard } else { UnicastChecksum::Old });
            }
            "unicast_fault_no_peer" => self.fault_without_peer = Some(at),
            "unicast_allow_no_peer" => self.may_lack_peers = true,
            "track_src_ip" => self.tracks_source = true,
            _ => return false,
        }
        true
    }

    /// The address of the first peer, of whatever family.
    pub(super) fn first_peer(&self) -> Option<IpAddr> {
        self.peers.and_then(|block| block.children().iter().find_map(address))
    }
}

/// Where an instance sends.
pub(super) fn destination(
    written: &mut super::Written<'_>,
    defaults: &Defaults,
    family: Family,
    name: &Word,
    reports: &mut Reports<'_>,
) -> Destination {
    let peers = peers(&written.unicast, family, name, reports);
    let has_peers = !peers.is_empty();
    if has_peers || refuses(written, name, reports) {
        let unicast = &written.unicast;
        let bounded = peers.iter().any(|peer| peer.hop_limits != HopLimits::ANY);
        let refuses = unicast.refuses_strangers || bounded;
        return Destination::Unicast(Box::new(Unicast {
            peers,
            ttl: unicast.ttl.map_or(HOP_LIMIT, |(ttl, _)| ttl),
            strangers: if refuses { Strangers::Refused } else { defaults.strangers },
            checksum: unicast.checksum.unwrap_or(UnicastChecksum::Detected),
        }));
    }
    if let Some((_, at)) = written.unicast.ttl {
        let message =
            format!("`unicast_ttl` of `{}` without `unicast_peer` has no effect", name.text);
        reports.warning(codes::NO_PEER, message, at);
    }
    let group = match family {
        Family::Ipv4 => IpAddr::V4(defaults.group4),
        Family::Ipv6 => IpAddr::V6(defaults.group6),
    };
    let own =
        written.multicast_group.map(|(group, _)| group).filter(|own| Family::of(*own) == family);
    Destination::Multicast(own.unwrap_or(group))
}

/// Whether the absence of the source is a fault. A unicast router without it hears no peer, and what stands on an ipvlan
/// link is there for nothing else.
pub(super) fn source_tracking(
    written: &super::Written<'_>,
    destination: &Destination,
    ipvlan: Option<&Ipvlan>,
) -> SourceTracking {
    let is_on_ipvlan = ipvlan.is_some_and(|ipvlan| ipvlan.address.is_some());
    if written.unicast.tracks_source || destination.unicast().is_some() || is_on_ipvlan {
        SourceTracking::Tracked
    } else {
        SourceTracking::Ignored
    }
}

/// Whether an instance that was given no peer is held back; otherwise it is told that multicast is used.
fn refuses(written: &mut super::Written<'_>, name: &Word, reports: &mut Reports<'_>) -> bool {
    let unicast = &written.unicast;
    let empty = unicast.peers.map(|block| block.keyword.span);
    let source = written.unicast_source.map(|(_, at)| at);
    let Some(at) = empty.or(source) else { return false };
    let fault = unicast.fault_without_peer;
    if fault.is_some() || (empty.is_some() && !unicast.may_lack_peers) {
        let keyword = if empty.is_some() { "unicast_peer" } else { "unicast_src_ip" };
        let message = format!("`{}` uses unicast and has no peer: it stays in FAULT", name.text);
        let help = if fault.is_some() {
            "list the other nodes' addresses under `unicast_peer`, one a line"
        } else {
            "list the other nodes' addresses, one a line; or remove the block to use multicast, or add \
             `unicast_allow_no_peer` to use it as keepalived does"
        };
        reports.warning(codes::NO_PEER, message, at).help(help);
        let location = reports.location(at);
        let keyword = keyword.to_owned();
        written.held_back.push(HeldBack { keyword, location, why: Hindrance::NoPeer });
        return true;
    }
    let (what, help) = if empty.is_some() {
        (
            "an empty `unicast_peer`",
            "list the other nodes' addresses, one a line, or remove the block",
        )
    } else {
        (
            "`unicast_src_ip` without `unicast_peer`",
            "add `unicast_peer { ... }`, or write `mcast_src_ip` for the source of multicast",
        )
    };
    let message = format!("`{}` has {what}: multicast is used", name.text);
    reports.warning(codes::NO_PEER, message, at).help(help);
    false
}

fn peers(
    written: &Written<'_>,
    family: Family,
    name: &Word,
    reports: &mut Reports<'_>,
) -> Vec<Peer> {
    let mut peers: Vec<Peer> = Vec::new();
    for line in written.peers.map_or(&[][..], Directive::children) {
        let Some(address) = address(line) else { continue };
        let at = line.keyword.span;
        if Family::of(address) != family {
            let message =
                format!("peer {address} is left out: `{}` is an {family} instance", name.text);
            reports.warning(codes::OTHER_FAMILY, message, at);
            continue;
        }
        if peers.iter().any(|peer| peer.address == address) {
            let message = format!("peer {address} is listed twice: the second is left out");
            reports.warning(codes::DUPLICATE_ADDRESS, message, at);
            continue;
        }
        let hop_limits = hop_limits(line);
        if hop_limits.least > hop_limits.most {
            let message = format!(
                "`min_ttl` {} is above `max_ttl` {}: every advert of {address} is refused",
                hop_limits.least, hop_limits.most
            );
            reports.warning(codes::NO_PEER, message, at);
        }
        peers.push(Peer { address, hop_limits });
    }
    peers
}

fn address(line: &Directive) -> Option<IpAddr> {
    line.keyword.text.parse().ok()
}

fn hop_limits(line: &Directive) -> HopLimits {
    let mut limits = HopLimits::ANY;
    let (pairs, _) = line.arguments.as_chunks::<2>();
    for [name, value] in pairs {
        let Ok(value) = value.text.parse() else { continue };
        match name.text.as_str() {
            "min_ttl" => limits.least = value,
            "max_ttl" => limits.most = value,
            _ => {}
        }
    }
    limits
}
