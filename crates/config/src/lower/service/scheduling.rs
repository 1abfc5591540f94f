//! Schedulers, their flags, and persistence.

use std::net::Ipv4Addr;

use intent::service::{Granularity, Persistence, Scheduling};
use wire::Family;

use super::{number, title};
use crate::diagnostic::model as codes;
use crate::keyword::SCHEDULERS;
use crate::lower::report::Reports;
use crate::syntax::Directive;

/// Lowers the lines of a `virtual_server` of a family in their order: flags of `sh` and `mh` count behind their
/// scheduler only.
pub(super) fn lower(block: &Directive, family: Family, reports: &mut Reports<'_>) -> Scheduling {
    let mut scheduling = Scheduling::new("wlc");
    let (mut seconds, mut granularity, mut engine) = (None, None, None);
    for line in block.children() {
        match line.keyword.as_str() {
            "lb_algo" | "lvs_sched" => {
                // Another one is diagnosed, and what was chosen before stays.
                if let Some(name) = line.text(0).filter(|it| SCHEDULERS.contains(it)) {
                    name.clone_into(&mut scheduling.scheduler);
                }
            }
            "ops" => scheduling.one_packet = true,
            "flag-1" => scheduling.flags.first = true,
            "flag-2" => scheduling.flags.second = true,
            "flag-3" => scheduling.flags.third = true,
            "sh-fallback" | "mh-fallback" | "sh-port" | "mh-port" => {
                flag(line, &mut scheduling, reports);
            }
            // What is out of range is ignored, and 0 means none.
            "persistence_timeout" => {
                seconds = Some(number(line).unwrap_or(UNWRITTEN))
                    .filter(|it| (1..=2_678_400).contains(it));
            }
            "persistence_granularity" => {
                granularity = self::granularity(line, family, reports).or(granularity);
                // It asks for persistence as well, for as long as a `persistence_timeout` without a number.
                seconds = seconds.or(granularity.map(|_| UNWRITTEN));
            }
            "persistence_engine" => engine = line.text(0).map(str::to_owned),
            _ => {}
        }
    }
    let every_port = !matches!(block.text(0), Some("fwmark" | "group"))
        && matches!(block.text(1), None | Some("0"));
    if every_port && seconds.is_none() {
        reports
            .warning(
                codes::PERSISTENCE_NEEDED,
                format!("{} is for every port, which takes persistence: it has some", title(block)),
                block.span,
            )
            .help("write `persistence_timeout`, or a port");
        seconds = Some(UNWRITTEN);
    }
    scheduling.persistence = seconds.map(|seconds| Persistence {
        seconds,
        granularity: granularity.unwrap_or(Granularity::finest(family)),
        engine,
    });
    scheduling
}

fn flag(line: &Directive, scheduling: &mut Scheduling, reports: &mut Reports<'_>) {
    let Some((scheduler, name)) = line.keyword.as_str().split_once('-') else { return };
    if scheduling.scheduler != scheduler {
        let text = format!("`{}` is for `lb_algo {scheduler}`", line.keyword.as_str());
        reports
            .warning(
                codes::FLAG_WITHOUT_SCHEDULER,
                format!("{text}: it does nothing here"),
                line.span,
            )
            .help(format!("write it behind `lb_algo {scheduler}`"));
        return;
    }
    match name {
        "fallback" => scheduling.flags.first = true,
        _ => scheduling.flags.second = true,
    }
}

/// A netmask of IPv4 addresses, or the length of a prefix of IPv6 addresses.
fn granularity(line: &Directive, family: Family, reports: &mut Reports<'_>) -> Option<Granularity> {
    let text = line.text(0)?;
    if let Ok(mask) = text.parse::<Ipv4Addr>() {
        if family == Family::Ipv6 {
            let what = format!("`{text}` is a mask of IPv4 addresses, and this is for IPv6");
            reports
                .warning(codes::GRANULARITY, format!("{what}: it is left out"), line.span)
                .help("write the length of a prefix, such as `persistence_granularity 64`");
            return None;
        }
        return Some(Granularity::Mask(mask));
    }
    let length = text.parse().ok().filter(|length| (1..=128).contains(length))?;
    if family == Family::Ipv6 {
        return Some(Granularity::Prefix(length));
    }
    let mask = 32_u32.checked_sub(length.into()).and_then(|rest| u32::MAX.checked_shl(rest));
    let mask = mask.map(Ipv4Addr::from_bits);
    let what = format!("`{text}` is the length of a prefix, and IPv4 takes a mask");
    match mask {
        Some(mask) => reports
            .warning(codes::GRANULARITY, format!("{what}: it is taken as {mask}"), line.span)
            .help(format!("write `persistence_granularity {mask}`")),
        None => reports
            .warning(codes::GRANULARITY, format!("{what}: it is left out"), line.span)
            .help("write a mask, such as `persistence_granularity 255.255.255.0`"),
    };
    mask.map(Granularity::Mask)
}

/// Seconds of persistence where no number is written.
const UNWRITTEN: u32 = 360;
