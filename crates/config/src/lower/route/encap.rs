//! `encap`: what a way puts around packets.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use intent::{Encap, Outer};

use crate::lower::path::{Read, Words, unknown, whole, wrong};
use crate::names::number;
use crate::syntax::Word;

/// `mpls L[/L]...`, `ip ...`, `ip6 ...` or `ila LOCATOR`, behind the word itself.
pub(super) fn read(word: &Word, words: &mut Words<'_>) -> Read<Encap> {
    let kind = words.value(word)?;
    match kind.text.as_str() {
        "mpls" => labels(words.value(kind)?).map(Encap::Mpls),
        "ip" => {
            outer(kind, words, Ipv4Addr::UNSPECIFIED, ["ttl", "tos"], |address| match address {
                IpAddr::V4(address) => Some(address),
                IpAddr::V6(_) => None,
            })
            .map(Encap::Ip)
        }
        "ip6" => {
            outer(kind, words, Ipv6Addr::UNSPECIFIED, ["hoplimit", "tc"], |address| match address {
                IpAddr::V4(_) => None,
                IpAddr::V6(address) => Some(address),
            })
            .map(Encap::Ip6)
        }
        "ila" => locator(words.value(kind)?).map(Encap::Ila),
        _ => unknown(kind, "no encapsulation", &["mpls", "ip", "ip6", "ila"]),
    }
}

/// Words about the header in front; the first that is none of them is one of the route's.
fn outer<A: Copy + PartialEq>(
    kind: &Word,
    words: &mut Words<'_>,
    none: A,
    [hops, class]: [&str; 2],
    of_family: impl Fn(IpAddr) -> Option<A>,
) -> Read<Outer<A>> {
    let mut outer = Outer { id: 0, source: none, destination: none, hops: 0, class: 0, flags: 0 };
    let mut is_named = false;
    while let Some(option) = words.next_of(&["id", "dst", "src", hops, class, "flags"]) {
        let mut end = || {
            let address = words.address(option)?;
            match of_family(address) {
                Some(address) => Ok(address),
                None => {
                    let what = format!("{address} is no address for `encap {}`", kind.text);
                    wrong(option.span, what)
                }
            }
        };
        match option.text.as_str() {
            "id" => {
                outer.id = tunnel(words.value(option)?)?;
                is_named = true;
            }
            "dst" => {
                outer.destination = end()?;
                is_named = true;
            }
            "src" => outer.source = end()?,
            "flags" => {
                let flags = words.number(option, 0, FLAGS.into())?;
                outer.flags = u16::try_from(flags).unwrap_or(FLAGS);
            }
            word => {
                let value = u8::try_from(words.number(option, 0, 255)?).unwrap_or(u8::MAX);
                *(if word == hops { &mut outer.hops } else { &mut outer.class }) = value;
            }
        }
    }
    if !is_named {
        return wrong(kind.span, format!("`encap {}` needs `dst` or `id`", kind.text));
    }
    Ok(outer)
}

fn tunnel(word: &Word) -> Read<u64> {
    let small = number(&word.text).map(u64::from);
    match small.or_else(|| word.text.parse().ok()) {
        Some(id) => Ok(id),
        None => wrong(word.span, format!("`{}` is no number of a tunnel", word.text)),
    }
}

fn labels(word: &Word) -> Read<Vec<u32>> {
    let mut labels = Vec::new();
    for text in word.text.split('/') {
        let label = whole(word, text, 0, MOST_LABEL)?;
        if label == IMPLICIT_NULL {
            return wrong(word.span, "label 3 means that there is none: it is never sent");
        }
        labels.push(label);
    }
    if labels.len() > LABELS {
        return wrong(word.span, format!("a packet gets at most {LABELS} labels"));
    }
    Ok(labels)
}

/// Four groups of up to four hexadecimal digits.
fn locator(word: &Word) -> Read<u64> {
    let groups: Vec<&str> = word.text.split(':').collect();
    let group = |text: &&str| {
        let is_group = text.bytes().all(|byte| byte.is_ascii_hexdigit()) && text.len() <= 4;
        u64::from_str_radix(text, 16).ok().filter(|_| is_group)
    };
    let values: Option<Vec<u64>> = groups.iter().map(group).collect();
    match values.filter(|values| values.len() == 4) {
        Some(values) => Ok(values.into_iter().fold(0, |all, one| all << 16 | one)),
        None => {
            let what = format!("`{}` is no locator such as 2001:db8:1:2", word.text);
            wrong(word.span, what)
        }
    }
}

/// A label has 20 bits (RFC 3032 §2.1).
const MOST_LABEL: u32 = 0xf_ffff;
/// RFC 3032 §2.1.
const IMPLICIT_NULL: u32 = 3;
/// `MAX_NEW_LABELS` of the kernel.
const LABELS: usize = 30;
/// The bits above say what options follow, which come as attributes of their own.
const FLAGS: u16 = 0x7ff;
