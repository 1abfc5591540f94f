//! Whether the machine kept pace: a scenario's times mean nothing while nobody ran.
//!
//! One thread sleeps for a short time again and again and notes when it woke up late. A virtual machine that its host
//! suspended, or one whose processors all had something more urgent to do, shows itself so.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

static PAUSES: Mutex<Vec<(Instant, Duration)>> = Mutex::new(Vec::new());

/// Begins to watch, for as long as this process runs.
pub fn watch() {
    thread::spawn(|| {
        loop {
            let before = Instant::now();
            thread::sleep(STEP);
            let late = before.elapsed().saturating_sub(STEP);
            if late >= NOTED {
                pauses().push((Instant::now(), late));
            }
        }
    });
}

/// The longest time since `start` for which the machine did not run us.
#[must_use]
pub fn longest_pause(start: Instant) -> Option<Duration> {
    pauses().iter().filter(|(end, _)| *end >= start).map(|(_, pause)| *pause).max()
}

fn pauses() -> std::sync::MutexGuard<'static, Vec<(Instant, Duration)>> {
    PAUSES.lock().unwrap_or_else(PoisonError::into_inner)
}

const STEP: Duration = Duration::from_millis(10);
/// A third of what timings may be late: daemons on this machine have stood still as long.
const NOTED: Duration = Duration::from_millis(150);
