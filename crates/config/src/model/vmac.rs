//! `use_vmac`: the link with the virtual MAC address that an instance works through.

use core::net::IpAddr;

use wire::{Family, MacAddr, Vrid};

use super::{Destination, Instance, VirtualAddress};

/// A virtual MAC link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vmac {
    /// What it is called; where the file does not say, who runs the instance finds a name that is free, by the prefix.
    pub name: Option<String>,
    /// `vmac_prefix`.
    pub prefix: String,
    /// Its Ethernet address.
    pub mac: MacAddr,
    /// Where advertisements leave.
    pub transmit: Transmit,
    /// `group`: the link group, by which people address several links at once.
    pub group: Option<u32>,
    /// `netlink_notify_msg`: a link event once the addresses stand.
    pub is_announced_by_netlink: bool,
}

/// Through which link the advertisements of an instance with a virtual MAC leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transmit {
    /// Its own, from the virtual MAC address (RFC 9568 §7.3).
    Vmac,
    /// `vmac_xmit_base`: the link below, from its address.
    Parent,
}

impl Vmac {
    /// The virtual router MAC address (RFC 9568 §7.3).
    #[must_use]
    pub const fn standard_mac(family: Family, vrid: Vrid) -> MacAddr {
        let kind = match family {
            Family::Ipv4 => 1,
            Family::Ipv6 => 2,
        };
        MacAddr([0, 0, 0x5e, 0, kind, vrid.get()])
    }
}

impl Instance {
    /// The link that its addresses stand on where they name none: the virtual MAC link, where there is one.
    #[must_use]
    pub fn holder(&self) -> &str {
        let vmac = self.vmac.as_ref().and_then(|vmac| vmac.name.as_deref());
        vmac.unwrap_or(&self.interface)
    }

    /// The link that one of its addresses stands on. The virtual MAC address is one of the instance's family: an
    /// excluded address of the other one stands on the link below.
    #[must_use]
    pub fn device<'i>(&'i self, address: &'i VirtualAddress) -> &'i str {
        let same = Family::of(address.address) == self.parameters.family;
        let default = if same { self.holder() } else { &self.interface };
        address.device.as_deref().unwrap_or(default)
    }

    /// The virtual MAC link through which it speaks and hears. Unicast has no part in it: peers answer the address of
    /// the link below.
    #[must_use]
    pub fn speaks_through(&self) -> Option<(&str, &Vmac)> {
        let vmac = self.vmac.as_deref()?;
        match self.destination {
            Destination::Multicast(_) => Some((vmac.name.as_deref()?, vmac)),
            Destination::Unicast(_) => None,
        }
    }

    /// All addresses that come and go with its role.
    pub fn held_addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.addresses.iter().chain(&self.excluded).map(|line| line.address)
    }
}
