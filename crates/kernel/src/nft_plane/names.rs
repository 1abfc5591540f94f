//! What the parts of a service are called in its table, and the keys and values by which rules find them.
//!
//! Names say what they are of, as `nft list ruleset` shows them, and are made of what nft's language allows in a name.

use intent::service::{Back, Front, Granularity, Persistence, Transport};
use wire::Family;

use crate::address::octets;
use crate::nft::{Field, SetKind, TableFamily};

/// The chain that a service's packets go to; its other parts begin with this name.
pub(super) fn service(front: &Front) -> String {
    let text = match front {
        Front::Address { protocol, address, port } => {
            format!("{}_{address}_{port}", protocol_name(*protocol))
        }
        Front::Mark { mark, .. } => format!("mark_{mark}"),
    };
    text.replace(':', "_")
}

/// The chain of a server.
pub(super) fn server(front: &Front, back: Back) -> String {
    format!("{}/{}_{}", service(front), back.address.to_string().replace(':', "_"), back.port)
}

/// A map of a service, or its chain of another kind.
pub(super) fn part(front: &Front, part: &str) -> String {
    format!("{}/{part}", service(front))
}

/// The table of all slots: numbers from 0 to chains of servers.
pub(super) const SLOTS: &str = "slots";
/// Every server, in words: what stands is read from here, and no rule asks it.
pub(super) const SERVERS: &str = "servers";
/// Every server by its number, to its chain: flows stay there.
pub(super) const STAYING: &str = "staying";
/// Those servers that take new connections.
pub(super) const ALIVE: &str = "alive";
/// Which client went to which server.
pub(super) const CLIENTS: &str = "clients";
/// Which flow goes to which server.
pub(super) const FLOWS: &str = "flows";
/// The chain that keeps what is known of a client while its connections last.
pub(super) const KEPT: &str = "kept";

/// The number by which maps know a server: the same in every process, so that what maps remember outlives one.
pub(super) fn number(back: Back) -> [u8; 4] {
    let [.., a, b, c, d] = back.fingerprint().to_be_bytes();
    u32::from_be_bytes([a, b, c, d]).to_ne_bytes()
}

pub(super) const fn protocol_name(protocol: Transport) -> &'static str {
    match protocol {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
        Transport::Sctp => "sctp",
    }
}

/// `IPPROTO_*`.
pub(super) const fn protocol_number(protocol: Transport) -> u8 {
    match protocol {
        Transport::Tcp => TCP,
        Transport::Udp => 17,
        Transport::Sctp => 132,
    }
}

/// What [`protocol_number`] numbers; nothing for protocols that are not balanced.
pub(super) fn transport(number: u8) -> Option<Transport> {
    let all = [Transport::Tcp, Transport::Udp, Transport::Sctp];
    all.into_iter().find(|protocol| protocol_number(*protocol) == number)
}

/// Which of the maps of all fronts has a front, and its keys there.
pub(super) fn keys(front: &Front) -> (Kind, Vec<Vec<u8>>) {
    let whole = |byte: u8| [byte, 0, 0, 0];
    match front {
        Front::Address { protocol, address, port } => {
            let mut key = octets(*address);
            key.extend(whole(protocol_number(*protocol)));
            if *port == 0 {
                return (Kind::Addresses, vec![key]);
            }
            key.extend(port.to_be_bytes());
            key.extend([0, 0]);
            (Kind::Ports, vec![key])
        }
        Front::Mark { mark, .. } => {
            let key = |protocol| [mark.to_ne_bytes(), whole(protocol_number(protocol))].concat();
            // A service of a mark takes whatever protocol is balanced at all.
            let all = [Transport::Tcp, Transport::Udp, Transport::Sctp];
            (Kind::Marks, all.into_iter().map(key).collect())
        }
    }
}

/// By what the maps of all fronts find a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A mark.
    Marks,
    /// An address, protocol and port.
    Ports,
    /// An address and protocol.
    Addresses,
}

impl Kind {
    /// In the order in which they are asked.
    pub(super) const ALL: [Self; 3] = [Self::Marks, Self::Ports, Self::Addresses];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Marks => "marks",
            Self::Ports => "ports",
            Self::Addresses => "addresses",
        }
    }

    /// What a packet is looked up by.
    pub(super) fn fields(self, family: Family) -> Vec<Field> {
        let target = target(family);
        match self {
            Self::Marks => vec![Field::Mark, Field::Protocol],
            Self::Ports => vec![target, Field::Protocol, TARGET_PORT],
            Self::Addresses => vec![target, Field::Protocol],
        }
    }

    pub(super) fn key(self, family: Family) -> Vec<SetKind> {
        let address = address(family);
        match self {
            Self::Marks => vec![SetKind::Mark, SetKind::Protocol],
            Self::Ports => vec![address, SetKind::Protocol, SetKind::Port],
            Self::Addresses => vec![address, SetKind::Protocol],
        }
    }
}

pub(super) const fn table_family(family: Family) -> TableFamily {
    match family {
        Family::Ipv4 => TableFamily::Ipv4,
        Family::Ipv6 => TableFamily::Ipv6,
    }
}

pub(super) const fn address(family: Family) -> SetKind {
    match family {
        Family::Ipv4 => SetKind::Ipv4,
        Family::Ipv6 => SetKind::Ipv6,
    }
}

/// The source address.
pub(super) const fn source(family: Family) -> Field {
    let (offset, length) = source_bytes(family);
    Field::Network(offset, length)
}

/// Where the source address is in the network header.
const fn source_bytes(family: Family) -> (u32, u32) {
    match family {
        Family::Ipv4 => (12, 4),
        Family::Ipv6 => (8, 16),
    }
}

/// The destination address.
pub(super) const fn target(family: Family) -> Field {
    match family {
        Family::Ipv4 => Field::Network(16, 4),
        Family::Ipv6 => Field::Network(24, 16),
    }
}

/// What of the source address tells clients apart.
pub(super) fn client(family: Family, persistence: &Persistence) -> Field {
    let bits = match persistence.granularity {
        Granularity::Mask(mask) => u128::from(mask.to_bits()) << 96,
        Granularity::Prefix(length) => {
            u128::MAX.checked_shl(128_u32.saturating_sub(u32::from(length))).unwrap_or(0)
        }
    };
    let (all, (offset, length)) = match family {
        Family::Ipv4 => (u128::from(u32::MAX) << 96, source_bytes(family)),
        Family::Ipv6 => (u128::MAX, source_bytes(family)),
    };
    if bits & all == all {
        return source(family);
    }
    Field::Masked(offset, length, (bits & all).to_be_bytes())
}

/// TCP, UDP and SCTP have their ports at the same place.
pub(super) const SOURCE_PORT: Field = Field::Transport(0, 2);
const TARGET_PORT: Field = Field::Transport(2, 2);
pub(super) const TCP: u8 = 6;
