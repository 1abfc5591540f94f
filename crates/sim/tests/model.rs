//! A reference election that is obviously right, against ours: on a quiet LAN, event by event, who is
//! Active when everything has settled, and when a crashed one is replaced.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "what is missing fails the test")]

use proptest::prelude::*;
use sim::{Host, Lan, contender, seconds};
use vrrp::{Mode, Parameters, Preempt};
use wire::Priority;

/// One router of the reference.
#[derive(Clone, Copy, Debug)]
struct Contender {
    priority: u8,
    preempts: bool,
    on: bool,
}

/// The reference: what is left of RFC 9568 when nothing is lost and time does not matter. The place in
/// the list is the order of addresses.
struct Reference {
    routers: Vec<Contender>,
    active: Option<usize>,
}

impl Reference {
    /// The highest priority, then the highest address, of those that `eligible` names.
    fn best(&self, eligible: impl Fn(&Contender) -> bool) -> Option<usize> {
        let routers = self.routers.iter().enumerate();
        let candidates = routers.filter(|(_, router)| router.on && eligible(router));
        candidates.max_by_key(|(place, router)| (router.priority, *place)).map(|(place, _)| place)
    }

    fn settle(&mut self) {
        let present = self.active.map(|place| self.routers[place]).filter(|router| router.on);
        self.active = match present {
            None => self.best(|_| true),
            Some(active) => self
                .best(|router| router.preempts && router.priority > active.priority)
                .or(self.active),
        };
    }

    /// Nanoseconds of silence that a router of this priority bears at 1 s.
    fn patience(priority: u8) -> u64 {
        3_000_000_000 + (256 - u64::from(priority)) * 1_000_000_000 / 256
    }
}

#[derive(Clone, Debug)]
enum Event {
    Crash(usize),
    Stop(usize),
    Start(usize),
    Reload(usize, u8),
}

fn event() -> impl Strategy<Value = Event> {
    let host = || 0..NAMES.len();
    prop_oneof![
        host().prop_map(Event::Crash),
        host().prop_map(Event::Stop),
        host().prop_map(Event::Start),
        (host(), 1..255_u8).prop_map(|(host, priority)| Event::Reload(host, priority)),
    ]
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn host(place: usize, router: Contender) -> Host {
    let preempt = if router.preempts { Preempt::Immediately } else { Preempt::Never };
    let mode = Mode::Contender { priority: Priority(router.priority), preempt };
    let parameters = Parameters { mode, ..contender(router.priority) };
    Host::new(NAMES[place], u8::try_from(place + 1).unwrap()).instance(parameters)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ours_settles_where_the_reference_does(
        routers in prop::collection::vec((1..255_u8, any::<bool>()), NAMES.len()),
        events in prop::collection::vec(event(), 0..12),
    ) {
        let routers: Vec<Contender> = routers
            .into_iter()
            .map(|(priority, preempts)| Contender { priority, preempts, on: true })
            .collect();
        let mut lan = Lan::new(routers.iter().enumerate().map(|(place, router)| host(place, *router)));
        let mut reference = Reference { routers, active: None };
        lan.run_for(seconds(5.0));
        reference.settle();
        for event in events {
            let (place, change): (usize, fn(&mut Lan, &str)) = match event {
                Event::Crash(place) => (place, Lan::crash),
                Event::Stop(place) => (place, Lan::stop),
                Event::Start(place) => (place, Lan::start),
                Event::Reload(place, priority) => {
                    reference.routers[place].priority = priority;
                    let router = reference.routers[place];
                    lan.reload(NAMES[place], host(place, router));
                    (place, |_, _| {})
                }
            };
            let was_active = reference.active == Some(place);
            match event {
                // Switched on again while it runs, it would race with those who miss it.
                Event::Start(_) if reference.routers[place].on => continue,
                Event::Start(_) => reference.routers[place].on = true,
                Event::Crash(_) | Event::Stop(_) => reference.routers[place].on = false,
                Event::Reload(..) => {}
            }
            change(&mut lan, NAMES[place]);
            reference.settle();
            let last = lan.sent().iter().rev().find(|sent| sent.host == place).map(|sent| sent.at);
            lan.run_for(seconds(10.0));
            let expected: Vec<&str> = reference.active.iter().map(|place| NAMES[*place]).collect();
            prop_assert_eq!(lan.active(1), expected, "{}", lan.story());
            if let (Event::Crash(_), true, Some(next), Some(last)) =
                (&event, was_active, reference.active, last)
            {
                let patience = Reference::patience(reference.routers[next].priority);
                let taken_over = last.as_nanos() + 100_000 + patience;
                let sent = lan.sent().iter().any(|sent| {
                    sent.host == next && sent.at.as_nanos() == taken_over
                });
                prop_assert!(sent, "{} is not Active at {taken_over}\n{}", NAMES[next], lan.story());
            }
        }
    }
}
