//! The lookout for the file with the time of a reload: follows its path, reads it when it changes, and removes it.
//!
//! Each of that may hang, and then only this thread does.

use std::io::ErrorKind;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clock::Instant;
use kernel::eventloop::now;
use kernel::file_watch::{Content, FileWatch, read_beginning};

use super::super::lookout::{self, Dismissed};

pub(super) type Hand = lookout::Hand<Orders, PathBuf, Look>;

/// What is to be done.
#[derive(Debug)]
pub(super) struct Orders {
    /// The file that is to be watched.
    pub(super) path: Option<PathBuf>,
    /// One that is to go, if it still says this.
    pub(super) remove: Option<(PathBuf, Vec<u8>)>,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Look {
    /// The file says this; none where there is none.
    Says(PathBuf, Option<Vec<u8>>),
    /// What is the matter with it.
    Problem(PathBuf, String),
}

/// Watches the file until it is dismissed.
pub(super) fn duty(hand: &Hand) -> Result<(), Dismissed> {
    let (mut path, mut watch, mut due, mut read) = (None::<PathBuf>, None, None, Instant::ZERO);
    loop {
        if let Some(orders) = hand.wait(watch.as_ref().map(FileWatch::as_fd), due)? {
            if let Some((path, said)) = orders.remove
                && let Err(problem) = hand.at(path.clone(), || remove(&path, &said))?
            {
                hand.tell(Look::Problem(path, problem));
            }
            if path != orders.path {
                due = orders.path.is_some().then(now);
                (path, watch) = (orders.path, None);
            }
        }
        let Some(path) = &path else { continue };
        if watch.as_mut().is_some_and(|watch: &mut FileWatch| !watch.changed().is_empty()) {
            due = Some(read + PAUSE);
        }
        if due.is_none_or(|due| due > now()) {
            continue;
        }
        let followed = hand.at(path.clone(), || follow(&mut watch, path))?;
        let content = hand.at(path.clone(), || read_beginning(path, ROOM))?;
        read = now();
        // A path that cannot be watched is asked again and again.
        due = followed.as_ref().err().map(|_| read + POLL);
        if let Err(error) = followed {
            hand.tell(Look::Problem(path.clone(), format!("it is read each second: {error}")));
        }
        hand.tell(match content {
            Ok(Content::Bytes(content)) => {
                // One that is empty is about to be written.
                Look::Says(path.clone(), Some(content).filter(|content| !content.is_empty()))
            }
            Ok(Content::Nothing) => Look::Says(path.clone(), None),
            Ok(Content::Other) => {
                Look::Problem(path.clone(), "it is not a regular file".to_owned())
            }
            Err(error) => Look::Problem(path.clone(), format!("it cannot be read: {error}")),
        });
    }
}

/// Watches what the path leads through now.
fn follow(watch: &mut Option<FileWatch>, path: &Path) -> Result<(), String> {
    if watch.is_none() {
        *watch = Some(FileWatch::open().map_err(|error| error.to_string())?);
    }
    let Some(watch) = watch else { return Ok(()) };
    watch.follow(0, path).map_err(|error| error.to_string())
}

/// Removes a file that says this; one that says something else is somebody's next wish.
fn remove(path: &Path, said: &[u8]) -> Result<(), String> {
    match read_beginning(path, ROOM) {
        Ok(Content::Bytes(content)) if content == said => {}
        _ => return Ok(()),
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(format!("it cannot be removed: {error}"))
        }
        _ => Ok(()),
    }
}

/// More than a time takes.
const ROOM: usize = 64;
/// Least time between two looks.
const PAUSE: Duration = Duration::from_millis(20);
const POLL: Duration = Duration::from_secs(1);
