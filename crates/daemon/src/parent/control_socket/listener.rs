//! The socket in the file system: root's alone, and never taken from a daemon that lives.

use std::fs;
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use rustix::process::umask;

/// A socket that listens; its file is removed with it.
#[derive(Debug)]
pub(in super::super) struct Listener {
    socket: UnixListener,
    path: PathBuf,
    /// Device and number of the file that is ours.
    file: (u64, u64),
}

impl Listener {
    /// Listens at `path`; what a daemon that was killed left there is replaced.
    ///
    /// **Errors**: in words; another daemon listens there, or nothing can be made there.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let socket = match bind(path) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                make_room(path)?;
                bind(path)
            }
            other => other,
        };
        let socket = socket.map_err(|error| error.to_string())?;
        socket.set_nonblocking(true).map_err(|error| error.to_string())?;
        let file = fs::symlink_metadata(path).map_err(|error| error.to_string())?;
        Ok(Self { socket, path: path.to_owned(), file: (file.dev(), file.ino()) })
    }

    /// Goes on with a socket that another program in this process has made at `path`; nothing where it is not there any
    /// more.
    pub(super) fn adopt(socket: OwnedFd, path: &Path) -> Option<Self> {
        let bound = rustix::net::getsockname(&socket).ok()?;
        let bound = SocketAddrUnix::try_from(bound).ok()?;
        let file = fs::symlink_metadata(path).ok()?;
        let is_there = bound.path_bytes() == Some(path.as_os_str().as_bytes());
        let file = (file.dev(), file.ino());
        is_there.then(|| Self { socket: socket.into(), path: path.to_owned(), file })
    }

    /// The next who connects and may.
    pub(super) fn accept(&self) -> Option<UnixStream> {
        loop {
            let (stream, _) = self.socket.accept().ok()?;
            let Ok(peer) = rustix::net::sockopt::socket_peercred(&stream) else { continue };
            let ours = peer.uid == rustix::process::geteuid();
            if (ours || peer.uid.is_root()) && stream.set_nonblocking(true).is_ok() {
                return Some(stream);
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|file| (file.dev(), file.ino()) == self.file);
        if is_ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// With mode 0600 from its first moment on.
fn bind(path: &Path) -> std::io::Result<UnixListener> {
    let before = umask(Mode::from_raw_mode(0o177));
    let socket = UnixListener::bind(path);
    umask(before);
    socket
}

/// Removes a socket that nobody listens at.
fn make_room(path: &Path) -> Result<(), String> {
    let file = fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    if !file.file_type().is_socket() {
        return Err("something else than a socket is there".to_owned());
    }
    match try_to_connect(path) {
        Err(Errno::CONNREFUSED) => fs::remove_file(path).map_err(|error| error.to_string()),
        Err(Errno::NOENT) => Ok(()),
        // One whose queue is full has somebody who could empty it.
        Ok(()) | Err(Errno::AGAIN) => {
            Err("another daemon listens there; give this one its own (--control-socket)".to_owned())
        }
        Err(error) => Err(format!("whether another daemon listens there is not known: {error}")),
    }
}

/// Whether somebody listens, without waiting for him.
fn try_to_connect(path: &Path) -> Result<(), Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)
}
