//! Routes as messages.
//!
//! **Source**: rtnetlink(7); linux/rtnetlink.h.

use intent::{Encap, IfIndex, Insertion, Metrics, NextHop, Prefix, Route, RouteKind};
use wire::Family;

use super::{NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REQUEST};
use super::{encap, family, raw_family};
use crate::address::ip;
use crate::address::octets;
use crate::netlink::message::{Attributes, Builder, Message, number, text};

pub(super) fn dump_request(family: Family, protocol: u8) -> Builder {
    let body = [raw_family(family), 0, 0, 0, 0, protocol, 0, 0, 0, 0, 0, 0];
    Builder::new(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP).body(&body)
}

pub(super) fn set_request(route: &Route) -> Builder {
    let beside_others = match route.insertion {
        None | Some(Insertion::Prepend) => 0,
        Some(Insertion::Append) => NLM_F_APPEND,
        Some(Insertion::Add) => NLM_F_EXCL,
    };
    let flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | beside_others;
    let mut builder = common(RTM_NEWROUTE, flags, route);
    let Metrics { numbers, locked, congestion_control } = &route.metrics;
    if !numbers.is_empty() || *locked != 0 || congestion_control.is_some() {
        builder = builder.open(RTA_METRICS);
        if *locked != 0 {
            builder = builder.number(RTAX_LOCK, *locked);
        }
        for (kind, value) in numbers {
            builder = builder.number(*kind, *value);
        }
        if let Some(name) = congestion_control {
            builder = builder.text(RTAX_CC_ALGO, name);
        }
        builder = builder.close();
    }
    if route.preference != 0 {
        builder = builder.attribute(RTA_PREF, &[route.preference]);
    }
    match route.expires {
        Some(seconds) => builder.number(RTA_EXPIRES, seconds),
        None => builder,
    }
}

/// Metrics and the like are left out: they tell no routes apart.
pub(super) fn remove_request(route: &Route) -> Builder {
    common(RTM_DELROUTE, NLM_F_REQUEST | NLM_F_ACK, route)
}

fn common(kind: u16, flags: u16, route: &Route) -> Builder {
    let single = match route.hops.as_slice() {
        [hop] => Some(hop),
        _ => None,
    };
    let on_link = single.is_some_and(|hop| hop.on_link);
    let small_table = u8::try_from(route.table).unwrap_or(0);
    let mut body = vec![
        raw_family(route.family()),
        route.destination.length,
        route.from.map_or(0, |from| from.length),
        route.tos,
        small_table,
        route.protocol,
        route.scope,
        raw_kind(route.kind),
    ];
    body.extend_from_slice(&u32::from(if on_link { RTNH_F_ONLINK } else { 0 }).to_ne_bytes());
    let mut builder = Builder::new(kind, flags).body(&body).number(RTA_TABLE, route.table);
    if route.destination.length > 0 {
        builder = builder.attribute(RTA_DST, &octets(route.destination.address));
    }
    if let Some(from) = route.from {
        builder = builder.attribute(RTA_SRC, &octets(from.address));
    }
    if route.metric != 0 {
        builder = builder.number(RTA_PRIORITY, route.metric);
    }
    if let Some(source) = route.source {
        builder = builder.attribute(RTA_PREFSRC, &octets(source));
    }
    match (single, route.hops.as_slice()) {
        (Some(hop), _) => {
            if let Some(device) = hop.device {
                builder = builder.number(RTA_OIF, device.0);
            }
            for (kind, value) in way(hop, route.family()) {
                builder = builder.attribute(kind, &value);
            }
            builder
        }
        (None, []) => builder,
        (None, hops) => builder.attribute(RTA_MULTIPATH, &multipath(hops, route.family())),
    }
}

/// Where a way leads, as attributes.
fn way(hop: &NextHop, family: Family) -> Vec<(u16, Vec<u8>)> {
    let mut attributes = Vec::new();
    if let Some(gateway) = hop.gateway {
        if Family::of(gateway) == family {
            attributes.push((RTA_GATEWAY, octets(gateway)));
        } else {
            let mut via = u16::from(raw_family(Family::of(gateway))).to_ne_bytes().to_vec();
            via.extend(octets(gateway));
            attributes.push((RTA_VIA, via));
        }
    }
    if hop.realms != 0 {
        attributes.push((RTA_FLOW, hop.realms.to_ne_bytes().to_vec()));
    }
    if let Some(encap) = &hop.encap {
        let (kind, value) = encap::attributes(encap);
        attributes.push((RTA_ENCAP_TYPE, kind.to_ne_bytes().to_vec()));
        attributes.push((RTA_ENCAP, value));
    }
    attributes
}

/// `struct rtnexthop` and attributes, for each way.
fn multipath(hops: &[NextHop], family: Family) -> Vec<u8> {
    let mut bytes = Vec::new();
    for hop in hops {
        let mut attributes = Vec::new();
        for (kind, value) in way(hop, family) {
            attributes.extend(encap::attribute(kind, &value));
        }
        let length = u16::try_from(HOP_LEN + attributes.len()).unwrap_or(u16::MAX);
        bytes.extend_from_slice(&length.to_ne_bytes());
        bytes.push(if hop.on_link { RTNH_F_ONLINK } else { 0 });
        bytes.push(u8::try_from(hop.weight.saturating_sub(1)).unwrap_or(u8::MAX));
        bytes.extend_from_slice(&hop.device.map_or(0, |device| device.0).to_ne_bytes());
        bytes.extend(attributes);
    }
    bytes
}

/// One route message as a value; nothing for routes of kinds or with ways that have no value here.
pub(super) fn parse(message: &Message<'_>) -> Option<Route> {
    let [raw, length, from_length, tos, table, protocol, scope, kind, f0, f1, f2, f3] =
        *message.payload.first_chunk::<HEADER_LEN>()?;
    let (family, kind) = (family(raw)?, route_kind(kind)?);
    let flags = u32::from_ne_bytes([f0, f1, f2, f3]);
    // What the kernel keeps for itself is no route of anybody.
    if flags & RTM_F_CLONED != 0 {
        return None;
    }
    let mut route = Route {
        table: table.into(),
        tos,
        kind,
        scope,
        protocol,
        ..Route::new(Prefix::all(family), Vec::new())
    };
    let on_link = flags & u32::from(RTNH_F_ONLINK) != 0;
    let mut hop = NextHop { on_link, ..bare_way() };
    let mut wrapping = Wrapping::default();
    let mut ways = None;
    for (kind, value) in Attributes(message.payload.get(HEADER_LEN..)?) {
        match kind {
            RTA_TABLE => route.table = number(value)?,
            RTA_DST => route.destination = Prefix { address: ip(raw, value)?, length },
            RTA_SRC => route.from = Some(Prefix { address: ip(raw, value)?, length: from_length }),
            RTA_PRIORITY => route.metric = number(value)?,
            RTA_PREFSRC => route.source = ip(raw, value),
            RTA_METRICS => route.metrics = metrics(value),
            RTA_PREF => route.preference = value.first().copied().unwrap_or(0),
            RTA_MULTIPATH => ways = Some(parse_multipath(value, raw)?),
            _ => take_way(&mut hop, &mut wrapping, (kind, value), raw)?,
        }
    }
    hop.encap = wrapping.settle()?;
    if !kind.is_dead_end() {
        route.hops = ways.unwrap_or_else(|| vec![hop]);
    }
    Some(route)
}

/// What a way does with packets, of which two attributes tell.
#[derive(Default)]
struct Wrapping<'a> {
    kind: u16,
    value: Option<&'a [u8]>,
}

impl Wrapping<'_> {
    /// What they say together; nothing of a kind that we never set.
    fn settle(self) -> Option<Option<Encap>> {
        match self.value {
            Some(value) => encap::parse(self.kind, value).map(Some),
            None => Some(None),
        }
    }
}

const fn bare_way() -> NextHop {
    NextHop { gateway: None, device: None, weight: 1, on_link: false, realms: 0, encap: None }
}

/// Takes in an attribute that says where a way leads.
fn take_way<'a>(
    hop: &mut NextHop,
    wrapping: &mut Wrapping<'a>,
    (kind, value): (u16, &'a [u8]),
    raw_family: u8,
) -> Option<()> {
    match kind {
        RTA_OIF => hop.device = Some(IfIndex(number(value)?)),
        RTA_GATEWAY => hop.gateway = Some(ip(raw_family, value)?),
        RTA_VIA => {
            let (via, address) = value.split_first_chunk::<2>()?;
            hop.gateway = Some(ip(u8::try_from(u16::from_ne_bytes(*via)).ok()?, address)?);
        }
        RTA_FLOW => hop.realms = number(value)?,
        RTA_ENCAP_TYPE => wrapping.kind = u16::from_ne_bytes(*value.first_chunk()?),
        RTA_ENCAP => wrapping.value = Some(value),
        _ => {}
    }
    Some(())
}

fn parse_multipath(mut bytes: &[u8], raw_family: u8) -> Option<Vec<NextHop>> {
    let mut hops = Vec::new();
    while let Some([l0, l1, flags, weight, i0, i1, i2, i3]) = bytes.first_chunk::<HOP_LEN>() {
        let length = usize::from(u16::from_ne_bytes([*l0, *l1]));
        let attributes = bytes.get(HOP_LEN..length)?;
        let device = u32::from_ne_bytes([*i0, *i1, *i2, *i3]);
        let mut hop = NextHop {
            device: (device != 0).then_some(IfIndex(device)),
            weight: u16::from(*weight) + 1,
            on_link: flags & RTNH_F_ONLINK != 0,
            ..bare_way()
        };
        let mut wrapping = Wrapping::default();
        for attribute in Attributes(attributes) {
            take_way(&mut hop, &mut wrapping, attribute, raw_family)?;
        }
        hop.encap = wrapping.settle()?;
        hops.push(hop);
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(hops)
}

fn metrics(value: &[u8]) -> Metrics {
    let mut metrics = Metrics::default();
    for (kind, value) in Attributes(value) {
        match (kind, number(value)) {
            (RTAX_CC_ALGO, _) => metrics.congestion_control = Some(text(value)),
            (RTAX_LOCK, Some(locked)) => metrics.locked = locked,
            (kind, Some(value)) => {
                metrics.numbers.insert(kind, value);
            }
            (_, None) => {}
        }
    }
    metrics
}

const fn raw_kind(kind: RouteKind) -> u8 {
    match kind {
        RouteKind::Unicast => 1,
        RouteKind::Local => 2,
        RouteKind::Broadcast => 3,
        RouteKind::Multicast => 5,
        RouteKind::Blackhole => 6,
        RouteKind::Unreachable => 7,
        RouteKind::Prohibit => 8,
        RouteKind::Throw => 9,
    }
}

fn route_kind(raw: u8) -> Option<RouteKind> {
    RouteKind::ALL.into_iter().find(|kind| raw_kind(*kind) == raw)
}

pub(crate) const RTM_NEWROUTE: u16 = 24;
pub(crate) const RTM_DELROUTE: u16 = 25;
const RTM_GETROUTE: u16 = 26;
/// Length of `struct rtmsg`.
const HEADER_LEN: usize = 12;
/// Length of `struct rtnexthop`.
const HOP_LEN: usize = 8;
const NLM_F_APPEND: u16 = 0x800;
const RTM_F_CLONED: u32 = 0x200;
const RTNH_F_ONLINK: u8 = 4;
const RTA_DST: u16 = 1;
const RTA_SRC: u16 = 2;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_PREFSRC: u16 = 7;
const RTA_METRICS: u16 = 8;
const RTA_MULTIPATH: u16 = 9;
const RTA_FLOW: u16 = 11;
const RTA_TABLE: u16 = 15;
const RTA_VIA: u16 = 18;
const RTA_PREF: u16 = 20;
const RTA_ENCAP_TYPE: u16 = 21;
const RTA_ENCAP: u16 = 22;
const RTA_EXPIRES: u16 = 23;
const RTAX_LOCK: u16 = 1;
const RTAX_CC_ALGO: u16 = 16;
