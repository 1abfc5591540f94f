//! What adverts are proved with, beyond the field of VRRPv2.

use wire::vrrp::HeaderKey;

/// A proof and its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// `auth_type AH`: an IP authentication header before each advert.
    Header(HeaderKey),
}

impl Proof {
    /// The key of authentication headers, where these are used.
    #[must_use]
    pub const fn header(&self) -> Option<&HeaderKey> {
        match self {
            Self::Header(key) => Some(key),
        }
    }
}
