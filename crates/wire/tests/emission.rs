//! What goes out: forms of the checksum, prepared packets, and what cannot be written.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic fails the test, as it should"
)]

mod frames;

use std::net::IpAddr;

use frames::{addresses, bytes, datagram, v4, v6};
use wire::vrrp::{
    Addresses, Advertisement, Authentication, Checksum, MULTICAST_V4, MULTICAST_V6, Prepared,
};
use wire::{EmitError, Family, MaxAdvertiseInterval, Priority, Version, Vrid};

fn of<'a>(version: Version, family: Family, addresses: &'a [IpAddr]) -> Advertisement<'a> {
    Advertisement {
        version,
        vrid: Vrid::new(51).unwrap(),
        priority: Priority(150),
        interval: MaxAdvertiseInterval::Centiseconds(50),
        authentication: Authentication::None,
        addresses: Addresses::new(family, addresses).unwrap(),
    }
}

fn emitted(advertisement: &Advertisement<'_>, checksum: Checksum) -> Vec<u8> {
    let mut buffer = [0; Advertisement::MAX_LEN];
    let length = advertisement.emit(&mut buffer, checksum).unwrap();
    buffer[..length].to_vec()
}

const V4_MULTICAST: Checksum = Checksum::PseudoHeader {
    source: IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)),
    destination: IpAddr::V4(MULTICAST_V4),
};

#[test]
fn the_checksum_as_in_version_2_leaves_the_pseudo_header_out() {
    let list = addresses(&["192.0.2.100", "192.0.2.101"]);
    let packet = emitted(&of(Version::V3, Family::Ipv4, &list), Checksum::AsV2);
    assert_eq!(packet[..8], [0x31, 51, 150, 2, 0, 50, 0xb3, 0xcd]);
}

#[test]
fn the_checksum_is_left_to_the_kernel_when_asked_for() {
    let list = addresses(&["fe80::100"]);
    let packet = emitted(&of(Version::V3, Family::Ipv6, &list), Checksum::Kernel);
    assert_eq!(packet[..8], [0x31, 51, 150, 1, 0, 50, 0, 0]);
}

#[test]
fn an_interval_is_written_in_the_units_of_the_version() {
    let list = addresses(&["192.0.2.100"]);
    let mut advertisement = of(Version::V3, Family::Ipv4, &list);
    for (interval, bytes) in [
        (MaxAdvertiseInterval::Seconds(2), [0x00, 0xc8]),
        (MaxAdvertiseInterval::Seconds(255), [0x0f, 0xff]),
        (MaxAdvertiseInterval::Centiseconds(4095), [0x0f, 0xff]),
        (MaxAdvertiseInterval::Centiseconds(u16::MAX), [0x0f, 0xff]),
        (MaxAdvertiseInterval::Centiseconds(1), [0x00, 0x01]),
    ] {
        advertisement.interval = interval;
        assert_eq!(emitted(&advertisement, V4_MULTICAST)[4..6], bytes, "{interval:?}");
    }
    advertisement.version = Version::V2;
    for (interval, second) in
        [(MaxAdvertiseInterval::Seconds(255), 255), (MaxAdvertiseInterval::Centiseconds(300), 3)]
    {
        advertisement.interval = interval;
        assert_eq!(emitted(&advertisement, V4_MULTICAST)[4..6], [0, second], "{interval:?}");
    }
}

#[test]
fn the_longest_advertisement_fills_the_largest_buffer() {
    let list = vec![IpAddr::V6(v6("2001:db8::1")); 255];
    let advertisement = of(Version::V3, Family::Ipv6, &list);
    assert_eq!(advertisement.len(), 4088);
    assert_eq!(Advertisement::MAX_LEN, 4088);
    assert_eq!(emitted(&advertisement, Checksum::Kernel).len(), 4088);
}

#[test]
fn a_buffer_that_is_too_short_stays_as_it_was() {
    let list = addresses(&["192.0.2.100"]);
    let mut buffer = [0xaa; 11];
    let error = of(Version::V3, Family::Ipv4, &list).emit(&mut buffer, V4_MULTICAST).unwrap_err();
    assert_eq!(error, EmitError::NoRoom { needed: 12, room: 11 });
    assert_eq!(error.to_string(), "packet needs 12 bytes, buffer has 11");
    assert_eq!(buffer, [0xaa; 11]);
}

#[test]
fn version_and_family_and_checksum_have_to_fit_each_other() {
    let list = addresses(&["192.0.2.100"]);
    let list_v6 = addresses(&["fe80::100"]);
    let v6_pseudo =
        Checksum::PseudoHeader { source: v6("fe80::1").into(), destination: MULTICAST_V6.into() };
    let mixed =
        Checksum::PseudoHeader { source: v4("192.0.2.1").into(), destination: MULTICAST_V6.into() };
    for (version, family, checksum, error) in [
        (Version::V2, Family::Ipv6, Checksum::AsV2, EmitError::VersionFamily),
        (Version::V3, Family::Ipv6, Checksum::AsV2, EmitError::AddressFamily),
        (Version::V3, Family::Ipv6, V4_MULTICAST, EmitError::AddressFamily),
        (Version::V3, Family::Ipv4, v6_pseudo, EmitError::AddressFamily),
        (Version::V3, Family::Ipv4, mixed, EmitError::AddressFamily),
        (Version::V3, Family::Ipv4, Checksum::Kernel, EmitError::AddressFamily),
    ] {
        let list = if family == Family::Ipv4 { &list } else { &list_v6 };
        let advertisement = of(version, family, list);
        let mut buffer = [0; 64];
        assert_eq!(advertisement.emit(&mut buffer, checksum), Err(error), "{checksum:?}");
        assert_eq!(Prepared::payload(&advertisement, checksum), Err(error), "{checksum:?}");
    }
}

#[test]
fn a_prepared_packet_resigns_with_the_bytes_of_the_incumbent() {
    let list = addresses(&["192.0.2.100", "192.0.2.101"]);
    let mut advertisement = of(Version::V2, Family::Ipv4, &list);
    advertisement.interval = MaxAdvertiseInterval::Seconds(1);
    let mut prepared = Prepared::ipv4(&advertisement, v4("192.0.2.1"), MULTICAST_V4, 255).unwrap();
    prepared.set_identification(1);
    assert_eq!(prepared.as_bytes(), datagram(&bytes(frames::V2_NONE)));

    prepared.set_priority(Priority::RESIGN);
    prepared.set_identification(7);
    assert_eq!(prepared.priority(), Priority(0));
    assert_eq!(prepared.as_bytes(), datagram(&bytes(frames::V2_NONE_RESIGN)));
}

#[test]
fn a_patched_priority_gives_the_packet_that_a_fresh_one_gives() {
    let list = addresses(&["192.0.2.100", "192.0.2.101"]);
    let list_v6 = addresses(&["fe80::100"]);
    let v6_pseudo =
        Checksum::PseudoHeader { source: v6("fe80::1").into(), destination: MULTICAST_V6.into() };
    let cases = [
        (of(Version::V3, Family::Ipv4, &list), V4_MULTICAST),
        (of(Version::V3, Family::Ipv4, &list), Checksum::AsV2),
        (of(Version::V2, Family::Ipv4, &list), V4_MULTICAST),
        (of(Version::V3, Family::Ipv6, &list_v6), v6_pseudo),
        (of(Version::V3, Family::Ipv6, &list_v6), Checksum::Kernel),
    ];
    for (mut advertisement, checksum) in cases {
        let mut patched = Prepared::payload(&advertisement, checksum).unwrap();
        for priority in (0..=u8::MAX).rev() {
            patched.set_priority(Priority(priority));
            advertisement.priority = Priority(priority);
            assert_eq!(patched.as_bytes(), emitted(&advertisement, checksum), "{priority}");
        }
    }
}

#[test]
fn a_prepared_payload_has_no_identification_to_write() {
    let list = addresses(&["192.0.2.100"]);
    let prepared = Prepared::payload(&of(Version::V3, Family::Ipv4, &list), V4_MULTICAST).unwrap();
    let mut other = prepared.clone();
    other.set_identification(9);
    assert_eq!(other, prepared);
}
