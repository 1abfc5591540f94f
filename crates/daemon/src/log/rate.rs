//! How often a recurring cause may speak.
//!
//! Each key may say a few lines, and then one in a while with the number of those that were not said. The number
//! of keys is bounded too: strangers choose them.

use std::collections::BTreeMap;
use std::time::Duration;

use clock::Instant;

/// Decides which lines of recurring causes are said.
#[derive(Debug)]
pub(crate) struct RateLimit<K> {
    causes: BTreeMap<K, Cause>,
    /// How many causes are kept.
    room: usize,
    /// What all causes together may still say until it is refilled; no bound where none.
    whole: Option<Whole>,
}

#[derive(Debug)]
struct Whole {
    lines: u32,
    left: u32,
    refilled: Instant,
}

#[derive(Debug)]
struct Cause {
    left: u32,
    refilled: Instant,
    silenced: u64,
}

impl<K: Ord + Clone> RateLimit<K> {
    /// Nothing said yet; strangers choose the causes.
    #[cfg(test)]
    pub(crate) const fn new() -> Self {
        Self { causes: BTreeMap::new(), room: CAUSES, whole: None }
    }

    /// Nothing said yet; causes are our own, this many at most.
    pub(crate) const fn with_room(room: usize) -> Self {
        Self { causes: BTreeMap::new(), room, whole: None }
    }

    /// All causes together say at most this many lines a minute.
    pub(crate) const fn of_at_most(lines: u32) -> Self {
        let whole = Whole { lines, left: lines, refilled: Instant::ZERO };
        Self { causes: BTreeMap::new(), room: CAUSES, whole: Some(whole) }
    }

    /// Whether a line may be said now; with it, how many like it were not said since the last one.
    pub(crate) fn admit(&mut self, now: Instant, key: &K) -> Option<u64> {
        if !self.causes.contains_key(key) && self.causes.len() >= self.room {
            self.causes.retain(|_, cause| now.since(cause.refilled) < REFILL);
            if self.causes.len() >= self.room {
                return None;
            }
        }
        let cause = self.causes.entry(key.clone()).or_insert(Cause {
            left: BURST,
            refilled: now,
            silenced: 0,
        });
        if now.since(cause.refilled) >= REFILL {
            cause.left = cause.left.max(1);
            cause.refilled = now;
        }
        if let Some(whole) = &mut self.whole
            && now.since(whole.refilled) >= REFILL
        {
            *whole = Whole { left: whole.lines, refilled: now, ..*whole };
        }
        if cause.left == 0 || self.whole.as_ref().is_some_and(|whole| whole.left == 0) {
            cause.silenced = cause.silenced.saturating_add(1);
            return None;
        }
        cause.left -= 1;
        if let Some(whole) = &mut self.whole {
            whole.left -= 1;
        }
        Some(std::mem::take(&mut cause.silenced))
    }
}

/// A line that says how many others it stands for.
pub(crate) fn with_silenced(text: String, silenced: u64) -> String {
    if silenced == 0 { text } else { format!("{text} ({silenced} more like it not logged)") }
}

const BURST: u32 = 5;
const REFILL: Duration = Duration::from_secs(60);
const CAUSES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn a_flood_says_five_lines_and_then_one_a_minute_with_the_number_of_others() {
        let mut limit = RateLimit::new();
        let said: Vec<u64> = (0..1000).filter_map(|_| limit.admit(at(1), &"ttl")).collect();
        assert_eq!(said, [0; 5]);
        assert_eq!(limit.admit(at(60), &"ttl"), None);
        assert_eq!(limit.admit(at(61), &"ttl"), Some(996));
        assert_eq!(limit.admit(at(61), &"ttl"), None);
        assert_eq!(limit.admit(at(61), &"checksum"), Some(0));
    }

    #[test]
    fn all_causes_together_say_no_more_than_their_bound_a_minute() {
        let mut limit = RateLimit::of_at_most(100);
        let said = |limit: &mut RateLimit<u32>, second| {
            let keys = (0..10_000u32).map(|number| number % 50);
            keys.filter(|key| limit.admit(at(second), key).is_some()).count()
        };
        assert_eq!(said(&mut limit, 1000), 100);
        assert_eq!(said(&mut limit, 1059), 0);
        assert_eq!(said(&mut limit, 1060), 100);
        // Every cause has spoken five times since, and may speak once a minute now.
        assert_eq!(said(&mut limit, 1120), 50);
    }

    #[test]
    fn causes_that_strangers_invent_do_not_grow_without_bound() {
        let mut limit = RateLimit::new();
        let said = (0..100_000u32).filter(|key| limit.admit(at(1), key).is_some()).count();
        assert_eq!(said, 256);
    }
}
