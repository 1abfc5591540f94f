//! What can be asked, and the one door to ask it.

use health::{Outcome, WeightEffect};
use tokio::time::Instant;

use crate::patience::Patience;
use crate::{
    DnsSpec, GrpcSpec, HttpSpec, PingSpec, SmtpSpec, TcpSpec, UdpSpec, dns, grpc, http, ping, smtp,
    tcp, udp,
};

/// One conversation to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spec {
    /// A connection, and nothing else.
    Tcp(TcpSpec),
    /// A page.
    Http(Box<HttpSpec>),
    /// The health of a gRPC server.
    Grpc(Box<GrpcSpec>),
    /// A greeting of a mail server.
    Smtp(SmtpSpec),
    /// A query of a name server.
    Dns(DnsSpec),
    /// A datagram.
    Udp(UdpSpec),
    /// An echo.
    Ping(PingSpec),
}

/// Has one conversation, until `deadline` at the latest.
pub async fn run(spec: &Spec, deadline: Instant) -> Outcome {
    let patience = Patience::until(deadline);
    let result = match spec {
        Spec::Tcp(spec) => tcp::run(spec, patience).await,
        Spec::Http(spec) => http::run(spec, patience).await,
        Spec::Grpc(spec) => grpc::run(spec, patience).await,
        Spec::Smtp(spec) => smtp::run(spec, patience).await,
        Spec::Dns(spec) => dns::run(spec, patience).await,
        Spec::Udp(spec) => udp::run(spec, patience).await,
        Spec::Ping(spec) => ping::run(spec, patience).await,
    };
    match result {
        Ok(()) => Outcome::Passed(WeightEffect::None),
        Err(failure) => Outcome::Failed(failure),
    }
}
