//! Log lines on their way to people.
//!
//! The parent owns the sinks: syslog, standard error, a file. Children hand their lines over in a bounded ring,
//! so that a sink that blocks never delays them.

mod backlog;
mod rate;
mod ring;
mod sinks;
mod stamp;
mod syslog;

pub(crate) use rate::RateLimit;
pub(crate) use rate::with_silenced;
pub(crate) use ring::Ring;
pub(crate) use sinks::{Identity, Sinks, SinksOptions};
pub(crate) use stamp::Stamp;

/// A time since 1970-01-01T00:00:00Z as `Fri Nov 20 22:26:06.123456 2026`, where we are.
pub(crate) fn precise_time(since: std::time::Duration) -> String {
    stamp::Stamp::of(since).precise()
}

/// A time since 1970-01-01T00:00:00Z as `Fri Nov 20 22:26:06 2026`, where we are.
pub(crate) fn time(since: std::time::Duration) -> String {
    stamp::Stamp::of(since).console()
}
