//! Advertisements straight from and to a link, beside its IP layer.
//!
//! A virtual MAC link shall say nothing while its router is Backup: a group that is joined there would be reported
//! from the virtual address, and switches would learn it on the wrong port. So the group is joined on the link below,
//! in the host's own name; what arrives is taken before the IP layer, whose reverse path filter would drop it
//! (the link has no address), and what is sent is a whole frame.

use std::cell::RefCell;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Duration;

use intent::IfIndex;
use rustix::io::Errno;
use socket2::{Domain, Socket, Type};
use wire::ethernet::{EtherType, EthernetHeader};
use wire::ip::{Ipv4Header, Ipv4Packet, Ipv6Header};
use wire::{Family, MacAddr};

use super::{
    Datagram, Framing, Layer, PRIORITY_CONTROL, Packet, ReceiveSocket, SendSocket, Sending, VridSet,
};
use crate::socket::handle::Handle;
use crate::socket::{SocketError, filter};
use crate::sys::{self, Head, Outgoing};

impl ReceiveSocket {
    /// Opens a socket on a link that passes only advertisements, of these VRIDs where there is a set.
    ///
    /// A host firewall does not see what it receives.
    ///
    /// **Errors**: no privilege (`CAP_NET_RAW`), or the link is gone.
    pub fn open_on_link(
        interface: &str,
        index: IfIndex,
        family: Family,
        framing: Framing,
        vrids: Option<&VridSet>,
        receive_buffer: Option<usize>,
    ) -> Result<Self, SocketError> {
        let failed = |operation| SocketError::io(operation, interface);
        let opening = "open VRRP packet socket";
        let socket = Socket::new(Domain::PACKET, Type::RAW, None).map_err(failed(opening))?;
        filter::attach(&socket, &filter::nothing()).map_err(failed("filter VRRP socket"))?;
        socket.set_nonblocking(true).map_err(failed(opening))?;
        if let Some(bytes) = receive_buffer {
            rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, bytes)
                .or_else(|_| rustix::net::sockopt::set_socket_recv_buffer_size(&socket, bytes))
                .map_err(|source| SocketError::new("size VRRP socket", interface, source))?;
        }
        sys::bind_link(socket.as_fd(), index, ether_type(family).0)
            .map_err(|source| SocketError::new("bind VRRP packet socket", interface, source))?;
        let domain = match family {
            Family::Ipv4 => Domain::IPV4,
            Family::Ipv6 => Domain::IPV6,
        };
        // It is bound to no port and receives nothing: memberships live as long as it does.
        let members = Socket::new(domain, Type::DGRAM, None).map_err(failed(opening))?;
        let _ =
            sys::set_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_PRIORITY, PRIORITY_CONTROL);
        sys::ask_for_stamps(socket.as_fd());
        let layer = Layer::Link { index, members };
        let socket = Rc::new(Handle::closed_aside(socket));
        let this = Self { socket, interface: interface.to_owned(), family, framing, layer };
        this.set_vrids(vrids)?;
        Ok(this)
    }

    /// Lets frames to a group pass the link's own filter.
    pub(super) fn let_pass(&self, index: IfIndex, group: IpAddr) -> Result<(), SocketError> {
        sys::join_multicast(self.socket.as_fd(), index, MacAddr::of_multicast(group))
            .map_err(|source| SocketError::new("hear multicast", &self.interface, source))
    }

    pub(super) fn receive_on_link(
        &self,
        buffers: &mut Packet,
        mut each: impl FnMut(Datagram<'_>, Option<Duration>),
    ) -> Result<(usize, bool), SocketError> {
        let family = self.family;
        let outcome = buffers.batch.receive(self.socket.as_fd(), |received| {
            if !received.outgoing
                && let Some(datagram) = datagram(family, received.bytes)
            {
                each(datagram, received.stamped);
            }
        });
        match outcome {
            // The link went down, or away, which the observer tells.
            Err(Errno::NETDOWN) => Ok((0, false)),
            other => other.map_err(|source| SocketError::new("receive", &self.interface, source)),
        }
    }
}

impl SendSocket {
    /// Sends whole frames through a socket that hears its own link, from that link's Ethernet address; none for a
    /// socket of the IP layer.
    #[must_use]
    pub fn of_link(ears: &ReceiveSocket, mac: MacAddr) -> Option<Self> {
        let Layer::Link { index, .. } = ears.layer else { return None };
        Some(Self {
            socket: Rc::clone(&ears.socket),
            interface: ears.interface.clone(),
            index,
            family: ears.family,
            mac: Some(mac),
            batch: RefCell::default(),
        })
    }

    /// The frame of an advertisement to a group; nothing for another family or another destination.
    pub(super) fn frame<'a>(&self, sending: &Sending<'a>, mac: MacAddr) -> Option<Outgoing<'a>> {
        if !sending.destination.is_multicast() {
            return None;
        }
        let destination = MacAddr::of_multicast(sending.destination);
        let ether_type = ether_type(self.family);
        let ethernet = EthernetHeader { destination, source: mac, ether_type }.emit();
        let head = Head::EMPTY.with(&ethernet);
        let head = match (self.family, sending.source, sending.destination) {
            (Family::Ipv4, IpAddr::V4(_), IpAddr::V4(_)) => head,
            (Family::Ipv6, IpAddr::V6(source), IpAddr::V6(destination)) => {
                let header = Ipv6Header {
                    traffic_class: Ipv4Header::TOS_INTERNETWORK_CONTROL,
                    next_header: wire::vrrp::PROTOCOL,
                    hop_limit: sending.hop_limit,
                    source,
                    destination,
                };
                head.with(&header.emit(sending.bytes.len()))
            }
            _ => return None,
        };
        Some(Outgoing::Frame { head, bytes: sending.bytes, interface: self.index, destination })
    }
}

/// What a raw socket would show of a frame; nothing of one that the IP layer would drop.
fn datagram(family: Family, frame: &[u8]) -> Option<Datagram<'_>> {
    let (_, bytes) = EthernetHeader::parse(frame).ok()?;
    match family {
        Family::Ipv4 => {
            let packet = Ipv4Packet::new_checked(bytes).ok()?;
            packet.is_checksum_right().then_some(Datagram::V4(bytes))
        }
        Family::Ipv6 => {
            let (header, payload) = Ipv6Header::parse(bytes).ok()?;
            Some(Datagram::V6 {
                bytes: payload,
                source: header.source,
                destination: header.destination,
                hop_limit: header.hop_limit,
            })
        }
    }
}

const fn ether_type(family: Family) -> EtherType {
    match family {
        Family::Ipv4 => EtherType::IPV4,
        Family::Ipv6 => EtherType::IPV6,
    }
}
