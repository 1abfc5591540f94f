//! The programs of the configuration: tracked scripts, programs and pipes that are told of changes, and what runs once.
//!
//! The VRRP process never forks: it says what changed, by names, and the parent, which reads the same configuration,
//! knows what to run for it. Nothing here waits for a program.

mod balanced;
mod handing;
mod identity;
mod once;
mod pipe;
mod queue;
mod told;
mod tracked;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;

use clock::Instant;
use config::model::{Command, Model, Notify, Script, Scripts};
use control::{Change, Run, Severity, Subject, Verdict, What};
use kernel::eventloop::{Token, now};
use kernel::process::{Child, Ended, Program};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use self::balanced::Balanced;
pub(super) use self::identity::weakness;
use self::once::{Occasion, Once};
use self::pipe::{Hears, Pipe};
use self::queue::Queue;
use self::told::{as_told, commands};
use self::tracked::Tracked;
use super::Parent;
use super::succession::LeftScript;
use crate::compat::changes;

/// What the configuration says of programs.
#[derive(Debug, Default)]
pub(super) struct Table {
    common: Scripts,
    scripts: Vec<Script>,
    told: BTreeMap<Subject, Notify>,
    /// Whose states are repeated behind a reload.
    repeated: BTreeSet<Subject>,
    balanced: Balanced,
}

impl Table {
    /// The programs of a configuration.
    pub(super) fn of(model: &mut Model) -> Self {
        let common = model.global.programs.clone();
        let names = model.instances.iter().map(|it| Subject::Instance(it.name.clone()));
        let names = names.chain(model.groups.iter().map(|it| Subject::Group(it.name.clone())));
        let repeated = names.filter(|_| common.repeats_states).collect();
        let instances = model
            .instances
            .iter_mut()
            .map(|instance| (Subject::Instance(instance.name.clone()), instance.notify.take()));
        let groups = model
            .groups
            .iter_mut()
            .map(|group| (Subject::Group(group.name.clone()), group.notify.take()));
        Self {
            told: instances
                .chain(groups)
                .filter_map(|(subject, notify)| Some((subject, *notify?)))
                .collect(),
            balanced: Balanced::of(model),
            common,
            repeated,
            scripts: std::mem::take(&mut model.scripts),
        }
    }
}

impl Table {
    /// Tracked scripts.
    pub(super) fn scripts(&self) -> &[Script] {
        &self.scripts
    }

    /// Everything that may be run.
    fn commands(&self) -> impl Iterator<Item = &Command> {
        let Scripts { fifos, startup, shutdown, .. } = &self.common;
        let once = [startup, shutdown].into_iter().filter_map(|once| once.command.as_ref());
        let readers = fifos.iter().filter_map(|fifo| fifo.reader.as_ref());
        let told = self.told.values().flat_map(Notify::commands);
        let scripts = self.scripts.iter().map(|script| &script.command);
        told.chain(scripts).chain(readers).chain(once).chain(self.balanced.commands())
    }
}

/// The programs that run, and what waits for them.
#[derive(Debug, Default)]
pub(super) struct Programs {
    tracked: BTreeMap<String, Tracked>,
    users: identity::Users,
    /// Scripts that a program before this one tracked, until they are tracked here.
    left: BTreeMap<String, LeftScript>,
    queue: Queue,
    pipes: Vec<Pipe>,
    running: BTreeMap<u64, Running>,
    next: u64,
    once: Once,
    /// In which state each instance and group is, and with which priority.
    states: BTreeMap<Subject, (What, u8)>,
}

/// What is known of a tracked script.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) verdict: Option<Verdict>,
    pub(super) is_running: bool,
    /// How its last run ended; empty before that.
    pub(super) last: String,
}

#[derive(Debug)]
struct Running {
    child: Child,
    purpose: Purpose,
    /// When it is told to end, and then killed; none for those that may go on for ever.
    until: Option<Instant>,
}

/// What a program runs for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Purpose {
    /// The tracked script of this name.
    Tracked(String),
    /// Telling of a change.
    Told(Subject),
    /// Reading this pipe.
    Reader(PathBuf),
    /// The start or the end of the daemon.
    Once(Occasion),
    /// A check of a real server; and whether it was told to end.
    Checked(Run, bool),
    /// Nothing any more: it was told to end, and is collected.
    Forgotten,
}

impl Programs {
    /// When something is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let tracked = self.tracked.values().filter_map(|script| script.watch.deadline());
        tracked.chain(self.running.values().filter_map(|running| running.until)).min()
    }

    /// What is known of the tracked script of this name.
    pub(super) fn view(&self, name: &str) -> View {
        let Some(script) = self.tracked.get(name) else { return View::default() };
        let ours = |purpose: &Purpose| matches!(purpose, Purpose::Tracked(other) if other == name);
        View {
            verdict: script.watch.verdict(),
            is_running: self.running.values().any(|running| ours(&running.purpose)),
            last: script.last.map_or_else(String::new, |ended| ended.to_string()),
        }
    }

    /// Keeps in mind how an instance or group stands.
    fn note_state(&mut self, change: &Change) {
        match change.what {
            What::Active | What::Backup | What::Fault | What::Stopped => {
                self.states.insert(change.subject.clone(), (change.what, change.priority));
            }
            What::Deleted => {
                self.states.remove(&change.subject);
            }
            What::ActivePriority | What::BackupPriority => {
                if let Some((_, priority)) = self.states.get_mut(&change.subject) {
                    *priority = change.priority;
                }
            }
            What::LowerPriority => {}
        }
    }

    /// Whether what the daemon runs has to wait for the program of the start.
    pub(super) fn hold_back(&self) -> bool {
        self.once.holds_back()
    }

    /// Whether the program of the end has done its work.
    pub(super) fn are_shut_down(&self) -> bool {
        self.once.is_over()
    }

    /// Whether a token is that of a program.
    pub(super) const fn owns(token: Token) -> bool {
        token.0 >= FIRST_TOKEN
    }
}

impl Parent {
    /// Brings programs and pipes in line with the configuration in force.
    pub(super) fn arrange_programs(&mut self) {
        let Self { loaded, programs, .. } = self;
        programs.users.look_up(loaded.programs.commands(), &loaded.programs.common);
        self.arrange_tracked();
        let wanted: Vec<_> = self.loaded.programs.common.fifos.clone();
        let stays =
            |pipe: &Pipe| wanted.iter().any(|fifo| pipe.path.as_os_str() == fifo.path.as_str());
        let former = std::mem::take(&mut self.programs.pipes);
        let (kept, gone): (Vec<Pipe>, Vec<Pipe>) = former.into_iter().partition(stays);
        self.programs.pipes = kept;
        for pipe in &mut self.programs.pipes {
            let fifos = wanted.iter().filter(|fifo| pipe.path.as_os_str() == fifo.path.as_str());
            pipe.hears = fifos.map(Hears::of).collect();
        }
        for pipe in gone {
            self.forget(&Purpose::Reader(pipe.path.clone()), Signal::TERM);
        }
        for fifo in wanted {
            let known = |pipe: &&mut Pipe| pipe.path.as_os_str() == fifo.path.as_str();
            if let Some(pipe) = self.programs.pipes.iter_mut().find(known) {
                pipe.hears.insert(Hears::of(&fifo));
                continue;
            }
            match Pipe::open(&fifo) {
                Ok(pipe) => self.programs.pipes.push(pipe),
                Err(why) => {
                    self.log(Severity::Error, &why);
                    continue;
                }
            }
            if let Some(reader) = &fifo.reader
                && let Some(program) = self.runnable(reader, &[fifo.path.clone().into()], false)
            {
                self.start_program(&program, Purpose::Reader(fifo.path.into()), None);
            }
        }
    }

    /// Does what is due: starts tracked scripts, and ends programs whose time is over.
    pub(super) fn tend_programs(&mut self) {
        let now = now();
        self.tend_tracked(now);
        let (mut late, mut late_once) = (Vec::new(), None);
        for running in self.programs.running.values_mut() {
            if running.until.is_some_and(|until| until <= now) {
                running.until = None;
                if let Purpose::Once(occasion) = running.purpose {
                    late_once = Some(occasion);
                    continue;
                }
                if let Purpose::Checked(run, false) = running.purpose {
                    let _ = running.child.signal_group(Signal::TERM);
                    running.purpose = Purpose::Checked(run, true);
                    running.until = Some(now + balanced::GRACE);
                    continue;
                }
                let _ = running.child.signal_group(Signal::KILL);
                if let Purpose::Told(subject) = &running.purpose {
                    let (kind, name) = changes::subject(subject);
                    late.push(format!(
                        "a program that was told of {kind} {name} took too long and was killed"
                    ));
                }
            }
        }
        for line in late {
            self.log(Severity::Warning, &line);
        }
        if let Some(occasion) = late_once {
            self.once_is_late(occasion);
        }
    }

    /// A program ended.
    pub(super) fn take_program(&mut self, token: Token) {
        let number = token.0;
        let Some(running) = self.programs.running.get_mut(&number) else { return };
        let ended = match running.child.ended() {
            Ok(None) => return,
            Ok(Some(ended)) => ended,
            Err(_) => Ended::Signalled(0),
        };
        let Some(running) = self.programs.running.remove(&number) else { return };
        let _ = self.events.remove(&running.child);
        match running.purpose {
            Purpose::Tracked(name) => self.script_ended(&name, Some(ended)),
            Purpose::Reader(_) => {
                self.log(Severity::Warning, "vrrp notify fifo script terminated");
            }
            Purpose::Once(occasion) => self.once_ended(occasion, ended),
            Purpose::Checked(run, is_late) => self.check_ended(run, is_late, ended),
            Purpose::Forgotten => {}
            Purpose::Told(subject) => {
                if let Some(program) = self.programs.queue.next(&subject) {
                    self.tell_program(&subject, &program);
                }
            }
        }
    }

    /// Tells pipes and programs of a change.
    pub(super) fn changed(&mut self, change: &Change) {
        self.remember(change);
        self.programs.note_state(change);
        // Of what went by a reload, only the configuration before knows who is told.
        let former = self.reload.former().filter(|_| change.what == What::Deleted);
        let notify = former.unwrap_or(&self.loaded).programs.told.get(&change.subject);
        let told_of_priorities = notify
            .and_then(|notify| notify.priority_changes)
            .unwrap_or(self.loaded.programs.common.priority_changes);
        let is_priority = matches!(change.what, What::ActivePriority | What::BackupPriority);
        if is_priority && !told_of_priorities {
            return;
        }
        let told = as_told(change, notify);
        let change = &told;
        let commands: Vec<(Command, Vec<OsString>)> =
            notify.map_or_else(Vec::new, |notify| commands(notify, change));
        for (command, arguments) in commands {
            if let Some(program) = self.runnable(&command, &arguments, true)
                && let Some(program) = self.programs.queue.add(&change.subject, program)
            {
                self.tell_program(&change.subject, &program);
            }
        }
        self.write_of(change);
        self.tell_pipes(&changes::line(change), Hears::is_told_of_instances);
    }

    /// Tells pipes how everything stands, behind a reload, where that is wanted.
    pub(super) fn repeat_states(&mut self) {
        let repeated = self.loaded.programs.repeated.iter();
        let states = repeated.filter_map(|subject| {
            let (what, priority) = *self.programs.states.get(subject)?;
            let (subject, cause) = (subject.clone(), String::new());
            Some(changes::line(&Change { subject, what, priority, cause }))
        });
        let lines: Vec<String> = states.collect();
        for line in lines {
            self.tell_pipes(&line, Hears::is_told_of_instances);
        }
    }

    fn tell_pipes(&mut self, line: &str, hears: fn(Hears) -> bool) {
        let lost: Vec<String> = self
            .programs
            .pipes
            .iter_mut()
            .filter(|pipe| pipe.hears.iter().copied().any(hears))
            .filter_map(|pipe| {
                let lost = status::counted(pipe.tell(line)?, "line");
                Some(format!("pipe {}: {lost} lost", pipe.path.display()))
            })
            .collect();
        for line in lost {
            self.log(Severity::Warning, &line);
        }
    }

    /// Ends what runs for a purpose that is no more.
    fn forget(&mut self, purpose: &Purpose, signal: Signal) {
        for running in self.programs.running.values_mut().filter(|it| it.purpose == *purpose) {
            let _ = running.child.signal_group(signal);
            running.purpose = Purpose::Forgotten;
        }
    }

    /// Keeps in mind who is what, for a successor of the VRRP process.
    fn remember(&mut self, change: &Change) {
        self.tell_whether_active(change);
        match change.what {
            What::Active | What::Backup | What::Fault => {
                self.handover.roles.insert(change.subject.clone(), change.what);
            }
            What::Stopped => {
                self.handover.roles.remove(&change.subject);
            }
            What::Deleted => {
                self.handover.roles.remove(&change.subject);
                if let Subject::Instance(name) = &change.subject {
                    self.handover.numbers.remove(name);
                    self.tallies.forget(name);
                }
            }
            What::LowerPriority | What::ActivePriority | What::BackupPriority => {}
        }
    }

    /// Starts what still waits, since nobody will be there to start it later; ends what is only ours.
    pub(super) fn end_programs(&mut self) {
        let waiting: Vec<Program> = self.programs.queue.drain().collect();
        for program in waiting {
            let _ = program.start();
        }
        self.programs.tracked.clear();
        for running in self.programs.running.values() {
            if !matches!(running.purpose, Purpose::Told(_)) {
                let _ = running.child.signal_group(Signal::TERM);
            }
        }
        self.programs.pipes.clear();
    }

    fn tell_program(&mut self, subject: &Subject, program: &Program) {
        let until = Some(now() + LONGEST_TELLING);
        if self.start_program(program, Purpose::Told(subject.clone()), until) {
            return;
        }
        // Why was said. Those behind it shall not wait for what never ran.
        while let Some(next) = self.programs.queue.next(subject) {
            if self.start_program(&next, Purpose::Told(subject.clone()), until) {
                return;
            }
        }
    }

    /// A command that can be run; why it cannot is said.
    fn runnable(
        &mut self,
        command: &Command,
        arguments: &[OsString],
        outlives_us: bool,
    ) -> Option<Program> {
        let (common, users) = (&self.loaded.programs.common, &mut self.programs.users);
        match identity::program(command, common, users) {
            Ok(mut program) => {
                program.arguments.extend(arguments.iter().cloned());
                program.outlives_us = outlives_us;
                Some(program)
            }
            Err(why) => {
                self.log(Severity::Warning, &format!("{}: not run: {why}", command.location));
                None
            }
        }
    }

    /// Starts a program and watches for its end; says why where it cannot be started.
    fn start_program(
        &mut self,
        program: &Program,
        purpose: Purpose,
        until: Option<Instant>,
    ) -> bool {
        let started = program.start().map_err(|error| error.to_string());
        match started.and_then(|child| self.watch_program(child, purpose, until)) {
            Ok(()) => true,
            Err(why) => {
                let path = program.path.display();
                self.log(Severity::Error, &format!("cannot run {path}: {why}"));
                false
            }
        }
    }

    /// Watches for the end of a program.
    fn watch_program(
        &mut self,
        child: Child,
        purpose: Purpose,
        until: Option<Instant>,
    ) -> Result<(), String> {
        let number = FIRST_TOKEN + self.programs.next;
        self.programs.next = self.programs.next.wrapping_add(1);
        if let Err(error) = self.events.add(&child, Token(number)) {
            let _ = child.signal_group(Signal::KILL);
            child.put_down();
            return Err(error.to_string());
        }
        self.programs.running.insert(number, Running { child, purpose, until });
        Ok(())
    }
}

const FIRST_TOKEN: u64 = 1000;
/// A program that is told of a change is killed after this long, so that the next can be told.
const LONGEST_TELLING: std::time::Duration = std::time::Duration::from_secs(60);
