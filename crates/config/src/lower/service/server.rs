//! `real_server`: where it is, its weight, and its checks.

use health::Verdict;
use intent::service::{Destination, Front};

use super::check::{self, Target};
use super::pace::Written;
use super::{Settings, back, forwarding, number, on_failure, place_diagnosed};
use crate::lower::command;
use crate::lower::report::Reports;
use crate::model::RealServer;
use crate::syntax::Directive;

/// What stands around a real server.
pub(super) struct Around<'a> {
    pub(super) settings: &'a Settings,
    /// `weight`, as far as the virtual server has been read.
    pub(super) weight: u32,
    pub(super) fronts: &'a [Front],
}

/// Lowers one `real_server`; nothing where it cannot serve.
pub(super) fn lower(
    block: &Directive,
    around: &Around<'_>,
    reports: &mut Reports<'_>,
) -> Option<RealServer> {
    let settings = around.settings;
    let mut written = Written::default();
    let mut server = RealServer {
        at: block.span,
        back: back(block)?,
        destination: Destination::new(settings.forwarding, around.weight),
        on_failure: settings.on_failure,
        alert: None,
        notify_up: None,
        notify_down: None,
        label: None,
        habits: None,
        checks: Vec::new(),
    };
    let mut host = None;
    let mut alpha = settings.alpha;
    let destination = &mut server.destination;
    for line in block.children() {
        written.read(line);
        match line.keyword.as_str() {
            "weight" => destination.weight = number(line).unwrap_or(destination.weight),
            "lvs_method" => {
                let forwarding = forwarding::lower(line, reports);
                destination.forwarding = forwarding.unwrap_or(destination.forwarding);
            }
            "uthreshold" => destination.upper_threshold = number(line).unwrap_or_default(),
            "lthreshold" => destination.lower_threshold = number(line).unwrap_or_default(),
            "inhibit_on_failure" => server.on_failure = on_failure(line, server.on_failure),
            "notify_up" => server.notify_up = command::lower(line, reports),
            "notify_down" => server.notify_down = command::lower(line, reports),
            "alpha" => alpha = line.flag().unwrap_or(alpha),
            "smtp_alert" => server.alert = line.flag().or(server.alert),
            "virtualhost" => host = line.text(0).map(str::to_owned),
            "snmp_name" => server.label = line.text(0).map(str::to_owned),
            _ => {}
        }
    }
    let written = written.or(settings.written);
    let fronts = around.fronts;
    server.back = place_diagnosed(server.back, destination.forwarding, fronts, block, reports)?;
    let target = Target {
        back: server.back,
        written,
        start: if alpha { Verdict::Down } else { Verdict::Up },
        host: host.as_deref().or(settings.host.as_deref()),
        outer_host: settings.host.as_deref(),
    };
    server.habits = Some(Box::new(written.habits(alpha, host.clone())));
    for line in block.children() {
        if let Some(check) = check::lower(line, &target, reports) {
            // Most have one: room for four would be most of the model.
            server.checks.reserve_exact(1);
            server.checks.push(check);
        }
    }
    Some(server)
}
