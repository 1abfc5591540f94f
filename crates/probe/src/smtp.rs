//! The greeting of a mail server (keepalived: `SMTP_CHECK`): its banner, HELO and QUIT (RFC 5321 §4.2).

use health::Failure;
use tokio::io::{AsyncBufRead, AsyncWriteExt as _, BufReader};

use crate::Endpoint;
use crate::lines::line;
use crate::patience::{Patience, wrong};

/// A greeting to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpSpec {
    /// With whom.
    pub endpoint: Endpoint,
    /// The name that we give.
    pub name: String,
}

pub(crate) async fn run(spec: &SmtpSpec, patience: Patience) -> Result<(), Failure> {
    let mut stream = BufReader::new(spec.endpoint.connect(patience).await?);
    expect("banner", 220, &mut stream, patience).await?;
    let hello = format!("HELO {}\r\n", spec.name);
    patience.attempt("way for HELO", stream.write_all(hello.as_bytes())).await?;
    expect("answer to HELO", 250, &mut stream, patience).await?;
    // A server that does not hear the farewell has served all the same.
    let _ = patience.attempt("way for QUIT", stream.write_all(b"QUIT\r\n")).await;
    Ok(())
}

/// A reply of one line, or of several that are joined by a hyphen, with the code `expected`.
async fn expect(
    what: &str,
    expected: u16,
    from: &mut (impl AsyncBufRead + Unpin),
    patience: Patience,
) -> Result<(), Failure> {
    for _ in 0..MOST_LINES {
        let line = patience.attempt(what, line(from)).await?;
        let (code, goes_on) = code(&line).ok_or_else(|| wrong(format!("{what} is no reply")))?;
        if code != expected {
            return Err(wrong(format!("{what} says {code}, not {expected}")));
        }
        if !goes_on {
            return Ok(());
        }
    }
    Err(wrong(format!("{what} has more than {MOST_LINES} lines")))
}

/// The code of a line, and whether another line follows.
fn code(line: &[u8]) -> Option<(u16, bool)> {
    let (code, rest) = line.split_at_checked(3)?;
    let code = std::str::from_utf8(code).ok()?.parse().ok()?;
    match rest.first() {
        None | Some(b' ') => Some((code, false)),
        Some(b'-') => Some((code, true)),
        Some(_) => None,
    }
}

const MOST_LINES: usize = 100;
