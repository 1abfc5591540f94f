//! The studies: each a scenario that both daemons play in turn, with the rows it gives.

use anyhow::Result;

use super::session::Session;

mod addresses;
mod check;
mod cost;
mod failover;
mod flood;
mod jitter;
mod life;
mod reload;
mod respawn;
mod sessions;
mod thousand;

/// One scenario to measure.
#[derive(Clone, Copy, Debug)]
pub struct Study {
    /// Its name for `--only`.
    pub name: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// Measures and gives its rows to the session.
    pub run: fn(&mut Session) -> Result<()>,
}

/// All studies in the order of a run.
pub const STUDIES: &[Study] = &[
    Study {
        name: "failover",
        summary: "a pair loses its Active router: killed, unplugged, stopped",
        run: failover::run,
    },
    Study { name: "thousand", summary: "1000 instances take over at once", run: thousand::run },
    Study {
        name: "respawn",
        summary: "the VRRP process alone is killed while a client pings",
        run: respawn::run,
    },
    Study { name: "cost", summary: "processor time and memory at rest", run: cost::run },
    Study {
        name: "sessions",
        summary: "BFD: the loss of the other end, and the cost of many",
        run: sessions::run,
    },
    Study { name: "jitter", summary: "pace of adverts, quiet and under load", run: jitter::run },
    Study { name: "check", summary: "checking long configurations", run: check::run },
    Study { name: "life", summary: "start, and SIGTERM to exit", run: life::run },
    Study {
        name: "addresses",
        summary: "Backup to Active with many addresses",
        run: addresses::run,
    },
    Study { name: "reload", summary: "reload of 1000 instances", run: reload::run },
    Study { name: "flood", summary: "a flood of malformed packets", run: flood::run },
];
