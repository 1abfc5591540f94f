//! Many datagrams received in one system call: recvmmsg(2).

use std::net::Ipv6Addr;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use intent::IfIndex;
use rustix::io::Errno;

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
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
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
    /// `SCM_TIMESTAMPNS`: when the kernel took it in, since 1970.
    pub(crate) stamped: Option<Duration>,
    /// Packet sockets: whether the frame is one that this host sends.
    pub(crate) outgoing: bool,
    /// Packet sockets: where it was seen; 0 of others.
    pub(crate) interface: IfIndex,
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
            vectors: Vec::with_capacity(SLOTS),
            headers: Vec::with_capacity(SLOTS),
        }
    }

    /// Receives what waits, one call's worth, without blocking; shows each datagram to `each`. Returns how many
    /// there were and whether the call was full.
    pub(crate) fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        mut each: impl FnMut(Received<'_>),
    ) -> Result<(usize, bool), Errno> {
        // The pointers of the call before count no longer: all are written anew.
        self.vectors.clear();
        self.vectors.extend(
            self.data.iter_mut().map(|slot| libc::iovec {
                iov_base: slot.as_mut_ptr().cast(),
                iov_len: SLOT_BYTES,
            }),
        );
        self.headers.clear();
        let parts = self.vectors.iter_mut().zip(&mut self.names).zip(&mut self.control);
        self.headers.extend(parts.map(|((vector, name), control)| {
            // SAFETY: an mmsghdr of zeros is a valid value of that plain C structure.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = (&raw mut *name).cast();
            header.msg_hdr.msg_namelen = length_of::<libc::sockaddr_storage>();
            header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = CONTROL_BYTES;
            header
        }));
        let slots = libc::c_uint::try_from(self.headers.len()).unwrap_or(0);
        // SAFETY: every header points to a vector, a name and a control buffer that live as long as the batch, which nothing moves meanwhile.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
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
        for ((header, data), name) in
            self.headers.iter().zip(&self.data).zip(&self.names).take(count)
        {
            let length = usize::try_from(header.msg_len).unwrap_or(0);
            let mut received = Received {
                bytes: data.get(..length).unwrap_or(data),
                source: None,
                destination: None,
                hop_limit: None,
                stamped: None,
                outgoing: false,
                interface: IfIndex(0),
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
            received.interface = IfIndex(u32::try_from(address.sll_ifindex).unwrap_or(0));
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
        if level == libc::SOL_SOCKET
            && kind == libc::SCM_TIMESTAMPNS
            && holds(length_of::<libc::timespec>())
        {
            // SAFETY: this kind of message carries a timespec; the read makes no assumption of alignment.
            let time = unsafe { data.cast::<libc::timespec>().read_unaligned() };
            received.stamped = since_1970(time);
        } else if level != libc::IPPROTO_IPV6 {
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

fn since_1970(time: libc::timespec) -> Option<Duration> {
    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
}

pub(super) fn length_of<T>() -> u32 {
    u32::try_from(size_of::<T>()).unwrap_or(0)
}
