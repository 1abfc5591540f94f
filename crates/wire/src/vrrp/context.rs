//! What a packet is judged by: how it arrived, and what its router expects.

use core::net::{IpAddr, Ipv4Addr};

use super::{Authentication, ChecksumRule, HOP_LIMIT};
use crate::{Family, MaxAdvertiseInterval, Version};

/// Everything that [`Advertisement::parse`](super::Advertisement::parse) needs besides the bytes.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// Of this packet.
    pub arrival: Arrival,
    /// Of this router.
    pub expected: Expected,
}

/// Facts from the IP header (or, for IPv6, from the control messages of the socket).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// From whom.
    pub source: IpAddr,
    /// To whom.
    pub destination: IpAddr,
    /// TTL or hop limit as received.
    pub hop_limit: u8,
}

impl Arrival {
    /// Whether it came to one or to a group.
    #[must_use]
    pub const fn casting(&self) -> Casting {
        if self.destination.is_multicast() { Casting::Multicast } else { Casting::Unicast }
    }
}

/// What the configuration of a router says about packets for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Version spoken.
    pub version: Version,
    /// Family of the router.
    pub family: Family,
    /// How advertisements are to come.
    pub casting: Casting,
    /// Which TTL or hop limit they may have.
    pub hop_limits: HopLimits,
    /// VRRPv2: what they prove themselves with. Not looked at in VRRPv3.
    pub authentication: Authentication,
    /// VRRPv2: our own interval, which theirs has to equal. Not looked at in VRRPv3, whose interval is learnt.
    pub interval: MaxAdvertiseInterval,
    /// VRRPv3: which checksums are right. VRRPv2 has one form.
    pub checksum: ChecksumRule,
}

impl Expected {
    /// What a router on a multicast LAN without further options expects.
    #[must_use]
    pub const fn multicast(
        version: Version,
        family: Family,
        interval: MaxAdvertiseInterval,
    ) -> Self {
        Self {
            version,
            family,
            casting: Casting::Multicast,
            hop_limits: HopLimits::ONLY_255,
            authentication: Authentication::None,
            interval,
            checksum: ChecksumRule::PseudoHeader,
        }
    }

    /// The same among unicast peers, where any TTL is right unless a peer is given bounds.
    #[must_use]
    pub const fn unicast(version: Version, family: Family, interval: MaxAdvertiseInterval) -> Self {
        Self {
            casting: Casting::Unicast,
            hop_limits: HopLimits::ANY,
            ..Self::multicast(version, family, interval)
        }
    }
}

/// To one or to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Casting {
    /// To the group of VRRP.
    Multicast,
    /// To configured peers.
    Unicast,
}

/// Which TTL or hop limit is accepted, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HopLimits {
    /// Lowest.
    pub least: u8,
    /// Highest.
    pub most: u8,
}

impl HopLimits {
    /// From this link only (RFC 9568 §5.1.1.3).
    pub const ONLY_255: Self = Self { least: HOP_LIMIT, most: HOP_LIMIT };
    /// From anywhere.
    pub const ANY: Self = Self { least: 0, most: u8::MAX };

    /// Whether `hop_limit` lies within.
    #[must_use]
    pub const fn contain(self, hop_limit: u8) -> bool {
        self.least <= hop_limit && hop_limit <= self.most
    }
}

impl From<(Ipv4Addr, Ipv4Addr, u8)> for Arrival {
    /// From source, destination and TTL.
    fn from((source, destination, ttl): (Ipv4Addr, Ipv4Addr, u8)) -> Self {
        Self { source: source.into(), destination: destination.into(), hop_limit: ttl }
    }
}
