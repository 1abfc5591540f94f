//! A page by HTTP/2.

use health::Failure;
use hyper::header::USER_AGENT;
use hyper::http::response::Parts;
use hyper::{Request, Uri, Version};

use super::answer::{Answer, Reading};
use super::tap::{Keep, RawAnswer};
use super::{HttpSpec, judge, not_askable};
use crate::http2::{self, Body};
use crate::patience::Patience;
use crate::stream::Stream;

pub(super) async fn ask(
    spec: &HttpSpec,
    request: Request<()>,
    stream: Stream,
    keep: Keep,
    patience: Patience,
) -> Result<(Answer, RawAnswer), Failure> {
    http2::exchange(stream, request, None, patience, async |response| {
        let (head, body) = response.into_parts();
        judge::head(spec, head.status, &head.headers)?;
        read(spec, &head, body, keep).await
    })
    .await
}

/// Also where only the head counts, the answer has to be whole.
async fn read(
    spec: &HttpSpec,
    head: &Parts,
    mut body: Body,
    keep: Keep,
) -> Result<(Answer, RawAnswer), Failure> {
    let mut reading = Reading::of(spec, spec.digest.is_some());
    let (keeps, mut sent) = (keep == Keep::All, Vec::new());
    while let Some(data) = body.data().await? {
        reading.take(&data)?;
        if keeps {
            sent.extend_from_slice(&data);
        }
    }
    // Where trailers are announced but broken, so is the answer.
    body.trailers().await?;
    let head = if keeps { written(head) } else { Vec::new() };
    Ok((reading.end(true), RawAnswer { head, body: sent }))
}

pub(super) fn request(spec: &HttpSpec) -> Result<Request<()>, Failure> {
    let scheme = if spec.tls.is_some() { "https" } else { "http" };
    let uri = Uri::builder()
        .scheme(scheme)
        .authority(spec.host.as_str())
        .path_and_query(spec.path.as_str())
        .build()
        .map_err(|error| not_askable(spec, &error))?;
    Request::get(uri)
        .version(Version::HTTP_2)
        .header(USER_AGENT, super::AGENT)
        .body(())
        .map_err(|error| not_askable(spec, &error))
}

/// A head, which was sent packed, as HTTP/1 would have written it.
fn written(head: &Parts) -> Vec<u8> {
    let mut text = format!("HTTP/2 {}\r\n", head.status.as_u16()).into_bytes();
    for (name, value) in &head.headers {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text
}
