//! Why an advertisement is refused.
//!
//! Each reason is a counter and a log line, so each is a variant; whether the log line is written is the shell's
//! business. **Source**: RFC 9568 §7.1, RFC 3768 §7.1, RFC 2338 §7.1.

use core::fmt;

/// Reason for which a received packet changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Discard {
    /// The IPv4 header makes no sense, or the datagram is a fragment. Usually a hand-made packet.
    IpHeader,
    /// The IP protocol is another than VRRP uses.
    Protocol,
    /// An authentication header where none is expected. Usually `auth_type AH` on one router only.
    HeaderUnexpected,
    /// No authentication header where one is expected. Usually `auth_type AH` on one router only.
    HeaderMissing,
    /// The authentication header is not as VRRP has it: its fields, or an index that is not the sender's address.
    /// Usually address translation on the way (RFC 2402 §2).
    HeaderMalformed,
    /// The digest is wrong. Usually another password, or a router or firewall that changed the packet (RFC 2402 §3.4.4).
    Digest,
    /// The number or time was used before by its sender: somebody repeats an old packet (RFC 2402 §3.4.3). Usually a
    /// peer that was started anew and counts from one.
    Replay,
    /// No trailer where one is expected. Usually `auth_hmac` on one router only.
    TrailerMissing,
    /// What follows the advertisement is no trailer. Usually `auth_hmac` of another release, or a damaged packet.
    TrailerMalformed,
    /// The trailer names a key that is not configured. Usually a key that was added on one router only.
    UnknownKey,
    /// The time in the trailer is too far from ours. Usually clocks that nobody keeps right.
    Stale,
    /// Shorter or longer than its header and its count of addresses say. Usually a peer that appends an
    /// authentication trailer, or a truncated capture played back.
    Length,
    /// It arrived over the other address family than its router speaks. Usually a VRID used for both.
    Family,
    /// TTL or hop limit is out of bounds: it was forwarded, or the sender is no VRRP router (RFC 9568 §5.1.1.3).
    HopLimit,
    /// Another version than configured. Usually one of two routers lacks `version 3` (RFC 9568 §5.2.1).
    Version,
    /// The authentication type is none that VRRP has. Usually a damaged packet (RFC 2338 §5.3.6).
    AuthenticationUnknown,
    /// The authentication type is another than configured. Usually a password set on one router only.
    AuthenticationType,
    /// The password is wrong. Usually a typing error, or two parties with one VRID (RFC 2338 §5.3.6.2).
    Authentication,
    /// VRRPv2: the advertisement interval differs from ours (RFC 3768 §7.1). VRRPv3: it is zero, which would let
    /// nobody wait. Usually `advert_int` changed on one router only.
    Interval,
    /// The packet is no advertisement, the only type there is (RFC 9568 §5.2.2).
    Type,
    /// The checksum is wrong. Usually `v3_checksum_as_v2` on one router only (RFC 9568 §5.2.8).
    Checksum,
    /// VRRPv3: no address at all (RFC 9568 §5.2.5 and erratum 8299). Usually an instance whose addresses are all excluded.
    AddressCount,
    /// Multicast where unicast is expected, or the reverse. Usually `unicast_peer` on one router only.
    Casting,
    /// A unicast packet from a host that is no configured peer. Usually an incomplete `unicast_peer`.
    Source,
    /// No router with this VRID on this interface. Usually another pair on the same LAN (RFC 9568 §7.1).
    UnknownVrid,
    /// The local router owns the addresses and listens to nobody (RFC 9568 §7.1).
    AddressOwner,
    /// The addresses are others than configured, and the receiver insists (RFC 3768 §7.1). Usually
    /// `virtual_ipaddress` changed on one router only.
    AddressList,
}

impl Discard {
    /// Every reason, in the order of the checks; the position is [`index`](Self::index).
    pub const ALL: [Self; 27] = [
        Self::IpHeader,
        Self::Protocol,
        Self::HeaderUnexpected,
        Self::HeaderMissing,
        Self::HeaderMalformed,
        Self::Digest,
        Self::Replay,
        Self::TrailerMissing,
        Self::TrailerMalformed,
        Self::UnknownKey,
        Self::Stale,
        Self::Length,
        Self::Family,
        Self::HopLimit,
        Self::Version,
        Self::AuthenticationUnknown,
        Self::AuthenticationType,
        Self::Authentication,
        Self::Interval,
        Self::Type,
        Self::Checksum,
        Self::AddressCount,
        Self::Casting,
        Self::Source,
        Self::UnknownVrid,
        Self::AddressOwner,
        Self::AddressList,
    ];

    /// A name for counters that stays the same between releases.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IpHeader => "ip_header",
            Self::Protocol => "protocol",
            Self::HeaderUnexpected => "header_unexpected",
            Self::HeaderMissing => "header_missing",
            Self::HeaderMalformed => "header_malformed",
            Self::Digest => "digest",
            Self::Replay => "replay",
            Self::TrailerMissing => "trailer_missing",
            Self::TrailerMalformed => "trailer_malformed",
            Self::UnknownKey => "unknown_key",
            Self::Stale => "stale",
            Self::Length => "length",
            Self::Family => "family",
            Self::HopLimit => "hop_limit",
            Self::Version => "version",
            Self::AuthenticationUnknown => "authentication_unknown",
            Self::AuthenticationType => "authentication_type",
            Self::Authentication => "authentication",
            Self::Interval => "interval",
            Self::Type => "type",
            Self::Checksum => "checksum",
            Self::AddressCount => "address_count",
            Self::Casting => "casting",
            Self::Source => "source",
            Self::UnknownVrid => "unknown_vrid",
            Self::AddressOwner => "address_owner",
            Self::AddressList => "address_list",
        }
    }

    /// Whether it says that the packet is not from whom it claims, as far as it can be known.
    #[must_use]
    pub const fn is_about_authentication(self) -> bool {
        match self {
            Self::HeaderUnexpected
            | Self::HeaderMissing
            | Self::HeaderMalformed
            | Self::Digest
            | Self::Replay
            | Self::TrailerMissing
            | Self::TrailerMalformed
            | Self::UnknownKey
            | Self::Stale => true,
            Self::IpHeader
            | Self::Protocol
            | Self::Length
            | Self::Family
            | Self::HopLimit
            | Self::Version
            | Self::AuthenticationUnknown
            | Self::AuthenticationType
            | Self::Authentication
            | Self::Interval
            | Self::Type
            | Self::Checksum
            | Self::AddressCount
            | Self::Casting
            | Self::Source
            | Self::UnknownVrid
            | Self::AddressOwner
            | Self::AddressList => false,
        }
    }

    /// Position in [`ALL`](Self::ALL), so that counters can be an array.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Discard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IpHeader => "malformed IP header",
            Self::Protocol => "IP protocol is not VRRP",
            Self::HeaderUnexpected => "Received AH header but auth type not AH",
            Self::HeaderMissing => "No AH header but auth type is AH",
            Self::HeaderMalformed => "malformed AH header",
            Self::Digest => "invalid digest: another password or key, or a packet that was changed",
            Self::Replay => "already processed: an old packet is repeated",
            Self::TrailerMissing => "no HMAC trailer",
            Self::TrailerMalformed => "malformed HMAC trailer",
            Self::UnknownKey => "HMAC trailer of an unknown key",
            Self::Stale => "stale: its time is too far from ours",
            Self::Length => "wrong packet length",
            Self::Family => "wrong address family",
            Self::HopLimit => "TTL or hop limit out of bounds",
            Self::Version => "wrong VRRP version",
            Self::AuthenticationUnknown => "unknown authentication type",
            Self::AuthenticationType => "authentication type mismatch",
            Self::Authentication => "wrong password",
            Self::Interval => "advertisement interval mismatch",
            Self::Type => "unknown packet type",
            Self::Checksum => "wrong checksum",
            Self::AddressCount => "no address in it",
            Self::Casting => "multicast and unicast mixed up",
            Self::Source => "sender is no unicast peer",
            Self::UnknownVrid => "unknown VRID",
            Self::AddressOwner => "local router is the address owner",
            Self::AddressList => "virtual addresses mismatch",
        })
    }
}

impl core::error::Error for Discard {}

/// How many packets were refused, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiscardCounters([u64; Discard::ALL.len()]);

impl DiscardCounters {
    /// One more for `reason`; a full counter stays full.
    pub fn count(&mut self, reason: Discard) {
        if let Some(counter) = self.0.get_mut(reason.index()) {
            *counter = counter.saturating_add(1);
        }
    }

    /// How many so far for `reason`.
    #[must_use]
    pub fn of(&self, reason: Discard) -> u64 {
        self.0.get(reason.index()).copied().unwrap_or(0)
    }

    /// All reasons with their counts, zeros included.
    pub fn iter(&self) -> impl Iterator<Item = (Discard, u64)> {
        Discard::ALL.into_iter().zip(self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_index_is_the_position_among_all() {
        for (position, reason) in Discard::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), position, "{reason}");
        }
    }

    #[test]
    fn names_and_texts_are_distinct() {
        let names: BTreeSet<_> = Discard::ALL.iter().map(|reason| reason.name()).collect();
        let texts: BTreeSet<_> = Discard::ALL.iter().map(ToString::to_string).collect();
        assert_eq!((names.len(), texts.len()), (27, 27));
    }

    #[test]
    fn a_counter_counts_its_own_reason_only() {
        let mut counters = DiscardCounters::default();
        counters.count(Discard::Checksum);
        counters.count(Discard::Checksum);
        counters.count(Discard::Type);
        let seen: Vec<_> = counters.iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(seen, [(Discard::Type, 1), (Discard::Checksum, 2)]);
        assert_eq!(counters.of(Discard::Length), 0);
    }
}
