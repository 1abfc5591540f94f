//! Routes and rules against netlink-packet-route, which shares no code with us.

use intent::{IfIndex, NextHop, Path, Prefix, Route, Rule, RuleAction};
use netlink_packet_route::route::{RouteAttribute, RouteProtocol, RouteScope, RouteType};
use netlink_packet_route::rule::{RuleAction as TheirAction, RuleAttribute};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use wire::Family;

use super::only;
use super::reference::{read, written};
use crate::path::{parse, remove_request, set_request};

fn route() -> Path {
    let hop = NextHop {
        gateway: Some([10, 9, 0, 2].into()),
        device: Some(IfIndex(77)),
        weight: 1,
        on_link: false,
        realms: 0,
        encap: None,
    };
    let destination = Prefix { address: [10, 20, 0, 0].into(), length: 16 };
    Path::Route(Box::new(Route {
        table: 1000,
        tos: 4,
        metric: 50,
        protocol: 18,
        source: Some([10, 9, 0, 1].into()),
        ..Route::new(destination, vec![hop])
    }))
}

fn rule() -> Path {
    Path::Rule(Box::new(Rule {
        from: Some(Prefix { address: [10, 0, 0, 0].into(), length: 8 }),
        mark: Some((7, 15)),
        incoming: Some("eth0".to_owned()),
        protocol: 18,
        ..Rule::new(Family::Ipv4, 100, RuleAction::Table(1000))
    }))
}

#[test]
fn a_route_that_we_ask_for_is_read_as_we_mean_it() {
    let bytes = set_request(&route()).finish(42);
    let (header, RouteNetlinkMessage::NewRoute(message)) = read(&bytes) else { panic!() };
    // REQUEST, ACK, CREATE.
    assert_eq!((header.flags, header.sequence_number), (1 | 4 | 0x400, 42));
    assert_eq!(message.header.address_family, AddressFamily::Inet);
    assert_eq!((message.header.destination_prefix_length, message.header.tos), (16, 4));
    assert_eq!(message.header.protocol, RouteProtocol::from(18));
    assert_eq!(message.header.scope, RouteScope::Universe);
    assert_eq!(message.header.kind, RouteType::Unicast);
    let expected = [
        RouteAttribute::Table(1000),
        RouteAttribute::Destination(std::net::Ipv4Addr::new(10, 20, 0, 0).into()),
        RouteAttribute::Priority(50),
        RouteAttribute::PrefSource(std::net::Ipv4Addr::new(10, 9, 0, 1).into()),
        RouteAttribute::Oif(77),
        RouteAttribute::Gateway(std::net::Ipv4Addr::new(10, 9, 0, 2).into()),
    ];
    assert_eq!(message.attributes, expected);
    let bytes = remove_request(&route()).finish(43);
    let (header, RouteNetlinkMessage::DelRoute(message)) = read(&bytes) else { panic!() };
    assert_eq!((header.flags, message.attributes.as_slice()), (1 | 4, &expected[..]));
}

#[test]
fn a_route_that_others_write_is_read_by_us() {
    let (_, RouteNetlinkMessage::NewRoute(mut message)) = read(&set_request(&route()).finish(1))
    else {
        panic!()
    };
    // The kernel's order is not ours.
    message.attributes.reverse();
    let bytes = written(RouteNetlinkMessage::NewRoute(message));
    assert_eq!(parse(&only(&bytes)), Some(route()));
}

#[test]
fn a_rule_that_we_ask_for_is_read_as_we_mean_it() {
    let bytes = set_request(&rule()).finish(42);
    let (header, RouteNetlinkMessage::NewRule(message)) = read(&bytes) else { panic!() };
    // REQUEST, ACK, CREATE, EXCL.
    assert_eq!(header.flags, 1 | 4 | 0x400 | 0x200);
    assert_eq!((message.header.src_len, message.header.dst_len), (8, 0));
    assert_eq!(message.header.action, TheirAction::ToTable);
    for wanted in [
        RuleAttribute::Priority(100),
        RuleAttribute::Table(1000),
        RuleAttribute::FwMark(7),
        RuleAttribute::FwMask(15),
        RuleAttribute::Iifname("eth0".to_owned()),
        RuleAttribute::Source(std::net::Ipv4Addr::new(10, 0, 0, 0).into()),
        RuleAttribute::Protocol(18.into()),
    ] {
        assert!(message.attributes.contains(&wanted), "{wanted:?} in {:?}", message.attributes);
    }
    let mut message = message;
    message.attributes.reverse();
    let bytes = written(RouteNetlinkMessage::NewRule(message));
    assert_eq!(parse(&only(&bytes)), Some(rule()));
}
