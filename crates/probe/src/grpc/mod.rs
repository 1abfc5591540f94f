//! Whether a gRPC server says of itself that it serves: `grpc.health.v1.Health/Check`, the protocol for health checks of
//! gRPC (github.com/grpc/grpc, `doc/health-checking.md`), over HTTP/2 as `doc/PROTOCOL-HTTP2.md` has it.

mod message;
mod status;

use health::{Failure, FailureKind};
use hyper::header::{CONTENT_TYPE, TE, USER_AGENT};
use hyper::{Request, Response, StatusCode, Uri, Version};

use self::message::Health;
use crate::http2::{self, Body};
use crate::patience::{Patience, wrong};
use crate::stream::Stream;
use crate::{Endpoint, Tls};

/// A question for health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcSpec {
    /// Of whom.
    pub endpoint: Endpoint,
    /// Of which service of it; empty for the server as a whole.
    pub service: String,
    /// `:authority`.
    pub host: String,
    /// Over TLS; none for clear text.
    pub tls: Option<Tls>,
}

pub(crate) async fn run(spec: &GrpcSpec, patience: Patience) -> Result<(), Failure> {
    let payload = message::request(&spec.service)
        .ok_or_else(|| not_askable("the name of the service is too long"))?;
    let request = request(spec, patience)?;
    let tls = spec.tls.as_ref();
    let stream = Stream::open(&spec.endpoint, tls, Some(http2::ALPN), patience).await?;
    http2::exchange(stream, request, Some(payload.into()), patience, judge).await
}

fn request(spec: &GrpcSpec, patience: Patience) -> Result<Request<()>, Failure> {
    let scheme = if spec.tls.is_some() { "https" } else { "http" };
    let uri = Uri::builder()
        .scheme(scheme)
        .authority(spec.host.as_str())
        .path_and_query(METHOD)
        .build()
        .map_err(|error| not_askable(&format!("`{}`: {error}", spec.host)))?;
    // So that the server gives up what we do not wait for. 8 digits at most.
    let milliseconds = patience.left().as_millis().clamp(1, 99_999_999);
    Request::post(uri)
        .version(Version::HTTP_2)
        .header(TE, "trailers")
        .header(CONTENT_TYPE, "application/grpc")
        .header("grpc-accept-encoding", "identity")
        .header("grpc-timeout", format!("{milliseconds}m"))
        .header(USER_AGENT, "KeepAliveClient")
        .body(())
        .map_err(|error| not_askable(&error.to_string()))
}

fn not_askable(why: &str) -> Failure {
    Failure { kind: FailureKind::NotMade, why: format!("cannot ask for the health: {why}") }
}

/// The status of the call stands behind the message, or, where there is none, in the head.
async fn judge(response: Response<Body>) -> Result<(), Failure> {
    let (head, mut body) = response.into_parts();
    if head.status != StatusCode::OK {
        return Err(wrong(format!("status {}", head.status.as_u16())));
    }
    let kind = head.headers.get(CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    if !kind.starts_with(b"application/grpc") {
        return Err(wrong("the answer is not gRPC"));
    }
    if head.headers.contains_key(status::NAME) {
        status::judge(&head.headers)?;
        return Err(wrong("the answer has no message"));
    }
    let mut message = Vec::new();
    while let Some(data) = body.data().await? {
        message.extend_from_slice(&data);
        if message.len() > LONGEST {
            return Err(wrong(format!("the message is longer than {} KiB", LONGEST >> 10)));
        }
    }
    let trailers = body.trailers().await?.ok_or_else(|| wrong("the answer has no grpc-status"))?;
    status::judge(&trailers)?;
    match message::response(&message).map_err(wrong)? {
        Health::Serving => Ok(()),
        Health::Other(code) => Err(wrong(format!("health {}", message::word(code)))),
    }
}

const METHOD: &str = "/grpc.health.v1.Health/Check";
/// A message has two bytes, and what later versions of it add.
const LONGEST: usize = 64 << 10;
