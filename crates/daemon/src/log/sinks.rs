//! Where log lines end: syslog, standard error, a file.
//!
//! Nothing here waits: syslog is a datagram that is dropped when its reader does not keep up, and counted.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use control::Severity;

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
    file: Option<File>,
    syslog: Option<UnixDatagram>,
    dropped: u64,
}

impl Sinks {
    /// Opens what can be opened; a file that cannot is reported to the other sinks.
    pub(crate) fn open(options: &SinksOptions) -> (Self, Option<String>) {
        let mut problem = None;
        let file = options.file.as_ref().and_then(|path| {
            let opened = OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
                .open(path);
            opened
                .inspect_err(|error| {
                    problem = Some(format!("cannot open log file {}: {error}", path.display()))
                })
                .ok()
        });
        let sinks = Self {
            facility: options.facility,
            console: options.console,
            file,
            syslog: None,
            dropped: 0,
        };
        (sinks, problem)
    }

    /// Writes one line to every sink.
    pub(crate) fn write(&mut self, identity: &Identity, severity: Severity, text: &str) {
        let text = &printable(text);
        let stamp = Stamp::now();
        if self.console {
            let line =
                format!("{}: {}[{}]: {text}\n", stamp.console(), identity.name, identity.pid);
            // A closed terminal is no reason to fail.
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        }
        if let Some(file) = &mut self.file {
            let line = format!("{}: {}[{}]: {text}\n", stamp.file(), identity.name, identity.pid);
            let _ = file.write_all(line.as_bytes());
        }
        if let Some(facility) = self.facility {
            let code = facility * 8 + severity.number();
            let line =
                format!("<{code}>{} {}[{}]: {text}", stamp.syslog(), identity.name, identity.pid);
            self.send_to_syslog(line.as_bytes());
        }
    }

    fn send_to_syslog(&mut self, line: &[u8]) {
        if self.syslog.is_none() {
            self.syslog = connect();
        }
        let Some(socket) = &self.syslog else {
            self.dropped = self.dropped.saturating_add(1);
            return;
        };
        match socket.send(line) {
            Ok(_) => self.dropped = 0,
            Err(error) => {
                self.dropped = self.dropped.saturating_add(1);
                if error.kind() != std::io::ErrorKind::WouldBlock {
                    // The daemon was restarted: the next line finds the new one.
                    self.syslog = None;
                }
            }
        }
    }
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
