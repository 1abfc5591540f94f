//! Virtual servers and their real servers, as far as an observer may see them.

use serde::{Deserialize, Serialize};

use crate::Seconds;

/// One virtual server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VirtualServer {
    /// Its name, as the log has it.
    pub name: String,
    /// Its protocol: `tcp`, `udp`, `sctp`; `none` of a mark.
    pub protocol: String,
    /// What clients reach: addresses with ports, and marks.
    pub fronts: Vec<String>,
    /// How connections are spread.
    pub scheduler: String,
    /// Seconds for which a client returns to the same server; none where it need not.
    pub persistence: Option<u32>,
    /// What spreads them: `ipvs` or `nftables`; none while nothing does.
    pub data_plane: Option<String>,
    /// What that refuses, or why there is none.
    pub problem: Option<String>,
    /// Whether it has its quorum.
    pub state: Condition,
    /// Since when.
    pub since: Seconds,
    /// Why; empty where that is not remembered.
    pub cause: String,
    /// Weight of real servers that are up which is needed.
    pub quorum: u32,
    /// Above the quorum to get up, and below it to stay up.
    pub hysteresis: u32,
    /// Weight of the real servers that are up.
    pub weight: u64,
    /// Whether its checks pause because its address is on another host.
    pub suspended: bool,
    /// What it has done; none where that is not counted.
    pub traffic: Option<Traffic>,
    /// Its real servers, in the order of the configuration.
    pub real_servers: Vec<RealServer>,
    /// The server that serves while there is no quorum.
    pub sorry_server: Option<Box<RealServer>>,
}

/// One real server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RealServer {
    /// Its name, as the log has it.
    pub name: String,
    /// What all its checks say; of a sorry server, whether it serves.
    pub state: Condition,
    /// Since when.
    pub since: Seconds,
    /// Why; empty where that is not remembered.
    pub cause: String,
    /// How packets get there: `nat`, `dr`, `tun`.
    pub forwarding: String,
    /// Its weight by the configuration.
    pub base_weight: u32,
    /// Its weight with what its checks add.
    pub weight: u32,
    /// What was ordered of it, until the next reload.
    #[serde(default)]
    pub order: Option<Ordered>,
    /// The weight that the data plane shall hold; none where the server shall not be in there.
    pub wanted: Option<u32>,
    /// The weight that the data plane holds; none where the server is not in there.
    pub installed: Option<u32>,
    /// Connections to it; none where they are not counted.
    pub connections: Option<Connections>,
    /// What it has done; none where that is not counted.
    pub traffic: Option<Traffic>,
    /// Its checks.
    pub checks: Vec<Check>,
}

/// An order about a real server that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ordered {
    /// What was ordered.
    pub order: Order,
    /// Who ordered it.
    pub by: String,
    /// When.
    pub at: Seconds,
}

/// What may be ordered of a real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// This weight; with 0 it is drained.
    Weight(u32),
    /// That it is taken for down.
    Disable,
    /// Nothing any longer.
    Enable,
}

/// A real server of which something was ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steered {
    /// Name of its virtual server.
    pub virtual_server: String,
    /// Its own.
    pub real_server: String,
    /// Whether it is up behind the order.
    pub state: Condition,
}

/// Whether a server works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// It does.
    Up,
    /// It does not.
    Down,
}

/// Connections to a server now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections {
    /// Those that are open.
    pub active: u32,
    /// Those that are being closed, or of a protocol that knows no end.
    pub inactive: u32,
    /// Clients that are remembered.
    pub persistent: u32,
}

/// What went to a server since the data plane has it, and in the last seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Connections.
    pub connections: u64,
    /// Packets from clients.
    pub packets_in: u64,
    /// Packets to clients, where they come back through here.
    pub packets_out: u64,
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
    /// Connections in a second.
    pub connection_rate: u64,
    /// Packets from clients in a second.
    pub packet_rate_in: u64,
    /// Packets to clients in a second.
    pub packet_rate_out: u64,
    /// Bytes from clients in a second.
    pub byte_rate_in: u64,
    /// Bytes to clients in a second.
    pub byte_rate_out: u64,
}

/// One check of a real server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Its keyword, such as `TCP_CHECK`.
    pub kind: String,
    /// Whom it asks, or what it runs.
    pub target: String,
    /// What it says.
    pub state: Condition,
    /// Since when; none while that is only assumed.
    pub since: Option<Seconds>,
    /// When it had its last result; none before the first.
    pub last: Option<Seconds>,
    /// What that was: `passed`, or why it failed; empty before the first.
    pub result: String,
    /// Failures in a row that are tolerated so far.
    pub failures: u32,
    /// What it adds to the weight of its server.
    #[serde(default)]
    pub adds: i64,
    /// How long until it asks again; none while it asks, pauses, or is told.
    pub due: Option<Seconds>,
}
