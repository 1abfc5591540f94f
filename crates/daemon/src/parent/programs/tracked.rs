//! Tracked scripts: run on their beat, and what they say handed to the VRRP process.

use std::collections::BTreeMap;

use clock::Instant;
use config::model::{Begins, Script};
use control::{ScriptAction, ScriptTimes, ScriptWatch, Severity, Verdict, Watched};
use kernel::eventloop::now;
use kernel::process::{Ended, Program};
use rustix::process::Signal;

use super::super::Parent;
use super::Purpose;

/// One tracked script.
#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) watch: ScriptWatch,
    /// None for one that cannot run, which was said.
    pub(super) program: Option<Program>,
    /// How its last run ended, for saying only what is new.
    pub(super) last: Option<Ended>,
}

impl Parent {
    /// Keeps the scripts that stay, with what they said; starts new ones and forgets others.
    pub(super) fn arrange_tracked(&mut self) {
        let scripts = self.loaded.programs.scripts.clone();
        let mut former = std::mem::take(&mut self.programs.tracked);
        let mut tracked = BTreeMap::new();
        for script in scripts {
            let program = self.runnable(&script.command, &[], false);
            let script_times = times(&script);
            let entry = match former.remove(&script.name) {
                Some(mut known) => {
                    known.watch.adjust(script_times);
                    Tracked { program, ..known }
                }
                None if self.programs.left.contains_key(&script.name) => {
                    self.left_script(&script, program)
                }
                None => {
                    let begins = match script.begins {
                        Begins::Unknown => None,
                        Begins::Failed => Some(Verdict::Bad),
                    };
                    if let Some(verdict) = begins {
                        self.tell_verdict(&script.name, verdict);
                    }
                    let watch = ScriptWatch::new(now(), script_times, begins);
                    Tracked { watch, program, last: None }
                }
            };
            tracked.insert(script.name, entry);
        }
        // A run of a script that is gone would be taken for one of its successor of that name.
        for name in former.into_keys() {
            self.lose(&Watched::Script(name.clone()));
            self.forget(&Purpose::Tracked(name), Signal::KILL);
        }
        self.programs.tracked = tracked;
    }

    /// Tells the VRRP process what a script says.
    fn tell_verdict(&mut self, name: &str, verdict: Verdict) {
        self.found(Watched::Script(name.to_owned()), verdict.into());
    }

    /// Starts and ends runs that are due.
    pub(super) fn tend_tracked(&mut self, now: Instant) {
        let due: Vec<(String, ScriptAction, Option<Program>)> = self
            .programs
            .tracked
            .iter_mut()
            .filter_map(|(name, script)| {
                let action = script.watch.due(now)?;
                Some((name.clone(), action, script.program.clone()))
            })
            .collect();
        for (name, action, program) in due {
            match (action, program) {
                (ScriptAction::Start, Some(program)) => {
                    if !self.start_program(&program, Purpose::Tracked(name.clone()), None) {
                        self.script_ended(&name, None);
                    }
                }
                (ScriptAction::Start, None) => self.script_ended(&name, None),
                (ScriptAction::Terminate, _) => {
                    self.log(Severity::Warning, &format!("VRRP_Script({name}) timed_out"));
                    self.signal_script(&name, Signal::TERM);
                }
                (ScriptAction::Kill, _) => self.signal_script(&name, Signal::KILL),
            }
        }
    }

    fn signal_script(&self, name: &str, signal: Signal) {
        let ours = |purpose: &Purpose| matches!(purpose, Purpose::Tracked(other) if other == name);
        for running in self.programs.running.values().filter(|it| ours(&it.purpose)) {
            let _ = running.child.signal_group(signal);
        }
    }

    /// A run ended, or could not be started.
    pub(super) fn script_ended(&mut self, name: &str, ended: Option<Ended>) {
        let Some(script) = self.programs.tracked.get_mut(name) else { return };
        let success = ended == Some(Ended::Exited(0));
        let changed = script.last != ended;
        script.last = ended;
        let timed_out = script.watch.has_timed_out();
        let verdict = script.watch.ended(now(), success);
        let how = ended.map_or_else(|| "cannot be run".to_owned(), |ended| ended.to_string());
        if changed && self.options.detail > 0 {
            self.log(Severity::Info, &format!("Script `{name}` now: {how}"));
        }
        let Some(verdict) = verdict else { return };
        match verdict {
            Verdict::Good => self.log(Severity::Info, &format!("VRRP_Script({name}) succeeded")),
            Verdict::Bad => {
                let why = if timed_out { "timed out".to_owned() } else { how };
                self.log(Severity::Warning, &format!("VRRP_Script({name}) failed ({why})"));
            }
        }
        self.tell_verdict(name, verdict);
    }
}

pub(super) fn times(script: &Script) -> ScriptTimes {
    ScriptTimes {
        interval: script.interval,
        timeout: script.timeout,
        rise: script.rise,
        fall: script.fall,
    }
}
