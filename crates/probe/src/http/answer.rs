//! Reading an answer: its head is looked at first, and the body only where the head is good.

use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::TRANSFER_ENCODING;
use md5::{Digest as _, Md5};

use health::Failure;

use super::judge;
use super::refusal::refused;
use super::{HttpSpec, LONGEST};
use crate::patience::wrong;

/// An answer whose head is good.
pub(super) struct Answer {
    /// Of the body; none where it came in chunks, whose frames count for its digest.
    pub(super) length: Option<usize>,
    /// The MD5 of the body; without frames until these are known.
    pub(super) digest: [u8; 16],
    /// The first of the body, without frames; nothing where nobody looks at it.
    pub(super) body: Vec<u8>,
    /// Of all of it, without frames.
    pub(super) whole: usize,
}

/// Also where only the head counts, the answer has to be whole.
pub(super) async fn read(spec: &HttpSpec, response: Response<Incoming>) -> Result<Answer, Failure> {
    judge::head(spec, response.status(), response.headers())?;
    let is_chunked = response.headers().contains_key(TRANSFER_ENCODING);
    let mut reading = Reading::of(spec, spec.digest.is_some() && !is_chunked);
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| refused(&error))?;
        if let Some(data) = frame.data_ref() {
            reading.take(data)?;
        }
    }
    Ok(reading.end(!is_chunked))
}

/// A body that is being read.
pub(super) struct Reading {
    wants_digest: bool,
    wants_text: bool,
    digest: Md5,
    first: Vec<u8>,
    length: usize,
}

impl Reading {
    pub(super) fn of(spec: &HttpSpec, wants_digest: bool) -> Self {
        let wants_text = spec.expression.is_some() || spec.text.is_some();
        Self { wants_digest, wants_text, digest: Md5::new(), first: Vec::new(), length: 0 }
    }

    /// **Errors**: it is too long.
    pub(super) fn take(&mut self, data: &[u8]) -> Result<(), Failure> {
        self.length = self.length.saturating_add(data.len());
        if self.length > LONGEST {
            return Err(too_long());
        }
        if self.wants_digest {
            self.digest.update(data);
        }
        if self.wants_text {
            let room = LONGEST_SEARCHED.saturating_sub(self.first.len());
            self.first.extend_from_slice(data.get(..room).unwrap_or(data));
        }
        Ok(())
    }

    /// `has_length`: it came without frames of chunks.
    pub(super) fn end(self, has_length: bool) -> Answer {
        Answer {
            whole: self.length,
            length: has_length.then_some(self.length),
            digest: self.digest.finalize().into(),
            body: self.first,
        }
    }
}

pub(super) fn too_long() -> Failure {
    wrong(format!("the answer is longer than {} MiB", LONGEST >> 20))
}

/// What is searched of a body.
pub(crate) const LONGEST_SEARCHED: usize = 256 << 10;
