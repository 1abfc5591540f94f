//! What stands of a service in words: the comments of its map of servers, and of this map's elements.
//!
//! They are for people, as `nft list ruleset` shows them, and for a successor, which reads from them what is balanced.

use std::net::SocketAddr;

use intent::service::{
    Back, Destination, Forwarding, Front, Granularity, Persistence, SchedulerFlags, Scheduling,
    Transport,
};
use wire::Family;

use super::names::protocol_name;

/// `service tcp 192.0.2.1:80 wrr persistent 300 255.255.255.255`.
pub(super) fn of_service(front: &Front, scheduling: &Scheduling) -> String {
    let mut words = vec![BEGIN.to_owned()];
    match front {
        Front::Address { protocol, address, port } => {
            words.push(protocol_name(*protocol).to_owned());
            words.push(SocketAddr::new(*address, *port).to_string());
        }
        Front::Mark { mark, .. } => words.extend(["mark".to_owned(), mark.to_string()]),
    }
    words.push(scheduling.scheduler.clone());
    let SchedulerFlags { first, second, third } = scheduling.flags;
    let flags = [first, second, third, scheduling.one_packet].into_iter().zip(FLAGS);
    words.extend(flags.filter(|(is_set, _)| *is_set).map(|(_, name)| name.to_owned()));
    if let Some(persistence) = &scheduling.persistence {
        words.extend([PERSISTENT.to_owned(), persistence.seconds.to_string()]);
        words.push(match persistence.granularity {
            Granularity::Mask(mask) => mask.to_string(),
            Granularity::Prefix(length) => format!("/{length}"),
        });
    }
    words.join(" ")
}

/// What [`of_service`] wrote.
pub(super) fn parse_service(family: Family, text: &str) -> Option<(Front, Scheduling)> {
    let mut words = text.split(' ').peekable();
    let mut next = || words.next();
    if next() != Some(BEGIN) {
        return None;
    }
    let (kind, whom) = (next()?, next()?);
    let protocols = [Transport::Tcp, Transport::Udp, Transport::Sctp];
    let front = match protocols.into_iter().find(|it| protocol_name(*it) == kind) {
        Some(protocol) => {
            let place: SocketAddr = whom.parse().ok()?;
            Front::Address { protocol, address: place.ip(), port: place.port() }
        }
        None if kind == "mark" => Front::Mark { mark: whom.parse().ok()?, family },
        None => return None,
    };
    let mut scheduling = Scheduling::new(next()?);
    while let Some(word) = next() {
        match FLAGS.iter().position(|flag| *flag == word) {
            Some(0) => scheduling.flags.first = true,
            Some(1) => scheduling.flags.second = true,
            Some(2) => scheduling.flags.third = true,
            Some(_) => scheduling.one_packet = true,
            None if word == PERSISTENT => {
                let seconds = next()?.parse().ok()?;
                let granularity = granularity(next()?)?;
                scheduling.persistence = Some(Persistence { seconds, granularity, engine: None });
            }
            None => return None,
        }
    }
    (front.family() == family).then_some((front, scheduling))
}

/// `server 10.0.0.1:80 NAT weight 1`.
pub(super) fn of_server(back: Back, destination: &Destination) -> String {
    let method = match destination.forwarding {
        Forwarding::DirectRoute => DIRECT,
        Forwarding::Nat | Forwarding::Tunnel(_) | Forwarding::Other(_) => NAT,
    };
    let place = SocketAddr::new(back.address, back.port);
    format!("server {place} {method} weight {}", destination.weight)
}

/// What [`of_server`] wrote.
pub(super) fn parse_server(text: &str) -> Option<(Back, Destination)> {
    let words: Vec<&str> = text.split(' ').collect();
    let ["server", place, method, "weight", weight] = words.as_slice() else { return None };
    let place: SocketAddr = place.parse().ok()?;
    let forwarding = match *method {
        DIRECT => Forwarding::DirectRoute,
        NAT => Forwarding::Nat,
        _ => return None,
    };
    let back = Back { address: place.ip(), port: place.port() };
    Some((back, Destination::new(forwarding, weight.parse().ok()?)))
}

fn granularity(text: &str) -> Option<Granularity> {
    match text.strip_prefix('/') {
        Some(length) => length.parse().ok().map(Granularity::Prefix),
        None => text.parse().ok().map(Granularity::Mask),
    }
}

const BEGIN: &str = "service";
const FLAGS: [&str; 4] = ["flag-1", "flag-2", "flag-3", "ops"];
const PERSISTENT: &str = "persistent";
const DIRECT: &str = "DR";
const NAT: &str = "NAT";

#[cfg(test)]
mod tests {
    use super::*;

    fn check(front: Front, scheduling: &Scheduling, text: &str) {
        assert_eq!(of_service(&front, scheduling), text);
        assert_eq!(parse_service(front.family(), text), Some((front, scheduling.clone())));
        let other = match front.family() {
            Family::Ipv4 => Family::Ipv6,
            Family::Ipv6 => Family::Ipv4,
        };
        assert!(parse_service(other, text).is_none_or(|(seen, _)| seen != front));
    }

    #[test]
    fn a_service_is_read_as_it_was_written() {
        let four =
            |protocol, port| Front::Address { protocol, address: [192, 0, 2, 1].into(), port };
        check(four(Transport::Tcp, 80), &Scheduling::new("rr"), "service tcp 192.0.2.1:80 rr");
        let persistence = |seconds, granularity| Persistence { seconds, granularity, engine: None };
        let persistent = Scheduling {
            persistence: Some(persistence(300, Granularity::Mask([255, 255, 255, 0].into()))),
            ..Scheduling::new("wrr")
        };
        check(
            four(Transport::Udp, 0),
            &persistent,
            "service udp 192.0.2.1:0 wrr persistent 300 255.255.255.0",
        );
        let six = Front::Address {
            protocol: Transport::Sctp,
            address: "2001:db8::1".parse().unwrap(),
            port: 5060,
        };
        let all = Scheduling {
            flags: SchedulerFlags { first: true, second: true, third: true },
            one_packet: true,
            persistence: Some(persistence(60, Granularity::Prefix(64))),
            ..Scheduling::new("mh")
        };
        check(
            six,
            &all,
            "service sctp [2001:db8::1]:5060 mh flag-1 flag-2 flag-3 ops persistent 60 /64",
        );
        let mark = Front::Mark { mark: 7, family: Family::Ipv6 };
        check(mark, &Scheduling::new("fo"), "service mark 7 fo");
    }

    #[test]
    fn a_server_is_read_as_it_was_written() {
        let six = Back { address: "2001:db8::1".parse().unwrap(), port: 80 };
        for (back, destination, text) in [
            (
                six,
                Destination::new(Forwarding::DirectRoute, 0),
                "server [2001:db8::1]:80 DR weight 0",
            ),
            (
                Back { address: [10, 0, 0, 1].into(), port: 0 },
                Destination::new(Forwarding::Nat, 65_535),
                "server 10.0.0.1:0 NAT weight 65535",
            ),
        ] {
            assert_eq!(of_server(back, &destination), text);
            assert_eq!(parse_server(text), Some((back, destination)));
        }
    }

    #[test]
    fn what_others_wrote_is_nothing() {
        for text in
            ["", "service", "service tcp", "service tcp 192.0.2.1:80", "my own", "service gre 1 rr"]
        {
            assert_eq!(parse_service(Family::Ipv4, text), None, "{text}");
        }
        assert_eq!(parse_service(Family::Ipv4, "service tcp 192.0.2.1:80 rr nonsense"), None);
        assert_eq!(parse_server("server 10.0.0.1:80 TUN weight 1"), None);
    }
}
