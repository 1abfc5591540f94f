//! A view of the bytes of an advertisement.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |version| type 1|      VRID     |    priority   |     count     |
//! |   auth type   |  interval (s) |           checksum            |   version 2
//! | rsvd  |   interval (cs, 12)   |           checksum            |   version 3
//! |                     count x address (4 or 16)                 |
//! |                 authentication data (8 bytes)                 |   version 2
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use core::net::IpAddr;

use super::{Arrival, Discard, PROTOCOL, UnicastForm};
use crate::Vrid;
use crate::ip::{Ipv4Header, Ipv4Packet};

/// At least the eight bytes of the header of an advertisement, nothing judged yet.
#[derive(Clone, Copy, Debug)]
pub struct AdvertisementPacket<'a> {
    bytes: &'a [u8],
    header: &'a [u8; HEADER_LEN],
    body: &'a [u8],
}

impl<'a> AdvertisementPacket<'a> {
    /// Bytes before the addresses.
    pub const HEADER_LEN: usize = HEADER_LEN;

    /// A view of `bytes`, which start at the VRRP header, as an IPv6 socket delivers them.
    ///
    /// **Errors**: [`Discard::Length`].
    pub fn new_checked(bytes: &'a [u8]) -> Result<Self, Discard> {
        let (header, body) = bytes.split_first_chunk().ok_or(Discard::Length)?;
        Ok(Self { bytes, header, body })
    }

    /// A view into a whole IPv4 datagram, as a raw IPv4 socket delivers it, and how it arrived. Bytes after the total
    /// length of the datagram are Ethernet padding and left out.
    ///
    /// **Errors**: [`Discard::IpHeader`], [`Discard::Protocol`], [`Discard::Length`].
    pub fn from_ipv4(datagram: &'a [u8]) -> Result<(Self, Arrival), Discard> {
        let ip = Ipv4Packet::new_checked(datagram).map_err(|_| Discard::IpHeader)?;
        let header = Ipv4Header::parse(&ip).map_err(|_| Discard::IpHeader)?;
        if header.protocol != PROTOCOL {
            return Err(Discard::Protocol);
        }
        let arrival = Arrival {
            source: IpAddr::V4(header.source),
            destination: IpAddr::V4(header.destination),
            hop_limit: header.ttl,
        };
        Ok((Self::new_checked(ip.payload())?, arrival))
    }

    /// Which router it is for, to look up what that one expects; nothing for the forbidden 0.
    #[must_use]
    pub const fn vrid(&self) -> Option<Vrid> {
        Vrid::new(self.header[field::VRID])
    }

    /// The version field, unjudged.
    #[must_use]
    pub const fn version_number(&self) -> u8 {
        self.header[field::VERSION_TYPE] >> 4
    }

    /// The type field, unjudged.
    #[must_use]
    pub const fn type_number(&self) -> u8 {
        self.header[field::VERSION_TYPE] & 0x0f
    }

    /// The priority field.
    #[must_use]
    pub const fn priority(&self) -> u8 {
        self.header[field::PRIORITY]
    }

    /// How many addresses it says to have.
    #[must_use]
    pub const fn count(&self) -> u8 {
        self.header[field::COUNT]
    }

    /// The form of the checksum of a VRRPv3 packet over IPv4 that was accepted under
    /// [`ChecksumRule::OldUnicast`](super::ChecksumRule::OldUnicast).
    #[must_use]
    pub fn unicast_form(&self, arrival: &Arrival) -> UnicastForm {
        UnicastForm::of(self.bytes, arrival)
    }

    /// The two bytes that each version reads in its own way.
    pub(super) const fn version_specific(&self) -> [u8; 2] {
        [self.header[4], self.header[5]]
    }

    /// Everything after the header.
    pub(super) const fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Everything.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

pub(super) mod field {
    use core::ops::Range;

    pub(in crate::vrrp) const VERSION_TYPE: usize = 0;
    pub(in crate::vrrp) const VRID: usize = 1;
    pub(in crate::vrrp) const PRIORITY: usize = 2;
    pub(in crate::vrrp) const COUNT: usize = 3;
    pub(in crate::vrrp) const CHECKSUM: Range<usize> = 6..8;
}

/// The type field of the only packet that VRRP has.
pub(super) const ADVERTISEMENT: u8 = 1;

const HEADER_LEN: usize = 8;
