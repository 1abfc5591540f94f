//! A simulated LAN of elections: hosts, latency, loss, partitions, cables, crashes, stalls and reloads, in
//! simulated time and the same on every run.
//!
//! [`Lan`] drives the same `vrrp::Election` as the real loop and matches on the same actions; nothing is
//! stubbed. After each input it checks that a host holds addresses exactly while it is Active. What
//! happened reads as a timeline.
//!
//! [`Farm`] does the same for `health::Roster`: real servers that break, fall silent and return.
#![forbid(unsafe_code)]

mod dice;
mod farm;
mod host;
mod lan;
mod recipe;
mod timeline;

pub use dice::Dice;
pub use farm::{Farm, backend, farm, probing};
pub use host::Host;
pub use lan::{Lan, Sent};
pub use recipe::{at, contender, owner, router, seconds};
