//! Routes: static ones as rows of instance 0, then those of each instance; and the ways of those that have several.

use std::net::IpAddr;

use agentx::{Value, VarBind};
use config::model::RouteLine;
use intent::{METRIC_OF_IPV6, Metrics, NextHop, Route, RouteKind};

use super::values::{address, family, gauge, integer, scope, text, truth};
use super::{Facts, Links, Seen, Table};

pub(super) fn tell(binds: &mut Vec<VarBind>, facts: &Facts<'_>, instances: &[Seen<'_>]) {
    for (number, line) in (1..).zip(&facts.model.fixed.routes) {
        route(binds, [0, number], line, true, facts.links);
    }
    for seen in instances {
        let installed = seen.now.routes.iter().map(|path| path.installed);
        for ((number, line), installed) in (1..).zip(&seen.lines.routes).zip(installed) {
            route(binds, [seen.row, number], line, installed, facts.links);
        }
    }
}

fn route(
    binds: &mut Vec<VarBind>,
    row: [u32; 2],
    line: &RouteLine,
    installed: bool,
    links: &Links,
) {
    let route = &line.route;
    let way = match route.hops.as_slice() {
        [way] => Some(way),
        [] | [_, _, ..] => None,
    };
    let mut table = Table::of_vrrp(binds, 7);
    let mut put = |column, value| table.put(&row, column, value);
    put(2, Some(family(route.destination.address)));
    put(3, Some(address(route.destination.address)));
    put(4, Some(gauge(route.destination.length)));
    put(5, way.and_then(|way| way.gateway).map(address));
    put(7, route.source.map(address));
    put(8, Some(gauge(metric(route))));
    put(9, Some(scope(route.scope)));
    put(10, Some(integer(kind(route))));
    let device = way.and_then(|way| way.device.as_deref());
    put(11, device.map(|name| integer(links.index(name))));
    put(12, device.and_then(text));
    // That of a VRF is the kernel's, and may change.
    put(13, line.vrf.is_none().then(|| gauge(route.table)));
    put(14, Some(truth(installed)));
    put(15, route.from.map(|from| address(from.address)));
    put(16, route.from.map(|from| gauge(from.length)));
    put(17, Some(route.tos).filter(|tos| *tos != 0).map(gauge));
    // Numbers of the MIB begin at one.
    put(18, Some(integer(u16::from(route.protocol) + 1)));
    put(21, route.expires.map(integer));
    // 0 medium, 1 high, 3 low for the kernel.
    let preference = match route.preference {
        1 => Some(3_i32),
        3 => Some(1),
        _ => None,
    };
    put(43, preference.map(integer));
    let (source, destination) = realms(way.map_or(0, |way| way.realms));
    put(44, destination);
    put(45, source);
    metrics(&mut table, row, &route.metrics);
    if way.is_none() {
        ways(binds, row, &route.hops, links);
    }
}

/// What IPv6 has where nothing is written, is not written.
fn metric(route: &Route<String>) -> u32 {
    let is_usual = route.destination.address.is_ipv6() && route.metric == METRIC_OF_IPV6;
    if is_usual { 0 } else { route.metric }
}

fn kind(route: &Route<String>) -> i32 {
    match route.kind {
        RouteKind::Unicast if route.hops.len() > 1 => 2,
        // The MIB has no number for what is for this host.
        RouteKind::Unicast | RouteKind::Local => 1,
        RouteKind::Blackhole => 3,
        RouteKind::Multicast => 5,
        RouteKind::Broadcast => 6,
        RouteKind::Unreachable => 7,
        RouteKind::Prohibit => 8,
        RouteKind::Throw => 9,
    }
}

/// Source and destination; none of either that is not set.
pub(super) fn realms(packed: u32) -> (Option<Value>, Option<Value>) {
    let of = |realm: u32| (realm != 0).then(|| gauge(realm));
    (of(packed >> 16), of(packed & 0xffff))
}

/// Settings of transport protocols, by the kernel's numbers and in the units of the command line (`ip-route(8)`).
fn metrics(table: &mut Table<'_>, row: [u32; 2], metrics: &Metrics) {
    let number = |number: u16| metrics.numbers.get(&number).copied();
    let is_set = |bit: u32| number(FEATURES).is_some_and(|features| features & bit != 0);
    table.put(&row, 19, truth(is_set(FEATURE_ECN)));
    table.put(&row, 20, truth(number(QUICKACK).is_some_and(|it| it != 0)));
    // Column, number, what one unit of the command line is, and the column that says whether it is locked.
    let columns = [
        (22, 2, 1, Some(23)),
        (24, 10, 1, None),
        (25, 8, 1, Some(26)),
        (27, 4, 8, Some(28)),
        (29, 5, 4, Some(30)),
        (31, 9, 1, Some(32)),
        (33, 3, 1, None),
        (34, 7, 1, Some(35)),
        (36, 6, 1, Some(37)),
        (38, 13, 1, Some(39)),
        (40, 11, 1, None),
        (41, 14, 1, None),
    ];
    for (column, kernel, unit, lock) in columns {
        let Some(value) = number(kernel) else { continue };
        table.put(&row, column, gauge(value / unit));
        if let Some(lock) = lock {
            table.put(&row, lock, truth(metrics.locked & (1 << kernel) != 0));
        }
    }
    table.put(&row, 42, metrics.congestion_control.as_deref().and_then(text));
    table.put(&row, 55, number(FASTOPEN_NO_COOKIE).map(|it| truth(it != 0)));
}

fn ways(binds: &mut Vec<VarBind>, row: [u32; 2], hops: &[NextHop<String>], links: &Links) {
    let mut table = Table::of_vrrp(binds, 11);
    for (number, hop) in (1..).zip(hops) {
        let [instance, route] = row;
        let row = [instance, route, number];
        let mut put = |column, value| table.put(&row, column, value);
        let gateway: Option<IpAddr> = hop.gateway;
        put(2, gateway.map(family));
        put(3, gateway.map(address));
        put(4, hop.device.as_deref().map(|name| integer(links.index(name))));
        put(5, hop.device.as_deref().and_then(text));
        put(6, Some(hop.weight).filter(|weight| *weight > 1).map(gauge));
        put(7, Some(truth(hop.on_link)));
        let (source, destination) = realms(hop.realms);
        put(8, destination);
        put(9, source);
    }
}

/// `RTAX_*` of linux/rtnetlink.h.
const FEATURES: u16 = 12;
const QUICKACK: u16 = 15;
const FASTOPEN_NO_COOKIE: u16 = 17;
const FEATURE_ECN: u32 = 1;
