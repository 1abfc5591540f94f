//! What configuration fixes for one session.

use core::num::NonZeroU8;
use core::time::Duration;

/// What configuration fixes for one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Shortest interval between our packets while the session is Up.
    pub min_tx: Duration,
    /// Shortest interval between packets of the other end.
    pub min_rx: Duration,
    /// Interval between our packets while it is not Up; one second at least (RFC 5880 §6.8.3).
    pub idle_tx: Duration,
    /// Detection time of the other end, in our intervals.
    pub multiplier: NonZeroU8,
    /// Who begins.
    pub part: Part,
}

/// Who begins (RFC 5880 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// We do.
    Active,
    /// The other end does.
    Passive,
}

/// A time as packets carry it, in microseconds.
pub(crate) fn microseconds(span: Duration) -> u32 {
    u32::try_from(span.as_micros()).unwrap_or(u32::MAX)
}

/// A time of a packet.
pub(crate) fn span(microseconds: u32) -> Duration {
    Duration::from_micros(microseconds.into())
}
