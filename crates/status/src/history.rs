//! What happened lately, and why: a bounded memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Seconds, State};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Seconds,
    /// What.
    pub what: Occurrence,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Occurrence {
    /// An instance entered a state.
    Instance {
        /// Its name.
        name: String,
        /// The state.
        state: State,
        /// Why.
        cause: String,
    },
    /// A sync group entered a state.
    Group {
        /// Its name.
        name: String,
        /// The state.
        state: State,
    },
    /// Something that concerns the whole daemon.
    Daemon {
        /// What.
        text: String,
    },
}

/// The last events of each instance, of each group, and of the daemon: whoever changes often takes nobody else's room.
#[derive(Debug, Default)]
pub struct History {
    /// The oldest first.
    rings: BTreeMap<Subject, Vec<Kept>>,
    /// The text recorded last: thousands of instances that change together do so for one reason.
    last: Arc<str>,
}

/// An event of a subject that is known.
#[derive(Debug)]
struct Kept {
    at: Seconds,
    /// None where the daemon is meant.
    state: Option<State>,
    /// The cause, or what happened to the daemon.
    text: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Daemon,
    Group(String),
    Instance(String),
}

impl Subject {
    /// The event as others see it; none where the daemon would have a state or another one none.
    fn event(&self, kept: &Kept) -> Option<Event> {
        let text = || kept.text.as_ref().to_owned();
        let what = match (self, kept.state) {
            (Self::Daemon, _) => Occurrence::Daemon { text: text() },
            (Self::Group(name), Some(state)) => Occurrence::Group { name: name.clone(), state },
            (Self::Instance(name), Some(state)) => {
                Occurrence::Instance { name: name.clone(), state, cause: text() }
            }
            (Self::Group(_) | Self::Instance(_), None) => return None,
        };
        Some(Event { at: kept.at, what })
    }
}

impl History {
    /// Remembers something, and forgets what is too old.
    pub fn record(&mut self, event: Event) {
        let (subject, state, text) = match event.what {
            Occurrence::Daemon { text } => (Subject::Daemon, None, text),
            Occurrence::Group { name, state } => (Subject::Group(name), Some(state), String::new()),
            Occurrence::Instance { name, state, cause } => {
                (Subject::Instance(name), Some(state), cause)
            }
        };
        if *self.last != *text {
            self.last = text.into();
        }
        let room = if subject == Subject::Daemon { OF_THE_DAEMON } else { OF_EACH };
        let ring = self.rings.entry(subject).or_default();
        if ring.len() >= room {
            ring.remove(0);
        }
        // Most have two events, ever.
        ring.reserve_exact(1);
        ring.push(Kept { at: event.at, state, text: Arc::clone(&self.last) });
        if self.rings.len() > SUBJECTS {
            let latest = |ring: &Vec<Kept>| ring.last().map(|kept| kept.at);
            let oldest = self.rings.iter().min_by_key(|(_, ring)| latest(ring));
            if let Some(subject) = oldest.map(|(subject, _)| subject.clone()) {
                self.rings.remove(&subject);
            }
        }
    }

    /// The state that an instance is in, with when it entered that and why, as far as it is remembered.
    #[must_use]
    pub fn last(&self, instance: &str) -> Option<(Seconds, State, &str)> {
        let ring = self.rings.get(&Subject::Instance(instance.to_owned()))?;
        let state = ring.last()?.state?;
        let same = ring.iter().rev().take_while(|kept| kept.state == Some(state));
        same.last().map(|kept| (kept.at, state, kept.text.as_ref()))
    }

    /// What is remembered, the oldest first: of one instance with what concerns the whole daemon, or everything.
    #[must_use]
    pub fn events(&self, instance: Option<&str>) -> Vec<Event> {
        let wanted = |subject: &Subject| match (subject, instance) {
            (_, None) | (Subject::Daemon, _) => true,
            (Subject::Instance(name), Some(instance)) => name == instance,
            (Subject::Group(_), Some(_)) => false,
        };
        let rings = self.rings.iter().filter(|(subject, _)| wanted(subject));
        let all = rings.flat_map(|(subject, ring)| ring.iter().map(move |kept| (subject, kept)));
        let mut events: Vec<Event> =
            all.filter_map(|(subject, kept)| subject.event(kept)).collect();
        // Stable: what happened at one time stays in order.
        events.sort_by_key(|event| event.at);
        events
    }
}

/// Events kept of one instance or group.
const OF_EACH: usize = 8;
/// Events kept of the daemon.
const OF_THE_DAEMON: usize = 32;
/// Instances and groups of which events are kept: twice what one daemon is built for.
const SUBJECTS: usize = 8192;

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    fn event(at: u64, name: &str) -> Event {
        let (name, cause) = (name.to_owned(), "why".to_owned());
        let what = Occurrence::Instance { name, state: State::Backup, cause };
        Event { at: Seconds(Duration::from_secs(at)), what }
    }

    fn times(history: &History, instance: Option<&str>) -> Vec<u64> {
        history.events(instance).iter().map(|event| event.at.0.as_secs()).collect()
    }

    #[test]
    fn one_that_changes_often_leaves_the_others_their_room() {
        let mut history = History::default();
        history.record(event(1, "calm"));
        (2..100).for_each(|at| history.record(event(at, "restless")));
        let text = "started".to_owned();
        let at = Seconds(Duration::from_secs(95));
        history.record(Event { at, what: Occurrence::Daemon { text } });
        assert_eq!(times(&history, Some("calm")), [1, 95]);
        assert_eq!(times(&history, None), [1, 92, 93, 94, 95, 95, 96, 97, 98, 99]);
        assert_eq!(times(&history, Some("nobody")), [95]);
    }

    #[test]
    fn the_state_of_an_instance_began_with_its_first_event() {
        let mut history = History::default();
        assert_eq!(history.last("A"), None);
        history.record(event(1, "A"));
        for at in [2, 3] {
            let (name, cause) = ("A".to_owned(), format!("cause {at}"));
            let what = Occurrence::Instance { name, state: State::Active, cause };
            history.record(Event { at: Seconds(Duration::from_secs(at)), what });
        }
        let at = Seconds(Duration::from_secs(2));
        assert_eq!(history.last("A"), Some((at, State::Active, "cause 2")));
    }

    #[test]
    fn names_without_end_do_not_fill_the_memory() {
        let mut history = History::default();
        (0..9000).for_each(|at| history.record(event(at, &format!("instance {at}"))));
        assert_eq!(history.rings.len(), SUBJECTS);
        assert_eq!(times(&history, None).first(), Some(&(9000 - 8192)));
    }
}
