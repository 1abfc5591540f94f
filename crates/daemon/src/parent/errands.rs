//! Errands: what may take long and is done by a thread, so that the parent goes on meanwhile.
//!
//! Dumps go to file systems that may be slow or hang, and comparing thousands of instances takes a while. A dump
//! appears whole, by a rename, and no link is followed.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use config::model::Model;
use control::Severity;
use rustix::event::EventfdFlags;
use status::{LineError, Planned, Report};

use super::Parent;
use super::control_socket::Client;
use super::loaded::{Refusal, Source};
use super::upkeep::write_copy;
use crate::compat::dump::Dump;

/// Errands under way.
#[derive(Debug)]
pub(super) struct Errands {
    sender: Sender<Done>,
    results: Receiver<Done>,
    /// Readable once one is done.
    done: OwnedFd,
    dumps: BTreeSet<Dump>,
    is_planning: bool,
    is_saving: bool,
}

/// An errand that is done.
#[derive(Debug)]
enum Done {
    /// A dump was written; what went wrong.
    Dump(Dump, Vec<String>),
    /// A client's question was looked into.
    Plan(Client, Result<Vec<Planned>, Refusal>),
    /// A copy of the configuration was kept; what went wrong.
    Saved(Option<String>),
}

impl Errands {
    /// None yet.
    ///
    /// **Errors**: the kernel refuses a descriptor.
    pub(super) fn new() -> rustix::io::Result<Self> {
        let done = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let (sender, results) = channel();
        Ok(Self {
            sender,
            results,
            done,
            dumps: BTreeSet::new(),
            is_planning: false,
            is_saving: false,
        })
    }

    /// Whether no thread is at work.
    pub(super) fn is_idle(&self) -> bool {
        self.dumps.is_empty() && !self.is_planning
    }

    /// Has a thread do something.
    fn send(
        &self,
        name: &str,
        errand: impl FnOnce() -> Done + Send + 'static,
    ) -> std::io::Result<()> {
        let (sender, done) = (self.sender.clone(), self.done.try_clone()?);
        let run = move || {
            // Nobody listens any more when the daemon is ending.
            let _ = sender.send(errand());
            let _ = rustix::io::write(&done, &1u64.to_ne_bytes());
        };
        std::thread::Builder::new().name(name.to_owned()).spawn(run).map(|_| ())
    }
}

impl AsFd for Errands {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.done.as_fd()
    }
}

impl Parent {
    /// Writes the files of a dump.
    pub(super) fn write_dump(&mut self, dump: Dump, report: &Arc<Report>) {
        if !self.errands.dumps.insert(dump) {
            return self.log(Severity::Warning, "no dump: the one before is still being written");
        }
        let (report, global) = (Arc::clone(report), self.loaded.global.clone());
        let told = dump.told_of_configuration();
        let source = told.map(|real_servers| (self.loaded.source(), real_servers));
        // As it is, not as the configuration says by now.
        let mut place = global.place.clone();
        place.namespace.clone_from(&self.options.namespace);
        let sent = self.errands.send("dump", move || {
            let mut model = match source.map(|(source, real_servers)| source.model(real_servers)) {
                Some(Ok(model)) => model,
                Some(Err(refusal)) => return Done::Dump(dump, refusal.lines),
                None => Model { global, ..Model::default() },
            };
            model.global.place = place;
            let files = dump.files(&report, &model);
            let written = files.iter().map(|(path, text)| (path, replace(path, text)));
            let failed = written.filter_map(|(path, result)| {
                result.err().map(|error| format!("cannot write {}: {error}", path.display()))
            });
            Done::Dump(dump, failed.collect())
        });
        if let Err(error) = sent {
            self.errands.dumps.remove(&dump);
            self.log(Severity::Error, &format!("cannot write a dump: {error}"));
        }
    }

    /// Finds out what a reload would do, with another file than the daemon's own where one is named.
    pub(super) fn plan_for(&mut self, client: Client, file: Option<String>) {
        if std::mem::replace(&mut self.errands.is_planning, true) {
            let text = "somebody else asks for a plan: try again in a moment".to_owned();
            return self.refuse(&client, LineError::Busy(text));
        }
        let path = file.unwrap_or_else(|| self.loaded.path.clone());
        let (asker, running) = (client.clone(), self.loaded.source());
        let orders = self.handover.orders.clone();
        let plan = move || Done::Plan(client, running.plan(&path, &orders));
        let sent = self.errands.send("plan", plan);
        if let Err(error) = sent {
            self.errands.is_planning = false;
            self.refuse(&asker, LineError::Busy(format!("no plan can be made: {error}")));
        }
    }

    /// Keeps a copy of a configuration.
    pub(super) fn save(&mut self, path: PathBuf, source: Source) {
        if std::mem::replace(&mut self.errands.is_saving, true) {
            let text = "no copy of the configuration: the one before is still being written";
            return self.log(Severity::Warning, text);
        }
        let failed = |path: &Path, why: String| {
            format!("cannot keep the configuration as {}: {why}", path.display())
        };
        let there = path.clone();
        let sent = self.errands.send("save", move || {
            let text = source.text();
            let done =
                text.and_then(|text| write_copy(&path, &text).map_err(|error| error.to_string()));
            Done::Saved(done.err().map(|why| failed(&path, why)))
        });
        if let Err(error) = sent {
            self.errands.is_saving = false;
            self.log(Severity::Warning, &failed(&there, error.to_string()));
        }
    }

    /// Takes in what is done.
    pub(super) fn take_errands(&mut self) {
        let mut count = [0; 8];
        let _ = rustix::io::read(&self.errands.done, &mut count);
        let results: Vec<Done> = self.errands.results.try_iter().collect();
        for result in results {
            match result {
                Done::Dump(dump, problems) => {
                    self.errands.dumps.remove(&dump);
                    problems.iter().for_each(|problem| self.log(Severity::Warning, problem));
                }
                Done::Saved(problem) => {
                    self.errands.is_saving = false;
                    problem.iter().for_each(|problem| self.log(Severity::Warning, problem));
                }
                Done::Plan(client, outcome) => {
                    self.errands.is_planning = false;
                    self.answer_plan(&client, outcome);
                }
            }
        }
    }
}

/// Puts a file in place as a whole, whatever stands there: a link is replaced, not followed.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let mut last = std::io::Error::other("no name is free");
    for _ in 0..TRIES {
        let mut random = [0; 8];
        rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{:016x}", u64::from_ne_bytes(random)));
        let temporary = path.with_file_name(name);
        // The mode is narrowed by the umask of the daemon.
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o666);
        let mut file = match options.open(&temporary) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                last = error;
                continue;
            }
            Err(error) => return Err(error),
        };
        let done = file.write_all(text.as_bytes());
        let done = done.and_then(|()| std::fs::rename(&temporary, path));
        if done.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        return done;
    }
    Err(last)
}

/// Names that are tried.
const TRIES: u32 = 8;
