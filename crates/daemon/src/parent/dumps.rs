//! Writing the dumps that signals ask for.
//!
//! A thread writes: whoever points them to a slow or hung file system shall not stop the parent. A file appears
//! whole, by a rename, and no link is followed.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use control::Severity;
use rustix::event::EventfdFlags;
use status::Report;

use super::Parent;
use crate::compat::dump::Dump;

/// Dumps that are being written.
#[derive(Debug)]
pub(super) struct Dumps {
    sender: Sender<Written>,
    written: Receiver<Written>,
    /// Readable once one was written.
    done: OwnedFd,
    under_way: BTreeSet<Dump>,
}

/// A dump that was written, and what went wrong.
#[derive(Debug)]
struct Written {
    dump: Dump,
    problems: Vec<String>,
}

impl Dumps {
    /// None yet.
    ///
    /// **Errors**: the kernel refuses a descriptor.
    pub(super) fn new() -> rustix::io::Result<Self> {
        let done = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let (sender, written) = channel();
        Ok(Self { sender, written, done, under_way: BTreeSet::new() })
    }
}

impl AsFd for Dumps {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.done.as_fd()
    }
}

impl Parent {
    /// Writes the files of a dump.
    pub(super) fn write_dump(&mut self, dump: Dump, report: &Arc<Report>) {
        if !self.dumps.under_way.insert(dump) {
            return self.log(Severity::Warning, "no dump: the one before is still being written");
        }
        let (report, global) = (Arc::clone(report), self.loaded.global.clone());
        let (sender, done) = (self.dumps.sender.clone(), self.dumps.done.try_clone());
        let write = move || {
            let files = dump.files(&report, &global);
            let written = files.iter().map(|(path, text)| (path, replace(path, text)));
            let problems = written
                .filter_map(|(path, result)| {
                    result.err().map(|error| format!("cannot write {}: {error}", path.display()))
                })
                .collect();
            // Nobody listens any more when the daemon is ending.
            let _ = sender.send(Written { dump, problems });
            if let Ok(done) = done {
                let _ = rustix::io::write(&done, &1u64.to_ne_bytes());
            }
        };
        if let Err(error) = std::thread::Builder::new().name("dump".to_owned()).spawn(write) {
            self.dumps.under_way.remove(&dump);
            self.log(Severity::Error, &format!("cannot write a dump: {error}"));
        }
    }

    /// Takes in what was written.
    pub(super) fn take_written(&mut self) {
        let mut count = [0; 8];
        let _ = rustix::io::read(&self.dumps.done, &mut count);
        let written: Vec<Written> = self.dumps.written.try_iter().collect();
        for Written { dump, problems } in written {
            self.dumps.under_way.remove(&dump);
            problems.iter().for_each(|problem| self.log(Severity::Warning, problem));
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
