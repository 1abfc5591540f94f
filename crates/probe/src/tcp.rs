//! A connection, and nothing else (keepalived: `TCP_CHECK`).

use health::Failure;

use crate::Endpoint;
use crate::patience::Patience;

/// A connection to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpSpec {
    /// To whom.
    pub endpoint: Endpoint,
}

pub(crate) async fn run(spec: &TcpSpec, patience: Patience) -> Result<(), Failure> {
    spec.endpoint.connect(patience).await.map(drop)
}
