//! Ethernet II frames, as far as a packet socket needs them.
//!
//! No VLAN tags: the kernel takes them off before a socket sees the frame, and a tag that is left reads as another
//! [`EtherType`]. **Source**: RFC 894; numbers from the IEEE registry.
//!
//! ```text
//!  0                   6                   12        14
//! +-------------------+-------------------+---------+----------
//! |    destination    |      source       |  type   | payload
//! +-------------------+-------------------+---------+----------
//! ```

use crate::{MacAddr, Malformed};

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4.
    pub const IPV4: Self = Self(0x0800);
    /// ARP.
    pub const ARP: Self = Self(0x0806);
    /// IPv6.
    pub const IPV6: Self = Self(0x86dd);
}

/// Header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EthernetHeader {
    /// To whom.
    pub destination: MacAddr,
    /// From whom.
    pub source: MacAddr,
    /// What follows.
    pub ether_type: EtherType,
}

impl EthernetHeader {
    /// Bytes of a header.
    pub const LEN: usize = 14;

    /// The header and what follows it; padding is still on the payload.
    ///
    /// **Errors**: [`Malformed::Truncated`].
    pub fn parse(frame: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let (header, payload) =
            frame.split_first_chunk::<{ Self::LEN }>().ok_or(Malformed::Truncated)?;
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = *header;
        let header = Self {
            destination: MacAddr([d0, d1, d2, d3, d4, d5]),
            source: MacAddr([s0, s1, s2, s3, s4, s5]),
            ether_type: EtherType(u16::from_be_bytes([t0, t1])),
        };
        Ok((header, payload))
    }

    /// The header as bytes.
    #[must_use]
    pub fn emit(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[field::DESTINATION].copy_from_slice(&self.destination.0);
        bytes[field::SOURCE].copy_from_slice(&self.source.0);
        bytes[field::ETHER_TYPE].copy_from_slice(&self.ether_type.0.to_be_bytes());
        bytes
    }
}

mod field {
    use core::ops::Range;

    pub(super) const DESTINATION: Range<usize> = 0..6;
    pub(super) const SOURCE: Range<usize> = 6..12;
    pub(super) const ETHER_TYPE: Range<usize> = 12..14;
}
