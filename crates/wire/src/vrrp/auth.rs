//! Authentication of VRRPv2: none, a password in clear, or an IP authentication header before the packet.
//!
//! RFC 3768 took authentication out and left the field; the incumbent keeps the password of RFC 2338 §5.3.6.2, and so
//! do its users. It guards against mistakes, not against people. The header is in [`header`];
//! the trailer, which proves adverts of either version, in [`trailer`].

mod header;
mod trailer;

use core::fmt;

pub use header::{AuthenticatedPacket, HEADER_PROTOCOL, HeaderKey, sign};
pub(super) use header::{LEN as HEADER_LEN, blank};
pub use trailer::{KeyId, LEN as TRAILER_LEN, Seal, Stamp, TrailedPacket, TrailerKey};

/// What proves a VRRPv2 sender.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Authentication {
    /// Type 0: the data is sent as zeros and not looked at.
    #[default]
    None,
    /// Type 1: eight bytes, the password padded with zeros.
    Pass([u8; Self::LEN]),
    /// Type 2: the proof stands in a header before the packet, the data is sent as zeros and not looked at.
    Header,
}

impl Authentication {
    /// Bytes of authentication data, which every VRRPv2 packet ends with.
    pub const LEN: usize = 8;

    /// The password `text`, cut to eight bytes.
    #[must_use]
    pub fn pass(text: &[u8]) -> Self {
        Self::Pass(padded(text))
    }

    /// The number in the packet.
    #[must_use]
    pub const fn number(&self) -> u8 {
        match self {
            Self::None => NONE,
            Self::Pass(_) => PASS,
            Self::Header => HEADER,
        }
    }

    /// The data at the end of the packet.
    #[must_use]
    pub const fn data(&self) -> [u8; Self::LEN] {
        match self {
            Self::None | Self::Header => [0; Self::LEN],
            Self::Pass(data) => *data,
        }
    }
}

impl fmt::Debug for Authentication {
    /// Passwords stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Pass(_) => "Pass(..)",
            Self::Header => "Header",
        })
    }
}

pub(super) const NONE: u8 = 0;
pub(super) const PASS: u8 = 1;
pub(super) const HEADER: u8 = 2;

/// Eight bytes of `text`, with zeros behind a shorter one.
fn padded(text: &[u8]) -> [u8; Authentication::LEN] {
    let mut data = [0; Authentication::LEN];
    for (byte, given) in data.iter_mut().zip(text) {
        *byte = *given;
    }
    data
}
