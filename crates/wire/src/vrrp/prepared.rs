//! An advertisement emitted once and sent many times.
//!
//! Between two sendings at most the priority and the identification change, and with them two checksums; they are patched
//! in place (RFC 1624 §3). What is sent is a copy of the bytes in a buffer for many, in which authenticated adverts
//! are also proved ([`Seal`](super::Seal), [`sign`](super::sign)).

use core::net::{IpAddr, Ipv4Addr};

use super::packet::field;
use super::{
    Advertisement, AdvertisementPacket, Checksum, HEADER_PROTOCOL, PROTOCOL, TRAILER_LEN, auth,
};
use crate::checksum::updated;
use crate::ip::{self, Ipv4Header};
use crate::{EmitError, Priority};

/// The bytes to hand to a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    bytes: Vec<u8>,
    /// Where the VRRP header starts: 0, or after the IPv4 header.
    start: usize,
    /// Whether the field is left to the kernel.
    kernel_checksum: bool,
}

impl Prepared {
    /// From the VRRP header on, for a socket whose kernel writes the IP header.
    ///
    /// **Errors**: those of [`Advertisement::emit`] but for the room.
    pub fn payload(
        advertisement: &Advertisement<'_>,
        checksum: Checksum,
    ) -> Result<Self, EmitError> {
        Self::build(&[], advertisement, checksum)
    }

    /// A whole IPv4 datagram with the service type of routing traffic, for a socket with `IP_HDRINCL`.
    ///
    /// `checksum` is the form for VRRPv3; for the RFC's, see [`Self::ipv4`].
    ///
    /// **Errors**: those of [`Advertisement::emit`] but for the room.
    pub fn ipv4_with_checksum(
        advertisement: &Advertisement<'_>,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        ttl: u8,
        checksum: Checksum,
    ) -> Result<Self, EmitError> {
        let header = Ipv4Header {
            tos: Ipv4Header::TOS_INTERNETWORK_CONTROL,
            identification: 0,
            ttl,
            protocol: PROTOCOL,
            source,
            destination,
        };
        Self::build(&header.emit(advertisement.len()), advertisement, checksum)
    }

    /// A whole IPv4 datagram with an authentication header, still to be numbered and [signed](super::sign).
    ///
    /// **Errors**: those of [`Advertisement::emit`] but for the room.
    pub fn ipv4_with_header(
        advertisement: &Advertisement<'_>,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        ttl: u8,
    ) -> Result<Self, EmitError> {
        let header = Ipv4Header {
            tos: Ipv4Header::TOS_INTERNETWORK_CONTROL,
            identification: 0,
            ttl,
            protocol: HEADER_PROTOCOL,
            source,
            destination,
        };
        let payload = advertisement.len().saturating_add(auth::HEADER_LEN);
        let before = [header.emit(payload).as_slice(), &auth::blank(source)].concat();
        Self::build(&before, advertisement, Checksum::AsV2)
    }

    /// A whole IPv4 datagram with the checksum of the RFC.
    ///
    /// **Errors**: those of [`Advertisement::emit`] but for the room.
    pub fn ipv4(
        advertisement: &Advertisement<'_>,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        ttl: u8,
    ) -> Result<Self, EmitError> {
        let checksum = Checksum::PseudoHeader {
            source: IpAddr::V4(source),
            destination: IpAddr::V4(destination),
        };
        Self::ipv4_with_checksum(advertisement, source, destination, ttl, checksum)
    }

    /// The same with room for a trailer behind it, still to be [sealed](super::Seal).
    #[must_use]
    pub fn with_room_for_trailer(mut self) -> Self {
        self.bytes.extend([0; TRAILER_LEN]);
        let total = u16::try_from(self.bytes.len()).unwrap_or(u16::MAX);
        if self.start > 0
            && let Some(header) = self.bytes.first_chunk_mut::<{ Ipv4Header::LEN }>()
        {
            let [_, _, l0, l1, _, _, _, _, _, _, c0, c1, ..] = *header;
            let (length, checksum) = (u16::from_be_bytes([l0, l1]), u16::from_be_bytes([c0, c1]));
            header[ip::field::TOTAL_LENGTH].copy_from_slice(&total.to_be_bytes());
            let checksum = updated(checksum, length, total);
            header[ip::field::CHECKSUM].copy_from_slice(&checksum.to_be_bytes());
        }
        self
    }

    /// Where the VRRP header begins.
    #[must_use]
    pub const fn start(&self) -> usize {
        self.start
    }

    /// What to send.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The priority that stands in it.
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.bytes
            .get(self.start.saturating_add(field::PRIORITY))
            .map_or(Priority::RESIGN, |priority| Priority(*priority))
    }

    /// Writes another priority, and what the checksum becomes by it.
    pub fn set_priority(&mut self, priority: Priority) {
        let kernel_checksum = self.kernel_checksum;
        let Some(header) = self
            .bytes
            .get_mut(self.start..)
            .and_then(|packet| packet.first_chunk_mut::<{ AdvertisementPacket::HEADER_LEN }>())
        else {
            return;
        };
        let [_, _, old, count, _, _, high, low] = *header;
        header[field::PRIORITY] = priority.0;
        if !kernel_checksum {
            let checksum = updated(
                u16::from_be_bytes([high, low]),
                u16::from_be_bytes([old, count]),
                u16::from_be_bytes([priority.0, count]),
            );
            header[field::CHECKSUM].copy_from_slice(&checksum.to_be_bytes());
        }
    }

    /// Writes the identification of a whole IPv4 datagram, and what the header checksum becomes by it; does nothing
    /// without an IPv4 header.
    pub fn set_identification(&mut self, identification: u16) {
        if self.start == 0 {
            return;
        }
        let Some(header) = self.bytes.first_chunk_mut::<{ Ipv4Header::LEN }>() else { return };
        let [_, _, _, _, id0, id1, _, _, _, _, c0, c1, ..] = *header;
        let checksum =
            updated(u16::from_be_bytes([c0, c1]), u16::from_be_bytes([id0, id1]), identification);
        header[ip::field::IDENTIFICATION].copy_from_slice(&identification.to_be_bytes());
        header[ip::field::CHECKSUM].copy_from_slice(&checksum.to_be_bytes());
    }

    fn build(
        before: &[u8],
        advertisement: &Advertisement<'_>,
        checksum: Checksum,
    ) -> Result<Self, EmitError> {
        let start = before.len();
        let mut bytes = Vec::with_capacity(start.saturating_add(advertisement.len()));
        bytes.extend_from_slice(before);
        bytes.resize(start.saturating_add(advertisement.len()), 0);
        let packet = bytes.get_mut(start..).unwrap_or_default();
        advertisement.emit(packet, checksum)?;
        Ok(Self { bytes, start, kernel_checksum: checksum == Checksum::Kernel })
    }
}
