//! The stream to the master agent: whatever it does, it never keeps this process waiting for long.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use config::model::Master;
use kernel::eventloop::{EventLoop, Interest};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::MASTER;

/// A stream to the master.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    /// What it has not taken yet.
    unsent: Vec<u8>,
    /// Whether it is waited for to take that.
    is_blocked: bool,
}

#[derive(Debug)]
enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Connection {
    /// Connects.
    ///
    /// **Errors**: nobody listens there, or does not come to it.
    pub(super) fn open(master: &Master, events: &EventLoop) -> Result<Self> {
        let stream = match master {
            Master::Unix(path) => Stream::Unix(unix(path)?),
            Master::Tcp(host, port) => Stream::Tcp(tcp(host, *port)?),
        };
        events.add(&stream, MASTER).map_err(Error::other)?;
        Ok(Self { stream, unsent: Vec::new(), is_blocked: false })
    }

    /// It can be read from or written to: what came, which may be nothing.
    ///
    /// **Errors**: it ended.
    pub(super) fn take<'b>(&mut self, bytes: &'b mut [u8], events: &EventLoop) -> Result<&'b [u8]> {
        if self.is_blocked {
            // Who does not read is not listened to.
            self.flush(events)?;
            return Ok(&[]);
        }
        match self.stream.read(bytes) {
            Ok(0) => Err(Error::other("it ended the connection")),
            Ok(length) => Ok(bytes.get(..length).unwrap_or_default()),
            Err(error) => may_go_on(error).map(|()| &[][..]),
        }
    }

    /// Sends something, now or as soon as the master takes it.
    ///
    /// **Errors**: the connection ended, or the master lets too much wait.
    pub(super) fn send(&mut self, bytes: &[u8], events: &EventLoop) -> Result<()> {
        if self.unsent.len() > UNSENT {
            return Err(Error::other("it does not read"));
        }
        self.unsent.extend_from_slice(bytes);
        if self.is_blocked { Ok(()) } else { self.flush(events) }
    }

    fn flush(&mut self, events: &EventLoop) -> Result<()> {
        let mut sent = 0;
        while let Some(rest) = self.unsent.get(sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(length) => sent += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => may_go_on(error)?,
            }
        }
        self.unsent.drain(..sent);
        let is_blocked = !self.unsent.is_empty();
        if is_blocked != self.is_blocked {
            self.is_blocked = is_blocked;
            let interest = if is_blocked { Interest::Writable } else { Interest::Readable };
            events.watch(&self.stream, MASTER, interest).map_err(Error::other)?;
        }
        Ok(())
    }
}

/// A socket at a path. One whose listener does not accept refuses at once.
fn unix(path: &str) -> Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(UnixStream::from(socket))
}

/// A port of a host: the first of its addresses that answers.
fn tcp(host: &str, port: u16) -> Result<TcpStream> {
    let mut last = Error::other("it has no address");
    for address in (host, port).to_socket_addrs()?.take(ADDRESSES) {
        match TcpStream::connect_timeout(&address, TIME_TO_CONNECT) {
            Ok(stream) => {
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn may_go_on(error: Error) -> Result<()> {
    let later = [ErrorKind::WouldBlock, ErrorKind::Interrupted];
    if later.contains(&error.kind()) { Ok(()) } else { Err(error) }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        match self {
            Self::Unix(stream) => stream.read(bytes),
            Self::Tcp(stream) => stream.read(bytes),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self {
            Self::Unix(stream) => stream.write(bytes),
            Self::Tcp(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(stream) => stream.as_fd(),
            Self::Tcp(stream) => stream.as_fd(),
        }
    }
}

/// Bytes that may wait for a master that does not read.
const UNSENT: usize = 4 << 20;
/// Addresses of a name that are tried.
const ADDRESSES: usize = 3;
const TIME_TO_CONNECT: Duration = Duration::from_secs(2);
