//! What the shell tells the roster. Owned values with `serde`, so that a recorded list of inputs and instants
//! replays.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{CheckId, DestinationId, Order, Plan, ServiceId};

/// One input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// Start all virtual servers; without effect once started.
    Startup,
    /// Stop all checks. What the pools hold stays as it is. No input after it does anything.
    Shutdown,
    /// `now` has reached [`crate::Roster::deadline`]. Early calls are harmless.
    Timeout,
    /// A probe that was asked for by [`crate::Output::Probe`] has ended.
    Finished {
        /// Whose.
        check: CheckId,
        /// Which; another run than the last one asked for is ignored.
        run: u32,
        /// How.
        outcome: Outcome,
    },
    /// A check that is told ([`crate::Source::Told`]) hears how it stands. Before the start this is no news, but
    /// where its server starts.
    Told {
        /// Which.
        check: CheckId,
        /// How it stands.
        outcome: Outcome,
    },
    /// Whether the address of a virtual server is on this host. Counts with `ha_suspend`, which takes it for
    /// absent until told.
    Present {
        /// Whose address.
        service: ServiceId,
        /// Whether it is here.
        is_present: bool,
    },
    /// An operator orders something of a real server, or takes his order back; the next reload does, too.
    Order {
        /// Of which virtual server.
        service: ServiceId,
        /// Which real server.
        destination: DestinationId,
        /// What; none for what its checks say.
        order: Option<Order>,
    },
    /// Virtual servers, real servers and checks come, change and go.
    Reconfigure(Plan),
}

/// How a probe ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The server answered as it should.
    Passed(WeightEffect),
    /// It did not.
    Failed(Failure),
}

/// What a check that passed does to the weight of its server, until its next success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum WeightEffect {
    /// Nothing.
    #[default]
    None,
    /// The weight shall be this one.
    Exactly(u32),
    /// This much more, or less.
    Added(i64),
}

/// Why a probe failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// A short phrase for people, such as `connection refused`; one line.
    pub why: String,
}

/// Kinds of failure that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureKind {
    /// No answer in time.
    TimedOut,
    /// No way to the server, or the server refuses.
    Unreachable,
    /// It answers wrongly.
    WrongAnswer,
    /// The program of the check ended with this status.
    Exited(i32),
    /// The program of the check was ended by this signal.
    Signaled(i32),
    /// The check itself could not be made: no descriptor, no program, no route of its own.
    NotMade,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}
