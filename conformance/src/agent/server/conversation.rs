//! What a real server says on a connection.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::lock;

/// How a port behaves.
#[derive(Clone)]
pub(super) enum Manner {
    /// By path; `*` is for all that are not named.
    Web(BTreeMap<String, Page>),
    /// With this code as a greeting.
    Mail(u16),
    Silent,
    Drip,
}

#[derive(Clone)]
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) chunked: bool,
}

impl Manner {
    /// Has one conversation, and notes in `asked` what was asked.
    pub(super) fn serve(&self, mut stream: TcpStream, asked: &Mutex<Vec<String>>) -> Result<()> {
        match self {
            Self::Web(pages) => {
                let request = request(&stream)?;
                let path = request.split(' ').nth(1).unwrap_or_default();
                let page = pages.get(path).or_else(|| pages.get("*"));
                let answer = page.map_or_else(|| NOT_FOUND.to_owned(), Page::answer);
                lock(asked).push(request);
                stream.write_all(answer.as_bytes())?;
            }
            Self::Mail(code) => {
                write!(stream, "{code} mail\r\n")?;
                for line in BufReader::new(stream.try_clone()?).lines() {
                    let line = line?;
                    let answer = if line.starts_with("QUIT") { "221 bye" } else { "250 ok" };
                    lock(asked).push(line);
                    write!(stream, "{answer}\r\n")?;
                }
            }
            // Until the other end has enough.
            Self::Silent => drop(stream.read_to_end(&mut Vec::new())?),
            Self::Drip => loop {
                stream.write_all(b"x")?;
                thread::sleep(DROP_EVERY);
            },
        }
        Ok(())
    }
}

impl Page {
    fn answer(&self) -> String {
        let Self { status, body, chunked } = self;
        if *chunked {
            let length = body.len();
            format!(
                "HTTP/1.1 {status} Page\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
            )
        } else {
            format!(
                "HTTP/1.1 {status} Page\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            )
        }
    }
}

/// The head of a request, as it came.
fn request(stream: &TcpStream) -> Result<String> {
    let mut reader = BufReader::new(stream.take(LONGEST));
    let mut head = String::new();
    while reader.read_line(&mut head)? > 0 {
        if head.ends_with("\r\n\r\n") {
            break;
        }
    }
    Ok(head)
}

const NOT_FOUND: &str = "HTTP/1.1 404 Page\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/// Bytes of a request.
const LONGEST: u64 = 16_384;
const DROP_EVERY: Duration = Duration::from_millis(300);
