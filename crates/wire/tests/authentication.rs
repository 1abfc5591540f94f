//! Authenticated adverts: packets of the incumbent, what is refused of them, and ours in their likeness.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic fails the test, as it should"
)]

mod frames;

use std::time::Duration;

use bolero::check;
use frames::{addresses, bytes, v4};
use wire::vrrp::{
    Addresses, Advertisement, AuthenticatedPacket, Authentication, Context, Discard, Expected,
    HeaderKey, MULTICAST_V4, Prepared, sign,
};
use wire::{Family, MaxAdvertiseInterval, Priority, Version, Vrid};

const MULTICAST: &str = include_str!("vectors/v2_ah.hex");
const UNICAST: &str = include_str!("vectors/v2_ah_unicast.hex");

fn key() -> HeaderKey {
    HeaderKey::new(b"s3cret")
}

/// The verdict on the multicast vector with one byte changed.
fn changed(at: usize, byte: u8) -> Result<(), Discard> {
    let mut datagram = bytes(MULTICAST);
    datagram[at] = byte;
    AuthenticatedPacket::from_ipv4(&datagram)?.verify(&key())
}

fn advertisement(list: &[std::net::IpAddr]) -> Advertisement<'_> {
    Advertisement {
        version: Version::V2,
        vrid: Vrid::new(51).unwrap(),
        priority: Priority(100),
        interval: MaxAdvertiseInterval::Seconds(1),
        authentication: Authentication::Header,
        addresses: Addresses::new(Family::Ipv4, list).unwrap(),
    }
}

#[test]
fn a_header_of_the_incumbent_is_genuine_and_what_is_behind_it_is_understood() {
    let datagram = bytes(MULTICAST);
    let packet = AuthenticatedPacket::from_ipv4(&datagram).unwrap();
    assert_eq!(packet.sequence(), 1);
    assert_eq!(packet.verify(&key()), Ok(()));
    let (inside, arrival) = packet.advertisement();
    let interval = MaxAdvertiseInterval::Seconds(1);
    let expected = Expected {
        authentication: Authentication::Header,
        ..Expected::multicast(Version::V2, Family::Ipv4, interval)
    };
    let parsed = Advertisement::parse(&inside, &Context { arrival, expected }).unwrap();
    assert_eq!(parsed, advertisement(&addresses(&["192.0.2.10"])));
}

#[test]
fn a_key_is_cut_at_eight_bytes() {
    let datagram = bytes(UNICAST);
    let packet = AuthenticatedPacket::from_ipv4(&datagram).unwrap();
    assert_eq!(packet.sequence(), 2);
    assert_eq!(packet.verify(&HeaderKey::new(b"longerthan8")), Ok(()));
    assert_eq!(packet.verify(&HeaderKey::new(b"longerth")), Ok(()));
    assert_eq!(packet.verify(&HeaderKey::new(b"longert")), Err(Discard::Digest));
}

#[test]
fn ours_is_the_incumbents_byte_for_byte() {
    let list = addresses(&["192.0.2.10"]);
    for (vector, destination, key, number) in [
        (MULTICAST, MULTICAST_V4, key(), 1),
        (UNICAST, v4("192.0.2.2"), HeaderKey::new(b"longerth"), 2),
    ] {
        let mut prepared =
            Prepared::ipv4_with_header(&advertisement(&list), v4("192.0.2.1"), destination, 255)
                .unwrap();
        prepared.set_priority(Priority(1));
        prepared.set_priority(Priority(100));
        prepared.set_identification(number);
        let mut datagram = prepared.as_bytes().to_vec();
        sign(&mut datagram, &key, number.into());
        assert_eq!(datagram, bytes(vector));
    }
}

#[test]
fn what_routers_change_is_not_proved_and_the_rest_is() {
    assert_eq!(changed(1, 0), Ok(()), "type of service");
    assert_eq!(changed(6, 0x40), Ok(()), "don't fragment");
    assert_eq!(changed(10, 0), Ok(()), "checksum of the header");
    for (at, byte, what) in [
        (5, 2, "identification"),
        (8, 254, "TTL of a multicast"),
        (19, 0x13, "destination"),
        (31, 2, "sequence"),
        (32, 0, "digest"),
        (43, 0, "digest"),
        (46, 101, "priority"),
        (63, 1, "last byte"),
    ] {
        let verdict = changed(at, byte);
        assert!(
            matches!(verdict, Err(Discard::Digest | Discard::HeaderMalformed)),
            "{what}: {verdict:?}"
        );
    }
    let mut datagram = bytes(UNICAST);
    datagram[8] = 61;
    let packet = AuthenticatedPacket::from_ipv4(&datagram).unwrap();
    assert_eq!(packet.verify(&HeaderKey::new(b"longerth")), Ok(()), "TTL of a unicast");
}

#[test]
fn a_header_that_vrrp_does_not_have_is_malformed() {
    assert_eq!(changed(20, 17), Err(Discard::HeaderMalformed), "next header");
    assert_eq!(changed(21, 5), Err(Discard::HeaderMalformed), "length");
    assert_eq!(changed(22, 1), Err(Discard::HeaderMalformed), "reserved");
    assert_eq!(changed(24, 0), Err(Discard::HeaderMalformed), "index");
    assert_eq!(changed(9, 112), Err(Discard::Protocol));
    let datagram = bytes(MULTICAST);
    let cut = |length: u8| {
        let mut datagram = datagram[..usize::from(length)].to_vec();
        datagram[3] = length;
        AuthenticatedPacket::from_ipv4(&datagram).map(|_| ()).unwrap_err()
    };
    assert_eq!(cut(43), Discard::HeaderMalformed);
    assert_eq!(cut(51), Discard::Length);
    // Options would have to be proved in a form that nobody has agreed on.
    let mut options = [&datagram[..20], &[1, 1, 1, 1], &datagram[20..]].concat();
    (options[0], options[3]) = (0x46, 68);
    assert_eq!(AuthenticatedPacket::from_ipv4(&options).map(|_| ()), Err(Discard::IpHeader));
}

#[test]
fn keys_are_not_shown() {
    assert_eq!(format!("{:?}", HeaderKey::new(b"s3cret")), "HeaderKey(..)");
}

#[test]
fn any_bytes_as_an_authenticated_datagram() {
    check!().with_test_time(Duration::from_millis(700)).for_each(|given: &[u8]| {
        // The beginning of a right one brings some of them past the first checks.
        let (right, mut spliced) = (bytes(MULTICAST), given.to_vec());
        for (byte, right) in spliced.iter_mut().zip(&right[..30]) {
            *byte = *right;
        }
        if let Ok(length) = u8::try_from(spliced.len())
            && let Some(total) = spliced.get_mut(3)
        {
            *total = length;
        }
        for mut datagram in [given.to_vec(), spliced] {
            let Ok(packet) = AuthenticatedPacket::from_ipv4(&datagram) else { continue };
            // Nobody guesses twelve bytes, and what is signed is genuine.
            assert_eq!(packet.verify(&key()), Err(Discard::Digest));
            let end = 44 + packet.advertisement().0.as_bytes().len();
            sign(&mut datagram[..end], &key(), 7);
            let signed = AuthenticatedPacket::from_ipv4(&datagram).unwrap();
            assert_eq!((signed.verify(&key()), signed.sequence()), (Ok(()), 7));
        }
    });
}
