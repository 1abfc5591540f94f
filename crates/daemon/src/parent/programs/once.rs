//! Programs that run once: one before anything else is started, one when the children have ended.
//!
//! Whatever becomes of the first, the daemon goes on: it could not be told of a failure otherwise than by the log, and
//! an address that nobody holds is worse. Nothing waits here: signals are heeded while one runs.

use std::time::Duration;

use control::Severity;
use kernel::eventloop::now;
use kernel::process::Ended;
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use super::super::Parent;
use super::super::files::Beginning;
use super::Purpose;

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Occasion {
    /// `startup_script`.
    Start,
    /// `shutdown_script`.
    End,
}

impl Occasion {
    const fn name(self) -> &'static str {
        match self {
            Self::Start => "startup script",
            Self::End => "shutdown script",
        }
    }
}

/// How far they are.
#[derive(Debug, Default)]
pub(super) struct Once {
    start: Stage,
    end: Stage,
}

/// How far one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nobody asked for it.
    #[default]
    Idle,
    Running,
    /// It was told to end.
    Ending,
    Over,
}

impl Once {
    /// Whether what the daemon runs has to wait.
    pub(super) fn holds_back(&self) -> bool {
        matches!(self.start, Stage::Running | Stage::Ending)
    }

    /// Whether nothing is left to be run at the end.
    pub(super) fn is_over(&self) -> bool {
        self.end == Stage::Over
    }

    fn stage(&mut self, occasion: Occasion) -> &mut Stage {
        match occasion {
            Occasion::Start => &mut self.start,
            Occasion::End => &mut self.end,
        }
    }
}

impl Parent {
    /// Runs the program of the start, where there is one: children and whatever else is run wait for its end. A daemon
    /// that only goes on where another program left it does not ask for this.
    pub(in super::super) fn start_up(&mut self) {
        self.run_once(Occasion::Start);
    }

    /// Runs the program of the end, where there is one, once what came before it is over.
    pub(in super::super) fn shut_down(&mut self) {
        if !self.programs.once.holds_back() && self.programs.once.end == Stage::Idle {
            self.run_once(Occasion::End);
        }
    }

    /// Ends a program of the start that still runs: the daemon ends.
    pub(in super::super) fn give_start_up(&mut self) {
        if self.programs.once.start == Stage::Running {
            self.programs.once.start = Stage::Ending;
            self.end_softly(Occasion::Start);
        }
    }

    fn run_once(&mut self, occasion: Occasion) {
        let common = &self.loaded.programs.common;
        let once = match occasion {
            Occasion::Start => &common.startup,
            Occasion::End => &common.shutdown,
        };
        let (command, limit) = (once.command.clone(), once.limit);
        *self.programs.once.stage(occasion) = Stage::Over;
        let Some(program) = command.and_then(|command| self.runnable(&command, &[], false)) else {
            return;
        };
        let kind = occasion.name();
        self.log(Severity::Info, &format!("Running {kind} {}", program.path.display()));
        let doing = format!("Running {kind}");
        self.systemd.patience(limit + GRACE + MOMENT, &doing);
        if self.start_program(&program, Purpose::Once(occasion), Some(now() + limit)) {
            *self.programs.once.stage(occasion) = Stage::Running;
        }
    }

    /// Its time is over.
    pub(super) fn once_is_late(&mut self, occasion: Occasion) {
        let stage = self.programs.once.stage(occasion);
        if *stage == Stage::Running {
            *stage = Stage::Ending;
            let kind = occasion.name();
            self.log(Severity::Error, &format!("{kind} timed out"));
            self.end_softly(occasion);
            return;
        }
        self.signal_once(occasion, Signal::KILL);
    }

    /// Tells it to end, and what it has started; what does not is killed.
    fn end_softly(&mut self, occasion: Occasion) {
        self.signal_once(occasion, Signal::TERM);
        let until = now() + GRACE;
        let ours = |purpose: &Purpose| *purpose == Purpose::Once(occasion);
        for running in self.programs.running.values_mut().filter(|it| ours(&it.purpose)) {
            running.until = Some(until);
        }
    }

    fn signal_once(&self, occasion: Occasion, signal: Signal) {
        let ours = |purpose: &Purpose| *purpose == Purpose::Once(occasion);
        for running in self.programs.running.values().filter(|it| ours(&it.purpose)) {
            let _ = running.child.signal_group(signal);
        }
    }

    /// It ended. After that of the start everything else begins.
    pub(super) fn once_ended(&mut self, occasion: Occasion, ended: Ended) {
        let stage = std::mem::replace(self.programs.once.stage(occasion), Stage::Over);
        let kind = occasion.name();
        match (stage, ended) {
            // That it was told to end was said.
            (Stage::Ending, _) => {}
            (_, Ended::Exited(0)) => self.log(Severity::Info, &format!("{kind} succeeded")),
            (_, Ended::Exited(code)) => {
                self.log(Severity::Error, &format!("{kind} failed, status {code}"));
            }
            (_, Ended::Signalled(signal)) => {
                self.log(Severity::Error, &format!("{kind} exited due to signal {signal}"));
            }
        }
        if occasion == Occasion::Start && self.stopping.is_none() {
            self.want_children();
            self.arrange_watched(Beginning::Wanted);
        }
    }
}

/// Between being told to end and being killed.
const GRACE: Duration = Duration::from_secs(2);
/// What anything else of a start or an end may take meanwhile.
const MOMENT: Duration = Duration::from_secs(30);
