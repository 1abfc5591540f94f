//! Which packets a `virtual_server` is about.

use std::collections::BTreeSet;
use std::net::IpAddr;

use intent::service::{Front, Transport};
use wire::Family;

use super::title;
use crate::diagnostic::model as codes;
use crate::lower::report::Reports;
use crate::lower::served::Groups;
use crate::model::ServerGroupMember as Member;
use crate::syntax::Directive;

/// The services of one `virtual_server`; nothing where there are none, or none that can be.
pub(super) fn fronts(
    block: &Directive,
    groups: &Groups,
    reports: &mut Reports<'_>,
) -> Option<Vec<Front>> {
    let protocol = protocol(block, reports);
    let family = family(block);
    Some(match block.text(0)? {
        "fwmark" => {
            let mark = block.text(1)?.parse().ok().filter(|mark| *mark != 0)?;
            vec![Front::Mark { mark, family: family.or_else(|| of_servers(block))? }]
        }
        "group" => of_group(block, groups, (protocol, family), reports)?,
        text => {
            let address = text.parse().ok()?;
            let port = block.text(1).map_or(Some(0), |text| text.parse().ok())?;
            vec![Front::Address { protocol, address, port }]
        }
    })
}

fn of_group(
    block: &Directive,
    groups: &Groups,
    (protocol, family): (Transport, Option<Family>),
    reports: &mut Reports<'_>,
) -> Option<Vec<Front>> {
    let name = block.arguments.get(1)?;
    let Some(members) = groups.get(name.as_str()) else {
        let text = format!("{}: there is no such virtual_server_group", title(block));
        reports
            .warning(codes::UNKNOWN_SERVER_GROUP, format!("{text}: it is left out"), name.span)
            .help(format!("add a block `virtual_server_group {} {{ ... }}`", name.as_str()));
        return None;
    };
    let mut fronts = BTreeSet::new();
    let first = members.iter().find_map(|member| match member {
        Member::Addresses { first, .. } => Some(Family::of(*first)),
        Member::Mark { family, .. } => *family,
    });
    let family = family.or(first).or_else(|| of_servers(block))?;
    for member in members {
        match member {
            Member::Mark { mark, family: own } => {
                let family = own.unwrap_or(family);
                fronts.insert(Front::Mark { mark: *mark, family });
            }
            Member::Addresses { first, last, port } => {
                let port = port.unwrap_or(0);
                fronts.extend(addresses(*first, *last).take(MOST).map(|address| Front::Address {
                    protocol,
                    address,
                    port,
                }));
            }
        }
    }
    if fronts.is_empty() {
        let text = format!("virtual_server_group `{}` is empty", name.as_str());
        reports.warning(
            codes::UNKNOWN_SERVER_GROUP,
            format!("{text}: {} is left out", title(block)),
            name.span,
        );
        return None;
    }
    Some(fronts.into_iter().collect())
}

/// All addresses from `first` to `last`.
fn addresses(first: IpAddr, last: IpAddr) -> impl Iterator<Item = IpAddr> {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    (bits(first)..=bits(last)).filter_map(move |bits| match first {
        IpAddr::V4(_) => u32::try_from(bits).ok().map(|bits| IpAddr::V4(bits.into())),
        IpAddr::V6(_) => Some(IpAddr::V6(bits.into())),
    })
}

fn protocol(block: &Directive, reports: &mut Reports<'_>) -> Transport {
    let line = block.children().iter().rfind(|it| it.keyword == *"protocol");
    match line.and_then(|it| it.text(0)) {
        Some(word) if word.eq_ignore_ascii_case("tcp") => Transport::Tcp,
        Some(word) if word.eq_ignore_ascii_case("sctp") => Transport::Sctp,
        Some(_) => Transport::Udp,
        None => {
            if block.text(0) != Some("fwmark") {
                let text = format!("{} has no protocol: it balances UDP", title(block));
                reports
                    .warning(codes::NO_PROTOCOL, text, block.span)
                    .help("write `protocol TCP`, `UDP` or `SCTP`");
            }
            Transport::Udp
        }
    }
}

/// `ip_family`.
fn family(block: &Directive) -> Option<Family> {
    let line = block.children().iter().rfind(|it| it.keyword == *"ip_family")?;
    Some(if line.text(0)? == "inet6" { Family::Ipv6 } else { Family::Ipv4 })
}

/// Where nothing else tells the family of a mark: that of whom it is balanced over. A tunnel carries either family, so
/// it speaks last.
fn of_servers(block: &Directive) -> Option<Family> {
    let method = |block: &Directive| {
        let last = block
            .children()
            .iter()
            .rfind(|it| it.keyword == *"lvs_method" || it.keyword == *"lb_kind");
        last.and_then(|it| it.text(0)).map(|method| method == "TUN")
    };
    let is_tunnelled = method(block).unwrap_or(false);
    let family = |line: &Directive| Some(Family::of(line.text(0)?.parse().ok()?));
    let servers = || block.children().iter().filter(|it| it.keyword == *"real_server");
    let mut direct = servers().filter(|it| !method(it).unwrap_or(is_tunnelled)).filter_map(family);
    let sorry_server = || {
        let line = block.children().iter().rfind(|it| it.keyword == *"sorry_server")?;
        family(line)
    };
    direct.next().or_else(sorry_server).or_else(|| servers().find_map(family))
}

/// Of one line of a group. A range of the last part of an IPv6 address has as many.
const MOST: usize = 65_536;
