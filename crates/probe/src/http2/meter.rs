//! How much a server sends, which has to be in proportion to what it answers: frames that carry nothing (SETTINGS, PING,
//! padding, provisional heads) are work for us and none for a deadline.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use health::Failure;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::refusal;
use crate::patience::wrong;
use crate::stream::Stream;

/// What is known of a connection beside what its frames mean. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    /// Bytes that came.
    came: usize,
    /// Bytes of them that are of the answer.
    payload: usize,
    /// Bytes that came since the conversation was asked last whether it goes on.
    turn: usize,
    /// Why nothing more is read: what came is refused here.
    refused: Option<Failure>,
    /// How it ended by itself.
    end: Option<Failure>,
}

impl Ledger {
    /// Notes that so many bytes are of the answer.
    pub(super) fn is_payload(&self, length: usize) {
        let mut entries = self.entries();
        entries.payload = entries.payload.saturating_add(length);
    }

    /// Notes that the conversation has taken what it can use, and dropped what it cannot.
    pub(super) fn begin_turn(&self) {
        self.entries().turn = 0;
    }

    /// Whether enough came for now. What nobody has looked at yet may take up much more room than its bytes: provisional
    /// heads of packed fields 150 times as much.
    fn is_turn_over(&self) -> bool {
        self.entries().turn >= TURN
    }

    /// Why the exchange failed. What is refused here comes first; then what the frames say, for a server that gives up says
    /// so before it closes; then how the connection ended.
    pub(super) fn failure(&self, error: &h2::Error) -> Failure {
        let entries = self.entries();
        let end = entries.end.as_ref().filter(|_| error.is_io());
        entries.refused.as_ref().or(end).cloned().unwrap_or_else(|| refusal::of(error))
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of what was read; says why it goes no further.
    fn take(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut entries = self.entries();
        let before = entries.came;
        entries.came = before.saturating_add(bytes.len());
        entries.turn = entries.turn.saturating_add(bytes.len());
        // The first frame of a server is its SETTINGS (RFC 9113 §3.4).
        let kind = KIND_AT.checked_sub(before).and_then(|at| bytes.get(at));
        if kind.is_some_and(|kind| *kind != SETTINGS) {
            return Err(wrong("the server does not speak HTTP/2"));
        }
        if entries.came > entries.payload.saturating_mul(2).saturating_add(ROOM) {
            return Err(wrong("the server sends too much beside the answer"));
        }
        Ok(())
    }

    fn end(&self, failure: Failure) {
        self.entries().end.get_or_insert(failure);
    }

    fn refuse(&self, failure: Failure) {
        self.entries().refused.get_or_insert(failure);
    }
}

/// A stream that is counted.
pub(super) struct Metered {
    stream: Stream,
    ledger: Ledger,
}

impl Metered {
    pub(super) const fn new(stream: Stream, ledger: Ledger) -> Self {
        Self { stream, ledger }
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.ledger.is_turn_over() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        match &read {
            Poll::Ready(Ok(())) => {
                let bytes = buffer.filled().get(before..).unwrap_or_default();
                if bytes.is_empty() {
                    this.ledger.end(wrong("the connection ends within the exchange"));
                }
                if let Err(failure) = this.ledger.take(bytes) {
                    this.ledger.refuse(failure);
                    return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                }
            }
            Poll::Ready(Err(error)) => this.ledger.end(refusal::of_connection(error)),
            Poll::Pending => {}
        }
        read
    }
}

/// Who does not listen any more may have answered before, and what he said waits to be read: that writing fails is no news,
/// reading ends as well and says why.
impl AsyncWrite for Metered {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.get_mut().stream).poll_write(context, bytes);
        written.map(|written| Ok(written.unwrap_or(bytes.len())))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context).map(|_| Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context).map(|_| Ok(()))
    }
}

/// Where the kind of a frame stands in it (RFC 9113 §4.1).
const KIND_AT: usize = 3;
const SETTINGS: u8 = 4;
/// More than the longest head and its frames.
const ROOM: usize = 256 << 10;
/// A frame of the usual length.
const TURN: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_http_2_shows_in_its_first_frame() {
        let other = Err(wrong("the server does not speak HTTP/2"));
        assert_eq!(Ledger::default().take(b"HTTP/1.1 400 Bad Request\r\n"), other);
        let slow = Ledger::default();
        assert_eq!(slow.take(b"HT"), Ok(()));
        assert_eq!(slow.take(b"TP"), other);
        let good = Ledger::default();
        assert_eq!(good.take(&[0, 0, 0]), Ok(()));
        assert_eq!(good.take(&[4, 0, 0, 0, 0, 0]), Ok(()));
        assert_eq!(good.take(b"anything"), Ok(()));
    }

    #[test]
    fn what_came_is_looked_at_before_more_is_read() {
        let ledger = Ledger::default();
        assert_eq!(ledger.take(&[4; (16 << 10) - 1]), Ok(()));
        assert!(!ledger.is_turn_over());
        assert_eq!(ledger.take(&[4]), Ok(()));
        assert!(ledger.is_turn_over());
        ledger.begin_turn();
        assert!(!ledger.is_turn_over());
    }

    #[test]
    fn much_may_come_only_where_much_is_answered() {
        let ledger = Ledger::default();
        let block = [0, 0, 0, 4].repeat(16 << 10);
        for _ in 0..4 {
            assert_eq!(ledger.take(&block), Ok(()));
        }
        assert!(ledger.take(&[0]).is_err());
        ledger.is_payload(64 << 10);
        assert_eq!(ledger.take(&block), Ok(()));
    }
}
