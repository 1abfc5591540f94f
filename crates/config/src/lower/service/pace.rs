//! When checks are made: what is written in a check, else in its real server, else in its virtual server.

use core::num::NonZeroU16;
use core::time::Duration;

use health::Recovery;

use crate::lower::read::seconds;
use crate::model::{Habits, Pace};
use crate::syntax::Directive;

/// What one block says; none for what it does not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written {
    delay_loop: Option<Duration>,
    delay_before_retry: Option<Duration>,
    retry: Option<u32>,
    warmup: Option<Duration>,
    timeout: Option<Duration>,
}

/// What counts where nothing is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    /// One retry after a second.
    Usual,
    /// One retry after three seconds; while down, not sooner than that.
    Web,
    /// Three retries, a `delay_loop` apart.
    Names,
    /// No retry; the program has a `delay_loop` of the virtual server for its work.
    Program,
}

impl Written {
    /// Takes a line that is one of these.
    pub(super) fn read(&mut self, line: &Directive) {
        let time = |old: Option<Duration>| line.text(0).and_then(|text| seconds(text, 6)).or(old);
        match line.keyword.as_str() {
            "delay_loop" => self.delay_loop = time(self.delay_loop).filter(|it| !it.is_zero()),
            "delay_before_retry" => self.delay_before_retry = time(self.delay_before_retry),
            "warmup" => self.warmup = time(self.warmup),
            "connect_timeout" | "misc_timeout" => self.timeout = time(self.timeout),
            "retry" | "nb_get_retry" => {
                self.retry = line.text(0).and_then(|text| text.parse().ok()).or(self.retry);
            }
            _ => {}
        }
    }

    /// What is written here, else `around`.
    pub(super) fn or(self, around: Self) -> Self {
        Self {
            delay_loop: self.delay_loop.or(around.delay_loop),
            delay_before_retry: self.delay_before_retry.or(around.delay_before_retry),
            retry: self.retry.or(around.retry),
            warmup: self.warmup.or(around.warmup),
            timeout: self.timeout.or(around.timeout),
        }
    }

    /// Without a time for connections, which says nothing about programs.
    pub(super) const fn without_timeout(self) -> Self {
        Self { timeout: None, ..self }
    }

    /// The same for who tells of it.
    pub(super) fn habits(self, alpha: bool, host: Option<String>) -> Habits {
        Habits {
            alpha,
            host,
            delay_loop: self.delay_loop(),
            delay_before_retry: self.delay_before_retry,
            retry: self.retry,
            warmup: self.warmup,
            timeout: self.timeout.unwrap_or(CONNECTION),
        }
    }

    /// How long it is from one look to the next.
    pub(super) fn delay_loop(self) -> Duration {
        self.delay_loop.unwrap_or(Duration::from_secs(60))
    }

    /// What counts for a check of `steps` looks.
    pub(super) fn pace(self, habit: Habit, steps: NonZeroU16, recovery: Recovery) -> Pace {
        let delay_loop = self.delay_loop();
        let (retry, delay) = match habit {
            Habit::Usual => (1, Duration::from_secs(1)),
            Habit::Web => (1, Duration::from_secs(3)),
            Habit::Names => (3, delay_loop),
            Habit::Program => (0, Duration::from_secs(1)),
        };
        let delay_before_retry = self.delay_before_retry.unwrap_or(delay);
        Pace {
            delay_loop,
            delay_before_retry,
            delay_while_down: match habit {
                Habit::Web => delay_before_retry.max(delay_loop),
                Habit::Usual | Habit::Names | Habit::Program => delay_loop,
            },
            retry: self.retry.unwrap_or(retry),
            warmup: self.warmup.unwrap_or(delay_loop),
            timeout: self.timeout.unwrap_or(match habit {
                Habit::Program => delay_loop,
                Habit::Usual | Habit::Web | Habit::Names => CONNECTION,
            }),
            steps,
            recovery,
        }
    }
}

/// How long a connection may take.
const CONNECTION: Duration = Duration::from_secs(5);
