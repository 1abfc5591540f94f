//! A page (keepalived: `HTTP_GET`, `SSL_GET`). The answer is read to its end, and no further than [`LONGEST`]; nothing
//! of it is kept but its digest, and what an expression is to be found in.

mod answer;
mod judge;
mod one;
mod refusal;
mod tap;
mod two;

use std::ops::RangeInclusive;

use health::{Failure, FailureKind};
use hyper::Version;
use tokio::time::Instant;

use self::answer::Answer;
pub(crate) use self::answer::LONGEST_SEARCHED;
pub use self::judge::ExpectedHeader;
use self::tap::Keep;
pub use self::tap::RawAnswer;
use crate::http2;
use crate::patience::Patience;
use crate::stream::Stream;
use crate::{Endpoint, Expression, Tls};

/// A page to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSpec {
    /// Of whom.
    pub endpoint: Endpoint,
    /// Which, such as `/index.html?x=1`.
    pub path: String,
    /// The Host header; `:authority` of HTTP/2.
    pub host: String,
    /// How to ask.
    pub protocol: HttpProtocol,
    /// Over TLS; none for plain.
    pub tls: Option<Tls>,
    /// Which answers are good; empty for any.
    pub statuses: Vec<RangeInclusive<u16>>,
    /// Headers that have to be there.
    pub headers: Vec<ExpectedHeader>,
    /// The MD5 of the body as it is sent, with the frames of chunks, but not those of HTTP/2; none for any.
    pub digest: Option<[u8; 16]>,
    /// What the body has to match, or must not.
    pub expression: Option<Expression>,
    /// What the body has to contain.
    pub text: Option<String>,
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
    /// HTTP/2, by ALPN over TLS, with prior knowledge in clear text.
    Http2,
}

impl HttpSpec {
    /// `path` of the host `host`, by HTTP/1.0 and without TLS; any answer is good.
    #[must_use]
    pub fn new(endpoint: Endpoint, path: impl Into<String>, host: impl Into<String>) -> Self {
        Self {
            endpoint,
            path: path.into(),
            host: host.into(),
            protocol: HttpProtocol::Http10,
            tls: None,
            statuses: Vec::new(),
            headers: Vec::new(),
            digest: None,
            expression: None,
            text: None,
        }
    }
}

pub(crate) async fn run(spec: &HttpSpec, patience: Patience) -> Result<(), Failure> {
    let keep = if spec.digest.is_some() { Keep::Digest } else { Keep::Nothing };
    let (answer, _) = ask(spec, keep, patience).await?;
    judge::body(spec, &answer, patience).await
}

/// The answer of a server, whatever it is, as it is sent.
///
/// **Errors**: there is none, or not a whole one, until `deadline`.
pub async fn fetch(spec: &HttpSpec, deadline: Instant) -> Result<RawAnswer, Failure> {
    let any = HttpSpec {
        statuses: Vec::new(),
        headers: Vec::new(),
        digest: None,
        expression: None,
        text: None,
        ..spec.clone()
    };
    Ok(ask(&any, Keep::All, Patience::until(deadline)).await?.1)
}

/// Asks, and reads the answer as far as it is good: one with a wrong head is left at that. What was sent comes with it, where
/// that is kept.
async fn ask(
    spec: &HttpSpec,
    keep: Keep,
    patience: Patience,
) -> Result<(Answer, RawAnswer), Failure> {
    let tls = spec.tls.as_ref();
    let (version, closes) = match spec.protocol {
        HttpProtocol::Http10 => (Version::HTTP_10, false),
        HttpProtocol::Http10Close => (Version::HTTP_10, true),
        HttpProtocol::Http11 => (Version::HTTP_11, true),
        HttpProtocol::Http2 => {
            let request = two::request(spec)?;
            let stream = Stream::open(&spec.endpoint, tls, Some(http2::ALPN), patience).await?;
            return two::ask(spec, request, stream, keep, patience).await;
        }
    };
    let request = one::request(spec, version, closes)?;
    let stream = Stream::open(&spec.endpoint, tls, None, patience).await?;
    one::ask(spec, request, stream, keep, patience).await
}

/// A request that cannot be written.
fn not_askable(spec: &HttpSpec, error: &hyper::http::Error) -> Failure {
    let why = format!("cannot ask for `{}`: {error}", spec.path);
    Failure { kind: FailureKind::NotMade, why }
}

/// What we call ourselves, as keepalived does.
const AGENT: &str = "KeepAliveClient";
/// Of an answer without its head.
const LONGEST: usize = 64 << 20;
