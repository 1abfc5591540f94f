//! Watching files by their paths, whatever becomes of what stands there.
//!
//! A path leads through directories and symbolic links, and any of them can be replaced, removed, or not be there yet.
//! So each directory on the way is watched for the one name that the way takes, and the file itself for writers that
//! close it: a file that is half written is nobody's news. What changed is told by number; whoever hears it
//! [follows](FileWatch::follow) the path anew before he reads. **Source**: inotify(7).

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

/// Watched files, by numbers of the caller.
#[derive(Debug)]
pub struct FileWatch {
    inotify: OwnedFd,
    watches: BTreeMap<i32, Watch>,
    /// The watches of each file.
    files: BTreeMap<u64, BTreeSet<i32>>,
}

/// Whom an event concerns.
#[derive(Debug, Default)]
struct Watch {
    /// Files whose way takes a name of this directory.
    names: BTreeMap<OsString, BTreeSet<u64>>,
    /// Files that are this one.
    whole: BTreeSet<u64>,
}

/// A file that cannot be watched: it can change unheard.
#[derive(Debug, thiserror::Error)]
#[error("watch {path}: {source}")]
pub struct WatchError {
    path: PathBuf,
    #[source]
    source: Errno,
}

impl FileWatch {
    /// Watches nothing yet.
    ///
    /// **Errors**: the kernel refuses a descriptor.
    pub fn open() -> Result<Self, WatchError> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
            .map_err(|source| WatchError { path: PathBuf::from("files"), source })?;
        Ok(Self { inotify, watches: BTreeMap::new(), files: BTreeMap::new() })
    }

    /// Watches everything that `path` leads through now, in place of what it led through before. What is read
    /// afterwards cannot miss a change.
    ///
    /// **Errors**: the kernel has no room for a watch. What could be watched is.
    pub fn follow(&mut self, number: u64, path: &Path) -> Result<(), WatchError> {
        let former = self.files.remove(&number).unwrap_or_default();
        for id in &former {
            if let Some(watch) = self.watches.get_mut(id) {
                watch.forget(number);
            }
        }
        let outcome = self.walk(number, path);
        for id in former {
            self.release(id);
        }
        outcome
    }

    /// Watches a file no longer.
    pub fn forget(&mut self, number: u64) {
        for id in self.files.remove(&number).unwrap_or_default() {
            if let Some(watch) = self.watches.get_mut(&id) {
                watch.forget(number);
            }
            self.release(id);
        }
    }

    /// The files that may have changed since the last call.
    pub fn changed(&mut self) -> BTreeSet<u64> {
        let mut changed = BTreeSet::new();
        let mut room = [MaybeUninit::uninit(); ROOM];
        let mut reader = Reader::new(&self.inotify, &mut room);
        for _ in 0..EVENTS {
            let Ok(event) = reader.next() else { break };
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                changed.extend(self.files.keys());
                continue;
            }
            let gone = event.events().contains(ReadFlags::IGNORED);
            let Some(watch) = self.watches.get(&event.wd()) else { continue };
            match event.file_name() {
                Some(name) => {
                    let name = OsStr::from_bytes(name.to_bytes());
                    changed.extend(watch.names.get(name).into_iter().flatten());
                }
                None => {
                    changed.extend(&watch.whole);
                    changed.extend(watch.names.values().flatten());
                }
            }
            if gone {
                self.watches.remove(&event.wd());
            }
        }
        changed
    }

    fn walk(&mut self, number: u64, path: &Path) -> Result<(), WatchError> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut here = PathBuf::from("/");
        let mut ahead = parts(&path);
        let mut links = 0;
        let mut outcome = Ok(());
        while let Some(part) = ahead.pop() {
            if part == ".." {
                here.pop();
                continue;
            }
            // First the watch, then the look: what changes in between is heard.
            match self.watch(number, &here, Some(&part)) {
                // It went, which the watch before tells; or it must not be looked into.
                Ok(()) | Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => {}
                Err(source) => outcome = Err(WatchError { path: here.clone(), source }),
            }
            let next = here.join(&part);
            match std::fs::read_link(&next) {
                Ok(target) => {
                    links += 1;
                    if links > LINKS {
                        break;
                    }
                    if target.is_absolute() {
                        here = PathBuf::from("/");
                    }
                    ahead.extend(parts(&target));
                }
                // Not a link.
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => here = next,
                Err(_) => return outcome,
            }
        }
        match self.watch(number, &here, None) {
            Ok(()) | Err(Errno::NOENT | Errno::ACCESS) => outcome,
            Err(source) => Err(WatchError { path: here, source }),
        }
    }

    /// Watches a directory for a name, or a file.
    fn watch(&mut self, number: u64, path: &Path, name: Option<&OsStr>) -> Result<(), Errno> {
        let flags = if name.is_some() { NAMES } else { CONTENT };
        let id = inotify::add_watch(&self.inotify, path, flags)?;
        let watch = self.watches.entry(id).or_default();
        match name {
            Some(name) => watch.names.entry(name.to_owned()).or_default().insert(number),
            None => watch.whole.insert(number),
        };
        self.files.entry(number).or_default().insert(id);
        Ok(())
    }

    /// Gives up a watch that serves nobody.
    fn release(&mut self, id: i32) {
        if self.watches.get(&id).is_some_and(Watch::is_idle) {
            self.watches.remove(&id);
            // One that went with its directory is gone already.
            let _ = inotify::remove_watch(&self.inotify, id);
        }
    }
}

impl AsFd for FileWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

impl Watch {
    fn forget(&mut self, number: u64) {
        self.whole.remove(&number);
        self.names.retain(|_, files| {
            files.remove(&number);
            !files.is_empty()
        });
    }

    fn is_idle(&self) -> bool {
        self.whole.is_empty() && self.names.is_empty()
    }
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing, or nothing that can be reached.
    Nothing,
    /// Something that is no regular file, as a directory or a pipe: it is not opened.
    Other,
    /// The beginning of a file.
    Bytes(Vec<u8>),
}

/// Reads the first `most` bytes of a file. A pipe or a device in its place is left alone, and never waited for.
///
/// **Errors**: the file is there and cannot be read.
pub fn read_beginning(path: &Path, most: usize) -> std::io::Result<Content> {
    match path.metadata() {
        Ok(metadata) if !metadata.is_file() => return Ok(Content::Other),
        Ok(_) => {}
        Err(_) => return Ok(Content::Nothing),
    }
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file: File = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Content::Nothing),
        Err(error) => return Err(error),
    };
    // It may have been replaced in between.
    if !file.metadata()?.is_file() {
        return Ok(Content::Other);
    }
    let mut bytes = Vec::new();
    file.take(u64::try_from(most).unwrap_or(u64::MAX)).read_to_end(&mut bytes)?;
    Ok(Content::Bytes(bytes))
}

/// Names and steps upwards of a path, the first one last.
fn parts(path: &Path) -> Vec<OsString> {
    let parts = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    });
    let mut parts: Vec<OsString> = parts.collect();
    parts.reverse();
    parts
}

/// Names of a directory come and go.
const NAMES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::MASK_ADD);
/// A writer has closed the file. A directory may stand in its place that others lead through.
const CONTENT: WatchFlags = WatchFlags::CLOSE_WRITE.union(WatchFlags::MASK_ADD);
/// As the kernel allows on one way.
const LINKS: u32 = 40;
/// Bytes of events that are read at once.
const ROOM: usize = 16 * 1024;
/// Events that are taken in one call; the others wait for the next.
const EVENTS: usize = 4096;
