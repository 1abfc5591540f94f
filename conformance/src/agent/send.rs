//! Sends hand-made VRRP packets: the peer that no daemon can play.
//!
//! The packet is given as bytes of the VRRP message, the kernel adds the IP header. Bytes are made by the scenario, so
//! that a wrong packet is as easy as a right one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use socket2::{Domain, Protocol, Socket, Type};

/// Sends `message` to `destination` from `eth0`, `count` times, one each `every`, with this `ttl`.
///
/// # Errors
/// When the kernel refuses the socket or the packet.
pub fn run(
    destination: IpAddr,
    ttl: u32,
    message: &[u8],
    count: u32,
    every: Duration,
) -> Result<()> {
    let domain = if destination.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket =
        Socket::new(domain, Type::RAW, Some(Protocol::from(112))).context("open raw socket")?;
    socket.bind_device(Some(b"eth0")).context("bind to eth0")?;
    if destination.is_ipv4() {
        socket.set_ttl_v4(ttl)?;
        socket.set_multicast_ttl_v4(ttl)?;
        socket.set_tos_v4(0xc0)?;
        socket.set_multicast_loop_v4(false)?;
        socket.set_multicast_if_v4(&Ipv4Addr::UNSPECIFIED)?;
    } else {
        socket.set_unicast_hops_v6(ttl)?;
        socket.set_multicast_hops_v6(ttl)?;
        socket.set_multicast_loop_v6(false)?;
    }
    let to = SocketAddr::new(destination, 0).into();
    let mut next = Instant::now();
    for _ in 0..count {
        let sent = socket.send_to(message, &to).context("send packet")?;
        ensure!(sent == message.len(), "packet was cut");
        next += every;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(())
}
