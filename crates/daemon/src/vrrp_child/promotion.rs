//! `promote_secondaries`: with the first address of a subnet not all of its others go.

use std::collections::BTreeSet;

use clock::Instant;
use intent::IfIndex;
use vrrp::InstanceId;

use super::Shell;

impl Shell {
    /// Sets it on the links whose instances ask for it, and back where none does any more.
    pub(super) fn arrange_promotion(&mut self, now: Instant) {
        let asking = self.settled.instances.iter().filter(|(_, it)| it.promotes_secondaries);
        let wanted: Vec<(InstanceId, IfIndex)> = asking
            .filter_map(|(id, it)| Some((*id, self.observer.link_named(&it.interface)?.index)))
            .collect();
        let links: BTreeSet<IfIndex> = wanted.iter().map(|(_, link)| *link).collect();
        let (kept, left) = std::mem::take(&mut self.promoted)
            .into_iter()
            .partition::<std::collections::BTreeMap<_, _>, _>(|(link, _)| links.contains(link));
        self.promoted = kept;
        self.demote(left.into_iter().filter(|(_, was_off)| *was_off).map(|(link, _)| link));
        for (id, link) in wanted {
            if self.promoted.contains_key(&link) {
                continue;
            }
            let requests = &mut self.holdings.requests;
            let set = requests.promotes_secondaries(link).and_then(|is_on| {
                if !is_on {
                    requests.promote_secondaries(link, true)?;
                }
                Ok(!is_on)
            });
            match set {
                Ok(was_off) => {
                    self.promoted.insert(link, was_off);
                }
                Err(error) => self.complain(now, id, "promote_secondaries", &error.to_string()),
            }
        }
    }

    /// Sets it back everywhere, at the end.
    pub(super) fn end_promotion(&mut self) {
        let all = std::mem::take(&mut self.promoted).into_iter();
        self.demote(all.filter(|(_, was_off)| *was_off).map(|(link, _)| link));
    }

    fn demote(&mut self, links: impl Iterator<Item = IfIndex>) {
        for link in links {
            // One that is gone has taken its settings along.
            let _ = self.holdings.requests.promote_secondaries(link, false);
        }
    }
}
