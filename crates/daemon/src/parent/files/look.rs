//! The lookout for tracked files: follows their paths, reads them when they change, and writes what `init_file` says.
//!
//! Each of that may hang, and then only this thread does.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clock::Instant;
use config::model::Initial;
use control::CONTENT_MAX;
use kernel::eventloop::now;
use kernel::file_watch::{Content, FileWatch, read_beginning};
use rustix::fs::OFlags;

use super::super::lookout::{self, Dismissed};

/// Its orders, places and news.
pub(super) type Hand = lookout::Hand<Orders, u64, Look>;

/// All files that are to be watched.
#[derive(Debug)]
pub(super) struct Orders {
    pub(super) files: BTreeMap<u64, Order>,
    /// Whether files are given what they shall begin with. Until then they count as if they were.
    pub(super) may_write: bool,
}

/// One file.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) path: PathBuf,
    /// What it is to be given, once.
    pub(super) initial: Option<Initial>,
}

/// What a look at a file found.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) number: u64,
    /// What it says; none where that is no news.
    pub(super) value: Option<i32>,
    /// What is wrong with it, in a phrase for the log.
    pub(super) problem: Option<String>,
    /// How giving it what it shall begin with went, where that was done.
    pub(super) initialised: Option<Result<(), String>>,
}

/// Watches files until it is dismissed.
pub(super) fn duty(hand: &Hand) -> Result<(), Dismissed> {
    let mut lookout = Lookout::default();
    loop {
        let until = lookout.files.values().filter_map(|file| file.due).min();
        if let Some(orders) = hand.wait(lookout.watch.as_ref().map(FileWatch::as_fd), until)? {
            lookout.adopt(orders);
        }
        lookout.hear();
        for number in lookout.due() {
            let look = hand.at(number, || lookout.look(number))?;
            look.into_iter().for_each(|look| hand.tell(look));
        }
    }
}

#[derive(Debug, Default)]
struct Lookout {
    /// Opened with the first file.
    watch: Option<FileWatch>,
    files: BTreeMap<u64, Watched>,
    may_write: bool,
}

#[derive(Debug)]
struct Watched {
    order: Order,
    /// When it is read again.
    due: Option<Instant>,
    read: Instant,
    /// It was given what it shall begin with.
    has_begun: bool,
}

impl Lookout {
    fn adopt(&mut self, orders: Orders) {
        self.may_write = orders.may_write;
        let mut former = std::mem::take(&mut self.files);
        for (number, order) in orders.files {
            let watched = match former.remove(&number) {
                Some(known) if known.has_begun || order.initial.is_none() => known,
                Some(known) => Watched { order, due: Some(now()), ..known },
                None => {
                    let (due, read, has_begun) = (Some(now()), Instant::ZERO, false);
                    Watched { order, due, read, has_begun }
                }
            };
            self.files.insert(number, watched);
        }
        for number in former.into_keys() {
            if let Some(watch) = &mut self.watch {
                watch.forget(number);
            }
        }
        if self.files.is_empty() {
            self.watch = None;
        }
    }

    /// Something happened on the way to files: they are read soon, and none of them over and over.
    fn hear(&mut self) {
        let Some(watch) = &mut self.watch else { return };
        for number in watch.changed() {
            if let Some(file) = self.files.get_mut(&number) {
                let soon = file.read + PAUSE;
                file.due = Some(file.due.map_or(soon, |due| due.min(soon)));
            }
        }
    }

    fn due(&self) -> Vec<u64> {
        let now = now();
        let is_due = |file: &Watched| file.due.is_some_and(|due| due <= now);
        self.files.iter().filter(|(_, file)| is_due(file)).map(|(number, _)| *number).collect()
    }

    fn look(&mut self, number: u64) -> Option<Look> {
        let file = self.files.get_mut(&number)?;
        let path = file.order.path.clone();
        let initial = file.order.initial.take_if(|_| self.may_write);
        file.has_begun |= initial.is_some();
        let initialised = initial.map(|initial| initialise(&path, initial));
        let awaited = file.order.initial.filter(|initial| is_wanted(&path, *initial) == Ok(true));
        let followed = self.follow(number, &path);
        let (value, problem) = match awaited {
            Some(initial) => (Some(initial.value), None),
            None => content(&path),
        };
        let problem = problem.or_else(|| followed.as_ref().err().cloned());
        let file = self.files.get_mut(&number)?;
        file.read = now();
        file.due = followed.is_err().then(|| file.read + POLL);
        Some(Look { number, value, problem, initialised })
    }

    /// Watches what a path leads through now.
    ///
    /// **Errors**: why changes can be missed, in a phrase for the log.
    fn follow(&mut self, number: u64, path: &Path) -> Result<(), String> {
        let said =
            |error: &dyn std::fmt::Display| format!("it is read each second instead: {error}");
        if self.watch.is_none() {
            self.watch = Some(FileWatch::open().map_err(|error| said(&error))?);
        }
        let Some(watch) = &mut self.watch else { return Ok(()) };
        watch.follow(number, path).map_err(|error| said(&error))
    }
}

/// What a file says, and what is wrong with it.
fn content(path: &Path) -> (Option<i32>, Option<String>) {
    match read_beginning(path, CONTENT_MAX) {
        Ok(Content::Bytes(content)) => {
            let value = control::number(&content);
            let wrong = value.is_none();
            (value, wrong.then(|| "its number is out of range and is ignored".to_owned()))
        }
        Ok(Content::Nothing) => (Some(0), None),
        Ok(Content::Other) => {
            (Some(0), Some("it is not a regular file and counts as 0".to_owned()))
        }
        Err(error) => (Some(0), Some(format!("it cannot be read and counts as 0: {error}"))),
    }
}

/// Whether a file is to be given what it shall begin with.
///
/// **Errors**: it is nothing that is written to.
fn is_wanted(path: &Path, initial: Initial) -> Result<bool, String> {
    match path.symlink_metadata() {
        Ok(_) if !initial.overwrites => Ok(false),
        Ok(metadata) if !metadata.is_file() => {
            Err("not initialised: it is not a regular file".to_owned())
        }
        Ok(_) | Err(_) => Ok(true),
    }
}

/// Writes the number of `init_file`. Nothing but a regular file is written to, and no symbolic link is followed.
fn initialise(path: &Path, initial: Initial) -> Result<(), String> {
    if !is_wanted(path, initial)? {
        return Ok(());
    }
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let mut options = OpenOptions::new();
    options.write(true).custom_flags(flags.cast_signed()).mode(0o644);
    if initial.overwrites {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(format!("{}\n", initial.value).as_bytes()));
    match written {
        // Somebody else was faster, which is as good.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other.map_err(|error| format!("not initialised: {error}")),
    }
}

/// Least time between two looks at a file.
const PAUSE: Duration = Duration::from_millis(20);
/// How often a file is read that cannot be watched.
const POLL: Duration = Duration::from_secs(1);
