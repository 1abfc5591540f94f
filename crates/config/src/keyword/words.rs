//! Arguments and lines with a grammar of their own: addresses with ports, weights, forwarding methods, and the
//! like. Each function says what is wrong with the words behind a keyword, or of a line.

use core::net::IpAddr;

use super::Problem;
use super::argument::Kind;
use super::suggest;
use crate::lower::{ipvlan, vmac};
use crate::syntax::Word;

type Checked = Result<(), Problem>;

/// A problem with one word.
pub(super) fn problem(word: usize, what: impl Into<String>) -> Problem {
    Problem { word, what: what.into(), help: None, number: false }
}

/// A whole number within a range.
pub(super) fn number(index: usize, text: &str, least: i64, most: i64) -> Checked {
    let what = match text.parse::<i64>() {
        Ok(value) if (least..=most).contains(&value) => return Ok(()),
        Ok(_) => format!("is outside {least} to {most}"),
        Err(_) => "is not a whole number".to_owned(),
    };
    Err(Problem { number: true, ..problem(index, what) })
}

/// Anything goes.
pub(super) fn any(_: &[Word]) -> Checked {
    Ok(())
}

/// `<if> [weight N [reverse]]`, `<script> [weight N [reverse|noreverse]]`; keepalived takes ±254 and cuts it.
pub(super) fn tracked(line: &[Word]) -> Checked {
    match line.get(1).map(|word| word.text.as_str()) {
        None => return Ok(()),
        Some("weight") => {}
        Some("reverse" | "noreverse") => return Err(problem(1, "has no weight before it")),
        Some(text) => return Err(suggest::choice(1, text, &["weight"])),
    }
    match line.get(2) {
        Some(value) => number(2, &value.text, -254, 254)?,
        None => return Err(problem(1, "has no number behind it")),
    }
    match line.get(3).map(|word| word.text.as_str()) {
        None | Some("reverse" | "noreverse") => Ok(()),
        Some(text) => Err(suggest::choice(3, text, &["reverse", "noreverse"])),
    }
}

/// `<int> [reverse]`.
pub(super) fn weight(words: &[Word]) -> Checked {
    weight_within(words, 254)
}

/// The same of a weight that is added to that of a real server.
pub(super) fn server_weight(words: &[Word]) -> Checked {
    weight_within(words, i32::MAX.into())
}

fn weight_within(words: &[Word], most: i64) -> Checked {
    if let Some(word) = words.first() {
        number(0, &word.text, -most, most)?;
    }
    match words.get(1) {
        Some(word) if word.text != "reverse" && word.text != "noreverse" => {
            Err(suggest::choice(1, &word.text, &["reverse", "noreverse"]))
        }
        _ => Ok(()),
    }
}

/// `<ip> [min_ttl 0..255] [max_ttl 0..255]`.
pub(super) fn peer(line: &[Word]) -> Checked {
    let mut words = line.iter().enumerate();
    if let Some((index, word)) = words.next() {
        Kind::Address.check(index, word)?;
    }
    while let Some((index, word)) = words.next() {
        match (word.text.as_str(), words.next()) {
            ("min_ttl" | "max_ttl", Some((index, value))) => number(index, &value.text, 0, 255)?,
            ("min_ttl" | "max_ttl", None) => {
                return Err(problem(index, "has no number behind it"));
            }
            (text, _) => return Err(suggest::choice(index, text, &["min_ttl", "max_ttl"])),
        }
    }
    Ok(())
}

/// One interface name.
pub(super) fn interface(line: &[Word]) -> Checked {
    line.iter().enumerate().try_for_each(|(index, word)| Kind::Interface.check(index, word))
}

/// `<ip> [<port>]`.
pub(super) fn server(words: &[Word]) -> Checked {
    if let Some(word) = words.first() {
        Kind::Address.check(0, word)?;
    }
    match words.get(1) {
        Some(port) => number(1, &port.text, 0, 65_535),
        None => Ok(()),
    }
}

/// `<ip> [<port>] | fwmark <n> | group <name>`.
pub(super) fn virtual_server(words: &[Word]) -> Checked {
    match words.first().map(|word| word.text.as_str()) {
        Some("fwmark") => match words.get(1) {
            Some(mark) => number(1, &mark.text, 1, i64::from(u32::MAX)),
            None => Err(problem(0, "has no number behind it")),
        },
        Some("group") if words.len() < 2 => Err(problem(0, "has no name behind it")),
        Some("group") => Ok(()),
        _ => server(words),
    }
}

/// `<ip>[-<last>|/<mask>] [<port>] | fwmark <n> [inet|inet6]`.
pub(super) fn group_member(line: &[Word]) -> Checked {
    let Some(first) = line.first() else { return Ok(()) };
    if first.text == "fwmark" {
        let Some(mark) = line.get(1) else { return Err(problem(0, "has no number behind it")) };
        number(1, &mark.text, 1, i64::from(u32::MAX))?;
        return match line.get(2) {
            Some(family) => Kind::Choice(&["inet", "inet6"]).check(2, family),
            None => Ok(()),
        };
    }
    let (address, rest) = match first.text.split_once(['-', '/']) {
        Some((address, rest)) => (address, Some(rest)),
        None => (first.text.as_str(), None),
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return Err(problem(0, "is not an address, or a range of addresses"));
    };
    if let Some(rest) = rest {
        let most = if address.is_ipv4() { 255 } else { 0xffff };
        let read =
            if address.is_ipv4() { rest.parse().ok() } else { u32::from_str_radix(rest, 16).ok() };
        if read.is_none_or(|last: u32| last > most) {
            return Err(problem(0, "has no valid end of range behind the address"));
        }
    }
    match line.get(1) {
        Some(port) => number(1, &port.text, 0, 65_535),
        None => Ok(()),
    }
}

/// `NAT|DR|TUN [type ipip|gue port <n>|gre] [nocsum|csum|remcsum]`.
pub(super) fn forwarding(words: &[Word]) -> Checked {
    let Some(method) = words.first() else { return Ok(()) };
    Kind::Choice(&["NAT", "DR", "TUN"]).check(0, method)?;
    let mut rest = words.iter().enumerate().skip(1);
    while let Some((index, word)) = rest.next() {
        match word.text.as_str() {
            "type" => match rest.next() {
                Some((index, kind)) => Kind::Choice(&["ipip", "gue", "gre"]).check(index, kind)?,
                None => return Err(problem(index, "has no tunnel type behind it")),
            },
            "port" => match rest.next() {
                Some((index, port)) => number(index, &port.text, 1, 65_535)?,
                None => return Err(problem(index, "has no port behind it")),
            },
            "nocsum" | "csum" | "remcsum" => {}
            text => {
                let words = &["type", "port", "nocsum", "csum", "remcsum"];
                return Err(suggest::choice(index, text, words));
            }
        }
    }
    Ok(())
}

/// Status codes and ranges of them, 100 to 599.
pub(super) fn status_codes(words: &[Word]) -> Checked {
    for (index, word) in words.iter().enumerate() {
        let (first, last) = word.text.split_once('-').unwrap_or((&word.text, &word.text));
        number(index, first, 100, 599)?;
        number(index, last, 100, 599)?;
        if first > last {
            return Err(problem(index, "is a range that ends before it begins"));
        }
    }
    Ok(())
}

/// `[all] <seconds>`, none to a day.
pub(super) fn extra_interface(words: &[Word]) -> Checked {
    let (index, value) = match words {
        [all, value, ..] if all.text == "all" => (1, value),
        [all] if all.text == "all" => return Err(problem(0, "has no number of seconds behind it")),
        [value, ..] => (0, value),
        [] => return Ok(()),
    };
    number(index, &value.text, 0, 86_400)
}

/// `{tcp|tcpfin|udp <seconds>}+`.
pub(super) fn timeouts(words: &[Word]) -> Checked {
    let mut words = words.iter().enumerate();
    while let Some((index, word)) = words.next() {
        Kind::Choice(&["tcp", "tcpfin", "udp"]).check(index, word)?;
        match words.next() {
            Some((index, value)) => number(index, &value.text, 0, 2_678_400)?,
            None => return Err(problem(index, "has no number of seconds behind it")),
        }
    }
    Ok(())
}

/// `<if> [[inst] <vrrp_instance>] [id N] [maxlen N] [port N] [ttl N] [group IP]`.
pub(super) fn sync_daemon(words: &[Word]) -> Checked {
    if let Some(word) = words.first() {
        Kind::Interface.check(0, word)?;
    }
    let mut words = words.iter().enumerate().skip(1);
    while let Some((index, word)) = words.next() {
        let range = match word.text.as_str() {
            "id" => (0, 255),
            "maxlen" => (1, 65_507),
            "port" => (1, 65_535),
            "ttl" => (1, 255),
            "group" | "inst" => {
                words.next();
                continue;
            }
            _ => continue,
        };
        match words.next() {
            Some((index, value)) => number(index, &value.text, range.0, range.1)?,
            None => return Err(problem(index, "has no number behind it")),
        }
    }
    Ok(())
}

/// `[<value>] [overwrite]`.
pub(super) fn init_file(words: &[Word]) -> Checked {
    for (index, word) in words.iter().enumerate() {
        if word.text != "overwrite" {
            number(index, &word.text, i64::from(i32::MIN), i64::from(i32::MAX))?;
        }
    }
    Ok(())
}

/// Numbers of processors.
pub(super) fn processors(words: &[Word]) -> Checked {
    words.iter().enumerate().try_for_each(|(index, word)| number(index, &word.text, 0, 4095))
}

/// `<if> <down 0..255> [<up 0..255>]`.
pub(super) fn delays(line: &[Word]) -> Checked {
    interface(line.get(..1).unwrap_or(line))?;
    line.iter().enumerate().skip(1).try_for_each(|(index, word)| number(index, &word.text, 0, 255))
}

/// A prefix length, or a netmask.
pub(super) fn granularity(words: &[Word]) -> Checked {
    let Some(word) = words.first() else { return Ok(()) };
    if word.text.parse::<core::net::Ipv4Addr>().is_ok() {
        return Ok(());
    }
    number(0, &word.text, 1, 128)
}

/// A umask, as a number or by names of bits.
pub(super) fn umask(words: &[Word]) -> Checked {
    let what = "is neither a umask of at most 0777 nor names of bits such as `IRWXG|IRWXO`";
    crate::lower::upkeep::umask(words).map(|_| ()).ok_or_else(|| problem(0, what))
}

/// A path that begins with a slash, or nothing.
pub(super) fn absolute(words: &[Word]) -> Checked {
    match words.first() {
        Some(path) if !path.as_str().starts_with('/') => {
            Err(problem(0, "is not a path that begins with a slash"))
        }
        Some(_) | None => Ok(()),
    }
}

/// `auto`, `forever`, or whole seconds of at least 3.
pub(super) fn lifetime(words: &[Word]) -> Checked {
    match words.first().map(|word| word.text.as_str()) {
        Some("auto" | "forever") | None => Ok(()),
        Some(text) if text.starts_with(|c: char| c.is_ascii_digit()) => {
            number(0, text, 3, i64::from(u32::MAX) - 1)
        }
        Some(text) => Err(suggest::choice(0, text, &["auto", "forever"])),
    }
}

/// `[[name] <interface>] [<mac>] [netlink_notify_msg] [group <n>]`, in any order.
pub(super) fn vmac(words: &[Word]) -> Checked {
    let mut words = words.iter().enumerate();
    while let Some((index, word)) = words.next() {
        match word.text.as_str() {
            "netlink_notify_msg" => {}
            "group" => match words.next() {
                Some((index, value)) => number(index, &value.text, 0, i64::from(u32::MAX))?,
                None => return Err(problem(index, "has no number behind it")),
            },
            "name" => match words.next() {
                Some((index, name)) => Kind::Interface.check(index, name)?,
                None => return Err(problem(index, "has no name behind it")),
            },
            text => match vmac::octets(text) {
                Some(octets) if vmac::is_usable(&octets) => {}
                Some(_) => {
                    let what = "is the address of a group or of another virtual router";
                    return Err(problem(index, what));
                }
                None => Kind::Interface.check(index, word)?,
            },
        }
    }
    Ok(())
}

/// `[[name] <interface>] [<ip>[/<prefix>]] [bridge|private|vepa] [group <n>]`, in any order.
pub(super) fn ipvlan(words: &[Word]) -> Checked {
    let mut words = words.iter().enumerate();
    while let Some((index, word)) = words.next() {
        match word.text.as_str() {
            "bridge" | "private" | "vepa" => {}
            "group" => match words.next() {
                Some((index, value)) => number(index, &value.text, 0, i64::from(u32::MAX))?,
                None => return Err(problem(index, "has no number behind it")),
            },
            "name" => match words.next() {
                Some((index, name)) => Kind::Interface.check(index, name)?,
                None => return Err(problem(index, "has no name behind it")),
            },
            text => match ipvlan::address(text) {
                Some(Some(_)) => {}
                Some(None) => return Err(problem(index, "has no prefix length that can be")),
                None => Kind::Interface.check(index, word)?,
            },
        }
    }
    Ok(())
}

/// A prefix of names of links, at most 7 bytes.
pub(super) fn vmac_prefix(words: &[Word]) -> Checked {
    match words.first() {
        Some(word) if word.text.len() > 7 => Err(problem(0, "is longer than 7 characters")),
        _ => interface(words.get(..1).unwrap_or_default()),
    }
}

/// `MTU`, `ADVERT` or a number of bytes.
pub(super) fn buffer_policy(words: &[Word]) -> Checked {
    let Some(word) = words.first() else { return Ok(()) };
    let named = ["MTU", "ADVERT"].iter().any(|it| it.eq_ignore_ascii_case(&word.text));
    if named { Ok(()) } else { number(0, &word.text, 1, i64::from(i32::MAX)) }
}
