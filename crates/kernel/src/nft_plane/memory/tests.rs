use std::net::IpAddr;

use intent::service::{Destination, Forwarding, Scheduling, Service};

use super::*;

const UDP: u8 = 17;

const MARK: Front = Front::Mark { mark: 7, family: Family::Ipv4 };

fn at(address: &str, port: u16) -> (IpAddr, u16) {
    (address.parse().unwrap(), port)
}

fn back(last: u8) -> Back {
    Back { address: [10, 0, 0, last].into(), port: 8080 }
}

fn udp(port: u16) -> Front {
    Front::Address { protocol: Transport::Udp, address: [192, 0, 2, 1].into(), port }
}

fn service(lasts: &[u8]) -> Service {
    let nat = Destination::new(Forwarding::Nat, 1);
    Service {
        scheduling: Scheduling::new("rr"),
        destinations: lasts.iter().map(|last| (back(*last), nat)).collect(),
    }
}

fn step(front: Front, standing: Option<&[u8]>, wanted: Option<&[u8]>) -> Step {
    let planned = |lasts: &[u8]| Planned { service: service(lasts), method: Method::Nat };
    Step { front, standing: standing.map(planned), wanted: wanted.map(planned) }
}

fn noted(steps: &[Step]) -> Debts {
    let mut debts = Debts::default();
    for step in steps {
        debts.note(step);
    }
    debts
}

/// A connection that asked for the port and is answered by a server.
fn to_server(port: u16, last: u8) -> Connection {
    Connection::made(UDP, at("192.0.2.1", port), (back(last).address, back(last).port))
}

#[test]
fn connections_of_a_server_that_is_gone_are_over_and_others_go_on() {
    let debts = noted(&[step(udp(53), Some(&[1, 2]), Some(&[2]))]);
    let standing = Services::from([(udp(53), service(&[2]))]);
    assert!(debts.is_over(&to_server(53, 1), &standing));
    assert!(!debts.is_over(&to_server(53, 2), &standing));
    assert!(!debts.is_over(&to_server(54, 1), &standing));
    assert_eq!(debts.ends, [Ends::AnsweredBy(back(1).address)].into());
}

#[test]
fn a_server_that_is_back_before_it_was_forgotten_keeps_its_connections() {
    let debts = noted(&[
        step(udp(53), Some(&[1, 2]), Some(&[2])),
        step(udp(53), Some(&[2]), Some(&[1, 2])),
    ]);
    let standing = Services::from([(udp(53), service(&[1, 2]))]);
    assert!(!debts.is_over(&to_server(53, 1), &standing));
}

#[test]
fn connections_are_over_where_their_server_is_reached_otherwise() {
    let mut change = step(udp(53), Some(&[1]), Some(&[1]));
    change.wanted = change.wanted.map(|it| Planned { method: Method::DirectRoute, ..it });
    let debts = noted(&[change]);
    let standing = Services::from([(udp(53), service(&[1]))]);
    assert!(debts.is_over(&to_server(53, 1), &standing));
}

#[test]
fn a_connection_that_may_be_another_services_goes_on() {
    let debts = noted(&[step(MARK, Some(&[1, 2]), Some(&[2]))]);
    let mut standing = Services::from([(MARK, service(&[2])), (udp(53), service(&[1]))]);
    assert!(!debts.is_over(&to_server(53, 1), &standing));
    assert!(debts.is_over(&to_server(54, 1), &standing));
    let other = Front::Mark { mark: 8, family: Family::Ipv4 };
    standing.insert(other, service(&[1]));
    assert!(!debts.is_over(&to_server(54, 1), &standing));
}

#[test]
fn datagrams_from_before_a_service_are_over_and_other_conversations_with_this_host_are_not() {
    let debts = noted(&[step(udp(53), None, Some(&[1]))]);
    let standing = Services::from([(udp(53), service(&[1]))]);
    let own = |port| Connection::made(UDP, at("192.0.2.1", port), at("192.0.2.1", port));
    assert!(debts.is_over(&own(53), &standing));
    assert!(!debts.is_over(&own(54), &standing));
}

#[test]
fn a_successor_finds_what_goes_to_no_server_of_its_service() {
    let mut debts = Debts::default();
    debts.inherit(Family::Ipv4);
    let mut standing = Services::from([(udp(53), service(&[2]))]);
    assert!(debts.is_over(&to_server(53, 1), &standing));
    assert!(!debts.is_over(&to_server(53, 2), &standing));
    // What somebody else rewrites.
    assert!(!debts.is_over(&to_server(54, 1), &standing));
    standing.insert(MARK, service(&[1]));
    assert!(!debts.is_over(&to_server(53, 1), &standing));
}
