//! Named pipes that are told every change. A full pipe loses lines; nobody waits for its reader.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use config::model::Fifo;
use nix::sys::stat::Mode;

use super::identity;

/// One open pipe.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) is_ours: bool,
    pub(super) lost: u64,
    /// What it is told; a path may be that of several keywords.
    pub(super) hears: BTreeSet<Hears>,
}

/// What a pipe is told, by its keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hears {
    /// `notify_fifo`.
    All,
    /// `vrrp_notify_fifo`.
    Instances,
    /// `lvs_notify_fifo`.
    Servers,
}

impl Hears {
    pub(super) fn of(fifo: &Fifo) -> Self {
        match fifo.keyword.as_str() {
            "vrrp_notify_fifo" => Self::Instances,
            "lvs_notify_fifo" => Self::Servers,
            _ => Self::All,
        }
    }

    pub(super) fn is_told_of_instances(self) -> bool {
        self != Self::Servers
    }

    pub(super) fn is_told_of_servers(self) -> bool {
        self != Self::Instances
    }
}

impl Pipe {
    /// Makes the pipe where it is not there, and opens it.
    ///
    /// **Errors**: why it cannot be used, in a phrase for the log.
    pub(super) fn open(fifo: &Fifo) -> Result<Self, String> {
        let path = PathBuf::from(&fifo.path);
        let shown = path.display();
        let made = match nix::unistd::mkfifo(&path, Mode::from_bits_truncate(0o644)) {
            Ok(()) => true,
            Err(nix::errno::Errno::EEXIST) => false,
            Err(errno) => return Err(format!("cannot make pipe {shown}: {errno}")),
        };
        let owner = identity::owner(fifo.user.as_ref())?;
        // For reading too, so that it stays open while nobody reads.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW | libc::O_CLOEXEC)
            .open(&path)
            .map_err(|error| format!("cannot open pipe {shown}: {error}"))?;
        let metadata = file.metadata().map_err(|error| format!("pipe {shown}: {error}"))?;
        let own = rustix::process::geteuid().as_raw();
        let is_known = metadata.uid() == own || owner.is_some_and(|it| it.uid == metadata.uid());
        if !metadata.file_type().is_fifo() || !is_known {
            return Err(format!("{shown} is not a pipe of ours: it is not used"));
        }
        // What was opened and looked at, not what stands under its name by now.
        if made && let Some(owner) = owner {
            std::os::unix::fs::fchown(&file, Some(owner.uid), Some(owner.gid))
                .map_err(|error| format!("cannot give pipe {shown} away: {error}"))?;
        }
        let hears = BTreeSet::from([Hears::of(fifo)]);
        Ok(Self { path, file, is_ours: made, lost: 0, hears })
    }

    /// Writes a line; returns how many were lost before it, where some were.
    pub(super) fn tell(&mut self, line: &str) -> Option<u64> {
        // A line of this length is written whole or not at all (pipe(7)).
        match self.file.write_all(line.as_bytes()) {
            Ok(()) => Some(std::mem::take(&mut self.lost)).filter(|lost| *lost > 0),
            Err(_) => {
                self.lost = self.lost.saturating_add(1);
                None
            }
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        if self.is_ours {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
