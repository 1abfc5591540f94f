//! Address lines: `<ip>[/<prefix>] [dev IF] [scope S] [brd IP|+|-] [label L] ...`.

use core::net::{IpAddr, Ipv4Addr};

use wire::{Family, MacAddr};

use super::report::Reports;
use crate::diagnostic::model as codes;
use crate::keyword::nearest;
use crate::model::{AddressVmac, Broadcast, Following, PreferredLifetime, VirtualAddress};
use crate::names::NameKind;
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
        vmac: None,
        scope: SCOPE_GLOBAL,
        label: None,
        broadcast: Broadcast::None,
        peer: None,
        home: false,
        no_prefix_route: false,
        manage_temporary: false,
        auto_join: false,
        preferred: None,
        following: Following::Own,
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
    if flag(lowered, word) {
        return;
    }
    if !WITH_VALUES.contains(&word.text.as_str()) {
        let reported = reports.warning(
            codes::INVALID_WORD,
            format!("`{}` is no word of an address line: it is ignored", word.text),
            word.span,
        );
        let known = WITH_VALUES.iter().chain(FLAGS).copied();
        if let Some(near) = nearest(&word.text, known) {
            reported.help(format!("did you mean `{near}`?"));
        }
        return;
    }
    let Some(value) = words.next() else {
        let text = format!("`{}` has no value behind it: it is ignored", word.text);
        reports.warning(codes::INVALID_WORD, text, word.span);
        return;
    };
    if !valued(lowered, &word.text, value, reports) {
        let text = format!("`{}` is no value of `{}`: it is ignored", value.text, word.text);
        reports.warning(codes::INVALID_WORD, text, value.span);
    }
}

/// Takes in a word that stands alone; says whether it was one.
fn flag(lowered: &mut VirtualAddress, word: &Word) -> bool {
    match word.text.as_str() {
        "home" => lowered.home = true,
        "noprefixroute" => lowered.no_prefix_route = true,
        "mngtmpaddr" => lowered.manage_temporary = true,
        "autojoin" => lowered.auto_join = true,
        "no_track" => lowered.following = Following::Nobody,
        // Addresses never wait for detection.
        "-nodad" => {}
        // What it is like is known with the instance.
        "use_vmac" => {
            let (prefix, mac) = (String::new(), MacAddr([0; 6]));
            lowered.vmac = Some(Box::new(AddressVmac { name: None, prefix, mac }));
        }
        _ => return false,
    }
    true
}

/// Takes in a word with its value; says whether the value is one.
fn valued(
    lowered: &mut VirtualAddress,
    option: &str,
    value: &Word,
    reports: &mut Reports<'_>,
) -> bool {
    let family = Family::of(lowered.address);
    match option {
        "dev" => lowered.device = Some(value.text.clone()),
        "scope" => match reports.names.number(NameKind::Scope, &value.text) {
            Some(scope) => lowered.scope = u8::try_from(scope).unwrap_or(SCOPE_GLOBAL),
            None => {
                reports.wants_names |= !reports.names.is_read();
                return false;
            }
        },
        "brd" | "broadcast" => match broadcast(&value.text) {
            Some(broadcast) => lowered.broadcast = broadcast,
            None => return false,
        },
        "label" => lowered.label = label(value, family, reports),
        "peer" => {
            let address = value.text.split_once('/').map_or(&*value.text, |(address, _)| address);
            lowered.peer = address.parse().ok().filter(|peer| Family::of(*peer) == family);
            return lowered.peer.is_some();
        }
        "preferred_lft" => {
            lowered.preferred = match value.text.as_str() {
                "forever" => Some(PreferredLifetime::Forever),
                seconds => seconds.parse().ok().map(PreferredLifetime::Seconds),
            };
            return lowered.preferred.is_some();
        }
        // Nobody's loss is nobody's, whatever group it is of.
        "track_group" if lowered.following != Following::Nobody => {
            lowered.following = Following::Group(value.text.as_str().into());
        }
        _ => {}
    }
    true
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

const SCOPE_GLOBAL: u8 = 0;
const WITH_VALUES: &[&str] =
    &["dev", "scope", "brd", "broadcast", "label", "peer", "preferred_lft", "track_group"];
const FLAGS: &[&str] =
    &["home", "noprefixroute", "mngtmpaddr", "autojoin", "no_track", "-nodad", "use_vmac"];
