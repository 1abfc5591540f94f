//! Bytes from anywhere: no panic, no endless loop, and what we write is what we read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use bolero::check;
use intent::{
    Address, Encap, Flags, IfIndex, Lifetime, Metrics, NextHop, Outer, Path, Prefix, Route,
    RouteKind, Rule, RuleAction,
};
use wire::Family;

use super::only;
use crate::address;
use crate::link;
use crate::netlink::message::{Attributes, HEADER_LEN, Message, Messages, number, text};
use crate::netlink::outcome::Goal;
use crate::netlink::socket::{acknowledged, dumped};
use crate::path;

const BOUND: Duration = Duration::from_millis(700);

/// Everything that is ever read out of a message.
fn read(message: &Message<'_>) {
    let _ = (address::parse(message), link::parse(message), path::parse(message));
    let _ = (address::usability(message), address::is_secondary(message));
    for goal in [Goal::Present, Goal::Absent, Goal::Answer] {
        let _ = acknowledged("read", goal, message).map_err(|error| error.to_string());
    }
    let _ = dumped("read", message).map_err(|error| error.to_string());
}

#[test]
fn any_bytes_as_a_datagram() {
    check!().with_test_time(BOUND).for_each(|bytes| {
        let mut rest = bytes.len();
        for message in Messages(bytes) {
            // Each takes its header at least, so that there is an end.
            rest = rest.checked_sub(HEADER_LEN + message.payload.len()).unwrap();
            read(&message);
        }
        let mut rest = bytes.len();
        for (_, value) in Attributes(bytes) {
            rest = rest.checked_sub(4 + value.len()).unwrap();
            let _ = (number(value), text(value));
        }
    });
}

#[test]
fn any_bytes_as_a_message_of_a_kind_that_is_read() {
    check!().with_test_time(BOUND).for_each(|bytes| {
        let Some((choice, payload)) = bytes.split_first() else { return };
        let links = [link::RTM_NEWLINK, link::RTM_DELLINK];
        let of_a_family = [address::RTM_NEWADDR, path::RTM_NEWROUTE, path::RTM_NEWRULE];
        let kinds = [&[2, 3][..], &links, &of_a_family].concat();
        let kind = kinds[usize::from(*choice) % kinds.len()];
        let flags = u16::from(*choice) << 4;
        let mut payload = payload.to_vec();
        // The families that are read, or hardly any input would get past them.
        if let Some(family) = payload.first_mut().filter(|_| of_a_family.contains(&kind)) {
            *family = if *family & 1 == 0 { 2 } else { 10 };
        }
        read(&Message { kind, flags, sequence: 0, payload: &payload });
    });
}

/// A value made of bytes: any prefix, scope and lifetimes that a message can carry.
fn value(bytes: &[u8; 32]) -> Address {
    let [choice, prefix, scope, protocol, i0, i1, i2, i3, rest @ ..] = *bytes;
    let number = |at: usize| u32::from_ne_bytes(*rest[at..].first_chunk().unwrap());
    let ip = |at: usize| match choice & 1 {
        0 => Ipv4Addr::from(*rest[at..].first_chunk::<4>().unwrap()).into(),
        _ => Ipv6Addr::from(*rest[at..].first_chunk::<16>().unwrap()).into(),
    };
    let own = ip(0);
    let flag = |bit: u8| scope >> bit & 1 == 1;
    Address {
        interface: IfIndex(u32::from_ne_bytes([i0, i1, i2, i3])),
        address: own,
        prefix,
        peer: Some(ip(8)).filter(|peer| choice & 2 != 0 && *peer != own),
        broadcast: (choice & 4 != 0).then(|| Ipv4Addr::from(number(16))),
        scope,
        label: (choice & 8 != 0).then(|| format!("{:x}", number(16))),
        lifetime: Lifetime::from_raw(number(16)),
        preferred: Lifetime::from_raw(number(20)),
        flags: Flags {
            no_dad: flag(0),
            no_prefix_route: flag(1),
            home: flag(2),
            manage_temporary: flag(3),
            auto_join: flag(4),
        },
        protocol,
    }
}

#[test]
fn any_address_is_read_as_it_was_written() {
    check!().with_type::<[u8; 32]>().with_test_time(BOUND).for_each(|bytes| {
        let written = value(bytes);
        let bytes = address::set_request(&written).finish(7);
        let message = only(&bytes);
        assert_eq!((message.kind, message.sequence), (address::RTM_NEWADDR, 7));
        assert_eq!(address::parse(&message), Some(written));
        // Cut anywhere it is something else or nothing, and no panic.
        for length in 0..bytes.len() {
            Messages(&bytes[..length]).for_each(|message| read(&message));
        }
        for length in 0..message.payload.len() {
            let payload = &message.payload[..length];
            read(&Message { payload, ..message });
        }
    });
}

/// What is put around packets, made of bytes; mostly nothing.
fn encap(bytes: &[u8; 64], at: usize) -> Option<Encap> {
    let number = |at: usize| u32::from_ne_bytes(*bytes[at..].first_chunk().unwrap());
    let id = u64::from_be_bytes(*bytes[at..].first_chunk().unwrap());
    let (hops, class) = (bytes[at], bytes[at + 1]);
    let flags = u16::from_ne_bytes([bytes[at + 2], bytes[at + 3]]);
    let v4 = |at: usize| Ipv4Addr::from(number(at));
    let v6 = |at: usize| Ipv6Addr::from(*bytes[at..].first_chunk::<16>().unwrap());
    let label = |at: usize| number(at) >> 12;
    match bytes[63] & 7 {
        0 => Some(Encap::Mpls(vec![label(at), label(at + 4), label(at + 8)])),
        1 => {
            let (source, destination) = (v4(at), v4(at + 4));
            Some(Encap::Ip(Outer { id, source, destination, hops, class, flags }))
        }
        2 => {
            let (source, destination) = (v6(at), v6(at + 16));
            Some(Encap::Ip6(Outer { id, source, destination, hops, class, flags }))
        }
        3 => Some(Encap::Ila(id)),
        _ => None,
    }
}

/// A route and a rule made of bytes, with everything that a message can carry.
fn paths(bytes: &[u8; 64]) -> [Path; 2] {
    let number = |at: usize| u32::from_ne_bytes(*bytes[at..].first_chunk().unwrap());
    let short = |at: usize| u16::from_ne_bytes(*bytes[at..].first_chunk().unwrap());
    let [choice, more, length, tos, kind, scope, protocol, ..] = *bytes;
    let has = |bit: u8| more >> bit & 1 == 1;
    let family = if choice & 1 == 0 { Family::Ipv4 } else { Family::Ipv6 };
    let ip = |at: usize, family: Family| -> IpAddr {
        match family {
            Family::Ipv4 => Ipv4Addr::from(*bytes[at..].first_chunk::<4>().unwrap()).into(),
            Family::Ipv6 => Ipv6Addr::from(*bytes[at..].first_chunk::<16>().unwrap()).into(),
        }
    };
    let prefix = |at| Prefix { address: ip(at, family), length: length.max(1) };
    let kind = RouteKind::ALL[usize::from(kind) % RouteKind::ALL.len()];
    // IPv4 knows ways through IPv6 routers.
    let gateway = if choice & 2 == 0 { family } else { Family::Ipv6 };
    let hop = |at: usize, weight| NextHop {
        gateway: has(0).then(|| ip(at, gateway)),
        device: (number(at) != 0).then_some(IfIndex(number(at))),
        weight,
        on_link: has(1),
        realms: number(at + 4),
        encap: encap(bytes, at),
    };
    let hops = match (kind.is_dead_end(), choice >> 2 & 3) {
        (true, _) => Vec::new(),
        (false, count @ 2..) => (0..count).map(|n| hop(16, u16::from(n) * 100 + 1)).collect(),
        (false, _) => vec![hop(16, 1)],
    };
    let numbers = [(2, number(20)), (8, number(24)), (15, number(28))].into();
    let route = Route {
        table: number(8),
        destination: prefix(24),
        from: has(2).then(|| prefix(28)),
        tos,
        metric: number(12),
        kind,
        scope,
        protocol,
        source: has(3).then(|| ip(40, family)),
        hops,
        metrics: Metrics {
            numbers: if has(4) { numbers } else { std::collections::BTreeMap::new() },
            locked: u32::from(has(5)) << 2,
            congestion_control: has(6).then(|| format!("{:x}", number(12))),
        },
        preference: length,
        expires: None,
        insertion: None,
    };
    let actions = [
        RuleAction::Table(number(8)),
        RuleAction::DeviceTable,
        RuleAction::Goto(number(8)),
        RuleAction::Nop,
        RuleAction::Blackhole,
        RuleAction::Unreachable,
        RuleAction::Prohibit,
    ];
    let rule = Rule {
        family,
        priority: number(12),
        inverted: has(0),
        from: has(1).then(|| prefix(24)),
        to: has(2).then(|| prefix(28)),
        tos,
        mark: has(3).then(|| (number(32), number(36))),
        incoming: has(4).then(|| format!("{:x}", number(12))),
        outgoing: has(5).then(|| format!("{:x}", number(16))),
        users: has(6).then(|| (number(32), number(36))),
        ip_protocol: has(7).then_some(scope),
        source_ports: has(0).then(|| (short(32), short(34))),
        destination_ports: has(1).then(|| (short(36), short(38))),
        tunnel: has(2).then(|| u64::from_be_bytes(*bytes[32..].first_chunk().unwrap())),
        realms: number(40),
        suppress_prefix: has(3).then(|| number(44)).filter(|it| *it != u32::MAX),
        suppress_group: has(4).then(|| number(48)).filter(|it| *it != u32::MAX),
        action: actions[usize::from(scope) % actions.len()],
        protocol,
    };
    [Path::Route(Box::new(route)), Path::Rule(Box::new(rule))]
}

#[test]
fn any_path_is_read_as_it_was_written() {
    check!().with_type::<[u8; 64]>().with_test_time(BOUND).for_each(|bytes| {
        for written in paths(bytes) {
            let bytes = path::set_request(&written).finish(7);
            let message = only(&bytes);
            assert_eq!(path::parse(&message), Some(written));
            // Cut anywhere it is something else or nothing, and no panic.
            for length in 0..message.payload.len() {
                let payload = &message.payload[..length];
                read(&Message { payload, ..message });
            }
        }
    });
}
