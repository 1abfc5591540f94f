//! Bidirectional forwarding detection: one session as a state machine (RFC 5880, RFC 5881, RFC 5883).
//!
//! Pure: packets and time come in as values, packets and news go out as values. It knows nothing of virtual routers;
//! sockets, addresses and the TTL of packets are the shell's.
#![forbid(unsafe_code)]

mod jitter;
mod parameters;
mod session;

pub use parameters::{Parameters, Part};
pub use session::{Cause, Memory, Output, Session};
