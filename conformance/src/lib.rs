//! Conformance harness: real daemons in network namespaces, judged by what they put on the wire, log and install.
//!
//! The same scenarios (in `tests/`) run against the packaged keepalived and against ours, and with one of each. The
//! harness knows neither daemon's code: it starts programs, captures frames, reads logs and asks the kernel. `README.md`
//! beside this crate says how to run a scenario, and a lab by hand.

#![forbid(unsafe_code)]

pub mod agent;
pub mod bench;
pub mod capture;
pub mod client;
pub mod configuration;
pub mod dice;
pub mod farm;
pub mod flavour;
pub mod forge;
pub mod frr;
mod hand;
pub mod lab;
pub mod moment;
pub mod node;
pub mod pace;
pub mod packages;
pub mod packet;
pub mod scenario;
pub mod snmp;
pub mod stream;
pub mod subject;
