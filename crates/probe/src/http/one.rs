//! A page by HTTP/1.0 and 1.1.

use std::future::Future as _;
use std::pin::{Pin, pin};

use health::Failure;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, USER_AGENT};
use hyper::{Request, Version};
use hyper_util::rt::TokioIo;

use super::answer::{self, Answer};
use super::refusal::refused;
use super::tap::{Keep, RawAnswer, Tapped};
use super::{HttpSpec, not_askable};
use crate::patience::Patience;
use crate::stream::Stream;

pub(super) async fn ask(
    spec: &HttpSpec,
    request: Request<Empty<Bytes>>,
    stream: Stream,
    keep: Keep,
    patience: Patience,
) -> Result<(Answer, RawAnswer), Failure> {
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
    let mut answer = answer?;
    // The frames of chunks count for the digest, and the tap alone has seen them.
    if answer.length.is_none() {
        answer.digest = tap.digest();
    }
    let raw = tap.into_raw(answer.length)?;
    Ok((answer, raw))
}

/// `closes`: the server is told that nothing follows.
pub(super) fn request(
    spec: &HttpSpec,
    version: Version,
    closes: bool,
) -> Result<Request<Empty<Bytes>>, Failure> {
    let mut request = Request::get(&spec.path).version(version).header(USER_AGENT, super::AGENT);
    if closes {
        request = request.header(CONNECTION, "close");
    }
    let request = request.header(HOST, &spec.host);
    request.body(Empty::new()).map_err(|error| not_askable(spec, &error))
}

const LONGEST_HEAD: usize = 64 << 10;
const MOST_HEADERS: usize = 256;
