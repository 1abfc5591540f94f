//! `use_vmac`: the link with the virtual MAC address that an instance works through, and all links that are made for one.

use core::net::IpAddr;

use intent::UpperKind;
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

/// The virtual MAC link of addresses that do not stand on the one of their instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressVmac {
    /// What it is called, once who runs the instance has found a name that is free.
    pub name: Option<String>,
    /// `vmac_addr_prefix`.
    pub prefix: String,
    /// Its Ethernet address.
    pub mac: MacAddr,
}

/// A link that is made for an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VirtualLink<'i> {
    /// What it stands on.
    pub parent: &'i str,
    /// Of which kind it is.
    pub kind: UpperKind,
    /// What it is called, where that is known.
    pub name: Option<&'i str>,
    /// What its name begins with otherwise.
    pub prefix: &'i str,
    /// The family of what stands on it, or is sent through it.
    pub family: Family,
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
        let own = address.vmac.as_ref().and_then(|vmac| vmac.name.as_deref());
        own.or(address.device.as_deref()).unwrap_or(default)
    }

    /// What the link stands on that one of its addresses stands on, where that is a virtual MAC link.
    #[must_use]
    pub fn below<'i>(&'i self, address: &'i VirtualAddress) -> Option<&'i str> {
        if let Some(link) = address.link(&self.interface) {
            return Some(link.parent);
        }
        let is_own = self.vmac.is_some()
            && address.device.is_none()
            && Family::of(address.address) == self.parameters.family;
        is_own.then_some(&self.interface)
    }

    /// The links that are made for it: its own, and those of addresses; one as often as addresses stand on it.
    pub fn virtual_links(&self) -> impl Iterator<Item = VirtualLink<'_>> {
        let own = |kind, name, prefix| VirtualLink {
            parent: self.interface.as_str(),
            kind,
            name,
            prefix,
            family: self.parameters.family,
        };
        let vmac = self.vmac.as_deref().map(|vmac| {
            own(UpperKind::PrivateMacvlan(vmac.mac), vmac.name.as_deref(), vmac.prefix.as_str())
        });
        let ipvlan = self
            .ipvlan
            .as_deref()
            .map(|it| own(UpperKind::Ipvlan(it.mode), it.name.as_deref(), it.prefix.as_str()));
        let addresses = self.addresses.iter().chain(&self.excluded);
        vmac.or(ipvlan)
            .into_iter()
            .chain(addresses.filter_map(|address| address.link(&self.interface)))
    }

    /// Gives each of them a name.
    pub fn name_virtual_links(&mut self, mut name: impl FnMut(VirtualLink<'_>) -> String) {
        let Some(own) = self.virtual_links().next() else { return };
        if self.vmac.is_some() || self.ipvlan.is_some() {
            let own = name(own);
            self.vmac.iter_mut().for_each(|vmac| vmac.name = Some(own.clone()));
            self.ipvlan.iter_mut().for_each(|ipvlan| ipvlan.name = Some(own.clone()));
        }
        for address in self.addresses.iter_mut().chain(&mut self.excluded) {
            let Some(link) = address.link(&self.interface) else { continue };
            let found = name(link);
            address.vmac.iter_mut().for_each(|vmac| vmac.name = Some(found.clone()));
        }
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

    /// The link whose own address it sends from: its ipvlan link, where it has one, otherwise its interface.
    #[must_use]
    pub fn sends_on(&self) -> &str {
        let ipvlan = self.ipvlan.as_ref().and_then(|ipvlan| ipvlan.name.as_deref());
        ipvlan.unwrap_or(&self.interface)
    }

    /// All addresses that come and go with its role.
    pub fn held_addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.addresses.iter().chain(&self.excluded).map(|line| line.address)
    }
}

impl VirtualAddress {
    /// The virtual MAC link of its own, where its instance is on `interface`.
    pub(crate) fn link<'a>(&'a self, interface: &'a str) -> Option<VirtualLink<'a>> {
        let vmac = self.vmac.as_ref()?;
        Some(VirtualLink {
            parent: self.device.as_deref().unwrap_or(interface),
            kind: UpperKind::PrivateMacvlan(vmac.mac),
            name: vmac.name.as_deref(),
            prefix: &vmac.prefix,
            family: Family::of(self.address),
        })
    }
}
