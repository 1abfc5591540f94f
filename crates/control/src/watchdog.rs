//! What the parent does about a child that dies, hangs, or lives.
//!
//! A child beats from inside its loop, which it enters when it has read its configuration. From then on silence of
//! some seconds means that it hangs: it is told to dump core, and killed shortly after. What died is started again at once the first time, then after 1, 2, 4 ... 60 s; a minute of
//! health forgives everything. Exit codes that mean "I cannot run like this" are final.

use std::time::Duration;

use clock::Instant;

/// The policy of one child.
#[derive(Debug)]
pub struct Watchdog {
    state: State,
    respawn: Respawn,
    /// Starts in a row without a minute of health between them.
    failures: u32,
    /// Without a word for this long it hangs.
    silence: Duration,
    /// It got a moment more since it was heard last.
    is_reprieved: bool,
}

/// Whether a dead child is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Respawn {
    Yes,
    /// `-R`.
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not running, to be started then.
    Waiting { until: Instant },
    /// Running since then, last heard of then; before the first word, as if that were still to come.
    Running { since: Instant, heard: Instant },
    /// Told to dump core then.
    Aborting { since: Instant },
    /// Killed.
    Killed,
    /// Told to stop: killed then.
    Stopping { until: Instant },
    /// Not running, and not to be started again.
    Ended,
}

/// What happened to the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was started.
    Started,
    /// It said something.
    Heard,
    /// It ended.
    Died(Death),
    /// The daemon stops; children have this long.
    Stop {
        /// Time until SIGKILL.
        patience: Duration,
    },
    /// The deadline came.
    Timeout,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// With an exit code.
    Exited(i32),
    /// By a signal.
    Signalled(i32),
}

/// What the parent shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start it.
    Start,
    /// It hangs: send SIGABRT.
    Abort,
    /// Send SIGKILL.
    Kill,
    /// It will be started again after this time.
    Respawn {
        /// Zero means at once.
        after: Duration,
    },
    /// The daemon cannot go on without it: end with this code.
    GiveUp {
        /// Exit code of the daemon.
        code: i32,
    },
}

impl Watchdog {
    /// A child that is to be started now, and hangs after `silence`; `respawn` is off under `-R`.
    #[must_use]
    pub const fn new(now: Instant, respawn: bool, silence: Duration) -> Self {
        let respawn = if respawn { Respawn::Yes } else { Respawn::No };
        Self {
            state: State::Waiting { until: now },
            respawn,
            failures: 0,
            silence,
            is_reprieved: false,
        }
    }

    /// For how long it may say nothing.
    #[must_use]
    pub const fn silence(&self) -> Duration {
        self.silence
    }

    /// When [`Event::Timeout`] is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until } | State::Stopping { until } => Some(until),
            State::Running { heard, .. } => Some(heard + self.silence),
            State::Aborting { since } => Some(since + CORE_TIME),
            State::Killed | State::Ended => None,
        }
    }

    /// Whether the child runs and is not known to hang.
    #[must_use]
    pub const fn is_healthy(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    /// Whether the child has missed so many beats that nobody should wait for it: what it is asked may be answered late,
    /// or not at all.
    #[must_use]
    pub fn is_quiet(&self, now: Instant) -> bool {
        match self.state {
            State::Running { heard, .. } => now >= heard + QUIET,
            State::Waiting { .. }
            | State::Aborting { .. }
            | State::Killed
            | State::Stopping { .. }
            | State::Ended => false,
        }
    }

    /// Whether the child is gone for good.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Takes in an event.
    pub fn handle(&mut self, now: Instant, event: Event) -> Option<Action> {
        match (self.state, event) {
            (State::Waiting { .. }, Event::Started) => {
                self.state = State::Running { since: now, heard: now + READING };
                self.is_reprieved = false;
                None
            }
            (State::Running { since, .. }, Event::Heard) => {
                self.state = State::Running { since, heard: now };
                self.is_reprieved = false;
                None
            }
            (State::Waiting { until }, Event::Timeout) if now >= until => Some(Action::Start),
            (State::Running { since, heard }, Event::Timeout) if now >= heard + self.silence => {
                let late = now.since(heard + self.silence);
                if late >= LATE && !self.is_reprieved {
                    // Whatever held up whoever asks may have held up the child too, and spared neither.
                    self.is_reprieved = true;
                    self.state = State::Running { since, heard: heard + late + REPRIEVE };
                    return None;
                }
                self.forgive(now);
                self.state = State::Aborting { since: now };
                Some(Action::Abort)
            }
            (State::Aborting { since }, Event::Timeout) if now >= since + CORE_TIME => {
                self.state = State::Killed;
                Some(Action::Kill)
            }
            (State::Stopping { until }, Event::Timeout) if now >= until => {
                self.state = State::Stopping { until: now + CORE_TIME };
                Some(Action::Kill)
            }
            (State::Stopping { .. }, Event::Died(_))
            | (State::Waiting { .. }, Event::Stop { .. }) => {
                self.state = State::Ended;
                None
            }
            (
                State::Running { .. } | State::Aborting { .. } | State::Killed,
                Event::Died(death),
            ) => {
                self.forgive(now);
                Some(self.died(now, death))
            }
            (State::Running { .. } | State::Aborting { .. }, Event::Stop { patience }) => {
                self.state = State::Stopping { until: now + patience };
                None
            }
            (State::Killed, Event::Stop { .. }) => {
                self.state = State::Stopping { until: now };
                None
            }
            (
                State::Waiting { .. }
                | State::Running { .. }
                | State::Aborting { .. }
                | State::Killed
                | State::Stopping { .. }
                | State::Ended,
                Event::Started
                | Event::Heard
                | Event::Died(_)
                | Event::Stop { .. }
                | Event::Timeout,
            ) => None,
        }
    }

    fn died(&mut self, now: Instant, death: Death) -> Action {
        if let Death::Exited(code) = death
            && FINAL_CODES.contains(&code)
        {
            self.state = State::Ended;
            return Action::GiveUp { code };
        }
        if self.respawn == Respawn::No {
            self.state = State::Ended;
            return Action::GiveUp { code: FATAL };
        }
        let after = match self.failures {
            0 => Duration::ZERO,
            failures => Duration::from_secs(1 << (failures - 1).min(6)).min(LONGEST_WAIT),
        };
        self.failures = self.failures.saturating_add(1);
        self.state = State::Waiting { until: now + after };
        Action::Respawn { after }
    }

    fn forgive(&mut self, now: Instant) {
        if let State::Running { since, .. } = self.state
            && now.since(since) >= HEALTH
        {
            self.failures = 0;
        }
    }
}

/// Without a word for this long, the VRRP process hangs: others take over from a router that is silent for little
/// more. It beats once a second.
pub const SILENCE_OF_ROUTERS: Duration = Duration::from_millis(2200);
/// The same of the checker process, which has no priority on a busy host, and whose work goes on without it: the kernel
/// balances.
pub const SILENCE_OF_CHECKS: Duration = Duration::from_secs(10);
/// What a child may take to its first word beyond that: configurations may be large, and machines slow.
const READING: Duration = Duration::from_millis(7800);
/// From when on nobody waits for the answer of a child: two beats that it has missed.
const QUIET: Duration = Duration::from_millis(2500);
/// A question that comes so late after its time was held up itself.
const LATE: Duration = Duration::from_millis(50);
/// What a child then has for a word.
const REPRIEVE: Duration = Duration::from_millis(500);
/// From SIGABRT to SIGKILL.
const CORE_TIME: Duration = Duration::from_millis(200);
/// A child that ran this long has proved that it can.
const HEALTH: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Fatal, configuration, missing permission: the same start would end the same way.
const FINAL_CODES: [i32; 3] = [FATAL, 2, 4];
const FATAL: i32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Instant {
        Instant::from_nanos(milliseconds * 1_000_000)
    }

    fn running() -> Watchdog {
        let mut watchdog = Watchdog::new(at(0), true, SILENCE_OF_ROUTERS);
        assert_eq!(watchdog.handle(at(0), Event::Timeout), Some(Action::Start));
        assert_eq!(watchdog.handle(at(0), Event::Started), None);
        watchdog
    }

    const CRASH: Event = Event::Died(Death::Signalled(11));

    #[test]
    fn a_child_that_beats_is_left_alone() {
        let mut watchdog = running();
        for beat in 1..40 {
            assert_eq!(watchdog.handle(at(beat * 250), Event::Heard), None);
        }
        assert_eq!(watchdog.deadline(), Some(at(11_950)));
        assert_eq!(watchdog.handle(at(11_949), Event::Timeout), None);
        assert!(watchdog.is_healthy());
    }

    #[test]
    fn the_first_word_may_take_ten_seconds() {
        let mut watchdog = running();
        assert_eq!(watchdog.deadline(), Some(at(10_000)));
        assert_eq!(watchdog.handle(at(9_999), Event::Timeout), None);
        assert_eq!(watchdog.handle(at(10_000), Event::Timeout), Some(Action::Abort));
    }

    #[test]
    fn a_child_that_may_be_silent_for_long_is_quiet_before() {
        let mut watchdog = Watchdog::new(at(0), true, SILENCE_OF_CHECKS);
        assert!(!watchdog.is_quiet(at(60_000)), "nobody waits for one that is not there");
        watchdog.handle(at(0), Event::Started);
        assert!(!watchdog.is_quiet(at(10_299)), "it reads its configuration");
        assert!(watchdog.is_quiet(at(10_300)));
        watchdog.handle(at(1_000), Event::Heard);
        assert!(!watchdog.is_quiet(at(3_499)));
        assert!(watchdog.is_quiet(at(3_500)) && watchdog.is_healthy());
        watchdog.handle(at(3_600), Event::Heard);
        assert!(!watchdog.is_quiet(at(3_600)));
    }

    #[test]
    fn somewhat_more_than_two_seconds_of_silence_bring_abort_and_then_kill() {
        let mut watchdog = running();
        assert_eq!(watchdog.handle(at(1000), Event::Heard), None);
        assert_eq!(watchdog.handle(at(3199), Event::Timeout), None);
        assert_eq!(watchdog.handle(at(3200), Event::Timeout), Some(Action::Abort));
        assert!(!watchdog.is_healthy());
        assert_eq!(watchdog.deadline(), Some(at(3400)));
        assert_eq!(watchdog.handle(at(3400), Event::Timeout), Some(Action::Kill));
        assert_eq!(watchdog.deadline(), None);
        assert_eq!(
            watchdog.handle(at(3401), Event::Died(Death::Signalled(9))),
            Some(Action::Respawn { after: Duration::ZERO })
        );
    }

    #[test]
    fn who_asks_late_gives_a_moment_more_and_once() {
        let mut watchdog = running();
        watchdog.handle(at(1000), Event::Heard);
        assert_eq!(watchdog.handle(at(3250), Event::Timeout), None);
        assert!(watchdog.is_healthy());
        assert_eq!(watchdog.deadline(), Some(at(3750)));
        assert_eq!(watchdog.handle(at(3900), Event::Timeout), Some(Action::Abort));
        let mut watchdog = running();
        watchdog.handle(at(1000), Event::Heard);
        watchdog.handle(at(3250), Event::Timeout);
        watchdog.handle(at(3300), Event::Heard);
        assert_eq!(watchdog.handle(at(5550), Event::Timeout), None, "another silence");
    }

    #[test]
    fn deaths_in_a_row_wait_0_1_2_4_up_to_60_seconds() {
        let mut watchdog = running();
        let mut now = 0;
        for seconds in [0, 1, 2, 4, 8, 16, 32, 60, 60, 60] {
            now += 10;
            let after = Duration::from_secs(seconds);
            assert_eq!(watchdog.handle(at(now), CRASH), Some(Action::Respawn { after }));
            now += seconds * 1000;
            assert_eq!(watchdog.deadline(), Some(at(now)));
            assert_eq!(watchdog.handle(at(now), Event::Timeout), Some(Action::Start));
            assert_eq!(watchdog.handle(at(now), Event::Started), None);
        }
    }

    #[test]
    fn a_minute_of_health_forgives() {
        let mut watchdog = running();
        assert_eq!(watchdog.handle(at(10), CRASH), Some(Action::Respawn { after: Duration::ZERO }));
        watchdog.handle(at(10), Event::Started);
        for second in 1..=60 {
            watchdog.handle(at(10 + second * 1000), Event::Heard);
        }
        assert_eq!(
            watchdog.handle(at(60_010), CRASH),
            Some(Action::Respawn { after: Duration::ZERO })
        );
    }

    #[test]
    fn exit_codes_that_mean_it_cannot_run_are_final() {
        for code in [1, 2, 4] {
            let mut watchdog = running();
            let event = Event::Died(Death::Exited(code));
            assert_eq!(watchdog.handle(at(10), event), Some(Action::GiveUp { code }));
            assert!(watchdog.has_ended());
        }
        let mut watchdog = running();
        assert_eq!(
            watchdog.handle(at(10), Event::Died(Death::Exited(70))),
            Some(Action::Respawn { after: Duration::ZERO })
        );
    }

    #[test]
    fn checks_may_be_held_up_for_longer() {
        let mut watchdog = Watchdog::new(at(0), true, SILENCE_OF_CHECKS);
        watchdog.handle(at(0), Event::Timeout);
        watchdog.handle(at(0), Event::Started);
        watchdog.handle(at(1_000), Event::Heard);
        assert_eq!(watchdog.handle(at(10_999), Event::Timeout), None);
        assert_eq!(watchdog.handle(at(11_000), Event::Timeout), Some(Action::Abort));
    }

    #[test]
    fn without_respawning_a_death_ends_the_daemon() {
        let mut watchdog = Watchdog::new(at(0), false, SILENCE_OF_ROUTERS);
        watchdog.handle(at(0), Event::Timeout);
        watchdog.handle(at(0), Event::Started);
        assert_eq!(watchdog.handle(at(10), CRASH), Some(Action::GiveUp { code: 1 }));
    }

    #[test]
    fn a_stopping_child_that_does_not_end_is_killed() {
        let mut watchdog = running();
        let patience = Duration::from_secs(5);
        assert_eq!(watchdog.handle(at(100), Event::Stop { patience }), None);
        assert_eq!(watchdog.handle(at(5099), Event::Timeout), None);
        assert_eq!(watchdog.handle(at(5100), Event::Timeout), Some(Action::Kill));
        assert_eq!(watchdog.handle(at(5101), Event::Died(Death::Signalled(9))), None);
        assert!(watchdog.has_ended());
    }

    #[test]
    fn a_child_that_waits_for_its_start_ends_at_once() {
        let mut watchdog = running();
        watchdog.handle(at(10), CRASH);
        assert_eq!(watchdog.handle(at(11), Event::Stop { patience: Duration::from_secs(5) }), None);
        assert!(watchdog.has_ended());
    }
}
