//! Static addresses: there from start to stop, whoever is Active, and back when their interface is.

use clock::Instant;
use control::Severity;
use intent::{Address, AddressKey, Lifetime, PROTOCOL_KEEPALIVED};

use super::Shell;
use super::holdings;
use super::receive::Complaint;
use crate::log::with_silenced;

impl Shell {
    /// Adds static addresses that are missing; takes over those that a process before us added.
    pub(super) fn add_fixed(&mut self, now: Instant) {
        let mut missing = Vec::new();
        let wanted: Vec<Address> = self.wanted_fixed().collect();
        for address in wanted {
            let key = address.key();
            // IPv6 holds an address once, whatever the prefix.
            let standing = self.observer.standing(key.interface, key.address);
            let standing: Vec<&Address> =
                standing.filter(|it| it.prefix == key.prefix || key.address.is_ipv6()).collect();
            if standing.is_empty() {
                missing.push(address);
            } else if standing.iter().any(|it| is_ours(it)) && !self.fixed.contains(&key) {
                self.fixed.push(key);
            }
        }
        let results = self.holdings.requests.set_addresses(&missing);
        for (address, result) in missing.iter().zip(results) {
            match result {
                Ok(()) if self.fixed.contains(&address.key()) => {}
                Ok(()) => self.fixed.push(address.key()),
                Err(error) => {
                    let complaint = Complaint::Fixed(address.address);
                    if let Some(silenced) = self.complaints.admit(now, &complaint) {
                        let text = format!("static address {}: {error}", address.address);
                        self.startup.log.push(Severity::Warning, with_silenced(text, silenced));
                    }
                }
            }
        }
    }

    /// Takes away static addresses that are configured no longer, or on another interface now.
    pub(super) fn drop_fixed(&mut self) {
        let wanted: Vec<AddressKey> = self.wanted_fixed().map(|address| address.key()).collect();
        let kept = |key: &AddressKey| wanted.contains(key);
        let (keep, surplus): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.fixed).into_iter().partition(kept);
        self.fixed = keep;
        self.report_removals(&surplus);
    }

    fn wanted_fixed(&self) -> impl Iterator<Item = Address> {
        self.settled.static_addresses.iter().filter_map(|line| {
            let link = self.observer.link_named(line.device.as_deref()?)?;
            Some(holdings::installed(line, link.index, None))
        })
    }
}

/// Whether a daemon like us set an address without an end.
fn is_ours(address: &Address) -> bool {
    address.protocol == PROTOCOL_KEEPALIVED && address.lifetime == Lifetime::Forever
}
