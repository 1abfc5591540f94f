//! Values of selectors: marks, ranges of users and ports, protocols.

use crate::lower::path::{Read, unknown, whole, wrong};
use crate::names::number;
use crate::syntax::Word;

/// `<mark>[/<mask>]`; all bits count where no mask is written.
pub(super) fn mark(word: &Word) -> Read<(u32, u32)> {
    let (mark, mask) = word.text.split_once('/').unwrap_or((&word.text, "0xffffffff"));
    match (number(mark), number(mask)) {
        (Some(mark), Some(mask)) => Ok((mark, mask)),
        _ => wrong(word.span, format!("`{}` is not a mark such as 7 or 0x10/0xff", word.text)),
    }
}

/// `<first>-<last>`.
pub(super) fn range(word: &Word, most: u32) -> Read<(u32, u32)> {
    let Some((first, last)) = word.text.split_once('-') else {
        return wrong(word.span, format!("`{}` is not a range such as 1000-1999", word.text));
    };
    let (first, last) = (whole(word, first, 0, most)?, whole(word, last, 0, most)?);
    if first > last {
        return wrong(word.span, format!("`{}` ends before it begins", word.text));
    }
    Ok((first, last))
}

/// `<port>` or `<first>-<last>`.
pub(super) fn ports(word: &Word) -> Read<(u16, u16)> {
    let (first, last) = match word.text.contains('-') {
        true => range(word, 0xffff)?,
        false => {
            let port = whole(word, &word.text, 1, 0xffff)?;
            (port, port)
        }
    };
    let narrow = |port| u16::try_from(port).unwrap_or(u16::MAX);
    Ok((narrow(first), narrow(last)))
}

/// A protocol by its number, or by the name of one that has ports or is common.
pub(super) fn ip_protocol(word: &Word) -> Read<u8> {
    let known = PROTOCOLS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&word.text));
    if let Some((_, number)) = known {
        return Ok(*number);
    }
    match word.text.parse() {
        Ok(number) => Ok(number),
        Err(_) => {
            let names: Vec<&str> = PROTOCOLS.iter().map(|(name, _)| *name).collect();
            unknown(word, "no IP protocol", &names)
        }
    }
}

const PROTOCOLS: &[(&str, u8)] = &[
    ("icmp", 1),
    ("igmp", 2),
    ("ipip", 4),
    ("tcp", 6),
    ("udp", 17),
    ("dccp", 33),
    ("ipv6", 41),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("icmpv6", 58),
    ("ipv6-icmp", 58),
    ("ospf", 89),
    ("vrrp", 112),
    ("sctp", 132),
    ("udplite", 136),
];
