//! Why bytes have no meaning, and why a meaning has no bytes.
//!
//! VRRP has its own [`Discard`](crate::vrrp::Discard), because each of its reasons is a counter; everything else is
//! refused with the coarser [`Malformed`], since nobody counts it.

use thiserror::Error;

/// Why bytes are not a packet of the protocol that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// Fewer bytes than the header, or than a length field promises: usually a capture cut short.
    #[error("packet is shorter than its headers say")]
    Truncated,
    /// Another protocol, or another message of this one; not an error on a socket that sees all traffic.
    #[error("packet is of another kind")]
    Kind,
    /// A field holds a value that its RFC forbids.
    #[error("packet holds a forbidden value")]
    Value,
    /// The checksum is wrong: damage on the way, or a sender that left it to hardware.
    #[error("packet has a wrong checksum")]
    Checksum,
    /// The hop limit is not 255: the packet was forwarded, so it is not from this link (RFC 4861 §7.1).
    #[error("packet was forwarded by a router")]
    HopLimit,
}

/// Why a value could not be written as a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EmitError {
    /// The buffer given is shorter than `len()` of the value.
    #[error("packet needs {needed} bytes, buffer has {room}")]
    NoRoom {
        /// Bytes that the packet takes.
        needed: usize,
        /// Bytes that there are.
        room: usize,
    },
    /// VRRPv2 has no IPv6 form.
    #[error("VRRPv2 cannot carry IPv6 addresses")]
    VersionFamily,
    /// The pseudo header's addresses are of another family than the virtual addresses.
    #[error("source and destination are not of the family of the virtual addresses")]
    AddressFamily,
}
