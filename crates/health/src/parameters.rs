//! What configuration fixes. Inheritance (check from real server from virtual server) and defaults are resolved
//! before: every value here is the one that counts.

use core::num::{NonZeroU16, NonZeroU32};
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{ByCheck, DestinationId, ServiceId, Verdict};

/// Everything that a configuration wants of the roster.
///
/// **Shape**: the whole new set; what is not named goes. `former` says of virtual servers that are new to this
/// roster what their pools hold already, left by a process before this one; one that is absent there starts
/// from nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// All virtual servers.
    pub services: BTreeMap<ServiceId, VirtualServerParameters>,
    /// Weights of the destinations that are in a pool already.
    pub former: BTreeMap<ServiceId, BTreeMap<DestinationId, u32>>,
    /// What was ordered of real servers and stays so; orders given before that are not here end.
    pub orders: BTreeMap<DestinationId, Order>,
}

/// What an operator orders of a real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// This is its weight while it is up, whatever its checks add. With 0 it keeps the connections that it has and gets no
    /// more, also while the sorry server serves.
    Weight(u32),
    /// It is taken for down, whatever its checks say.
    Disabled,
}

/// One virtual server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualServerParameters {
    /// When it is up, and what follows.
    pub policy: Policy,
    /// Its real servers. They come into the pool in the order of their numbers.
    pub servers: BTreeMap<DestinationId, RealServerParameters>,
}

/// When a virtual server is up, and what follows from a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Weight of servers that are up which is needed.
    pub quorum: u32,
    /// Above the quorum to get up, and below it to stay up.
    pub hysteresis: u32,
    /// The server of last resort.
    pub sorry_server: Option<SorryServerParameters>,
    /// Checks run only while the address of the service is on this host.
    pub ha_suspend: bool,
    /// At the end what was up is told to be down.
    pub omega: bool,
    /// A real server that comes into the pool at the start is told to be up.
    pub tells_start: bool,
    /// Changes of the quorum are mailed.
    pub alert: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            quorum: 1,
            hysteresis: 0,
            sorry_server: None,
            ha_suspend: false,
            omega: false,
            tells_start: false,
            alert: false,
        }
    }
}

/// The server that is in the pool while there is no quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SorryServerParameters {
    /// Which.
    pub destination: DestinationId,
    /// Its weight.
    pub weight: u32,
    /// Where it is while there is a quorum.
    pub on_failure: OnFailure,
}

/// Where a server goes that gets no new connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnFailure {
    /// Out of the pool: its connections end.
    #[default]
    Remove,
    /// It stays with weight 0: its connections go on.
    Inhibit,
}

/// One real server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RealServerParameters {
    /// Its weight, to which checks may add.
    pub weight: u32,
    /// Where it goes when it is down.
    pub on_failure: OnFailure,
    /// What is mailed.
    pub alerts: Alerts,
    /// Its checks; it is up if all of them say so.
    pub checks: ByCheck<CheckParameters>,
}

impl Default for RealServerParameters {
    fn default() -> Self {
        Self {
            weight: 1,
            on_failure: OnFailure::Remove,
            alerts: Alerts::Never,
            checks: ByCheck::new(),
        }
    }
}

/// What is mailed about a real server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Alerts {
    /// Nothing.
    #[default]
    Never,
    /// That it came or went.
    Moves,
    /// Each change of the verdict of each check.
    Verdicts,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckParameters {
    /// What it says until it knows.
    pub start: Verdict,
    /// Where its outcomes come from.
    pub source: Source,
    /// Whether its outcomes can change the weight of its server.
    pub weighs: bool,
}

/// Where the outcomes of a check come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// It asks, again and again.
    Probed {
        /// From its start, or from the return of the service's address, to its first probe.
        first: Duration,
        /// All else: thousands of checks have the same.
        timing: Arc<Timing>,
    },
    /// It is told of changes; each outcome is its verdict at once.
    Told,
}

/// When a check probes, and when it believes what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// From a probe to the next, while nothing is wrong.
    pub delay_loop: Duration,
    /// From a failure that is tolerated to the next probe.
    pub delay_before_retry: Duration,
    /// From a failure to the next probe while the verdict is Down.
    pub delay_while_down: Duration,
    /// Failures in a row that are tolerated while the verdict is Up. None is tolerated before the first success.
    pub retry: u32,
    /// Successes in a row that lead from Down to Up.
    pub rise: NonZeroU32,
    /// Probes that make up one success, one after the other.
    pub steps: NonZeroU16,
    /// How fast the steps follow each other while the verdict is not a proven Up.
    pub recovery: Recovery,
}

/// How fast the steps of a check follow each other while its verdict is not a proven Up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Recovery {
    /// As always: `delay_loop` between them.
    #[default]
    Paced,
    /// At once, unless one of them is known to fail.
    Fast,
}
