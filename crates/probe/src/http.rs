//! A page (keepalived: `HTTP_GET`). The answer is read to its end, and no further than [`LONGEST`]; nothing of it is
//! kept but its digest.

use std::future::Future as _;
use std::ops::RangeInclusive;
use std::pin::pin;

use health::Failure;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, USER_AGENT};
use hyper::{Request, Response, Version};
use hyper_util::rt::TokioIo;
use md5::{Digest as _, Md5};

use crate::Endpoint;
use crate::patience::{Patience, wrong};

/// A page to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSpec {
    /// Of whom.
    pub endpoint: Endpoint,
    /// Which, such as `/index.html?x=1`.
    pub path: String,
    /// The Host header.
    pub host: String,
    /// How to ask.
    pub protocol: HttpProtocol,
    /// Which answers are good; empty for any.
    pub statuses: Vec<RangeInclusive<u16>>,
    /// The MD5 of the body; none for any.
    pub digest: Option<[u8; 16]>,
}

/// How to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpProtocol {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.0 with `Connection: close`.
    Http10Close,
    /// HTTP/1.1 with `Connection: close`.
    Http11,
}

pub(crate) async fn run(spec: &HttpSpec, patience: Patience) -> Result<(), Failure> {
    let request = request(spec)?;
    let stream = TokioIo::new(spec.endpoint.connect(patience).await?);
    let client = http1::Builder::new()
        .title_case_headers(true)
        .max_buf_size(LONGEST_HEAD)
        .max_headers(MOST_HEADERS)
        .handshake::<_, Empty<Bytes>>(stream);
    let (mut sender, connection) =
        patience.wait("connection", client).await?.map_err(|error| refused(&error))?;
    let mut connection = pin!(connection);
    let mut conversation = pin!(async {
        let response = sender.send_request(request).await.map_err(|error| refused(&error))?;
        judge(spec, response).await
    });
    // The connection moves only while somebody polls it. What breaks it, the conversation hears of.
    let mut is_open = true;
    let both = std::future::poll_fn(|context| {
        is_open = is_open && connection.as_mut().poll(context).is_pending();
        conversation.as_mut().poll(context)
    });
    patience.wait("whole answer", both).await?
}

fn request(spec: &HttpSpec) -> Result<Request<Empty<Bytes>>, Failure> {
    let (version, closes) = match spec.protocol {
        HttpProtocol::Http10 => (Version::HTTP_10, false),
        HttpProtocol::Http10Close => (Version::HTTP_10, true),
        HttpProtocol::Http11 => (Version::HTTP_11, true),
    };
    let mut request =
        Request::get(&spec.path).version(version).header(USER_AGENT, "KeepAliveClient");
    if closes {
        request = request.header(CONNECTION, "close");
    }
    let request = request.header(HOST, &spec.host);
    request.body(Empty::new()).map_err(|error| Failure {
        kind: health::FailureKind::NotMade,
        why: format!("cannot ask for `{}`: {error}", spec.path),
    })
}

/// The status first, then the body: also where only the status counts, the answer has to be whole.
async fn judge(spec: &HttpSpec, response: Response<Incoming>) -> Result<(), Failure> {
    let status = response.status().as_u16();
    if !spec.statuses.is_empty() && !spec.statuses.iter().any(|good| good.contains(&status)) {
        return Err(wrong(format!("status {status}")));
    }
    let mut digest = Md5::new();
    let mut length = 0_usize;
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| refused(&error))?;
        let Some(data) = frame.data_ref() else { continue };
        length = length.saturating_add(data.len());
        if length > LONGEST {
            return Err(wrong(format!("answer is longer than {} MiB", LONGEST >> 20)));
        }
        if spec.digest.is_some() {
            digest.update(data);
        }
    }
    let found: [u8; 16] = digest.finalize().into();
    match spec.digest {
        Some(expected) if expected != found => {
            Err(wrong(format!("digest {}", found.map(|byte| format!("{byte:02x}")).concat())))
        }
        _ => Ok(()),
    }
}

/// What hyper says, with what is behind it: `connection error: connection reset`.
fn refused(error: &hyper::Error) -> Failure {
    let source = std::error::Error::source(error);
    let why = match source {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    wrong(why)
}

/// Of an answer without its head.
const LONGEST: usize = 64 << 20;
const LONGEST_HEAD: usize = 64 << 10;
const MOST_HEADERS: usize = 256;
