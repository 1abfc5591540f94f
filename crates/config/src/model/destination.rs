//! Where advertisements go, and what is expected of those who send some back.

use core::net::IpAddr;

use wire::vrrp::HopLimits;

/// Where an instance sends and from where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The multicast group.
    Multicast(IpAddr),
    /// `unicast_peer`. Boxed: most instances speak to a group, and there may be thousands.
    Unicast(Box<Unicast>),
}

impl Destination {
    /// The settings of unicast, where it is used.
    #[must_use]
    pub fn unicast(&self) -> Option<&Unicast> {
        match self {
            Self::Multicast(_) => None,
            Self::Unicast(unicast) => Some(unicast),
        }
    }
}

/// Unicast to peers that are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unicast {
    /// `unicast_peer`; empty only where the instance is held back for it.
    pub peers: Vec<Peer>,
    /// `unicast_ttl`: TTL or hop limit of what is sent.
    pub ttl: u8,
    /// What becomes of adverts of other senders.
    pub strangers: Strangers,
    /// `old_unicast_checksum`.
    pub checksum: UnicastChecksum,
}

impl Unicast {
    /// The peer with this address.
    #[must_use]
    pub fn peer(&self, address: IpAddr) -> Option<&Peer> {
        self.peers.iter().find(|peer| peer.address == address)
    }
}

/// One peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// `min_ttl`, `max_ttl`: what its adverts may arrive with.
    pub hop_limits: HopLimits,
}

/// What becomes of a unicast advert whose sender is no peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strangers {
    /// It counts like any other.
    Heard,
    /// It is refused: `check_unicast_src`, `vrrp_check_unicast_src`, or bounds of TTL for a peer.
    Refused,
}

/// With which pseudo header the checksum of VRRPv3 unicast over IPv4 is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnicastChecksum {
    /// For each peer with the one that it uses itself.
    Detected,
    /// `old_unicast_checksum`: with that of keepalived before 1.3.6.
    Old,
    /// `old_unicast_checksum never`: with that of the RFC.
    Standard,
}
