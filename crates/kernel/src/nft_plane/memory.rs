//! Tracked connections that are to be forgotten: those of servers that are gone. What maps remember of such, rules
//! forget themselves.
//!
//! Each look goes through all that the kernel tracks, so what several steps leave behind is looked for at once, and what
//! could not be done stays to be done.

use std::collections::{BTreeMap, BTreeSet};

use intent::service::nftables::Method;
use intent::service::{Back, Front, Services, Transport};
use wire::Family;

use super::names;
use super::{Planned, Step};
use crate::conntrack::{Connection, Conntrack, Ends};
use crate::netlink::NetlinkError;

/// What is left to be forgotten.
#[derive(Debug, Default)]
pub(super) struct Debts {
    /// Servers that have no connections of a service any more.
    gone: BTreeMap<Front, BTreeSet<Back>>,
    /// Services of datagrams that are new.
    new: BTreeSet<Front>,
    /// Families of which a predecessor may have left something.
    inherited: BTreeSet<Family>,
    /// Where all of these are to be looked for.
    ends: BTreeSet<Ends>,
}

impl Debts {
    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Notes what follows from a step.
    pub(super) fn note(&mut self, step: &Step) {
        let (standing, wanted) = (step.standing.as_ref(), step.wanted.as_ref());
        if let Some(wanted) = wanted {
            let gone = self.gone.entry(step.front).or_default();
            // Who is back before he was forgotten goes on.
            gone.retain(|back| !wanted.service.destinations.contains_key(back));
        } else {
            self.new.remove(&step.front);
        }
        // Behind that: who stays, but is reached otherwise, is gone for those who came to him the other way.
        if let Some(standing) = standing.filter(|it| it.method == Method::Nat) {
            let gone = gone(standing, wanted);
            self.ends.extend(gone.iter().map(|back| Ends::AnsweredBy(back.address)));
            self.gone.entry(step.front).or_default().extend(gone);
        }
        if standing.is_none()
            && wanted.is_some()
            && let Front::Address { protocol: Transport::Udp, address, .. } = step.front
        {
            self.new.insert(step.front);
            self.ends.insert(Ends::AskedFor(address));
        }
        self.gone.retain(|_, backs| !backs.is_empty());
    }

    /// Notes that a predecessor may have been killed between a change and what follows from it.
    pub(super) fn inherit(&mut self, family: Family) {
        self.inherited.insert(family);
        self.ends.insert(Ends::Any(family));
    }

    /// Goes through what is tracked once, and forgets some thousand connections at most.
    ///
    /// **Errors**: the kernel refuses. What is left stays to be done.
    pub(super) fn settle(
        &mut self,
        conntrack: &mut Conntrack,
        standing: &Services,
    ) -> Result<(), NetlinkError> {
        if self.ends.len() > FEW {
            let families = self.ends.iter().map(|ends| Ends::Any(ends.family()));
            self.ends = families.collect();
        }
        let Some(ends) = self.ends.first().copied() else { return Ok(()) };
        let found = conntrack.find(ends, AT_ONCE, |it| self.is_over(it, standing))?;
        conntrack.forget(&found)?;
        if found.len() < AT_ONCE {
            self.ends.remove(&ends);
        }
        if self.is_empty() {
            *self = Self::default();
        }
        Ok(())
    }

    /// Whether a connection is to be forgotten.
    fn is_over(&self, connection: &Connection, standing: &Services) -> bool {
        let Some(protocol) = names::transport(connection.protocol) else { return false };
        let (asked, answered) = (connection.original.destination, connection.reply.source);
        let front = |port| Front::Address { protocol, address: asked.0, port };
        let (exact, all) = (front(asked.1), front(0));
        if asked == answered {
            // It came to this host itself before there was a service for it: as long as more comes, it would be taken
            // for a conversation that goes on.
            return self.new.contains(&exact) || self.new.contains(&all);
        }
        let servers = [answered.1, 0].map(|port| Back { address: answered.0, port });
        let is_gone = |front: &Front| {
            self.gone.get(front).is_some_and(|gone| servers.iter().any(|it| gone.contains(it)))
        };
        let serves = |front: &Front| {
            let service = standing.get(front);
            service.is_some_and(|it| servers.iter().any(|at| it.destinations.contains_key(at)))
        };
        if is_gone(&exact) || is_gone(&all) {
            return true;
        }
        let family = Family::of(asked.0);
        if marks(standing.keys(), family).any(serves) {
            // It may have come by this mark.
            return false;
        }
        if marks(self.gone.keys(), family).any(is_gone) {
            return !serves(&exact) && !serves(&all);
        }
        self.inherited.contains(&family) && standing.contains_key(&exact) && !serves(&exact)
    }
}

/// The servers that are there no more, or reached otherwise.
fn gone(standing: &Planned, wanted: Option<&Planned>) -> Vec<Back> {
    let stays = |back: &&Back| {
        wanted.is_some_and(|it| {
            it.method == standing.method && it.service.destinations.contains_key(back)
        })
    };
    standing.service.destinations.keys().filter(|back| !stays(back)).copied().collect()
}

fn marks<'a>(
    fronts: impl Iterator<Item = &'a Front>,
    family: Family,
) -> impl Iterator<Item = &'a Front> {
    fronts.filter(move |front| matches!(front, Front::Mark { .. }) && front.family() == family)
}

/// So many addresses are looked for one by one, and in all that is tracked where there are more.
const FEW: usize = 4;
/// Connections that are forgotten at once: others wait meanwhile.
const AT_ONCE: usize = 1 << 15;

#[cfg(test)]
mod tests;
