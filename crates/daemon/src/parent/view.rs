//! What the parent itself knows of how everything stands, and what it remembers.

use std::time::{SystemTime, UNIX_EPOCH};

use control::{Change, Moved, Subject, Verdict, What};
use status::{Condition, Daemon, Event, Occurrence, Seconds, State};

use super::{Parent, VERSION};

impl Parent {
    /// The daemon itself.
    pub(super) fn view(&self) -> Daemon {
        Daemon {
            version: VERSION.to_owned(),
            pid: std::process::id(),
            configuration: self.loaded.path.clone(),
            now: today(),
            since: self.since,
            processes: self.children.iter().map(super::children::Managed::view).collect(),
            reload: self.last_reload.clone(),
            counted: self.processes.counted(),
        }
    }

    /// Tracked scripts.
    pub(super) fn view_of_scripts(&self) -> Vec<status::Script> {
        let scripts = self.loaded.programs.scripts().iter();
        scripts
            .map(|script| {
                let tracked = self.programs.view(&script.name);
                let (weight, reverse) = match script.weight {
                    vrrp::Weight::Fault { reverse } => (0, reverse),
                    vrrp::Weight::Priority { weight, reverse } => (weight, reverse),
                };
                status::Script {
                    name: script.name.clone(),
                    command: script.command.words.clone(),
                    interval: script.interval.into(),
                    timeout: script.timeout.into(),
                    weight,
                    reverse,
                    rise: script.rise,
                    fall: script.fall,
                    good: tracked.verdict.map(|verdict| verdict == Verdict::Good),
                    running: tracked.is_running,
                    last: tracked.last,
                }
            })
            .collect()
    }

    /// Remembers a change of state.
    pub(super) fn record(&mut self, change: &Change) {
        let state = match change.what {
            What::Active => State::Active,
            What::Backup => State::Backup,
            What::Fault => State::Fault,
            What::Stopped | What::Deleted => State::Initialize,
            What::LowerPriority | What::ActivePriority | What::BackupPriority => return,
        };
        let what = match &change.subject {
            Subject::Instance(name) => {
                let (name, cause) = (name.clone(), change.cause.clone());
                Occurrence::Instance { name, state, cause }
            }
            Subject::Group(name) => Occurrence::Group { name: name.clone(), state },
            Subject::VirtualServer(_) | Subject::RealServer(_) => return,
        };
        self.history.record(Event { at: today(), what });
    }

    /// Remembers that a server came up or went down.
    pub(super) fn record_move(&mut self, moved: &Moved) {
        let state = if moved.is_up { Condition::Up } else { Condition::Down };
        let cause = moved.cause.clone();
        let what = match &moved.subject {
            Subject::VirtualServer(name) => {
                Occurrence::VirtualServer { name: name.clone(), state, cause }
            }
            Subject::RealServer(names) => {
                let Some((name, of)) = names.split_once(' ') else { return };
                let (name, virtual_server) = (name.to_owned(), of.to_owned());
                Occurrence::RealServer { name, virtual_server, state, cause }
            }
            Subject::Instance(_) | Subject::Group(_) => return,
        };
        self.history.record(Event { at: today(), what });
    }

    /// Remembers that another router is Active beside an instance, which only one can notice that is Active itself.
    pub(super) fn record_contest(&mut self, name: String, cause: String) {
        let what = Occurrence::Instance { name, state: State::Active, cause };
        self.history.record(Event { at: today(), what });
    }

    /// Remembers something that concerns the whole daemon.
    pub(super) fn record_of_daemon(&mut self, text: &str) {
        let what = Occurrence::Daemon { text: text.to_owned() };
        self.history.record(Event { at: today(), what });
    }
}

/// The time of day.
pub(super) fn today() -> Seconds {
    Seconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}
