//! What the kernel should hold, as values, and the difference to what it holds.
//!
//! Start, reload, respawn and a lost event are the same operation on these: observe, compare, change what
//! differs. Nothing here talks to a kernel.
#![forbid(unsafe_code)]

mod address;
mod diff;
mod encap;
mod link;
mod path;
mod route;
mod rule;
pub mod service;

pub use address::{Address, AddressKey, Flags, IfIndex, Lifetime, PROTOCOL_KEEPALIVED};
pub use diff::{Change, diff};
pub use encap::{Encap, Outer};
pub use link::{IpvlanMode, LinkChange, Service, StandingLink, UpperKind, UpperLink, diff_links};
pub use path::{Path, PathKey, PathSteps, path_steps};
pub use route::{
    Insertion, METRIC_OF_IPV6, Metrics, NextHop, Prefix, Route, RouteKey, RouteKind, TABLE_MAIN,
};
pub use rule::{Rule, RuleAction, RuleKey};
