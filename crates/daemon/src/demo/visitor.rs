//! The visitor: a thread in the client's namespace that asks for the web page behind the virtual address on and on, each
//! time by a new connection.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use anyhow::Context as _;
use clock::Instant;
use kernel::eventloop::now;
use kernel::namespace::Namespace;

use super::web::{PORT, Web};

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Visit {
    /// When it was over.
    pub(super) ended: Instant,
    /// Who answered; nobody where it failed.
    pub(super) by: Option<Web>,
}

/// What the thread says.
#[derive(Debug)]
pub(super) struct Visitor {
    visits: Receiver<Visit>,
}

impl Visitor {
    /// Begins to ask for the page of this address.
    ///
    /// **Errors**: no thread can be started.
    pub(super) fn start(client: &Namespace, address: Ipv4Addr) -> anyhow::Result<Self> {
        let home = Namespace::from_descriptor(client.descriptor()?);
        let (sender, visits) = channel();
        std::thread::Builder::new()
            .name("visitor".to_owned())
            .spawn(move || {
                if home.enter().is_ok() {
                    ask_on(SocketAddr::from((address, PORT)), &sender);
                }
            })
            .context("thread of the visitor")?;
        Ok(Self { visits })
    }

    /// The requests that are over since the last call.
    pub(super) fn heard(&self) -> impl Iterator<Item = Visit> {
        self.visits.try_iter()
    }
}

/// Asks until nobody wants to hear of it.
fn ask_on(at: SocketAddr, sender: &Sender<Visit>) {
    loop {
        let begun = now();
        let by = ask(at).ok().flatten();
        let ended = now();
        if sender.send(Visit { ended, by }).is_err() {
            return;
        }
        std::thread::sleep(BEAT.saturating_sub(ended.since(begun)));
    }
}

/// Who answers; none for an answer that is nobody's.
fn ask(at: SocketAddr) -> std::io::Result<Option<Web>> {
    let mut stream = TcpStream::connect_timeout(&at, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(LONGEST).read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
    Ok(body.filter(|_| answer.starts_with("HTTP/1.1 200 ")).and_then(Web::of))
}

/// From one request to the next.
const BEAT: Duration = Duration::from_millis(10);
/// A connection, and then an answer, that takes longer has failed.
pub(super) const LIMIT: Duration = Duration::from_millis(250);
const LONGEST: u64 = 4096;
