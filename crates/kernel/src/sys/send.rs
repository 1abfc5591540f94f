//! Many datagrams sent in one system call: sendmmsg(2).

use std::net::{IpAddr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};

use intent::IfIndex;
use rustix::io::Errno;
use wire::MacAddr;

use super::batch::length_of;
use super::last_errno;

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
        /// Its headers, as far as they do not stand in its bytes.
        head: Head,
        /// What follows.
        bytes: &'a [u8],
        /// Through which interface.
        interface: IfIndex,
        /// Where it goes.
        destination: MacAddr,
    },
}

/// Up to 54 bytes, as many as the headers of Ethernet and IPv6 have together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    bytes: [u8; HEAD_BYTES],
    length: usize,
}

impl Head {
    pub(crate) const EMPTY: Self = Self { bytes: [0; HEAD_BYTES], length: 0 };

    /// Adds bytes at the end, as far as there is room.
    pub(crate) fn with(mut self, part: &[u8]) -> Self {
        let end = self.length.saturating_add(part.len());
        if let Some(room) = self.bytes.get_mut(self.length..end) {
            room.copy_from_slice(part);
            self.length = end;
        }
        self
    }

    const fn is_empty(&self) -> bool {
        self.length == 0
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl<'a> Outgoing<'a> {
    const fn bytes(&self) -> &'a [u8] {
        match self {
            Self::V4 { bytes, .. } | Self::V6 { bytes, .. } | Self::Frame { bytes, .. } => bytes,
        }
    }

    const fn head(&self) -> Head {
        match self {
            Self::V4 { .. } | Self::V6 { .. } => Head::EMPTY,
            Self::Frame { head, .. } => *head,
        }
    }
}

/// Room for what the kernel is told of the datagrams of one call, used again: once it has grown, sending allocates
/// nothing.
#[derive(Default)]
pub(crate) struct SendBatch {
    slots: Vec<Slot>,
    vectors: Vec<[libc::iovec; 2]>,
    headers: Vec<libc::mmsghdr>,
}

/// What belongs to one datagram, but for its bytes.
struct Slot {
    name: libc::sockaddr_storage,
    length: libc::socklen_t,
    head: Head,
    control: Control,
}

/// Control messages need the alignment of their header.
#[repr(C, align(8))]
struct Control([u8; CONTROL_BYTES]);

impl SendBatch {
    /// Sends datagrams in as few calls as can be. Returns how many the kernel took before the first it refused, with
    /// the refusal.
    pub(crate) fn send<'a>(
        &mut self,
        socket: BorrowedFd<'_>,
        outgoing: impl Iterator<Item = Outgoing<'a>>,
    ) -> (usize, Option<Errno>) {
        let mut outgoing = outgoing.fuse();
        let mut sent = 0;
        loop {
            self.clear();
            // Its bytes live for 'a, which is longer than this function runs.
            for datagram in outgoing.by_ref().take(SEND_MAX) {
                self.push(&datagram);
            }
            if self.slots.is_empty() {
                return (sent, None);
            }
            self.link();
            let mut done = 0;
            while let Some(rest) = self.headers.get_mut(done..).filter(|rest| !rest.is_empty()) {
                match send_once(socket, rest) {
                    Ok(0) => return (sent, Some(Errno::AGAIN)),
                    Ok(count) => (done, sent) = (done + count, sent + count),
                    Err(Errno::INTR) => {}
                    Err(errno) => return (sent, Some(errno)),
                }
            }
        }
    }

    fn clear(&mut self) {
        self.slots.clear();
        self.vectors.clear();
        self.headers.clear();
    }

    fn push(&mut self, datagram: &Outgoing<'_>) {
        let (name, length) = name(datagram);
        let control = Control([0; CONTROL_BYTES]);
        self.slots.push(Slot { name, length, head: datagram.head(), control });
        let bytes = datagram.bytes();
        let rest = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        self.vectors.push([rest, rest]);
        // SAFETY: an mmsghdr of zeros is a valid value of that plain C structure.
        let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
        if let Outgoing::V6 { source, interface, hop_limit, .. } = datagram
            && let Some(slot) = self.slots.last_mut()
        {
            choose(&mut header.msg_hdr, &mut slot.control, *source, *interface, *hop_limit);
        }
        self.headers.push(header);
    }

    /// Writes the pointers, now that nothing of what they point to moves any more.
    fn link(&mut self) {
        let parts = self.headers.iter_mut().zip(&mut self.slots).zip(&mut self.vectors);
        for ((header, slot), vectors) in parts {
            let header = &mut header.msg_hdr;
            header.msg_name = (&raw mut slot.name).cast();
            header.msg_namelen = slot.length;
            if header.msg_controllen > 0 {
                header.msg_control = slot.control.0.as_mut_ptr().cast();
            }
            let [first, _] = vectors;
            first.iov_base = slot.head.bytes.as_mut_ptr().cast();
            first.iov_len = slot.head.length;
            header.msg_iov = vectors.as_mut_ptr();
            header.msg_iovlen = vectors.len();
        }
    }
}

impl std::fmt::Debug for SendBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SendBatch").field("slots", &self.slots.capacity()).finish()
    }
}

fn send_once(socket: BorrowedFd<'_>, headers: &mut [libc::mmsghdr]) -> Result<usize, Errno> {
    let count = libc::c_uint::try_from(headers.len()).unwrap_or(0);
    // SAFETY: every header points to vectors, a name and a control buffer of the batch, which is borrowed meanwhile, and
    // the vectors to bytes that the caller of the batch has borrowed; the kernel only reads them.
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
        Outgoing::Frame { head, interface, destination, bytes } => {
            let mut address = [0; 8];
            address[..6].copy_from_slice(&destination.0);
            // Traffic control and older kernels go by this, not by the frame.
            let start = if head.is_empty() { bytes } else { head.as_bytes() };
            let ether_type = start.get(12..).and_then(<[u8]>::first_chunk::<2>);
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

fn family(family: i32) -> libc::sa_family_t {
    libc::sa_family_t::try_from(family).unwrap_or(0)
}

const HEAD_BYTES: usize = 54;
/// Two control messages of IPv6 have 64.
const CONTROL_BYTES: usize = 128;
/// Datagrams in one call: as many as the election sends at one moment. The room for them stays with each socket.
const SEND_MAX: usize = 64;
