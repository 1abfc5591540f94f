//! Sockets of IP protocol 112: one to receive and one to send, for each interface and family.
//!
//! They are raw sockets of the IP layer, or packet sockets on a link whose IP layer stays silent (see `on_link`).
//! What arrives is handed on with how it arrived; what it means, others say. Sending is in batches, from
//! bytes that were prepared before. **Source**: raw(7), packet sizes of RFC 9568 §5.

mod on_link;

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::time::Duration;

use intent::IfIndex;
use rustix::io::Errno;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};
use wire::{Family, MacAddr, Vrid};

use super::handle::Handle;
use super::{SocketError, filter};
use crate::sys::{self, Outgoing, ReceiveBatch, SendBatch};

/// A set of VRIDs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VridSet([u32; 8]);

impl VridSet {
    /// Adds `vrid`.
    pub fn insert(&mut self, vrid: Vrid) {
        if let Some(word) = self.0.get_mut(usize::from(vrid.get() >> 5)) {
            *word |= 1 << (vrid.get() & 31);
        }
    }

    pub(super) const fn words(&self) -> [u32; 8] {
        self.0
    }
}

impl FromIterator<Vrid> for VridSet {
    fn from_iter<I: IntoIterator<Item = Vrid>>(vrids: I) -> Self {
        let mut set = Self::default();
        for vrid in vrids {
            set.insert(vrid);
        }
        set
    }
}

/// How advertisements come in an IPv4 datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// IP protocol 112.
    Plain,
    /// IP protocol 51: behind an authentication header.
    Authenticated,
}

/// Receives advertisements of one family on one interface.
#[derive(Debug)]
pub struct ReceiveSocket {
    socket: Rc<Handle>,
    interface: String,
    family: Family,
    framing: Framing,
    layer: Layer,
}

/// Where a socket hears.
#[derive(Debug)]
enum Layer {
    /// At the IP layer, which judges what it passes on.
    Ip,
    /// On this link, before its IP layer; the other socket is a member of groups on the link below.
    Link { index: IfIndex, members: Socket },
}

/// Buffers for receiving, shared by all sockets of a loop.
#[derive(Debug)]
pub struct Packet {
    pub(super) batch: ReceiveBatch,
}

impl Packet {
    /// Buffers for one call.
    #[must_use]
    pub fn new() -> Self {
        Self { batch: ReceiveBatch::new() }
    }
}

impl Default for Packet {
    fn default() -> Self {
        Self::new()
    }
}

/// One received datagram.
///
/// **Shape**: IPv4 with its IP header, which says everything; IPv6 from the VRRP header on.
#[derive(Clone, Copy, Debug)]
pub enum Datagram<'a> {
    /// A whole IPv4 datagram.
    V4(&'a [u8]),
    /// The payload of an IPv6 datagram.
    V6 {
        /// Its bytes.
        bytes: &'a [u8],
        /// Sender.
        source: Ipv6Addr,
        /// To whom it was sent.
        destination: Ipv6Addr,
        /// Hop limit as received.
        hop_limit: u8,
    },
}

impl ReceiveSocket {
    /// Opens a socket on an interface that passes only these VRIDs, or all without a set.
    ///
    /// `receive_buffer` is in bytes; none leaves the kernel's size.
    ///
    /// **Errors**: no privilege (`CAP_NET_RAW`), or the interface is gone.
    pub fn open(
        interface: &str,
        family: Family,
        framing: Framing,
        vrids: Option<&VridSet>,
        receive_buffer: Option<usize>,
    ) -> Result<Self, SocketError> {
        let failed = |operation| SocketError::io(operation, interface);
        let protocol = Protocol::from(i32::from(match framing {
            Framing::Plain => wire::vrrp::PROTOCOL,
            Framing::Authenticated => wire::vrrp::HEADER_PROTOCOL,
        }));
        let domain = match family {
            Family::Ipv4 => Domain::IPV4,
            Family::Ipv6 => Domain::IPV6,
        };
        let socket =
            Socket::new(domain, Type::RAW, Some(protocol)).map_err(failed("open VRRP socket"))?;
        // Until it is bound, the socket hears every interface: let nothing in before.
        filter::attach(&socket, &filter::nothing()).map_err(failed("filter VRRP socket"))?;
        socket.set_nonblocking(true).map_err(failed("open VRRP socket"))?;
        socket.bind_device(Some(interface.as_bytes())).map_err(failed("bind VRRP socket"))?;
        if let Some(bytes) = receive_buffer {
            // With the privilege the kernel's limit does not count; without, it cuts the size silently.
            rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, bytes)
                .or_else(|_| rustix::net::sockopt::set_socket_recv_buffer_size(&socket, bytes))
                .map_err(|source| SocketError::new("size VRRP socket", interface, source))?;
        }
        match family {
            Family::Ipv4 => {
                socket.set_multicast_all_v4(false).map_err(failed("open VRRP socket"))?
            }
            Family::Ipv6 => {
                for option in [libc::IPV6_RECVPKTINFO, libc::IPV6_RECVHOPLIMIT] {
                    sys::set_option(socket.as_fd(), libc::IPPROTO_IPV6, option, 1).map_err(
                        |source| SocketError::new("open VRRP socket", interface, source),
                    )?;
                }
            }
        }
        sys::ask_for_stamps(socket.as_fd());
        let socket = Rc::new(Handle::closed_here(socket));
        let layer = Layer::Ip;
        let this = Self { socket, interface: interface.to_owned(), family, framing, layer };
        this.set_vrids(vrids)?;
        Ok(this)
    }

    /// Joins a multicast group on the interface of this number, for a socket on a link on the one below; one that is
    /// joined already is no error.
    ///
    /// An IPv6 socket also hears groups of its interface that others have joined: the kernel asks no raw IPv6 socket.
    ///
    /// **Errors**: the interface is gone or carries no multicast.
    pub fn join(&self, group: IpAddr, interface: IfIndex) -> Result<(), SocketError> {
        let socket = match &self.layer {
            Layer::Ip => &**self.socket,
            Layer::Link { index, members } => {
                self.let_pass(*index, group)?;
                members
            }
        };
        let joined = match group {
            IpAddr::V4(group) => {
                socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(interface.0))
            }
            IpAddr::V6(group) => socket.join_multicast_v6(&group, interface.0),
        };
        match joined {
            Err(error) if error.raw_os_error() == Some(libc::EADDRINUSE) => Ok(()),
            other => other.map_err(SocketError::io("join multicast group", &self.interface)),
        }
    }

    /// Passes only these VRIDs from now on, or all without a set; packets that wait already stay.
    ///
    /// **Errors**: the kernel refuses the filter.
    pub fn set_vrids(&self, vrids: Option<&VridSet>) -> Result<(), SocketError> {
        let changed = match (&self.layer, vrids) {
            (Layer::Ip, Some(set)) => {
                filter::attach(&self.socket, &filter::vrids(self.family, self.framing, set))
            }
            (Layer::Ip, None) => self.socket.detach_filter(),
            (Layer::Link { .. }, set) => {
                let filter = filter::advertisements(self.family, self.framing, set);
                filter::attach(&self.socket, &filter)
            }
        };
        changed.map_err(SocketError::io("filter VRRP socket", &self.interface))
    }

    /// Receives one call's worth without blocking. Returns how many there were and whether more may wait.
    ///
    /// An interface that went down or away is silence here: the observer tells of it, and another one of the same
    /// name needs another socket. Beside each datagram stands when the kernel took it in, since 1970; none where it
    /// does not say so.
    ///
    /// **Errors**: the socket fails.
    pub fn receive(
        &self,
        buffers: &mut Packet,
        mut each: impl FnMut(Datagram<'_>, Option<Duration>),
    ) -> Result<(usize, bool), SocketError> {
        if matches!(self.layer, Layer::Link { .. }) {
            return self.receive_on_link(buffers, each);
        }
        let family = self.family;
        let outcome = buffers.batch.receive(self.socket.as_fd(), |received| match family {
            Family::Ipv4 => each(Datagram::V4(received.bytes), received.stamped),
            Family::Ipv6 => {
                let (Some(source), Some(destination), Some(hop_limit)) =
                    (received.source, received.destination, received.hop_limit)
                else {
                    return;
                };
                let bytes = received.bytes;
                let datagram = Datagram::V6 { bytes, source, destination, hop_limit };
                each(datagram, received.stamped);
            }
        });
        outcome.map_err(|source| SocketError::new("receive", &self.interface, source))
    }
}

impl AsFd for ReceiveSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Sends advertisements of one family through one interface.
#[derive(Debug)]
pub struct SendSocket {
    socket: Rc<Handle>,
    interface: String,
    index: IfIndex,
    family: Family,
    /// For whole frames: the Ethernet address that they come from.
    mac: Option<MacAddr>,
    batch: RefCell<SendBatch>,
}

/// One advertisement to send.
#[derive(Clone, Copy, Debug)]
pub struct Sending<'a> {
    /// Whole datagram for IPv4, VRRP header and on for IPv6.
    pub bytes: &'a [u8],
    /// From which address; IPv4 has it in its bytes.
    pub source: IpAddr,
    /// Where it goes.
    pub destination: IpAddr,
    /// Hop limit; IPv4 has it in its bytes.
    pub hop_limit: u8,
}

impl SendSocket {
    /// Opens a socket that sends through an interface, whatever the routes say, and never to ourselves.
    ///
    /// **Errors**: no privilege (`CAP_NET_RAW`), or the interface is gone.
    pub fn open(interface: &str, index: IfIndex, family: Family) -> Result<Self, SocketError> {
        let failed = |operation| SocketError::io(operation, interface);
        let socket = match family {
            Family::Ipv4 => {
                // Protocol RAW means that the bytes begin with their own IP header.
                let raw = Some(Protocol::from(libc::IPPROTO_RAW));
                let socket = Socket::new(Domain::IPV4, Type::RAW, raw)
                    .map_err(failed("open VRRP socket"))?;
                socket.set_multicast_loop_v4(false).map_err(failed("open VRRP socket"))?;
                socket
            }
            Family::Ipv6 => {
                let protocol = Some(Protocol::from(i32::from(wire::vrrp::PROTOCOL)));
                let socket = Socket::new(Domain::IPV6, Type::RAW, protocol)
                    .map_err(failed("open VRRP socket"))?;
                filter::attach(&socket, &filter::nothing())
                    .map_err(failed("filter VRRP socket"))?;
                socket.set_multicast_loop_v6(false).map_err(failed("open VRRP socket"))?;
                socket.set_multicast_if_v6(index.0).map_err(failed("open VRRP socket"))?;
                let class = i32::from(wire::ip::Ipv4Header::TOS_INTERNETWORK_CONTROL);
                sys::set_option(socket.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_TCLASS, class)
                    .map_err(|source| SocketError::new("open VRRP socket", interface, source))?;
                // Whoever resigns because its address went still sends from it, as IPv4 does by its own header.
                // A kernel before 4.15 refuses such packets, no others.
                let _ = sys::set_option(socket.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_FREEBIND, 1);
                socket
            }
        };
        socket.set_nonblocking(true).map_err(failed("open VRRP socket"))?;
        socket.bind_device(Some(interface.as_bytes())).map_err(failed("bind VRRP socket"))?;
        // Queueing disciplines serve control traffic first.
        let _ =
            sys::set_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_PRIORITY, PRIORITY_CONTROL);
        let socket = Rc::new(Handle::closed_here(socket));
        Ok(Self {
            socket,
            interface: interface.to_owned(),
            index,
            family,
            mac: None,
            batch: RefCell::default(),
        })
    }

    /// Sends in order. Returns how many the kernel took before the first that it refused, and the refusal;
    /// `EAFNOSUPPORT` is ours, for one that is not of this socket's family.
    pub fn send<'a>(
        &self,
        sendings: impl IntoIterator<Item = Sending<'a>>,
    ) -> (usize, Option<SocketError>) {
        let is_foreign = Cell::new(false);
        let outgoing = sendings.into_iter().map_while(|sending| {
            let outgoing = match self.mac {
                None => self.outgoing(&sending),
                Some(mac) => self.frame(&sending, mac),
            };
            is_foreign.set(outgoing.is_none());
            outgoing
        });
        let (sent, refusal) = self.batch.borrow_mut().send(self.socket.as_fd(), outgoing);
        let refusal = refusal.or_else(|| is_foreign.get().then_some(Errno::AFNOSUPPORT));
        let error = |source| SocketError::new("send advertisement", &self.interface, source);
        (sent, refusal.map(error))
    }

    fn outgoing<'a>(&self, sending: &Sending<'a>) -> Option<Outgoing<'a>> {
        let bytes = sending.bytes;
        match (self.family, sending.source, sending.destination) {
            (Family::Ipv4, IpAddr::V4(_), IpAddr::V4(destination)) => {
                Some(Outgoing::V4 { bytes, destination: v4(destination) })
            }
            (Family::Ipv6, IpAddr::V6(source), IpAddr::V6(destination)) => Some(Outgoing::V6 {
                bytes,
                destination: SocketAddrV6::new(destination, 0, 0, self.index.0),
                source,
                interface: self.index,
                hop_limit: sending.hop_limit,
            }),
            _ => None,
        }
    }
}

const fn v4(address: Ipv4Addr) -> SocketAddrV4 {
    SocketAddrV4::new(address, 0)
}

/// `TC_PRIO_CONTROL`.
const PRIORITY_CONTROL: i32 = 7;
