//! What the kernel may have to load for a service: a scheduler, and an engine that finds clients.
//!
//! It asks for a module that it lacks with each request, and waits for the program that would load it. So whoever wants
//! what is not to be had asks once, not for each of some hundred services.

use std::collections::BTreeSet;

use intent::service::{Scheduling, ServiceChange};

/// By their names, what a service needs.
type Needs = (String, Option<String>);

/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct Modules {
    /// With which a service stood.
    present: BTreeSet<Needs>,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Ask for so many changes in one batch.
    Ask(usize),
    /// The first would be refused as one before it was.
    Lacking,
}

impl Modules {
    /// What to do about the first of these changes, of which there is one; `lacking` is what was refused just before.
    pub(super) fn next(&self, changes: &[ServiceChange], lacking: &BTreeSet<Needs>) -> Next {
        let is_new =
            |change: &ServiceChange| needs(change).filter(|needs| !self.present.contains(needs));
        match changes.first().and_then(is_new) {
            Some(needs) if lacking.contains(&needs) => Next::Lacking,
            Some(_) => Next::Ask(1),
            None => Next::Ask(changes.iter().take_while(|it| is_new(it).is_none()).count()),
        }
    }

    /// Takes note of an answer: whether the kernel has what the change needs, if that is known.
    pub(super) fn learn(
        &mut self,
        change: &ServiceChange,
        is_there: Option<bool>,
        lacking: &mut BTreeSet<Needs>,
    ) {
        let (Some(needs), Some(is_there)) = (needs(change), is_there) else { return };
        if is_there {
            self.present.insert(needs);
        } else {
            self.present.remove(&needs);
            lacking.insert(needs);
        }
    }
}

/// How a service is to be balanced after a change that says so.
pub(super) const fn scheduling(change: &ServiceChange) -> Option<&Scheduling> {
    match change {
        ServiceChange::Add(_, wanted) | ServiceChange::Set(_, wanted) => Some(wanted),
        ServiceChange::AddDestination(..)
        | ServiceChange::SetDestination(..)
        | ServiceChange::RemoveDestination(..)
        | ServiceChange::Remove(_) => None,
    }
}

fn needs(change: &ServiceChange) -> Option<Needs> {
    let wanted = scheduling(change)?;
    let engine = wanted.persistence.as_ref().and_then(|it| it.engine.clone());
    Some((wanted.scheduler.clone(), engine))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic fails the test, as it should")]
mod tests {
    use intent::service::{Back, Front};

    use super::*;

    fn front(port: u16) -> Front {
        Front::Address {
            protocol: intent::service::Transport::Tcp,
            address: [192, 0, 2, 1].into(),
            port,
        }
    }

    fn add(port: u16, scheduler: &str) -> ServiceChange {
        ServiceChange::Add(front(port), Scheduling::new(scheduler))
    }

    #[test]
    fn what_is_lacking_is_asked_for_once_and_what_is_there_in_batches() {
        let back = Back { address: [192, 0, 2, 2].into(), port: 80 };
        let gone = ServiceChange::RemoveDestination(front(1), back);
        let changes = [add(1, "rr"), add(2, "rr"), gone, add(3, "mh"), add(4, "mh"), add(5, "rr")];
        let (mut modules, mut lacking) = (Modules::default(), BTreeSet::new());
        // The first of a scheduler is asked for alone.
        assert_eq!(modules.next(&changes, &lacking), Next::Ask(1));
        modules.learn(&changes[0], Some(true), &mut lacking);
        assert_eq!(modules.next(&changes[1..], &lacking), Next::Ask(2));
        assert_eq!(modules.next(&changes[3..], &lacking), Next::Ask(1));
        modules.learn(&changes[3], Some(false), &mut lacking);
        assert_eq!(modules.next(&changes[4..], &lacking), Next::Lacking);
        assert_eq!(modules.next(&changes[5..], &lacking), Next::Ask(1));
        // Another time the module may be there.
        assert_eq!(modules.next(&changes[4..], &BTreeSet::new()), Next::Ask(1));
        modules.learn(&changes[4], Some(true), &mut BTreeSet::new());
        assert_eq!(modules.next(&changes[3..], &BTreeSet::new()), Next::Ask(3));
        // And one that was there may have been taken away.
        modules.learn(&changes[4], Some(false), &mut BTreeSet::new());
        assert_eq!(modules.next(&changes[3..], &BTreeSet::new()), Next::Ask(1));
    }
}
