//! When a process that nobody depends on is started, and started again.
//!
//! Nothing else of the daemon waits for it: one that dies comes back after a pause that grows, one that is silent is
//! killed, one that is wanted no longer has a moment to end.

use core::time::Duration;

use clock::Instant;

/// The policy for one such process.
#[derive(Debug)]
pub struct Revival {
    state: State,
    is_wanted: bool,
    /// How often in a row it did not last.
    failures: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It does not run; it is started at this time, if at all.
    Down(Option<Instant>),
    Running {
        since: Instant,
        /// When it was heard last.
        heard: Instant,
    },
    /// It was told to end, and has until then.
    Ending(Instant),
    Killed,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevivalAction {
    /// Start it; say [`Revival::started`] or [`Revival::ended`].
    Start,
    /// Tell it to end.
    End,
    /// Kill it.
    Kill,
}

impl Default for Revival {
    fn default() -> Self {
        Self { state: State::Down(None), is_wanted: false, failures: 0 }
    }
}

impl Revival {
    /// It shall run from now on, or no longer.
    pub fn want(&mut self, now: Instant, is_wanted: bool) -> Option<RevivalAction> {
        self.is_wanted = is_wanted;
        match (self.state, is_wanted) {
            (State::Down(None), true) => {
                self.failures = 0;
                self.state = State::Down(Some(now));
                None
            }
            (State::Down(_), false) => {
                self.state = State::Down(None);
                None
            }
            (State::Running { .. }, false) => {
                self.state = State::Ending(now + FAREWELL);
                Some(RevivalAction::End)
            }
            // One that is ending comes back behind its end.
            (State::Down(_) | State::Running { .. }, true)
            | (State::Ending(_) | State::Killed, _) => None,
        }
    }

    /// When [`Revival::due`] has something to say.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Down(start) => start,
            State::Running { heard, .. } => Some(heard + SILENCE),
            State::Ending(until) => Some(until),
            State::Killed => None,
        }
    }

    /// What is to be done now.
    pub fn due(&mut self, now: Instant) -> Option<RevivalAction> {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return None;
        }
        if matches!(self.state, State::Down(_)) {
            return Some(RevivalAction::Start);
        }
        self.state = State::Killed;
        Some(RevivalAction::Kill)
    }

    /// It was started.
    pub fn started(&mut self, now: Instant) {
        self.state = State::Running { since: now, heard: now };
    }

    /// It said something; or it may have, while nobody listened.
    pub fn heard(&mut self, now: Instant) {
        if let State::Running { heard, .. } = &mut self.state {
            *heard = now;
        }
    }

    /// It ended, or could not be started. Returns how long until it is started again, where it is.
    pub fn ended(&mut self, now: Instant) -> Option<Duration> {
        let lasted = match self.state {
            State::Running { since, .. } => now.since(since) >= STEADY,
            State::Down(_) | State::Ending(_) | State::Killed => false,
        };
        self.failures = if lasted { 0 } else { self.failures.saturating_add(1) };
        let doubled = 1 << self.failures.saturating_sub(1).min(8);
        let pause = FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE);
        let next = self.is_wanted.then(|| now + pause);
        self.state = State::Down(next);
        next.map(|_| pause)
    }

    /// Whether it does not run.
    #[must_use]
    pub const fn is_down(&self) -> bool {
        matches!(self.state, State::Down(_))
    }
}

/// Without a word for so long, it hangs.
const SILENCE: Duration = Duration::from_secs(60);
/// How long it may take to end.
const FAREWELL: Duration = Duration::from_secs(2);
/// One that ran so long is no failure.
const STEADY: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * 1_000_000_000)
    }

    fn running() -> Revival {
        let mut revival = Revival::default();
        assert_eq!(revival.want(at(0), true), None);
        assert_eq!(revival.due(at(0)), Some(RevivalAction::Start));
        revival.started(at(0));
        revival
    }

    #[test]
    fn what_is_not_wanted_is_not_started() {
        let mut revival = Revival::default();
        assert_eq!((revival.deadline(), revival.due(at(9))), (None, None));
        revival.want(at(0), true);
        assert_eq!(revival.deadline(), Some(at(0)));
        revival.want(at(0), false);
        assert_eq!((revival.deadline(), revival.due(at(9))), (None, None));
    }

    #[test]
    fn one_that_dies_soon_comes_back_ever_later() {
        let mut revival = running();
        let mut pauses = Vec::new();
        let mut now = at(0);
        for _ in 0..8 {
            pauses.push(revival.ended(now).expect("another start").as_secs());
            now = revival.deadline().expect("another start");
            assert_eq!(revival.due(now), Some(RevivalAction::Start));
            revival.started(now);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn one_that_ran_a_minute_comes_back_soon() {
        let mut revival = running();
        revival.ended(at(1));
        revival.started(at(2));
        revival.heard(at(50));
        assert_eq!(revival.ended(at(62)), Some(Duration::from_secs(1)));
    }

    #[test]
    fn one_that_is_silent_is_killed() {
        let mut revival = running();
        revival.heard(at(5));
        assert_eq!(revival.due(at(64)), None);
        assert_eq!(revival.due(at(65)), Some(RevivalAction::Kill));
        assert_eq!((revival.deadline(), revival.due(at(99))), (None, None), "once");
        assert_eq!(revival.ended(at(66)), Some(Duration::from_secs(1)));
    }

    #[test]
    fn one_that_is_wanted_no_longer_has_a_moment() {
        let mut revival = running();
        assert_eq!(revival.want(at(9), false), Some(RevivalAction::End));
        assert_eq!(revival.want(at(9), false), None);
        assert_eq!(revival.due(at(10)), None);
        assert!(!revival.is_down());
        assert_eq!(revival.due(at(11)), Some(RevivalAction::Kill));
        assert_eq!(revival.ended(at(11)), None);
        assert!(revival.is_down());
    }

    #[test]
    fn one_that_is_wanted_again_while_it_ends_comes_back() {
        let mut revival = running();
        revival.want(at(9), false);
        assert_eq!(revival.want(at(9), true), None);
        assert_eq!(revival.ended(at(10)), Some(Duration::from_secs(1)));
        assert_eq!(revival.deadline(), Some(at(11)));
    }
}
