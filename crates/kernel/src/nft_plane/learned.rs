//! What rules of a service remember: which client went to which server, and which flow goes to which.
//!
//! NAT remembers clients alone, since connections are tracked. Maps have the numbers of servers: packets carry these on
//! their way to the server's chain, and not longer. A number that means no server any more is forgotten by the packet
//! that brings it up.

use core::time::Duration;

use intent::service::nftables::Method;
use intent::service::{Front, Persistence, Timeouts, Transport};

use super::names::{self, ALIVE, CLIENTS, FLOWS, STAYING};
use super::program::Program;
use crate::nft::{Field, Rule, Set, SetKind, Table, Transaction};

/// A map that rules fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Learned {
    pub(super) name: String,
    pub(super) kind: Kind,
    key: Vec<SetKind>,
    /// What of a packet is the key.
    pub(super) fields: Vec<Field>,
}

/// What is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Clients,
    Flows,
}

impl Kind {
    /// The map of the servers that who is remembered may go to: a flow stays where it is, also if its server takes no
    /// new ones; a client finds another then.
    pub(super) const fn servers(self) -> &'static str {
        match self {
            Self::Clients => ALIVE,
            Self::Flows => STAYING,
        }
    }
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
            fields: vec![names::source(family), names::SOURCE_PORT],
        });
    }
    if let Some(persistence) = program.persistence() {
        maps.push(Learned {
            name: names::part(program.front, CLIENTS),
            kind: Kind::Clients,
            key: vec![address],
            fields: vec![names::client(family, persistence)],
        });
    }
    maps
}

impl Learned {
    pub(super) fn add(&self, transaction: &mut Transaction, table: &Table) {
        let map = Set::map(&self.name, &self.key, &[SetKind::Priority]);
        transaction.add_set(table, &Set { expires: true, learns: Some(MOST), ..map });
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
