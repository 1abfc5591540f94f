//! SMTP as it was in 1982: HELO, MAIL, RCPT, DATA, QUIT, in plain text.
//!
//! The mail library insists on EHLO, which old servers refuse. **Source**: RFC 5321 §2.4, §4.2, §4.5.2.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};

use control::Errand;

use super::conversation::Refusal;

/// A conversation in plain text.
pub(super) struct Plain {
    stream: BufReader<TcpStream>,
}

impl Plain {
    /// Connects to the first address of the server that answers, and greets.
    pub(super) fn begin(errand: &Errand) -> Result<Self, Refusal> {
        let stream = connect(errand)?;
        // Each line is an answer that the other one waits for.
        stream.set_nodelay(true).map_err(gone)?;
        stream.set_read_timeout(Some(errand.step)).map_err(gone)?;
        stream.set_write_timeout(Some(errand.step)).map_err(gone)?;
        let mut plain = Self { stream: BufReader::new(stream) };
        plain.answer()?;
        plain.command(&format!("HELO {}", errand.helo))?;
        Ok(plain)
    }

    /// Says a line and hears a positive answer to it.
    pub(super) fn command(&mut self, line: &str) -> Result<(), Refusal> {
        self.say(&format!("{line}\r\n"))?;
        self.answer()
    }

    /// Says a letter: a line that begins with a dot gets another one.
    pub(super) fn text(&mut self, text: &str) -> Result<(), Refusal> {
        let hidden = text.replace("\r\n.", "\r\n..");
        self.say(&format!("{hidden}\r\n.\r\n"))?;
        self.answer()
    }

    fn say(&mut self, text: &str) -> Result<(), Refusal> {
        self.stream.get_mut().write_all(text.as_bytes()).map_err(gone)
    }

    /// Hears an answer to its last line, which alone has a blank behind the number, or nothing.
    fn answer(&mut self) -> Result<(), Refusal> {
        for _ in 0..LINES {
            let line = self.line()?;
            let (code, rest) = line.split_at_checked(3).unwrap_or((&line, ""));
            let number: u16 = code.parse().unwrap_or(0);
            if !(200..600).contains(&number) {
                break;
            }
            if rest.starts_with('-') {
                continue;
            }
            return match number {
                200..400 => Ok(()),
                400..500 => Err(Refusal::ForNow(line)),
                _ => Err(Refusal::ForGood(line)),
            };
        }
        Err(Refusal::Gone("the server does not speak SMTP".to_owned()))
    }

    fn line(&mut self) -> Result<String, Refusal> {
        let mut bytes = Vec::new();
        (&mut self.stream).take(LINE).read_until(b'\n', &mut bytes).map_err(gone)?;
        if !bytes.ends_with(b"\n") {
            return Err(Refusal::Gone("the server ended the conversation".to_owned()));
        }
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }
}

fn connect(errand: &Errand) -> Result<TcpStream, Refusal> {
    let now = Refusal::Gone;
    let addresses: Vec<SocketAddr> = (errand.server.as_str(), errand.port)
        .to_socket_addrs()
        .map_err(|error| now(format!("no address of {}: {error}", errand.server)))?
        .collect();
    let mut last = now(format!("{} has no address", errand.server));
    for address in addresses {
        match TcpStream::connect_timeout(&address, errand.step) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = now(format!("connect to {address}: {error}")),
        }
    }
    Err(last)
}

#[expect(clippy::needless_pass_by_value, reason = "it is mapped over")]
fn gone(error: std::io::Error) -> Refusal {
    let is_late = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
    Refusal::Gone(if is_late {
        "the server does not answer".to_owned()
    } else {
        format!("the conversation broke: {error}")
    })
}

/// Lines that an answer may have.
const LINES: usize = 100;
/// Bytes of a line (RFC 5321 §4.5.3.1.5 says 512; servers say more).
const LINE: u64 = 2048;
