//! Sends echo requests at a fixed pace; the replies are seen by the capture on the switch.

use std::net::{IpAddr, SocketAddr};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use socket2::{Domain, Protocol, Socket, Type};

/// Pings `address` each `every` until the process is ended.
///
/// With `afresh` the client forgets its neighbour before each request, so that it asks everybody again who has the
/// address. Requests carry `identifier`, and count their sequence from 1. An unreachable destination is no error: the gap is
/// what the scenario wants to see.
///
/// # Errors
/// When the kernel refuses the raw socket.
pub fn run(address: IpAddr, every: Duration, identifier: u16, afresh: bool) -> Result<()> {
    let (domain, protocol, kind) = match address {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4, 8),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6, 128),
    };
    let socket = Socket::new(domain, Type::RAW, Some(protocol)).context("open raw socket")?;
    socket.set_nonblocking(true)?;
    let destination = SocketAddr::new(address, 0).into();
    let mut next = Instant::now();
    let mut sequence = 0_u16;
    loop {
        sequence = sequence.wrapping_add(1);
        if afresh {
            let address = address.to_string();
            let words = ["neigh", "del", &address, "dev", "eth0"];
            // It may know none.
            drop(Command::new("ip").args(words).stderr(Stdio::null()).status());
        }
        let request = request(kind, identifier, sequence);
        drop(socket.send_to(&request, &destination));
        next += every;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

/// An echo request without payload. The kernel fills in the checksum of the IPv6 kind.
fn request(kind: u8, identifier: u16, sequence: u16) -> [u8; 8] {
    let [i0, i1] = identifier.to_be_bytes();
    let [s0, s1] = sequence.to_be_bytes();
    let sum = (u32::from(kind) << 8) + u32::from(identifier) + u32::from(sequence);
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    let [_, _, c0, c1] = (!folded).to_be_bytes();
    [kind, 0, c0, c1, i0, i1, s0, s1]
}
