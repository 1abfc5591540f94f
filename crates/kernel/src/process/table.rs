//! The processes of this system as `/proc` shows them, and learning of the end of one that is not our child.
//!
//! A pass may be made in pieces: a system can have very many processes. **Source**: proc_pid_stat(5),
//! proc_pid_cmdline(5), pidfd_open(2).

use std::fs::{File, ReadDir};
use std::io::{ErrorKind, Read as _, Result};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags};

/// One look at every process.
#[derive(Debug)]
pub struct Pass {
    folder: ReadDir,
}

/// A process as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its number, which another one has some day.
    pub pid: u32,
    /// When it was started, in clock ticks since boot: with the number it is unique.
    pub started: u64,
    /// Its name, at most 15 bytes.
    pub name: Vec<u8>,
    /// It has ended, and its parent was not there yet.
    pub is_zombie: bool,
}

/// The end of a process: readable once it has come.
#[derive(Debug)]
pub struct End(OwnedFd);

impl Pass {
    /// Begins.
    ///
    /// **Errors**: there is no `/proc`.
    pub fn begin() -> Result<Self> {
        Ok(Self { folder: std::fs::read_dir("/proc")? })
    }
}

impl Iterator for Pass {
    type Item = Result<Seen>;

    /// The next process that there is.
    ///
    /// **Errors**: somebody could not be looked at, as for want of a descriptor. Who was not met by this pass may live
    /// all the same.
    fn next(&mut self) -> Option<Result<Seen>> {
        loop {
            let entry = match self.folder.next()? {
                Ok(entry) => entry,
                Err(error) => return Some(Err(error)),
            };
            let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(seen) = number.and_then(|pid| look_at(pid).transpose()) {
                return Some(seen);
            }
        }
    }
}

/// A process by its number; none that there is not, or that is hidden from us.
///
/// **Errors**: whether there is one is not known, as for want of a descriptor.
pub fn look_at(pid: u32) -> Result<Option<Seen>> {
    let Some(line) = beginning(&format!("/proc/{pid}/stat"), STAT_MAX)? else { return Ok(None) };
    let (name, state, threads, started) = stat(&line).ok_or(ErrorKind::InvalidData)?;
    // The first thread of a process may end before the others.
    let is_zombie = matches!(state, b'Z' | b'X' | b'x') && threads <= 1;
    Ok(Some(Seen { pid, started, name, is_zombie }))
}

/// The command line of a process: its words, each ended by NUL; empty where there is none to see.
///
/// **Shape**: the first 32 KiB of it. Reading waits for a process that changes its memory, for ever if that hangs.
///
/// **Errors**: it cannot be read, as for want of a descriptor.
pub fn command_line(pid: u32) -> Result<Vec<u8>> {
    Ok(beginning(&format!("/proc/{pid}/cmdline"), COMMAND_MAX)?.unwrap_or_default())
}

/// The number that was given last: as long as it stays, nothing was started. None where that cannot be told.
#[must_use]
pub fn last_pid() -> Option<u32> {
    let line = beginning("/proc/loadavg", STAT_MAX).ok()??;
    std::str::from_utf8(&line).ok()?.split_ascii_whitespace().last()?.parse().ok()
}

/// Why `/proc` does not show what runs here, in a phrase; none where it does.
#[must_use]
pub fn blindness() -> Option<&'static str> {
    let own = std::fs::read_link("/proc/self").ok();
    let Some(own) = own else { return Some("/proc is not mounted") };
    if own.to_str() != Some(std::process::id().to_string().as_str()) {
        return Some("/proc is that of another namespace");
    }
    // The first process is somebody else's, unless it is us.
    matches!(look_at(1), Ok(None)).then_some("/proc hides processes of other users (hidepid)")
}

impl End {
    /// The end of the process that was seen; nothing where it has ended already.
    ///
    /// **Errors**: the kernel has no descriptor for it, and it may live.
    pub fn of(seen: &Seen) -> Result<Option<Self>> {
        let number = i32::try_from(seen.pid).ok().and_then(Pid::from_raw);
        let pid = number.ok_or(ErrorKind::InvalidInput)?;
        let end = match rustix::process::pidfd_open(pid, PidfdFlags::NONBLOCK) {
            Ok(descriptor) => Self(descriptor),
            Err(Errno::SRCH) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // The number may have gone to another one between the look and the call.
        let same = look_at(seen.pid)?.is_some_and(|now| now.started == seen.started);
        Ok((same && !end.has_come()).then_some(end))
    }

    /// Whether it has come.
    #[must_use]
    pub fn has_come(&self) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let polled = rustix::event::poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&now));
        polled.is_ok_and(|ready| ready > 0)
    }
}

impl AsFd for End {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Name, state, number of threads, and start of a line of `stat`. The name stands in parentheses and may have some.
fn stat(line: &[u8]) -> Option<(Vec<u8>, u8, u64, u64)> {
    let open = line.iter().position(|byte| *byte == b'(')?;
    let close = line.iter().rposition(|byte| *byte == b')')?;
    let name = line.get(open + 1..close)?.to_vec();
    let rest = std::str::from_utf8(line.get(close + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    let threads = fields.nth(16)?.parse().ok()?;
    let started = fields.nth(1)?.parse().ok()?;
    Some((name, state, threads, started))
}

/// What a file begins with; none of one that is not there or not for us.
fn beginning(path: &str, most: u64) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)) {
        Ok(_) => Ok(Some(bytes)),
        Err(error) => {
            // ESRCH is what reading says of a process that has ended since.
            let is_gone = error.kind() == ErrorKind::NotFound
                || error.kind() == ErrorKind::PermissionDenied
                || error.raw_os_error() == Some(Errno::SRCH.raw_os_error());
            if is_gone { Ok(None) } else { Err(error) }
        }
    }
}

const STAT_MAX: u64 = 4096;
const COMMAND_MAX: u64 = 32 * 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic fails the test, as it should")]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_have_parentheses_and_blanks() {
        let line = b"42 (a) b (c) R 1 42 42 0 -1 4194304 90 0 0 0 1 2 3 4 20 0 7 0 123456 2 3 4\n";
        assert_eq!(stat(line), Some((b"a) b (c".to_vec(), b'R', 7, 123_456)));
    }

    #[test]
    fn what_is_no_line_of_stat_is_none() {
        for line in
            [&b""[..], b"42", b"42 (x", b"42 x) R", b"42 (x) R 1 2", b")(", b"1 (\xff) \xff"]
        {
            assert_eq!(stat(line), None);
        }
    }

    #[test]
    fn this_process_is_among_all_and_runs() {
        let mut all = Pass::begin().unwrap().map(Result::unwrap);
        let own = all.find(|seen| seen.pid == std::process::id()).unwrap();
        assert_eq!(look_at(own.pid).unwrap(), Some(own.clone()));
        assert!(!own.is_zombie && own.started > 0);
        let words = command_line(own.pid).unwrap();
        let first = std::env::args().next().unwrap();
        assert_eq!(words.split(|byte| *byte == 0).next(), Some(first.as_bytes()));
        assert!(End::of(&own).unwrap().is_some_and(|end| !end.has_come()));
        // One of the same number that is another process.
        assert!(End::of(&Seen { started: own.started + 1, ..own }).unwrap().is_none());
    }

    #[test]
    fn the_end_of_another_process_is_heard_while_it_is_a_zombie() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let before = last_pid();
        let seen = look_at(child.id()).unwrap().unwrap();
        let end = End::of(&seen).unwrap().unwrap();
        assert!(!end.has_come());
        child.kill().unwrap();
        let mut descriptors = [PollFd::new(&end, PollFlags::IN)];
        let patience = Timespec { tv_sec: 20, tv_nsec: 0 };
        assert_eq!(rustix::event::poll(&mut descriptors, Some(&patience)).unwrap(), 1);
        assert!(end.has_come());
        assert!(look_at(child.id()).unwrap().is_some_and(|seen| seen.is_zombie));
        assert!(End::of(&seen).unwrap().is_none());
        child.wait().unwrap();
        assert_eq!(look_at(child.id()).unwrap(), None);
        assert!(End::of(&seen).unwrap().is_none());
        assert_eq!(command_line(child.id()).unwrap(), b"");
        assert!(before.is_some());
    }
}
