//! Every reason to refuse a packet, brought about by one change to a packet that is accepted.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic fails the test, as it should"
)]

mod frames;

use std::net::IpAddr;

use frames::{addresses, advertisement, bytes, datagram};
use wire::vrrp::{
    Advertisement, AdvertisementPacket, Arrival, Authentication, Casting, ChecksumRule, Context,
    Discard, Expected, HopLimits, UnicastForm,
};
use wire::{Family, MaxAdvertiseInterval, Version};

const SECOND: MaxAdvertiseInterval = MaxAdvertiseInterval::Seconds(1);
const HUNDRED: MaxAdvertiseInterval = MaxAdvertiseInterval::Centiseconds(100);
const V2: Expected = Expected::multicast(Version::V2, Family::Ipv4, SECOND);
const V3: Expected = Expected::multicast(Version::V3, Family::Ipv4, HUNDRED);
const V3_V6: Expected = Expected::multicast(Version::V3, Family::Ipv6, HUNDRED);

/// Where the VRRP header of the IPv4 vectors starts in the datagram.
const VRRP: usize = 20;

/// Parses a whole IPv4 datagram.
fn verdict(datagram: &[u8], expected: Expected) -> Result<u8, Discard> {
    let (packet, arrival) = AdvertisementPacket::from_ipv4(datagram)?;
    Advertisement::parse(&packet, &Context { arrival, expected }).map(|parsed| parsed.priority.0)
}

/// The verdict on the datagram of `vector` with `bytes` written over it at `position`.
fn changed(
    vector: &str,
    position: usize,
    bytes_there: &[u8],
    expected: Expected,
) -> Result<u8, Discard> {
    let frame = bytes(vector);
    let mut datagram = datagram(&frame).to_vec();
    datagram[position..position + bytes_there.len()].copy_from_slice(bytes_there);
    verdict(&datagram, expected)
}

/// The verdict on the unchanged vector, arriving as `arrival` changes it.
fn arriving(
    vector: &str,
    expected: Expected,
    change: impl FnOnce(&mut Arrival),
) -> Result<u8, Discard> {
    let frame = bytes(vector);
    let (packet, mut arrival) = advertisement(&frame);
    change(&mut arrival);
    Advertisement::parse(&packet, &Context { arrival, expected }).map(|parsed| parsed.priority.0)
}

#[test]
fn unchanged_packets_are_accepted() {
    assert_eq!(changed(frames::V2_NONE, 0, &[], V2), Ok(150));
    assert_eq!(changed(frames::V3_IPV4, 0, &[], V3), Ok(150));
    assert_eq!(arriving(frames::V3_IPV6, V3_V6, |_| ()), Ok(150));
}

#[test]
fn an_ip_header_that_makes_no_sense() {
    assert_eq!(verdict(&[], V2), Err(Discard::IpHeader));
    assert_eq!(changed(frames::V2_NONE, 0, &[0x65], V2), Err(Discard::IpHeader), "version 6");
    assert_eq!(changed(frames::V2_NONE, 0, &[0x44], V2), Err(Discard::IpHeader), "16 byte header");
    assert_eq!(changed(frames::V2_NONE, 2, &[0, 45], V2), Err(Discard::IpHeader), "too long");
    assert_eq!(changed(frames::V2_NONE, 2, &[0, 19], V2), Err(Discard::IpHeader), "too short");
    assert_eq!(changed(frames::V2_NONE, 6, &[0x20, 0], V2), Err(Discard::IpHeader), "more follow");
    assert_eq!(changed(frames::V2_NONE, 6, &[0, 1], V2), Err(Discard::IpHeader), "later fragment");
    assert_eq!(changed(frames::V2_NONE, 6, &[0x40, 0], V2), Ok(150), "not to be fragmented");
}

#[test]
fn a_protocol_that_is_not_vrrp() {
    assert_eq!(changed(frames::V2_NONE, 9, &[51], V2), Err(Discard::Protocol));
}

#[test]
fn a_length_that_does_not_fit_the_count() {
    let count = VRRP + 3;
    for wrong in [0, 1, 3, 255] {
        assert_eq!(changed(frames::V2_NONE, count, &[wrong], V2), Err(Discard::Length));
        assert_eq!(changed(frames::V3_IPV4, count, &[wrong], V3), Err(Discard::Length));
    }
    // The whole of an IP header and seven bytes.
    assert_eq!(changed(frames::V2_NONE, 2, &[0, 27], V2), Err(Discard::Length));
    // The authentication data is missing.
    assert_eq!(changed(frames::V2_NONE, 2, &[0, 36], V2), Err(Discard::Length));
}

#[test]
fn ethernet_padding_is_no_part_of_the_packet() {
    let frame = bytes(frames::V3_IPV4);
    let mut padded = datagram(&frame).to_vec();
    padded.resize(46, 0xee);
    assert_eq!(verdict(&padded, V3), Ok(150));
}

#[test]
fn the_other_address_family() {
    assert_eq!(changed(frames::V3_IPV4, 0, &[], V3_V6), Err(Discard::Family));
    assert_eq!(arriving(frames::V3_IPV6, V3, |_| ()), Err(Discard::Family));
    let mixed = |arrival: &mut Arrival| arrival.destination = "ff02::12".parse().unwrap();
    assert_eq!(arriving(frames::V3_IPV4, V3, mixed), Err(Discard::Family));
}

#[test]
fn a_hop_limit_out_of_bounds() {
    assert_eq!(changed(frames::V2_NONE, 8, &[254], V2), Err(Discard::HopLimit));
    assert_eq!(
        arriving(frames::V3_IPV6, V3_V6, |arrival| arrival.hop_limit = 1),
        Err(Discard::HopLimit)
    );
    let unicast = Expected::unicast(Version::V3, Family::Ipv4, HUNDRED);
    assert_eq!(changed(frames::V3_IPV4_UNICAST, 8, &[3], unicast), Ok(150));
    let bounded = Expected { hop_limits: HopLimits { least: 60, most: 64 }, ..unicast };
    for (ttl, wanted) in [(59, Err(Discard::HopLimit)), (60, Ok(150)), (64, Ok(150))] {
        assert_eq!(changed(frames::V3_IPV4_UNICAST, 8, &[ttl], bounded), wanted, "{ttl}");
    }
    assert_eq!(changed(frames::V3_IPV4_UNICAST, 8, &[65], bounded), Err(Discard::HopLimit));
}

#[test]
fn another_version() {
    assert_eq!(changed(frames::V2_NONE, 0, &[], V3), Err(Discard::Version));
    assert_eq!(changed(frames::V3_IPV4, 0, &[], V2), Err(Discard::Version));
    for version in [0x01, 0x11, 0x41, 0xf1] {
        assert_eq!(changed(frames::V3_IPV4, VRRP, &[version], V3), Err(Discard::Version));
    }
}

#[test]
fn an_authentication_type_that_does_not_exist() {
    for kind in [3, 255] {
        assert_eq!(
            changed(frames::V2_NONE, VRRP + 4, &[kind], V2),
            Err(Discard::AuthenticationUnknown)
        );
    }
}

#[test]
fn another_authentication_type() {
    let pass = Expected { authentication: Authentication::pass(b"1111"), ..V2 };
    assert_eq!(changed(frames::V2_NONE, 0, &[], pass), Err(Discard::AuthenticationType));
    assert_eq!(changed(frames::V2_PASS, 0, &[], V2), Err(Discard::AuthenticationType));
    // AH without its header.
    assert_eq!(changed(frames::V2_NONE, VRRP + 4, &[2], V2), Err(Discard::AuthenticationType));
}

#[test]
fn a_wrong_password() {
    for (password, wanted) in [
        ("1111", Ok(150)),
        ("1112", Err(Discard::Authentication)),
        ("11111", Err(Discard::Authentication)),
        ("", Err(Discard::Authentication)),
    ] {
        let expected = Expected { authentication: Authentication::pass(password.as_bytes()), ..V2 };
        assert_eq!(changed(frames::V2_PASS, 0, &[], expected), wanted, "{password}");
    }
}

#[test]
fn a_password_is_cut_to_eight_bytes() {
    assert_eq!(Authentication::pass(b"longerthan8"), Authentication::Pass(*b"longerth"));
}

#[test]
fn the_data_of_type_none_is_not_looked_at() {
    // RFC 3768 §5.3.10: ignored on reception. The last two bytes are part of the checksum.
    let frame = bytes(frames::V2_NONE);
    let mut datagram = datagram(&frame).to_vec();
    datagram[36..44].copy_from_slice(&[0xff; 8]);
    assert_eq!(verdict(&datagram, V2), Ok(150));
}

#[test]
fn an_interval_that_differs_in_version_2() {
    assert_eq!(changed(frames::V2_NONE, VRRP + 5, &[2], V2), Err(Discard::Interval));
    let two = Expected { interval: MaxAdvertiseInterval::Seconds(2), ..V2 };
    assert_eq!(changed(frames::V2_NONE, 0, &[], two), Err(Discard::Interval));
}

#[test]
fn an_interval_of_zero_in_version_3() {
    assert_eq!(changed(frames::V3_IPV4, VRRP + 4, &[0, 0], V3), Err(Discard::Interval));
    // The reserved bits do not count.
    assert_eq!(changed(frames::V3_IPV4, VRRP + 4, &[0xf0, 0], V3), Err(Discard::Interval));
    // A sender that stops says nothing about when it speaks again; 50 = 0x32 goes to the checksum.
    let frame = bytes(frames::V3_IPV4_RESIGN);
    let mut datagram = datagram(&frame).to_vec();
    datagram[VRRP + 4..VRRP + 8].copy_from_slice(&[0, 0, 0xa7, 0x6b]);
    assert_eq!(verdict(&datagram, V3), Ok(0));
}

#[test]
fn the_reserved_bits_of_version_3_are_not_looked_at() {
    // 0xf032 instead of 0x0032: 0x1139 - 0xf000 in one's complement.
    let frame = bytes(frames::V3_IPV4);
    let mut datagram = datagram(&frame).to_vec();
    datagram[VRRP + 4..VRRP + 8].copy_from_slice(&[0xf0, 0x32, 0x21, 0x38]);
    let (packet, arrival) = AdvertisementPacket::from_ipv4(&datagram).unwrap();
    let parsed = Advertisement::parse(&packet, &Context { arrival, expected: V3 }).unwrap();
    assert_eq!(parsed.interval, MaxAdvertiseInterval::Centiseconds(50));
}

#[test]
fn a_type_that_is_no_advertisement() {
    for kind in [0x20, 0x22, 0x2f] {
        assert_eq!(changed(frames::V2_NONE, VRRP, &[kind], V2), Err(Discard::Type));
    }
    assert_eq!(changed(frames::V3_IPV4, VRRP, &[0x30], V3), Err(Discard::Type));
}

#[test]
fn a_wrong_checksum() {
    let field = VRRP + 6;
    assert_eq!(changed(frames::V2_NONE, field, &[0xc3, 0xff], V2), Err(Discard::Checksum));
    assert_eq!(changed(frames::V3_IPV4, field, &[0x11, 0x38], V3), Err(Discard::Checksum));
    // Any address in the pseudo header counts.
    let other = |arrival: &mut Arrival| arrival.source = "fe80::bad".parse().unwrap();
    assert_eq!(arriving(frames::V3_IPV6, V3_V6, other), Err(Discard::Checksum));
    let trusting = Expected { checksum: ChecksumRule::Kernel, ..V3_V6 };
    assert_eq!(arriving(frames::V3_IPV6, trusting, other), Ok(150));
}

#[test]
fn the_checksum_of_version_2_is_accepted_in_version_3_only_when_asked_for() {
    // The one's complement of the sum of the 16 bytes of the packet.
    let (at, plain) = (VRRP + 6, [0xb3, 0xcd]);
    let as_v2 = Expected { checksum: ChecksumRule::AsV2, ..V3 };
    assert_eq!(changed(frames::V3_IPV4, at, &plain, V3), Err(Discard::Checksum));
    assert_eq!(changed(frames::V3_IPV4, at, &plain, as_v2), Ok(150));
    assert_eq!(changed(frames::V3_IPV4, 0, &[], as_v2), Ok(150));
    assert_eq!(changed(frames::V3_IPV4, at, &[0xb3, 0xce], as_v2), Err(Discard::Checksum));
}

#[test]
fn the_old_unicast_checksum_is_accepted_only_when_asked_for() {
    let unicast = Expected::unicast(Version::V3, Family::Ipv4, HUNDRED);
    let tolerant = Expected { checksum: ChecksumRule::OldUnicast, ..unicast };
    assert_eq!(changed(frames::V3_IPV4_UNICAST_OLD, 0, &[], unicast), Err(Discard::Checksum));
    assert_eq!(changed(frames::V3_IPV4_UNICAST_OLD, 0, &[], tolerant), Ok(150));
    assert_eq!(changed(frames::V3_IPV4_UNICAST, 0, &[], tolerant), Ok(150));
}

#[test]
fn the_form_of_a_unicast_checksum_is_told() {
    let form = |vector| {
        let frame = bytes(vector);
        let (packet, arrival) = advertisement(&frame);
        packet.unicast_form(&arrival)
    };
    assert_eq!(form(frames::V3_IPV4_UNICAST_OLD), UnicastForm::Old);
    assert_eq!(form(frames::V3_IPV4_UNICAST), UnicastForm::Standard);
}

#[test]
fn multicast_and_unicast_mixed_up() {
    let unicast = Expected::unicast(Version::V3, Family::Ipv4, HUNDRED);
    assert_eq!(changed(frames::V3_IPV4, 0, &[], unicast), Err(Discard::Casting));
    let multicast = Expected { casting: Casting::Multicast, ..unicast };
    assert_eq!(changed(frames::V3_IPV4_UNICAST, 0, &[], multicast), Err(Discard::Casting));
}

#[test]
fn the_forbidden_vrid_is_nobodys() {
    // 51 = 0x33 goes to the checksum.
    let frame = bytes(frames::V2_NONE);
    let mut datagram = datagram(&frame).to_vec();
    datagram[VRRP + 1] = 0;
    datagram[VRRP + 6..VRRP + 8].copy_from_slice(&[0xc4, 0x31]);
    assert_eq!(verdict(&datagram, V2), Err(Discard::UnknownVrid));
}

#[test]
fn other_addresses_than_configured() {
    let frame = bytes(frames::V2_NONE);
    let (packet, arrival) = advertisement(&frame);
    let parsed = Advertisement::parse(&packet, &Context { arrival, expected: V2 }).unwrap();
    for (configured, wanted) in [
        (vec!["192.0.2.101", "192.0.2.100"], Ok(())),
        (vec!["192.0.2.100"], Err(Discard::AddressList)),
        (vec!["192.0.2.100", "192.0.2.102"], Err(Discard::AddressList)),
        (vec![], Err(Discard::AddressList)),
    ] {
        assert_eq!(parsed.check_addresses(&addresses(&configured)), wanted, "{configured:?}");
    }
}

#[test]
fn addresses_of_two_families_or_more_than_255_make_no_list() {
    let mixed = addresses(&["192.0.2.1", "2001:db8::1"]);
    assert!(wire::vrrp::Addresses::new(Family::Ipv4, &mixed).is_none());
    let many = vec!["192.0.2.1".parse::<IpAddr>().unwrap(); 256];
    assert!(wire::vrrp::Addresses::new(Family::Ipv4, &many).is_none());
    assert!(wire::vrrp::Addresses::new(Family::Ipv4, &many[1..]).is_some());
}

#[test]
fn no_address_at_all_is_refused_in_version_3_only() {
    for (version, expected, wanted) in
        [(Version::V3, V3, Err(Discard::AddressCount)), (Version::V2, V2, Ok(()))]
    {
        let advertisement = Advertisement {
            version,
            vrid: wire::Vrid::new(51).unwrap(),
            priority: wire::Priority(200),
            interval: expected.interval,
            authentication: Authentication::None,
            addresses: wire::vrrp::Addresses::new(Family::Ipv4, &[]).unwrap(),
        };
        let (source, group) = ([192, 0, 2, 9].into(), [224, 0, 0, 18].into());
        let packet = wire::vrrp::Prepared::ipv4(&advertisement, source, group, 255).unwrap();
        let (view, arrival) = AdvertisementPacket::from_ipv4(packet.as_bytes()).unwrap();
        let parsed = Advertisement::parse(&view, &Context { arrival, expected });
        assert_eq!(parsed.map(|_| ()), wanted, "{version:?}");
    }
}
