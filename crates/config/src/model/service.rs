//! Load balancing: virtual servers, their real servers, and what decides who serves.

use core::net::IpAddr;
use core::time::Duration;

use health::OnFailure;
use intent::service::{Back, Destination, Forwarding, Front, Scheduling};

use super::{Check, Command};
use crate::check::RealServers;
use crate::source::Span;

/// `lvs_data_plane`: what balances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataPlane {
    /// The kernel's IPVS.
    #[default]
    Ipvs,
    /// Rules of nftables.
    Nftables,
    /// IPVS where the kernel has it, else nftables.
    Auto,
}

/// What a `virtual_server` balances, and over whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// The services of the kernel: one, or one for each address and mark of a group.
    pub fronts: Vec<Front>,
    /// How they spread connections.
    pub scheduling: Scheduling,
    /// `quorum`; no more than the weight of all servers.
    pub quorum: u32,
    /// `hysteresis`; less than the quorum.
    pub hysteresis: u32,
    /// `ha_suspend`.
    pub ha_suspend: bool,
    /// `omega`.
    pub omega: bool,
    /// `smtp_alert`, where written.
    pub alert: Option<bool>,
    /// `quorum_up`.
    pub quorum_up: Option<Command>,
    /// `quorum_down`.
    pub quorum_down: Option<Command>,
    /// `snmp_name`.
    pub label: Option<String>,
    /// What it says for its real servers, who have it from there; none where nobody tells of it.
    pub common: Option<Box<Common>>,
    /// `sorry_server`.
    pub sorry_server: Option<SorryServer>,
    /// `real_server` blocks in their order.
    pub servers: Vec<RealServer>,
}

impl Balance {
    /// Leaves the real servers and checks that somebody has a use for.
    pub fn keep(&mut self, real_servers: RealServers) {
        if real_servers == RealServers::Told {
            for server in &mut self.servers {
                server.checks.retain(Check::is_done_by_others);
                server.checks.shrink_to_fit();
            }
            return;
        }
        self.common = None;
        self.servers.iter_mut().for_each(|server| server.habits = None);
        let wants = |check: &Check| match real_servers {
            RealServers::Kept | RealServers::Told => true,
            RealServers::Examined => check.is_done_by_others() || check.wants_means(),
            RealServers::Judged => check.is_done_by_others(),
        };
        if real_servers == RealServers::Kept {
            return;
        }
        self.servers.retain_mut(|server| {
            server.checks.retain(wants);
            let runs_something = server.notify_up.is_some() || server.notify_down.is_some();
            runs_something || !server.checks.is_empty()
        });
        self.servers.shrink_to_fit();
    }
}

/// A `real_server`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealServer {
    /// Where it is written.
    pub at: Span,
    /// Where it is. Its place behind a front says [`place`].
    pub back: Back,
    /// Forwarding, weight and thresholds.
    pub destination: Destination,
    /// `inhibit_on_failure`.
    pub on_failure: OnFailure,
    /// `smtp_alert`, where written.
    pub alert: Option<bool>,
    /// `notify_up`.
    pub notify_up: Option<Command>,
    /// `notify_down`.
    pub notify_down: Option<Command>,
    /// `snmp_name`.
    pub label: Option<String>,
    /// What it says for its checks, who have it from there; none where nobody tells of it.
    pub habits: Option<Box<Habits>>,
    /// Its checks in their order.
    pub checks: Vec<Check>,
}

/// What a virtual server says for its real servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Common {
    /// For their checks.
    pub habits: Habits,
    /// `lvs_method`.
    pub forwarding: Forwarding,
    /// `weight`.
    pub weight: u32,
    /// `inhibit_on_failure`.
    pub on_failure: OnFailure,
}

/// What a virtual server or real server says for checks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Habits {
    /// `alpha`.
    pub alpha: bool,
    /// `virtualhost`, where it is written here.
    pub host: Option<String>,
    /// `delay_loop`.
    pub delay_loop: Duration,
    /// `delay_before_retry`, where written.
    pub delay_before_retry: Option<Duration>,
    /// `retry`, where written.
    pub retry: Option<u32>,
    /// `warmup`, where written.
    pub warmup: Option<Duration>,
    /// `connect_timeout`.
    pub timeout: Duration,
}

/// A `sorry_server`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SorryServer {
    /// Where it is. Its place behind a front says [`place`].
    pub back: Back,
    /// Forwarding and weight.
    pub destination: Destination,
    /// `sorry_server_inhibit`.
    pub on_failure: OnFailure,
}

/// Where a server is behind one of its fronts: only NAT can change a port, and a mark has none.
#[must_use]
pub const fn place(back: Back, forwarding: Forwarding, front: &Front) -> Back {
    let port = match (front, forwarding) {
        (Front::Address { port, .. }, Forwarding::Nat) if back.port == 0 => *port,
        (_, Forwarding::Nat) => back.port,
        (Front::Address { port, .. }, _) => *port,
        (Front::Mark { .. }, _) => 0,
    };
    Back { address: back.address, port }
}

impl RealServer {
    /// Its address.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.back.address
    }
}
