//! Captured frames and how to take them apart, for the tests of this folder.
#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a vector that does not read is a failing test")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use wire::ethernet::{EtherType, EthernetHeader};
use wire::ip::Ipv6Header;
use wire::vrrp::{AdvertisementPacket, Arrival};

pub(crate) const V2_NONE: &str = include_str!("../vectors/v2_none.hex");
pub(crate) const V2_NONE_RESIGN: &str = include_str!("../vectors/v2_none_resign.hex");
pub(crate) const V2_PASS: &str = include_str!("../vectors/v2_pass.hex");
pub(crate) const V2_PASS_RESIGN: &str = include_str!("../vectors/v2_pass_resign.hex");
pub(crate) const V3_IPV4: &str = include_str!("../vectors/v3_ipv4.hex");
pub(crate) const V3_IPV4_RESIGN: &str = include_str!("../vectors/v3_ipv4_resign.hex");
pub(crate) const V3_IPV4_UNICAST: &str = include_str!("../vectors/v3_ipv4_unicast.hex");
pub(crate) const V3_IPV4_UNICAST_OLD: &str = include_str!("../vectors/v3_ipv4_unicast_old.hex");
pub(crate) const V3_IPV6: &str = include_str!("../vectors/v3_ipv6.hex");
pub(crate) const V3_IPV6_RESIGN: &str = include_str!("../vectors/v3_ipv6_resign.hex");
pub(crate) const GRATUITOUS_ARP: &str = include_str!("../vectors/gratuitous_arp.hex");
pub(crate) const UNSOLICITED_NA: &str = include_str!("../vectors/unsolicited_na.hex");

/// The bytes of a vector; `#` starts a comment line.
pub(crate) fn bytes(vector: &str) -> Vec<u8> {
    vector
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace)
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

/// What follows the Ethernet header.
pub(crate) fn datagram(frame: &[u8]) -> &[u8] {
    EthernetHeader::parse(frame).unwrap().1
}

/// The advertisement inside a frame and how it arrived.
pub(crate) fn advertisement(frame: &[u8]) -> (AdvertisementPacket<'_>, Arrival) {
    let (ethernet, datagram) = EthernetHeader::parse(frame).unwrap();
    if ethernet.ether_type == EtherType::IPV4 {
        return AdvertisementPacket::from_ipv4(datagram).unwrap();
    }
    let (ip, payload) = Ipv6Header::parse(datagram).unwrap();
    let arrival = Arrival {
        source: ip.source.into(),
        destination: ip.destination.into(),
        hop_limit: ip.hop_limit,
    };
    (AdvertisementPacket::new_checked(payload).unwrap(), arrival)
}

pub(crate) fn v4(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

pub(crate) fn v6(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

pub(crate) fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}
