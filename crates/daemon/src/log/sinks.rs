//! Where log lines end: syslog, standard error, a file.
//!
//! Nothing here waits: a line whose reader does not keep up is dropped and counted, and the next one that is read
//! says how many.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use control::Severity;
use rustix::event::{PollFd, PollFlags, Timespec};

use super::stamp::Stamp;

/// Who speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Ident of syslog, such as `Keepalived_vrrp`.
    pub(crate) name: String,
    /// Process id.
    pub(crate) pid: u32,
}

/// Which sinks there are.
#[derive(Clone, Debug)]
pub(crate) struct SinksOptions {
    /// Facility of syslog(3), without the severity: 3 is daemon.
    pub(crate) facility: Option<u8>,
    /// Whether lines also go to standard error.
    pub(crate) console: bool,
    /// A file for lines.
    pub(crate) file: Option<PathBuf>,
}

/// The sinks.
#[derive(Debug)]
pub(crate) struct Sinks {
    facility: Option<u8>,
    console: bool,
    path: Option<PathBuf>,
    file: Option<File>,
    syslog: Option<UnixDatagram>,
    dropped_by_console: u64,
    dropped_by_syslog: u64,
}

impl Sinks {
    /// Opens what can be opened; a file that cannot is reported to the other sinks.
    pub(crate) fn open(options: &SinksOptions) -> (Self, Option<String>) {
        let (file, problem) = open_file(options.file.as_deref());
        let sinks = Self {
            facility: options.facility,
            console: options.console,
            path: options.file.clone(),
            file,
            syslog: None,
            dropped_by_console: 0,
            dropped_by_syslog: 0,
        };
        (sinks, problem)
    }

    /// Opens the log file anew, for it may have been rotated away; says why it could not, and keeps the old one.
    pub(crate) fn reopen(&mut self) -> Option<String> {
        let (file, problem) = open_file(self.path.as_deref());
        self.file = file.or(self.file.take());
        problem
    }

    /// Writes one line to every sink.
    pub(crate) fn write(&mut self, identity: &Identity, severity: Severity, text: &str) {
        let text = &printable(text);
        let stamp = Stamp::now();
        if self.console {
            self.write_to_console(identity, stamp, text);
        }
        if let Some(file) = &mut self.file {
            let line = format!("{}: {}[{}]: {text}\n", stamp.file(), identity.name, identity.pid);
            let _ = file.write_all(line.as_bytes());
        }
        if let Some(facility) = self.facility {
            self.write_to_syslog(identity, facility, severity, stamp, text);
        }
    }

    fn write_to_console(&mut self, identity: &Identity, stamp: Stamp, text: &str) {
        if !is_writable(std::io::stderr().as_fd()) {
            self.dropped_by_console = self.dropped_by_console.saturating_add(1);
            return;
        }
        let dropped = std::mem::take(&mut self.dropped_by_console);
        let mut line = format!("{}: {}[{}]: {text}", stamp.console(), identity.name, identity.pid);
        if dropped > 0 {
            line.push_str(&what_was_dropped(dropped));
        }
        while line.len() >= LONGEST_LINE {
            line.pop();
        }
        line.push('\n');
        // A closed terminal is no reason to fail.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }

    fn write_to_syslog(
        &mut self,
        identity: &Identity,
        facility: u8,
        severity: Severity,
        stamp: Stamp,
        text: &str,
    ) {
        let code = facility * 8 + severity.number();
        let dropped = match self.dropped_by_syslog {
            0 => String::new(),
            dropped => what_was_dropped(dropped),
        };
        let who = format!("{}[{}]", identity.name, identity.pid);
        let line = format!("<{code}>{} {who}: {text}{dropped}", stamp.syslog());
        if self.send_to_syslog(line.as_bytes()) {
            self.dropped_by_syslog = 0;
        } else {
            self.dropped_by_syslog = self.dropped_by_syslog.saturating_add(1);
        }
    }

    fn send_to_syslog(&mut self, line: &[u8]) -> bool {
        for _ in 0..2 {
            if self.syslog.is_none() {
                self.syslog = connect();
            }
            let Some(socket) = &self.syslog else { return false };
            match socket.send(line) {
                Ok(_) => return true,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return false,
                // It was restarted: the new one is asked at once.
                Err(_) => self.syslog = None,
            }
        }
        false
    }
}

/// The log file, if there is to be one, or why there is none.
fn open_file(path: Option<&Path>) -> (Option<File>, Option<String>) {
    let Some(path) = path else { return (None, None) };
    // A FIFO without a reader would keep us waiting.
    let flags = libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK;
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).custom_flags(flags);
    match options.open(path) {
        Ok(file) => (Some(file), None),
        Err(error) => (None, Some(format!("cannot open log file {}: {error}", path.display()))),
    }
}

/// Whether a line can be written without waiting; where a pipe's reader is gone, writing fails at once.
fn is_writable(descriptor: BorrowedFd<'_>) -> bool {
    let wanted = PollFlags::OUT | PollFlags::ERR | PollFlags::HUP;
    let mut polled = [PollFd::new(&descriptor, PollFlags::OUT)];
    let none = Timespec { tv_sec: 0, tv_nsec: 0 };
    match rustix::event::poll(&mut polled, Some(&none)) {
        Ok(0) => false,
        Ok(_) => polled.iter().any(|it| it.revents().intersects(wanted)),
        // What cannot be polled does not wait either.
        Err(_) => true,
    }
}

fn what_was_dropped(lines: u64) -> String {
    let lines = status::counted(lines, "line");
    format!(" ({lines} before it dropped: more came than were read)")
}

fn connect() -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    socket.connect("/dev/log").ok()?;
    Some(socket)
}

/// Configuration files and packets reach log lines: no control character of theirs does.
fn printable(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// A pipe that can be written to takes this many bytes at least (pipe(7), `PIPE_BUF`).
const LONGEST_LINE: usize = 4096;
