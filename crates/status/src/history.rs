//! What happened lately, and why: a bounded memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Condition, Seconds, State};

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
    /// A virtual server gained or lost its quorum.
    #[serde(rename = "virtual_server")]
    VirtualServer {
        /// Its name.
        name: String,
        /// What it is now.
        state: Condition,
        /// Why.
        cause: String,
    },
    /// A real server came up or went down.
    #[serde(rename = "real_server")]
    RealServer {
        /// Its name.
        name: String,
        /// That of its virtual server.
        virtual_server: String,
        /// What it is now.
        state: Condition,
        /// Why.
        cause: String,
    },
    /// Something that concerns the whole daemon.
    Daemon {
        /// What.
        text: String,
    },
}

/// The last events of each instance, of each group, of each server, and of the daemon: whoever changes often takes
/// nobody else's room.
#[derive(Debug, Default)]
pub struct History {
    /// The oldest first.
    daemon: Vec<Kept>,
    /// Instances and groups.
    roles: Rings,
    /// Virtual servers and real servers, of which there may be many more: they take no room of the others.
    servers: Rings,
    /// The text recorded last: thousands of instances that change together do so for one reason.
    last: Arc<str>,
}

/// Events of those that changed last.
#[derive(Debug, Default)]
struct Rings {
    rings: BTreeMap<Arc<Subject>, Ring>,
    /// By the number of their last event, so that the one that is longest ago is found.
    order: BTreeMap<u64, Arc<Subject>>,
    recorded: u64,
}

#[derive(Debug, Default)]
struct Ring {
    /// The oldest first.
    kept: Vec<Kept>,
    /// Number of the last one.
    number: u64,
}

/// An event of a subject that is known.
#[derive(Debug)]
struct Kept {
    at: Seconds,
    stands: Stands,
    /// The cause, or what happened to the daemon.
    text: Arc<str>,
}

/// How something stands behind an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    /// The daemon, which has no states.
    Somehow,
    In(State),
    Is(Condition),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Group(String),
    Instance(String),
    VirtualServer(String),
    RealServer { of: String, name: String },
}

/// Whom an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About<'a> {
    /// The instance of this name.
    Instance(&'a str),
    /// The sync group of this name.
    Group(&'a str),
    /// The virtual server of this name.
    VirtualServer(&'a str),
    /// A real server.
    RealServer {
        /// Name of its virtual server.
        of: &'a str,
        /// Its own.
        name: &'a str,
    },
}

impl Subject {
    fn about(&self) -> About<'_> {
        match self {
            Self::Group(name) => About::Group(name),
            Self::Instance(name) => About::Instance(name),
            Self::VirtualServer(name) => About::VirtualServer(name),
            Self::RealServer { of, name } => About::RealServer { of, name },
        }
    }

    /// The event as others see it; none where it stands as a thing of another kind does.
    fn event(&self, kept: &Kept) -> Option<Event> {
        let cause = || kept.text.as_ref().to_owned();
        let what = match (self.clone(), kept.stands) {
            (Self::Group(name), Stands::In(state)) => Occurrence::Group { name, state },
            (Self::Instance(name), Stands::In(state)) => {
                Occurrence::Instance { name, state, cause: cause() }
            }
            (Self::VirtualServer(name), Stands::Is(state)) => {
                Occurrence::VirtualServer { name, state, cause: cause() }
            }
            (Self::RealServer { of, name }, Stands::Is(state)) => {
                Occurrence::RealServer { name, virtual_server: of, state, cause: cause() }
            }
            (Self::Group(_) | Self::Instance(_), Stands::Is(_) | Stands::Somehow)
            | (Self::VirtualServer(_) | Self::RealServer { .. }, Stands::In(_) | Stands::Somehow) =>
            {
                return None;
            }
        };
        Some(Event { at: kept.at, what })
    }
}

impl Rings {
    /// Remembers something, and forgets what is too old, of whom nothing happened for the longest time.
    fn record(&mut self, subject: Subject, kept: Kept, subjects: usize) {
        let subject = Arc::new(subject);
        let ring = self.rings.entry(Arc::clone(&subject)).or_default();
        push(&mut ring.kept, kept, OF_EACH);
        self.order.remove(&ring.number);
        self.recorded = self.recorded.wrapping_add(1);
        ring.number = self.recorded;
        self.order.insert(self.recorded, subject);
        while self.rings.len() > subjects
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.rings.remove(&oldest);
        }
    }

    fn ring(&self, subject: &Subject) -> &[Kept] {
        self.rings.get(subject).map_or(&[], |ring| &ring.kept)
    }

    fn events(&self, wanted: &impl Fn(About<'_>) -> bool, events: &mut Vec<Event>) {
        let rings = self.rings.iter().filter(|(subject, _)| wanted(subject.about()));
        for (subject, ring) in rings {
            events.extend(ring.kept.iter().filter_map(|kept| subject.event(kept)));
        }
    }
}

fn push(ring: &mut Vec<Kept>, kept: Kept, room: usize) {
    if ring.len() >= room {
        ring.remove(0);
    }
    // Most have two events, ever.
    ring.reserve_exact(1);
    ring.push(kept);
}

/// When something began to stand as it does, how, and why.
fn last(ring: &[Kept]) -> Option<(Seconds, Stands, &str)> {
    let stands = ring.last()?.stands;
    let same = ring.iter().rev().take_while(|kept| kept.stands == stands);
    same.last().map(|kept| (kept.at, stands, kept.text.as_ref()))
}

impl History {
    /// Remembers something, and forgets what is too old.
    pub fn record(&mut self, event: Event) {
        let (subject, stands, text) = match event.what {
            Occurrence::Daemon { text } => (None, Stands::Somehow, text),
            Occurrence::Group { name, state } => {
                (Some(Subject::Group(name)), Stands::In(state), String::new())
            }
            Occurrence::Instance { name, state, cause } => {
                (Some(Subject::Instance(name)), Stands::In(state), cause)
            }
            Occurrence::VirtualServer { name, state, cause } => {
                (Some(Subject::VirtualServer(name)), Stands::Is(state), cause)
            }
            Occurrence::RealServer { name, virtual_server: of, state, cause } => {
                (Some(Subject::RealServer { of, name }), Stands::Is(state), cause)
            }
        };
        if *self.last != *text {
            self.last = text.into();
        }
        let kept = Kept { at: event.at, stands, text: Arc::clone(&self.last) };
        match subject {
            None => push(&mut self.daemon, kept, OF_THE_DAEMON),
            Some(subject @ (Subject::Group(_) | Subject::Instance(_))) => {
                self.roles.record(subject, kept, SUBJECTS);
            }
            Some(subject @ (Subject::VirtualServer(_) | Subject::RealServer { .. })) => {
                self.servers.record(subject, kept, SERVERS);
            }
        }
    }

    /// The state that an instance is in, with when it entered that and why, as far as it is remembered.
    #[must_use]
    pub fn last(&self, instance: &str) -> Option<(Seconds, State, &str)> {
        match last(self.roles.ring(&Subject::Instance(instance.to_owned())))? {
            (at, Stands::In(state), why) => Some((at, state, why)),
            (_, Stands::Somehow | Stands::Is(_), _) => None,
        }
    }

    /// How a virtual server stands, or one of its real servers, since when and why, as far as it is remembered.
    #[must_use]
    pub fn last_of_server(
        &self,
        virtual_server: &str,
        real_server: Option<&str>,
    ) -> Option<(Seconds, Condition, &str)> {
        let of = virtual_server.to_owned();
        let subject = match real_server {
            None => Subject::VirtualServer(of),
            Some(name) => Subject::RealServer { of, name: name.to_owned() },
        };
        match last(self.servers.ring(&subject))? {
            (at, Stands::Is(state), why) => Some((at, state, why)),
            (_, Stands::Somehow | Stands::In(_), _) => None,
        }
    }

    /// What is remembered of those that are wanted, with what concerns the whole daemon, the oldest first.
    #[must_use]
    pub fn events(&self, wanted: impl Fn(About<'_>) -> bool) -> Vec<Event> {
        let daemon = self.daemon.iter().map(|kept| {
            let text = kept.text.as_ref().to_owned();
            Event { at: kept.at, what: Occurrence::Daemon { text } }
        });
        let mut events: Vec<Event> = daemon.collect();
        self.roles.events(&wanted, &mut events);
        self.servers.events(&wanted, &mut events);
        // Stable: what happened at one time stays in order.
        events.sort_by_key(|event| event.at);
        events
    }
}

/// Events kept of one instance, group or server.
const OF_EACH: usize = 8;
/// Events kept of the daemon.
const OF_THE_DAEMON: usize = 32;
/// Instances and groups of which events are kept: twice what one daemon is built for.
const SUBJECTS: usize = 8192;
/// Virtual servers and real servers of which events are kept.
const SERVERS: usize = 16_384;

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
        let is_wanted = |about: About<'_>| match about {
            About::Instance(name) => instance.is_none_or(|wanted| wanted == name),
            About::Group(_) | About::VirtualServer(_) | About::RealServer { .. } => {
                instance.is_none()
            }
        };
        history.events(is_wanted).iter().map(|event| event.at.0.as_secs()).collect()
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
        assert_eq!(history.roles.rings.len(), SUBJECTS);
        assert_eq!(history.roles.order.len(), SUBJECTS);
        assert_eq!(times(&history, None).first(), Some(&(9000 - 8192)));
    }

    fn of_server(at: u64, name: &str, state: Condition, cause: &str) -> Event {
        let what = Occurrence::RealServer {
            name: name.to_owned(),
            virtual_server: "VS".to_owned(),
            state,
            cause: cause.to_owned(),
        };
        Event { at: Seconds(Duration::from_secs(at)), what }
    }

    #[test]
    fn servers_without_end_take_no_room_of_instances() {
        let mut history = History::default();
        history.record(event(1, "VI_1"));
        for at in 2..20_000 {
            history.record(of_server(at, &format!("RS {at}"), Condition::Down, "refused"));
        }
        // Whoever changed again is remembered longer than who did not.
        history.record(of_server(20_000, "RS 3616", Condition::Up, "answers"));
        history.record(of_server(20_001, "another", Condition::Up, "answers"));
        assert_eq!(history.servers.rings.len(), SERVERS);
        assert_eq!(times(&history, Some("VI_1")), [1]);
        let of = |name| history.last_of_server("VS", Some(name)).map(|(at, ..)| at.0.as_secs());
        assert_eq!([of("RS 3615"), of("RS 3616"), of("RS 3617")], [None, Some(20_000), None]);
        assert_eq!(of("RS 3618"), Some(3618));
    }

    #[test]
    fn a_server_stands_as_it_does_since_its_first_event() {
        let mut history = History::default();
        history.record(of_server(1, "RS", Condition::Up, "answers"));
        history.record(of_server(2, "RS", Condition::Down, "refused"));
        history.record(of_server(3, "RS", Condition::Down, "silent"));
        let at = Seconds(Duration::from_secs(2));
        assert_eq!(
            history.last_of_server("VS", Some("RS")),
            Some((at, Condition::Down, "refused"))
        );
        assert_eq!(history.last_of_server("VS", None), None);
        assert_eq!(history.last("RS"), None);
    }
}
