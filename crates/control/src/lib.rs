//! What parent and children say to each other, and what the parent does about a child that dies or hangs.
//!
//! Pure: the socket is the kernel room's, the clock is the shell's.
#![forbid(unsafe_code)]

mod agent;
mod appointment;
mod balance;
mod encoding;
mod errand;
mod file;
mod freshness;
mod message;
mod outbox;
mod process;
mod revival;
mod script;
mod watchdog;

pub use agent::{FromAgent, ToAgent};
pub use appointment::Appointment;
pub use balance::{
    About, Alert, Audience, Moved, Order, Ordered, Ran, Run, Served, Steered, Steering, Unsteered,
};
pub use encoding::{DecodeError, append, decode, encode, items};
pub use errand::{Credentials, Errand, Letter, Password, Report, Security};
pub use file::{CONTENT_MAX, number};
pub use freshness::Freshness;
pub use message::{
    Change, Finding, Handover, Numbers, Role, SessionMemory, Severity, StartOptions, Subject,
    Summary, ToChild, ToParent, Watched, What,
};
pub use outbox::{Left, Outbox, OutboxAction};
pub use process::{Comparison, Quorum, QuorumWatch, Sought};
pub use revival::{Revival, RevivalAction};
pub use script::{ScriptAction, ScriptMemory, ScriptTimes, ScriptWatch, Verdict};
pub use watchdog::{Action, Death, Event, SILENCE_OF_CHECKS, SILENCE_OF_ROUTERS, Watchdog};
