//! Echo request and reply of ICMP and ICMPv6: the ping of the demonstration and of tests.
//!
//! **Source**: RFC 792 page 14, RFC 4443 §4.1 and §4.2.
//!
//! ```text
//! +---------------+---------------+-------------------------------+
//! |     type      |    code 0     |            checksum           |
//! |           identifier          |        sequence number        |
//! |  data ...
//! ```

use core::net::Ipv6Addr;

use crate::checksum::Sum;
use crate::writer::Writer;
use crate::{EmitError, Malformed};

/// IP protocol number of ICMP.
pub const PROTOCOL_V4: u8 = 1;
/// Next header number of ICMPv6.
pub const PROTOCOL_V6: u8 = 58;

/// A view of bytes that are long enough for an echo message.
#[derive(Clone, Copy, Debug)]
pub struct EchoPacket<'a> {
    bytes: &'a [u8],
    header: &'a [u8; Echo::HEADER_LEN],
    data: &'a [u8],
}

impl<'a> EchoPacket<'a> {
    /// A view of `bytes`, which start at the ICMP header.
    ///
    /// **Errors**: [`Malformed::Truncated`].
    pub fn new_checked(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (header, data) = bytes.split_first_chunk().ok_or(Malformed::Truncated)?;
        Ok(Self { bytes, header, data })
    }
}

/// Question or answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EchoKind {
    /// Please answer.
    Request,
    /// The answer, with the data of the question.
    Reply,
}

/// Over which protocol, and what its checksum stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// ICMP, which has no pseudo header.
    Ipv4,
    /// ICMPv6 between two addresses.
    Ipv6 {
        /// From whom.
        source: Ipv6Addr,
        /// To whom.
        destination: Ipv6Addr,
    },
    /// ICMPv6 through a socket whose checksum the kernel makes and has checked.
    Ipv6KernelChecksum,
}

/// Meaning of an echo message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo<'a> {
    /// Question or answer.
    pub kind: EchoKind,
    /// Which conversation; a ping socket of Linux overwrites it with its port.
    pub identifier: u16,
    /// Which question of it.
    pub sequence: u16,
    /// Returned as it was.
    pub data: &'a [u8],
}

impl<'a> Echo<'a> {
    /// Bytes before the data.
    pub const HEADER_LEN: usize = 8;

    /// The meaning of `packet`.
    ///
    /// **Errors**: [`Malformed::Kind`] for another message, [`Malformed::Checksum`].
    pub fn parse(packet: &EchoPacket<'a>, carrier: Carrier) -> Result<Self, Malformed> {
        let [number, code, _, _, i0, i1, s0, s1] = *packet.header;
        let kind = match (carrier, number) {
            (Carrier::Ipv4, 8) => EchoKind::Request,
            (Carrier::Ipv4, 0) => EchoKind::Reply,
            (Carrier::Ipv6 { .. } | Carrier::Ipv6KernelChecksum, 128) => EchoKind::Request,
            (Carrier::Ipv6 { .. } | Carrier::Ipv6KernelChecksum, 129) => EchoKind::Reply,
            _ => return Err(Malformed::Kind),
        };
        if code != 0 {
            return Err(Malformed::Kind);
        }
        let sum = match carrier {
            Carrier::Ipv4 => Some(Sum::new()),
            Carrier::Ipv6 { source, destination } => {
                Some(Sum::new().add_pseudo_v6(source, destination, PROTOCOL_V6, packet.bytes.len()))
            }
            Carrier::Ipv6KernelChecksum => None,
        };
        if sum.is_some_and(|sum| sum.add(packet.bytes).finish() != 0) {
            return Err(Malformed::Checksum);
        }
        Ok(Self {
            kind,
            identifier: u16::from_be_bytes([i0, i1]),
            sequence: u16::from_be_bytes([s0, s1]),
            data: packet.data,
        })
    }

    /// Bytes that [`emit`](Self::emit) writes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a message is never empty")]
    pub const fn len(&self) -> usize {
        Self::HEADER_LEN.saturating_add(self.data.len())
    }

    /// Writes the message to the start of `buffer`; returns its length.
    ///
    /// **Errors**: [`EmitError::NoRoom`].
    pub fn emit(&self, buffer: &mut [u8], carrier: Carrier) -> Result<usize, EmitError> {
        let number = match (carrier, self.kind) {
            (Carrier::Ipv4, EchoKind::Request) => 8,
            (Carrier::Ipv4, EchoKind::Reply) => 0,
            (Carrier::Ipv6 { .. } | Carrier::Ipv6KernelChecksum, EchoKind::Request) => 128,
            (Carrier::Ipv6 { .. } | Carrier::Ipv6KernelChecksum, EchoKind::Reply) => 129,
        };
        let [i0, i1] = self.identifier.to_be_bytes();
        let [s0, s1] = self.sequence.to_be_bytes();
        let mut header = [number, 0, 0, 0, i0, i1, s0, s1];
        let sum = Sum::new().add(&header).add(self.data);
        let checksum = match carrier {
            Carrier::Ipv4 => sum.finish(),
            Carrier::Ipv6 { source, destination } => {
                sum.add_pseudo_v6(source, destination, PROTOCOL_V6, self.len()).finish()
            }
            Carrier::Ipv6KernelChecksum => 0,
        };
        header[2..4].copy_from_slice(&checksum.to_be_bytes());
        let mut writer = Writer::new(buffer);
        writer.put(&header)?;
        writer.put(self.data)?;
        Ok(self.len())
    }
}
