//! A page (keepalived: `HTTP_GET`, `SSL_GET`). The answer is read to its end, and no further than [`LONGEST`]; nothing
//! of it is kept but its digest, and what an expression is to be found in.

mod answer;
mod judge;
mod refusal;
mod tap;

use std::future::Future as _;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::pin::pin;

use health::Failure;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, USER_AGENT};
use hyper::{Request, Version};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use self::answer::Answer;
pub(crate) use self::answer::LONGEST_SEARCHED;
pub use self::judge::ExpectedHeader;
use self::refusal::refused;
pub use self::tap::RawAnswer;
use self::tap::{Keep, Tap, Tapped};
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
    /// The Host header.
    pub host: String,
    /// How to ask.
    pub protocol: HttpProtocol,
    /// Over TLS; none for plain.
    pub tls: Option<Tls>,
    /// Which answers are good; empty for any.
    pub statuses: Vec<RangeInclusive<u16>>,
    /// Headers that have to be there.
    pub headers: Vec<ExpectedHeader>,
    /// The MD5 of the body as it is sent, with the frames of chunks; none for any.
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
    let (answer, tap) = ask(spec, keep, patience).await?;
    judge::body(spec, &answer, &tap, patience).await
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
    let (answer, tap) = ask(&any, Keep::All, Patience::until(deadline)).await?;
    tap.into_raw(answer.length)
}

/// Asks, and reads the answer as far as it is good: one with a wrong head is left at that.
async fn ask(spec: &HttpSpec, keep: Keep, patience: Patience) -> Result<(Answer, Tap), Failure> {
    let request = request(spec)?;
    let stream = spec.endpoint.connect(patience).await?;
    let stream = match &spec.tls {
        Some(tls) => tls.over(stream, spec.endpoint.server.ip(), patience).await?,
        None => Stream::Plain(stream),
    };
    let client = http1::Builder::new()
        .title_case_headers(true)
        .max_buf_size(LONGEST_HEAD)
        .max_headers(MOST_HEADERS)
        .handshake::<_, Empty<Bytes>>(TokioIo::new(Tapped::new(stream, keep)));
    let (mut sender, mut connection) =
        patience.wait("connection", client).await?.map_err(|error| refused(&error))?;
    let answer = {
        let mut conversation = pin!(async {
            let response = sender.send_request(request).await.map_err(|error| refused(&error))?;
            answer::read(spec, response).await
        });
        // The connection moves only while somebody polls it. What breaks it, the conversation hears of, for its request
        // waits there from the start.
        let mut is_open = true;
        let both = std::future::poll_fn(|context| {
            let said = conversation.as_mut().poll(context);
            is_open = is_open
                && said.is_pending()
                && Pin::new(&mut connection).poll(context).is_pending();
            said
        });
        patience.wait("whole answer", both).await?
    };
    let tap = connection.into_parts().io.into_inner().into_tap();
    Ok((answer?, tap))
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

/// Of an answer without its head.
const LONGEST: usize = 64 << 20;
const LONGEST_HEAD: usize = 64 << 10;
const MOST_HEADERS: usize = 256;
