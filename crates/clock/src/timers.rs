//! Absolute deadlines of many owners, earliest first.

use std::collections::{BTreeMap, BTreeSet};

use crate::Instant;

/// A map from key to deadline that knows the earliest one.
///
/// Equal deadlines come out in the order of their keys, so that runs are reproducible. Setting and
/// cancelling cost O(log n).
#[derive(Clone, Debug)]
pub struct Timers<K> {
    deadlines: BTreeMap<K, Instant>,
    order: BTreeSet<(Instant, K)>,
}

impl<K: Ord + Clone> Timers<K> {
    /// No timers.
    #[must_use]
    pub const fn new() -> Self {
        Self { deadlines: BTreeMap::new(), order: BTreeSet::new() }
    }

    /// Arms the timer of `key`, replacing an earlier deadline of the same key.
    pub fn set(&mut self, key: K, deadline: Instant) {
        if self.deadlines.get(&key) == Some(&deadline) {
            return;
        }
        if let Some(old) = self.deadlines.insert(key.clone(), deadline) {
            self.order.remove(&(old, key.clone()));
        }
        self.order.insert((deadline, key));
    }

    /// Disarms the timer of `key`, if it is armed.
    pub fn cancel(&mut self, key: &K) {
        if let Some(old) = self.deadlines.remove(key) {
            self.order.remove(&(old, key.clone()));
        }
    }

    /// The deadline of `key`, if it is armed.
    #[must_use]
    pub fn deadline_of(&self, key: &K) -> Option<Instant> {
        self.deadlines.get(key).copied()
    }

    /// The earliest deadline.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.order.first().map(|(deadline, _)| *deadline)
    }

    /// The earliest deadline and whose it is.
    #[must_use]
    pub fn first(&self) -> Option<(Instant, &K)> {
        self.order.first().map(|(deadline, key)| (*deadline, key))
    }

    /// Removes and returns the earliest timer whose deadline is not after `now`.
    pub fn pop_due(&mut self, now: Instant) -> Option<K> {
        if self.next()? > now {
            return None;
        }
        let (_, key) = self.order.pop_first()?;
        self.deadlines.remove(&key);
        Some(key)
    }
}

impl<K: Ord + Clone> Default for Timers<K> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn due_timers_come_out_by_deadline_then_key() {
        let mut timers = Timers::new();
        timers.set('b', at(10));
        timers.set('a', at(10));
        timers.set('c', at(5));
        timers.set('d', at(11));
        assert_eq!(timers.next(), Some(at(5)));
        assert_eq!(timers.first(), Some((at(5), &'c')));
        let mut due = Vec::new();
        while let Some(key) = timers.pop_due(at(10)) {
            due.push(key);
        }
        assert_eq!(due, ['c', 'a', 'b']);
        assert_eq!(timers.next(), Some(at(11)));
    }

    #[test]
    fn a_timer_set_again_fires_once_at_the_new_deadline() {
        let mut timers = Timers::new();
        timers.set(1, at(5));
        timers.set(1, at(7));
        assert_eq!(timers.pop_due(at(6)), None);
        assert_eq!(timers.deadline_of(&1), Some(at(7)));
        assert_eq!(timers.pop_due(at(7)), Some(1));
        assert_eq!(timers.pop_due(at(7)), None);
    }

    #[test]
    fn a_cancelled_timer_never_fires() {
        let mut timers = Timers::new();
        timers.set(1, at(5));
        timers.cancel(&1);
        timers.cancel(&2);
        assert_eq!(timers.next(), None);
        assert_eq!(timers.pop_due(at(9)), None);
    }
}
