//! IPv4 and IPv6 headers.
//!
//! A raw IPv4 socket hands over whole datagrams, so the VRRP room needs to see under the header; it sends whole ones
//! too, to be master of every field. IPv6 sockets keep the header to themselves: its half here serves packet sockets.
//! Options and extension headers are skipped over (IPv4) or refused (IPv6); fragments are refused.
//! **Source**: RFC 791 §3.1, RFC 8200 §3.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |   4   |  IHL  |      TOS      |          total length         |
//! |         identification        |flags|     fragment offset     |
//! |      TTL      |    protocol   |        header checksum        |
//! |                             source                            |
//! |                          destination                          |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use core::net::{Ipv4Addr, Ipv6Addr};

use crate::Malformed;
use crate::checksum::Sum;

/// A view of a whole IPv4 datagram.
///
/// **Shape**: the header and its options are complete, the total length lies within the bytes; bytes after it
/// (Ethernet padding) are not part of the payload.
#[derive(Clone, Copy, Debug)]
pub struct Ipv4Packet<'a> {
    header: &'a [u8; Ipv4Header::LEN],
    whole_header: &'a [u8],
    payload: &'a [u8],
}

impl<'a> Ipv4Packet<'a> {
    /// A view of `bytes`.
    ///
    /// **Errors**: [`Malformed::Kind`] when the version is not 4; [`Malformed::Truncated`] when a length is beyond the
    /// bytes; [`Malformed::Value`] when a length is below the minimum.
    pub fn new_checked(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let header = bytes.first_chunk::<{ Ipv4Header::LEN }>().ok_or(Malformed::Truncated)?;
        let &[version_ihl, _, length_high, length_low, ..] = header;
        if version_ihl >> 4 != 4 {
            return Err(Malformed::Kind);
        }
        let header_length = usize::from(version_ihl & 0x0f) * 4;
        let total_length = usize::from(u16::from_be_bytes([length_high, length_low]));
        if header_length < Ipv4Header::LEN || total_length < header_length {
            return Err(Malformed::Value);
        }
        let datagram = bytes.get(..total_length).ok_or(Malformed::Truncated)?;
        let (whole_header, payload) =
            datagram.split_at_checked(header_length).ok_or(Malformed::Truncated)?;
        Ok(Self { header, whole_header, payload })
    }

    /// What follows the header, without padding.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The header, where it has no options.
    #[must_use]
    pub(crate) fn header_without_options(&self) -> Option<&'a [u8; Ipv4Header::LEN]> {
        (self.whole_header.len() == Ipv4Header::LEN).then_some(self.header)
    }

    /// Whether this is a piece of a larger datagram.
    #[must_use]
    pub const fn is_fragment(&self) -> bool {
        let [_, _, _, _, _, _, high, low, ..] = *self.header;
        // More-fragments flag and offset; don't-fragment and the reserved bit are no concern here.
        u16::from_be_bytes([high, low]) & 0x3fff != 0
    }

    /// Whether the header checksum is right.
    #[must_use]
    pub fn is_checksum_right(&self) -> bool {
        Sum::new().add(self.whole_header).finish() == 0
    }
}

/// Meaning of an IPv4 header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4Header {
    /// Type of service, 0xc0 for VRRP.
    pub tos: u8,
    /// Identification; 0 lets the kernel choose on a raw socket.
    pub identification: u16,
    /// Time to live.
    pub ttl: u8,
    /// What follows.
    pub protocol: u8,
    /// From whom.
    pub source: Ipv4Addr,
    /// To whom.
    pub destination: Ipv4Addr,
}

impl Ipv4Header {
    /// Bytes of a header without options.
    pub const LEN: usize = 20;
    /// Internetwork control precedence, which the incumbent marks its adverts with.
    pub const TOS_INTERNETWORK_CONTROL: u8 = 0xc0;

    /// The meaning of the header of `packet`. The header checksum is not looked at: the kernel has checked it on every
    /// path but a packet socket, where [`Ipv4Packet::is_checksum_right`] says.
    ///
    /// **Errors**: [`Malformed::Value`] for a fragment.
    pub const fn parse(packet: &Ipv4Packet<'_>) -> Result<Self, Malformed> {
        if packet.is_fragment() {
            return Err(Malformed::Value);
        }
        let [_, tos, _, _, id0, id1, _, _, ttl, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] =
            *packet.header;
        Ok(Self {
            tos,
            identification: u16::from_be_bytes([id0, id1]),
            ttl,
            protocol,
            source: Ipv4Addr::new(s0, s1, s2, s3),
            destination: Ipv4Addr::new(d0, d1, d2, d3),
        })
    }

    /// The header of a datagram with a payload of `payload_length` bytes, which is cut to what 16 bits hold.
    #[must_use]
    pub fn emit(&self, payload_length: usize) -> [u8; Self::LEN] {
        let total = u16::try_from(payload_length.saturating_add(Self::LEN)).unwrap_or(u16::MAX);
        let mut bytes = [0; Self::LEN];
        bytes[0] = 0x45;
        bytes[1] = self.tos;
        bytes[field::TOTAL_LENGTH].copy_from_slice(&total.to_be_bytes());
        bytes[field::IDENTIFICATION].copy_from_slice(&self.identification.to_be_bytes());
        bytes[8] = self.ttl;
        bytes[9] = self.protocol;
        bytes[field::SOURCE].copy_from_slice(&self.source.octets());
        bytes[field::DESTINATION].copy_from_slice(&self.destination.octets());
        let checksum = Sum::new().add(&bytes).finish();
        bytes[field::CHECKSUM].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }
}

/// Meaning of an IPv6 header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6Header {
    /// Traffic class, 0xc0 for VRRP.
    pub traffic_class: u8,
    /// What follows; an extension header is not looked behind.
    pub next_header: u8,
    /// Routers that may still pass it on.
    pub hop_limit: u8,
    /// From whom.
    pub source: Ipv6Addr,
    /// To whom.
    pub destination: Ipv6Addr,
}

impl Ipv6Header {
    /// Bytes of a header.
    pub const LEN: usize = 40;

    /// The header and the payload, without padding.
    ///
    /// **Errors**: [`Malformed::Kind`] when the version is not 6, [`Malformed::Truncated`].
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let (header, rest) =
            bytes.split_first_chunk::<{ Self::LEN }>().ok_or(Malformed::Truncated)?;
        let &[version_class, class_flow, _, _, l0, l1, next_header, hop_limit, ref addresses @ ..] =
            header;
        if version_class >> 4 != 6 {
            return Err(Malformed::Kind);
        }
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let payload = rest.get(..length).ok_or(Malformed::Truncated)?;
        let (source, addresses) =
            addresses.split_first_chunk::<16>().ok_or(Malformed::Truncated)?;
        let destination = addresses.first_chunk::<16>().ok_or(Malformed::Truncated)?;
        let header = Self {
            traffic_class: version_class << 4 | class_flow >> 4,
            next_header,
            hop_limit,
            source: Ipv6Addr::from_octets(*source),
            destination: Ipv6Addr::from_octets(*destination),
        };
        Ok((header, payload))
    }

    /// The header before a payload of `payload_length` bytes, which is cut to what 16 bits hold.
    #[must_use]
    pub fn emit(&self, payload_length: usize) -> [u8; Self::LEN] {
        let length = u16::try_from(payload_length).unwrap_or(u16::MAX);
        let mut bytes = [0; Self::LEN];
        bytes[0] = 0x60 | self.traffic_class >> 4;
        bytes[1] = self.traffic_class << 4;
        bytes[field::V6_LENGTH].copy_from_slice(&length.to_be_bytes());
        bytes[6] = self.next_header;
        bytes[7] = self.hop_limit;
        bytes[field::V6_SOURCE].copy_from_slice(&self.source.octets());
        bytes[field::V6_DESTINATION].copy_from_slice(&self.destination.octets());
        bytes
    }
}

pub(crate) mod field {
    use core::ops::Range;

    pub(crate) const TOS: usize = 1;
    pub(crate) const TTL: usize = 8;
    pub(crate) const FRAGMENT: Range<usize> = 6..8;
    pub(crate) const TOTAL_LENGTH: Range<usize> = 2..4;
    pub(crate) const IDENTIFICATION: Range<usize> = 4..6;
    pub(crate) const CHECKSUM: Range<usize> = 10..12;
    pub(crate) const SOURCE: Range<usize> = 12..16;
    pub(crate) const DESTINATION: Range<usize> = 16..20;

    pub(super) const V6_LENGTH: Range<usize> = 4..6;
    pub(super) const V6_SOURCE: Range<usize> = 8..24;
    pub(super) const V6_DESTINATION: Range<usize> = 24..40;
}
