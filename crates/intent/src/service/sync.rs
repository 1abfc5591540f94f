//! What belongs to no service: the daemons that copy connections between balancers, and how long connections last.

use std::net::IpAddr;

/// A kernel thread that sends the connections of this balancer to others, or takes theirs in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SyncDaemon {
    /// Which of the two it is; one of each may run.
    pub role: SyncRole,
    /// Name of the link that it speaks on.
    pub interface: String,
    /// Only daemons of the same number hear each other.
    pub id: u8,
    /// Bytes of payload in a datagram; without it, as many as the link takes.
    pub max_length: Option<u16>,
    /// Group that is spoken to; 224.0.0.81 without it.
    pub group: Option<IpAddr>,
    /// UDP port; 8848 without it.
    pub port: Option<u16>,
    /// Time to live, or hop limit; 1 without it.
    pub ttl: Option<u8>,
}

/// What a daemon does with connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SyncRole {
    /// Tells others of ours.
    Sender,
    /// Takes in those of others.
    Receiver,
}

/// How long a silent connection is remembered, in seconds; what is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timeouts {
    /// TCP, while it is open.
    pub tcp: Option<u32>,
    /// TCP, after a FIN.
    pub tcp_fin: Option<u32>,
    /// UDP.
    pub udp: Option<u32>,
}
