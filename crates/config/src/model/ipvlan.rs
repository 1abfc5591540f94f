//! `use_ipvlan`: the link with an address of its own, and the Ethernet address of the one below, that an instance speaks
//! through.
//!
//! Virtual addresses stand on the interface of the instance, as with the incumbent.

use core::net::IpAddr;

use intent::IpvlanMode;

/// An ipvlan link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipvlan {
    /// What it is called; where the file does not say, who runs the instance finds a name that is free, by the prefix.
    pub name: Option<String>,
    /// `vmac_prefix`.
    pub prefix: String,
    /// How links of one interface treat each other.
    pub mode: IpvlanMode,
    /// The address that stands on it, with the length of its prefix: adverts come from there. Without one, the
    /// link-local address that the kernel gives the link is sent from (IPv6).
    pub address: Option<(IpAddr, u8)>,
    /// `group`: the link group, by which people address several links at once.
    pub group: Option<u32>,
}
