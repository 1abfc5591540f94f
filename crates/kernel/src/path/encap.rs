//! What a way puts around packets, as attributes.
//!
//! **Source**: linux/lwtunnel.h, linux/mpls_iptunnel.h, linux/ila.h. What is inside is in network order.

use std::net::{Ipv4Addr, Ipv6Addr};

use intent::{Encap, Outer};

use crate::netlink::message::Attributes;

/// The kernel's number of the kind, and what `RTA_ENCAP` holds.
pub(super) fn attributes(encap: &Encap) -> (u16, Vec<u8>) {
    match encap {
        Encap::Mpls(labels) => (LWTUNNEL_ENCAP_MPLS, attribute(MPLS_IPTUNNEL_DST, &stack(labels))),
        Encap::Ip(outer) => {
            let ends = [outer.destination.octets(), outer.source.octets()];
            (LWTUNNEL_ENCAP_IP, header(outer, ends.each_ref().map(|end| end.as_slice())))
        }
        Encap::Ip6(outer) => {
            let ends = [outer.destination.octets(), outer.source.octets()];
            (LWTUNNEL_ENCAP_IP6, header(outer, ends.each_ref().map(|end| end.as_slice())))
        }
        Encap::Ila(locator) => {
            (LWTUNNEL_ENCAP_ILA, attribute(ILA_ATTR_LOCATOR, &locator.to_be_bytes()))
        }
    }
}

/// What `RTA_ENCAP` holds, as a value; nothing of kinds that have no value here.
pub(super) fn parse(kind: u16, bytes: &[u8]) -> Option<Encap> {
    match kind {
        LWTUNNEL_ENCAP_MPLS => Some(Encap::Mpls(labels(find(bytes, MPLS_IPTUNNEL_DST)?))),
        LWTUNNEL_ENCAP_IP => {
            let none = Ipv4Addr::UNSPECIFIED;
            outer(bytes, none, |it| Some(Ipv4Addr::from(*it.first_chunk::<4>()?))).map(Encap::Ip)
        }
        LWTUNNEL_ENCAP_IP6 => {
            let none = Ipv6Addr::UNSPECIFIED;
            outer(bytes, none, |it| Some(Ipv6Addr::from(*it.first_chunk::<16>()?))).map(Encap::Ip6)
        }
        LWTUNNEL_ENCAP_ILA => {
            let locator = find(bytes, ILA_ATTR_LOCATOR)?.first_chunk()?;
            Some(Encap::Ila(u64::from_be_bytes(*locator)))
        }
        _ => None,
    }
}

/// A header; its `ends` are destination and source.
fn header<A>(outer: &Outer<A>, ends: [&[u8]; 2]) -> Vec<u8> {
    let mut bytes = attribute(LWTUNNEL_IP_ID, &outer.id.to_be_bytes());
    for (kind, end) in [LWTUNNEL_IP_DST, LWTUNNEL_IP_SRC].into_iter().zip(ends) {
        bytes.extend(attribute(kind, end));
    }
    bytes.extend(attribute(LWTUNNEL_IP_TTL, &[outer.hops]));
    bytes.extend(attribute(LWTUNNEL_IP_TOS, &[outer.class]));
    bytes.extend(attribute(LWTUNNEL_IP_FLAGS, &outer.flags.to_be_bytes()));
    bytes
}

fn outer<A: Copy>(bytes: &[u8], none: A, address: impl Fn(&[u8]) -> Option<A>) -> Option<Outer<A>> {
    let mut outer = Outer { id: 0, source: none, destination: none, hops: 0, class: 0, flags: 0 };
    for (kind, value) in Attributes(bytes) {
        match kind {
            LWTUNNEL_IP_ID => outer.id = u64::from_be_bytes(*value.first_chunk()?),
            LWTUNNEL_IP_DST => outer.destination = address(value)?,
            LWTUNNEL_IP_SRC => outer.source = address(value)?,
            LWTUNNEL_IP_TTL => outer.hops = *value.first()?,
            LWTUNNEL_IP_TOS => outer.class = *value.first()?,
            LWTUNNEL_IP_FLAGS => outer.flags = u16::from_be_bytes(*value.first_chunk()?),
            _ => {}
        }
    }
    Some(outer)
}

/// Entries of a stack of labels (RFC 3032 §2.1): the last has a bit that says so.
fn stack(labels: &[u32]) -> Vec<u8> {
    let count = labels.len();
    let entry = |(index, label): (usize, &u32)| {
        (label << LABEL_SHIFT | if index + 1 == count { BOTTOM_OF_STACK } else { 0 }).to_be_bytes()
    };
    labels.iter().enumerate().flat_map(entry).collect()
}

fn labels(stack: &[u8]) -> Vec<u32> {
    let (entries, _) = stack.as_chunks::<4>();
    entries.iter().map(|entry| u32::from_be_bytes(*entry) >> LABEL_SHIFT).collect()
}

fn find(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    Attributes(bytes).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
}

/// One attribute with its padding.
pub(super) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

const LWTUNNEL_ENCAP_MPLS: u16 = 1;
const LWTUNNEL_ENCAP_IP: u16 = 2;
const LWTUNNEL_ENCAP_ILA: u16 = 3;
const LWTUNNEL_ENCAP_IP6: u16 = 4;
/// The numbers of `LWTUNNEL_IP6_*` are the same.
const LWTUNNEL_IP_ID: u16 = 1;
const LWTUNNEL_IP_DST: u16 = 2;
const LWTUNNEL_IP_SRC: u16 = 3;
const LWTUNNEL_IP_TTL: u16 = 4;
const LWTUNNEL_IP_TOS: u16 = 5;
const LWTUNNEL_IP_FLAGS: u16 = 6;
const MPLS_IPTUNNEL_DST: u16 = 1;
const ILA_ATTR_LOCATOR: u16 = 1;
const LABEL_SHIFT: u32 = 12;
const BOTTOM_OF_STACK: u32 = 0x100;

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written as these bytes of this kind, and read from them again.
    fn check(encap: &Encap, kind: u16, bytes: &[u8]) {
        assert_eq!(attributes(encap), (kind, bytes.to_vec()));
        assert_eq!(parse(kind, bytes).as_ref(), Some(encap));
    }

    #[test]
    fn labels_are_a_stack_whose_last_entry_says_so() {
        let bytes = [12, 0, 1, 0, 0x00, 0x06, 0x40, 0x00, 0x00, 0x0c, 0x81, 0x00];
        check(&Encap::Mpls(vec![100, 200]), 1, &bytes);
    }

    #[test]
    fn a_header_of_ipv4_is_in_network_order() {
        let outer = Outer {
            id: 5,
            source: Ipv4Addr::new(5, 6, 7, 8),
            destination: Ipv4Addr::new(1, 2, 3, 4),
            hops: 9,
            class: 8,
            flags: 4,
        };
        let bytes = [
            12, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 5, // id
            8, 0, 2, 0, 1, 2, 3, 4, // destination
            8, 0, 3, 0, 5, 6, 7, 8, // source
            5, 0, 4, 0, 9, 0, 0, 0, // TTL
            5, 0, 5, 0, 8, 0, 0, 0, // type of service
            6, 0, 6, 0, 0, 4, 0, 0, // flags: a key
        ];
        check(&Encap::Ip(outer), 2, &bytes);
    }

    #[test]
    fn a_header_of_ipv6_has_longer_ends() {
        let outer = Outer {
            id: 0,
            source: Ipv6Addr::UNSPECIFIED,
            destination: "2001:db8::5".parse().unwrap(),
            hops: 0,
            class: 0,
            flags: 0,
        };
        let bytes = [
            12, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, // id
            20, 0, 2, 0, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            5, // destination
            20, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // source
            5, 0, 4, 0, 0, 0, 0, 0, 5, 0, 5, 0, 0, 0, 0, 0, 6, 0, 6, 0, 0, 0, 0, 0,
        ];
        check(&Encap::Ip6(outer), 4, &bytes);
    }

    #[test]
    fn a_locator_is_eight_bytes() {
        let bytes = [12, 0, 1, 0, 0x11, 0x11, 0x22, 0x22, 0x33, 0x33, 0x44, 0x44];
        check(&Encap::Ila(0x1111_2222_3333_4444), 3, &bytes);
    }

    #[test]
    fn what_is_cut_off_or_of_another_kind_has_no_value() {
        assert_eq!(parse(3, &[8, 0, 1, 0, 1, 2, 3, 4]), None);
        assert_eq!(parse(2, &[6, 0, 2, 0, 1, 2, 0, 0]), None);
        assert_eq!(parse(5, &[8, 0, 1, 0, 1, 2, 3, 4]), None);
        assert_eq!(parse(1, &[]), None);
    }
}
