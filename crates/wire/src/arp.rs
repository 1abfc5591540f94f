//! ARP over Ethernet for IPv4: announcing a virtual address, asking for one, noticing another host that claims one.
//!
//! Other hardware types are refused; InfiniBand's longer addresses have no form here.
//! **Source**: RFC 826; gratuitous use RFC 5227 §3 and RFC 9568 §6.4.2.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |       hardware type (1)       |    protocol type (0x0800)     |
//! |  hw length 6  | proto length 4|           operation           |
//! |               sender hardware address (6 bytes)               |
//! |               sender protocol address (4 bytes)               |
//! |               target hardware address (6 bytes)               |
//! |               target protocol address (4 bytes)               |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use core::net::Ipv4Addr;

use crate::ethernet::{EtherType, EthernetHeader};
use crate::{MacAddr, Malformed};

/// A view of bytes that are long enough for ARP over Ethernet and IPv4.
#[derive(Clone, Copy, Debug)]
pub struct ArpPacket<'a> {
    bytes: &'a [u8; Arp::LEN],
}

impl<'a> ArpPacket<'a> {
    /// A view of `bytes`; what follows the packet (Ethernet padding) is not looked at.
    ///
    /// **Errors**: [`Malformed::Truncated`].
    pub fn new_checked(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Ok(Self { bytes: bytes.first_chunk().ok_or(Malformed::Truncated)? })
    }
}

/// Question or answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Who has the target address?
    Request,
    /// The sender has the sender address.
    Reply,
    /// Anything else, by number.
    Other(u16),
}

/// Meaning of an ARP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// Question or answer.
    pub operation: Operation,
    /// Who speaks.
    pub sender_mac: MacAddr,
    /// As which address; unspecified in a probe.
    pub sender: Ipv4Addr,
    /// Whom it is for; arbitrary in a request.
    pub target_mac: MacAddr,
    /// The address asked for, or the one that asked.
    pub target: Ipv4Addr,
}

impl Arp {
    /// Bytes of a packet.
    pub const LEN: usize = 28;
    /// Bytes of a packet with its Ethernet header; a driver pads it to the minimum itself.
    pub const FRAME_LEN: usize = EthernetHeader::LEN + Self::LEN;

    /// A gratuitous request: everyone on the link learns that `mac` has `address`.
    ///
    /// **Source**: Incumbent: a request, with the broadcast address as target hardware address.
    #[must_use]
    pub const fn gratuitous(mac: MacAddr, address: Ipv4Addr) -> Self {
        Self {
            operation: Operation::Request,
            sender_mac: mac,
            sender: address,
            target_mac: MacAddr::BROADCAST,
            target: address,
        }
    }

    /// A question for `target`.
    #[must_use]
    pub const fn request(mac: MacAddr, sender: Ipv4Addr, target: Ipv4Addr) -> Self {
        Self {
            operation: Operation::Request,
            sender_mac: mac,
            sender,
            target_mac: MacAddr::ZERO,
            target,
        }
    }

    /// The answer to this question by `mac`, which has its target address.
    #[must_use]
    pub const fn reply(&self, mac: MacAddr) -> Self {
        Self {
            operation: Operation::Reply,
            sender_mac: mac,
            sender: self.target,
            target_mac: self.sender_mac,
            target: self.sender,
        }
    }

    /// The meaning of `packet`.
    ///
    /// **Errors**: [`Malformed::Kind`] when it is not for Ethernet and IPv4.
    pub const fn parse(packet: &ArpPacket<'_>) -> Result<Self, Malformed> {
        #[rustfmt::skip]
        let [
            h0, h1, p0, p1, hl, pl, o0, o1,
            sm0, sm1, sm2, sm3, sm4, sm5, s0, s1, s2, s3,
            tm0, tm1, tm2, tm3, tm4, tm5, t0, t1, t2, t3,
        ] = *packet.bytes;
        if !matches!([h0, h1, p0, p1, hl, pl], ETHERNET_IPV4) {
            return Err(Malformed::Kind);
        }
        Ok(Self {
            operation: match u16::from_be_bytes([o0, o1]) {
                1 => Operation::Request,
                2 => Operation::Reply,
                other => Operation::Other(other),
            },
            sender_mac: MacAddr([sm0, sm1, sm2, sm3, sm4, sm5]),
            sender: Ipv4Addr::new(s0, s1, s2, s3),
            target_mac: MacAddr([tm0, tm1, tm2, tm3, tm4, tm5]),
            target: Ipv4Addr::new(t0, t1, t2, t3),
        })
    }

    /// The hardware address that this packet says `address` has, be it by question, answer or announcement.
    #[must_use]
    pub fn claims(&self, address: Ipv4Addr) -> Option<MacAddr> {
        (self.sender == address).then_some(self.sender_mac)
    }

    /// The packet as bytes.
    #[must_use]
    pub fn emit(&self) -> [u8; Self::LEN] {
        let operation = match self.operation {
            Operation::Request => 1,
            Operation::Reply => 2,
            Operation::Other(other) => other,
        };
        let mut bytes = [0; Self::LEN];
        bytes[field::KIND].copy_from_slice(&ETHERNET_IPV4);
        bytes[field::OPERATION].copy_from_slice(&operation.to_be_bytes());
        bytes[field::SENDER_MAC].copy_from_slice(&self.sender_mac.0);
        bytes[field::SENDER].copy_from_slice(&self.sender.octets());
        bytes[field::TARGET_MAC].copy_from_slice(&self.target_mac.0);
        bytes[field::TARGET].copy_from_slice(&self.target.octets());
        bytes
    }

    /// The packet in a whole frame: a question goes to everyone, an answer to whom it is for.
    #[must_use]
    pub fn emit_frame(&self) -> [u8; Self::FRAME_LEN] {
        let destination = match self.operation {
            Operation::Reply => self.target_mac,
            Operation::Request | Operation::Other(_) => MacAddr::BROADCAST,
        };
        let ethernet =
            EthernetHeader { destination, source: self.sender_mac, ether_type: EtherType::ARP };
        let mut frame = [0; Self::FRAME_LEN];
        frame[..EthernetHeader::LEN].copy_from_slice(&ethernet.emit());
        frame[EthernetHeader::LEN..].copy_from_slice(&self.emit());
        frame
    }
}

/// Hardware type, protocol type and the lengths of both kinds of address.
const ETHERNET_IPV4: [u8; 6] = [0x00, 0x01, 0x08, 0x00, 6, 4];

mod field {
    use core::ops::Range;

    pub(super) const KIND: Range<usize> = 0..6;
    pub(super) const OPERATION: Range<usize> = 6..8;
    pub(super) const SENDER_MAC: Range<usize> = 8..14;
    pub(super) const SENDER: Range<usize> = 14..18;
    pub(super) const TARGET_MAC: Range<usize> = 18..24;
    pub(super) const TARGET: Range<usize> = 24..28;
}
