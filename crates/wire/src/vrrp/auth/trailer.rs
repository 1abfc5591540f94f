//! The trailer of HMAC-SHA256 behind an advertisement of either version (`auth_hmac`).
//!
//! The checksum of VRRP does not cover it, the length of the IP datagram does. What is proved: sender, version and
//! VRID, the packet with a checksum of zero, and the trailer without its digest. **Source**: keepalived after 2.3
//! (draft-cassen-vrrp-auth-hmac), HMAC of RFC 2104 cut to 16 bytes.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |    type 1     |    key id     |               0               |
//! |                      seconds since 1970                       |
//! |   fraction (1/65536 second)   |            counter            |
//! |                     first half of the HMAC                    |
//! |                          (16 bytes)                           |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use core::fmt;
use core::net::IpAddr;
use core::num::NonZeroU8;
use core::ops::Range;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::vrrp::packet::field;
use crate::vrrp::{AdvertisementPacket, Authentication, Discard};
use crate::{Family, Version};

/// A key of 32 to 64 bytes.
#[derive(Clone)]
pub struct TrailerKey {
    block: [u8; BLOCK],
    /// What every digest begins with: two blocks of SHA-256 that depend on the key alone.
    keyed: Hmac<Sha256>,
}

impl TrailerKey {
    /// The shortest one.
    pub const LEAST: usize = 32;
    /// The longest one.
    pub const MOST: usize = BLOCK;

    /// The key `bytes`, or nothing where it is too short or too long.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        if !(Self::LEAST..=Self::MOST).contains(&bytes.len()) {
            return None;
        }
        // A shorter key and the same with zeros behind it are one to HMAC (RFC 2104 §2).
        let mut block = [0; BLOCK];
        block.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self { block, keyed: Hmac::new(&block.into()) })
    }
}

impl PartialEq for TrailerKey {
    fn eq(&self, other: &Self) -> bool {
        self.block == other.block
    }
}

impl Eq for TrailerKey {}

impl fmt::Debug for TrailerKey {
    /// Keys stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TrailerKey(..)")
    }
}

/// Number of a key, by which a sender names the one that it used.
pub type KeyId = NonZeroU8;

/// When a packet was made, and which of those made then.
///
/// **Shape**: ordered as the number of 64 bits that its fields make, the seconds first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Since 1970.
    pub seconds: u32,
    /// In 1/65536 of a second.
    pub fraction: u16,
    /// Of packets with the same time.
    pub counter: u16,
}

impl Stamp {
    /// The fields as one number.
    #[must_use]
    pub const fn number(self) -> u64 {
        let [a, b, c, d] = self.seconds.to_be_bytes();
        let [e, g] = self.fraction.to_be_bytes();
        let [h, i] = self.counter.to_be_bytes();
        u64::from_be_bytes([a, b, c, d, e, g, h, i])
    }
}

/// An advertisement in two parts: the packet itself, and its trailer.
#[derive(Clone, Copy, Debug)]
pub struct TrailedPacket<'a> {
    message: &'a [u8],
    trailer: Option<&'a [u8; LEN]>,
}

impl<'a> TrailedPacket<'a> {
    /// Parts `packet`, whose own fields say where the advertisement ends.
    ///
    /// **Errors**: [`Discard::TrailerMalformed`] where what is behind is no trailer, or its fixed fields are others;
    /// [`Discard::Length`] where the packet is shorter than it says; [`Discard::Version`].
    pub fn part(packet: &AdvertisementPacket<'a>, family: Family) -> Result<Self, Discard> {
        let (message, rest) =
            packet.as_bytes().split_at_checked(length(packet, family)?).ok_or(Discard::Length)?;
        if rest.is_empty() {
            return Ok(Self { message, trailer: None });
        }
        let trailer: &[u8; LEN] = rest.try_into().map_err(|_| Discard::TrailerMalformed)?;
        let [kind, id, reserved0, reserved1, ..] = *trailer;
        if kind != KIND || id == 0 || [reserved0, reserved1] != [0, 0] {
            return Err(Discard::TrailerMalformed);
        }
        Ok(Self { message, trailer: Some(trailer) })
    }

    /// The packet without its trailer.
    ///
    /// **Errors**: [`Discard::Length`], which parting has excluded.
    pub fn advertisement(&self) -> Result<AdvertisementPacket<'a>, Discard> {
        AdvertisementPacket::new_checked(self.message)
    }

    /// The key that the sender names and its time, where there is a trailer.
    #[must_use]
    pub fn claim(&self) -> Option<(KeyId, Stamp)> {
        let [_, id, _, _, s0, s1, s2, s3, f0, f1, c0, c1, ..] = *self.trailer?;
        let stamp = Stamp {
            seconds: u32::from_be_bytes([s0, s1, s2, s3]),
            fraction: u16::from_be_bytes([f0, f1]),
            counter: u16::from_be_bytes([c0, c1]),
        };
        Some((KeyId::new(id)?, stamp))
    }

    /// Whether `source` made it and knows `key`. Takes the same time whatever is wrong.
    ///
    /// **Errors**: [`Discard::Digest`]; [`Discard::TrailerMissing`].
    pub fn verify(&self, source: IpAddr, key: &TrailerKey) -> Result<(), Discard> {
        let trailer = self.trailer.ok_or(Discard::TrailerMissing)?;
        let (head, given) = trailer.split_at_checked(HEAD).ok_or(Discard::TrailerMalformed)?;
        let made = digest(key, source, self.message, head);
        if bool::from(made.as_slice().ct_eq(given)) { Ok(()) } else { Err(Discard::Digest) }
    }
}

/// The trailer of an advertisement. It depends neither on the destination nor on the checksum, so that one serves all
/// peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal([u8; LEN]);

impl Seal {
    /// That of `message`, an advertisement with [room](super::TRAILER_LEN) for it behind; none where there is no room.
    #[must_use]
    pub fn new(
        message: &[u8],
        source: IpAddr,
        id: KeyId,
        key: &TrailerKey,
        stamp: Stamp,
    ) -> Option<Self> {
        let (message, _) = message.split_last_chunk::<LEN>()?;
        let mut trailer = [0; LEN];
        trailer[0] = KIND;
        trailer[1] = id.get();
        trailer[STAMP].copy_from_slice(&stamp.number().to_be_bytes());
        let (head, tag) = trailer.split_at_mut(HEAD);
        tag.copy_from_slice(&digest(key, source, message, head));
        Some(Self(trailer))
    }

    /// Writes it into the room behind an advertisement; does nothing where there is none.
    pub fn put(&self, message: &mut [u8]) {
        if let Some(room) = message.last_chunk_mut() {
            *room = self.0;
        }
    }
}

/// Bytes of the advertisement itself, by its version, its count and its family.
fn length(packet: &AdvertisementPacket<'_>, family: Family) -> Result<usize, Discard> {
    let authentication = match packet.version_number() {
        version if version == Version::V2.number() => Authentication::LEN,
        version if version == Version::V3.number() => 0,
        _ => return Err(Discard::Version),
    };
    let address = match family {
        Family::Ipv4 => 4,
        Family::Ipv6 => 16,
    };
    let addresses = usize::from(packet.count()) * address;
    Ok(AdvertisementPacket::HEADER_LEN + addresses + authentication)
}

/// The first half of HMAC-SHA256 over pseudo header, packet, head of the trailer, and zeros in the place of the digest.
fn digest(key: &TrailerKey, source: IpAddr, message: &[u8], head: &[u8]) -> [u8; DIGEST_LEN] {
    let mut mac = key.keyed.clone();
    mac.update(&pseudo_header(source, message));
    let (before, rest) = message.split_at_checked(field::CHECKSUM.start).unwrap_or_default();
    mac.update(before);
    mac.update(&[0; 2]);
    mac.update(rest.get(2..).unwrap_or_default());
    mac.update(head);
    mac.update(&[0; DIGEST_LEN]);
    let whole: [u8; 32] = mac.finalize().into_bytes().into();
    whole.first_chunk().copied().unwrap_or_default()
}

/// Family, version, VRID, zero, and the sender's address with zeros behind a shorter one.
fn pseudo_header(source: IpAddr, message: &[u8]) -> [u8; 20] {
    let version = message.first().map_or(0, |first| first >> 4);
    let vrid = message.get(field::VRID).copied().unwrap_or(0);
    let mut header = [0; 20];
    header[1] = version;
    header[2] = vrid;
    match source {
        IpAddr::V4(source) => {
            header[0] = 4;
            header[SOURCE_V4].copy_from_slice(&source.octets());
        }
        IpAddr::V6(source) => {
            header[0] = 6;
            header[SOURCE_V6].copy_from_slice(&source.octets());
        }
    }
    header
}

/// Bytes of the trailer.
pub const LEN: usize = HEAD + DIGEST_LEN;
/// Bytes before its digest.
const HEAD: usize = 12;
const DIGEST_LEN: usize = 16;
/// The only type of trailer there is.
const KIND: u8 = 1;
const STAMP: Range<usize> = 4..12;
const SOURCE_V4: Range<usize> = 4..8;
const SOURCE_V6: Range<usize> = 4..20;
/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;
