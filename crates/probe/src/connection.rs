//! Sockets to real servers: from which address, through which link, with which mark.

use std::io;
use std::net::{IpAddr, SocketAddr};

use health::Failure;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

use crate::patience::{Patience, not_made};

/// Where a conversation goes, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The server.
    pub server: SocketAddr,
    /// Source address; the kernel's choice without it.
    pub source: Option<IpAddr>,
    /// Source port; the kernel's choice without it.
    pub source_port: Option<u16>,
    /// The link that is used (SO_BINDTODEVICE).
    pub link: Option<String>,
    /// SO_MARK.
    pub mark: Option<u32>,
}

impl Endpoint {
    /// Nothing special on the way to `server`.
    #[must_use]
    pub const fn to(server: SocketAddr) -> Self {
        Self { server, source: None, source_port: None, link: None, mark: None }
    }

    /// A connection.
    pub(crate) async fn connect(&self, patience: Patience) -> Result<TcpStream, Failure> {
        let socket = self
            .socket(Type::STREAM, Protocol::TCP)
            .map_err(|error| not_made("cannot prepare the connection", &error))?;
        let socket = TcpSocket::from_std_stream(socket.into());
        patience.attempt("connection", socket.connect(self.server)).await
    }

    /// A socket for datagrams, connected, so that errors of the way come back.
    pub(crate) fn datagrams(&self, protocol: Protocol) -> Result<UdpSocket, Failure> {
        let open = || {
            let socket = self.socket(Type::DGRAM, protocol)?;
            socket.connect(&self.server.into())?;
            UdpSocket::from_std(socket.into())
        };
        open().map_err(|error| not_made("cannot prepare the datagram", &error))
    }

    fn socket(&self, kind: Type, protocol: Protocol) -> io::Result<Socket> {
        // In one call to the kernel: thousands are made each second.
        let kind = kind.nonblocking();
        let socket = Socket::new(Domain::for_address(self.server), kind, Some(protocol))?;
        if let Some(link) = &self.link {
            socket.bind_device(Some(link.as_bytes()))?;
        }
        if let Some(mark) = self.mark {
            socket.set_mark(mark)?;
        }
        if self.source.is_some() || self.source_port.is_some() {
            let any = match self.server {
                SocketAddr::V4(_) => IpAddr::from([0; 4]),
                SocketAddr::V6(_) => IpAddr::from([0; 16]),
            };
            // The connection before may still be in TIME_WAIT at this port.
            socket.set_reuse_address(self.source_port.is_some())?;
            let port = self.source_port.unwrap_or(0);
            socket.bind(&SocketAddr::new(self.source.unwrap_or(any), port).into())?;
        }
        Ok(socket)
    }
}
