//! The only room that talks to Linux.
//!
//! It performs and observes; it decides nothing and knows neither VRRP's rules nor the configuration. Unsafe code
//! lives in `sys` alone.

mod address;
pub mod conntrack;
pub mod eventloop;
pub mod file_watch;
pub mod ipvs;
pub mod link;
mod links;
pub mod namespace;
mod netconf;
pub mod netlink;
pub mod nft;
pub mod nft_plane;
pub mod observer;
pub mod packing;
pub mod path;
pub mod process;
pub mod socket;
mod sys;
pub mod sysctl;

pub use sys::{LocalTime, inherited, inherited_pair, local_time};
