//! Many datagrams in one system call: recvmmsg(2) and sendmmsg(2).

use std::net::{IpAddr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};

use intent::IfIndex;
use rustix::io::Errno;
use wire::MacAddr;

use super::last_errno;

/// Datagrams in one call.
const SLOTS: usize = 32;
/// Longest datagram: an IPv6 advertisement of 255 addresses has 4088 bytes.
const SLOT_BYTES: usize = 4352;
const CONTROL_BYTES: usize = 128;

/// Buffers for one call, reused.
pub(crate) struct ReceiveBatch {
    data: Vec<[u8; SLOT_BYTES]>,
    control: Vec<Control>,
    names: Vec<libc::sockaddr_storage>,
}

/// Control messages need the alignment of their header.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL_BYTES]);

/// One received datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received<'a> {
    /// Its bytes, cut to the size of a slot.
    pub(crate) bytes: &'a [u8],
    /// Sender, for IPv6.
    pub(crate) source: Option<Ipv6Addr>,
    /// `IPV6_PKTINFO`.
    pub(crate) destination: Option<Ipv6Addr>,
    /// `IPV6_HOPLIMIT`.
    pub(crate) hop_limit: Option<u8>,
    /// Packet sockets: whether the frame is one that this host sends.
    pub(crate) outgoing: bool,
}

impl ReceiveBatch {
    /// Buffers for one call.
    pub(crate) fn new() -> Self {
        // SAFETY: a sockaddr_storage of zeros is a valid value of that plain C structure.
        let name: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
        Self {
            data: vec![[0; SLOT_BYTES]; SLOTS],
            control: vec![Control([0; CONTROL_BYTES]); SLOTS],
            names: vec![name; SLOTS],
        }
    }

    /// Receives what waits, one call's worth, without blocking; shows each datagram to `each`. Returns how many
    /// there were and whether the call was full.
    pub(crate) fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        mut each: impl FnMut(Received<'_>),
    ) -> Result<(usize, bool), Errno> {
        let mut vectors: Vec<libc::iovec> = self
            .data
            .iter_mut()
            .map(|slot| libc::iovec { iov_base: slot.as_mut_ptr().cast(), iov_len: SLOT_BYTES })
            .collect();
        let mut headers: Vec<libc::mmsghdr> = vectors
            .iter_mut()
            .zip(&mut self.names)
            .zip(&mut self.control)
            .map(|((vector, name), control)| {
                // SAFETY: an mmsghdr of zeros is a valid value of that plain C structure.
                let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
                header.msg_hdr.msg_iov = vector;
                header.msg_hdr.msg_iovlen = 1;
                header.msg_hdr.msg_name = (&raw mut *name).cast();
                header.msg_hdr.msg_namelen = length_of::<libc::sockaddr_storage>();
                header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
                header.msg_hdr.msg_controllen = CONTROL_BYTES;
                header
            })
            .collect();
        let slots = libc::c_uint::try_from(headers.len()).unwrap_or(0);
        // SAFETY: every header points to a vector, a name and a control buffer that live to the end of this function.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                slots,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let Ok(count) = usize::try_from(count) else {
            return match last_errno() {
                Errno::AGAIN | Errno::INTR => Ok((0, false)),
                errno => Err(errno),
            };
        };
        for ((header, data), name) in headers.iter().zip(&self.data).zip(&self.names).take(count) {
            let length = usize::try_from(header.msg_len).unwrap_or(0);
            let mut received = Received {
                bytes: data.get(..length).unwrap_or(data),
                source: None,
                destination: None,
                hop_limit: None,
                outgoing: false,
            };
            if header.msg_hdr.msg_namelen > 0 {
                sender(name, &mut received);
            }
            control(&header.msg_hdr, &mut received);
            each(received);
        }
        Ok((count, count == SLOTS))
    }
}

impl std::fmt::Debug for ReceiveBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReceiveBatch").field("slots", &self.data.len()).finish()
    }
}

fn sender(name: &libc::sockaddr_storage, received: &mut Received<'_>) {
    match i32::from(name.ss_family) {
        libc::AF_INET6 => {
            // SAFETY: the kernel wrote a sockaddr_in6, which is smaller than the storage and aligned like it.
            let address = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in6>() };
            received.source = Some(Ipv6Addr::from(address.sin6_addr.s6_addr));
        }
        libc::AF_PACKET => {
            // SAFETY: the kernel wrote a sockaddr_ll, which is smaller than the storage and aligned like it.
            let address = unsafe { &*(&raw const *name).cast::<libc::sockaddr_ll>() };
            received.outgoing = address.sll_pkttype == libc::PACKET_OUTGOING;
        }
        _ => {}
    }
}

fn control(header: &libc::msghdr, received: &mut Received<'_>) {
    // SAFETY: the header was filled by the kernel and its control buffer is alive; the macros stay within it.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !message.is_null() {
        // SAFETY: a pointer that the macros return points to a whole header within the control buffer.
        let (level, kind, length, data) = unsafe {
            let header = &*message;
            (header.cmsg_level, header.cmsg_type, header.cmsg_len, libc::CMSG_DATA(message))
        };
        // What did not fit into the buffer is cut.
        let holds = |size: u32| {
            // SAFETY: the macro computes a length from a number.
            usize::try_from(unsafe { libc::CMSG_LEN(size) }).is_ok_and(|whole| length >= whole)
        };
        if level != libc::IPPROTO_IPV6 {
            // Nothing that was asked for.
        } else if kind == libc::IPV6_PKTINFO && holds(length_of::<libc::in6_pktinfo>()) {
            // SAFETY: this kind of message carries an in6_pktinfo; the read makes no assumption of alignment.
            let info = unsafe { data.cast::<libc::in6_pktinfo>().read_unaligned() };
            received.destination = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr));
        } else if kind == libc::IPV6_HOPLIMIT && holds(length_of::<libc::c_int>()) {
            // SAFETY: this kind of message carries an int; the read makes no assumption of alignment.
            let limit = unsafe { data.cast::<libc::c_int>().read_unaligned() };
            received.hop_limit = u8::try_from(limit).ok();
        }
        // SAFETY: header and message are those of the loop above.
        message = unsafe { libc::CMSG_NXTHDR(header, message) };
    }
}

/// One datagram to send.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outgoing<'a> {
    /// A whole IPv4 datagram.
    V4 {
        /// Its bytes.
        bytes: &'a [u8],
        /// Where it goes.
        destination: SocketAddrV4,
    },
    /// The payload of an IPv6 datagram.
    V6 {
        /// Its bytes.
        bytes: &'a [u8],
        /// Where it goes.
        destination: SocketAddrV6,
        /// From which address.
        source: Ipv6Addr,
        /// Through which interface.
        interface: IfIndex,
        /// With which hop limit.
        hop_limit: u8,
    },
    /// An Ethernet frame.
    Frame {
        /// Its bytes, header included.
        bytes: &'a [u8],
        /// Through which interface.
        interface: IfIndex,
        /// Where it goes.
        destination: MacAddr,
    },
}

impl Outgoing<'_> {
    const fn bytes(&self) -> &[u8] {
        match self {
            Self::V4 { bytes, .. } | Self::V6 { bytes, .. } | Self::Frame { bytes, .. } => bytes,
        }
    }
}

/// Sends datagrams in as few calls as can be. Returns how many the kernel took before the first it refused, with
/// the refusal.
pub(crate) fn send_batch(
    socket: BorrowedFd<'_>,
    outgoing: &[Outgoing<'_>],
) -> (usize, Option<Errno>) {
    let mut sent = 0;
    while let Some(rest) = outgoing.get(sent..).filter(|rest| !rest.is_empty()) {
        let part = rest.get(..SEND_MAX).unwrap_or(rest);
        match send_once(socket, part) {
            Ok(0) => return (sent, Some(Errno::AGAIN)),
            Ok(count) => sent += count,
            Err(Errno::INTR) => {}
            Err(errno) => return (sent, Some(errno)),
        }
    }
    (sent, None)
}

fn send_once(socket: BorrowedFd<'_>, outgoing: &[Outgoing<'_>]) -> Result<usize, Errno> {
    let mut names: Vec<libc::sockaddr_storage> = Vec::with_capacity(outgoing.len());
    let mut lengths: Vec<libc::socklen_t> = Vec::with_capacity(outgoing.len());
    let mut controls: Vec<Control> = vec![Control([0; CONTROL_BYTES]); outgoing.len()];
    let mut vectors: Vec<libc::iovec> = Vec::with_capacity(outgoing.len());
    for datagram in outgoing {
        let (name, length) = name(datagram);
        names.push(name);
        lengths.push(length);
        let bytes = datagram.bytes();
        vectors
            .push(libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() });
    }
    let mut headers: Vec<libc::mmsghdr> = Vec::with_capacity(outgoing.len());
    let parts = outgoing.iter().zip(&mut names).zip(&lengths).zip(&mut vectors).zip(&mut controls);
    for ((((datagram, name), length), vector), control) in parts {
        // SAFETY: an mmsghdr of zeros is a valid value of that plain C structure.
        let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
        header.msg_hdr.msg_iov = vector;
        header.msg_hdr.msg_iovlen = 1;
        header.msg_hdr.msg_name = (&raw mut *name).cast();
        header.msg_hdr.msg_namelen = *length;
        if let Outgoing::V6 { source, interface, hop_limit, .. } = datagram {
            choose(&mut header.msg_hdr, control, *source, *interface, *hop_limit);
        }
        headers.push(header);
    }
    let count = libc::c_uint::try_from(headers.len()).unwrap_or(0);
    // SAFETY: every header points to a vector, a name and a control buffer that live to the end of this function; the
    // kernel only reads the bytes that the vectors point to.
    let sent = unsafe {
        libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), count, libc::MSG_DONTWAIT)
    };
    usize::try_from(sent).map_err(|_| last_errno())
}

/// Says with which source, through which interface and with which hop limit the kernel shall send.
fn choose(
    header: &mut libc::msghdr,
    control: &mut Control,
    source: Ipv6Addr,
    interface: IfIndex,
    hop_limit: u8,
) {
    let info = libc::in6_pktinfo {
        ipi6_addr: libc::in6_addr { s6_addr: source.octets() },
        ipi6_ifindex: interface.0,
    };
    let limit = libc::c_int::from(hop_limit);
    let (info_size, limit_size) = (length_of::<libc::in6_pktinfo>(), length_of::<libc::c_int>());
    header.msg_control = control.0.as_mut_ptr().cast();
    // SAFETY: the macros compute lengths from constants.
    let space = unsafe { libc::CMSG_SPACE(info_size) + libc::CMSG_SPACE(limit_size) };
    header.msg_controllen = usize::try_from(space).unwrap_or(0);
    // SAFETY: the control buffer is larger than two such messages and aligned for their headers; each value has the
    // type that its message carries.
    unsafe {
        let first = libc::CMSG_FIRSTHDR(header);
        put(first, libc::IPV6_PKTINFO, info_size, info);
        put(libc::CMSG_NXTHDR(header, first), libc::IPV6_HOPLIMIT, limit_size, limit);
    }
}

/// Writes one control message of IPv6.
///
/// # Safety
/// `message` is null, or points to room for a header and `size` bytes, and `T` has that size.
unsafe fn put<T>(message: *mut libc::cmsghdr, kind: libc::c_int, size: u32, value: T) {
    if message.is_null() {
        return;
    }
    // SAFETY: as promised by the caller.
    unsafe {
        (*message).cmsg_level = libc::IPPROTO_IPV6;
        (*message).cmsg_type = kind;
        (*message).cmsg_len = usize::try_from(libc::CMSG_LEN(size)).unwrap_or(0);
        libc::CMSG_DATA(message).cast::<T>().write_unaligned(value);
    }
}

fn name(datagram: &Outgoing<'_>) -> (libc::sockaddr_storage, libc::socklen_t) {
    match datagram {
        Outgoing::V4 { destination, .. } => stored(libc::sockaddr_in {
            sin_family: family(libc::AF_INET),
            sin_port: 0,
            sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(destination.ip().octets()) },
            sin_zero: [0; 8],
        }),
        Outgoing::V6 { destination, interface, .. } => stored(libc::sockaddr_in6 {
            sin6_family: family(libc::AF_INET6),
            sin6_port: 0,
            sin6_flowinfo: 0,
            sin6_addr: libc::in6_addr { s6_addr: destination.ip().octets() },
            sin6_scope_id: if needs_scope(IpAddr::V6(*destination.ip())) { interface.0 } else { 0 },
        }),
        Outgoing::Frame { interface, destination, bytes } => {
            let mut address = [0; 8];
            address[..6].copy_from_slice(&destination.0);
            // Traffic control and older kernels go by this, not by the frame.
            let ether_type = bytes.get(12..).and_then(<[u8]>::first_chunk::<2>);
            stored(libc::sockaddr_ll {
                sll_family: family(libc::AF_PACKET),
                sll_protocol: ether_type.map_or(0, |octets| u16::from_ne_bytes(*octets)),
                sll_ifindex: i32::try_from(interface.0).unwrap_or(0),
                sll_hatype: 0,
                sll_pkttype: 0,
                sll_halen: 6,
                sll_addr: address,
            })
        }
    }
}

const fn needs_scope(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6.is_multicast(),
    }
}

/// A socket address in the form that fits all families.
fn stored<T: Copy>(address: T) -> (libc::sockaddr_storage, libc::socklen_t) {
    const { assert!(size_of::<T>() <= size_of::<libc::sockaddr_storage>()) };
    const { assert!(align_of::<T>() <= align_of::<libc::sockaddr_storage>()) };
    // SAFETY: a sockaddr_storage of zeros is a valid value of that plain C structure.
    let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    // SAFETY: the value fits into the storage and its alignment suits, as asserted above.
    unsafe { (&raw mut storage).cast::<T>().write(address) };
    (storage, length_of::<T>())
}

fn length_of<T>() -> u32 {
    u32::try_from(size_of::<T>()).unwrap_or(0)
}

fn family(family: i32) -> libc::sa_family_t {
    libc::sa_family_t::try_from(family).unwrap_or(0)
}

/// Most datagrams in one call (`UIO_MAXIOV`).
const SEND_MAX: usize = 1024;
