//! Bytes from anywhere: no parser panics, and what one accepts comes out again as it went in.
//!
//! Each runs for a bounded time as an ordinary test; `fuzz/` has the same properties without end.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic fails the test, as it should"
)]

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use bolero::check;
use wire::arp::{Arp, ArpPacket};
use wire::ethernet::EthernetHeader;
use wire::icmp::{Carrier, Echo, EchoPacket};
use wire::ip::{Ipv4Header, Ipv4Packet, Ipv6Header};
use wire::ndisc::{self, Neighbour, NeighbourPacket};
use wire::vrrp::{
    Advertisement, AdvertisementPacket, Arrival, Authentication, Checksum, ChecksumRule, Context,
    Expected,
};
use wire::{Family, MaxAdvertiseInterval, Version};

const BOUND: Duration = Duration::from_millis(700);

const V4: Arrival = Arrival {
    source: std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    destination: std::net::IpAddr::V4(wire::vrrp::MULTICAST_V4),
    hop_limit: 255,
};
const V6: Arrival = Arrival {
    source: std::net::IpAddr::V6(Ipv6Addr::LOCALHOST),
    destination: std::net::IpAddr::V6(wire::vrrp::MULTICAST_V6),
    hop_limit: 255,
};

/// Makes random bytes likely to pass the first checks: version, type and count are put right for some of them.
fn plausible(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let [first, _, _, count, ..] = bytes.as_mut_slice()
        && *first & 1 == 0
    {
        *first = if *first & 2 == 0 { 0x21 } else { 0x31 };
        *count &= 7;
    }
    bytes
}

#[test]
fn any_bytes_as_an_advertisement() {
    check!().with_test_time(BOUND).for_each(|bytes| {
        for bytes in [bytes.to_vec(), plausible(bytes)] {
            advertisement(&bytes);
        }
    });
}

fn advertisement(bytes: &[u8]) {
    let Ok(packet) = AdvertisementPacket::new_checked(bytes) else { return };
    let pass = bytes.last_chunk().map_or(Authentication::None, |data| Authentication::Pass(*data));
    for (version, arrival, authentication) in [
        (Version::V2, V4, Authentication::None),
        (Version::V2, V4, pass),
        (Version::V3, V4, Authentication::None),
        (Version::V3, V6, Authentication::None),
    ] {
        let interval = match version {
            Version::V2 => MaxAdvertiseInterval::Seconds(bytes[5]),
            Version::V3 => MaxAdvertiseInterval::Centiseconds(100),
        };
        let expected = Expected {
            authentication,
            checksum: ChecksumRule::Kernel,
            ..Expected::multicast(version, Family::of(arrival.source), interval)
        };
        let Ok(parsed) = Advertisement::parse(&packet, &Context { arrival, expected }) else {
            continue;
        };
        assert_eq!(parsed.addresses.iter().count(), usize::from(packet.count()));
        let mut buffer = vec![0; parsed.len()];
        let Arrival { source, destination, .. } = arrival;
        let checksum = Checksum::PseudoHeader { source, destination };
        assert_eq!(parsed.emit(&mut buffer, checksum), Ok(bytes.len()));

        let again = AdvertisementPacket::new_checked(&buffer).unwrap();
        let strict = Expected { checksum: ChecksumRule::PseudoHeader, ..expected };
        let context = Context { arrival, expected: strict };
        assert_eq!(Advertisement::parse(&again, &context), Ok(parsed));
    }
}

#[test]
fn any_bytes_as_an_ipv4_datagram() {
    check!().with_test_time(BOUND).for_each(|bytes| {
        let mut bytes = bytes.to_vec();
        if let [first, _, high, ..] = bytes.as_mut_slice()
            && *first & 1 == 0
        {
            *first = 0x45;
            *high = 0;
        }
        let _ = AdvertisementPacket::from_ipv4(&bytes);
        if let Ok(packet) = Ipv4Packet::new_checked(&bytes) {
            assert!(packet.payload().len() <= bytes.len() - Ipv4Header::LEN);
            let _ = (Ipv4Header::parse(&packet), packet.is_checksum_right());
        }
    });
}

#[test]
fn any_bytes_as_a_frame_and_an_ipv6_datagram() {
    check!().with_test_time(BOUND).for_each(|bytes| {
        if let Ok((header, payload)) = EthernetHeader::parse(bytes) {
            assert_eq!([&header.emit(), payload].concat(), bytes);
        }
        if let Ok((header, payload)) = Ipv6Header::parse(bytes) {
            assert_eq!(header.emit(payload.len())[4..], bytes[4..Ipv6Header::LEN]);
        }
    });
}

#[test]
fn any_bytes_as_arp() {
    check!().with_test_time(BOUND).for_each(|bytes| {
        let mut bytes = bytes.to_vec();
        if bytes.len() >= 6 && bytes[0] & 1 == 0 {
            bytes[..6].copy_from_slice(&[0, 1, 8, 0, 6, 4]);
        }
        let Ok(packet) = ArpPacket::new_checked(&bytes) else { return };
        if let Ok(arp) = Arp::parse(&packet) {
            assert_eq!(arp.emit(), bytes[..Arp::LEN]);
        }
    });
}

#[test]
fn any_bytes_as_a_neighbour_message() {
    let source = Ipv6Addr::LOCALHOST;
    let arrival = ndisc::Arrival { source, destination: ndisc::ALL_NODES, hop_limit: 255 };
    check!().with_test_time(BOUND).for_each(|bytes| {
        let mut bytes = bytes.to_vec();
        if bytes.len() >= 24 && bytes[0] & 1 == 0 {
            bytes[0] = 135 + (bytes[0] >> 1 & 1);
            bytes[1] = 0;
            // Made right, or hardly any input would get past it.
            bytes[2..4].fill(0);
            let checksum = checksum(&bytes, source);
            bytes[2..4].copy_from_slice(&checksum.to_be_bytes());
        }
        let Ok(packet) = NeighbourPacket::new_checked(&bytes) else { return };
        match Neighbour::parse(&packet, &arrival) {
            Ok(Neighbour::Advertisement(parsed)) => {
                let message = parsed.emit(source, ndisc::ALL_NODES);
                assert_eq!(message.as_bytes()[8..24], bytes[8..24]);
            }
            Ok(Neighbour::Solicitation(parsed)) => {
                let message = parsed.emit(source, ndisc::ALL_NODES);
                assert_eq!(message.as_bytes()[8..24], bytes[8..24]);
            }
            Err(_) => {}
        }
    });
}

fn checksum(message: &[u8], source: Ipv6Addr) -> u16 {
    let pseudo = [source.octets(), ndisc::ALL_NODES.octets()].concat();
    let words = pseudo.chunks(2).chain(message.chunks(2));
    let sum = words.fold(58 + message.len() as u64, |sum, pair| {
        sum + (u64::from(pair[0]) << 8) + u64::from(*pair.get(1).unwrap_or(&0))
    });
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    !u16::try_from(sum).unwrap()
}

#[test]
fn any_bytes_as_an_echo() {
    check!().with_test_time(BOUND).for_each(|bytes| {
        let Ok(packet) = EchoPacket::new_checked(bytes) else { return };
        for carrier in [Carrier::Ipv4, Carrier::Ipv6KernelChecksum] {
            if let Ok(echo) = Echo::parse(&packet, carrier) {
                let mut buffer = vec![0; echo.len()];
                assert_eq!(echo.emit(&mut buffer, carrier), Ok(bytes.len()));
                assert_eq!(buffer[4..], bytes[4..]);
            }
        }
    });
}
