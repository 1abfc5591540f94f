//! What adverts are proved with, beyond the field of VRRPv2.

use core::time::Duration;

use wire::vrrp::{HeaderKey, KeyId, TrailerKey};

/// A proof and its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// `auth_type AH`: an IP authentication header before each advert.
    Header(HeaderKey),
    /// `auth_hmac`: a trailer behind each advert.
    Trailer(Trailer),
}

impl Proof {
    /// The key of authentication headers, where these are used.
    #[must_use]
    pub const fn header(&self) -> Option<&HeaderKey> {
        match self {
            Self::Header(key) => Some(key),
            Self::Trailer(_) => None,
        }
    }

    /// The settings of trailers, where these are used.
    #[must_use]
    pub const fn trailer(&self) -> Option<&Trailer> {
        match self {
            Self::Header(_) => None,
            Self::Trailer(trailer) => Some(trailer),
        }
    }
}

/// `auth_hmac`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// `key`, in the order of the file; none only where the instance is held back.
    pub keys: Vec<(KeyId, TrailerKey)>,
    /// `active_key`: the one that is sent with, one of `keys`.
    pub active: Option<KeyId>,
    /// `time_window`: how far the time of an advert may be from ours.
    pub window: Duration,
    /// `anti_replay`.
    pub freshness: Freshness,
    /// `mode`.
    pub mode: TrailerMode,
}

impl Trailer {
    /// The key of this number.
    #[must_use]
    pub fn key(&self, id: KeyId) -> Option<&TrailerKey> {
        self.keys.iter().find(|(other, _)| *other == id).map(|(_, key)| key)
    }

    /// The key to send with; none where nothing is sent.
    #[must_use]
    pub fn sending(&self) -> Option<(KeyId, &TrailerKey)> {
        let id = self.active.filter(|_| self.mode != TrailerMode::ReceiveOnly)?;
        Some((id, self.key(id)?))
    }
}

/// What a repeated advert is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// `time`: its time is too far from ours, or not above that of the one before.
    Time,
    /// `monotonic`: its time is not above that of the one before, whatever our clock says.
    Monotonic,
}

/// What is done with adverts without a trailer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrailerMode {
    /// They are refused.
    Enforce,
    /// They are heard.
    Permissive,
    /// They are heard, and ours are such.
    ReceiveOnly,
}
