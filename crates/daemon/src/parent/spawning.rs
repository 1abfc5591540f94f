//! How the parent starts a process of its own: children, the courier, the SNMP process, the rehearsal of an upgrade.

use std::ffi::OsString;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;

use kernel::eventloop::{EventLoop, Token};
use kernel::process::{Child, MemoryFile, Spawn, Stdio};
use kernel::socket::Channel;

use super::succession::VARIABLE;

/// A process to start: it finds its end of a channel as descriptor 3, and what it is to know as descriptor 4.
pub(super) struct Start<'a> {
    pub(super) program: PathBuf,
    pub(super) invoked_name: &'a str,
    pub(super) arguments: Vec<OsString>,
    pub(super) memory: &'a MemoryFile,
    /// The network namespace to enter first.
    pub(super) namespace: Option<OwnedFd>,
    /// Who is told that it ended.
    pub(super) process: Token,
    /// Who is told that it says something.
    pub(super) channel: Token,
}

impl Start<'_> {
    /// Starts it, and watches it.
    ///
    /// **Errors**: the kernel refuses a descriptor or a process; nothing is left running.
    pub(super) fn begin(self, events: &EventLoop) -> anyhow::Result<(Child, Channel)> {
        let (ours, theirs) = Channel::pair()?;
        let child = Spawn {
            program: self.program,
            arg0: self.invoked_name.into(),
            arguments: self.arguments,
            // What systemd and a program that went over to this one say is for the parent alone.
            without: vec!["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", VARIABLE],
            descriptors: vec![
                theirs.as_fd().try_clone_to_owned()?,
                self.memory.as_fd().try_clone_to_owned()?,
            ],
            stdio: Stdio::Inherited,
            namespace: self.namespace,
        }
        .start()?;
        let watched = events.add(&child, self.process);
        if let Err(error) = watched.and_then(|()| events.add(&ours, self.channel)) {
            child.put_down();
            return Err(error.into());
        }
        Ok((child, ours))
    }
}

/// This program: the same file even while a package is being upgraded.
pub(super) fn itself() -> PathBuf {
    "/proc/self/exe".into()
}
