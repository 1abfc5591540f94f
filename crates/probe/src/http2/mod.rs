//! One exchange by HTTP/2 (RFC 9113), of which the page and the question for health are made. In clear text it begins with
//! prior knowledge (§3.3), over TLS the server has taken `h2` by ALPN.
//!
//! The server may do no more than answer: it pushes nothing, opens nothing, and what it sends beside the answer is counted
//! (`meter`).

mod meter;
mod refusal;

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;

use h2::client::{Builder, SendRequest};
use h2::{FlowControl, RecvStream};
use health::Failure;
use hyper::body::Bytes;
use hyper::{HeaderMap, Request, Response};

use self::meter::{Ledger, Metered};
use crate::patience::Patience;
use crate::stream::Stream;

/// The name of it for ALPN (RFC 9113 §3.2).
pub(crate) const ALPN: &[u8] = b"h2";

/// Sends `request`, with `payload` or without a body, and has the answer from `read`, which gets it with its head.
///
/// **Errors**: those of `read`; there is no answer by HTTP/2, or none in time.
pub(crate) async fn exchange<T, F>(
    stream: Stream,
    request: Request<()>,
    payload: Option<Bytes>,
    patience: Patience,
    read: impl FnOnce(Response<Body>) -> F,
) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let ledger = Ledger::default();
    let client = limited().handshake(Metered::new(stream, ledger.clone()));
    let (sender, mut connection) =
        patience.wait("connection", client).await?.map_err(|error| ledger.failure(&error))?;
    let mut is_open = true;
    let answer = {
        let mut conversation = pin!(async {
            let response = ask(sender, request, payload, &ledger).await?;
            read(response).await
        });
        // The connection moves only while somebody polls it. What breaks it, the conversation hears of.
        let both = std::future::poll_fn(|context| {
            let said = conversation.as_mut().poll(context);
            if said.is_pending() && is_open {
                ledger.begin_turn();
                is_open = Pin::new(&mut connection).poll(context).is_pending();
            }
            said
        });
        patience.wait("whole answer", both).await?
    };
    if is_open {
        // Nobody asks any more: the connection takes leave (GOAWAY), if that goes at once.
        std::future::poll_fn(|context| {
            let _ = Pin::new(&mut connection).poll(context);
            Poll::Ready(())
        })
        .await;
    }
    answer
}

fn limited() -> Builder {
    let mut builder = Builder::new();
    builder
        .enable_push(false)
        .max_concurrent_streams(0)
        .max_header_list_size(LONGEST_HEAD)
        .max_concurrent_reset_streams(1)
        .data_frame_budget(SMALL_FRAMES);
    builder
}

async fn ask(
    sender: SendRequest<Bytes>,
    request: Request<()>,
    payload: Option<Bytes>,
    ledger: &Ledger,
) -> Result<Response<Body>, Failure> {
    let failed = |error: h2::Error| ledger.failure(&error);
    let mut sender = sender.ready().await.map_err(failed)?;
    let (response, mut way) = sender.send_request(request, payload.is_none()).map_err(failed)?;
    if let Some(payload) = payload {
        way.send_data(payload, true).map_err(failed)?;
    }
    let (head, stream) = response.await.map_err(failed)?.into_parts();
    Ok(Response::from_parts(head, Body { stream, ledger: ledger.clone() }))
}

/// What follows the head of an answer.
pub(crate) struct Body {
    stream: RecvStream,
    ledger: Ledger,
}

impl Body {
    /// The next of it; nothing at its end.
    pub(crate) async fn data(&mut self) -> Result<Option<Bytes>, Failure> {
        let Some(data) = self.stream.data().await else { return Ok(None) };
        let data = data.map_err(|error| self.ledger.failure(&error))?;
        self.ledger.is_payload(data.len());
        let flow: &mut FlowControl = self.stream.flow_control();
        // As much as came may come again; it is refused only of a stream that has ended.
        let _ = flow.release_capacity(data.len());
        Ok(Some(data))
    }

    /// What stands behind its end.
    pub(crate) async fn trailers(&mut self) -> Result<Option<HeaderMap>, Failure> {
        self.stream.trailers().await.map_err(|error| self.ledger.failure(&error))
    }
}

const LONGEST_HEAD: u32 = 64 << 10;
/// What frames may lack to 256 bytes until they are read: those of a whole window (65,535 bytes) of 16 bytes each.
const SMALL_FRAMES: usize = 1 << 20;
