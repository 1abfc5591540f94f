//! An echo (keepalived: `PING_CHECK`), by the kernel's ICMP sockets, which need no privilege but a group within
//! `net.ipv4.ping_group_range`. The kernel fills in identifier and checksum.

use health::Failure;
use socket2::Protocol;

use crate::Endpoint;
use crate::patience::Patience;

/// An echo to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingSpec {
    /// Of whom; the port means nothing.
    pub endpoint: Endpoint,
    /// The number of the request. A shell takes another for each.
    pub sequence: u16,
}

pub(crate) async fn run(spec: &PingSpec, patience: Patience) -> Result<(), Failure> {
    let (protocol, request, reply) = if spec.endpoint.server.is_ipv4() {
        (Protocol::ICMPV4, 8, 0)
    } else {
        (Protocol::ICMPV6, 128, 129)
    };
    let socket = spec.endpoint.datagrams(protocol)?;
    let [high, low] = spec.sequence.to_be_bytes();
    let echo = [request, 0, 0, 0, 0, 0, high, low];
    patience.attempt("way for the request", socket.send(&echo)).await?;
    let mut buffer = [0; 64];
    loop {
        let length = patience.attempt("echo", socket.recv(&mut buffer)).await?;
        if let Some([kind, _, _, _, _, _, number @ ..]) =
            buffer.get(..length).and_then(<[u8]>::first_chunk::<8>)
            && *kind == reply
            && *number == [high, low]
        {
            return Ok(());
        }
    }
}
