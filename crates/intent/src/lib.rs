//! What the kernel should hold, as values, and the difference to what it holds.
//!
//! Start, reload, respawn and a lost event are the same operation on these: observe, compare, change what
//! differs. Nothing here talks to a kernel.
#![forbid(unsafe_code)]

mod address;
mod diff;

pub use address::{Address, AddressKey, Flags, IfIndex, Lifetime, PROTOCOL_KEEPALIVED};
pub use diff::{Change, diff};
