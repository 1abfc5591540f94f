//! How a child arranges itself with the kernel before it works.
//!
//! What is not permitted is said in one line each and done without: a daemon with ordinary scheduling is better
//! than none.

use std::time::Duration;

use config::model::Process;
use control::Severity;
use kernel::process::{self, Heirs, Privilege, ProcessError};

use crate::log::Ring;

/// What a role needs, where the configuration does not say otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needs {
    /// SCHED_RR priority; none for ordinary scheduling.
    pub(crate) realtime_priority: Option<u32>,
    /// Whose scheduling that is.
    pub(crate) heirs: Heirs,
    /// Whether memory is locked.
    pub(crate) lock_memory: bool,
    /// Capabilities that it keeps.
    pub(crate) privileges: &'static [Privilege],
}

/// Arranges scheduling, memory and privileges.
pub(crate) fn settle(invoked_name: &str, process: &Process, needs: Needs, log: &mut Ring) {
    process::set_name(process.name.as_deref().unwrap_or(invoked_name));
    if let Some(nice) = process.nice {
        said(log, "nice value", process::set_nice(nice));
    }
    if !process.cpu_affinity.is_empty() {
        said(log, "CPU affinity", process::set_affinity(&process.cpu_affinity));
    }
    // The configuration was read; what is locked stays.
    process::give_back_memory();
    if needs.lock_memory || process.no_swap {
        let locked = process::lock_memory();
        if locked.is_ok() {
            process::prefault();
        }
        said(log, "locked memory", locked);
    }
    // keepalived's rt_priority asks for real time in any process; an ordinary nice value asks for none.
    let default = if process.nice.is_none() { needs.realtime_priority } else { None };
    if let Some(priority) = process.realtime_priority.or(default) {
        let limit = process.rttime_limit.map_or(LONGEST_RUN, Duration::from_micros);
        said(log, "real-time scheduling", process::set_realtime(priority, limit, needs.heirs));
    }
    said(log, "dropped capabilities", process::drop_to(needs.privileges));
    said(log, "no new privileges", process::forbid_new_privileges());
}

fn said(log: &mut Ring, what: &str, outcome: Result<(), ProcessError>) {
    if let Err(error) = outcome {
        log.push(Severity::Warning, format!("running without {what}: {error}"));
    }
}

/// A loop that works this long without ever waiting is stuck; the watchdog would replace it as soon.
const LONGEST_RUN: Duration = Duration::from_secs(3);
