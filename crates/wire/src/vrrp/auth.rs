//! Authentication of VRRPv2: none, or a password in clear.
//!
//! RFC 3768 took authentication out and left the field; the incumbent keeps the password of RFC 2338 §5.3.6.2, and so
//! do its users. It guards against mistakes, not against people.

use core::fmt;

/// What proves a VRRPv2 sender.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Authentication {
    /// Type 0: the data is sent as zeros and not looked at.
    #[default]
    None,
    /// Type 1: eight bytes, the password padded with zeros.
    Pass([u8; Self::LEN]),
}

impl Authentication {
    /// Bytes of authentication data, which every VRRPv2 packet ends with.
    pub const LEN: usize = 8;

    /// The password `text`, cut to eight bytes.
    #[must_use]
    pub fn pass(text: &[u8]) -> Self {
        let mut data = [0; Self::LEN];
        for (byte, given) in data.iter_mut().zip(text) {
            *byte = *given;
        }
        Self::Pass(data)
    }

    /// The number in the packet.
    #[must_use]
    pub const fn number(&self) -> u8 {
        match self {
            Self::None => NONE,
            Self::Pass(_) => PASS,
        }
    }

    /// The data at the end of the packet.
    #[must_use]
    pub const fn data(&self) -> [u8; Self::LEN] {
        match self {
            Self::None => [0; Self::LEN],
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
        })
    }
}

pub(super) const NONE: u8 = 0;
pub(super) const PASS: u8 = 1;
/// IP authentication header: a known type, in a packet that cannot carry it.
pub(super) const AH: u8 = 2;
