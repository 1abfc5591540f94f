//! Programs of users: scripts, with their own group of processes, so that they end with all that they started.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal};

use super::ProcessError;
use super::child::Child;
use crate::sys::{self, Bond, Credentials};

/// A program to start.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its path, or a name that is searched in `PATH`.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// As whom; as this process where not set.
    pub identity: Option<Identity>,
    /// Its supplementary groups, where it runs as somebody else.
    pub groups: Vec<u32>,
    /// Whether it goes on when this process dies; else it is told to end.
    pub outlives_us: bool,
}

/// A user and a group by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

impl Program {
    /// Starts it in `/`, in a process group of its own, with no descriptors, no terminal, and no signal blocked. A file without `#!` is read by `/bin/sh`.
    ///
    /// **Errors**: it cannot be executed, or the kernel refuses a process or the identity.
    pub fn start(&self) -> Result<Child, ProcessError> {
        match self.attempt(&self.path, &self.arguments) {
            Err(error) if error.source.raw_os_error() == libc::ENOEXEC => {
                let mut arguments = vec![self.path.clone().into_os_string()];
                arguments.extend(self.arguments.iter().cloned());
                self.attempt(&PathBuf::from("/bin/sh"), &arguments)
            }
            other => other,
        }
    }

    fn attempt(&self, path: &PathBuf, arguments: &[OsString]) -> Result<Child, ProcessError> {
        let mut command = Command::new(path);
        command.args(arguments).current_dir("/").process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // What could make another program of it, and what speaks to systemd in our name.
        for name in [
            "IFS",
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "NOTIFY_SOCKET",
            "WATCHDOG_USEC",
            "WATCHDOG_PID",
        ] {
            command.env_remove(name);
        }
        let credentials = self.identity.map(|Identity { uid, gid }| Credentials {
            uid,
            gid,
            groups: self.groups.clone(),
        });
        let bond = if self.outlives_us { Bond::None } else { Bond::EndsWithParent };
        sys::prepare_child(&mut command, Vec::new(), None, credentials, bond);
        Child::spawn(&mut command, "start program")
    }
}

impl Child {
    /// Sends a signal to its whole process group; one that has ended already is no error.
    ///
    /// **Errors**: no permission.
    pub fn signal_group(&self, signal: Signal) -> Result<(), ProcessError> {
        let Some(pid) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw) else {
            return Ok(());
        };
        match rustix::process::kill_process_group(pid, signal) {
            Err(rustix::io::Errno::SRCH) => Ok(()),
            other => other.map_err(ProcessError::failed("signal process group")),
        }
    }
}
