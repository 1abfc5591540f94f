//! Servers that speak HTTP/2: one by a library, for what is asked and answered, and bytes of it for what no library sends.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;

use h2::server::SendResponse;
use hyper::body::Bytes;
use hyper::{HeaderMap, Request, Response};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use super::tcp;

/// What a server was asked.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) head: Request<()>,
    pub(crate) body: Vec<u8>,
}

/// What it answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    /// One frame each.
    pub(crate) data: Vec<Bytes>,
    pub(crate) trailers: Option<Vec<(&'static str, &'static str)>>,
}

/// A server in clear text that has one conversation.
pub(crate) fn plain(reply: impl Fn(&Asked) -> Reply + Send + 'static) -> SocketAddr {
    tcp(move |stream| {
        run(async move { serve(tokio_stream(stream), reply).await });
    })
}

/// The same over TLS; `config` says what is offered by ALPN.
pub(crate) fn protected(
    config: Arc<ServerConfig>,
    reply: impl Fn(&Asked) -> Reply + Send + 'static,
) -> SocketAddr {
    tcp(move |stream| {
        run(async move {
            let stream = TlsAcceptor::from(config).accept(tokio_stream(stream)).await;
            if let Ok(stream) = stream {
                serve(stream, reply).await;
            }
        });
    })
}

fn run(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future);
}

fn tokio_stream(stream: TcpStream) -> tokio::net::TcpStream {
    stream.set_nonblocking(true).unwrap();
    stream.set_nodelay(true).unwrap();
    tokio::net::TcpStream::from_std(stream).unwrap()
}

/// Until the client goes.
async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    reply: impl Fn(&Asked) -> Reply + Send + 'static,
) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    let Some(Ok((request, respond))) = connection.accept().await else { return };
    tokio::spawn(async move {
        let (head, mut stream) = request.into_parts();
        let mut body = Vec::new();
        while let Some(Ok(data)) = stream.data().await {
            body.extend_from_slice(&data);
        }
        let asked = Asked { head: Request::from_parts(head, ()), body };
        answer(respond, reply(&asked));
    });
    while connection.accept().await.is_some() {}
}

fn answer(mut respond: SendResponse<Bytes>, reply: Reply) {
    let mut head = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        head = head.header(name, value);
    }
    let ends_here = reply.data.is_empty() && reply.trailers.is_none();
    let Ok(mut way) = respond.send_response(head.body(()).unwrap(), ends_here) else { return };
    let last = reply.data.len().saturating_sub(1);
    for (number, data) in reply.data.into_iter().enumerate() {
        let ends = number == last && reply.trailers.is_none();
        let _ = way.send_data(data, ends);
    }
    if let Some(trailers) = reply.trailers {
        let mut map = HeaderMap::new();
        for (name, value) in trailers {
            map.insert(name, value.parse().unwrap());
        }
        let _ = way.send_trailers(map);
    }
}

/// A frame (RFC 9113 §4.1).
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A server whose SETTINGS are followed by these bytes. It hears nothing, though it reads.
pub(crate) fn saying(bytes: Vec<u8>) -> SocketAddr {
    talking(move |mut stream| {
        let _ = stream.write_all(&bytes);
    })
}

/// A server whose SETTINGS are followed by these bytes again and again.
pub(crate) fn flooding(begin: Vec<u8>, block: &[u8]) -> SocketAddr {
    let blocks = block.repeat((1 << 16) / block.len());
    talking(move |mut stream| {
        let _ = stream.write_all(&begin);
        while stream.write_all(&blocks).is_ok() {}
    })
}

/// A server that talks behind its SETTINGS once it was asked, while what comes is read and forgotten.
pub(crate) fn talking(talk: impl FnOnce(TcpStream) + Send + 'static) -> SocketAddr {
    tcp(|mut stream| {
        let _ = stream.write_all(&frame(SETTINGS, 0, 0, &[]));
        let mut preface = [0; 24];
        let _ = stream.read_exact(&mut preface);
        // The frame of the request, so that an answer is one to it.
        let _ = read_until_asked(&mut stream);
        let mut ear = stream.try_clone().unwrap();
        thread::spawn(move || std::io::copy(&mut ear, &mut std::io::sink()));
        talk(stream);
    })
}

fn read_until_asked(stream: &mut TcpStream) -> std::io::Result<()> {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let length = usize::from(head[1]) << 8 | usize::from(head[2]);
        stream.read_exact(&mut vec![0; length])?;
        if head[3] == HEADERS {
            return Ok(());
        }
    }
}

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
/// `:status: 200` (RFC 7541, appendix A, 8).
pub(crate) const STATUS_200: &[u8] = &[0x88];
