//! How everything stands, as values, and these values as text and JSON.
//!
//! The daemon fills a [`Report`]; here it becomes a table for people, a document for programs, and the lines that
//! travel over the control socket. Words of RFC 9568 inside; those that people know from keepalived come in a
//! [`Look`]. Pure: no socket, no clock.
#![forbid(unsafe_code)]

mod history;
mod instance;
mod lines;
mod plan;
mod report;
mod seconds;
mod server;
mod text;

pub use history::{About, Event, History, Occurrence};
pub use instance::{
    Address, Announcements, Authentication, Contested, Counters, Extra, Fault, Instance, Path,
    Peer, Preemption, Programs, Settings, State, Tracked, TrackedState, Tracker, UnicastPeer,
    VirtualLink,
};
pub use lines::{Ask, Line, LineError, Only, Request, Steer, Upgraded, VERSION};
pub use plan::{Planned, Step, Thing};
pub use report::{Daemon, Group, Health, Item, Process, Reload, Report, Script};
pub use seconds::Seconds;
pub use server::{
    Check, Condition, Connections, Order, Ordered, RealServer, Steered, Traffic, VirtualServer,
};
pub use text::{Look, counted, head, history, named, plan, table};
