//! Pid files: monitoring reads them, and they keep a second daemon from starting.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use control::Role;

use crate::cli::Options;
use crate::compat;

/// The pid files of this daemon.
#[derive(Debug)]
pub(super) struct PidFiles {
    paths: BTreeMap<Option<Role>, PathBuf>,
    written: BTreeSet<PathBuf>,
}

/// Another daemon lives.
#[derive(Debug, thiserror::Error)]
#[error("daemon is already running: process {pid} holds {}; stop it first, or give this one its own pid files (-p, -r, -c)", path.display())]
pub(super) struct AlreadyRunning {
    pid: u32,
    path: PathBuf,
}

impl PidFiles {
    /// Looks whether the files are held by a process that lives.
    ///
    /// **Errors**: one is.
    pub(super) fn claim(options: &Options) -> Result<Self, AlreadyRunning> {
        let path = |given: &Option<PathBuf>, role| {
            given.clone().unwrap_or_else(|| PathBuf::from(compat::pid_file(role)))
        };
        let paths = BTreeMap::from([
            (None, path(&options.pid_file, None)),
            (Some(Role::Vrrp), path(&options.vrrp_pid_file, Some(Role::Vrrp))),
            (Some(Role::Checker), path(&options.checkers_pid_file, Some(Role::Checker))),
        ]);
        for path in paths.values() {
            if let Some(pid) = holder(path) {
                return Err(AlreadyRunning { pid, path: path.clone() });
            }
        }
        Ok(Self { paths, written: BTreeSet::new() })
    }

    /// Writes the file of a process; one that cannot be written is said.
    pub(super) fn write(&mut self, role: Option<Role>, pid: u32, said: &mut dyn FnMut(&str)) {
        let Some(path) = self.paths.get(&role) else { return };
        match replace(path, pid) {
            Ok(()) => {
                self.written.insert(path.clone());
            }
            Err(error) => said(&format!("cannot write pid file {}: {error}", path.display())),
        }
    }

    /// Removes the file of a child that has ended for good.
    pub(super) fn remove(&mut self, role: Role) {
        let Some(path) = self.paths.get(&Some(role)) else { return };
        if self.written.remove(path) {
            let _ = fs::remove_file(path);
        }
    }

    /// Removes the files that were written.
    pub(super) fn remove_all(&mut self) {
        for path in std::mem::take(&mut self.written) {
            let _ = fs::remove_file(path);
        }
    }
}

/// The living daemon that a pid file names; the number may have gone to another program since.
fn holder(path: &Path) -> Option<u32> {
    let pid: u32 = fs::read_to_string(path).ok()?.trim().parse().ok()?;
    if pid == std::process::id() {
        return None;
    }
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    let ours = fs::read_to_string("/proc/self/comm").unwrap_or_default();
    let name = name.trim();
    (name.starts_with("keepalived") || name.starts_with("steadfast") || name == ours.trim())
        .then_some(pid)
}

fn replace(path: &Path, pid: u32) -> std::io::Result<()> {
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(path)?;
    // The umask keeps other files private; monitoring reads these as any user.
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    writeln!(file, "{pid}")
}
