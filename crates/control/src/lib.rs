//! What parent and children say to each other, and what the parent does about a child that dies or hangs.
//!
//! Pure: the socket is the kernel room's, the clock is the shell's.
#![forbid(unsafe_code)]

mod message;
mod watchdog;

pub use message::{
    DecodeError, Role, Severity, StartOptions, Summary, ToChild, ToParent, decode, encode,
};
pub use watchdog::{Action, Death, Event, Watchdog};
