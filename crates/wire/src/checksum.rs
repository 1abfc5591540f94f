//! The Internet checksum: one's complement of the one's complement sum of 16-bit words.
//!
//! **Source**: RFC 1071 §1; incremental update RFC 1624 §3; IPv6 pseudo header RFC 8200 §8.1.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A sum under way. Pieces may be added in any order as long as each but the last has an even length.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum(u64);

impl Sum {
    pub(crate) const fn new() -> Self {
        Self(0)
    }

    /// The sum with `bytes` added; an odd last byte counts as the upper half of a word.
    #[must_use]
    pub(crate) fn add(self, bytes: &[u8]) -> Self {
        let (pairs, last) = bytes.as_chunks::<2>();
        let words: u64 = pairs.iter().map(|pair| u64::from(u16::from_be_bytes(*pair))).sum();
        let last = last.first().map_or(0, |byte| u64::from(*byte) << 8);
        Self(self.0 + words + last)
    }

    /// The sum with one word added.
    #[must_use]
    pub(crate) fn add_word(self, word: u16) -> Self {
        Self(self.0 + u64::from(word))
    }

    /// The sum with the pseudo header of IPv4: source, destination, zero, protocol, length.
    #[must_use]
    pub(crate) fn add_pseudo_v4(
        self,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        protocol: u8,
        length: usize,
    ) -> Self {
        let sum = self.add(&source.octets()).add(&destination.octets());
        Self(sum.0 + u64::from(protocol) + length as u64)
    }

    /// The sum with the pseudo header of IPv6: source, destination, length, zero, next header.
    #[must_use]
    pub(crate) fn add_pseudo_v6(
        self,
        source: Ipv6Addr,
        destination: Ipv6Addr,
        next_header: u8,
        length: usize,
    ) -> Self {
        let sum = self.add(&source.octets()).add(&destination.octets());
        Self(sum.0 + u64::from(next_header) + length as u64)
    }

    /// The sum with the pseudo header that fits the addresses, or nothing when their families differ.
    pub(crate) fn add_pseudo(
        self,
        source: IpAddr,
        destination: IpAddr,
        protocol: u8,
        length: usize,
    ) -> Option<Self> {
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                Some(self.add_pseudo_v4(source, destination, protocol, length))
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                Some(self.add_pseudo_v6(source, destination, protocol, length))
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
        }
    }

    /// The value for a checksum field that was zero while summing; 0 when the field was included and right.
    pub(crate) const fn finish(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        let [.., high, low] = sum.to_be_bytes();
        !u16::from_be_bytes([high, low])
    }
}

/// The checksum of a packet of which one word changed, from its old checksum alone.
pub(crate) fn updated(checksum: u16, old: u16, new: u16) -> u16 {
    Sum::new().add_word(!checksum).add_word(!old).add_word(new).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071_sums_to_ddf2() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(Sum::new().add(&bytes).finish(), !0xddf2);
    }

    #[test]
    fn an_odd_last_byte_is_the_upper_half_of_a_word() {
        assert_eq!(Sum::new().add(&[0x12, 0x34, 0x56]).finish(), !0x6834);
    }

    #[test]
    fn an_update_equals_a_fresh_sum() {
        // RFC 1624 §4: the case that the older formula gets wrong.
        assert_eq!(updated(0xdd2f, 0x5555, 0x3285), 0x0000);
    }
}
