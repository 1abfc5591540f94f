//! How what is tracked stands: interfaces and sessions as this process sees them, the rest as the parent found out.

use std::collections::BTreeMap;

use clock::Instant;
use config::model::Tracker;
use control::{Finding, Watched};
use vrrp::{Input, TrackerId, TrackerState};

use super::Shell;
use super::binding::is_running;

impl Shell {
    pub(super) fn tell_trackers(&mut self, now: Instant) {
        for (tracker, state) in self.tracker_states() {
            self.tell_tracker(now, tracker, state);
        }
    }

    fn tell_tracker(&mut self, now: Instant, tracker: TrackerId, state: TrackerState) {
        if self.trackers.insert(tracker, state) != Some(state) {
            self.feed(now, Input::Tracker { tracker, state });
        }
    }

    pub(super) fn tracker_states(&self) -> Vec<(TrackerId, TrackerState)> {
        let states = self.settled.trackers.iter();
        states.map(|(id, tracker)| (*id, self.tracker_state(tracker))).collect()
    }

    fn tracker_state(&self, tracker: &Tracker) -> TrackerState {
        let found = |watched: Watched| match self.findings.get(&watched) {
            None => TrackerState::Unknown,
            Some(Finding::Good) => TrackerState::Up,
            Some(Finding::Bad) => TrackerState::Down,
            Some(Finding::Value(value)) => TrackerState::Value(*value),
        };
        match tracker {
            Tracker::Interface(name) => {
                let link = self.observer.link_named(name);
                let running = link.is_some_and(|link| is_running(link, &self.debounced));
                if running { TrackerState::Up } else { TrackerState::Down }
            }
            Tracker::Script(name) => found(Watched::Script(name.clone())),
            Tracker::File(name) => found(Watched::File(name.clone())),
            Tracker::Process(name) => found(Watched::Process(name.clone())),
            Tracker::Group(name) if self.group_stands(name) => TrackerState::Up,
            Tracker::Group(_) => TrackerState::Down,
            Tracker::Bfd(name) if self.sessions.is_reached(name) => TrackerState::Up,
            Tracker::Bfd(_) => TrackerState::Down,
        }
    }

    /// The other end of a BFD session is reached, or is not any more.
    pub(super) fn tell_session(&mut self, now: Instant, name: &str) {
        let tracker = Tracker::Bfd(name.to_owned());
        if let Some(id) = self.roster.tracked(&tracker)
            && self.settled.trackers.contains_key(&id)
        {
            self.tell_tracker(now, id, self.tracker_state(&tracker));
        }
    }

    /// The parent found out something new.
    pub(super) fn take_findings(&mut self, now: Instant, findings: BTreeMap<Watched, Finding>) {
        for (watched, finding) in findings {
            let Some(tracker) = tracker_of(&watched) else { continue };
            self.findings.insert(watched, finding);
            // One that nobody tracks yet may belong to a configuration that is still being read.
            if let Some(id) = self.roster.tracked(&tracker)
                && self.settled.trackers.contains_key(&id)
            {
                self.tell_tracker(now, id, self.tracker_state(&tracker));
            }
        }
    }
}

/// The tracker of what the parent watches, where it is one.
pub(super) fn tracker_of(watched: &Watched) -> Option<Tracker> {
    Some(match watched {
        Watched::Script(name) => Tracker::Script(name.clone()),
        Watched::File(name) => Tracker::File(name.clone()),
        Watched::Process(name) => Tracker::Process(name.clone()),
        // Told by this process.
        Watched::Session(_) | Watched::Instance(_) => return None,
    })
}
