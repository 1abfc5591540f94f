//! Frames as a scenario speaks of them.
//!
//! This decoder is the suite's own and knows nothing of the daemon's: what it calls an advertisement must not depend on
//! the code that is being judged. It reads whatever is there and judges nothing; a scenario does.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::moment::Moment;

/// A frame of interest that entered the switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When the switch got it.
    pub at: Moment,
    /// The node that sent it.
    pub node: String,
    /// Its Ethernet source.
    pub mac: [u8; 6],
    /// What it says.
    pub content: Content,
}

/// What a frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A VRRP advertisement.
    Advert(Advert),
    /// An ARP request or reply by which the sender claims `address`: sender and target are the same.
    GratuitousArp {
        /// The claimed address.
        address: Ipv4Addr,
        /// Operation 1; a reply is operation 2.
        request: bool,
    },
    /// An ordinary ARP reply.
    ArpReply {
        /// The address that the sender answers for.
        address: Ipv4Addr,
    },
    /// A neighbour advertisement.
    NeighbourAdvert {
        /// The address that the sender answers for.
        target: Ipv6Addr,
        /// The router flag.
        router: bool,
        /// The solicited flag: set in an answer, clear in an announcement.
        solicited: bool,
        /// The override flag.
        overrides: bool,
    },
    /// An answer to a ping.
    EchoReply {
        /// Who answers.
        source: IpAddr,
        /// The identifier of the ping.
        identifier: u16,
        /// Its count.
        sequence: u16,
    },
    /// Of a protocol of interest, but too short to say anything, or of another kind.
    Other,
}

/// The fields of an advertisement, unjudged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advert {
    /// IP source.
    pub source: IpAddr,
    /// IP destination.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// 2 or 3.
    pub version: u8,
    /// Virtual router identifier.
    pub vrid: u8,
    /// Priority.
    pub priority: u8,
    /// Interval, whole seconds in version 2, centiseconds in version 3.
    pub interval: Duration,
    /// Authentication type of version 2; 0 in version 3.
    pub auth_type: u8,
    /// The eight bytes after the addresses of version 2.
    pub auth_data: Option<[u8; 8]>,
    /// The addresses carried.
    pub addresses: Vec<IpAddr>,
    /// The VRRP message itself, for an opinion of another decoder.
    pub message: Vec<u8>,
}

impl Frame {
    /// Reads one frame that `node` sent.
    #[must_use]
    pub fn parse(at: Moment, node: &str, bytes: &[u8]) -> Self {
        let mac = array(bytes, 6).unwrap_or_default();
        let content = content(bytes).unwrap_or(Content::Other);
        Self { at, node: node.to_owned(), mac, content }
    }

    /// The advertisement, if it is one.
    #[must_use]
    pub const fn advert(&self) -> Option<&Advert> {
        if let Content::Advert(advert) = &self.content { Some(advert) } else { None }
    }

    /// The address that this frame announces unasked, by gratuitous ARP or neighbour advertisement.
    #[must_use]
    pub const fn announces(&self) -> Option<IpAddr> {
        match &self.content {
            Content::GratuitousArp { address, .. } => Some(IpAddr::V4(*address)),
            Content::NeighbourAdvert { target, solicited: false, .. } => Some(IpAddr::V6(*target)),
            Content::NeighbourAdvert { .. }
            | Content::Advert(_)
            | Content::ArpReply { .. }
            | Content::EchoReply { .. }
            | Content::Other => None,
        }
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:<6} ", self.at, self.node)?;
        match &self.content {
            Content::Advert(a) => write!(
                f,
                "VRRPv{} vrid {} priority {} every {:?} auth {} from {} to {} ttl {} {:?}",
                a.version,
                a.vrid,
                a.priority,
                a.interval,
                a.auth_type,
                a.source,
                a.destination,
                a.ttl,
                a.addresses
            ),
            Content::GratuitousArp { address, request } => {
                write!(f, "gratuitous ARP {} {address}", if *request { "request" } else { "reply" })
            }
            Content::ArpReply { address } => write!(f, "ARP reply {address}"),
            Content::NeighbourAdvert { target, router, solicited, overrides } => {
                write!(f, "NA {target} router {router} solicited {solicited} override {overrides}")
            }
            Content::EchoReply { source, sequence, .. } => {
                write!(f, "echo reply {source} {sequence}")
            }
            Content::Other => write!(f, "other"),
        }
    }
}

fn content(frame: &[u8]) -> Option<Content> {
    match u16::from_be_bytes(array(frame, 12)?) {
        0x0806 => arp(frame.get(14..)?),
        0x0800 => ipv4(frame.get(14..)?),
        0x86dd => ipv6(frame.get(14..)?),
        _ => None,
    }
}

fn arp(packet: &[u8]) -> Option<Content> {
    let operation = u16::from_be_bytes(array(packet, 6)?);
    let sender = Ipv4Addr::from(array::<4>(packet, 14)?);
    let target = Ipv4Addr::from(array::<4>(packet, 24)?);
    match (sender == target, operation) {
        (true, _) => Some(Content::GratuitousArp { address: sender, request: operation == 1 }),
        (false, 2) => Some(Content::ArpReply { address: sender }),
        (false, _) => None,
    }
}

fn ipv4(packet: &[u8]) -> Option<Content> {
    let header = usize::from(packet.first()? & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes(array(packet, 2)?));
    let ttl = *packet.get(8)?;
    let source = IpAddr::V4(Ipv4Addr::from(array::<4>(packet, 12)?));
    let destination = IpAddr::V4(Ipv4Addr::from(array::<4>(packet, 16)?));
    let payload = packet.get(header..total)?;
    match *packet.get(9)? {
        112 => vrrp(payload, source, destination, ttl),
        // An authentication header of 24 bytes stands before the message (RFC 2338 §5.3.6.3).
        51 => vrrp(payload.get(24..)?, source, destination, ttl),
        1 => echo(payload, source),
        _ => None,
    }
}

fn ipv6(packet: &[u8]) -> Option<Content> {
    let length = usize::from(u16::from_be_bytes(array(packet, 4)?));
    let source = IpAddr::V6(Ipv6Addr::from(array::<16>(packet, 8)?));
    let destination = IpAddr::V6(Ipv6Addr::from(array::<16>(packet, 24)?));
    let payload = packet.get(40..40 + length)?;
    match *packet.get(6)? {
        112 => vrrp(payload, source, destination, *packet.get(7)?),
        58 if payload.first() == Some(&136) => {
            let flags = payload.get(4)?;
            Some(Content::NeighbourAdvert {
                target: Ipv6Addr::from(array::<16>(payload, 8)?),
                router: flags & 0x80 != 0,
                solicited: flags & 0x40 != 0,
                overrides: flags & 0x20 != 0,
            })
        }
        58 => echo(payload, source),
        _ => None,
    }
}

fn echo(message: &[u8], source: IpAddr) -> Option<Content> {
    Some(Content::EchoReply {
        source,
        identifier: u16::from_be_bytes(array(message, 4)?),
        sequence: u16::from_be_bytes(array(message, 6)?),
    })
}

fn vrrp(message: &[u8], source: IpAddr, destination: IpAddr, ttl: u8) -> Option<Content> {
    let version = message.first()? >> 4;
    let count = usize::from(*message.get(3)?);
    let width = if source.is_ipv4() { 4 } else { 16 };
    let mut addresses = Vec::new();
    for index in 0..count {
        let offset = 8 + index * width;
        addresses.push(match source {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from(array::<4>(message, offset)?)),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(array::<16>(message, offset)?)),
        });
    }
    let (interval, auth_type, auth_data) = if version == 2 {
        let seconds = Duration::from_secs(u64::from(*message.get(5)?));
        (seconds, *message.get(4)?, array(message, 8 + count * width))
    } else {
        let centiseconds = u16::from_be_bytes(array(message, 4)?) & 0x0fff;
        (Duration::from_millis(u64::from(centiseconds) * 10), 0, None)
    };
    Some(Content::Advert(Advert {
        source,
        destination,
        ttl,
        version,
        vrid: *message.get(1)?,
        priority: *message.get(2)?,
        interval,
        auth_type,
        auth_data,
        addresses,
        message: message.to_vec(),
    }))
}

fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..offset.checked_add(N)?)?.try_into().ok()
}
