//! A destination of a service.
//!
//! **Source**: linux/ip_vs.h (`IPVS_DEST_ATTR_*`, `IP_VS_CONN_F_*`, `IP_VS_CONN_F_TUNNEL_TYPE_*`, `IP_VS_TUNNEL_ENCAP_FLAG_*`).

use std::net::IpAddr;

use intent::service::{Back, Destination, Forwarding, Tunnel, TunnelChecksum};
use wire::Family;

use super::attribute;
use super::front::{address_of, family_of, kernel_family, octets, short};
use crate::netlink::message::{Attributes, Builder, number};

/// Begins the attribute of a destination; whoever adds to it closes it.
pub(super) fn emit_back(builder: Builder, back: Back) -> Builder {
    let family = match back.address {
        IpAddr::V4(_) => Family::Ipv4,
        IpAddr::V6(_) => Family::Ipv6,
    };
    builder
        .open(attribute::DESTINATION)
        .attribute(FAMILY, &kernel_family(family).to_ne_bytes())
        .attribute(ADDRESS, &octets(back.address))
        .attribute(PORT, &back.port.to_be_bytes())
}

/// Adds the rest to an open destination.
pub(super) fn emit(builder: Builder, wanted: &Destination) -> Builder {
    let (method, tunnel) = match wanted.forwarding {
        Forwarding::Nat => (NAT, None),
        Forwarding::DirectRoute => (DIRECT_ROUTE, None),
        Forwarding::Tunnel(tunnel) => (TUNNEL, Some(tunnel)),
        Forwarding::Other(method) => (method, None),
    };
    let (kind, port, checksum) = match tunnel {
        None | Some(Tunnel::IpIp) => (IPIP, 0, TunnelChecksum::Without),
        Some(Tunnel::Gue { port, checksum }) => (GUE, port, checksum),
        Some(Tunnel::Gre { checksum }) => (GRE, 0, checksum),
    };
    let flags: u16 = match checksum {
        TunnelChecksum::Without => 0,
        TunnelChecksum::Full => FULL,
        TunnelChecksum::Remote => REMOTE,
    };
    builder
        .number(METHOD, method)
        .number(WEIGHT, wanted.weight)
        .attribute(TUNNEL_KIND, &[kind])
        .attribute(TUNNEL_PORT, &port.to_be_bytes())
        .attribute(TUNNEL_FLAGS, &flags.to_ne_bytes())
        .number(UPPER, wanted.upper_threshold)
        .number(LOWER, wanted.lower_threshold)
}

/// Reads one of a service of `family`, which kernels that have no mixed services do not repeat.
pub(super) fn parse(attributes: Attributes<'_>, mut family: Family) -> Option<(Back, Destination)> {
    let (mut address, mut port, mut method) = (None, None, None);
    let (mut weight, mut upper, mut lower) = (None, 0, 0);
    let (mut kind, mut tunnel_port, mut flags) = (IPIP, 0, 0);
    for (attribute, value) in attributes {
        match attribute {
            FAMILY => family = family_of(short(value)?)?,
            ADDRESS => address = Some(value),
            PORT => port = Some(u16::from_be_bytes(*value.first_chunk()?)),
            METHOD => method = number(value),
            WEIGHT => weight = number(value),
            UPPER => upper = number(value)?,
            LOWER => lower = number(value)?,
            TUNNEL_KIND => kind = *value.first()?,
            TUNNEL_PORT => tunnel_port = u16::from_be_bytes(*value.first_chunk()?),
            TUNNEL_FLAGS => flags = short(value)?,
            _ => {}
        }
    }
    let forwarding = match method? & METHODS {
        NAT => Forwarding::Nat,
        DIRECT_ROUTE => Forwarding::DirectRoute,
        TUNNEL => {
            tunnel(kind, tunnel_port, flags).map_or(Forwarding::Other(TUNNEL), Forwarding::Tunnel)
        }
        other => Forwarding::Other(other),
    };
    let back = Back { address: address_of(family, address?)?, port: port? };
    let destination =
        Destination { forwarding, weight: weight?, upper_threshold: upper, lower_threshold: lower };
    Some((back, destination))
}

/// A tunnel, unless it is one that later kernels have.
const fn tunnel(kind: u8, port: u16, flags: u16) -> Option<Tunnel> {
    let checksum = match flags {
        0 => TunnelChecksum::Without,
        FULL => TunnelChecksum::Full,
        REMOTE => TunnelChecksum::Remote,
        _ => return None,
    };
    match kind {
        IPIP => Some(Tunnel::IpIp),
        GUE => Some(Tunnel::Gue { port, checksum }),
        GRE => Some(Tunnel::Gre { checksum }),
        _ => None,
    }
}

const ADDRESS: u16 = 1;
const PORT: u16 = 2;
const METHOD: u16 = 3;
const WEIGHT: u16 = 4;
const UPPER: u16 = 5;
const LOWER: u16 = 6;
const FAMILY: u16 = 11;
const TUNNEL_KIND: u16 = 13;
const TUNNEL_PORT: u16 = 14;
const TUNNEL_FLAGS: u16 = 15;

const NAT: u32 = 0;
const TUNNEL: u32 = 2;
const DIRECT_ROUTE: u32 = 3;
/// The bits that say how packets get there.
const METHODS: u32 = 7;

const IPIP: u8 = 0;
const GUE: u8 = 1;
const GRE: u8 = 2;
const FULL: u16 = 1;
const REMOTE: u16 = 2;
