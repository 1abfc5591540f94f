//! Two sockets: one that asks and waits for the answer, one that listens.
//!
//! The asking socket turns strict checking and extended acknowledgements on, so that a refusal says why. It
//! blocks, with a time limit: the kernel answers rtnetlink requests before `send` returns.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType};
use socket2::SockRef;

use super::message::{Attributes, Builder, Message, Messages, number, text};
use super::outcome::Goal;
use crate::socket::filter;
use crate::sys;

/// A request that failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NetlinkError {
    /// The kernel refused it; `reason` is its own explanation, empty where it gave none.
    #[error("{operation}: {errno}{}{reason}", if reason.is_empty() { "" } else { ": " })]
    Refused {
        /// What was asked.
        operation: &'static str,
        /// The kernel's error.
        errno: Errno,
        /// The kernel's explanation.
        reason: String,
    },
    /// The socket failed.
    #[error("{operation}: netlink socket")]
    Socket {
        /// What was asked.
        operation: &'static str,
        /// Why.
        #[source]
        source: Errno,
    },
    /// The kernel's tables changed during each of several dumps.
    #[error("{operation}: the kernel's tables change too fast to be read")]
    Unsteady {
        /// What was asked.
        operation: &'static str,
    },
}

/// Asks the kernel.
#[derive(Debug)]
pub struct RequestSocket {
    socket: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

impl RequestSocket {
    /// Opens an rtnetlink socket in the caller's network namespace.
    ///
    /// **Errors**: the kernel refuses the socket.
    pub fn open() -> Result<Self, NetlinkError> {
        Self::open_protocol(None)
    }

    /// Opens a generic netlink socket in the caller's network namespace.
    ///
    /// **Errors**: the kernel refuses the socket.
    pub(crate) fn open_generic() -> Result<Self, NetlinkError> {
        Self::open_protocol(Some(netlink::GENERIC))
    }

    /// Opens a netfilter netlink socket in the caller's network namespace.
    ///
    /// **Errors**: the kernel has no netfilter netlink.
    pub(crate) fn open_netfilter() -> Result<Self, NetlinkError> {
        Self::open_protocol(Some(netlink::NETFILTER))
    }

    fn open_protocol(protocol: Option<Protocol>) -> Result<Self, NetlinkError> {
        let operation = "open netlink socket";
        let failed = |source| NetlinkError::Socket { operation, source };
        let socket = open(protocol, 0).map_err(failed)?;
        explain_refusals(&socket);
        // Without it dumps hold more than was asked for.
        let _ = sys::set_option(socket.as_fd(), libc::SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
        rustix::net::sockopt::set_socket_timeout(
            &socket,
            rustix::net::sockopt::Timeout::Recv,
            Some(Duration::from_secs(2)),
        )
        .map_err(failed)?;
        Ok(Self { socket, sequence: 0, buffer: vec![0; 64 * 1024] })
    }

    /// Sends `requests` in batches and collects what became of each, in order.
    pub(crate) fn batch(
        &mut self,
        operation: &'static str,
        goal: Goal,
        requests: Vec<Builder>,
    ) -> Vec<Result<(), NetlinkError>> {
        let mut results = Vec::with_capacity(requests.len());
        let mut requests = requests.into_iter().peekable();
        while requests.peek().is_some() {
            let batch: Vec<Builder> = requests.by_ref().take(BATCH).collect();
            results.append(&mut self.one_batch(operation, goal, batch));
        }
        results
    }

    fn one_batch(
        &mut self,
        operation: &'static str,
        goal: Goal,
        batch: Vec<Builder>,
    ) -> Vec<Result<(), NetlinkError>> {
        let first = self.sequence.wrapping_add(1);
        let count = batch.len();
        let mut bytes = Vec::with_capacity(count * 96);
        // The kernel works in order, and tells of every refusal: one acknowledgement at the end tells of the rest.
        for (index, builder) in batch.into_iter().enumerate() {
            let builder = if index + 1 == count { builder } else { builder.quiet() };
            self.sequence = self.sequence.wrapping_add(1);
            bytes.extend_from_slice(&builder.finish(self.sequence));
        }
        let failed = |source| Err(NetlinkError::Socket { operation, source });
        if let Err(source) = self.send(&bytes) {
            return (0..count).map(|_| failed(source)).collect();
        }
        let mut results: Vec<Option<Result<(), NetlinkError>>> = (0..count).map(|_| None).collect();
        while results.last().is_some_and(Option::is_none) {
            let length = match self.receive() {
                Ok(length) => length,
                Err(source) => {
                    return results
                        .into_iter()
                        .map(|result| result.unwrap_or_else(|| failed(source)))
                        .collect();
                }
            };
            let datagram = self.buffer.get(..length).unwrap_or_default();
            for message in Messages(datagram).filter(|message| message.kind == NLMSG_ERROR) {
                let index =
                    usize::try_from(message.sequence.wrapping_sub(first)).unwrap_or(usize::MAX);
                if let Some(slot) = results.get_mut(index) {
                    *slot = Some(acknowledged(operation, goal, &message));
                }
            }
        }
        results.into_iter().map(|result| result.unwrap_or(Ok(()))).collect()
    }

    /// Sends one request and waits for its acknowledgement.
    ///
    /// **Errors**: the kernel refuses it, and not because it is so already.
    pub(crate) fn request(
        &mut self,
        operation: &'static str,
        goal: Goal,
        request: Builder,
    ) -> Result<(), NetlinkError> {
        self.batch(operation, goal, vec![request]).pop().unwrap_or(Ok(()))
    }

    /// Asks for a whole table; `each` sees every message of it.
    ///
    /// A dump that the kernel calls interrupted is made again, a few times; `begin` is called before each try.
    pub(crate) fn dump(
        &mut self,
        operation: &'static str,
        request: impl Fn() -> Builder,
        mut begin: impl FnMut(),
        mut each: impl FnMut(&Message<'_>),
    ) -> Result<(), NetlinkError> {
        for _ in 0..DUMP_TRIES {
            begin();
            self.sequence = self.sequence.wrapping_add(1);
            let bytes = request().finish(self.sequence);
            self.send(&bytes).map_err(|source| NetlinkError::Socket { operation, source })?;
            if self.read_dump(operation, &mut each)? == Dump::Whole {
                return Ok(());
            }
        }
        Err(NetlinkError::Unsteady { operation })
    }

    fn read_dump(
        &mut self,
        operation: &'static str,
        each: &mut impl FnMut(&Message<'_>),
    ) -> Result<Dump, NetlinkError> {
        let mut dump = Dump::Whole;
        loop {
            let length =
                self.receive().map_err(|source| NetlinkError::Socket { operation, source })?;
            let datagram = self.buffer.get(..length).unwrap_or_default();
            for message in Messages(datagram).filter(|message| message.sequence == self.sequence) {
                if message.flags & NLM_F_DUMP_INTR != 0 {
                    dump = Dump::Interrupted;
                }
                match message.kind {
                    NLMSG_DONE => {
                        dumped(operation, &message)?;
                        return Ok(dump);
                    }
                    NLMSG_ERROR => {
                        acknowledged(operation, Goal::Answer, &message)?;
                        return Ok(dump);
                    }
                    _ => each(&message),
                }
            }
        }
    }

    fn send(&self, bytes: &[u8]) -> Result<(), Errno> {
        let kernel = SocketAddrNetlink::new(0, 0);
        rustix::net::sendto(&self.socket, bytes, SendFlags::empty(), &kernel).map(|_| ())
    }

    fn receive(&mut self) -> Result<usize, Errno> {
        loop {
            match rustix::net::recv(&self.socket, self.buffer.as_mut_slice(), RecvFlags::empty()) {
                Ok((_, length)) => return Ok(length),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dump {
    Whole,
    Interrupted,
}

/// What one look at the event socket brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Events {
    /// Everything that waited was seen.
    Complete,
    /// More may wait: the bound of one look was reached.
    More,
    /// Events were lost: the tables have to be read anew.
    Lost,
}

/// Listens for changes of some tables.
#[derive(Debug)]
pub(crate) struct EventSocket {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

impl EventSocket {
    /// Subscribes to these groups (`RTMGRP_*`).
    ///
    /// **Errors**: the kernel refuses the socket.
    pub(crate) fn open(groups: u32) -> Result<Self, NetlinkError> {
        Self::open_filtered(groups, None)
    }

    /// Subscribes to these groups, of which nothing is heard but what passes the filter.
    ///
    /// **Errors**: the kernel refuses the socket or the filter.
    pub(crate) fn open_filtered(
        groups: u32,
        program: Option<&[libc::sock_filter]>,
    ) -> Result<Self, NetlinkError> {
        let failed = |operation| move |source| NetlinkError::Socket { operation, source };
        let opening = "open netlink event socket";
        let socket = unbound(None).map_err(failed(opening))?;
        if let Some(program) = program {
            let attached = filter::attach(&SockRef::from(&socket), program);
            let attached =
                attached.map_err(|error| sys::errno(error.raw_os_error().unwrap_or(libc::EIO)));
            attached.map_err(failed("filter netlink events"))?;
        }
        // Whoever subscribes first hears what was not meant for him.
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, groups)).map_err(failed(opening))?;
        // Thousands of addresses may move at once; where the larger buffer is refused, an overrun costs a dump.
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, EVENT_BUFFER)
            .or_else(|_| rustix::net::sockopt::set_socket_recv_buffer_size(&socket, EVENT_BUFFER));
        Ok(Self { socket, buffer: vec![0; 32 * 1024] })
    }

    /// Shows every waiting message to `each`, up to a bound.
    pub(crate) fn drain(
        &mut self,
        mut each: impl FnMut(&Message<'_>),
    ) -> Result<Events, NetlinkError> {
        for _ in 0..DATAGRAMS_A_LOOK {
            match self.receive() {
                Ok(length) => {
                    let Some(datagram) = self.buffer.get(..length) else {
                        // It was longer than the buffer, so that its end is lost.
                        return self.discard();
                    };
                    for message in Messages(datagram) {
                        each(&message);
                    }
                }
                Err(Errno::AGAIN) => return Ok(Events::Complete),
                Err(Errno::INTR) => {}
                Err(Errno::NOBUFS) => return self.discard(),
                Err(source) => return Err(NetlinkError::Socket { operation: EVENTS, source }),
            }
        }
        Ok(Events::More)
    }

    /// Throws away what waits after a loss: it is older than the tables that are going to be read, and what
    /// followed it is missing, so that nothing would ever correct it. The kernel adds nothing to a queue that
    /// overran until it was emptied.
    fn discard(&mut self) -> Result<Events, NetlinkError> {
        for _ in 0..DATAGRAMS_DISCARDED {
            match self.receive() {
                Ok(_) | Err(Errno::INTR | Errno::NOBUFS) => {}
                Err(Errno::AGAIN) => break,
                Err(source) => return Err(NetlinkError::Socket { operation: EVENTS, source }),
            }
        }
        Ok(Events::Lost)
    }

    /// The length of the next datagram, which may be more than the buffer took.
    fn receive(&mut self) -> Result<usize, Errno> {
        let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
        rustix::net::recv(&self.socket, self.buffer.as_mut_slice(), flags).map(|(_, length)| length)
    }
}

impl AsFd for EventSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A netlink socket of a protocol (rtnetlink where none is named) that hears `groups`.
pub(crate) fn open(protocol: Option<Protocol>, groups: u32) -> Result<OwnedFd, Errno> {
    let socket = unbound(protocol)?;
    rustix::net::bind(&socket, &SocketAddrNetlink::new(0, groups))?;
    Ok(socket)
}

fn unbound(protocol: Option<Protocol>) -> Result<OwnedFd, Errno> {
    let (kind, flags) = (SocketType::RAW, SocketFlags::CLOEXEC);
    rustix::net::socket_with(AddressFamily::NETLINK, kind, flags, protocol)
}

/// Lets the kernel say in words why it refuses a request, without repeating the request.
pub(crate) fn explain_refusals(socket: &OwnedFd) {
    for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK] {
        // Old kernels lack some of these; without them refusals are shorter.
        let _ = sys::set_option(socket.as_fd(), libc::SOL_NETLINK, option, 1);
    }
}

/// An `NLMSG_ERROR` message: errno (0 acknowledges), the request's header, and attributes that explain.
pub(crate) fn acknowledged(
    operation: &'static str,
    goal: Goal,
    message: &Message<'_>,
) -> Result<(), NetlinkError> {
    // The request's header; without NLM_F_CAPPED the request's payload too.
    let request = message.payload.get(4..).unwrap_or_default();
    let whole = request.first_chunk::<4>().map_or(16, |length| u32::from_ne_bytes(*length));
    let shown = if message.flags & NLM_F_CAPPED != 0 { 16 } else { whole };
    let skip = usize::try_from(shown).unwrap_or(usize::MAX).saturating_add(3) & !3;
    goal.converge(answered(operation, message, request.get(skip..).unwrap_or_default()))
}

/// An `NLMSG_DONE` message: errno, and attributes that explain. A table that could not be read ends like this, too.
pub(super) fn dumped(operation: &'static str, message: &Message<'_>) -> Result<(), NetlinkError> {
    answered(operation, message, message.payload.get(4..).unwrap_or_default())
}

fn answered(
    operation: &'static str,
    message: &Message<'_>,
    attributes: &[u8],
) -> Result<(), NetlinkError> {
    let code = message.payload.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes));
    if code >= 0 {
        return Ok(());
    }
    let errno = sys::errno(code.saturating_neg());
    let explained = message.flags & NLM_F_ACK_TLVS != 0;
    let reason = if explained { explanation(Attributes(attributes)) } else { String::new() };
    Err(NetlinkError::Refused { operation, errno, reason })
}

fn explanation(attributes: Attributes<'_>) -> String {
    let mut reason = String::new();
    for (kind, value) in attributes {
        match kind {
            NLMSGERR_ATTR_MSG => reason = text(value),
            NLMSGERR_ATTR_OFFS if reason.is_empty() => {
                reason = format!("at byte {}", number(value).unwrap_or(0));
            }
            _ => {}
        }
    }
    reason
}

/// Most requests in one datagram: larger ones gain nothing.
const BATCH: usize = 64;
const DUMP_TRIES: usize = 8;
const DATAGRAMS_A_LOOK: usize = 256;
const EVENT_BUFFER: usize = 4 << 20;
/// More than fit into the largest buffer; a bound on what others may cost us.
const DATAGRAMS_DISCARDED: usize = 1 << 16;
const EVENTS: &str = "read netlink events";

pub(crate) const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLM_F_CAPPED: u16 = 0x100;
const NLM_F_ACK_TLVS: u16 = 0x200;
const NLMSGERR_ATTR_MSG: u16 = 1;
const NLMSGERR_ATTR_OFFS: u16 = 2;
const NETLINK_CAP_ACK: i32 = 10;
const NETLINK_EXT_ACK: i32 = 11;
const NETLINK_GET_STRICT_CHK: i32 = 12;
