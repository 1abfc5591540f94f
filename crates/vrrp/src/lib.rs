//! The election: virtual routers, tracking and sync groups as pure state machines.
//!
//! RFC 9568 first, keepalived's behaviour where operators depend on it. [`Election`] is what a shell
//! drives: inputs and `now` go in, ordered [`Outputs`] come out. No IO, no clock, no log: each output
//! carries its cause. Start reading at `router.rs`.
#![forbid(unsafe_code)]

mod authenticity;
mod cause;
mod contest;
mod debounce;
mod election;
mod fault;
mod group;
mod ids;
mod input;
mod output;
mod pacing;
mod parameters;
mod plan;
mod reception;
mod router;
mod snapshot;
mod state;
mod timing;
mod tracking;

pub use authenticity::{
    ReplayGuard, Replayed, SENDERS, Sequence, Skew, Stale, Stamps, Step, Steps, above, after,
    freshness, is_within,
};
pub use cause::{Cause, Peer};
pub use contest::{Contests, Sign};
pub use debounce::{Debounce, DebounceDelays};
pub use election::{Deadline, DeadlineReason, Election};
pub use fault::{FaultReason, FaultSet};
pub use ids::{GroupId, InstanceId, TrackerId};
pub use input::{Effect, Input, Received, TrackerState};
pub use output::{Action, AnnounceReason, Notice, Output, Outputs};
pub use parameters::{
    AddressCheck, AnnounceSchedule, GroupParameters, Mode, OwnerAdverts, Parameters, Preempt,
    Reply, Start, Tracking, Weight,
};
pub use plan::{Addition, Change, Former, Plan};
pub use snapshot::{Counters, GroupSnapshot, InstanceSnapshot, Snapshot};
pub use state::Role;
pub use timing::{active_down_interval, skew_time};
