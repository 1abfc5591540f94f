//! ipvlan links: the addresses on them, and their mode. Nothing of the link below changes for them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use clock::Instant;
use intent::{
    Address, AddressKey, Flags, IfIndex, IpvlanMode, Lifetime, PROTOCOL_KEEPALIVED, UpperKind,
    UpperLink,
};
use kernel::link::Upper;

use super::{Origin, Users, standing_as};
use crate::vrrp_child::Shell;

/// What was arranged on an ipvlan link.
#[derive(Debug, Default)]
pub(super) struct OnIpvlan {
    /// Addresses that are ours.
    addresses: BTreeSet<AddressKey>,
    /// The mode that was seen to.
    mode: Option<IpvlanMode>,
}

impl Shell {
    /// Puts the addresses that instances send from on their ipvlan links, and takes away those of lines that changed.
    pub(super) fn tend_ipvlans(&mut self, now: Instant, wanted: &BTreeMap<UpperLink, Users>) {
        let mut missing = Vec::new();
        let mut surplus = Vec::new();
        for (link, users) in wanted {
            let UpperKind::Ipvlan(mode) = link.kind else { continue };
            let Some(index) = standing_as(&self.observer, link).map(|link| link.index) else {
                continue;
            };
            self.set_mode(now, users, index, mode);
            let addresses: BTreeSet<AddressKey> = self.ipvlan_addresses(index, users).collect();
            let Some(tended) = self.vmacs.tended.get_mut(&index) else { continue };
            let ours = &mut tended.ipvlan.addresses;
            surplus.extend(ours.difference(&addresses));
            ours.retain(|key| addresses.contains(key));
            for key in addresses {
                if self.observer.address(&key).is_none() {
                    ours.insert(key);
                    missing.push((key, users.clone()));
                }
            }
        }
        if missing.is_empty() && surplus.is_empty() {
            return;
        }
        self.report_removals(&surplus);
        let addresses: Vec<Address> = missing.iter().map(|(key, _)| held(key)).collect();
        let results = self.holdings.requests.set_addresses(&addresses);
        for ((key, users), result) in missing.iter().zip(results) {
            let Err(error) = result else { continue };
            self.vmacs.lacks_address = true;
            for (id, _) in users {
                let text = format!("cannot send from {}: {error}", key.address);
                self.complain(now, *id, "ipvlan address", &text);
            }
        }
        self.learn_links();
    }

    /// What is to stand on a link for those who work through it.
    fn ipvlan_addresses(
        &self,
        interface: IfIndex,
        users: &Users,
    ) -> impl Iterator<Item = AddressKey> {
        let of = |id| self.settled.instances.get(id)?.ipvlan.as_ref()?.address;
        let addresses = users.iter().filter_map(move |(id, _)| of(id));
        addresses.map(move |(address, prefix)| AddressKey { interface, address, prefix })
    }

    /// What stands on a link that we made, and is not the kernel's own doing.
    pub(super) fn adopt_ipvlan(&self, index: IfIndex, origin: &Origin) -> OnIpvlan {
        let is_ours = *origin == Origin::Ours;
        let is_given = |address: &&Address| match address.address {
            IpAddr::V4(_) => true,
            IpAddr::V6(address) => !address.is_unicast_link_local(),
        };
        let found = self.observer.on(index).filter(|_| is_ours).filter(is_given);
        OnIpvlan { addresses: found.map(Address::key).collect(), mode: None }
    }

    /// Sets the mode that the file asks for, once: who makes another link on the same parent later may change it for all.
    fn set_mode(&mut self, now: Instant, users: &Users, index: IfIndex, mode: IpvlanMode) {
        let found = self.observer.link(index).and_then(|link| link.upper).map(|(_, upper)| upper);
        let Some(tended) = self.vmacs.tended.get_mut(&index) else { return };
        if tended.ipvlan.mode.replace(mode) == Some(mode) || found == Some(Upper::Ipvlan(mode)) {
            return;
        }
        let text = if tended.origin == Origin::Ours {
            match self.holdings.requests.set_ipvlan_mode(index, mode) {
                Ok(()) => return,
                Err(error) => error.to_string(),
            }
        } else {
            format!("{} keeps the mode that somebody else gave it", tended.name)
        };
        for (id, _) in users {
            self.complain(now, *id, "ipvlan mode", &text);
        }
    }

    /// Removes what we have put on a link of somebody else.
    pub(super) fn clear_ipvlan(&mut self, on: &OnIpvlan) {
        let keys: Vec<AddressKey> = on.addresses.iter().copied().collect();
        if !keys.is_empty() {
            self.report_removals(&keys);
        }
    }
}

/// An address as it stands on an ipvlan link: as long as the link does.
fn held(key: &AddressKey) -> Address {
    Address {
        interface: key.interface,
        address: key.address,
        prefix: key.prefix,
        peer: None,
        broadcast: None,
        scope: 0,
        label: None,
        lifetime: Lifetime::Forever,
        preferred: Lifetime::Forever,
        flags: Flags { no_dad: key.address.is_ipv6(), ..Flags::default() },
        protocol: PROTOCOL_KEEPALIVED,
    }
}
