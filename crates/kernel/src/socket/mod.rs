//! Sockets that carry advertisements, announcements and messages between processes, or nothing but a name.

mod bfd;
mod claim;
mod closing;
pub(crate) mod filter;
mod handle;
mod neighbours;
mod packet;
mod seqpacket;
mod vrrp;

use rustix::io::Errno;

pub use bfd::{BfdDatagram, BfdReceiver, BfdSender};
pub use claim::Claim;
pub use closing::wait_for_closing;
pub use neighbours::NeighbourSocket;
pub use packet::{AnnounceSocket, FrameSocket, Heard};
pub use seqpacket::{Channel, ChannelError, Message};
pub use vrrp::{Datagram, Framing, Packet, ReceiveSocket, SendSocket, Sending, VridSet};

/// A socket operation that failed.
#[derive(Debug, thiserror::Error)]
#[error("{operation} on {interface}: {source}")]
pub struct SocketError {
    /// What was tried.
    pub operation: &'static str,
    /// Name of the interface.
    pub interface: String,
    /// Why it failed.
    #[source]
    pub source: Errno,
}

impl SocketError {
    fn new(operation: &'static str, interface: &str, source: Errno) -> Self {
        Self { operation, interface: interface.to_owned(), source }
    }

    fn io<'a>(operation: &'static str, interface: &'a str) -> impl Fn(std::io::Error) -> Self + 'a {
        move |error| {
            let raw = error.raw_os_error().unwrap_or(libc::EIO);
            Self::new(operation, interface, crate::sys::errno(raw))
        }
    }
}
