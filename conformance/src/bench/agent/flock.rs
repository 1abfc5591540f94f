//! Many Active routers in one process: the neutral peer that both daemons are measured against.
//!
//! It sends version 2 adverts at one a second for each instance of the standard layout, either spread evenly over the
//! second or all at once at its start.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::bench::layout;
use crate::flavour::Flavour;
use crate::forge::Forged;

/// Sends for `count` instances with `priority`, `rounds` times (0: until the process is ended).
///
/// **Units**: one round is a second. `pacing` is `even` or `burst`.
///
/// # Errors
/// When the kernel refuses a socket or a packet.
pub fn run(count: usize, priority: u8, pacing: &str, rounds: u32) -> Result<()> {
    let spread = match pacing {
        "even" => true,
        "burst" => false,
        other => bail!("no pacing {other}: even or burst"),
    };
    let links = layout::links(count);
    let sockets: Vec<Socket> = (0..links).map(open).collect::<Result<_>>()?;
    let messages: Vec<(usize, Vec<u8>)> = (0..count)
        .map(|index| {
            let place = layout::place(index);
            let mut forged = Forged::new(Flavour::V2, priority);
            forged.vrid = place.vrid;
            forged.addresses = vec![place.address.into()];
            (place.link, forged.message())
        })
        .collect();
    let group: SockAddr = SocketAddr::from((Ipv4Addr::new(224, 0, 0, 18), 0)).into();
    let started = Instant::now();
    let mut round = 0;
    while rounds == 0 || round < rounds {
        let begin = started + ROUND * round;
        for (index, (link, message)) in messages.iter().enumerate() {
            if spread {
                let share = u32::try_from(index)?;
                let due = begin + ROUND * share / u32::try_from(count)?.max(1);
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            let socket = sockets.get(*link).context("instance without link")?;
            socket.send_to(message, &group).context("send advert")?;
        }
        round += 1;
        let next = started + ROUND * round;
        if rounds == 0 || round < rounds {
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }
    Ok(())
}

fn open(link: usize) -> Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(112)))
        .context("open raw socket")?;
    let name = layout::interface(link);
    socket.bind_device(Some(name.as_bytes())).with_context(|| format!("bind to {name}"))?;
    socket.set_multicast_ttl_v4(255)?;
    socket.set_tos_v4(0xc0)?;
    socket.set_multicast_loop_v4(false)?;
    Ok(socket)
}

const ROUND: Duration = Duration::from_secs(1);
