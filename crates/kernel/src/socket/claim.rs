//! A word that tells other processes of the network namespace that somebody lives: it is let go by the kernel when its
//! holder ends, however that comes.
//!
//! The word is the name of an abstract socket, which belongs to the network namespace as links do: whoever sees a link
//! sees who works through it, also from another container, where process numbers mean something else. **Source**: unix(7).

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

/// A word that is held for as long as this value lives.
#[derive(Debug)]
pub struct Claim(#[expect(dead_code, reason = "held open")] OwnedFd);

impl Claim {
    /// Holds `word` in the network namespace of this thread.
    ///
    /// **Errors**: somebody holds it already, it is longer than names of sockets are, or the kernel refuses a socket.
    pub fn hold(word: &str) -> Result<Self, Errno> {
        let socket = socket()?;
        rustix::net::bind(&socket, &address(word)?)?;
        Ok(Self(socket))
    }

    /// Whether somebody holds `word`. What cannot be found out counts as held.
    #[must_use]
    pub fn is_held(word: &str) -> bool {
        // Nothing is sent, and whoever holds the word hears nothing of it.
        let asked = socket().and_then(|socket| rustix::net::connect(&socket, &address(word)?));
        asked != Err(Errno::CONNREFUSED)
    }
}

fn socket() -> Result<OwnedFd, Errno> {
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
}

fn address(word: &str) -> Result<SocketAddrUnix, Errno> {
    SocketAddrUnix::new_abstract_name(word.as_bytes())
}
