//! Conversations with real servers: one file for each kind of check.
//!
//! [`run`] has one conversation and says how it ended, at the latest at its deadline: the deadline is that of the
//! whole, so that a server which drips cannot stretch it. What is read is bounded. There is no retry, no state that
//! is shared and no opinion here; those are `health`'s.
#![forbid(unsafe_code)]

mod connection;
mod dns;
mod expression;
mod grpc;
mod http;
mod http2;
mod lines;
mod patience;
mod ping;
mod smtp;
mod spec;
mod stream;
mod tcp;
mod tls;
mod udp;

pub use connection::Endpoint;
pub use dns::{DnsSpec, NameError, QueryName, QueryType};
pub use expression::{Expression, ExpressionError, ExpressionOptions};
pub use grpc::GrpcSpec;
pub use http::{ExpectedHeader, HttpProtocol, HttpSpec, RawAnswer, fetch};
pub use ping::PingSpec;
pub use smtp::SmtpSpec;
pub use spec::{Spec, run};
pub use tcp::TcpSpec;
pub use tls::{Authorities, Identity, Tls, TlsError, TlsOptions, Trust};
pub use udp::{ReplyPattern, UdpSpec};
