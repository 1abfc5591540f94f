//! VRRP advertisements, versions 2 and 3.
//!
//! [`AdvertisementPacket`] is a view of bytes; [`Advertisement`] is what they mean to a router that says in a
//! [`Context`] what arrived how and what it expects. Whatever is refused has a [`Discard`], one per reason of the RFCs.
//! Which router a packet is for is the caller's to look up by [`AdvertisementPacket::vrid`]; whether it changes
//! anything is the election's. Going out, [`Prepared`] is emitted once and sent again and again.
//!
//! **Source**: RFC 9568 §5 and §7.1 (version 3), RFC 3768 §5 and §7.1 (version 2), RFC 2338 §5.3.6 (authentication).

mod addresses;
mod advertisement;
mod auth;
mod checksum;
mod context;
mod discard;
mod packet;
mod prepared;
mod v2;
mod v3;

use core::net::{Ipv4Addr, Ipv6Addr};

pub use addresses::{AddressIter, Addresses};
pub use advertisement::Advertisement;
pub use auth::{
    AuthenticatedPacket, Authentication, HEADER_PROTOCOL, HeaderKey, KeyId, Seal, Stamp,
    TRAILER_LEN, TrailedPacket, TrailerKey, sign,
};
pub use checksum::{Checksum, ChecksumRule, UnicastForm};
pub use context::{Arrival, Casting, Context, Expected, HopLimits};
pub use discard::{Discard, DiscardCounters};
pub use packet::AdvertisementPacket;
pub use prepared::Prepared;

/// IP protocol number of VRRP.
pub const PROTOCOL: u8 = 112;
/// Where advertisements of IPv4 routers go.
pub const MULTICAST_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
/// Where advertisements of IPv6 routers go.
pub const MULTICAST_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);
/// TTL or hop limit of an advertisement: proof that it was not forwarded.
pub const HOP_LIMIT: u8 = 255;
