//! What the shell tells the election. Owned values with `serde`, so that a recorded list of inputs and
//! instants replays.

use core::net::IpAddr;
use core::time::Duration;

use serde::{Deserialize, Serialize};
use wire::{MaxAdvertiseInterval, Priority};

use crate::{FaultReason, InstanceId, Plan, TrackerId};

/// One input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// Start all instances; without effect once started. Sources, faults and tracker states are best
    /// reported before.
    Startup,
    /// Stop all instances: an Active one resigns with priority 0.
    Shutdown,
    /// `now` has reached [`crate::Election::deadline`]. Early calls are harmless.
    Timeout,
    /// An advertisement that passed the checks of its bytes.
    Received {
        /// The instance of its interface, family and VRID.
        instance: InstanceId,
        /// Its content.
        advertisement: Received,
    },
    /// The address that the instance sends from: the tie-breaker between equal priorities. None is the
    /// fault [`FaultReason::NoSourceAddress`].
    Source {
        /// Whose address.
        instance: InstanceId,
        /// The primary address of its interface, or the configured source.
        address: Option<IpAddr>,
    },
    /// A reason for Fault came or went. Reasons that the election derives itself are ignored.
    Fault {
        /// Whose reason.
        instance: InstanceId,
        /// What is wrong.
        reason: FaultReason,
        /// Whether it is wrong now.
        present: bool,
    },
    /// A watched thing changed.
    Tracker {
        /// Which.
        tracker: TrackerId,
        /// Its state now.
        state: TrackerState,
    },
    /// An action could not be performed.
    EffectFailed {
        /// Whose action.
        instance: InstanceId,
        /// Which.
        what: Effect,
    },
    /// The process did not run for `span` (stopped, suspended, starved), longer than its timers can
    /// speak for. Comes after the sockets were drained ([`Input::Received`]) and before
    /// [`Input::Timeout`] of the same wake-up.
    Stalled {
        /// How long.
        span: Duration,
    },
    /// Instances and groups come, change and go.
    Reconfigure(Plan),
}

/// What an advertisement said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Source address of the packet.
    pub source: IpAddr,
    /// Priority; 0 where the sender resigns.
    pub priority: Priority,
    /// Max Advertise Interval, in the units of the packet's version.
    pub interval: MaxAdvertiseInterval,
    /// Addresses in the order of the packet.
    pub addresses: Vec<IpAddr>,
    /// How long the shell let it wait to read it together with others: Active_Down_Timer counts from its arrival. What
    /// waited because the process did not run counts as heard when it is read.
    pub waited: Duration,
}

/// State of a watched thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrackerState {
    /// Not looked at yet: a fault without weight, no change of priority with one.
    #[default]
    Unknown,
    /// Works.
    Up,
    /// Does not.
    Down,
    /// Says a number, which is multiplied by the weight; without weight any but 0 is a fault.
    Value(i32),
}

/// An action that can fail in the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// [`crate::Action::Advertise`]: the next interval is the retry.
    Advertise,
    /// [`crate::Action::Assume`]: asked again after a second while Active.
    Assume,
    /// [`crate::Action::Release`]: asked again after a second while not Active.
    Release,
    /// [`crate::Action::Announce`]: not asked again.
    Announce,
}
