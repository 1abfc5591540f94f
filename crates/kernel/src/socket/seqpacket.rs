//! The channel between parent and child: whole messages, with descriptors where needed.
//!
//! The kernel keeps message boundaries, so there is no framing to get wrong. **Source**: unix(7).

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};

/// One end.
#[derive(Debug)]
pub struct Channel {
    socket: OwnedFd,
    /// For what is received: to make room for the longest message anew for each takes longer than all else. Empty before
    /// the first.
    room: Vec<u8>,
}

/// A channel that failed.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The other end is gone.
    #[error("the other process is gone")]
    Closed,
    /// The other end does not read: the message was not sent.
    #[error("the other process does not read its messages")]
    Full,
    /// A message longer than messages may be: the other end is not what we think.
    #[error("a message is longer than {MESSAGE_MAX} bytes")]
    TooLong,
    /// The socket failed.
    #[error("{operation}")]
    Socket {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: Errno,
    },
}

/// One received message.
#[derive(Debug)]
pub struct Message {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The descriptor that travelled with it.
    pub descriptor: Option<OwnedFd>,
}

impl Channel {
    /// Both ends of a new channel, closed on exec and non-blocking.
    ///
    /// **Errors**: the kernel refuses a descriptor.
    pub fn pair() -> Result<(Self, Self), ChannelError> {
        let (one, other) = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            None,
        )
        .map_err(|source| ChannelError::Socket { operation: "create channel", source })?;
        Ok((Self::from_descriptor(one), Self::from_descriptor(other)))
    }

    /// The end that was inherited as this descriptor.
    #[must_use]
    pub const fn from_descriptor(socket: OwnedFd) -> Self {
        Self { socket, room: Vec::new() }
    }

    /// Sends one message, with a descriptor where one is given.
    ///
    /// **Errors**: [`ChannelError::Full`] and [`ChannelError::TooLong`] leave the channel usable; all others mean
    /// that it is not. An empty message is refused: the other end would take it for the end.
    pub fn send(
        &self,
        bytes: &[u8],
        descriptor: Option<BorrowedFd<'_>>,
    ) -> Result<(), ChannelError> {
        if bytes.is_empty() {
            return Err(ChannelError::Socket { operation: "send message", source: Errno::INVAL });
        }
        if bytes.len() > MESSAGE_MAX {
            return Err(ChannelError::TooLong);
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let descriptors: Vec<BorrowedFd<'_>> = descriptor.into_iter().collect();
        if !descriptors.is_empty() {
            ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
        }
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        let slices = [IoSlice::new(bytes)];
        let mut send = || rustix::net::sendmsg(&self.socket, &slices, &mut ancillary, flags);
        let sent = match send() {
            // What the end of the other one left unread is said once, by whatever call comes first.
            Err(Errno::CONNRESET) => send(),
            other => other,
        };
        match sent {
            Ok(_) => Ok(()),
            Err(Errno::AGAIN | Errno::NOBUFS) => Err(ChannelError::Full),
            Err(Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN) => Err(ChannelError::Closed),
            Err(source) => Err(ChannelError::Socket { operation: "send message", source }),
        }
    }

    /// The next message, without blocking; none where none waits.
    ///
    /// **Errors**: all mean that the channel is not usable any more.
    pub fn receive(&mut self) -> Result<Option<Message>, ChannelError> {
        if self.room.is_empty() {
            self.room = vec![0; MESSAGE_MAX];
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let received = loop {
            let mut slices = [IoSliceMut::new(&mut self.room)];
            match rustix::net::recvmsg(&self.socket, &mut slices, &mut ancillary, flags) {
                Ok(received) => break received,
                // The other end is gone and left messages unread, which is said once: its own last words follow.
                Err(Errno::INTR | Errno::CONNRESET) => {}
                Err(Errno::AGAIN) => return Ok(None),
                Err(source) => {
                    return Err(ChannelError::Socket { operation: "receive message", source });
                }
            }
        };
        if received.bytes == 0 {
            return Err(ChannelError::Closed);
        }
        if received.flags.contains(ReturnFlags::TRUNC) {
            return Err(ChannelError::TooLong);
        }
        let bytes = self.room.get(..received.bytes).unwrap_or_default().to_vec();
        let descriptor = ancillary
            .drain()
            .filter_map(|message| match message {
                RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
                RecvAncillaryMessage::ScmCredentials(_) | _ => None,
            })
            .flatten()
            .next();
        Ok(Some(Message { bytes, descriptor }))
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Longest message, in bytes.
const MESSAGE_MAX: usize = 64 * 1024;
