//! What a way puts around the packets that take it, or into them (lightweight tunnels).

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

/// How packets are changed that take a way.
///
/// **Source**: ip-route(8), linux/lwtunnel.h.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encap {
    /// Labels of MPLS in front, the outermost first: 30 at most.
    Mpls(Vec<u32>),
    /// A header of IPv4 in front.
    Ip(Outer<Ipv4Addr>),
    /// A header of IPv6 in front.
    Ip6(Outer<Ipv6Addr>),
    /// This locator in place of the first half of the destination.
    Ila(u64),
}

/// A header in front, for a tunnel interface that takes it from its route. What is zero is left to the tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outer<A> {
    /// Number of the tunnel.
    pub id: u64,
    /// Where it is sent from.
    pub source: A,
    /// Where it is sent.
    pub destination: A,
    /// TTL or hop limit.
    pub hops: u8,
    /// Type of service or traffic class.
    pub class: u8,
    /// Bits of the tunnel: 1 for a checksum, 4 for a key, 8 for a sequence number.
    pub flags: u16,
}

/// As in `ip route`, behind `encap`.
impl fmt::Display for Encap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mpls(labels) => {
                f.write_str("mpls ")?;
                for (index, label) in labels.iter().enumerate() {
                    write!(f, "{}{label}", if index == 0 { "" } else { "/" })?;
                }
                Ok(())
            }
            Self::Ip(outer) => {
                f.write_str("ip")?;
                outer.write(f, &Ipv4Addr::UNSPECIFIED, ["tos", "ttl"])
            }
            Self::Ip6(outer) => {
                f.write_str("ip6")?;
                outer.write(f, &Ipv6Addr::UNSPECIFIED, ["tc", "hoplimit"])
            }
            Self::Ila(locator) => {
                let [a, b, c, d] = [48, 32, 16, 0].map(|bits| locator >> bits & 0xffff);
                write!(f, "ila {a:x}:{b:x}:{c:x}:{d:x}")
            }
        }
    }
}

impl<A: fmt::Display + PartialEq> Outer<A> {
    fn write(&self, f: &mut fmt::Formatter<'_>, unset: &A, words: [&str; 2]) -> fmt::Result {
        let Self { id, source, destination, hops, class, flags } = self;
        if *id != 0 {
            write!(f, " id {id}")?;
        }
        if destination != unset {
            write!(f, " dst {destination}")?;
        }
        if source != unset {
            write!(f, " src {source}")?;
        }
        for (word, value) in words.into_iter().zip([class, hops]) {
            if *value != 0 {
                write!(f, " {word} {value}")?;
            }
        }
        if *flags != 0 {
            write!(f, " flags {flags:#x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encapsulation_reads_as_its_words() {
        assert_eq!(Encap::Mpls(vec![100]).to_string(), "mpls 100");
        assert_eq!(Encap::Mpls(vec![100, 200]).to_string(), "mpls 100/200");
        assert_eq!(Encap::Ila(0x1111_2222_0333_4444).to_string(), "ila 1111:2222:333:4444");
        let outer = Outer {
            id: 5,
            source: Ipv4Addr::UNSPECIFIED,
            destination: Ipv4Addr::new(1, 2, 3, 4),
            hops: 9,
            class: 8,
            flags: 4,
        };
        assert_eq!(Encap::Ip(outer).to_string(), "ip id 5 dst 1.2.3.4 tos 8 ttl 9 flags 0x4");
        let outer = Outer {
            id: 0,
            source: "2001:db8::6".parse().unwrap(),
            destination: "2001:db8::5".parse().unwrap(),
            hops: 9,
            class: 0,
            flags: 0,
        };
        let text = "ip6 dst 2001:db8::5 src 2001:db8::6 hoplimit 9";
        assert_eq!(Encap::Ip6(outer).to_string(), text);
    }
}
