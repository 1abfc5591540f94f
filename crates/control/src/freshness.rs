//! When the agent asks how everything stands, and what an answer is good for.
//!
//! An answer tells how things stood when it was asked for, not when it came. It is told for a moment without asking again,
//! and never sooner replaced than after a rest, so that finding out takes no more than a tenth of the time of those who know;
//! but the rest is bounded, because an answer may have been long in coming for another reason: somebody else who is asked hangs.

use core::time::Duration;

use clock::Instant;

/// The policy for one who asks.
#[derive(Debug)]
pub struct Freshness {
    /// How long an answer is told without asking again, where nothing changes.
    moment: Duration,
    /// When the inquiry under way began.
    asked: Option<Instant>,
    known: Option<Known>,
    /// When something changed last.
    changed: Option<Instant>,
    /// Until when changes alone are no reason to ask.
    rest: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    asked: Instant,
    /// The end of the rest.
    at_least: Instant,
    /// Until when it is told, where nothing changes.
    until: Instant,
}

impl Default for Freshness {
    fn default() -> Self {
        Self { moment: MOMENT, asked: None, known: None, changed: None, rest: None }
    }
}

impl Freshness {
    /// Tells answers for so long without asking again, from the next one on.
    pub fn keep_for(&mut self, moment: Duration) {
        self.moment = moment;
    }

    /// An inquiry begins.
    pub fn asks(&mut self, now: Instant) {
        self.asked = Some(now);
    }

    /// Its answer is there.
    pub fn learned(&mut self, now: Instant) {
        let Some(asked) = self.asked.take() else { return };
        let at_least = now + now.since(asked).saturating_mul(REST).min(LONGEST_REST);
        let until = at_least.max(now + self.moment);
        self.known = Some(Known { asked, at_least, until });
        self.rest = Some(at_least);
    }

    /// Nothing came of it.
    pub fn failed(&mut self, now: Instant) {
        self.asked = None;
        self.rest = Some(now + MOMENT);
    }

    /// Something changed: what is known is old.
    pub fn changed(&mut self, now: Instant) {
        self.changed = Some(now);
    }

    /// What is known is true no longer, or is not about what is asked.
    pub fn forget(&mut self) {
        self.known = None;
    }

    /// When the inquiry under way began, if there is one.
    #[must_use]
    pub const fn asking_since(&self) -> Option<Instant> {
        self.asked
    }

    /// Whether what is known may be told to whoever asks.
    #[must_use]
    pub fn is_fresh(&self, now: Instant) -> bool {
        self.told_until().is_some_and(|until| until > now)
    }

    /// Whether what is known tells of something that changed then.
    #[must_use]
    pub fn tells_of(&self, changed: Instant) -> bool {
        self.known.is_some_and(|known| known.asked >= changed)
    }

    /// When to ask because of a change that nothing known tells of; none while an inquiry is under way.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        if self.asked.is_some() { None } else { Some(self.rest.unwrap_or(Instant::ZERO)) }
    }

    /// How long what is known should have been replaced.
    #[must_use]
    pub fn staleness(&self, now: Instant) -> Option<Duration> {
        self.told_until().map(|until| now.since(until))
    }

    fn told_until(&self) -> Option<Instant> {
        let known = self.known?;
        let is_old = self.changed.is_some_and(|changed| changed > known.asked);
        Some(if is_old { known.at_least } else { known.until })
    }
}

/// How long an answer is told without asking again, where nobody says so; and how long it is to the next attempt.
const MOMENT: Duration = Duration::from_secs(1);
/// How much longer than it took to find out, at least.
const REST: u32 = 10;
/// No answer is old for longer because it took long.
const LONGEST_REST: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Instant {
        Instant::from_nanos(milliseconds * 1_000_000)
    }

    /// One who has asked at 1000 for so long.
    fn learned(lasted: u64) -> Freshness {
        let mut freshness = Freshness::default();
        freshness.asks(at(1000));
        freshness.learned(at(1000 + lasted));
        freshness
    }

    #[test]
    fn an_answer_is_told_for_a_second_or_ten_times_what_it_took() {
        assert!(!Freshness::default().is_fresh(at(0)));
        let quick = learned(10);
        assert!(quick.is_fresh(at(2009)));
        assert!(!quick.is_fresh(at(2010)));
        let slow = learned(300);
        assert!(slow.is_fresh(at(4299)));
        assert!(!slow.is_fresh(at(4300)));
    }

    #[test]
    fn an_answer_is_told_for_as_long_as_is_wanted() {
        let mut freshness = Freshness::default();
        freshness.keep_for(Duration::from_millis(5000));
        freshness.asks(at(1000));
        freshness.learned(at(1010));
        assert!(freshness.is_fresh(at(6009)));
        assert!(!freshness.is_fresh(at(6010)));
        freshness.changed(at(1050));
        assert!(!freshness.is_fresh(at(1110)), "something changed");
    }

    #[test]
    fn after_a_change_it_is_told_only_for_the_rest() {
        let mut freshness = learned(10);
        freshness.changed(at(1050));
        assert!(freshness.is_fresh(at(1109)), "ten times ten milliseconds");
        assert!(!freshness.is_fresh(at(1110)));
        assert_eq!(freshness.next(), Some(at(1110)));
    }

    #[test]
    fn a_change_during_an_inquiry_counts_as_one_behind_it() {
        let mut freshness = Freshness::default();
        freshness.asks(at(1000));
        freshness.changed(at(1005));
        freshness.learned(at(1010));
        assert!(!freshness.is_fresh(at(1110)), "the rest is over");
        assert!(!freshness.tells_of(at(1005)));
        assert!(freshness.tells_of(at(1000)));
        assert_eq!(freshness.next(), Some(at(1110)));
        freshness.asks(at(1110));
        assert_eq!((freshness.next(), freshness.asking_since()), (None, Some(at(1110))));
        freshness.learned(at(1120));
        assert!(freshness.tells_of(at(1005)));
        assert!(freshness.is_fresh(at(2119)), "nothing changed since");
    }

    #[test]
    fn who_knows_nothing_asks_at_once() {
        let freshness = Freshness::default();
        assert_eq!(freshness.next(), Some(at(0)));
        assert!(!freshness.tells_of(at(0)));
    }

    #[test]
    fn an_inquiry_that_fails_is_tried_again_a_moment_later() {
        let mut freshness = learned(10);
        freshness.changed(at(5000));
        freshness.asks(at(5000));
        freshness.failed(at(9000));
        assert_eq!(freshness.next(), Some(at(10_000)));
        assert!(!freshness.tells_of(at(5000)), "what was known stays what it was");
        assert_eq!(freshness.staleness(at(9000)), Some(Duration::from_millis(7890)));
        freshness.forget();
        assert_eq!(freshness.staleness(at(9000)), None);
    }
}
