//! The program that is taken over: rehearsal, a quiet moment, and the execution of the other one.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clock::Instant;
use control::Severity;
use kernel::eventloop::now;
use kernel::process::MemoryFile;
use rustix::fs::OFlags;
use rustix::io::FdFlags;
use status::{Line, LineError, Upgraded};

use super::super::control_socket::Client;
use super::super::inquiry::Asker;
use super::super::programs::weakness;
use super::super::{Managed, Parent, VERSION};
use super::document::{Document, FORMAT};
use super::rehearsal::{Rehearsal, Verdict};

/// An upgrade under way, on either side of it.
#[derive(Debug, Default)]
pub(in super::super) struct Departure {
    under_way: Option<UnderWay>,
    /// Who asked the program before, and what it is told once the children work.
    owed: Option<(Client, Upgraded)>,
}

#[derive(Debug)]
struct UnderWay {
    asker: Client,
    /// Open, so that what was rehearsed is what is executed.
    program: OwnedFd,
    name: PathBuf,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Rehearsing(Rehearsal),
    /// What is going on is waited for, so long.
    Waiting {
        /// When to look again.
        next: Instant,
        until: Instant,
    },
}

impl Departure {
    /// When something is due.
    pub(in super::super) fn deadline(&self) -> Option<Instant> {
        self.under_way.as_ref().map(|it| match &it.stage {
            Stage::Rehearsing(rehearsal) => rehearsal.until,
            Stage::Waiting { next, .. } => *next,
        })
    }

    /// Somebody is to be told that the upgrade is over.
    pub(super) fn owe(&mut self, asker: Option<Client>, upgraded: Upgraded) {
        self.owed = asker.map(|asker| (asker, upgraded));
    }
}

/// Descriptors that outlive this program, if the other one is executed.
#[derive(Debug, Default)]
pub(in super::super) struct Luggage(Vec<OwnedFd>);

impl Luggage {
    /// Adds a copy; gives the number that the other program finds it at.
    pub(in super::super) fn add(&mut self, descriptor: impl AsFd) -> Option<i32> {
        // Without the flag that closes it.
        let copy = rustix::io::dup(descriptor).ok()?;
        let number = copy.as_raw_fd();
        self.0.push(copy);
        Some(number)
    }
}

impl Parent {
    /// Somebody wants another program to take over.
    pub(in super::super) fn upgrade_for(&mut self, asker: Client, program: Option<String>) {
        let refusal = if self.stopping.is_some() {
            LineError::Busy("the daemon is ending".to_owned())
        } else if self.programs.hold_back() {
            LineError::Busy("the startup script has not ended yet".to_owned())
        } else if self.files.hang() || self.processes.hang() {
            // The kernel ends all threads first, and waits for one that it cannot end.
            let text =
                "a look at what is tracked hangs (see the log), and the upgrade would hang with it";
            LineError::Busy(text.to_owned())
        } else if self.departure.under_way.is_some() {
            LineError::Busy("another upgrade is under way".to_owned())
        } else {
            match self.rehearse(program) {
                Ok((program, name, stage)) => {
                    self.departure.under_way = Some(UnderWay { asker, program, name, stage });
                    return;
                }
                Err(why) => LineError::Upgrade(why),
            }
        };
        self.refuse_upgrade(&asker, refusal);
    }

    fn rehearse(&mut self, name: Option<String>) -> Result<(OwnedFd, PathBuf, Stage), String> {
        let name = PathBuf::from(name.ok_or("which program is to take over is not said")?);
        if !name.is_absolute() {
            return Err(format!("{} is no absolute path", name.display()));
        }
        let unreadable = |why: &dyn std::fmt::Display| format!("{}: {why}", name.display());
        if let Some(weakness) = weakness(&name) {
            return Err(weakness);
        }
        let flags = (OFlags::NONBLOCK | OFlags::CLOEXEC).bits().cast_signed();
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(&name);
        let opened = opened.map_err(|error| unreadable(&error))?;
        if !opened.metadata().is_ok_and(|it| it.is_file()) {
            return Err(unreadable(&"it is no file"));
        }
        if !is_like_ours(&opened) {
            return Err(unreadable(&"it is no program, or not for this kind of machine"));
        }
        // At a number that a child gets nothing at, so that it can execute it by that number.
        let program = rustix::io::fcntl_dupfd_cloexec(&opened, FIRST_NUMBER);
        let program = program.map_err(|error| unreadable(&error))?;
        let bytes = self.document(&mut Luggage::default()).emit(&self.loaded.sources)?;
        let invoked = &self.options.invoked_name;
        let rehearsal = Rehearsal::begin(&program, invoked, &bytes, &self.events);
        let rehearsal = rehearsal.map_err(|error| unreadable(&error))?;
        Ok((program, name, Stage::Rehearsing(rehearsal)))
    }

    fn refuse_upgrade(&mut self, asker: &Client, refusal: LineError) {
        self.log(Severity::Error, &format!("UPGRADE REFUSED: {}", refusal.text()));
        self.refuse(asker, refusal);
    }

    /// Goes on with an upgrade that is under way.
    pub(in super::super) fn tend_departure(&mut self) {
        let Some(mut it) = self.departure.under_way.take() else { return };
        let stage = match it.stage {
            _ if self.stopping.is_some() => Err(LineError::Busy("the daemon is ending".to_owned())),
            Stage::Waiting { until, .. } if now() < until && !self.is_quiet() => {
                Ok(Stage::Waiting { next: now() + PAUSE, until })
            }
            Stage::Waiting { .. } => {
                let why = self.go_over(&it);
                Err(LineError::Upgrade(why))
            }
            Stage::Rehearsing(mut rehearsal) => match rehearsal.verdict(&self.events) {
                None => Ok(Stage::Rehearsing(rehearsal)),
                Some(verdict) => {
                    rehearsal.end(&self.events);
                    let judged = judge(&it.name, verdict);
                    if judged.is_ok() {
                        self.inquire(Asker::Successor);
                    }
                    judged.map(|()| Stage::Waiting { next: now(), until: now() + PATIENCE })
                }
            },
        };
        match stage {
            Err(refusal) => self.refuse_upgrade(&it.asker, refusal),
            Ok(stage) => {
                it.stage = stage;
                self.departure.under_way = Some(it);
            }
        }
    }

    /// Whether nothing is under way that the other program could not go on with.
    fn is_quiet(&self) -> bool {
        !self.reload.is_running()
            && !self.post.is_on_its_way()
            && self.errands.is_idle()
            && self.inquiries.is_idle()
            && self.steering.is_idle()
            && self.children.iter().all(Managed::is_healthy)
    }

    /// Has the other program executed in place of this one; says why that could not be.
    fn go_over(&mut self, it: &UnderWay) -> String {
        self.log(Severity::Info, &format!("Going over to {}", it.name.display()));
        // What waits for its readers does not go over, and nobody waits for this process yet.
        self.sinks.finish();
        self.systemd.upgrading();
        self.end_courier();
        self.end_agent();
        let mut news = Vec::new();
        let mut children = Vec::new();
        self.each_child(|child, context| children.push(child.hand_over(context, &mut news)));
        self.inquiries.forget();
        for piece in news {
            self.learn(piece);
        }
        self.tallies.turn_over();
        let mut luggage = Luggage::default();
        let mut document = self.document(&mut luggage);
        document.children = children;
        document.checker_place = self.checker_place.as_ref().and_then(|it| luggage.add(it));
        document.listener = self.control.listener().and_then(|it| luggage.add(it));
        document.asker = self.control.stream(&it.asker).and_then(|it| luggage.add(it));
        if let Some(directory) = &self.directory {
            let _ = rustix::process::fchdir(directory);
        }
        let sources = &self.loaded.sources;
        let executed = document.emit(sources).and_then(|bytes| execute(&it.program, &bytes));
        let why = match executed {
            Ok(never) => match never {},
            Err(why) => why,
        };
        // The children are started again, and go on.
        if self.directory.is_some() {
            let _ = rustix::process::chdir("/");
        }
        let status = self.status();
        self.systemd.ready(&status);
        why
    }

    /// What another program has to know.
    fn document(&self, luggage: &mut Luggage) -> Document {
        let start = self.loaded.start_options();
        let (programs, queue, pipes, scripts) = self.programs.leave(luggage);
        Document {
            format: FORMAT,
            version: VERSION.to_owned(),
            since: self.since,
            configuration: self.loaded.path.clone(),
            seed: start.seed,
            name_files: start.name_files,
            children: Vec::new(),
            roles: self.handover.roles.clone().into_iter().collect(),
            counters: self.tallies.leave(),
            findings: self.handover.findings.clone().into_iter().collect(),
            sessions: self.handover.sessions.clone(),
            numbers: self.handover.numbers.clone(),
            orders: self.handover.orders.clone().into_iter().collect(),
            scripts,
            programs,
            queue,
            pipes,
            letters: self.post.leave(),
            mailed: self.post.told.clone().into_iter().collect(),
            events: self.history.events(|_| true),
            reload: self.last_reload.clone(),
            saved: self.saved,
            is_silenced: self.local_groups.leave(),
            checker_place: None,
            listener: None,
            asker: None,
        }
    }

    /// The children work: who asked for this program hears of it.
    pub(in super::super) fn end_departure(&mut self) {
        if let Some((asker, upgraded)) = self.departure.owed.take() {
            self.answer_line(&asker, Line::Upgraded(upgraded));
        }
    }
}

/// Whether a file is a program for the same kind of machine as this one (elf(5): class, byte order, `e_machine`).
fn is_like_ours(file: &File) -> bool {
    let kind = |file: &File| {
        let mut head = [0; 20];
        file.read_exact_at(&mut head, 0).ok()?;
        let [0x7f, b'E', b'L', b'F', class, order, .., low, high] = head else { return None };
        Some((class, order, low, high))
    };
    let ours = File::open("/proc/self/exe").ok().and_then(|ours| kind(&ours));
    kind(file).is_some_and(|found| ours.is_none_or(|ours| ours == found))
}

/// What a verdict means for the upgrade.
fn judge(name: &Path, verdict: Result<Verdict, String>) -> Result<(), LineError> {
    let name = name.display();
    match verdict {
        Err(why) => Err(LineError::Upgrade(format!("{name}: {why}"))),
        Ok(Verdict { why, .. }) if why.is_empty() => Ok(()),
        Ok(Verdict { why, version, is_configuration }) => {
            let why = why.join("\n");
            Err(if is_configuration {
                let text =
                    format!("{name} (v{version}) does not take the configuration in force:\n{why}");
                LineError::Configuration(text)
            } else {
                LineError::Upgrade(format!("{name} (v{version}): {why}"))
            })
        }
    }
}

/// Becomes another program, to which these bytes are left.
fn execute(program: &OwnedFd, bytes: &[u8]) -> Result<std::convert::Infallible, String> {
    let fail = |what: &str, why: &dyn std::fmt::Display| format!("cannot {what}: {why}");
    let memory = MemoryFile::seal("succession", bytes).map_err(|error| fail("leave", &error))?;
    rustix::io::fcntl_setfd(&memory, FdFlags::empty()).map_err(|error| fail("leave", &error))?;
    let number = memory.as_fd().as_raw_fd();
    let text = |bytes: &[u8]| CString::new(bytes).map_err(|error| fail("execute", &error));
    let words: Vec<CString> =
        std::env::args_os().map(|word| text(word.as_bytes())).collect::<Result<_, _>>()?;
    let mut variables: Vec<CString> = std::env::vars_os()
        .filter(|(name, _)| name != super::VARIABLE)
        .map(|(name, value)| text(&[name.as_bytes(), b"=", value.as_bytes()].concat()))
        .collect::<Result<_, _>>()?;
    let own = format!("{}={}:{number}", super::VARIABLE, std::process::id());
    variables.push(text(own.as_bytes())?);
    let path = text(super::path_of(program).as_os_str().as_bytes())?;
    // Signals stay blocked through this, so that none is lost and none ends us.
    nix::unistd::execve(&path, &words, &variables).map_err(|error| fail("execute", &error))
}

/// How long a reload, an e-mail on its way or a dump that is written is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks whether all is quiet.
const PAUSE: Duration = Duration::from_millis(50);
/// Above the descriptors of children.
const FIRST_NUMBER: i32 = 64;
