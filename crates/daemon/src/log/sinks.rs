//! Where log lines end: syslog, standard error, a file.
//!
//! Nothing here waits: a line whose reader does not keep up is kept for a while, no more than a megabyte of them; others
//! are dropped and counted, and the next one that is read says how many.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clock::Instant;
use control::Severity;
use kernel::eventloop::now;
use rustix::event::{PollFd, PollFlags, Timespec};

use super::backlog::{Backlog, Offered};
use super::stamp::Stamp;
use super::syslog::Syslog;

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
    syslog: Syslog,
    /// Whether lines wait until more have come.
    gathers: bool,
    /// Bytes of those that do.
    gathered: usize,
    for_console: Backlog,
    for_syslog: Backlog,
    /// When what waits is offered again, and after what time then.
    again: Option<(Instant, Duration)>,
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
            syslog: Syslog::default(),
            gathers: false,
            gathered: 0,
            for_console: Backlog::default(),
            for_syslog: Backlog::default(),
            again: None,
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
        let Identity { name, pid } = identity;
        if let Some(file) = &mut self.file {
            let line = format!("{}: {name}[{pid}]: {text}\n", stamp.file());
            let _ = file.write_all(line.as_bytes());
        }
        if self.console {
            self.for_console.push(|dropped| {
                let dropped = what_was_dropped(dropped);
                let mut line = format!("{}: {name}[{pid}]: {text}{dropped}", stamp.console());
                while line.len() >= LONGEST_LINE {
                    line.pop();
                }
                line.push('\n');
                line.into_bytes()
            });
        }
        if let Some(facility) = self.facility {
            let code = facility * 8 + severity.number();
            self.for_syslog.push(|dropped| {
                let dropped = what_was_dropped(dropped);
                format!("<{code}>{} {name}[{pid}]: {text}{dropped}", stamp.syslog()).into_bytes()
            });
        }
        self.gathered += text.len() + 1;
        if !self.gathers || self.gathered > GATHERED {
            self.hand_out();
        }
    }

    /// Has lines go together until it is told otherwise, which is cheaper where there are many.
    pub(crate) fn gather(&mut self, gathers: bool) {
        self.gathers = gathers;
        if !gathers && self.gathered > 0 {
            self.hand_out();
        }
    }

    fn hand_out(&mut self) {
        self.gathered = 0;
        self.offer();
        if self.again.is_none() && self.has_waiting() {
            self.again = Some((now() + SHORTEST_PAUSE, SHORTEST_PAUSE));
        }
    }

    /// When what waits is to be offered again.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.again.map(|(at, _)| at)
    }

    /// Offers what waits, if that is due: the longer nothing is taken, the more seldom.
    pub(crate) fn tend(&mut self) {
        let Some((_, pause)) = self.again.filter(|(at, _)| *at <= now()) else { return };
        let moved = self.offer();
        let pause = if moved { SHORTEST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        self.again = self.has_waiting().then(|| (now() + pause, pause));
    }

    /// Offers what waits until all is taken, or nothing has been for a while: this process ends.
    pub(crate) fn finish(&mut self) {
        let end = now() + LAST_PATIENCE;
        let mut moved = now();
        while self.has_waiting() && now() < end && now().since(moved) < LAST_PAUSE {
            if self.offer() {
                moved = now();
            }
            std::thread::sleep(SHORTEST_PAUSE);
        }
    }

    fn has_waiting(&self) -> bool {
        !self.for_console.is_empty() || !self.for_syslog.is_empty()
    }

    /// Whether anything of what waits was taken.
    fn offer(&mut self) -> bool {
        let Self { for_console, for_syslog, syslog, .. } = self;
        let by_console = for_console.drain(LONGEST_LINE, write_to_console);
        let by_syslog = for_syslog.drain(0, |line| syslog.send(line));
        by_console || by_syslog
    }
}

/// Closed standard error is no reason to fail.
fn write_to_console(lines: &[u8]) -> Offered {
    if !is_writable(std::io::stderr().as_fd()) {
        return Offered::Full;
    }
    match std::io::stderr().lock().write_all(lines) {
        Ok(()) => Offered::Taken,
        Err(_) => Offered::Nobody,
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
    if lines == 0 {
        return String::new();
    }
    let lines = status::counted(lines, "line");
    format!(" ({lines} before it dropped: more came than were read)")
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
/// So many bytes wait for more at most.
const GATHERED: usize = 64 * 1024;
/// After which time what waits is offered again at first, and where nobody has taken anything for long.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// How long the end waits for readers, and for one who takes nothing.
const LAST_PATIENCE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::super::syslog::tests::nowhere;
    use super::*;

    #[test]
    fn lines_that_gather_are_handed_out_in_their_order_and_no_more_than_some_wait() {
        let path = nowhere("gathering");
        let listener = UnixDatagram::bind(path).unwrap();
        listener.set_nonblocking(true).unwrap();
        let options = SinksOptions { facility: Some(3), console: false, file: None };
        let (mut sinks, _) = Sinks::open(&options);
        sinks.syslog = Syslog::at(path);
        let identity = Identity { name: "test".to_owned(), pid: 1 };
        let write = |sinks: &mut Sinks, text: &str| sinks.write(&identity, Severity::Info, text);
        let heard = || {
            let mut bytes = [0; GATHERED];
            let length = listener.recv(&mut bytes).ok()?;
            String::from_utf8_lossy(&bytes[..length]).rsplit(' ').next().map(str::to_owned)
        };
        sinks.gather(true);
        ["one", "two", ""].iter().for_each(|text| write(&mut sinks, text));
        assert_eq!(heard(), None);
        sinks.gather(false);
        assert_eq!([heard(), heard(), heard()].map(Option::unwrap), ["one", "two", ""]);
        sinks.gather(true);
        let long = "x".repeat(GATHERED / 4);
        (0..4).for_each(|_| write(&mut sinks, &long));
        assert_eq!(heard().as_deref(), Some(&*long));
        std::fs::remove_file(path).unwrap();
    }
}
