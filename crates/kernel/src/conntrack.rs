//! Connections that the kernel tracks: found by whom they really reach, and forgotten.
//!
//! A connection whose destination is rewritten goes to the same server as long as the kernel remembers it, whatever the
//! rules say by now. **Source**: linux/netfilter/nfnetlink_conntrack.h.

use std::net::IpAddr;

use rustix::io::Errno;
use wire::Family;

use crate::address::octets;
use crate::netlink::message::{Attributes, Builder, Message};
use crate::netlink::outcome::Goal;
use crate::netlink::{NetlinkError, RequestSocket};

/// Speaks to connection tracking.
#[derive(Debug)]
pub struct Conntrack {
    socket: RequestSocket,
}

/// A connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Number of its transport protocol.
    pub protocol: u8,
    /// What its client sends.
    pub original: Direction,
    /// What is sent back: from the server that it really reaches.
    pub reply: Direction,
    /// The attribute by which the kernel knows it, as it came.
    original_tuple: Vec<u8>,
    /// The number that the kernel gave it, as it came; another connection between the same ends has another.
    id: Vec<u8>,
    zone: Option<Vec<u8>>,
}

/// From where to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Direction {
    /// Address and port of the sender.
    pub source: (IpAddr, u16),
    /// Address and port of the receiver.
    pub destination: (IpAddr, u16),
}

/// Which connections are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ends {
    /// Those whose client asked for this address.
    AskedFor(IpAddr),
    /// Those that this address answers.
    AnsweredBy(IpAddr),
    /// All of a family.
    Any(Family),
}

#[cfg(test)]
impl Connection {
    /// One of `protocol` from a client to whom it asks for, answered by `server`.
    pub(crate) fn made(protocol: u8, asked: (IpAddr, u16), server: (IpAddr, u16)) -> Self {
        let client = (IpAddr::from([10, 1, 0, 2]), 40_000);
        Self {
            protocol,
            original: Direction { source: client, destination: asked },
            reply: Direction { source: server, destination: client },
            original_tuple: Vec::new(),
            id: Vec::new(),
            zone: None,
        }
    }
}

impl Ends {
    /// Of which family they are.
    pub fn family(self) -> Family {
        match self {
            Self::AskedFor(address) | Self::AnsweredBy(address) => Family::of(address),
            Self::Any(family) => family,
        }
    }

    fn are_of(self, connection: &Connection) -> bool {
        match self {
            Self::AskedFor(address) => connection.original.destination.0 == address,
            Self::AnsweredBy(address) => connection.reply.source.0 == address,
            Self::Any(_) => true,
        }
    }
}

impl Conntrack {
    /// Opens a socket in the caller's network namespace.
    ///
    /// **Errors**: the kernel has no netfilter netlink.
    pub fn open() -> Result<Self, NetlinkError> {
        Ok(Self { socket: RequestSocket::open_netfilter()? })
    }

    /// The first connections with such an end that are `wanted`, `most` of them; none if the kernel tracks none.
    ///
    /// **Errors**: the kernel refuses to be read.
    pub fn find(
        &mut self,
        ends: Ends,
        most: usize,
        wanted: impl Fn(&Connection) -> bool,
    ) -> Result<Vec<Connection>, NetlinkError> {
        let operation = "read tracked connections";
        let found = std::cell::RefCell::new(Vec::new());
        let each = |message: &Message<'_>| {
            let mut found = found.borrow_mut();
            if found.len() < most {
                // Kernels before 5.8 do not filter.
                let connection = parse(message.payload).filter(|it| ends.are_of(it) && wanted(it));
                found.extend(connection);
            }
        };
        let read =
            self.socket.dump(operation, || request(ends), || found.borrow_mut().clear(), each);
        match read {
            // Nobody has used connection tracking yet.
            Err(NetlinkError::Refused { errno: Errno::OPNOTSUPP | Errno::NOENT, .. }) => {
                Ok(Vec::new())
            }
            other => other.map(|()| found.into_inner()),
        }
    }

    /// Has the kernel forget connections; what is gone already is none.
    ///
    /// **Errors**: the first refusal; the others are forgotten.
    pub fn forget(&mut self, connections: &[Connection]) -> Result<(), NetlinkError> {
        let requests = connections
            .iter()
            .map(|connection| {
                let request = begin(DELETE, ACK, Family::of(connection.reply.source.0))
                    .attribute(TUPLE_ORIGINAL | NESTED, &connection.original_tuple)
                    .attribute(ID, &connection.id);
                match &connection.zone {
                    Some(zone) => request.attribute(ZONE, zone),
                    None => request,
                }
            })
            .collect();
        self.socket
            .batch("forget tracked connections", Goal::Absent, requests)
            .into_iter()
            .collect()
    }
}

/// A dump of the connections with such an end.
fn request(ends: Ends) -> Builder {
    let (tuple, flags, address, attribute) = match ends {
        // Of IPv6 addresses the kernel's filter lets through all but those that are asked for (seen on 6.18): we look
        // ourselves.
        Ends::AskedFor(IpAddr::V6(_)) | Ends::AnsweredBy(IpAddr::V6(_)) => {
            return begin(GET, DUMP, Family::Ipv6);
        }
        Ends::Any(family) => return begin(GET, DUMP, family),
        Ends::AskedFor(address) => (TUPLE_ORIGINAL, (IP_DESTINATION, 0), address, Side::Receiver),
        Ends::AnsweredBy(address) => (TUPLE_REPLY, (0, IP_SOURCE), address, Side::Sender),
    };
    begin(GET, DUMP, Family::of(address))
        .open(tuple)
        .open(TUPLE_IP)
        .attribute(attribute.number(address), &octets(address))
        .close()
        .close()
        .open(FILTER)
        .number(FILTER_ORIGINAL, flags.0)
        .number(FILTER_REPLY, flags.1)
        .close()
}

fn begin(kind: u16, flags: u16, family: Family) -> Builder {
    let family = match family {
        Family::Ipv4 => NFPROTO_IPV4,
        Family::Ipv6 => NFPROTO_IPV6,
    };
    Builder::new(SUBSYSTEM << 8 | kind, REQUEST | flags).body(&[family, 0, 0, 0])
}

/// One connection; nothing if it is not understood, or its protocol has no ports.
fn parse(payload: &[u8]) -> Option<Connection> {
    let attributes = payload.get(4..)?;
    let original_tuple = find(attributes, TUPLE_ORIGINAL)?;
    let (protocol, original) = direction(original_tuple)?;
    let (_, reply) = direction(find(attributes, TUPLE_REPLY)?)?;
    Some(Connection {
        protocol,
        original,
        reply,
        original_tuple: original_tuple.to_vec(),
        id: find(attributes, ID)?.to_vec(),
        zone: find(attributes, ZONE).map(<[u8]>::to_vec),
    })
}

fn direction(tuple: &[u8]) -> Option<(u8, Direction)> {
    let (ip, transport) = (find(tuple, TUPLE_IP)?, find(tuple, TUPLE_PROTOCOL)?);
    let address = |side: Side| {
        let v4 = find(ip, side.v4()).and_then(|it| it.first_chunk::<4>());
        let v6 = find(ip, side.v6()).and_then(|it| it.first_chunk::<16>());
        v4.map(|it| IpAddr::from(*it)).or_else(|| v6.map(|it| IpAddr::from(*it)))
    };
    let port = |kind| Some(u16::from_be_bytes(*find(transport, kind)?.first_chunk()?));
    let direction = Direction {
        source: (address(Side::Sender)?, port(PORT_SOURCE)?),
        destination: (address(Side::Receiver)?, port(PORT_DESTINATION)?),
    };
    Some((*find(transport, PROTOCOL_NUMBER)?.first()?, direction))
}

/// Whose address an attribute has.
#[derive(Clone, Copy)]
enum Side {
    Sender,
    Receiver,
}

impl Side {
    const fn number(self, address: IpAddr) -> u16 {
        match address {
            IpAddr::V4(_) => self.v4(),
            IpAddr::V6(_) => self.v6(),
        }
    }

    const fn v4(self) -> u16 {
        match self {
            Self::Sender => 1,
            Self::Receiver => 2,
        }
    }

    const fn v6(self) -> u16 {
        match self {
            Self::Sender => 3,
            Self::Receiver => 4,
        }
    }
}

fn find(attributes: &[u8], kind: u16) -> Option<&[u8]> {
    Attributes(attributes).find(|(found, _)| *found == kind).map(|(_, value)| value)
}

/// `NFNL_SUBSYS_CTNETLINK`.
const SUBSYSTEM: u16 = 1;
const GET: u16 = 1;
const DELETE: u16 = 2;
const REQUEST: u16 = 1;
const ACK: u16 = 4;
const DUMP: u16 = 0x300;
const NESTED: u16 = 0x8000;
const NFPROTO_IPV4: u8 = 2;
const NFPROTO_IPV6: u8 = 10;
const TUPLE_ORIGINAL: u16 = 1;
const TUPLE_REPLY: u16 = 2;
const ID: u16 = 12;
const ZONE: u16 = 18;
const FILTER: u16 = 25;
const TUPLE_IP: u16 = 1;
const TUPLE_PROTOCOL: u16 = 2;
const PROTOCOL_NUMBER: u16 = 1;
const PORT_SOURCE: u16 = 2;
const PORT_DESTINATION: u16 = 3;
const FILTER_ORIGINAL: u16 = 1;
const FILTER_REPLY: u16 = 2;
/// `CTA_FILTER_F_CTA_IP_SRC` and `CTA_FILTER_F_CTA_IP_DST`.
const IP_SOURCE: u32 = 1;
const IP_DESTINATION: u32 = 2;
