//! Links whose flapping is nobody's news: a change of state counts once it has lasted
//! (keepalived: `interface_up_down_delays`).

use core::time::Duration;

use clock::Instant;

/// How long a change must last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DebounceDelays {
    /// To down.
    pub down: Duration,
    /// To up.
    pub up: Duration,
}

/// One link.
#[derive(Clone, Copy, Debug)]
pub struct Debounce {
    delays: DebounceDelays,
    is_up: bool,
    /// When the other state counts, if it lasts until then.
    changes: Option<Instant>,
}

impl Debounce {
    /// A link that is seen for the first time: it counts as it is.
    #[must_use]
    pub const fn new(delays: DebounceDelays, is_up: bool) -> Self {
        Self { delays, is_up, changes: None }
    }

    /// Other delays, for the next change.
    pub const fn adjust(&mut self, delays: DebounceDelays) {
        self.delays = delays;
    }

    /// The state that counts.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.is_up
    }

    /// When [`Self::see`] is to be asked again.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        self.changes
    }

    /// The link is in this state now.
    pub fn see(&mut self, now: Instant, is_up: bool) {
        if is_up == self.is_up {
            self.changes = None;
            return;
        }
        let delay = if is_up { self.delays.up } else { self.delays.down };
        let at = *self.changes.get_or_insert(now + delay);
        if at <= now {
            self.is_up = is_up;
            self.changes = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Instant {
        Instant::from_nanos(milliseconds * 1_000_000)
    }

    const DELAYS: DebounceDelays =
        DebounceDelays { down: Duration::from_secs(2), up: Duration::from_secs(1) };

    #[test]
    fn a_change_counts_once_it_has_lasted() {
        let mut link = Debounce::new(DELAYS, true);
        link.see(at(100), false);
        assert_eq!((link.is_up(), link.deadline()), (true, Some(at(2100))));
        link.see(at(2099), false);
        assert!(link.is_up());
        link.see(at(2100), false);
        assert_eq!((link.is_up(), link.deadline()), (false, None));
        link.see(at(3000), true);
        assert_eq!((link.is_up(), link.deadline()), (false, Some(at(4000))));
        link.see(at(4000), true);
        assert!(link.is_up());
    }

    #[test]
    fn a_flap_within_the_delay_counts_for_nothing() {
        let mut link = Debounce::new(DELAYS, true);
        link.see(at(0), false);
        link.see(at(1900), true);
        assert_eq!(link.deadline(), None);
        // The next one is waited for anew.
        link.see(at(1950), false);
        assert_eq!(link.deadline(), Some(at(3950)));
        link.see(at(2100), false);
        assert!(link.is_up());
    }

    #[test]
    fn no_delay_is_none() {
        let delays = DebounceDelays { up: Duration::ZERO, ..DELAYS };
        let mut link = Debounce::new(delays, false);
        link.see(at(5), true);
        assert!(link.is_up());
    }
}
