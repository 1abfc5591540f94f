//! The virtual addresses of an advertisement, in a packet or in a configuration.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Family;

/// At most 255 addresses of one family.
#[derive(Clone, Copy)]
pub struct Addresses<'a> {
    family: Family,
    list: List<'a>,
}

#[derive(Clone, Copy)]
enum List<'a> {
    /// As they stand in a packet, 4 or 16 bytes each.
    Packed(&'a [u8]),
    /// As they stand in a configuration.
    Listed(&'a [IpAddr]),
}

impl<'a> Addresses<'a> {
    /// The addresses in `list`, or nothing when there are more than 255 or one is of another family.
    #[must_use]
    pub fn new(family: Family, list: &'a [IpAddr]) -> Option<Self> {
        let fits = u8::try_from(list.len()).is_ok()
            && list.iter().all(|address| Family::of(*address) == family);
        fits.then_some(Self { family, list: List::Listed(list) })
    }

    /// The first `count` addresses in `bytes` and the bytes after them, or nothing when there are fewer.
    pub(super) fn packed(family: Family, count: u8, bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (list, rest) = bytes.split_at_checked(usize::from(count) * size(family))?;
        Some((Self { family, list: List::Packed(list) }, rest))
    }

    /// Family of each.
    #[must_use]
    pub const fn family(&self) -> Family {
        self.family
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.list {
            List::Packed(bytes) => bytes.len() / size(self.family),
            List::Listed(list) => list.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many there are, as the packet says it.
    pub(super) fn count(&self) -> u8 {
        u8::try_from(self.len()).unwrap_or(u8::MAX)
    }

    /// Bytes that they take in a packet.
    pub(super) fn byte_len(&self) -> usize {
        self.len() * size(self.family)
    }

    /// One after the other, in packet order.
    #[must_use]
    pub fn iter(&self) -> AddressIter<'a> {
        AddressIter { family: self.family, rest: self.list }
    }

    /// Whether `address` is among them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.iter().any(|own| own == address)
    }
}

impl PartialEq for Addresses<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.family == other.family && self.iter().eq(other.iter())
    }
}

impl Eq for Addresses<'_> {}

impl fmt::Debug for Addresses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for &Addresses<'a> {
    type Item = IpAddr;
    type IntoIter = AddressIter<'a>;

    fn into_iter(self) -> AddressIter<'a> {
        self.iter()
    }
}

/// Iterator of [`Addresses`].
#[derive(Clone)]
pub struct AddressIter<'a> {
    family: Family,
    rest: List<'a>,
}

impl Iterator for AddressIter<'_> {
    type Item = IpAddr;

    fn next(&mut self) -> Option<IpAddr> {
        match (&mut self.rest, self.family) {
            (List::Listed(list), _) => list.split_off_first().copied(),
            (List::Packed(bytes), Family::Ipv4) => {
                let (octets, rest) = bytes.split_first_chunk()?;
                *bytes = rest;
                Some(IpAddr::V4(Ipv4Addr::from_octets(*octets)))
            }
            (List::Packed(bytes), Family::Ipv6) => {
                let (octets, rest) = bytes.split_first_chunk()?;
                *bytes = rest;
                Some(IpAddr::V6(Ipv6Addr::from_octets(*octets)))
            }
        }
    }
}

/// Bytes of one address.
const fn size(family: Family) -> usize {
    match family {
        Family::Ipv4 => 4,
        Family::Ipv6 => 16,
    }
}
