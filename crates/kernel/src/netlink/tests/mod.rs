//! The codec against captured bytes, against someone else's codec, and against any bytes.

mod any_bytes;
mod captured;
mod reference;
mod reference_paths;

use std::net::IpAddr;

use intent::{Address, Flags, IfIndex, Lifetime, PROTOCOL_KEEPALIVED};

use super::message::{Message, Messages};

/// The only message in `bytes`.
fn only(bytes: &[u8]) -> Message<'_> {
    let mut messages = Messages(bytes);
    let message = messages.next().expect("a message");
    assert!(messages.next().is_none(), "one message only");
    message
}

/// A global address of the daemon's, without end.
fn address(interface: u32, address: impl Into<IpAddr>, prefix: u8) -> Address {
    Address {
        interface: IfIndex(interface),
        address: address.into(),
        prefix,
        peer: None,
        broadcast: None,
        scope: 0,
        label: None,
        lifetime: Lifetime::Forever,
        preferred: Lifetime::Forever,
        flags: Flags::default(),
        protocol: PROTOCOL_KEEPALIVED,
    }
}
