//! Lines of a conversation, bounded.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

/// The next line without its end.
///
/// **Errors**: the connection ends or breaks before the end of the line, or the line is longer than 1 KiB.
pub(crate) async fn line(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    from.take(LONGEST).read_until(b'\n', &mut line).await?;
    if line.pop_if(|last| *last == b'\n').is_none() {
        let kind = io::ErrorKind::InvalidData;
        return Err(if line.is_empty() {
            io::ErrorKind::UnexpectedEof.into()
        } else {
            io::Error::new(kind, "a line that does not end")
        });
    }
    line.pop_if(|last| *last == b'\r');
    Ok(line)
}

const LONGEST: u64 = 1024;
