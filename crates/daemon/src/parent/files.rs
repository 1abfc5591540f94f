//! Tracked files: read when a writer has closed them or something else stands in their place.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use clock::Instant;
use config::model::{Initial, TrackFile};
use control::{CONTENT_MAX, Finding, Severity, Watched};
use kernel::eventloop::{Token, now};
use kernel::file_watch::{Content, FileWatch, read_beginning};
use rustix::fs::OFlags;

use super::Parent;

/// The files, by number.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Opened with the first file.
    watch: Option<FileWatch>,
    files: BTreeMap<u64, Tracked>,
    given: u64,
}

#[derive(Debug)]
struct Tracked {
    name: String,
    path: String,
    value: i32,
    /// What is wrong with it, for saying only what is new.
    problem: Option<String>,
    /// When it is read again.
    due: Option<Instant>,
    read: Instant,
}

impl Files {
    /// When a file is to be read.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.files.values().filter_map(|file| file.due).min()
    }
}

impl Parent {
    /// Brings the watched files in line with the configuration in force. Each has its value when this returns.
    pub(super) fn arrange_files(&mut self) {
        let wanted: BTreeMap<String, TrackFile> =
            self.loaded.files.iter().map(|file| (file.name.clone(), file.clone())).collect();
        let stays = |file: &Tracked| wanted.get(&file.name).is_some_and(|it| it.path == file.path);
        let (kept, gone): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.files.files).into_iter().partition(|(_, file)| stays(file));
        self.files.files = kept;
        for (number, file) in gone {
            if let Some(watch) = &mut self.files.watch {
                watch.forget(number);
            }
            if !wanted.contains_key(&file.name) {
                self.lose(&Watched::File(file.name));
            }
        }
        for file in wanted.into_values() {
            if self.files.files.values().any(|known| known.name == file.name) {
                continue;
            }
            if let Some(initial) = file.initial
                && let Err(problem) = initialise(Path::new(&file.path), initial)
            {
                let text = format!("track_file {}: {}: {problem}", file.name, file.path);
                self.log(Severity::Warning, &text);
            }
            let number = self.files.given;
            self.files.given += 1;
            let TrackFile { name, path, .. } = file;
            let read = Instant::ZERO;
            let tracked = Tracked { name, path, value: 0, problem: None, due: None, read };
            self.files.files.insert(number, tracked);
            self.read_file(number);
        }
        if self.files.files.is_empty() {
            self.files.watch = None;
        }
    }

    /// Something happened on the way to files: they are read soon, and none of them over and over.
    pub(super) fn files_changed(&mut self) {
        let Files { watch: Some(watch), files, .. } = &mut self.files else { return };
        for number in watch.changed() {
            if let Some(file) = files.get_mut(&number) {
                let soon = file.read + PAUSE;
                file.due = Some(file.due.map_or(soon, |due| due.min(soon)));
            }
        }
    }

    /// Reads the files that are due.
    pub(super) fn tend_files(&mut self) {
        let now = now();
        let is_due = |file: &Tracked| file.due.is_some_and(|due| due <= now);
        let due = self.files.files.iter().filter(|(_, file)| is_due(file));
        let due: Vec<u64> = due.map(|(number, _)| *number).collect();
        for number in due {
            self.read_file(number);
        }
    }

    fn read_file(&mut self, number: u64) {
        let Some(path) = self.files.files.get(&number).map(|file| file.path.clone()) else {
            return;
        };
        let followed = self.follow(number, Path::new(&path));
        let mut problem = followed.as_ref().err().cloned();
        let value = match read_beginning(Path::new(&path), CONTENT_MAX) {
            Ok(Content::Bytes(content)) => {
                let value = control::number(&content);
                if value.is_none() {
                    problem = Some("its number is out of range and is ignored".to_owned());
                }
                value
            }
            Ok(Content::Nothing) => Some(0),
            Ok(Content::Other) => {
                problem = Some("it is not a regular file and counts as 0".to_owned());
                Some(0)
            }
            Err(error) => {
                problem = Some(format!("it cannot be read and counts as 0: {error}"));
                Some(0)
            }
        };
        let Some(file) = self.files.files.get_mut(&number) else { return };
        file.read = now();
        file.due = followed.is_err().then(|| file.read + POLL);
        file.value = value.unwrap_or(file.value);
        let (name, value) = (file.name.clone(), file.value);
        let news = problem.clone().filter(|_| problem != file.problem);
        file.problem = problem;
        if let Some(news) = news {
            self.log(Severity::Warning, &format!("track_file {name}: {path}: {news}"));
        }
        if self.found(Watched::File(name.clone()), Finding::Value(value)) && self.options.detail > 0
        {
            self.log(Severity::Info, &format!("Tracked file {name} says {value}"));
        }
    }

    /// Watches what a path leads through now.
    ///
    /// **Errors**: why changes can be missed, in a phrase for the log.
    fn follow(&mut self, number: u64, path: &Path) -> Result<(), String> {
        let said =
            |error: &dyn std::fmt::Display| format!("it is read each second instead: {error}");
        if self.files.watch.is_none() {
            let watch = FileWatch::open().map_err(|error| said(&error))?;
            self.events.add(&watch, FILES).map_err(|error| said(&error))?;
            self.files.watch = Some(watch);
        }
        let Some(watch) = &mut self.files.watch else { return Ok(()) };
        watch.follow(number, path).map_err(|error| said(&error))
    }
}

/// Writes the number of `init_file`. Nothing but a regular file is written to, and no symbolic link is followed.
fn initialise(path: &Path, initial: Initial) -> Result<(), String> {
    match path.symlink_metadata() {
        Ok(_) if !initial.overwrites => return Ok(()),
        Ok(metadata) if !metadata.is_file() => {
            return Err("not initialised: it is not a regular file".to_owned());
        }
        Ok(_) | Err(_) => {}
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

pub(super) const FILES: Token = Token(4);
/// Least time between two looks at a file.
const PAUSE: Duration = Duration::from_millis(20);
/// How often a file is read that cannot be watched.
const POLL: Duration = Duration::from_secs(1);
