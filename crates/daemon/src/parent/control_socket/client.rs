//! One connection: a line in, lines out.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use clock::Instant;
use kernel::eventloop::{EventLoop, Interest, Token, now};
use status::Line;

use super::answer::Answer;

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) number: u64,
    pub(super) reach: Reach,
    stream: UnixStream,
    phase: Phase,
}

/// What somebody may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Whatever there is: he may connect to the socket, so that he is root.
    Everything,
    /// How everything stands: he speaks to the world, and may be taken over from there.
    Status,
}

#[derive(Debug)]
enum Phase {
    /// The request is coming in.
    Asking { line: Vec<u8>, until: Instant },
    /// The answer is not known yet.
    Waiting,
    /// The answer goes out: made as far as the buffer holds.
    Answering { answer: Box<Answer>, bytes: Vec<u8>, sent: usize, until: Instant },
}

/// What came in.
#[derive(Debug)]
pub(super) enum Heard {
    /// Nothing to act upon.
    Nothing,
    /// A request without its end of line.
    Request(Vec<u8>),
}

/// The connection is over.
#[derive(Debug)]
pub(super) struct Over;

impl Connection {
    pub(super) fn new(stream: UnixStream, number: u64, reach: Reach) -> Self {
        let phase = Phase::Asking { line: Vec::new(), until: now() + TIME_TO_ASK };
        Self { number, reach, stream, phase }
    }

    pub(super) const fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Until when it may keep us waiting.
    pub(super) const fn until(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Asking { until, .. } | Phase::Answering { until, .. } => Some(*until),
            Phase::Waiting => None,
        }
    }

    /// It can be read from or written to, or it is gone.
    ///
    /// **Errors**: it is over.
    pub(super) fn take(&mut self) -> Result<Heard, Over> {
        match &mut self.phase {
            Phase::Asking { line, .. } => {
                let mut bytes = [0; 1024];
                match self.stream.read(&mut bytes) {
                    Ok(0) => Err(Over),
                    Ok(length) => {
                        line.extend_from_slice(bytes.get(..length).unwrap_or_default());
                        if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
                            line.truncate(end);
                        } else if line.len() <= LONGEST_REQUEST {
                            return Ok(Heard::Nothing);
                        }
                        // What is too long is refused with the same words as what is no request.
                        line.truncate(LONGEST_REQUEST);
                        Ok(Heard::Request(std::mem::take(line)))
                    }
                    Err(error) => may_go_on(&error).map(|()| Heard::Nothing),
                }
            }
            // Nothing is watched for but its end.
            Phase::Waiting => Err(Over),
            Phase::Answering { .. } => self.write().map(|()| Heard::Nothing),
        }
    }

    /// The request is there; nothing else is read of this client.
    pub(super) fn wait(&mut self, token: Token, events: &EventLoop) {
        self.phase = Phase::Waiting;
        // One that cannot be watched is noticed when it is written to.
        let _ = events.watch(&self.stream, token, Interest::End);
    }

    /// Begins to answer.
    ///
    /// **Errors**: it is over.
    pub(super) fn begin_answer(
        &mut self,
        answer: Answer,
        token: Token,
        events: &EventLoop,
    ) -> Result<(), Over> {
        let (bytes, until) = (Vec::new(), now() + TIME_TO_READ);
        self.phase = Phase::Answering { answer: Box::new(answer), bytes, sent: 0, until };
        events.watch(&self.stream, token, Interest::Writable).map_err(|_| Over)?;
        self.write()
    }

    /// Sends what the other end takes, a bounded part of it in one turn.
    fn write(&mut self) -> Result<(), Over> {
        let Phase::Answering { answer, bytes, sent, until } = &mut self.phase else {
            return Ok(());
        };
        for _ in 0..WRITES_A_TURN {
            if *sent == bytes.len() {
                bytes.clear();
                *sent = 0;
                while bytes.len() < BUFFER
                    && let Some(line) = answer.next_line()
                {
                    bytes.extend_from_slice(line.to_line().as_bytes());
                }
                if bytes.is_empty() {
                    return Err(Over);
                }
            }
            match self.stream.write(bytes.get(*sent..).unwrap_or_default()) {
                Ok(0) => return Err(Over),
                Ok(length) => {
                    *sent = sent.saturating_add(length);
                    *until = now() + TIME_TO_READ;
                }
                Err(error) => return may_go_on(&error),
            }
        }
        Ok(())
    }
}

/// Tells somebody who is not let in why, if he can be told at once.
pub(super) fn refuse(mut stream: &UnixStream, line: &Line) {
    let _ = stream.write(line.to_line().as_bytes());
}

fn may_go_on(error: &std::io::Error) -> Result<(), Over> {
    let later = [ErrorKind::WouldBlock, ErrorKind::Interrupted];
    if later.contains(&error.kind()) { Ok(()) } else { Err(Over) }
}

/// Bytes of the longest request.
const LONGEST_REQUEST: usize = 4096;
/// Bytes that are made ready before they are sent; one line may be longer.
const BUFFER: usize = 32 * 1024;
/// Buffers that one client is sent before others have their turn.
const WRITES_A_TURN: usize = 8;
/// From connecting to the end of the request.
const TIME_TO_ASK: Duration = Duration::from_secs(5);
/// From one reading of the client to the next.
const TIME_TO_READ: Duration = Duration::from_secs(10);
