//! A client: one request after the other, each on a connection or from a port of its own, and what came of it.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::moment::Moment;

/// Has `ask` ask `address` `count` times, once each `every` where answers allow. One line each: when it asked, how many
/// microseconds that took, and the answer or what went wrong.
///
/// # Errors
/// When standard output is gone.
pub fn run(
    ask: impl Fn(SocketAddr) -> Result<String>,
    address: SocketAddr,
    count: u32,
    every: Duration,
) -> Result<()> {
    let mut out = io::stdout();
    let mut next = Instant::now();
    for _ in 0..count {
        let (at, start) = (Moment::now(), Instant::now());
        let answer = ask(address).unwrap_or_else(|error| format!("error: {error:#}"));
        writeln!(out, "{} {} {answer}", at.0, start.elapsed().as_micros())?;
        out.flush()?;
        next = (next + every).max(Instant::now());
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

/// The body of a page, for each step of which it waits so long.
///
/// # Errors
/// When there is none.
pub fn page(address: SocketAddr, patience: Duration) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, patience).context("connect")?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").context("ask")?;
    let mut text = String::new();
    stream.read_to_string(&mut text).context("read")?;
    let (_, body) = text.split_once("\r\n\r\n").context("no end of the head")?;
    Ok(body.to_owned())
}

/// What a datagram is answered by.
///
/// # Errors
/// When nothing answers.
pub fn datagram(address: SocketAddr) -> Result<String> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(b"who")?;
    let mut answer = [0; 64];
    let length = socket.recv(&mut answer)?;
    Ok(String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).into_owned())
}

/// For each step of a request, where nobody says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(10);
