//! Addresses that instances would send from, and must not.

use std::net::IpAddr;

use config::model::Instance;
use control::Severity;
use intent::{Address, AddressKey};
use kernel::observer::Usability;
use wire::Family;

use super::Shell;
use crate::compat::narration;

impl Shell {
    /// The addresses of the link that an instance sends on that wait for being known as unique, or are not.
    pub(super) fn withheld(&self, instance: &Instance) -> Vec<(IpAddr, Usability)> {
        if instance.parameters.family == Family::Ipv4 {
            return Vec::new();
        }
        let Some(link) = self.observer.link_named(instance.sends_on()) else { return Vec::new() };
        let floats = |address| self.floating.contains(&address);
        self.observer.withheld(link.index, floats).collect()
    }

    /// Says which addresses the host has at the start, where that was asked for.
    pub(super) fn tell_addresses(&mut self) {
        if self.startup.options.monitors_addresses {
            let keys: Vec<AddressKey> = self.observer.addresses().map(Address::key).collect();
            keys.iter().for_each(|key| self.tell_address(key, true));
        }
    }

    /// Says that an address came or went, where that was asked for. Those that come and go with a role are told with it.
    pub(super) fn tell_address(&mut self, key: &AddressKey, is_there: bool) {
        if !self.startup.options.monitors_addresses || self.floating.contains(&key.address) {
            return;
        }
        let link = self.observer.link(key.interface).map(|link| link.name.clone());
        let link = link.unwrap_or_else(|| format!("interface {}", key.interface));
        let text = narration::address_of_host(key.address, &link, is_there);
        self.startup.log.push(Severity::Info, text);
    }

    /// Says that an address turned out to be another host's as well, where an instance could have sent from it.
    pub(super) fn tell_refused(&mut self, key: &AddressKey) {
        let Some(link) = self.observer.link(key.interface) else { return };
        let is_sent_from = self
            .settled
            .instances
            .values()
            .any(|it| it.sends_on() == link.name && it.parameters.family == Family::Ipv6);
        if is_sent_from && !self.floating.contains(&key.address) {
            let text = format!(
                "{} has {}, and another host on the link too (duplicate address detection): nothing is sent from it",
                link.name, key.address
            );
            self.startup.log.push(Severity::Warning, text);
        }
    }
}
