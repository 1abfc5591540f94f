//! What an observer may see of a roster: plain values, copied out.

use std::collections::BTreeMap;

use clock::Instant;

use crate::{CheckId, DestinationId, Failure, Order, ServiceId, Verdict, WeightEffect};

/// The whole roster at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Each virtual server.
    pub services: BTreeMap<ServiceId, VirtualServerSnapshot>,
}

/// One virtual server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualServerSnapshot {
    /// Whether it has its quorum.
    pub verdict: Verdict,
    /// Since when, as far as this roster knows; none before the start.
    pub since: Option<Instant>,
    /// Weight of the real servers that are up.
    pub weight: u64,
    /// Whether the sorry server is used.
    pub is_sorry: bool,
    /// The weight of the sorry server in the pool; none while it is not in there.
    pub sorry_installed: Option<u32>,
    /// Whether its checks pause.
    pub is_suspended: bool,
    /// Its real servers.
    pub servers: BTreeMap<DestinationId, RealServerSnapshot>,
}

/// One real server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealServerSnapshot {
    /// What all its checks say.
    pub verdict: Verdict,
    /// Since when, as far as this roster knows; none before the start.
    pub since: Option<Instant>,
    /// Its weight with what its checks add.
    pub weight: u32,
    /// Its weight in the pool; none while it is not in there.
    pub installed: Option<u32>,
    /// What was ordered of it.
    pub order: Option<Order>,
    /// Its checks.
    pub checks: BTreeMap<CheckId, CheckSnapshot>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSnapshot {
    /// What it says.
    pub verdict: Verdict,
    /// Whether it has found out, rather than been told to assume.
    pub is_proven: bool,
    /// Failures in a row that are tolerated so far.
    pub failures: u32,
    /// What it does to the weight of its server.
    pub effect: WeightEffect,
    /// Its next probe.
    pub next: Option<Instant>,
    /// Whether a probe is under way.
    pub is_probing: bool,
    /// Since when it says so; none before it has found out.
    pub since: Option<Instant>,
    /// When a probe ended last, and whether it passed (Up).
    pub last: Option<(Instant, Verdict)>,
    /// Why a probe failed last.
    pub last_failure: Option<Failure>,
}
