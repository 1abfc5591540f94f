//! Values that many have alike, kept once.

use std::collections::VecDeque;
use std::sync::Arc;

/// Values that were asked for last: whoever asks for an equal one gets the same.
#[derive(Clone, Debug)]
pub(super) struct Alike<T>(VecDeque<Arc<T>>);

impl<T> Default for Alike<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: PartialEq> Alike<T> {
    /// `value`, or one that is equal and has been kept already.
    pub(super) fn share(&mut self, value: T) -> Arc<T> {
        if let Some(known) = self.0.iter().find(|known| ***known == value) {
            return Arc::clone(known);
        }
        let value = Arc::new(value);
        if self.0.len() == REMEMBERED {
            self.0.pop_back();
        }
        self.0.push_front(Arc::clone(&value));
        value
    }
}

/// Servers of one kind stand together in a configuration: each value is compared with these.
const REMEMBERED: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_the_same_gets_the_same() {
        let mut words = Alike::default();
        let first = words.share("one");
        words.share("two");
        assert!(Arc::ptr_eq(&first, &words.share("one")));
    }

    #[test]
    fn few_are_remembered() {
        let mut numbers = Alike::default();
        let first = numbers.share(0);
        (1..100).for_each(|number| drop(numbers.share(number)));
        assert_eq!(numbers.0.len(), REMEMBERED);
        assert!(!Arc::ptr_eq(&first, &numbers.share(0)));
    }
}
