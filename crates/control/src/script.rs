//! When a tracked script runs, how long it may, and what its results mean.
//!
//! It runs on a fixed beat; a run that is still going at the next beat is not doubled. At the end of its time it is
//! told to end, and killed shortly after. Its first result counts at once, whatever `rise` and `fall` are; then as
//! many results in a row as those say change the verdict (keepalived: `vrrp_script`).

use std::time::Duration;

use clock::Instant;
use serde::{Deserialize, Serialize};

/// What the configuration says of one script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptTimes {
    /// From one start to the next.
    pub interval: Duration,
    /// How long a run may take.
    pub timeout: Duration,
    /// Successes in a row that make it good again.
    pub rise: u32,
    /// Failures in a row that make it bad.
    pub fall: u32,
}

/// One script.
#[derive(Debug)]
pub struct ScriptWatch {
    times: ScriptTimes,
    next: Instant,
    run: Run,
    verdict: Option<Verdict>,
    /// Results in a row that contradict the verdict.
    against: u32,
}

/// What another program needs to go on with a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScriptMemory {
    /// What it said last.
    pub verdict: Option<Verdict>,
    /// Results in a row that contradict that.
    pub against: u32,
    /// When it runs next, in nanoseconds of the monotonic clock.
    pub next: u64,
    /// Until when the run that is going may take, in nanoseconds of the monotonic clock.
    pub until: Option<u64>,
    /// Whether that run was told to end.
    pub is_ending: bool,
}

/// What a script says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// All is well.
    Good,
    /// It is not.
    Bad,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    None,
    /// Until then it may take.
    Going {
        until: Instant,
    },
    /// Told to end; killed then.
    Ending {
        until: Instant,
    },
    /// Killed; its end is awaited.
    Killed,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptAction {
    /// Start a run.
    Start,
    /// Tell the run to end.
    Terminate,
    /// Kill it.
    Kill,
}

impl ScriptWatch {
    /// A script that runs for the first time now. One of which a verdict is known from before keeps it.
    #[must_use]
    pub const fn new(now: Instant, times: ScriptTimes, verdict: Option<Verdict>) -> Self {
        Self { times, next: now, run: Run::None, verdict, against: 0 }
    }

    /// A script that another program has run so far.
    #[must_use]
    pub fn resume(times: ScriptTimes, memory: ScriptMemory) -> Self {
        let run = match memory.until.map(Instant::from_nanos) {
            None => Run::None,
            Some(until) if memory.is_ending => Run::Ending { until },
            Some(until) => Run::Going { until },
        };
        let ScriptMemory { verdict, against, next, .. } = memory;
        Self { times, next: Instant::from_nanos(next), run, verdict, against }
    }

    /// What another program needs to go on with it.
    #[must_use]
    pub fn memory(&self) -> ScriptMemory {
        let (until, is_ending) = match self.run {
            Run::None => (None, false),
            Run::Going { until } => (Some(until.as_nanos()), false),
            Run::Ending { until } => (Some(until.as_nanos()), true),
            // Killed once more, which harms nobody.
            Run::Killed => (Some(0), true),
        };
        let (verdict, against) = (self.verdict, self.against);
        ScriptMemory { verdict, against, next: self.next.as_nanos(), until, is_ending }
    }

    /// What it said last.
    #[must_use]
    pub const fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }

    /// Takes other times over; a run that is going goes on.
    pub const fn adjust(&mut self, times: ScriptTimes) {
        self.times = times;
    }

    /// When [`Self::due`] has something to say.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.run {
            Run::None => Some(self.next),
            Run::Going { until } | Run::Ending { until } => Some(until),
            Run::Killed => None,
        }
    }

    /// What is to be done now.
    pub fn due(&mut self, now: Instant) -> Option<ScriptAction> {
        match self.run {
            Run::None if now >= self.next => {
                self.run = Run::Going { until: now + self.times.timeout };
                // Beats that were missed are not made up for.
                self.next += self.times.interval;
                if self.next <= now {
                    self.next = now + self.times.interval;
                }
                Some(ScriptAction::Start)
            }
            Run::Going { until } if now >= until => {
                self.run = Run::Ending { until: now + PATIENCE };
                Some(ScriptAction::Terminate)
            }
            Run::Ending { until } if now >= until => {
                self.run = Run::Killed;
                Some(ScriptAction::Kill)
            }
            Run::None | Run::Going { .. } | Run::Ending { .. } | Run::Killed => None,
        }
    }

    /// Whether the run was told to end for having taken too long.
    #[must_use]
    pub const fn has_timed_out(&self) -> bool {
        matches!(self.run, Run::Ending { .. } | Run::Killed)
    }

    /// A run ended, or could not be started. Returns the verdict where it changed.
    pub fn ended(&mut self, now: Instant, success: bool) -> Option<Verdict> {
        let success = success && !self.has_timed_out();
        self.run = Run::None;
        while self.next <= now {
            self.next += self.times.interval.max(SHORTEST);
        }
        let result = if success { Verdict::Good } else { Verdict::Bad };
        let Some(verdict) = self.verdict else {
            self.verdict = Some(result);
            return self.verdict;
        };
        if result == verdict {
            self.against = 0;
            return None;
        }
        self.against = self.against.saturating_add(1);
        let enough = if success { self.times.rise } else { self.times.fall };
        if self.against < enough {
            return None;
        }
        self.against = 0;
        self.verdict = Some(result);
        self.verdict
    }
}

/// From SIGTERM to SIGKILL.
const PATIENCE: Duration = Duration::from_secs(2);
/// The shortest beat that the configuration can say.
const SHORTEST: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Instant {
        Instant::from_nanos(milliseconds * 1_000_000)
    }

    const TIMES: ScriptTimes = ScriptTimes {
        interval: Duration::from_secs(2),
        timeout: Duration::from_secs(1),
        rise: 2,
        fall: 3,
    };

    fn run(watch: &mut ScriptWatch, now: u64, success: bool) -> Option<Verdict> {
        assert_eq!(watch.due(at(now)), Some(ScriptAction::Start), "{now}");
        watch.ended(at(now + 10), success)
    }

    #[test]
    fn the_first_result_counts_at_once() {
        let mut watch = ScriptWatch::new(at(0), TIMES, None);
        assert_eq!(run(&mut watch, 0, false), Some(Verdict::Bad));
        let mut watch = ScriptWatch::new(at(0), TIMES, None);
        assert_eq!(run(&mut watch, 0, true), Some(Verdict::Good));
    }

    #[test]
    fn later_results_count_in_a_row() {
        let mut watch = ScriptWatch::new(at(0), TIMES, Some(Verdict::Good));
        assert_eq!(run(&mut watch, 0, false), None);
        assert_eq!(run(&mut watch, 2000, false), None);
        // One success begins the count anew.
        assert_eq!(run(&mut watch, 4000, true), None);
        assert_eq!(run(&mut watch, 6000, false), None);
        assert_eq!(run(&mut watch, 8000, false), None);
        assert_eq!(run(&mut watch, 10_000, false), Some(Verdict::Bad));
        assert_eq!(run(&mut watch, 12_000, true), None);
        assert_eq!(run(&mut watch, 14_000, true), Some(Verdict::Good));
    }

    #[test]
    fn a_run_that_takes_too_long_is_told_killed_and_bad() {
        let mut watch = ScriptWatch::new(at(0), TIMES, None);
        assert_eq!(watch.due(at(0)), Some(ScriptAction::Start));
        assert_eq!(watch.deadline(), Some(at(1000)));
        assert_eq!(watch.due(at(1000)), Some(ScriptAction::Terminate));
        assert_eq!(watch.deadline(), Some(at(3000)));
        assert_eq!(watch.due(at(3000)), Some(ScriptAction::Kill));
        assert_eq!(watch.deadline(), None);
        // It said 0 at last, and that is too late; the beats of 2 and 4 s passed meanwhile.
        assert_eq!(watch.ended(at(5000), true), Some(Verdict::Bad));
        assert_eq!(watch.deadline(), Some(at(6000)));
    }

    #[test]
    fn another_program_goes_on_with_beat_run_and_count() {
        let mut watch = ScriptWatch::new(at(0), TIMES, Some(Verdict::Good));
        assert_eq!(run(&mut watch, 0, false), None);
        assert_eq!(run(&mut watch, 2000, false), None);
        assert_eq!(watch.due(at(4000)), Some(ScriptAction::Start));
        let mut watch = ScriptWatch::resume(TIMES, watch.memory());
        assert_eq!((watch.verdict(), watch.deadline()), (Some(Verdict::Good), Some(at(5000))));
        // The third failure in a row.
        assert_eq!(watch.ended(at(4500), false), Some(Verdict::Bad));
        assert_eq!(watch.deadline(), Some(at(6000)));
        // One that was told to end is killed in time, and one that was killed is killed again.
        assert_eq!(watch.due(at(6000)), Some(ScriptAction::Start));
        assert_eq!(watch.due(at(7000)), Some(ScriptAction::Terminate));
        let mut watch = ScriptWatch::resume(TIMES, watch.memory());
        assert_eq!(watch.due(at(8999)), None);
        assert_eq!(watch.due(at(9000)), Some(ScriptAction::Kill));
        assert_eq!(
            ScriptWatch::resume(TIMES, watch.memory()).due(at(9001)),
            Some(ScriptAction::Kill)
        );
    }

    #[test]
    fn the_beat_is_kept_whatever_a_run_takes() {
        let mut watch = ScriptWatch::new(at(0), TIMES, None);
        for beat in [0, 2000, 4000] {
            assert_eq!(watch.deadline(), Some(at(beat)));
            assert_eq!(watch.due(at(beat + 3)), Some(ScriptAction::Start));
            watch.ended(at(beat + 900), true);
        }
    }
}
