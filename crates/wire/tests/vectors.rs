//! Packets of the incumbent, both ways: what they mean, and that the meaning gives the same bytes again.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic fails the test, as it should"
)]

mod frames;

use std::net::IpAddr;

use frames::{addresses, advertisement, bytes, datagram, v4, v6};
use wire::arp::{Arp, ArpPacket, Operation};
use wire::ip::{Ipv4Header, Ipv4Packet, Ipv6Header};
use wire::ndisc::{self, Neighbour, NeighbourPacket};
use wire::vrrp::{
    Addresses, Advertisement, Arrival, Authentication, Checksum, ChecksumRule, Context, Expected,
    Prepared,
};
use wire::{Family, MacAddr, MaxAdvertiseInterval, Priority, Version, Vrid};

/// What a vector is to mean.
struct Meaning {
    version: Version,
    vrid: u8,
    priority: u8,
    interval: MaxAdvertiseInterval,
    authentication: Authentication,
    addresses: &'static [&'static str],
}

/// Parses the frame of `vector` as `expected`, compares the meaning, emits it and compares the bytes.
fn check(vector: &str, expected: Expected, checksum: Option<Checksum>, meaning: &Meaning) {
    let frame = bytes(vector);
    let (packet, arrival) = advertisement(&frame);
    let parsed = Advertisement::parse(&packet, &Context { arrival, expected }).unwrap();

    let list = addresses(meaning.addresses);
    let wanted = Advertisement {
        version: meaning.version,
        vrid: Vrid::new(meaning.vrid).unwrap(),
        priority: Priority(meaning.priority),
        interval: meaning.interval,
        authentication: meaning.authentication,
        addresses: Addresses::new(expected.family, &list).unwrap(),
    };
    assert_eq!(parsed, wanted);
    assert_eq!(parsed.check_addresses(&list), Ok(()));

    let Arrival { source, destination, .. } = arrival;
    let checksum = checksum.unwrap_or(Checksum::PseudoHeader { source, destination });
    let mut buffer = [0xaa; Advertisement::MAX_LEN];
    let length = wanted.emit(&mut buffer, checksum).unwrap();
    assert_eq!(&buffer[..length], packet.as_bytes());

    if let (IpAddr::V4(source), IpAddr::V4(destination)) = (source, destination) {
        let datagram = datagram(&frame);
        let ip = Ipv4Packet::new_checked(datagram).unwrap();
        assert!(ip.is_checksum_right());
        let header = Ipv4Header::parse(&ip).unwrap();
        let mut prepared =
            Prepared::ipv4_with_checksum(&wanted, source, destination, 255, checksum).unwrap();
        prepared.set_identification(header.identification);
        assert_eq!(prepared.as_bytes(), datagram);
    }
}

const TWO: &[&str] = &["192.0.2.100", "192.0.2.101"];
const ONE: &[&str] = &["192.0.2.100"];
const TWO_V6: &[&str] = &["fe80::100", "2001:db8::100"];
const SECOND: MaxAdvertiseInterval = MaxAdvertiseInterval::Seconds(1);
const HALF: MaxAdvertiseInterval = MaxAdvertiseInterval::Centiseconds(50);
const HUNDRED: MaxAdvertiseInterval = MaxAdvertiseInterval::Centiseconds(100);
const V2: Expected = Expected::multicast(Version::V2, Family::Ipv4, SECOND);
const V3: Expected = Expected::multicast(Version::V3, Family::Ipv4, HUNDRED);
const V3_V6: Expected = Expected::multicast(Version::V3, Family::Ipv6, HUNDRED);
const PASS_1111: Authentication = Authentication::Pass(*b"1111\0\0\0\0");

#[test]
fn version_2_without_authentication() {
    for (vector, priority) in [(frames::V2_NONE, 150), (frames::V2_NONE_RESIGN, 0)] {
        let meaning = Meaning {
            version: Version::V2,
            vrid: 51,
            priority,
            interval: SECOND,
            authentication: Authentication::None,
            addresses: TWO,
        };
        check(vector, V2, None, &meaning);
    }
}

#[test]
fn version_2_with_a_password() {
    for (vector, priority) in [(frames::V2_PASS, 150), (frames::V2_PASS_RESIGN, 0)] {
        let meaning = Meaning {
            version: Version::V2,
            vrid: 51,
            priority,
            interval: SECOND,
            authentication: PASS_1111,
            addresses: ONE,
        };
        check(vector, Expected { authentication: PASS_1111, ..V2 }, None, &meaning);
    }
}

#[test]
fn version_3_over_ipv4() {
    for (vector, priority) in [(frames::V3_IPV4, 150), (frames::V3_IPV4_RESIGN, 0)] {
        let meaning = Meaning {
            version: Version::V3,
            vrid: 51,
            priority,
            interval: HALF,
            authentication: Authentication::None,
            addresses: TWO,
        };
        check(vector, V3, None, &meaning);
    }
}

#[test]
fn version_3_to_a_unicast_peer() {
    let meaning = Meaning {
        version: Version::V3,
        vrid: 53,
        priority: 150,
        interval: HUNDRED,
        authentication: Authentication::None,
        addresses: ONE,
    };
    let expected = Expected::unicast(Version::V3, Family::Ipv4, HUNDRED);
    check(frames::V3_IPV4_UNICAST, expected, None, &meaning);

    let expected = Expected { checksum: ChecksumRule::OldUnicast, ..expected };
    let old = Checksum::PseudoHeader {
        source: v4("192.0.2.1").into(),
        destination: v4("224.0.0.18").into(),
    };
    check(frames::V3_IPV4_UNICAST_OLD, expected, Some(old), &meaning);
}

#[test]
fn version_3_over_ipv6() {
    for (vector, priority) in [(frames::V3_IPV6, 150), (frames::V3_IPV6_RESIGN, 0)] {
        let meaning = Meaning {
            version: Version::V3,
            vrid: 52,
            priority,
            interval: HUNDRED,
            authentication: Authentication::None,
            addresses: TWO_V6,
        };
        check(vector, V3_V6, None, &meaning);
    }
}

#[test]
fn a_gratuitous_arp() {
    let frame = bytes(frames::GRATUITOUS_ARP);
    let parsed = Arp::parse(&ArpPacket::new_checked(datagram(&frame)).unwrap()).unwrap();
    let mac = MacAddr([0x02, 0, 0, 0, 0, 0x0a]);
    let wanted = Arp {
        operation: Operation::Request,
        sender_mac: mac,
        sender: v4("192.0.2.100"),
        target_mac: MacAddr::BROADCAST,
        target: v4("192.0.2.100"),
    };
    assert_eq!(parsed, wanted);
    assert_eq!(parsed.claims(v4("192.0.2.100")), Some(mac));
    assert_eq!(Arp::gratuitous(mac, v4("192.0.2.100")).emit_frame(), *frame);
}

#[test]
fn an_unsolicited_neighbour_advertisement() {
    let frame = bytes(frames::UNSOLICITED_NA);
    let (ip, payload) = Ipv6Header::parse(datagram(&frame)).unwrap();
    let Ipv6Header { source, destination, hop_limit, .. } = ip;
    let arrival = ndisc::Arrival { source, destination, hop_limit };
    let parsed = Neighbour::parse(&NeighbourPacket::new_checked(payload).unwrap(), &arrival);
    let mac = MacAddr([0x02, 0, 0, 0, 0, 0x0a]);
    let target = v6("2001:db8::100");
    let wanted = ndisc::Advertisement {
        target,
        router: false,
        solicited: false,
        r#override: true,
        target_mac: Some(mac),
    };
    assert_eq!(parsed, Ok(Neighbour::Advertisement(wanted)));
    assert_eq!(ndisc::Advertisement::unsolicited_frame(mac, target, false), *frame);
}
