//! Time as a value.
//!
//! Nothing below the daemon reads a clock. The shell reads CLOCK_MONOTONIC once per wake-up, turns it
//! into an [`Instant`] and hands it down; the simulator makes instants up. [`Timers`] keeps the absolute
//! deadlines of many owners. Nothing else lives here, ever.
#![forbid(unsafe_code)]

mod instant;
mod timers;

pub use instant::Instant;
pub use timers::Timers;
