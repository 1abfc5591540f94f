//! Other processes, as `/proc` shows them.

use std::fs;

use nix::sys::wait::{WaitPidFlag, waitpid};
use rustix::process::{Pid, Signal};

/// A process by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process(pub u32);

impl Process {
    /// Whether it lives. One that died and waits to be collected does not.
    pub fn lives(self) -> bool {
        // Orphans are process 1's to collect, which is this one.
        let pid = nix::unistd::Pid::from_raw(self.0.try_into().unwrap());
        let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
        !matches!(self.state(), None | Some('Z' | 'X'))
    }

    /// As `ps` shows it: `S` sleeps, `T` is stopped.
    pub fn state(self) -> Option<char> {
        self.after_name()?.chars().next()
    }

    /// Its name as `pgrep` matches it.
    pub fn name(self) -> String {
        fs::read_to_string(format!("/proc/{}/comm", self.0)).unwrap_or_default().trim().to_owned()
    }

    /// Its words as `ps` shows them.
    pub fn words(self) -> Vec<String> {
        let line = fs::read(format!("/proc/{}/cmdline", self.0)).unwrap_or_default();
        let text = String::from_utf8_lossy(&line).into_owned();
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    pub fn children(self) -> Vec<Self> {
        everyone().filter(|process| process.parent() == Some(self)).collect()
    }

    pub fn session(self) -> Option<u32> {
        self.after_name()?.split(' ').nth(3)?.parse().ok()
    }

    pub fn signal(self, signal: Signal) {
        let pid = Pid::from_raw(self.0.try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    fn parent(self) -> Option<Self> {
        self.after_name()?.split(' ').nth(1)?.parse().ok().map(Self)
    }

    /// What follows the name in parentheses: state, parent, group, session.
    fn after_name(self) -> Option<String> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).ok()?;
        stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned())
    }
}

fn everyone() -> impl Iterator<Item = Process> {
    let entries = fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok().map(Process))
}
