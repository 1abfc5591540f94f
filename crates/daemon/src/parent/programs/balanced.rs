//! Programs of virtual servers: those that are told who came up or went down, and those that check real servers.
//!
//! The checker process names a block by what it is about; here is what that block runs.

use std::collections::BTreeMap;
use std::time::Duration;

use config::model::{CheckKind, Command, Model};
use control::{Audience, Change, Finding, Moved, Ran, Role, Run, Subject, ToChild, Watched, What};
use kernel::eventloop::now;
use kernel::process::Ended;
use rustix::process::Signal;

use super::super::Parent;
use super::pipe::Hears;
use super::{Purpose, identity};
use crate::compat::{balance, changes};

/// What virtual servers run, by the keys of their blocks.
#[derive(Debug, Default)]
pub(super) struct Balanced {
    told: BTreeMap<String, Told>,
    checks: BTreeMap<String, Check>,
}

/// Who is told of a virtual server or real server.
#[derive(Debug, Default)]
struct Told {
    up: Option<Command>,
    down: Option<Command>,
}

/// The program of a `MISC_CHECK`.
#[derive(Clone, Debug)]
struct Check {
    command: Command,
    timeout: Duration,
}

impl Balanced {
    /// Those of a configuration.
    pub(super) fn of(model: &Model) -> Self {
        let mut this = Self::default();
        for written in &model.virtual_servers {
            let Some(balance) = &written.balance else { continue };
            let key = balance::key(written);
            let (up, down) = (&balance.quorum_up, &balance.quorum_down);
            this.tell(key.clone(), up.as_ref(), down.as_ref());
            for server in &balance.servers {
                let key = balance::server_key(&key, server.back);
                for check in &server.checks {
                    if let CheckKind::Misc(program) = &check.kind {
                        let command = program.command.clone();
                        let key = balance::program_key(&key, &command);
                        this.checks.insert(key, Check { command, timeout: check.pace.timeout });
                    }
                }
                this.tell(key, server.notify_up.as_ref(), server.notify_down.as_ref());
            }
        }
        this
    }

    fn tell(&mut self, key: String, up: Option<&Command>, down: Option<&Command>) {
        if up.is_some() || down.is_some() {
            self.told.insert(key, Told { up: up.cloned(), down: down.cloned() });
        }
    }

    /// Everything that may be run.
    pub(super) fn commands(&self) -> impl Iterator<Item = &Command> {
        let told = self.told.values().flat_map(|told| told.up.iter().chain(&told.down));
        told.chain(self.checks.values().map(|check| &check.command))
    }
}

impl Parent {
    /// Tells those who are to hear of it that a server came up or went down.
    pub(in super::super) fn moved(&mut self, moved: &Moved) {
        if moved.audience != Audience::Actors {
            self.tell_agent_of_move(moved);
        }
        if moved.audience == Audience::Watchers {
            return;
        }
        self.record_move(moved);
        // Of what went by a reload, only the configuration before knows who is told.
        let known = [Some(&self.loaded), self.reload.former()].into_iter().flatten();
        let told = known.map(|loaded| &loaded.programs.balanced.told);
        let command = told
            .filter_map(|told| told.get(&moved.key))
            .next()
            .and_then(|told| if moved.is_up { told.up.clone() } else { told.down.clone() });
        if let Some(command) = command
            && let Some(program) = self.runnable(&command, &[], true)
            && let Some(program) = self.programs.queue.add(&moved.subject, program)
        {
            self.tell_program(&moved.subject, &program);
        }
        self.tell_pipes(&changes::moved(moved), Hears::is_told_of_servers);
    }

    /// Runs the program of a check. However that ends, the answer says so.
    pub(in super::super) fn run_check(&mut self, run: Run, key: &str) {
        if let Err(why) = self.start_check(run, key) {
            self.answer_check(run, Ran::NotRun(why));
        }
    }

    fn start_check(&mut self, run: Run, key: &str) -> Result<(), String> {
        let known = [Some(&self.loaded), self.reload.former()].into_iter().flatten();
        let check = known.filter_map(|loaded| loaded.programs.balanced.checks.get(key)).next();
        let Check { command, timeout } =
            check.cloned().ok_or_else(|| "it is configured no longer".to_owned())?;
        let common = &self.loaded.programs.common;
        let program = identity::program(&command, common, &mut self.programs.users)?;
        let child = program.start().map_err(|error| error.to_string())?;
        self.watch_program(child, Purpose::Checked(run, false), Some(now() + timeout))
    }

    /// The program of a check has ended.
    pub(super) fn check_ended(&mut self, run: Run, is_late: bool, ended: Ended) {
        let ran = match ended {
            _ if is_late => Ran::TimedOut,
            Ended::Exited(status) => Ran::Exited(status),
            Ended::Signalled(signal) => Ran::Signalled(signal),
        };
        self.answer_check(run, ran);
    }

    /// Ends a run that nobody waits for any longer.
    pub(in super::super) fn give_up_check(&mut self, run: Run) {
        self.forget(&Purpose::Checked(run, false), Signal::KILL);
        self.forget(&Purpose::Checked(run, true), Signal::KILL);
    }

    /// Ends all runs: the process that waited for them is gone.
    pub(in super::super) fn give_up_all_checks(&mut self) {
        let running = self.programs.running.values().map(|running| &running.purpose);
        let runs: Vec<Run> = running
            .filter_map(|purpose| match purpose {
                Purpose::Checked(run, _) => Some(*run),
                Purpose::Tracked(_)
                | Purpose::Told(_)
                | Purpose::Reader(_)
                | Purpose::Once(_)
                | Purpose::Forgotten => None,
            })
            .collect();
        runs.into_iter().for_each(|run| self.give_up_check(run));
    }

    /// Tells the checker process how a run ended. One that does not read finds out by its own clock.
    fn answer_check(&self, run: Run, ran: Ran) {
        let message = ToChild::Ran(run, ran);
        for child in self.children.iter().filter(|child| child.role == Role::Checker) {
            child.offer(&message);
        }
    }

    /// Tells the checker process how the instance stands that it follows since a reload.
    pub(in super::super) fn follow_for_sync(&mut self) {
        let sync = self.loaded.global.balancing.sync.as_ref();
        let Some(name) = sync.and_then(|sync| sync.instance.clone()) else { return };
        let role = self.handover.roles.get(&Subject::Instance(name.clone()));
        let finding = if role == Some(&What::Active) { Finding::Good } else { Finding::Bad };
        self.found(Watched::Instance(name), finding);
    }

    /// Tells the checker process whether an instance is Active that it follows.
    pub(super) fn tell_whether_active(&mut self, change: &Change) {
        let Subject::Instance(name) = &change.subject else { return };
        let sync = self.loaded.global.balancing.sync.as_ref();
        if sync.and_then(|sync| sync.instance.as_ref()) != Some(name) {
            return;
        }
        let finding = match change.what {
            What::Active => Finding::Good,
            What::Backup | What::Fault | What::Stopped | What::Deleted => Finding::Bad,
            What::LowerPriority | What::ActivePriority | What::BackupPriority => return,
        };
        self.found(Watched::Instance(name.clone()), finding);
    }
}

/// Between being told to end and being killed.
pub(super) const GRACE: Duration = Duration::from_secs(2);
