//! UDP sockets of BFD sessions: what arrives comes with its TTL, what is sent has one.
//!
//! **Source**: RFC 5881 §4 and §5, ip(7) `IP_RECVTTL`, ipv6(7) `IPV6_RECVHOPLIMIT`.

use std::io::IoSliceMut;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt,
};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use wire::Family;

use super::SocketError;

/// Receives packets of one family and port, from whomever.
#[derive(Debug)]
pub struct BfdReceiver {
    socket: Socket,
}

/// A packet as it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BfdDatagram {
    /// Who sent it.
    pub source: IpAddr,
    /// To which address of ours.
    pub destination: Option<IpAddr>,
    /// TTL or hop limit, as received.
    pub ttl: u8,
    /// Its first bytes.
    pub bytes: [u8; BYTES],
    /// How many of them.
    pub length: usize,
}

/// Sends the packets of one session, from a source port of its own.
#[derive(Debug)]
pub struct BfdSender {
    socket: Socket,
    to: SockAddr,
}

/// Control messages need the alignment of their header.
#[repr(align(8))]
struct Control([u8; CONTROL]);

impl BfdReceiver {
    /// Opens it.
    ///
    /// **Errors**: somebody else has the port.
    pub fn open(family: Family, port: u16) -> Result<Self, SocketError> {
        let place = format!("port {port}");
        let failed = |operation| SocketError::io(operation, &place);
        let any = unspecified(family);
        let socket = udp(any, &place)?;
        let options = match any {
            IpAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4RecvTtl, &true)
                .and_then(|()| setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)),
            IpAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6RecvHopLimit, &true)
                .and_then(|()| setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)),
        };
        let told = |errno: nix::Error| std::io::Error::from_raw_os_error(errno as i32);
        options.map_err(|errno| failed("ask for the TTL")(told(errno)))?;
        socket.bind(&SocketAddr::new(any, port).into()).map_err(failed("bind BFD socket"))?;
        Ok(Self { socket })
    }

    /// Makes room for the packets that `sessions` get while nobody reads.
    pub fn make_room(&self, sessions: usize) {
        let bytes = sessions.saturating_mul(ROOM).clamp(LEAST_ROOM, MOST_ROOM);
        // With the privilege the kernel's limit does not count; without, it cuts the size silently.
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size_force(&self.socket, bytes)
            .or_else(|_| rustix::net::sockopt::set_socket_recv_buffer_size(&self.socket, bytes));
    }

    /// The next packet that waits.
    pub fn receive(&self) -> Option<BfdDatagram> {
        let mut bytes = [0; BYTES];
        let mut control = Control([0; CONTROL]);
        // One whose answer to another packet of ours came back as an error is not the next packet.
        for _ in 0..ERRORS {
            let mut slices = [IoSliceMut::new(&mut bytes)];
            let descriptor = self.socket.as_raw_fd();
            let received = recvmsg::<SockaddrStorage>(
                descriptor,
                &mut slices,
                Some(&mut control.0),
                MsgFlags::MSG_DONTWAIT,
            );
            let message = match received {
                Ok(message) => message,
                Err(nix::Error::EAGAIN) => return None,
                Err(_) => continue,
            };
            let length = message.bytes;
            let address = message.address?;
            let source = match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
                (Some(v4), _) => IpAddr::V4(v4.ip()),
                (None, Some(v6)) => IpAddr::V6(v6.ip()),
                (None, None) => continue,
            };
            let (mut ttl, mut destination) = (0, None);
            for one in message.cmsgs().ok()? {
                use ControlMessageOwned::{Ipv4PacketInfo, Ipv4Ttl, Ipv6HopLimit, Ipv6PacketInfo};
                if let Ipv4Ttl(it) | Ipv6HopLimit(it) = one {
                    ttl = u8::try_from(it).unwrap_or(0);
                } else if let Ipv4PacketInfo(info) = one {
                    destination = Some(info.ipi_addr.s_addr.to_ne_bytes().into());
                } else if let Ipv6PacketInfo(info) = one {
                    destination = Some(info.ipi6_addr.s6_addr.into());
                }
            }
            return Some(BfdDatagram { source, destination, ttl, bytes, length });
        }
        None
    }
}

impl AsFd for BfdReceiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl BfdSender {
    /// Opens it: from `source`, or from what the kernel chooses, and from the first free port from `first` on, within
    /// 49152 to 65535.
    ///
    /// **Errors**: the host has no such address, or no free port.
    pub fn open(
        source: Option<IpAddr>,
        to: SocketAddr,
        ttl: u8,
        first: u16,
    ) -> Result<Self, SocketError> {
        let place = to.ip().to_string();
        let failed = |operation| SocketError::io(operation, &place);
        let family = Family::of(to.ip());
        let socket = udp(unspecified(family), &place)?;
        let ttl = u32::from(ttl);
        match family {
            Family::Ipv4 => {
                socket.set_ttl_v4(ttl).map_err(failed("set the TTL"))?;
                socket.set_tos_v4(TRAFFIC_CLASS).map_err(failed("set the traffic class"))?;
            }
            Family::Ipv6 => {
                socket.set_unicast_hops_v6(ttl).map_err(failed("set the hop limit"))?;
                socket.set_tclass_v6(TRAFFIC_CLASS).map_err(failed("set the traffic class"))?;
            }
        }
        let from = source.unwrap_or_else(|| unspecified(family));
        let span = u32::from(u16::MAX - FIRST_PORT) + 1;
        for step in 0..span {
            let offset = (u32::from(first) + step) % span;
            let port = FIRST_PORT.saturating_add(u16::try_from(offset).unwrap_or(0));
            match socket.bind(&SocketAddr::new(from, port).into()) {
                Ok(()) => return Ok(Self { socket, to: to.into() }),
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(failed("bind BFD socket")(error)),
            }
        }
        Err(failed("find a free port")(std::io::ErrorKind::AddrInUse.into()))
    }

    /// Sends one packet.
    ///
    /// **Errors**: there is no way to the other end now.
    pub fn send(&self, bytes: &[u8]) -> Result<(), SocketError> {
        let sent = self.socket.send_to(bytes, &self.to);
        sent.map(|_| ()).map_err(|error| {
            let place = self.to.as_socket().map(|it| it.ip().to_string()).unwrap_or_default();
            SocketError::io("send BFD packet", &place)(error)
        })
    }
}

fn udp(any: IpAddr, place: &str) -> Result<Socket, SocketError> {
    let failed = SocketError::io("open BFD socket", place);
    let domain = if any.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP)).map_err(&failed)?;
    socket.set_nonblocking(true).map_err(&failed)?;
    if any.is_ipv6() {
        socket.set_only_v6(true).map_err(&failed)?;
    }
    Ok(socket)
}

const fn unspecified(family: Family) -> IpAddr {
    match family {
        Family::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

/// Bytes of a packet that are looked at: BFD's have 24, with room to see that one is longer.
const BYTES: usize = 64;
/// Room for control messages: a TTL and an address have 88 at most.
const CONTROL: usize = 128;
/// Bytes of a receive buffer for each session. The kernel takes them twice, and counts some 768 for a packet, or 2304
/// where the device gives it a page: more than a dozen packets.
const ROOM: usize = 16 * 1024;
const LEAST_ROOM: usize = 256 * 1024;
const MOST_ROOM: usize = 32 * 1024 * 1024;
/// Errors of a socket that are passed over at once.
const ERRORS: usize = 16;
/// CS6, as routing protocols have it.
const TRAFFIC_CLASS: u32 = 0xc0;
/// RFC 5881 §4.
const FIRST_PORT: u16 = 49152;
