//! Pid files: monitoring reads them, and they keep a second daemon from starting.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

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
        for (role, path) in &paths {
            // Children of a daemon that was killed are about to end: whoever starts the next at once waits for them.
            let patience = if role.is_some() { ENDING } else { Duration::ZERO };
            if let Some(pid) = lasting_holder(path, patience) {
                return Err(AlreadyRunning { pid, path: path.clone() });
            }
        }
        Ok(Self { paths, written: BTreeSet::new() })
    }

    /// Writes the file of a process; one that cannot be written is said.
    pub(super) fn write(&mut self, role: Option<Role>, pid: u32, said: &mut dyn FnMut(&str)) {
        let Some(path) = self.paths.get(&role) else { return };
        match make_directories(path).and_then(|()| replace(path, pid)) {
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

    /// Removes the files that were written, and the directories for them that nobody else uses.
    pub(super) fn remove_all(&mut self) {
        for path in std::mem::take(&mut self.written) {
            let _ = fs::remove_file(&path);
            // One that is not empty stays.
            for directory in directories(&path) {
                let _ = fs::remove_dir(directory);
            }
        }
    }
}

/// The directories that are made for a file: that of all daemons and, in it, that of a namespace; innermost first.
fn directories(path: &Path) -> impl Iterator<Item = &Path> {
    path.ancestors().skip(1).take_while(|it| it.starts_with(compat::PID_DIRECTORY))
}

fn make_directories(path: &Path) -> std::io::Result<()> {
    let mut missing: Vec<&Path> = directories(path).collect();
    while let Some(directory) = missing.pop() {
        match fs::create_dir(directory) {
            // The umask keeps other files private; monitoring looks into these as any user.
            Ok(()) => fs::set_permissions(directory, PermissionsExt::from_mode(0o755))?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The daemon that still lives after this time.
fn lasting_holder(path: &Path, patience: Duration) -> Option<u32> {
    let begin = Instant::now();
    loop {
        let pid = holder(path)?;
        if begin.elapsed() >= patience {
            return Some(pid);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The living daemon that a pid file names; the number may have gone to another program since.
fn holder(path: &Path) -> Option<u32> {
    let pid: u32 = fs::read_to_string(path).ok()?.trim().parse().ok()?;
    if pid == std::process::id() {
        return None;
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Behind the name, which may hold anything: one that nobody has collected yet holds nothing.
    if stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X'])) {
        return None;
    }
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    let ours = fs::read_to_string("/proc/self/comm").unwrap_or_default();
    let name = name.trim();
    (name.starts_with("keepalived") || name.starts_with("steadfast") || name == ours.trim())
        .then_some(pid)
}

/// What a child takes at most to end when its parent is gone.
const ENDING: Duration = Duration::from_secs(1);

fn replace(path: &Path, pid: u32) -> std::io::Result<()> {
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(path)?;
    // The umask keeps other files private; monitoring reads these as any user.
    file.set_permissions(PermissionsExt::from_mode(0o644))?;
    writeln!(file, "{pid}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_nobody_has_collected_holds_nothing() {
        let folder = std::env::temp_dir().join(format!("steadfast-test-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let (program, file) = (folder.join("steadfast"), folder.join("pid"));
        std::os::unix::fs::symlink("/bin/cat", &program).expect("a link");
        let mut child = std::process::Command::new(&program)
            .stdin(std::process::Stdio::piped())
            .spawn()
            .expect("a process");
        fs::write(&file, child.id().to_string()).expect("a pid file");
        let began = Instant::now();
        while holder(&file).is_none() && began.elapsed() < ENDING {}
        assert_eq!(holder(&file), Some(child.id()), "it lives, by the name of a daemon");
        drop(child.stdin.take());
        while holder(&file).is_some() && began.elapsed() < 5 * ENDING {}
        assert_eq!(holder(&file), None, "it has ended, and is not collected");
        child.wait().expect("its end");
        fs::remove_dir_all(&folder).expect("the folder goes");
    }
}
