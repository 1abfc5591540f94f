//! What happens between fork and exec.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::EventfdFlags;
use rustix::fs::SealFlags;
use rustix::io::{Errno, FdFlags};
use rustix::net::SocketType;

use super::checked;

/// Copies of descriptors at numbers above those that a child shall find its own at, so that none overwrites another.
pub(crate) fn above_targets(descriptors: &[OwnedFd]) -> Result<Vec<OwnedFd>, Errno> {
    let copies = descriptors.iter();
    copies.map(|descriptor| rustix::io::fcntl_dupfd_cloexec(descriptor, ABOVE)).collect()
}

/// Takes those of the first `count` numbers after the standard streams that are free, until the child has started:
/// the pipe through which it tells that it could not execute its program must not be at one that it overwrites.
pub(crate) fn occupy_targets(count: usize) -> Result<Vec<OwnedFd>, Errno> {
    let end = i32::try_from(count).ok().and_then(|count| count.checked_add(FIRST));
    let end = end.filter(|end| *end <= ABOVE).ok_or(Errno::MFILE)?;
    let first = rustix::event::eventfd(0, EventfdFlags::CLOEXEC)?;
    let mut occupied = Vec::new();
    loop {
        let next = rustix::io::fcntl_dupfd_cloexec(&first, FIRST)?;
        if next.as_raw_fd() >= end {
            occupied.push(first);
            return Ok(occupied);
        }
        occupied.push(next);
    }
}

/// As whom a child runs.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Supplementary groups, in place of those of its parent.
    pub(crate) groups: Vec<u32>,
}

/// Whether a child ends with its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bond {
    /// It is told to, by SIGTERM.
    EndsWithParent,
    /// It goes on.
    None,
}

/// Lets the child of `command` start with these descriptors as 3, 4 and so on and no others above 2, with no signal
/// blocked, in another network namespace and as somebody else where they are given, and bound to its parent or not.
pub(crate) fn prepare_child(
    command: &mut Command,
    descriptors: Vec<OwnedFd>,
    namespace: Option<OwnedFd>,
    credentials: Option<Credentials>,
    bond: Bond,
) {
    let parent = std::process::id();
    // SAFETY: the closure runs in the forked child and calls only functions that are async-signal-safe; it allocates
    // nothing. The descriptors and groups live in the closure, so their numbers and the pointer are valid.
    unsafe {
        command.pre_exec(move || {
            let mut target = FIRST;
            for descriptor in &descriptors {
                if libc::dup2(descriptor.as_raw_fd(), target) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                target += 1;
            }
            if let Some(namespace) = &namespace {
                checked(libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET))?;
            }
            if let Some(Credentials { uid, gid, groups }) = &credentials {
                // The user last: without root's rights the others cannot be changed.
                checked(libc::setgroups(groups.len(), groups.as_ptr()))?;
                checked(libc::setgid(*gid))?;
                checked(libc::setuid(*uid))?;
            }
            // Where the kernel lacks it, descriptors are closed on exec by their own flags.
            let _ = libc::syscall(
                libc::SYS_close_range,
                target,
                libc::c_uint::MAX,
                libc::CLOSE_RANGE_CLOEXEC,
            );
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            checked(libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()))?;
            if bond == Bond::None {
                return Ok(());
            }
            checked(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM))?;
            // It may have died before the line above; 0 is a parent in an outer process namespace.
            let now = u32::try_from(libc::getppid()).unwrap_or(0);
            if now != parent && now != 0 {
                return Err(std::io::Error::from_raw_os_error(libc::ESRCH));
            }
            Ok(())
        });
    }
}

/// The first descriptor after the standard streams.
const FIRST: i32 = 3;
/// The first descriptor that no child is given anything at.
const ABOVE: i32 = 64;

/// Descriptors 3 and 4, which a parent of ours leaves to its child; nothing where they are not a socket and a
/// sealed memory file. They are closed on exec from now on.
pub fn inherited_pair() -> Option<(OwnedFd, OwnedFd)> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::SeqCst) {
        return None;
    }
    // SAFETY: descriptors that are closed answer every question with an error; nothing is owned here yet.
    let (channel, memory) =
        unsafe { (BorrowedFd::borrow_raw(FIRST), BorrowedFd::borrow_raw(FIRST + 1)) };
    // Those of somebody else are neither closed nor changed.
    let is_socket = rustix::net::sockopt::socket_type(channel) == Ok(SocketType::SEQPACKET);
    let seals = rustix::fs::fcntl_get_seals(memory).unwrap_or(SealFlags::empty());
    if !is_socket || !seals.contains(SealFlags::WRITE) {
        return None;
    }
    for descriptor in [channel, memory] {
        rustix::io::fcntl_setfd(descriptor, FdFlags::CLOEXEC).ok()?;
    }
    // SAFETY: both are open and of the kinds that a parent of ours leaves; only one caller ever comes here.
    unsafe { Some((OwnedFd::from_raw_fd(FIRST), OwnedFd::from_raw_fd(FIRST + 1))) }
}

/// A descriptor that the program before this one in the same process has left open at `number`; nothing where there is
/// none. It is closed on exec from now on.
pub fn inherited(number: i32) -> Option<OwnedFd> {
    if number < FIRST {
        return None;
    }
    // SAFETY: a descriptor that is closed answers with an error; nothing is owned here yet.
    let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
    // All that this program has opened is closed on exec: what is not was left to it, and is taken once only.
    if rustix::io::fcntl_getfd(descriptor).ok()?.contains(FdFlags::CLOEXEC) {
        return None;
    }
    rustix::io::fcntl_setfd(descriptor, FdFlags::CLOEXEC).ok()?;
    // SAFETY: it is open, and nobody else owns it, as the flag said that is set now.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}
