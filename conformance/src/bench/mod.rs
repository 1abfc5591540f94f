//! Measurements of ours against the packaged keepalived, side by side: what `cargo xtask bench` runs.
//!
//! A study plays a scenario with both daemons in turn and gives rows; a row has the samples of both and what is wanted
//! of ours. Nothing here knows either daemon's code, as elsewhere in this crate.

pub mod agent;
pub mod carry;
pub mod changes;
pub mod figure;
pub mod gauge;
pub mod ground;
pub mod interruption;
pub mod layout;
pub mod machine;
pub mod nginx;
pub mod pool;
pub mod reasons;
pub mod report;
pub mod session;
pub mod study;
