//! A real server: web, mail and datagrams on ports of its own, each answering as it was told last.
//!
//! Orders come on standard input, one a line, and each is answered by a line that says `ok`, or what went wrong:
//!
//! ```text
//! web PORT PATH STATUS BODY   answers PATH (`*`: any other) in the form that HTTP has by itself
//! chunked PORT PATH STATUS BODY   the same in chunks
//! mail PORT CODE              greets with this code
//! silent PORT                 takes connections and says nothing
//! drip PORT                   sends a byte now and then, without end
//! name PORT CODE              answers DNS questions with this response code
//! echo PORT HEX               answers each datagram with these bytes; with `-` not at all
//! close PORT                  ends what there is at PORT
//! close                       ends all
//! asked                       what was asked since the last such order, quoted
//! ```

mod conversation;
mod datagram;

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::net::{Ipv6Addr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, bail};
use socket2::SockRef;

use self::conversation::{Manner, Page};
use self::datagram::Reply;

/// Serves until standard input ends.
///
/// # Errors
/// When standard output is gone.
pub fn run() -> Result<()> {
    let mut server = Server::default();
    let mut out = io::stdout();
    for line in io::stdin().lock().lines() {
        match server.obey(&line?) {
            Ok(answer) => writeln!(out, "{answer}")?,
            Err(error) => writeln!(out, "error: {error:#}")?,
        }
        out.flush()?;
    }
    Ok(())
}

#[derive(Default)]
struct Server {
    streams: BTreeMap<u16, Stream>,
    datagrams: BTreeMap<u16, datagram::Port>,
    asked: Shared<Vec<String>>,
}

/// What several threads look at.
type Shared<T> = Arc<Mutex<T>>;

struct Stream {
    manner: Shared<Manner>,
    listener: Arc<TcpListener>,
    thread: JoinHandle<()>,
}

impl Server {
    fn obey(&mut self, line: &str) -> Result<String> {
        let words: Vec<&str> = line.splitn(5, ' ').collect();
        match words.as_slice() {
            ["asked"] => {
                let asked = std::mem::take(&mut *lock(&self.asked));
                return Ok(asked.iter().map(|it| format!("{it:?} ")).collect());
            }
            [form @ ("web" | "chunked"), port, path, status, body] => {
                let page = Page {
                    status: status.parse()?,
                    body: (*body).to_owned(),
                    chunked: *form == "chunked",
                };
                let manner = self.manner(port.parse()?)?;
                let mut manner = lock(&manner);
                if let Manner::Web(pages) = &mut *manner {
                    pages.insert((*path).to_owned(), page);
                } else {
                    *manner = Manner::Web([((*path).to_owned(), page)].into());
                }
            }
            ["mail", port, code] => self.set(port.parse()?, Manner::Mail(code.parse()?))?,
            ["silent", port] => self.set(port.parse()?, Manner::Silent)?,
            ["drip", port] => self.set(port.parse()?, Manner::Drip)?,
            ["name", port, code] => self.answer(port.parse()?, Reply::Name(code.parse()?))?,
            ["echo", port, "-"] => self.answer(port.parse()?, Reply::Nothing)?,
            ["echo", port, hex] => {
                self.answer(port.parse()?, Reply::Bytes(crate::capture::bytes(hex)))?;
            }
            ["close", port] => self.close(port.parse()?),
            ["close"] => {
                self.datagrams.clear();
                let ports: Vec<u16> = self.streams.keys().copied().collect();
                ports.into_iter().for_each(|port| self.close(port));
            }
            _ => bail!("unknown order"),
        }
        Ok("ok".to_owned())
    }

    fn set(&mut self, port: u16, manner: Manner) -> Result<()> {
        let port = self.manner(port)?;
        *lock(&port) = manner;
        Ok(())
    }

    /// How `port` answers, which is listened at from now on.
    fn manner(&mut self, port: u16) -> Result<Shared<Manner>> {
        if let Some(stream) = self.streams.get(&port) {
            return Ok(Arc::clone(&stream.manner));
        }
        let listener =
            Arc::new(TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).context("listen at a port")?);
        let manner = Arc::new(Mutex::new(Manner::Silent));
        let (at, how, asked) =
            (Arc::clone(&listener), Arc::clone(&manner), Arc::clone(&self.asked));
        let thread = thread::spawn(move || {
            // A listener that was shut down accepts nobody any more.
            while let Ok((stream, _)) = at.accept() {
                let (how, asked) = (lock(&how).clone(), Arc::clone(&asked));
                // Who breaks off has what he wanted.
                thread::spawn(move || drop(how.serve(stream, &asked)));
            }
        });
        self.streams.insert(port, Stream { manner: Arc::clone(&manner), listener, thread });
        Ok(manner)
    }

    fn answer(&mut self, port: u16, reply: Reply) -> Result<()> {
        self.datagrams.remove(&port);
        self.datagrams.insert(port, datagram::Port::open(port, reply)?);
        Ok(())
    }

    /// Ends it, so that who comes now is refused.
    fn close(&mut self, port: u16) {
        self.datagrams.remove(&port);
        if let Some(Stream { listener, thread, .. }) = self.streams.remove(&port) {
            SockRef::from(&*listener).shutdown(std::net::Shutdown::Both).ok();
            drop(listener);
            thread.join().ok();
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
