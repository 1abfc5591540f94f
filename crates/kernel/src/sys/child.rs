//! What happens between fork and exec.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use super::checked;

/// Lets the child of `command` start with these descriptors as 3, 4 and so on and no others above 2, with no signal
/// blocked, in another network namespace where one is given, and end by SIGTERM when its parent dies.
pub(crate) fn prepare_child(
    command: &mut Command,
    descriptors: Vec<OwnedFd>,
    namespace: Option<OwnedFd>,
) {
    let parent = std::process::id();
    // SAFETY: the closure runs in the forked child and calls only functions that are async-signal-safe; it allocates
    // nothing. The descriptors live in the closure, so their numbers are valid.
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

/// Descriptors 3 and 4, which a parent of ours leaves to its child; nothing where they are not a socket and a
/// sealed memory file. They are closed on exec from now on.
pub fn inherited_pair() -> Option<(OwnedFd, OwnedFd)> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::SeqCst) {
        return None;
    }
    // SAFETY: whether the descriptors are open is asked before they are owned, and only one caller ever owns them.
    unsafe {
        for descriptor in [FIRST, FIRST + 1] {
            if libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) != 0 {
                return None;
            }
        }
        let (channel, memory) = (OwnedFd::from_raw_fd(FIRST), OwnedFd::from_raw_fd(FIRST + 1));
        let is_socket = rustix::net::sockopt::socket_domain(&channel).is_ok();
        let is_sealed = rustix::fs::fcntl_get_seals(&memory).is_ok();
        (is_socket && is_sealed).then_some((channel, memory))
    }
}
