//! Neighbour discovery: announcing a virtual IPv6 address, asking for one, noticing another host that claims one.
//!
//! **Source**: RFC 4861 §4.3, §4.4, §4.6.1, validity §7.1; unsolicited use §7.2.6 and RFC 9568 §6.4.2.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! | type 135, 136 |    code 0     |            checksum           |
//! |R|S|O|                      reserved                           |
//! |                     target address (16 bytes)                 |
//! | option type   | length (8 B)  | link-layer address ...
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use core::net::{IpAddr, Ipv6Addr};

use crate::checksum::Sum;
use crate::ethernet::{EtherType, EthernetHeader};
use crate::icmp::PROTOCOL_V6;
use crate::ip::Ipv6Header;
use crate::{MacAddr, Malformed};

/// Every host on the link: where unsolicited advertisements go.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// The only hop limit that neighbour discovery accepts.
pub const HOP_LIMIT: u8 = 255;

/// The group on which the owner of `address` hears questions for it.
///
/// **Source**: RFC 4291 §2.7.1.
#[must_use]
pub const fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    Ipv6Addr::from_octets([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c])
}

/// A view of bytes that are long enough for a neighbour message and start at the ICMPv6 header.
#[derive(Clone, Copy, Debug)]
pub struct NeighbourPacket<'a> {
    bytes: &'a [u8],
    header: &'a [u8; HEADER_LEN],
    options: &'a [u8],
}

impl<'a> NeighbourPacket<'a> {
    /// A view of `bytes`.
    ///
    /// **Errors**: [`Malformed::Truncated`].
    pub fn new_checked(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (header, options) = bytes.split_first_chunk().ok_or(Malformed::Truncated)?;
        Ok(Self { bytes, header, options })
    }
}

/// Facts of the IPv6 header that a neighbour message came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// From whom.
    pub source: Ipv6Addr,
    /// To whom.
    pub destination: Ipv6Addr,
    /// As received.
    pub hop_limit: u8,
}

/// Meaning of a neighbour message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbour {
    /// Who has the target?
    Solicitation(Solicitation),
    /// Someone has the target.
    Advertisement(Advertisement),
}

impl Neighbour {
    /// The meaning of `packet`.
    ///
    /// **Errors**: [`Malformed::HopLimit`] when it did not start on this link, [`Malformed::Checksum`],
    /// [`Malformed::Kind`] for another ICMPv6 message, [`Malformed::Value`] for a target that is a group or an option
    /// without length, [`Malformed::Truncated`] for an option that is cut.
    pub fn parse(packet: &NeighbourPacket<'_>, arrival: &Arrival) -> Result<Self, Malformed> {
        let &[kind, code, _, _, flags, _, _, _, ref target @ ..] = packet.header;
        if !matches!(kind, SOLICITATION | ADVERTISEMENT) {
            return Err(Malformed::Kind);
        }
        if arrival.hop_limit != HOP_LIMIT {
            return Err(Malformed::HopLimit);
        }
        let sum = Sum::new().add_pseudo_v6(
            arrival.source,
            arrival.destination,
            PROTOCOL_V6,
            packet.bytes.len(),
        );
        if sum.add(packet.bytes).finish() != 0 {
            return Err(Malformed::Checksum);
        }
        let target = Ipv6Addr::from_octets(*target);
        if code != 0 || target.is_multicast() {
            return Err(Malformed::Value);
        }
        let message = if kind == SOLICITATION {
            let mac = link_layer_address(packet.options, SOURCE_LINK_LAYER)?;
            Self::Solicitation(Solicitation { target, source_mac: mac })
        } else {
            Self::Advertisement(Advertisement {
                target,
                router: flags & ROUTER != 0,
                solicited: flags & SOLICITED != 0,
                r#override: flags & OVERRIDE != 0,
                target_mac: link_layer_address(packet.options, TARGET_LINK_LAYER)?,
            })
        };
        Ok(message)
    }
}

/// Question for the link-layer address of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Solicitation {
    /// The address asked for.
    pub target: Ipv6Addr,
    /// Who asks; absent when it asks as nobody, to detect a duplicate.
    pub source_mac: Option<MacAddr>,
}

impl Solicitation {
    /// The message as bytes, 24 of them without the option and 32 with it.
    #[must_use]
    pub fn emit(&self, source: Ipv6Addr, destination: Ipv6Addr) -> Message {
        message(SOLICITATION, 0, self.target, SOURCE_LINK_LAYER, self.source_mac)
            .with_checksum(source, destination)
    }

    /// A question of `source` at `mac` for `target`, in a whole frame to those who may have it (RFC 4861 §7.2.2).
    #[must_use]
    pub fn frame(mac: MacAddr, source: Ipv6Addr, target: Ipv6Addr) -> [u8; FRAME_LEN] {
        let group = solicited_node(target);
        let message = Self { target, source_mac: Some(mac) }.emit(source, group);
        frame(mac, source, group, &message)
    }
}

/// Announcement that a host has a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// The address that the host has.
    pub target: Ipv6Addr,
    /// The host forwards packets.
    pub router: bool,
    /// It was asked.
    pub solicited: bool,
    /// What neighbours remember is to be replaced.
    pub r#override: bool,
    /// Where the host is.
    pub target_mac: Option<MacAddr>,
}

impl Advertisement {
    /// Everyone on the link learns that `mac` has `target`, at once and whatever they knew.
    ///
    /// **Source**: RFC 9568 §6.4.1: router and override set, solicited clear.
    #[must_use]
    pub const fn unsolicited(mac: MacAddr, target: Ipv6Addr, router: bool) -> Self {
        Self { target, router, solicited: false, r#override: true, target_mac: Some(mac) }
    }

    /// The message as bytes, 24 of them without the option and 32 with it.
    #[must_use]
    pub fn emit(&self, source: Ipv6Addr, destination: Ipv6Addr) -> Message {
        let flags =
            [(self.router, ROUTER), (self.solicited, SOLICITED), (self.r#override, OVERRIDE)];
        let flags = flags.iter().filter(|(set, _)| *set).fold(0, |flags, (_, bit)| flags | bit);
        message(ADVERTISEMENT, flags, self.target, TARGET_LINK_LAYER, self.target_mac)
            .with_checksum(source, destination)
    }

    /// An unsolicited advertisement for `target` to all nodes in a whole frame, sent as the target itself.
    #[must_use]
    pub fn unsolicited_frame(mac: MacAddr, target: Ipv6Addr, router: bool) -> [u8; FRAME_LEN] {
        let message = Self::unsolicited(mac, target, router).emit(target, ALL_NODES);
        frame(mac, target, ALL_NODES, &message)
    }
}

/// Bytes of a message with its option in a whole frame.
pub const FRAME_LEN: usize = EthernetHeader::LEN + Ipv6Header::LEN + Message::CAPACITY;

/// A whole frame to a group.
fn frame(mac: MacAddr, source: Ipv6Addr, group: Ipv6Addr, message: &Message) -> [u8; FRAME_LEN] {
    let ethernet = EthernetHeader {
        destination: MacAddr::of_multicast(IpAddr::V6(group)),
        source: mac,
        ether_type: EtherType::IPV6,
    };
    let ip = Ipv6Header {
        traffic_class: 0,
        next_header: PROTOCOL_V6,
        hop_limit: HOP_LIMIT,
        source,
        destination: group,
    };
    let mut frame = [0; FRAME_LEN];
    frame[..14].copy_from_slice(&ethernet.emit());
    frame[14..54].copy_from_slice(&ip.emit(Message::CAPACITY));
    frame[54..].copy_from_slice(&message.bytes);
    frame
}

/// A neighbour message as bytes, checksum included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    bytes: [u8; Self::CAPACITY],
    with_option: bool,
}

impl Message {
    const CAPACITY: usize = 32;

    /// From the ICMPv6 header to the end of the option.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        if self.with_option { &self.bytes } else { &self.bytes[..HEADER_LEN] }
    }

    fn with_checksum(mut self, source: Ipv6Addr, destination: Ipv6Addr) -> Self {
        let length = self.as_bytes().len();
        let checksum = Sum::new()
            .add_pseudo_v6(source, destination, PROTOCOL_V6, length)
            .add(self.as_bytes())
            .finish();
        self.bytes[2..4].copy_from_slice(&checksum.to_be_bytes());
        self
    }
}

fn message(kind: u8, flags: u8, target: Ipv6Addr, option: u8, mac: Option<MacAddr>) -> Message {
    let mut bytes = [0; Message::CAPACITY];
    bytes[0] = kind;
    bytes[4] = flags;
    bytes[8..HEADER_LEN].copy_from_slice(&target.octets());
    if let Some(mac) = mac {
        bytes[24] = option;
        bytes[25] = 1;
        bytes[26..].copy_from_slice(&mac.0);
    }
    Message { bytes, with_option: mac.is_some() }
}

/// The Ethernet address in the first option of kind `wanted`; other kinds are stepped over.
fn link_layer_address(options: &[u8], wanted: u8) -> Result<Option<MacAddr>, Malformed> {
    let mut rest = options;
    while let Some((&[kind, units], _)) = rest.split_first_chunk::<2>() {
        if units == 0 {
            return Err(Malformed::Value);
        }
        let (option, after) =
            rest.split_at_checked(usize::from(units) * 8).ok_or(Malformed::Truncated)?;
        if kind == wanted
            && let &[_, _, a, b, c, d, e, f] = option
        {
            return Ok(Some(MacAddr([a, b, c, d, e, f])));
        }
        rest = after;
    }
    if rest.is_empty() { Ok(None) } else { Err(Malformed::Truncated) }
}

const HEADER_LEN: usize = 24;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
const SOURCE_LINK_LAYER: u8 = 1;
const TARGET_LINK_LAYER: u8 = 2;
const ROUTER: u8 = 0x80;
const SOLICITED: u8 = 0x40;
const OVERRIDE: u8 = 0x20;
