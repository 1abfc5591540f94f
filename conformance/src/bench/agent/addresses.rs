//! Reports each IPv4 address that comes or goes, stamped when this process hears of it.
//!
//! One line an event: `NANOSECONDS SIGN ADDRESS`, where the sign is `+` for an address that came, `-` for one that went
//! and `=` for one that was set again.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, setsockopt,
    socket, sockopt,
};

use crate::moment::Moment;

/// Watches until the process is ended.
///
/// # Errors
/// When the kernel refuses the socket, or standard output is gone.
pub fn run() -> Result<()> {
    let fd = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )
    .context("open netlink socket")?;
    setsockopt(&fd, sockopt::RcvBufForce, &(16 << 20)).ok();
    // The stamps are as late as this process is: it goes before all but real-time ones, where that is allowed.
    rustix::process::nice(-20).ok();
    bind(fd.as_raw_fd(), &NetlinkAddr::new(0, IPV4_ADDRESSES)).context("listen for addresses")?;
    let mut out = io::stdout();
    writeln!(out, "ready")?;
    out.flush()?;
    let mut buffer = vec![0_u8; 1 << 16];
    let mut text = Vec::new();
    let mut present = BTreeSet::new();
    loop {
        let flags = if text.is_empty() { MsgFlags::empty() } else { MsgFlags::MSG_DONTWAIT };
        match recv(fd.as_raw_fd(), &mut buffer, flags) {
            Ok(length) => {
                let at = Moment::now();
                for (added, address) in events(buffer.get(..length).unwrap_or_default()) {
                    let sign = match (added, added && present.insert(address)) {
                        (true, true) => '+',
                        (true, false) => '=',
                        (false, _) => '-',
                    };
                    if !added {
                        present.remove(&address);
                    }
                    writeln!(text, "{} {sign} {address}", at.0)?;
                }
            }
            // Writing waits until nothing more is there: a reader must not delay the stamps.
            Err(Errno::EAGAIN) => {
                out.write_all(&text)?;
                out.flush()?;
                text.clear();
            }
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("listen for addresses"),
        }
    }
}

/// The addresses that these netlink messages say came (`true`) or went.
fn events(mut bytes: &[u8]) -> Vec<(bool, Ipv4Addr)> {
    let mut events = Vec::new();
    while let (Some(length), Some(kind)) = (number32(bytes, 0), number16(bytes, 4)) {
        let message = bytes.get(HEADER..length).unwrap_or_default();
        if let (ADDED | REMOVED, Some(address)) = (kind, local(message)) {
            events.push((kind == ADDED, address));
        }
        let Some(rest) = bytes.get(length.next_multiple_of(4).max(HEADER)..) else { break };
        bytes = rest;
    }
    events
}

/// The attribute `IFA_LOCAL` of an address message.
fn local(message: &[u8]) -> Option<Ipv4Addr> {
    let mut rest = message.get(FIXED_PART..)?;
    loop {
        let (length, kind) = (usize::from(number16(rest, 0)?), number16(rest, 2)?);
        let value = rest.get(4..length)?;
        if kind == IFA_LOCAL {
            let octets: [u8; 4] = value.try_into().ok()?;
            return Some(octets.into());
        }
        rest = rest.get(length.next_multiple_of(4)..)?;
    }
}

fn number16(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(offset..offset + 2)?.try_into().ok()?))
}

fn number32(bytes: &[u8], offset: usize) -> Option<usize> {
    let number = u32::from_ne_bytes(bytes.get(offset..offset + 4)?.try_into().ok()?);
    usize::try_from(number).ok()
}

/// Length of `struct nlmsghdr`.
const HEADER: usize = 16;
/// Length of `struct ifaddrmsg`.
const FIXED_PART: usize = 8;
/// `RTMGRP_IPV4_IFADDR`, `RTM_NEWADDR`, `RTM_DELADDR` and `IFA_LOCAL` of the kernel's headers.
const IPV4_ADDRESSES: u32 = 0x10;
const ADDED: u16 = 20;
const REMOVED: u16 = 21;
const IFA_LOCAL: u16 = 2;
