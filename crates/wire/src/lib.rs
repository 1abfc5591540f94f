//! Bytes and their meaning: VRRP, ARP, neighbour discovery and what they stand on.
//!
//! One file per protocol. This crate decides nothing, allocates nothing while parsing and performs no IO.
#![forbid(unsafe_code)]

mod field;

pub use field::{Family, MacAddr, MaxAdvertiseInterval, Priority, Version, Vrid};
