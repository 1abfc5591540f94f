//! Schedulers, their flags, and persistence.

use std::net::Ipv4Addr;

use intent::service::{Granularity, Persistence, Scheduling};
use wire::Family;

use super::{number, title};
use crate::diagnostic::model as codes;
use crate::lower::report::Reports;
use crate::syntax::Directive;

/// Lowers the lines of a `virtual_server` in their order: flags of `sh` and `mh` count behind their scheduler only.
pub(super) fn lower(block: &Directive, reports: &mut Reports<'_>) -> Scheduling {
    let mut scheduling = Scheduling::new("wlc");
    let (mut seconds, mut granularity, mut engine) = (None, None, None);
    for line in block.children() {
        match line.keyword.as_str() {
            "lb_algo" | "lvs_sched" => {
                if let Some(name) = line.text(0) {
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
                seconds =
                    Some(number(line).unwrap_or(360)).filter(|it| (1..=2_678_400).contains(it));
            }
            "persistence_granularity" => granularity = line.text(0).and_then(self::granularity),
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
        seconds = Some(360);
    }
    let family = match block.text(0).map(str::parse) {
        Some(Ok(std::net::IpAddr::V6(_))) => Family::Ipv6,
        _ => Family::Ipv4,
    };
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

/// A netmask, or the length of a prefix.
fn granularity(text: &str) -> Option<Granularity> {
    if let Ok(mask) = text.parse::<Ipv4Addr>() {
        return Some(Granularity::Mask(mask));
    }
    text.parse().ok().filter(|length| (1..=128).contains(length)).map(Granularity::Prefix)
}
