//! What a web server sends, beside what it means by it: the digest of an answer is that of the bytes on the wire, where
//! the frames of chunks count, as keepalived has it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use health::Failure;
use md5::{Digest as _, Md5};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::LONGEST;
use super::answer::too_long;
use crate::stream::Stream;

/// An answer as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawAnswer {
    /// Until the empty line, with it.
    pub head: Vec<u8>,
    /// What follows, with the frames of chunks.
    pub body: Vec<u8>,
}

impl RawAnswer {
    /// The MD5 of the body, as a check with `digest` counts it.
    #[must_use]
    pub fn digest(&self) -> [u8; 16] {
        Md5::digest(&self.body).into()
    }
}

/// What is kept of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    Nothing,
    Digest,
    All,
}

/// What was seen of an answer.
pub(super) struct Tap {
    keep: Keep,
    part: Part,
    /// The head, as far as it is of interest.
    head: Vec<u8>,
    body: Vec<u8>,
    digest: Md5,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Behind 0 a letter, 1 a carriage return, 2 the end of a line, 3 a carriage return behind that.
    Head(u8),
    Body,
}

impl Tap {
    fn new(keep: Keep) -> Self {
        let (head, body) = (Vec::new(), Vec::new());
        Self { keep, part: Part::Head(0), head, body, digest: Md5::new() }
    }

    /// The MD5 of the body as it was sent.
    pub(super) fn digest(&self) -> [u8; 16] {
        self.digest.clone().finalize().into()
    }

    /// All of it, where it was kept. `length`: of the body, where what follows is no part of it.
    ///
    /// **Errors**: it is too long.
    pub(super) fn into_raw(mut self, length: Option<usize>) -> Result<RawAnswer, Failure> {
        if self.body.len() > LONGEST {
            return Err(too_long());
        }
        self.body.truncate(length.unwrap_or(usize::MAX));
        Ok(RawAnswer { head: self.head, body: self.body })
    }

    fn take(&mut self, mut bytes: &[u8]) {
        if self.keep == Keep::Nothing {
            return;
        }
        while let (Part::Head(matched), Some((first, rest))) = (self.part, bytes.split_first()) {
            bytes = rest;
            // Empty lines before a head are none of it.
            if self.head.is_empty() && matches!(first, b'\r' | b'\n') {
                continue;
            }
            if self.keep == Keep::All || self.head.len() < BEGIN {
                self.head.push(*first);
            }
            // Ends of lines may lack their carriage return.
            match first {
                b'\n' if matched >= 2 => self.end_head(),
                b'\n' => self.part = Part::Head(2),
                b'\r' => self.part = Part::Head(if matched == 2 { 3 } else { 1 }),
                _ => self.part = Part::Head(0),
            }
        }
        if self.keep == Keep::Digest {
            self.digest.update(bytes);
        } else {
            let room = (LONGEST + 1).saturating_sub(self.body.len());
            self.body.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        }
    }

    /// Behind the head of a provisional answer (RFC 9110 §15.2) another one follows.
    fn end_head(&mut self) {
        if self.head.get(8..10) == Some(b" 1") {
            self.head.clear();
            self.part = Part::Head(0);
        } else {
            self.part = Part::Body;
        }
    }
}

/// A stream whose bytes are seen.
pub(super) struct Tapped {
    stream: Stream,
    tap: Tap,
}

impl Tapped {
    pub(super) fn new(stream: Stream, keep: Keep) -> Self {
        Self { stream, tap: Tap::new(keep) }
    }

    pub(super) fn into_tap(self) -> Tap {
        self.tap
    }
}

impl AsyncRead for Tapped {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        this.tap.take(buffer.filled().get(before..).unwrap_or_default());
        read
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// As much of a head as tells a provisional answer.
const BEGIN: usize = 16;
