//! A growing list that several threads may wait on.
//!
//! Captured frames and log lines arrive in one thread and are looked at in another. Nobody sleeps for a fixed time: who
//! wants something names it, says from where on it counts and until when it must have come.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// An append-only list shared between one writer and many readers.
#[derive(Debug)]
pub struct Stream<T> {
    inner: Arc<Inner<T>>,
}

/// A place in a stream: everything that comes later is at or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(usize);

impl Mark {
    /// Before the first item.
    pub const START: Self = Self(0);

    /// After this many items.
    #[must_use]
    pub const fn after(items: usize) -> Self {
        Self(items)
    }
}

impl<T: Clone> Stream<T> {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self { inner: Arc::new(Inner { items: Mutex::new(Vec::new()), grown: Condvar::new() }) }
    }

    /// Appends `item` and wakes who waits.
    pub fn push(&self, item: T) {
        let mut items = self.lock();
        // A runaway subject must not eat the machine: beyond this the scenario has failed anyway.
        if items.len() < LIMIT {
            items.push(item);
        }
        drop(items);
        self.inner.grown.notify_all();
    }

    /// The present end.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark(self.lock().len())
    }

    /// Everything from `since` on.
    #[must_use]
    pub fn since(&self, since: Mark) -> Vec<T> {
        self.lock().get(since.0..).map(<[T]>::to_vec).unwrap_or_default()
    }

    /// The first item from `since` on that `wanted` accepts, waiting for it no longer than `within`.
    #[must_use]
    pub fn wait(&self, since: Mark, within: Duration, wanted: impl Fn(&T) -> bool) -> Option<T> {
        let until = Instant::now() + within;
        let mut next = since.0;
        let mut items = self.lock();
        loop {
            if let Some(found) = items.get(next..).and_then(|new| new.iter().find(|i| wanted(i))) {
                return Some(found.clone());
            }
            next = next.max(items.len());
            let left = until.checked_duration_since(Instant::now())?;
            items = self
                .inner
                .grown
                .wait_timeout(items, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// The item at `mark`, waiting for it without limit, and moves the mark past it. For watching by hand only.
    #[must_use]
    pub fn next(&self, mark: &mut Mark) -> Option<T> {
        let found = self.wait(*mark, Duration::from_secs(86_400), |_| true)?;
        mark.0 += 1;
        Some(found)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        // A list that only grows is whole also after a panic of another thread.
        self.inner.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Default for Stream<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for Stream<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

#[derive(Debug)]
struct Inner<T> {
    items: Mutex<Vec<T>>,
    grown: Condvar,
}

/// Items kept at most: a minute of pings each millisecond and room to spare.
const LIMIT: usize = 400_000;
