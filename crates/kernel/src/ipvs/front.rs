//! What names a service: family, protocol, address and port, or a mark.
//!
//! **Shape**: addresses are sixteen bytes, of which IPv4 uses the first four; ports are in network order, all other numbers
//! in host order. **Source**: linux/ip_vs.h (`IPVS_SVC_ATTR_*`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use intent::service::{Front, Transport};
use wire::Family;

use super::attribute;
use crate::netlink::message::{Attributes, Builder, number};

/// Begins the attribute of a service; whoever adds to it closes it.
pub(super) fn emit(builder: Builder, front: &Front) -> Builder {
    let family = kernel_family(front.family());
    let builder = builder.open(attribute::SERVICE).attribute(FAMILY, &family.to_ne_bytes());
    match front {
        Front::Address { protocol, address, port } => {
            let protocol: u16 = match protocol {
                Transport::Tcp => TCP,
                Transport::Udp => UDP,
                Transport::Sctp => SCTP,
            };
            builder
                .attribute(PROTOCOL, &protocol.to_ne_bytes())
                .attribute(ADDRESS, &octets(*address))
                .attribute(PORT, &port.to_be_bytes())
        }
        Front::Mark { mark, .. } => builder.number(MARK, *mark),
    }
}

/// Reads it. Nothing comes of what we could not name ourselves.
pub(super) fn parse(attributes: Attributes<'_>) -> Option<Front> {
    let (mut family, mut protocol, mut address, mut port, mut mark) =
        (None, None, None, None, None);
    for (kind, value) in attributes {
        match kind {
            FAMILY => family = family_of(short(value)?),
            PROTOCOL => {
                protocol = match short(value)? {
                    TCP => Some(Transport::Tcp),
                    UDP => Some(Transport::Udp),
                    SCTP => Some(Transport::Sctp),
                    _ => return None,
                };
            }
            ADDRESS => address = Some(value),
            PORT => port = Some(u16::from_be_bytes(*value.first_chunk()?)),
            MARK => mark = number(value),
            _ => {}
        }
    }
    let family = family?;
    Some(match mark.filter(|mark| *mark != 0) {
        Some(mark) => Front::Mark { mark, family },
        None => Front::Address {
            protocol: protocol?,
            address: address_of(family, address?)?,
            port: port?,
        },
    })
}

/// An address as sixteen bytes.
pub(super) fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(address) => address.octets(),
    }
}

/// An address of a family from its bytes.
pub(super) fn address_of(family: Family, value: &[u8]) -> Option<IpAddr> {
    Some(match family {
        Family::Ipv4 => Ipv4Addr::from(*value.first_chunk::<4>()?).into(),
        Family::Ipv6 => Ipv6Addr::from(*value.first_chunk::<16>()?).into(),
    })
}

/// `AF_INET` or `AF_INET6`.
pub(super) const fn kernel_family(family: Family) -> u16 {
    match family {
        Family::Ipv4 => AF_INET,
        Family::Ipv6 => AF_INET6,
    }
}

/// The family that the kernel means.
pub(super) const fn family_of(number: u16) -> Option<Family> {
    match number {
        AF_INET => Some(Family::Ipv4),
        AF_INET6 => Some(Family::Ipv6),
        _ => None,
    }
}

/// A number of two bytes in host order.
pub(super) fn short(value: &[u8]) -> Option<u16> {
    Some(u16::from_ne_bytes(*value.first_chunk()?))
}

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const TCP: u16 = 6;
const UDP: u16 = 17;
const SCTP: u16 = 132;

const FAMILY: u16 = 1;
const PROTOCOL: u16 = 2;
const ADDRESS: u16 = 3;
const PORT: u16 = 4;
const MARK: u16 = 5;
