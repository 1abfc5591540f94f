//! Verdicts: which real servers serve, by what their checks find, and whether there are enough of them.
//!
//! [`Roster`] is what a shell drives: inputs and `now` go in, ordered [`Outputs`] come out. No IO, no clock, no
//! log: it asks for probes and never knows how one is made, it says what a pool holds and never knows what holds
//! it. Each output carries its cause. Start reading at `checker.rs`, then `virtual_server.rs`.
#![forbid(unsafe_code)]

mod by_check;
mod checker;
mod ids;
mod input;
mod output;
mod parameters;
mod real_server;
mod roster;
mod snapshot;
mod virtual_server;

pub use by_check::ByCheck;
pub use ids::{CheckId, DestinationId, ServiceId};
pub use input::{Failure, FailureKind, Input, Outcome, WeightEffect};
pub use output::{Audience, Cause, Change, Notice, Output, Outputs, Standing, Subject, Tolerance};
pub use parameters::{
    Alerts, CheckParameters, OnFailure, Order, Plan, Policy, RealServerParameters, Recovery,
    SorryServerParameters, Source, Timing, VirtualServerParameters,
};
pub use roster::{Deadline, Roster};
pub use snapshot::{CheckSnapshot, RealServerSnapshot, Snapshot, VirtualServerSnapshot};

/// An opinion of a check, of a real server (all its checks) or of a virtual server (its quorum).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub enum Verdict {
    /// It works.
    Up,
    /// It does not.
    Down,
}
