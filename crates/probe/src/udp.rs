//! A datagram (keepalived: `UDP_CHECK`). Without `reply` silence is good: only an error that comes back is not.

use std::io;

use health::{Failure, FailureKind};
use socket2::Protocol;

use crate::Endpoint;
use crate::patience::{Patience, broken, wrong};

/// A datagram to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpSpec {
    /// To whom.
    pub endpoint: Endpoint,
    /// What.
    pub payload: Vec<u8>,
    /// What has to come back; none for silence.
    pub reply: Option<ReplyPattern>,
}

/// What a reply looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyPattern {
    /// How it begins: a value and a mask for each byte, of which the bits in the mask count.
    pub bytes: Vec<(u8, u8)>,
    /// Its least length.
    pub shortest: u16,
    /// What is read of it; one that is longer is cut off here.
    pub longest: u16,
}

pub(crate) async fn run(spec: &UdpSpec, patience: Patience) -> Result<(), Failure> {
    let socket = spec.endpoint.datagrams(Protocol::UDP)?;
    patience.attempt("way for the datagram", socket.send(&spec.payload)).await?;
    let longest = spec.reply.as_ref().map_or(0, |pattern| pattern.longest);
    let mut buffer = vec![0; usize::from(longest).max(1)];
    let received: Result<io::Result<usize>, Failure> =
        patience.wait("reply", socket.recv(&mut buffer)).await;
    match (received, &spec.reply) {
        (Err(failure), None) if failure.kind == FailureKind::TimedOut => Ok(()),
        (Err(failure), _) => Err(failure),
        (Ok(Err(error)), _) => Err(broken("reply", &error)),
        (Ok(Ok(_)), None) => Ok(()),
        (Ok(Ok(length)), Some(pattern)) => pattern.check(buffer.get(..length).unwrap_or(&[])),
    }
}

impl ReplyPattern {
    fn check(&self, reply: &[u8]) -> Result<(), Failure> {
        if reply.len() < usize::from(self.shortest) {
            return Err(wrong(format!(
                "reply is too short: {} of {} bytes",
                reply.len(),
                self.shortest
            )));
        }
        let fits = |((value, mask), byte): (&(u8, u8), &u8)| (value ^ byte) & mask == 0;
        if reply.len() >= self.bytes.len() && self.bytes.iter().zip(reply).all(fits) {
            Ok(())
        } else {
            Err(wrong("reply is another than the expected one"))
        }
    }
}
