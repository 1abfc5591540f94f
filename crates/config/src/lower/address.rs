//! Address lines: `<ip>[/<prefix>] [dev IF] [scope S] [brd IP|+|-] [label L] ...`.

use core::net::{IpAddr, Ipv4Addr};

use wire::Family;

use super::report::Reports;
use crate::diagnostic::model as codes;
use crate::model::{Broadcast, PreferredLifetime, VirtualAddress};
use crate::syntax::{Directive, Word};

/// Longest label that the kernel takes: IFNAMSIZ without its NUL.
const LABEL_MAX: usize = 15;

/// Lowers one address line; nothing where the address itself cannot be read.
pub(super) fn lower(line: &Directive, reports: &mut Reports<'_>) -> Option<VirtualAddress> {
    let (address, prefix) = address_and_prefix(&line.keyword, reports)?;
    let mut lowered = VirtualAddress {
        at: line.keyword.span,
        address,
        prefix,
        device: None,
        scope: SCOPE_GLOBAL,
        label: None,
        broadcast: Broadcast::None,
        peer: None,
        home: false,
        no_prefix_route: false,
        manage_temporary: false,
        auto_join: false,
        preferred: None,
    };
    let mut words = line.arguments.iter();
    while let Some(word) = words.next() {
        option(&mut lowered, word, &mut words, reports);
    }
    Some(lowered)
}

fn option<'a>(
    lowered: &mut VirtualAddress,
    word: &Word,
    words: &mut impl Iterator<Item = &'a Word>,
    reports: &mut Reports<'_>,
) {
    let family = Family::of(lowered.address);
    match word.text.as_str() {
        "dev" => lowered.device = words.next().map(|value| value.text.clone()),
        "scope" => {
            if let Some(scope) = words.next().and_then(|value| scope(&value.text)) {
                lowered.scope = scope;
            }
        }
        "brd" | "broadcast" => {
            if let Some(value) = words.next() {
                lowered.broadcast = broadcast(&value.text).unwrap_or(Broadcast::None);
            }
        }
        "label" => {
            if let Some(value) = words.next() {
                lowered.label = label(value, family, reports);
            }
        }
        "peer" => {
            lowered.peer = words.next().and_then(|value| {
                let address =
                    value.text.split_once('/').map_or(value.text.as_str(), |(address, _)| address);
                address.parse().ok().filter(|peer| Family::of(*peer) == family)
            });
        }
        "home" => lowered.home = true,
        "noprefixroute" => lowered.no_prefix_route = true,
        "mngtmpaddr" => lowered.manage_temporary = true,
        "autojoin" => lowered.auto_join = true,
        "preferred_lft" => {
            lowered.preferred = words.next().and_then(|value| match value.text.as_str() {
                "forever" => Some(PreferredLifetime::Forever),
                seconds => seconds.parse().ok().map(PreferredLifetime::Seconds),
            });
        }
        "track_group" => {
            let _ = words.next();
        }
        // `-nodad`, `no_track`, `use_vmac` take no value; what is unknown has been reported by the check.
        _ => {}
    }
}

fn address_and_prefix(word: &Word, reports: &mut Reports<'_>) -> Option<(IpAddr, u8)> {
    let (text, prefix) = match word.text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (word.text.as_str(), None),
    };
    let Ok(address) = text.parse::<IpAddr>() else {
        reports.warning(
            codes::INVALID_ADDRESS,
            format!("`{}` is not an IP address: the line is left out", word.text),
            word.span,
        );
        return None;
    };
    let longest = match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    };
    let prefix = match prefix.map(str::parse::<u8>) {
        None => longest,
        Some(Ok(length)) if length <= longest => length,
        Some(_) => {
            reports.warning(
                codes::INVALID_ADDRESS,
                format!(
                    "the prefix length of `{}` is not 0 to {longest}: {longest} is used",
                    word.text
                ),
                word.span,
            );
            longest
        }
    };
    Some((address, prefix))
}

fn label(word: &Word, family: Family, reports: &mut Reports<'_>) -> Option<String> {
    if family == Family::Ipv6 {
        return None;
    }
    if word.text.len() > LABEL_MAX {
        reports.warning(
            codes::LABEL_TOO_LONG,
            format!(
                "label `{}` is longer than {LABEL_MAX} characters: the address is used without a label",
                word.text
            ),
            word.span,
        );
        return None;
    }
    Some(word.text.clone())
}

fn broadcast(text: &str) -> Option<Broadcast> {
    match text {
        "+" => Some(Broadcast::HostOnes),
        "-" => Some(Broadcast::HostZeros),
        _ => text.parse::<Ipv4Addr>().ok().map(Broadcast::Address),
    }
}

/// The kernel's number of a scope (rtnetlink(7), `rt_scope_t`).
fn scope(text: &str) -> Option<u8> {
    match text {
        "global" | "universe" => Some(SCOPE_GLOBAL),
        "site" => Some(200),
        "link" => Some(253),
        "host" => Some(254),
        "nowhere" => Some(255),
        number => number.parse().ok(),
    }
}

const SCOPE_GLOBAL: u8 = 0;
