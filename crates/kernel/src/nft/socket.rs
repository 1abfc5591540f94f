//! The socket that transactions go through.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{RecvFlags, SendFlags};

use super::transaction::Transaction;
use crate::netlink::NetlinkError;
use crate::netlink::message::Messages;
use crate::netlink::outcome::Goal;
use crate::netlink::socket::{NLMSG_ERROR, acknowledged, explain_refusals, open};

/// Changes the ruleset of the network namespace that it was opened in.
#[derive(Debug)]
pub struct Nftables {
    socket: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Nftables {
    /// Opens a socket for transactions.
    ///
    /// **Errors**: the kernel has no netfilter netlink.
    pub fn open() -> Result<Self, NetlinkError> {
        let failed = |source| NetlinkError::Socket { operation: "open nftables socket", source };
        let socket = open(Some(netlink::NETFILTER), 0).map_err(failed)?;
        explain_refusals(&socket);
        rustix::net::sockopt::set_socket_timeout(
            &socket,
            rustix::net::sockopt::Timeout::Recv,
            Some(Duration::from_secs(2)),
        )
        .map_err(failed)?;
        // A transaction is one datagram, and may hold tens of thousands of elements.
        let _ = rustix::net::sockopt::set_socket_send_buffer_size_force(&socket, SEND_BUFFER)
            .or_else(|_| rustix::net::sockopt::set_socket_send_buffer_size(&socket, SEND_BUFFER));
        Ok(Self { socket, sequence: 0, buffer: vec![0; 64 * 1024] })
    }

    /// Makes all changes of a transaction, or none.
    ///
    /// **Blocks** while another transaction of this namespace is being made, whoever makes it.
    ///
    /// **Errors**: the first refusal; nothing has changed then.
    pub fn commit(
        &mut self,
        operation: &'static str,
        transaction: Transaction,
    ) -> Result<(), NetlinkError> {
        if transaction.is_empty() {
            return Ok(());
        }
        let first = self.sequence.wrapping_add(1);
        let (bytes, last) = transaction.finish(first);
        self.sequence = last.wrapping_add(1);
        let failed = |source| NetlinkError::Socket { operation, source };
        let kernel = SocketAddrNetlink::new(0, 0);
        rustix::net::sendto(&self.socket, &bytes, SendFlags::empty(), &kernel).map_err(failed)?;
        // Every refusal is told, and then the last request is acknowledged. A transaction that was refused as a whole
        // is answered in the name of its beginning.
        let mut outcome = Ok(());
        loop {
            let length = self.receive().map_err(failed)?;
            let datagram = self.buffer.get(..length).unwrap_or_default();
            for message in Messages(datagram).filter(|message| message.kind == NLMSG_ERROR) {
                let offset = message.sequence.wrapping_sub(first);
                if offset > last.wrapping_sub(first) {
                    // The answer to an earlier transaction that timed out.
                    continue;
                }
                let answer = acknowledged(operation, Goal::Answer, &message);
                let refused = answer.is_err();
                outcome = outcome.and(answer);
                if message.sequence == last || (offset == 0 && refused) {
                    return outcome;
                }
            }
        }
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

const SEND_BUFFER: usize = 8 << 20;
