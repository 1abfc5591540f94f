//! A client of web servers: one request after the other, each on a connection of its own, and what came of it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::moment::Moment;

/// Asks `address` for its page `count` times, one each `every` where answers allow. One line each: when it asked, how
/// many microseconds that took, and the body or what went wrong.
///
/// # Errors
/// When standard output is gone.
pub fn run(address: SocketAddr, count: u32, every: Duration) -> Result<()> {
    let mut out = io::stdout();
    let mut next = Instant::now();
    for _ in 0..count {
        let (at, start) = (Moment::now(), Instant::now());
        let answer = page(address).unwrap_or_else(|error| format!("error: {error:#}"));
        writeln!(out, "{} {} {answer}", at.0, start.elapsed().as_micros())?;
        out.flush()?;
        next = (next + every).max(Instant::now());
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

fn page(address: SocketAddr) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).context("connect")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").context("ask")?;
    let mut text = String::new();
    stream.read_to_string(&mut text).context("read")?;
    let (_, body) = text.split_once("\r\n\r\n").context("no end of the head")?;
    Ok(body.to_owned())
}

/// For each step of a request.
const PATIENCE: Duration = Duration::from_secs(10);
