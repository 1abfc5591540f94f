//! What a real server answers to a datagram.

use std::net::{Ipv6Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};

pub(super) enum Reply {
    Nothing,
    Bytes(Vec<u8>),
    /// The question sent back as an answer with this response code, and no records.
    Name(u8),
}

/// A port that is listened at until this is dropped.
pub(super) struct Port {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Port {
    pub(super) fn open(port: u16, reply: Reply) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port)).context("bind a port")?;
        socket.set_read_timeout(Some(GLANCE))?;
        let ended = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ended);
        let thread = thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                let mut buffer = [0; 2048];
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                let question = buffer.get(..length).unwrap_or_default();
                if let Some(answer) = reply.to(question) {
                    socket.send_to(&answer, from).ok();
                }
            }
        });
        Ok(Self { ended, thread: Some(thread) })
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Reply {
    fn to(&self, question: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Nothing => None,
            Self::Bytes(bytes) => Some(bytes.clone()),
            Self::Name(code) => {
                let mut answer = question.to_vec();
                // QR, and the response code (RFC 1035 §4.1.1).
                *answer.get_mut(2)? |= 0x80;
                let flags = answer.get_mut(3)?;
                *flags = (*flags & 0xf0) | (code & 0x0f);
                Some(answer)
            }
        }
    }
}

/// How often a port that hears nothing looks whether it is still wanted.
const GLANCE: Duration = Duration::from_millis(100);
