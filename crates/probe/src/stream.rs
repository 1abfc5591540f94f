//! A connection, with TLS or without, as one type.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use health::Failure;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::patience::Patience;
use crate::{Endpoint, Tls};

/// What a conversation goes over.
pub(crate) enum Stream {
    Plain(TcpStream),
    Protected(Box<TlsStream<TcpStream>>, End),
}

/// What the end of the bytes means where the server did not announce it by TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing: many servers just close.
    Usual,
    /// Somebody may have cut the answer off.
    Suspect,
}

impl Stream {
    /// A connection to `endpoint`, with TLS where that is said. `protocol`: what has to be spoken over it (ALPN).
    pub(crate) async fn open(
        endpoint: &Endpoint,
        tls: Option<&Tls>,
        protocol: Option<&[u8]>,
        patience: Patience,
    ) -> Result<Self, Failure> {
        let stream = endpoint.connect(patience).await?;
        if protocol.is_some() {
            // Short frames follow each other, and none is to wait until the one before is acknowledged.
            let _ = stream.set_nodelay(true);
        }
        match tls {
            Some(tls) => tls.over(stream, endpoint.server.ip(), protocol, patience).await,
            None => Ok(Self::Plain(stream)),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Protected(stream, end) => {
                let is_end = |error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof;
                Pin::new(stream.as_mut()).poll_read(context, buffer).map(|read| match read {
                    Err(error) if is_end(&error) && *end == End::Usual => Ok(()),
                    read => read,
                })
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Protected(stream, _) => Pin::new(stream.as_mut()).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Protected(stream, _) => Pin::new(stream.as_mut()).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            // It is closed behind this, which says the same.
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Protected(stream, _) => Pin::new(stream.as_mut()).poll_shutdown(context),
        }
    }
}
