//! Any bytes as a VRRP packet, alone and in an IPv4 datagram: refused or understood, and what is understood is written
//! again with the same length and the same meaning.
#![no_main]

use std::net::{Ipv4Addr, Ipv6Addr};

use libfuzzer_sys::fuzz_target;
use wire::vrrp::{
    Advertisement, AdvertisementPacket, Arrival, Authentication, Checksum, ChecksumRule, Context,
    Expected, MULTICAST_V4, MULTICAST_V6,
};
use wire::{Family, MaxAdvertiseInterval, Version};

fuzz_target!(|bytes: &[u8]| {
    if let Ok((packet, arrival)) = AdvertisementPacket::from_ipv4(bytes) {
        for version in [Version::V2, Version::V3] {
            understand(&packet, version, arrival);
        }
    }
    if let Ok(packet) = AdvertisementPacket::new_checked(bytes) {
        let v4 = Arrival::from((Ipv4Addr::LOCALHOST, MULTICAST_V4, 255));
        let v6 = Arrival {
            source: Ipv6Addr::LOCALHOST.into(),
            destination: MULTICAST_V6.into(),
            hop_limit: 255,
        };
        understand(&packet, Version::V2, v4);
        understand(&packet, Version::V3, v4);
        understand(&packet, Version::V3, v6);
    }
});

/// Parses as a router that is content with the packet's own password and interval, and with any checksum.
fn understand(packet: &AdvertisementPacket<'_>, version: Version, arrival: Arrival) {
    let bytes = packet.as_bytes();
    let interval = MaxAdvertiseInterval::Seconds(bytes[5]);
    let authentication = match bytes[4] {
        0 => Authentication::None,
        _ => bytes.last_chunk().map_or(Authentication::None, |data| Authentication::Pass(*data)),
    };
    let expected = Expected {
        authentication,
        checksum: ChecksumRule::Kernel,
        ..Expected::multicast(version, Family::of(arrival.source), interval)
    };
    let Ok(parsed) = Advertisement::parse(packet, &Context { arrival, expected }) else { return };
    let Arrival { source, destination, .. } = arrival;
    let mut buffer = vec![0; parsed.len()];
    let written = parsed.emit(&mut buffer, Checksum::PseudoHeader { source, destination });
    assert_eq!(written, Ok(bytes.len()));

    let again = AdvertisementPacket::new_checked(&buffer).expect("emitted packets have a header");
    let expected = Expected { checksum: ChecksumRule::PseudoHeader, ..expected };
    assert_eq!(Advertisement::parse(&again, &Context { arrival, expected }), Ok(parsed));
}
