//! Log lines on their way to people.
//!
//! The parent owns the sinks: syslog, standard error, a file. Children hand their lines over in a bounded ring,
//! so that a sink that blocks never delays them.

mod rate;
mod ring;
mod sinks;
mod stamp;

pub(crate) use rate::RateLimit;
pub(crate) use rate::with_silenced;
pub(crate) use ring::Ring;
pub(crate) use sinks::{Identity, Sinks, SinksOptions};
