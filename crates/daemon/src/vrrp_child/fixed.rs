//! Static addresses: there from start to stop, whoever is Active, and back when their interface is.

use clock::Instant;
use config::model::{Following, VirtualAddress};
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
        for (line, address) in self.wanted_fixed() {
            let key = address.key();
            let mut standing = self.standing_as(&key).peekable();
            let was_added = self.fixed.contains(&key);
            if standing.peek().is_none() {
                // What nobody follows stays as others leave it.
                if !was_added || line.following != Following::Nobody {
                    missing.push(address);
                }
            } else if standing.any(is_ours) && !was_added {
                drop(standing);
                self.fixed.push(key);
            }
        }
        let results = self.holdings.requests.set_addresses(&missing);
        for (address, result) in missing.iter().zip(results) {
            let known = self.fixed.iter().position(|key| *key == address.key());
            let text = match (result, known) {
                (Ok(()), None) => {
                    self.fixed.push(address.key());
                    continue;
                }
                (Ok(()), Some(_)) => {
                    format!("static address {} was taken away: it is there again", address.address)
                }
                (Err(error), known) => {
                    known.map(|place| self.fixed.remove(place));
                    format!("static address {}: {error}", address.address)
                }
            };
            let complaint = Complaint::Fixed(address.address);
            if let Some(silenced) = self.complaints.admit(now, &complaint) {
                self.startup.log.push(Severity::Warning, with_silenced(text, silenced));
            }
        }
    }

    /// Whether a static address is there, or was a moment ago.
    pub(super) fn fixed_stands(&self, line: &VirtualAddress) -> bool {
        let link = line.device.as_deref().and_then(|name| self.observer.link_named(name));
        link.is_some_and(|link| {
            let key = holdings::installed(line, link.index, None).key();
            link.running && (self.fixed.contains(&key) || self.standing_as(&key).next().is_some())
        })
    }

    /// What stands as an address: IPv6 holds one once, whatever the prefix.
    fn standing_as(&self, key: &AddressKey) -> impl Iterator<Item = &Address> {
        let (prefix, any_prefix) = (key.prefix, key.address.is_ipv6());
        let standing = self.observer.standing(key.interface, key.address);
        standing.filter(move |it| it.prefix == prefix || any_prefix)
    }

    /// Takes away static addresses that are configured no longer, or on another interface now.
    pub(super) fn drop_fixed(&mut self) {
        let wanted = self.wanted_fixed();
        let wanted: Vec<AddressKey> = wanted.iter().map(|(_, address)| address.key()).collect();
        let kept = |key: &AddressKey| wanted.contains(key);
        let (keep, surplus): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.fixed).into_iter().partition(kept);
        self.fixed = keep;
        self.report_removals(&surplus);
    }

    /// The lines whose interface exists, and what they mean there.
    fn wanted_fixed(&self) -> Vec<(VirtualAddress, Address)> {
        let lines = self.settled.fixed.addresses.iter().filter_map(|line| {
            let link = self.observer.link_named(line.device.as_deref()?)?;
            Some((line.clone(), holdings::installed(line, link.index, None)))
        });
        lines.collect()
    }
}

/// Whether a daemon like us set an address without an end.
fn is_ours(address: &Address) -> bool {
    address.protocol == PROTOCOL_KEEPALIVED && address.lifetime == Lifetime::Forever
}
