//! What rules of a service remember: which client went to which server, and which flow goes to which.
//!
//! NAT remembers clients alone, by the server's address and port, since connections are tracked. Where servers have
//! packets as they are, maps have the numbers of servers: packets are marked with these on their way to the server's
//! chain, and not longer.

use core::time::Duration;

use intent::service::nftables::Method;
use intent::service::{Back, Front, Persistence, Timeouts, Transport};

use super::names::{self, CLIENTS, FLOWS};
use super::program::Program;
use crate::address::octets;
use crate::nft::{Field, Rule, Set, SetKind, Table, Transaction};

/// A map that rules fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Learned {
    pub(super) name: String,
    pub(super) kind: Kind,
    key: Vec<SetKind>,
    value: Vec<SetKind>,
    /// What of a packet is the key.
    pub(super) fields: Vec<Field>,
}

/// What is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Clients,
    Flows,
}

/// The maps of a service, flows first: a flow stays where it is, whatever is remembered of its client.
pub(super) fn maps(program: &Program<'_>) -> Vec<Learned> {
    let family = program.front.family();
    let address = names::address(family);
    let mut maps = Vec::new();
    if program.method == Method::DirectRoute && !program.service.scheduling.one_packet {
        maps.push(Learned {
            name: names::part(program.front, FLOWS),
            kind: Kind::Flows,
            key: vec![address, SetKind::Port],
            value: vec![SetKind::Mark],
            fields: vec![names::source(family), names::SOURCE_PORT],
        });
    }
    if let Some(persistence) = program.persistence() {
        let value = match program.method {
            Method::DirectRoute => vec![SetKind::Mark],
            Method::Nat if has_ports(program) => vec![address, SetKind::Port],
            Method::Nat => vec![address],
        };
        maps.push(Learned {
            name: names::part(program.front, CLIENTS),
            kind: Kind::Clients,
            key: vec![address],
            value,
            fields: vec![names::client(family, persistence)],
        });
    }
    maps
}

impl Learned {
    pub(super) fn add(&self, transaction: &mut Transaction, table: &Table) {
        let map = Set::map(&self.name, &self.key, &self.value);
        transaction.add_set(table, &Set { expires: true, learns: Some(MOST), ..map });
    }

    /// What the map says of who goes to a server, part by part.
    pub(super) fn value(&self, back: Back) -> Vec<Vec<u8>> {
        match self.value.as_slice() {
            [SetKind::Mark] => vec![names::number(back).to_vec()],
            [_, SetKind::Port] => vec![octets(back.address), back.port.to_be_bytes().to_vec()],
            _ => vec![octets(back.address)],
        }
    }

    /// The same as the kernel tells it: each of several parts fills whole four bytes.
    pub(super) fn bytes(&self, back: Back) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in self.value(back) {
            bytes.extend(part);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    pub(super) fn has_port(&self) -> bool {
        self.value.contains(&SetKind::Port)
    }

    /// How long what is remembered lasts after a packet; the last that fits counts.
    pub(super) fn times(&self, program: &Program<'_>) -> Vec<(Seen, Duration)> {
        match (self.kind, program.persistence()) {
            (Kind::Clients, Some(persistence)) => vec![(Seen::Any, seconds(persistence))],
            (Kind::Clients, None) => Vec::new(),
            (Kind::Flows, _) => flow_times(program.front, &program.timeouts),
        }
    }
}

/// How long a client is remembered.
pub(super) fn seconds(persistence: &Persistence) -> Duration {
    Duration::from_secs(u64::from(persistence.seconds))
}

/// What a packet must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Any,
    Tcp,
    /// TCP with one of these flags.
    Flags(u8),
}

impl Seen {
    pub(super) fn check(self, rule: Rule) -> Rule {
        match self {
            Self::Any => rule,
            Self::Tcp => rule.equal(Field::Protocol, &[names::TCP]),
            Self::Flags(flags) => Self::Tcp.check(rule).any_bit(TCP_FLAGS, &[flags]),
        }
    }
}

/// Whether servers have ports of their own; all have, or none has.
fn has_ports(program: &Program<'_>) -> bool {
    program.service.destinations.keys().any(|back| back.port != 0)
}

/// As IPVS remembers connections, where nothing else is wanted.
fn flow_times(front: &Front, timeouts: &Timeouts) -> Vec<(Seen, Duration)> {
    let time = |wanted: Option<u32>, usual| Duration::from_secs(wanted.unwrap_or(usual).into());
    let udp = (Seen::Any, time(timeouts.udp, 300));
    let tcp = [
        (Seen::Tcp, time(timeouts.tcp, 900)),
        (Seen::Flags(SYN), Duration::from_secs(60)),
        (Seen::Flags(FIN | RST), time(timeouts.tcp_fin, 120)),
    ];
    match front {
        Front::Address { protocol: Transport::Tcp, .. } => tcp.into(),
        Front::Address { protocol: Transport::Udp | Transport::Sctp, .. } => vec![udp],
        Front::Mark { .. } => [udp].into_iter().chain(tcp).collect(),
    }
}

const TCP_FLAGS: Field = Field::Transport(13, 1);
const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
/// Clients or flows of a service: a flood of made-up ones costs no more memory than this.
const MOST: u32 = 1 << 20;
