//! Packet sockets: whole Ethernet frames out, and those of interest in.

use std::cell::RefCell;
use std::os::fd::{AsFd, BorrowedFd};

use intent::IfIndex;
use rustix::io::Errno;
use socket2::{Domain, Socket, Type};
use wire::ethernet::EtherType;
use wire::{Family, MacAddr};

use super::handle::Handle;
use super::vrrp::{Framing, Packet};
use super::{SocketError, filter};
use crate::sys::{self, Head, Outgoing, SendBatch};

/// Sends announcements through any interface.
#[derive(Debug)]
pub struct AnnounceSocket {
    socket: Handle,
    batch: RefCell<SendBatch>,
}

/// What a [`FrameSocket`] hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// VRRP of this family that comes so, before the host's firewall sees it.
    Advertisements(Family, Framing),
    /// Every frame that arrives, also those for others.
    Everything,
}

impl AnnounceSocket {
    /// Opens a socket that only sends.
    ///
    /// **Errors**: no privilege (`CAP_NET_RAW`).
    pub fn open() -> Result<Self, SocketError> {
        let failed = |operation| SocketError::io(operation, "all interfaces");
        // Protocol 0 receives nothing.
        let socket =
            Socket::new(Domain::PACKET, Type::RAW, None).map_err(failed("open packet socket"))?;
        socket.set_nonblocking(true).map_err(failed("open packet socket"))?;
        Ok(Self { socket: Handle::closed_aside(socket), batch: RefCell::default() })
    }

    /// Sends frames in order: interface, destination and bytes. Returns how many the kernel took before the first
    /// that it refused, and the refusal.
    pub fn send(&self, frames: &[(IfIndex, MacAddr, &[u8])]) -> (usize, Option<Errno>) {
        let outgoing = frames.iter().map(|(interface, destination, bytes)| Outgoing::Frame {
            head: Head::EMPTY,
            bytes,
            interface: *interface,
            destination: *destination,
        });
        self.batch.borrow_mut().send(self.socket.as_fd(), outgoing)
    }
}

/// Hears frames of one interface.
#[derive(Debug)]
pub struct FrameSocket {
    socket: Handle,
    interface: String,
}

impl FrameSocket {
    /// Opens a socket on one interface.
    ///
    /// **Errors**: no privilege (`CAP_NET_RAW`), or the interface is gone.
    pub fn open(interface: &str, index: IfIndex, heard: Heard) -> Result<Self, SocketError> {
        let failed = |operation| SocketError::io(operation, interface);
        let socket =
            Socket::new(Domain::PACKET, Type::RAW, None).map_err(failed("open packet socket"))?;
        socket.set_nonblocking(true).map_err(failed("open packet socket"))?;
        let ether_type = match heard {
            Heard::Advertisements(family, framing) => {
                filter::attach(&socket, &filter::advertisements(family, framing, None))
                    .map_err(failed("filter packet socket"))?;
                match family {
                    Family::Ipv4 => EtherType::IPV4.0,
                    Family::Ipv6 => EtherType::IPV6.0,
                }
            }
            Heard::Everything => ETH_P_ALL,
        };
        sys::bind_link(socket.as_fd(), index, ether_type)
            .map_err(|source| SocketError::new("bind packet socket", interface, source))?;
        if heard == Heard::Everything {
            // Multicast for routers reaches a host only if it asks for it.
            sys::join_all_multicast(socket.as_fd(), index)
                .map_err(|source| SocketError::new("hear multicast", interface, source))?;
            let _ = socket.set_recv_buffer_size(4 << 20);
        }
        Ok(Self { socket: Handle::closed_aside(socket), interface: interface.to_owned() })
    }

    /// Receives one call's worth of arriving frames without blocking. Returns how many there were and whether more
    /// may wait.
    ///
    /// **Errors**: the socket fails, as when its interface goes down.
    pub fn receive(
        &self,
        buffers: &mut Packet,
        mut each: impl FnMut(&[u8]),
    ) -> Result<(usize, bool), SocketError> {
        buffers
            .batch
            .receive(self.socket.as_fd(), |received| {
                if !received.outgoing {
                    each(received.bytes);
                }
            })
            .map_err(|source| SocketError::new("receive frames", &self.interface, source))
    }
}

impl AsFd for FrameSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

const ETH_P_ALL: u16 = 3;
