//! Bytes and their meaning: VRRP, BFD, ARP, neighbour discovery and what they stand on.
//!
//! One file per protocol, the same two levels in each: an `XPacket` is a view of bytes that are long enough, an `X` is
//! what they mean; `X::parse` goes one way, `X::emit` the other. This crate decides nothing, allocates nothing while
//! parsing, performs no IO and never panics, whatever the bytes.
#![forbid(unsafe_code)]

pub mod arp;
pub mod bfd;
mod checksum;
mod error;
pub mod ethernet;
mod field;
pub mod icmp;
pub mod ip;
pub mod ndisc;
pub mod vrrp;
mod writer;

pub use error::{EmitError, Malformed};
pub use field::{Family, MacAddr, MaxAdvertiseInterval, Priority, Version, Vrid};
