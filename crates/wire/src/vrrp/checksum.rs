//! The checksums of VRRP, which differ by version, by family and by history.
//!
//! VRRPv2 sums the VRRP packet alone (RFC 3768 §5.3.8). VRRPv3 over IPv6 sums a pseudo header too (RFC 9568 §5.2.8). Over
//! IPv4 implementations disagreed about RFC 5798; most, the incumbent among them, sum a pseudo header and want one, where
//! RFC 9568 §5.2.8 sums the packet alone: hence the options.

use core::net::IpAddr;

use super::{Arrival, MULTICAST_V4, PROTOCOL};
use crate::checksum::Sum;

/// What to write into the checksum field of VRRPv3; VRRPv2 has one form and ignores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Over the pseudo header of these addresses and the packet.
    PseudoHeader {
        /// From whom.
        source: IpAddr,
        /// To whom.
        destination: IpAddr,
    },
    /// Over the packet alone: `v3_checksum_as_v2`, IPv4 only.
    AsV2,
    /// Zero: the kernel fills it in (socket option `IPV6_CHECKSUM` with offset 6), IPv6 only.
    Kernel,
}

/// With which pseudo header a checksum of VRRPv3 unicast over IPv4 was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnicastForm {
    /// With the receiver's address, as the RFC says.
    #[default]
    Standard,
    /// With the multicast group in its place, as the incumbent before 1.3.6 has it.
    Old,
}

impl UnicastForm {
    /// The form of the VRRPv3 packet in `bytes`, whose checksum is right in one of them.
    pub(super) fn of(bytes: &[u8], arrival: &Arrival) -> Self {
        if is_right(bytes, arrival.source, arrival.destination) {
            Self::Standard
        } else {
            Self::Old
        }
    }

    /// What to write into the checksum field of a packet of this form.
    #[must_use]
    pub const fn checksum(self, source: IpAddr, destination: IpAddr) -> Checksum {
        match self {
            Self::Standard => Checksum::PseudoHeader { source, destination },
            Self::Old => Checksum::PseudoHeader { source, destination: IpAddr::V4(MULTICAST_V4) },
        }
    }
}

/// Which checksums of VRRPv3 are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumRule {
    /// Over pseudo header and packet, as the RFC says.
    PseudoHeader,
    /// That, or over the packet alone: `v3_checksum_as_v2`.
    AsV2,
    /// That, or over a pseudo header with the multicast group as destination, as unicast of the incumbent before
    /// 1.3.6 has it.
    OldUnicast,
    /// Any: the kernel has checked it on this socket (`IPV6_CHECKSUM`).
    Kernel,
}

impl ChecksumRule {
    /// Whether the checksum inside the VRRPv3 packet `bytes` is right.
    pub(super) fn accepts(self, bytes: &[u8], arrival: &Arrival) -> bool {
        let Arrival { source, destination, .. } = *arrival;
        match self {
            Self::Kernel => true,
            Self::PseudoHeader => is_right(bytes, source, destination),
            Self::AsV2 => is_right(bytes, source, destination) || is_plain_right(bytes),
            Self::OldUnicast => {
                is_right(bytes, source, destination)
                    || is_right(bytes, source, IpAddr::V4(MULTICAST_V4))
            }
        }
    }
}

/// Whether the checksum over the packet alone is right.
pub(super) fn is_plain_right(bytes: &[u8]) -> bool {
    Sum::new().add(bytes).finish() == 0
}

fn is_right(bytes: &[u8], source: IpAddr, destination: IpAddr) -> bool {
    Sum::new()
        .add_pseudo(source, destination, PROTOCOL, bytes.len())
        .is_some_and(|sum| sum.add(bytes).finish() == 0)
}
