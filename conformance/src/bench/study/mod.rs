//! The studies: each a scenario that both daemons play in turn, with the rows it gives.

use anyhow::Result;

use super::session::Session;

mod addresses;
mod check;
mod checks;
mod cost;
mod crowd;
mod failover;
mod flood;
mod jitter;
mod life;
mod reload;
mod respawn;
mod services;
mod sessions;
mod thousand;

/// One scenario to measure.
#[derive(Clone, Copy, Debug)]
pub struct Study {
    /// Its name for `--only`.
    pub name: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// Whether it takes a kernel with IPVS: it is measured in the lab's machine.
    pub in_lab: bool,
    /// Measures and gives its rows to the session.
    pub run: fn(&mut Session) -> Result<()>,
}

impl Study {
    const fn new(
        name: &'static str,
        summary: &'static str,
        run: fn(&mut Session) -> Result<()>,
    ) -> Self {
        Self { name, summary, in_lab: false, run }
    }

    const fn in_lab(mut self) -> Self {
        self.in_lab = true;
        self
    }
}

/// All studies in the order of a run.
pub const STUDIES: &[Study] = &[
    Study::new(
        "failover",
        "a pair loses its Active router: killed, unplugged, stopped",
        failover::run,
    ),
    Study::new("thousand", "1000 instances take over at once", thousand::run),
    Study::new("respawn", "the VRRP process alone is killed while a client pings", respawn::run),
    Study::new("cost", "processor time and memory at rest", cost::run),
    Study::new("sessions", "BFD: the loss of the other end, and the cost of many", sessions::run),
    Study::new("jitter", "pace of adverts, quiet and under load", jitter::run),
    Study::new("check", "checking long configurations", check::run),
    Study::new("life", "start, and SIGTERM to exit", life::run),
    Study::new("addresses", "Backup to Active with many addresses", addresses::run),
    Study::new("reload", "reload of 1000 instances", reload::run),
    Study::new("flood", "a flood of malformed packets", flood::run),
    Study::new("crowd", "thousands of checks of web servers a second, of ours alone", crowd::run),
    Study::new("services", "thousands of services in the kernel's load balancer", services::run)
        .in_lab(),
    Study::new("checks", "checks of web servers, and a server that dies", checks::run).in_lab(),
];
