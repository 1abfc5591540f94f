//! What neighbours say of their addresses, on many interfaces by one socket.
//!
//! Roles come and go with all their links at once, and a packet socket takes ten milliseconds and more to be closed
//! (`super::closing`), also when its process is killed: one for each link would hold up the successor for seconds.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd};

use intent::IfIndex;
use rustix::net::sockopt;
use socket2::{Domain, Socket, Type};
use wire::Family;
use wire::ethernet::EtherType;

use super::handle::Handle;
use super::vrrp::Packet;
use super::{SocketError, filter};
use crate::sys;

/// Hears ARP, or IPv6 neighbour advertisements, of chosen interfaces.
#[derive(Debug)]
pub struct NeighbourSocket {
    socket: Handle,
    family: Family,
}

impl NeighbourSocket {
    /// Opens a socket that hears nothing yet.
    ///
    /// **Errors**: no privilege (`CAP_NET_RAW`).
    pub fn open(family: Family) -> Result<Self, SocketError> {
        let failed = |operation| SocketError::io(operation, EVERYWHERE);
        let socket =
            Socket::new(Domain::PACKET, Type::RAW, None).map_err(failed("open packet socket"))?;
        filter::attach(&socket, &filter::nothing()).map_err(failed("filter packet socket"))?;
        socket.set_nonblocking(true).map_err(failed("open packet socket"))?;
        // Of hundreds of links, each of which may have much to say; without the privilege it gets what it may have.
        let _ = sockopt::set_socket_recv_buffer_size_force(&socket, ROOM)
            .or_else(|_| sockopt::set_socket_recv_buffer_size(&socket, ROOM));
        let ether_type = match family {
            Family::Ipv4 => EtherType::ARP,
            Family::Ipv6 => EtherType::IPV6,
        };
        // Interface 0 is each.
        sys::bind_link(socket.as_fd(), IfIndex(0), ether_type.0)
            .map_err(|source| SocketError::new("bind packet socket", EVERYWHERE, source))?;
        Ok(Self { socket: Handle::closed_aside(socket), family })
    }

    /// Hears these interfaces from now on, and no others but where they are too many for a filter: then it hears all.
    ///
    /// **Errors**: the kernel refuses the filter.
    pub fn listen_on(&self, interfaces: &BTreeSet<IfIndex>) -> Result<(), SocketError> {
        // What a filter may take is a setting of the host (`optmem_max`).
        filter::attach(&self.socket, &filter::neighbours(self.family, Some(interfaces)))
            .or_else(|_| filter::attach(&self.socket, &filter::neighbours(self.family, None)))
            .map_err(SocketError::io("filter packet socket", EVERYWHERE))
    }

    /// Receives one call's worth of frames without blocking, each with the interface where it arrived. Returns how many
    /// there were and whether more may wait.
    ///
    /// **Errors**: the socket fails.
    pub fn receive(
        &self,
        buffers: &mut Packet,
        mut each: impl FnMut(IfIndex, &[u8]),
    ) -> Result<(usize, bool), SocketError> {
        buffers
            .batch
            .receive(self.socket.as_fd(), |received| {
                if !received.outgoing {
                    each(received.interface, received.bytes);
                }
            })
            .map_err(|source| SocketError::new("receive frames", EVERYWHERE, source))
    }
}

impl AsFd for NeighbourSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Bytes.
const ROOM: usize = 4 << 20;
const EVERYWHERE: &str = "all interfaces";
