//! Starting a child and learning of its end.
//!
//! The child executes a program anew, with descriptors at the numbers that it expects and all others closed; it
//! is told to terminate when its parent dies. Its end makes the pidfd readable. **Source**: pidfd_open(2),
//! prctl(2) `PR_SET_PDEATHSIG`.

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitOptions};

use super::ProcessError;
use crate::sys;

/// What to start.
#[derive(Debug)]
pub struct Spawn {
    /// The program.
    pub program: PathBuf,
    /// Its name as `ps` shows it.
    pub arg0: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Environment variables that it must not inherit.
    pub without: Vec<&'static str>,
    /// Descriptors that it gets, as 3, 4 and so on.
    pub descriptors: Vec<OwnedFd>,
    /// What it reads and writes.
    pub stdio: Stdio,
    /// The network namespace to enter first.
    pub namespace: Option<OwnedFd>,
}

/// Standard streams of a child.
#[derive(Debug)]
pub enum Stdio {
    /// Those of the parent.
    Inherited,
    /// None, but for standard error into this descriptor.
    ErrorsTo(OwnedFd),
}

/// A running child.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    pidfd: OwnedFd,
    /// Once it was collected.
    ended: Option<Ended>,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this exit code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exited with status {code}"),
            Self::Signalled(signal) => write!(f, "ended by signal {signal}"),
        }
    }
}

impl Spawn {
    /// Starts it.
    ///
    /// **Errors**: the kernel refuses a descriptor or a process, or the program cannot be executed.
    pub fn start(self) -> Result<Child, ProcessError> {
        let mut command = Command::new(&self.program);
        command.arg0(&self.arg0).args(&self.arguments);
        for name in &self.without {
            command.env_remove(name);
        }
        if let Stdio::ErrorsTo(descriptor) = self.stdio {
            command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
            command.stderr(std::process::Stdio::from(descriptor));
        }
        let failed = ProcessError::failed("hand descriptors to child");
        let moved = sys::above_targets(&self.descriptors).map_err(&failed)?;
        let namespace = self.namespace.map(|namespace| sys::above_targets(&[namespace]));
        let namespace = namespace.transpose().map_err(&failed)?.and_then(|mut moved| moved.pop());
        let occupied = sys::occupy_targets(moved.len()).map_err(&failed)?;
        sys::prepare_child(&mut command, moved, namespace, None, sys::Bond::EndsWithParent);
        let child = Child::spawn(&mut command, "start child");
        drop(occupied);
        child
    }
}

impl Child {
    /// Starts a prepared command.
    pub(super) fn spawn(
        command: &mut Command,
        operation: &'static str,
    ) -> Result<Self, ProcessError> {
        let mut child = command.spawn().map_err(ProcessError::io(operation))?;
        let pid = Pid::from_child(&child);
        match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => Ok(Self { pid, pidfd, ended: None }),
            Err(source) => {
                // Nobody would know of it.
                let _ = child.kill();
                let _ = child.wait();
                Err(ProcessError::new("watch child", source))
            }
        }
    }

    /// A child of this process that another program started in it.
    ///
    /// **Errors**: there is no such child, or it was collected already.
    pub fn adopt(pid: u32) -> Result<Self, ProcessError> {
        let failed = ProcessError::failed("adopt child");
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(ProcessError::new("adopt child", rustix::io::Errno::CHILD))?;
        // A number that was given to another process since is not that of a child.
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        rustix::process::waitid(WaitId::Pid(pid), look).map_err(&failed)?;
        let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty()).map_err(&failed)?;
        Ok(Self { pid, pidfd, ended: None })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Sends a signal; one that has ended already is no error.
    ///
    /// **Errors**: no permission, as when it executes a set-uid program.
    pub fn signal(&self, signal: Signal) -> Result<(), ProcessError> {
        match rustix::process::pidfd_send_signal(&self.pidfd, signal) {
            Err(rustix::io::Errno::SRCH) => Ok(()),
            other => other.map_err(ProcessError::failed("signal child")),
        }
    }

    /// Kills it and collects it at once: one whose end nobody would hear of.
    pub fn put_down(mut self) {
        let _ = self.signal(Signal::KILL);
        let _ = self.wait(TIME_TO_DIE);
    }

    /// How it ended, if it has; collects it.
    ///
    /// **Errors**: it was collected by someone else.
    pub fn ended(&mut self) -> Result<Option<Ended>, ProcessError> {
        if self.ended.is_none() {
            let status = rustix::process::waitpid(Some(self.pid), WaitOptions::NOHANG)
                .map_err(ProcessError::failed("wait for child"))?;
            self.ended = status.map(|(_, status)| match status.exit_status() {
                Some(code) => Ended::Exited(code),
                None => Ended::Signalled(status.terminating_signal().unwrap_or(0)),
            });
        }
        Ok(self.ended)
    }
}

impl Child {
    /// Waits for its end, which is near, and collects it; says how it ended, if it has by then.
    pub fn wait(&mut self, patience: Duration) -> Option<Ended> {
        let begin = std::time::Instant::now();
        loop {
            if let Ok(Some(ended)) = self.ended() {
                return Some(ended);
            }
            let rest = patience.saturating_sub(begin.elapsed());
            if rest.is_zero() {
                return None;
            }
            let rest = Timespec::try_from(rest).ok();
            let _ =
                rustix::event::poll(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], rest.as_ref());
        }
    }
}

impl AsFd for Child {
    /// Readable once the child has ended.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// How long a killed process may take to end.
const TIME_TO_DIE: Duration = Duration::from_secs(1);
