//! The IP authentication header in front of a VRRPv2 advertisement over IPv4 (`auth_type AH`).
//!
//! It looks like that of IPsec, and is made and checked here alone: no kernel policy is involved. The digest covers
//! the whole datagram with the fields zeroed that routers change, where the incumbent, and so we, count the TTL of a
//! multicast as one that nobody changes. **Source**: RFC 2402 §2 and §3.3.3, RFC 2403, RFC 2338 §5.3.6.3, packets of
//! the incumbent.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! | next hdr 112  |   length 4    |               0               |
//! |            security parameters index = IP source              |
//! |                        sequence number                        |
//! |                 HMAC-MD5-96 of the datagram                   |
//! |                                                               |
//! |                                                               |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use core::fmt;
use core::net::Ipv4Addr;
use core::ops::Range;

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;
use subtle::ConstantTimeEq as _;

use crate::ip::{self, Ipv4Header, Ipv4Packet};
use crate::vrrp::{AdvertisementPacket, Arrival, Authentication, Discard, PROTOCOL};

/// The key of an authentication header: a password, as in [`Authentication::Pass`].
#[derive(Clone)]
pub struct HeaderKey {
    password: [u8; Authentication::LEN],
    /// What every digest begins with: two blocks of MD5 that depend on the key alone.
    keyed: Hmac<Md5>,
}

impl HeaderKey {
    /// The key of the password `text`, cut to eight bytes.
    #[must_use]
    pub fn new(text: &[u8]) -> Self {
        let password = super::padded(text);
        let mut block = [0; 64];
        block[KEY].copy_from_slice(&password);
        Self { password, keyed: Hmac::new(&block.into()) }
    }
}

impl PartialEq for HeaderKey {
    fn eq(&self, other: &Self) -> bool {
        self.password == other.password
    }
}

impl Eq for HeaderKey {}

impl fmt::Debug for HeaderKey {
    /// Keys stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeaderKey(..)")
    }
}

/// A datagram with an authentication header before its advertisement; nothing is proved yet.
#[derive(Clone, Copy, Debug)]
pub struct AuthenticatedPacket<'a> {
    ip: &'a [u8; Ipv4Header::LEN],
    header: &'a [u8; LEN],
    arrival: Arrival,
    advertisement: AdvertisementPacket<'a>,
}

impl<'a> AuthenticatedPacket<'a> {
    /// A view into a whole IPv4 datagram.
    ///
    /// **Errors**: [`Discard::IpHeader`] also for one with options, whose digest has no agreed form;
    /// [`Discard::Protocol`]; [`Discard::HeaderMalformed`] where a field is not as VRRP has it, the index included;
    /// [`Discard::Length`].
    pub fn from_ipv4(datagram: &'a [u8]) -> Result<Self, Discard> {
        let packet = Ipv4Packet::new_checked(datagram).map_err(|_| Discard::IpHeader)?;
        let meaning = Ipv4Header::parse(&packet).map_err(|_| Discard::IpHeader)?;
        let ip = packet.header_without_options().ok_or(Discard::IpHeader)?;
        if meaning.protocol != HEADER_PROTOCOL {
            return Err(Discard::Protocol);
        }
        let (header, message) =
            packet.payload().split_first_chunk::<LEN>().ok_or(Discard::HeaderMalformed)?;
        if header.first_chunk() != Some(&FIXED) || header.get(INDEX) != ip.get(ip::field::SOURCE) {
            return Err(Discard::HeaderMalformed);
        }
        let arrival = Arrival::from((meaning.source, meaning.destination, meaning.ttl));
        let advertisement = AdvertisementPacket::new_checked(message)?;
        Ok(Self { ip, header, arrival, advertisement })
    }

    /// The advertisement behind the header, and how it arrived.
    #[must_use]
    pub const fn advertisement(&self) -> (AdvertisementPacket<'a>, Arrival) {
        (self.advertisement, self.arrival)
    }

    /// The sequence number, which no sender uses twice.
    #[must_use]
    pub fn sequence(&self) -> u32 {
        self.header
            .get(SEQUENCE)
            .and_then(<[u8]>::first_chunk)
            .map_or(0, |octets| u32::from_be_bytes(*octets))
    }

    /// Whether who made it knows `key`. Takes the same time whatever is wrong.
    ///
    /// **Errors**: [`Discard::Digest`].
    pub fn verify(&self, key: &HeaderKey) -> Result<(), Discard> {
        let made = digest(key, self.ip, self.header, self.advertisement.as_bytes());
        let given = self.header.get(DIGEST).unwrap_or_default();
        if bool::from(made.as_slice().ct_eq(given)) { Ok(()) } else { Err(Discard::Digest) }
    }
}

/// The header before an advertisement from `source`, neither numbered nor signed.
pub(in crate::vrrp) fn blank(source: Ipv4Addr) -> [u8; LEN] {
    let mut header = [0; LEN];
    header[START].copy_from_slice(&FIXED);
    header[INDEX].copy_from_slice(&source.octets());
    header
}

/// Numbers and signs a whole datagram that begins with an IPv4 header without options and [`blank`]; does nothing to
/// any other.
pub fn sign(datagram: &mut [u8], key: &HeaderKey, sequence: u32) {
    let Some((ip, rest)) = datagram.split_first_chunk_mut::<{ Ipv4Header::LEN }>() else { return };
    let Some((header, message)) = rest.split_first_chunk_mut::<LEN>() else { return };
    header[SEQUENCE].copy_from_slice(&sequence.to_be_bytes());
    let digest = digest(key, ip, header, message);
    header[DIGEST].copy_from_slice(&digest);
}

/// HMAC-MD5-96 over the datagram with what may change on its way, and the digest itself, as zeros.
fn digest(
    key: &HeaderKey,
    ip: &[u8; Ipv4Header::LEN],
    header: &[u8; LEN],
    message: &[u8],
) -> [u8; DIGEST_LEN] {
    let mut ip = *ip;
    ip[ip::field::TOS] = 0;
    ip[ip::field::FRAGMENT].fill(0);
    ip[ip::field::CHECKSUM].fill(0);
    if !is_multicast(&ip) {
        ip[ip::field::TTL] = 0;
    }
    let mut mac = key.keyed.clone();
    mac.update(&ip);
    mac.update(header.get(..DIGEST.start).unwrap_or_default());
    mac.update(&[0; DIGEST_LEN]);
    mac.update(message);
    let whole: [u8; 16] = mac.finalize().into_bytes().into();
    whole.first_chunk().copied().unwrap_or_default()
}

fn is_multicast(ip: &[u8; Ipv4Header::LEN]) -> bool {
    let first = ip.get(ip::field::DESTINATION).and_then(|octets| octets.first());
    first.is_some_and(|octet| octet & 0xf0 == 0xe0)
}

/// IP protocol number of the authentication header.
pub const HEADER_PROTOCOL: u8 = 51;
/// Bytes of the header.
pub(in crate::vrrp) const LEN: usize = 24;
/// Next header, length in words of four bytes less two, and what is reserved.
const FIXED: [u8; 4] = [PROTOCOL, 4, 0, 0];
const START: Range<usize> = 0..4;
const INDEX: Range<usize> = 4..8;
const SEQUENCE: Range<usize> = 8..12;
const DIGEST: Range<usize> = 12..LEN;
const DIGEST_LEN: usize = 12;
/// The key in its block: what follows is zero (RFC 2104 §2).
const KEY: Range<usize> = 0..Authentication::LEN;
