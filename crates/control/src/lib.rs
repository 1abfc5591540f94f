//! What parent and children say to each other, and what the parent does about a child that dies or hangs.
//!
//! Pure: the socket is the kernel room's, the clock is the shell's.
#![forbid(unsafe_code)]

mod message;
mod script;
mod watchdog;

pub use message::{
    Change, DecodeError, Handover, Role, Severity, StartOptions, Subject, Summary, ToChild,
    ToParent, What, append, decode, encode, items,
};
pub use script::{ScriptAction, ScriptTimes, ScriptWatch, Verdict};
pub use watchdog::{Action, Death, Event, Watchdog};
