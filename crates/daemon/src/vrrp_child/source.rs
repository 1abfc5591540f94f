//! Addresses that instances would send from, and must not.

use std::net::IpAddr;

use config::model::Instance;
use control::Severity;
use intent::AddressKey;
use kernel::observer::Usability;
use wire::Family;

use super::Shell;

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
