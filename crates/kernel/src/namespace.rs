//! Network namespaces: worlds of interfaces for a demonstration or a test.
//!
//! **Source**: namespaces(7), user_namespaces(7).

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::sched::CloneFlags;

use crate::process::ProcessError;
use crate::sys;

/// A network namespace, held by a descriptor.
#[derive(Debug)]
pub struct Namespace {
    descriptor: OwnedFd,
}

impl Namespace {
    /// The namespace of this thread.
    ///
    /// **Errors**: `/proc` is not mounted.
    pub fn current() -> Result<Self, ProcessError> {
        let file = File::open("/proc/thread-self/ns/net")
            .map_err(ProcessError::io("open network namespace"))?;
        Ok(Self { descriptor: file.into() })
    }

    /// The one that `ip netns` has given this name.
    ///
    /// **Errors**: there is none.
    pub fn named(name: &str) -> Result<Self, ProcessError> {
        let file = File::open(Path::new("/run/netns").join(name))
            .map_err(ProcessError::io("open network namespace"))?;
        Ok(Self { descriptor: file.into() })
    }

    /// The one that an open descriptor holds.
    #[must_use]
    pub const fn from_descriptor(descriptor: OwnedFd) -> Self {
        Self { descriptor }
    }

    /// A new one; this thread stays where it is.
    ///
    /// **Errors**: no privilege (`CAP_SYS_ADMIN` in the user namespace).
    pub fn create() -> Result<Self, ProcessError> {
        let here = Self::current()?;
        nix::sched::unshare(CloneFlags::CLONE_NEWNET)
            .map_err(failed("create network namespace"))?;
        let created = Self::current();
        here.enter()?;
        created
    }

    /// Moves this thread into it.
    ///
    /// **Errors**: no privilege (`CAP_SYS_ADMIN`).
    pub fn enter(&self) -> Result<(), ProcessError> {
        nix::sched::setns(self.descriptor.as_fd(), CloneFlags::CLONE_NEWNET)
            .map_err(failed("enter network namespace"))
    }

    /// Runs `work` inside and comes back.
    ///
    /// **Errors**: it cannot be entered, or this thread cannot come back.
    pub fn within<T>(&self, work: impl FnOnce() -> T) -> Result<T, ProcessError> {
        let here = Self::current()?;
        self.enter()?;
        let result = work();
        here.enter()?;
        Ok(result)
    }

    /// Another descriptor of it, to hand to a child.
    ///
    /// **Errors**: too many descriptors.
    pub fn descriptor(&self) -> Result<OwnedFd, ProcessError> {
        self.descriptor.try_clone().map_err(ProcessError::io("share network namespace"))
    }
}

impl AsFd for Namespace {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// The number of this thread's network namespace, which the kernel gives to no other until it starts anew.
///
/// Kernels before 5.14 have no such number: there it is that of the namespace's file, which may be given again once the
/// namespace is gone.
///
/// **Errors**: `/proc` is not mounted, or too many descriptors.
pub fn number() -> std::io::Result<u64> {
    let socket = std::os::unix::net::UnixDatagram::unbound()?;
    match sys::namespace_cookie(socket.as_fd()) {
        Ok(cookie) => Ok(cookie),
        Err(_) => Ok(std::fs::metadata("/proc/thread-self/ns/net")?.ino()),
    }
}

/// Moves this process, which must have one thread only, into namespaces of its own for processes, mounts and
/// networks, and for users unless it is root already; it is root there. Its next child is process 1 there: when that ends, the kernel ends all others.
///
/// **Errors**: the system forbids user namespaces to this user.
pub fn isolate() -> Result<(), ProcessError> {
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    let spaces = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWPID;
    // Root of the machine keeps its rights without a user namespace, real-time scheduling among them; root of a
    // container may have to do with one.
    if uid.is_root() && nix::sched::unshare(spaces).is_ok() {
        return Ok(());
    }
    nix::sched::unshare(CloneFlags::CLONE_NEWUSER | spaces)
        .map_err(failed("create user namespace"))?;
    let write = |path: &str, text: String| {
        std::fs::write(path, text).map_err(ProcessError::io("map users of the namespace"))
    };
    write("/proc/self/setgroups", "deny".to_owned())?;
    write("/proc/self/uid_map", format!("0 {} 1", uid.as_raw()))?;
    write("/proc/self/gid_map", format!("0 {} 1", gid.as_raw()))
}

/// Mounts `/proc` anew, so that it shows the processes of this process namespace.
///
/// **Errors**: the kernel refuses, as where parts of `/proc` are hidden.
pub fn mount_proc() -> Result<(), ProcessError> {
    use nix::mount::{MsFlags, mount};
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .map_err(failed("make mounts private"))?;
    mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), None::<&str>)
        .map_err(failed("mount /proc"))
}

fn failed(operation: &'static str) -> impl Fn(nix::Error) -> ProcessError {
    move |error| ProcessError::new(operation, sys::errno(error as i32))
}
