//! E-mail that waits to be sent: in order, a few at a time, tried again for a bounded time.
//!
//! One run takes some letters away and says of each whether it is done with, for which it has a bounded time. What a
//! run leaves is tried again after a pause that grows; what is older than an hour by then is given up. Where the server
//! only wants to be asked again about some recipients, new letters to the others do not wait for that. There is room for
//! a bounded number: the oldest give way, since what they tell is over. Letters never overtake each other, so that the
//! last that arrives about an instance tells its last state.

use std::collections::VecDeque;
use std::time::Duration;

use clock::Instant;

/// Letters that wait, and the run that has some of them.
#[derive(Debug)]
pub struct Outbox<T> {
    /// In order; the first [`Self::away`] are with the run.
    waiting: VecDeque<Entry<T>>,
    away: usize,
    run: Run,
    pause: Duration,
    next_number: u64,
    /// The last run left nothing but what was put off: the server works.
    works: bool,
}

#[derive(Debug)]
struct Entry<T> {
    number: u64,
    letter: T,
    since: Instant,
    /// The run, or the last one, has put it off.
    is_put_off: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    /// The next may begin then.
    None { next: Instant },
    /// It may go on until then, and with each letter that is done for so much longer.
    Going { until: Instant, limit: Duration },
    /// It was killed; its end is awaited.
    Killed,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboxAction {
    /// Begin a run with [`Outbox::away`].
    Send,
    /// End the run, which takes too long.
    Kill,
}

/// What a run left.
#[derive(Debug, PartialEq, Eq)]
pub struct Left {
    /// Letters that wait.
    pub waiting: usize,
    /// Letters that were given up: they are too old.
    pub given_up: usize,
    /// How long until the next run; zero where this one sent all that it had.
    pub pause: Duration,
    /// Whether all that waits of this run was put off, so that nothing failed.
    pub is_put_off: bool,
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            away: 0,
            run: Run::None { next: Instant::ZERO },
            pause: FIRST_PAUSE,
            next_number: 0,
            works: false,
        }
    }
}

impl<T> Outbox<T> {
    /// Adds a letter. Returns whether another one gave way to it.
    pub fn add(&mut self, now: Instant, letter: T) -> bool {
        // Those that are with the run may be on their way.
        let full = self.waiting.len() >= ROOM;
        if full {
            self.waiting.remove(self.away);
        }
        let number = self.next_number;
        self.next_number = self.next_number.wrapping_add(1);
        self.waiting.push_back(Entry { number, letter, since: now, is_put_off: false });
        if self.works
            && let Run::None { next } = &mut self.run
        {
            *next = now.min(*next);
        }
        full
    }

    /// Whether nothing waits and nothing is on its way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && matches!(self.run, Run::None { .. })
    }

    /// How many letters wait or are on their way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// When [`Self::due`] has something to say.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.run {
            Run::None { next } => (!self.waiting.is_empty()).then_some(next),
            Run::Going { until, .. } => Some(until),
            Run::Killed => None,
        }
    }

    /// What is to be done now; a run that begins may take `limit` for each letter.
    pub fn due(&mut self, now: Instant, limit: Duration) -> Option<OutboxAction> {
        match self.run {
            Run::None { next } if now >= next && !self.waiting.is_empty() => {
                self.away = self.waiting.len().min(A_RUN);
                self.waiting.iter_mut().for_each(|entry| entry.is_put_off = false);
                self.run = Run::Going { until: now + limit, limit };
                Some(OutboxAction::Send)
            }
            Run::Going { until, .. } if now >= until => {
                self.run = Run::Killed;
                Some(OutboxAction::Kill)
            }
            Run::None { .. } | Run::Going { .. } | Run::Killed => None,
        }
    }

    /// All letters that wait or are on their way, in order, each with the time since when it waits.
    pub fn letters(&self) -> impl Iterator<Item = (Instant, &T)> {
        self.waiting.iter().map(|entry| (entry.since, &entry.letter))
    }

    /// The letters of the run, with their numbers, in order.
    pub fn away(&self) -> impl Iterator<Item = (u64, &T)> {
        self.waiting.iter().take(self.away).map(|entry| (entry.number, &entry.letter))
    }

    /// The run is done with this letter: it was taken, or refused for good.
    pub fn done(&mut self, now: Instant, number: u64) -> Option<T> {
        let place = self.place(number)?;
        self.away -= 1;
        // A server that takes some is worth the next try soon.
        self.pause = FIRST_PAUSE;
        self.prolong(now);
        self.waiting.remove(place).map(|entry| entry.letter)
    }

    /// The run is done with this letter for now: it stays, with what is changed of it here, and is tried again.
    pub fn put_off(&mut self, now: Instant, number: u64) -> Option<&mut T> {
        let place = self.place(number)?;
        self.prolong(now);
        let entry = self.waiting.get_mut(place)?;
        entry.is_put_off = true;
        Some(&mut entry.letter)
    }

    fn place(&self, number: u64) -> Option<usize> {
        self.waiting.iter().take(self.away).position(|entry| entry.number == number)
    }

    /// The run gets on.
    fn prolong(&mut self, now: Instant) {
        if let Run::Going { until, limit } = &mut self.run {
            *until = now + *limit;
        }
    }

    /// The run ended, or could not begin.
    pub fn ended(&mut self, now: Instant) -> Left {
        let failed = self.away > 0;
        self.works = failed && self.waiting.iter().take(self.away).all(|entry| entry.is_put_off);
        self.away = 0;
        let before = self.waiting.len();
        if failed {
            self.waiting.retain(|entry| now.since(entry.since) < PATIENCE);
        }
        let pause = if failed { self.pause } else { Duration::ZERO };
        if failed {
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        self.run = Run::None { next: now + pause };
        let waiting = self.waiting.len();
        Left { waiting, given_up: before - waiting, pause, is_put_off: self.works }
    }

    /// Drops what waits and is not with a run, where `keep` says so, which may change the others.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut T) -> bool) {
        let mut place = 0;
        self.waiting.retain_mut(|entry| {
            place += 1;
            place <= self.away || keep(&mut entry.letter)
        });
    }

    /// Begins the next run at once, whatever came before: there will be no later one.
    pub const fn hurry(&mut self) {
        if let Run::None { next } = &mut self.run {
            *next = Instant::ZERO;
        }
    }

    /// Forgets what waits; returns how many letters that were.
    pub fn clear(&mut self) -> usize {
        let gone = self.waiting.len();
        self.waiting.clear();
        self.away = 0;
        gone
    }
}

/// Letters that wait at most: one for each of thousands of instances.
const ROOM: usize = 5000;
/// Letters of one run.
const A_RUN: usize = 50;
/// From a failed run to the next; doubled with each that fails.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// How old a letter may be to be tried again.
const PATIENCE: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * 1_000_000_000)
    }

    fn numbers(outbox: &Outbox<&'static str>) -> Vec<u64> {
        outbox.away().map(|(number, _)| number).collect()
    }

    #[test]
    fn a_letter_goes_at_once_and_others_wait_for_the_run() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.deadline(), None);
        outbox.add(at(10), "a");
        assert_eq!(outbox.due(at(10), LIMIT), Some(OutboxAction::Send));
        outbox.add(at(11), "b");
        assert_eq!(outbox.due(at(11), LIMIT), None);
        assert_eq!(numbers(&outbox), [0]);
        assert_eq!(outbox.done(at(12), 0), Some("a"));
        let left = Left { waiting: 1, given_up: 0, pause: Duration::ZERO, is_put_off: false };
        assert_eq!(outbox.ended(at(12)), left);
        assert_eq!(outbox.due(at(12), LIMIT), Some(OutboxAction::Send));
        assert_eq!(numbers(&outbox), [1]);
        assert_eq!(outbox.done(at(13), 1), Some("b"));
        outbox.ended(at(13));
        assert!(outbox.is_empty());
        assert_eq!(outbox.deadline(), None);
    }

    #[test]
    fn what_fails_is_tried_again_after_pauses_that_grow_and_given_up_after_an_hour() {
        let mut outbox = Outbox::default();
        outbox.add(at(0), "a");
        let mut now = 0;
        let mut pauses = Vec::new();
        while outbox.due(at(now), LIMIT).is_some() {
            let left = outbox.ended(at(now));
            pauses.push(left.pause.as_secs());
            if left.given_up > 0 {
                assert_eq!(left.waiting, 0);
                break;
            }
            now += left.pause.as_secs();
            assert_eq!(outbox.deadline(), Some(at(now)));
        }
        assert_eq!(pauses[..8], [5, 10, 20, 40, 80, 160, 300, 300]);
        // 315 s until the pauses are as long as they get, and eleven of those.
        assert_eq!(now, 3615);
    }

    #[test]
    fn what_was_taken_is_not_sent_twice_and_shortens_the_pause() {
        let mut outbox = Outbox::default();
        outbox.add(at(0), "a");
        outbox.due(at(0), LIMIT);
        assert_eq!(outbox.ended(at(0)).pause, Duration::from_secs(5));
        outbox.add(at(1), "b");
        assert_eq!(outbox.due(at(5), LIMIT), Some(OutboxAction::Send));
        assert_eq!(outbox.done(at(5), 0), Some("a"));
        assert_eq!(outbox.done(at(5), 0), None);
        let left = outbox.ended(at(6));
        let pause = Duration::from_secs(5);
        assert_eq!(left, Left { waiting: 1, given_up: 0, pause, is_put_off: false });
        assert_eq!(outbox.due(at(11), LIMIT), Some(OutboxAction::Send));
        assert_eq!(numbers(&outbox), [1]);
    }

    #[test]
    fn a_run_that_takes_too_long_is_killed_once() {
        let mut outbox = Outbox::default();
        outbox.add(at(0), "a");
        outbox.due(at(0), LIMIT);
        assert_eq!(outbox.deadline(), Some(at(60)));
        assert_eq!(outbox.due(at(59), LIMIT), None);
        assert_eq!(outbox.due(at(60), LIMIT), Some(OutboxAction::Kill));
        assert_eq!(outbox.deadline(), None);
        assert_eq!(outbox.due(at(61), LIMIT), None);
        assert_eq!(outbox.ended(at(61)).waiting, 1);
        assert_eq!(outbox.deadline(), Some(at(66)));
    }

    #[test]
    fn a_run_that_gets_on_is_not_killed() {
        let mut outbox = Outbox::default();
        outbox.add(at(0), "a");
        outbox.add(at(0), "b");
        outbox.due(at(0), LIMIT);
        assert_eq!(outbox.done(at(59), 0), Some("a"));
        assert_eq!(outbox.due(at(60), LIMIT), None);
        assert_eq!(outbox.deadline(), Some(at(119)));
        assert_eq!(outbox.due(at(119), LIMIT), Some(OutboxAction::Kill));
        assert_eq!(outbox.done(at(119), 1), Some("b"), "its last word counts");
        assert_eq!(outbox.due(at(300), LIMIT), None);
    }

    #[test]
    fn the_oldest_that_is_not_on_its_way_gives_way() {
        let mut outbox = Outbox::default();
        outbox.add(at(0), "first");
        outbox.due(at(0), LIMIT);
        for _ in 1..5000 {
            assert!(!outbox.add(at(1), "old"));
        }
        assert!(outbox.add(at(2), "new"));
        assert_eq!(outbox.len(), 5000);
        assert_eq!(outbox.done(at(2), 0), Some("first"));
        outbox.ended(at(3));
        outbox.due(at(3), LIMIT);
        assert_eq!(numbers(&outbox), (2..52).collect::<Vec<u64>>());
    }

    #[test]
    fn what_is_put_off_stays_first_and_keeps_no_new_letter_waiting() {
        let mut outbox = Outbox::default();
        outbox.add(at(0), "a");
        outbox.add(at(0), "b");
        outbox.due(at(0), LIMIT);
        *outbox.put_off(at(50), 0).expect("it is with the run") = "a for some";
        assert_eq!(outbox.deadline(), Some(at(110)), "a run that gets on");
        assert_eq!(outbox.done(at(51), 1), Some("b"));
        let pause = Duration::from_secs(5);
        let left = Left { waiting: 1, given_up: 0, pause, is_put_off: true };
        assert_eq!(outbox.ended(at(51)), left);
        assert_eq!(outbox.deadline(), Some(at(56)));
        outbox.add(at(52), "c");
        assert_eq!(outbox.deadline(), Some(at(52)));
        assert_eq!(outbox.due(at(52), LIMIT), Some(OutboxAction::Send));
        let all: Vec<(u64, &&str)> = outbox.away().collect();
        assert_eq!(all, [(0, &"a for some"), (2, &"c")]);
        // A server that fails altogether is left alone again.
        outbox.put_off(at(53), 0);
        let left = outbox.ended(at(53));
        assert!(!left.is_put_off);
        let next = outbox.deadline();
        outbox.add(at(54), "d");
        assert_eq!(outbox.deadline(), next);
        assert_eq!(outbox.put_off(at(54), 0), None, "it is with no run");
    }

    #[test]
    fn what_is_put_off_for_an_hour_is_given_up() {
        let mut outbox = Outbox::default();
        outbox.add(at(0), "a");
        let (mut runs, mut given_up) = (0, 0);
        while let Some(next) = outbox.deadline() {
            assert_eq!(outbox.due(next, LIMIT), Some(OutboxAction::Send));
            outbox.put_off(next, 0);
            given_up += outbox.ended(next).given_up;
            runs += 1;
        }
        // As seldom as where the server fails.
        assert_eq!((runs, given_up), (18, 1));
    }

    #[test]
    fn what_is_no_longer_wanted_is_dropped_but_for_what_is_on_its_way() {
        let mut outbox = Outbox::default();
        outbox.add(at(0), "a");
        outbox.due(at(0), LIMIT);
        outbox.add(at(0), "a");
        outbox.add(at(0), "b");
        outbox.retain(|letter| *letter != "a");
        assert_eq!(outbox.len(), 2);
        assert_eq!(outbox.done(at(1), 0), Some("a"));
    }

    #[test]
    fn the_last_run_does_not_wait_for_its_pause() {
        let mut outbox = Outbox::default();
        outbox.add(at(0), "a");
        outbox.due(at(0), LIMIT);
        outbox.ended(at(0));
        outbox.hurry();
        assert_eq!(outbox.due(at(1), LIMIT), Some(OutboxAction::Send));
        outbox.hurry();
        assert_eq!(outbox.due(at(2), LIMIT), None, "one is going");
        assert_eq!(outbox.clear(), 1);
        outbox.ended(at(3));
        assert!(outbox.is_empty());
    }
}
