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
    /// The MD5 of the body, without frames.
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
    let wants_digest = spec.digest.is_some() && !is_chunked;
    let wants_text = spec.expression.is_some() || spec.text.is_some();
    let (mut digest, mut length) = (Md5::new(), 0_usize);
    let mut first = Vec::new();
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| refused(&error))?;
        let Some(data) = frame.data_ref() else { continue };
        length = length.saturating_add(data.len());
        if length > LONGEST {
            return Err(too_long());
        }
        if wants_digest {
            digest.update(data);
        }
        if wants_text {
            let room = LONGEST_SEARCHED.saturating_sub(first.len());
            first.extend_from_slice(data.get(..room).unwrap_or(data));
        }
    }
    Ok(Answer {
        whole: length,
        length: (!is_chunked).then_some(length),
        digest: digest.finalize().into(),
        body: first,
    })
}

pub(super) fn too_long() -> Failure {
    wrong(format!("the answer is longer than {} MiB", LONGEST >> 20))
}

/// What is searched of a body.
pub(crate) const LONGEST_SEARCHED: usize = 256 << 10;
