//! `virtual_server`: what is balanced, and over whom.
//!
//! What stands in a real server or check comes before what stands around it. Only `weight`, and the flags of
//! schedulers, count for what stands behind them.

mod askable;
mod check;
mod data_plane;
mod forwarding;
mod front;
mod grpc;
mod pace;
mod pages;
mod scheduling;
mod server;
pub(super) mod tls;

use std::collections::BTreeMap;

use health::OnFailure;
use intent::service::{Back, Destination, Forwarding, Front};

use self::forwarding::place_diagnosed;
use self::front::fronts;
use self::pace::Written;
use self::server::Around;
use super::command;
use super::report::Reports;
use super::served::Groups;
use crate::check::RealServers;
use crate::diagnostic::model as codes;
use crate::model::{Balance, Command, Common, DataPlane, RealServer, SorryServer, VirtualServer};
use crate::source::Span;
use crate::syntax::Directive;

/// Of two virtual servers for the same packets the second is left out.
pub(super) fn leave_out_repeated(servers: &mut [VirtualServer], reports: &mut Reports<'_>) {
    let mut taken: BTreeMap<Front, Span> = BTreeMap::new();
    for server in servers {
        let Some(balance) = &server.balance else { continue };
        let other = |front: &Front| Some((*front, *taken.get(front)?));
        if let Some((front, first)) = balance.fronts.iter().find_map(other) {
            let text = format!("{front} is balanced already: this virtual_server is left out");
            reports
                .warning(codes::DUPLICATE_SERVICE, text, server.at)
                .label(first, "the first one");
            server.balance = None;
            continue;
        }
        taken.extend(balance.fronts.iter().map(|front| (*front, server.at)));
    }
}

/// Lowers one `virtual_server`, for a data plane that may not be able to do it; what of it comes into the model.
pub(super) fn take(
    block: &Directive,
    groups: &Groups,
    (plane, real_servers): (DataPlane, RealServers),
    reports: &mut Reports<'_>,
) -> Option<Balance> {
    let mut balance = lower(block, groups, reports)?;
    data_plane::check(plane, block.span, &balance, reports);
    balance.keep(real_servers);
    Some(balance)
}

/// Lowers it; nothing where there is nothing to balance.
fn lower(block: &Directive, groups: &Groups, reports: &mut Reports<'_>) -> Option<Balance> {
    let servers: Vec<&Directive> =
        block.children().iter().filter(|it| it.keyword == *"real_server").collect();
    if servers.is_empty() {
        reports
            .warning(
                codes::NO_REAL_SERVER,
                format!("{} has no real_server: it is left out", title(block)),
                block.span,
            )
            .help("add a `real_server IP PORT { ... }` for each server that shall serve");
        return None;
    }
    let fronts = fronts(block, groups, reports)?;
    let scheduling = scheduling::lower(block, fronts.first()?.family(), reports);
    let settings = Settings::read(block, reports);
    let mut lowered: Vec<RealServer> = Vec::new();
    let mut weight = 1;
    for line in block.children() {
        match line.keyword.as_str() {
            "weight" => weight = number(line).unwrap_or(weight),
            "real_server" => {
                let around = Around { settings: &settings, weight, fronts: &fronts };
                let Some(server) = server::lower(line, &around, reports) else { continue };
                add(&mut lowered, server, line, reports);
            }
            _ => {}
        }
    }
    lowered.shrink_to_fit();
    let (quorum, hysteresis) = quorum(block, &lowered, reports);
    let sorry_server = sorry_server(block, &settings, &fronts, reports);
    let common = Common {
        habits: settings.written.habits(settings.alpha, settings.host),
        forwarding: settings.forwarding,
        weight,
        on_failure: settings.on_failure,
    };
    Some(Balance {
        fronts,
        scheduling,
        quorum,
        hysteresis,
        ha_suspend: settings.ha_suspend,
        omega: settings.omega,
        alert: settings.alert,
        quorum_up: settings.quorum_up,
        quorum_down: settings.quorum_down,
        label: settings.label,
        common: Some(Box::new(common)),
        sorry_server,
        servers: lowered,
    })
}

/// What a `virtual_server` says for all of its servers.
struct Settings {
    written: Written,
    forwarding: Forwarding,
    on_failure: OnFailure,
    alpha: bool,
    omega: bool,
    ha_suspend: bool,
    alert: Option<bool>,
    host: Option<String>,
    quorum_up: Option<Command>,
    quorum_down: Option<Command>,
    label: Option<String>,
}

impl Settings {
    fn read(block: &Directive, reports: &mut Reports<'_>) -> Self {
        let mut this = Self {
            written: Written::default(),
            forwarding: Forwarding::Nat,
            on_failure: OnFailure::Remove,
            alpha: false,
            omega: false,
            ha_suspend: false,
            alert: None,
            host: None,
            quorum_up: None,
            quorum_down: None,
            label: None,
        };
        for line in block.children() {
            this.written.read(line);
            let text = || line.text(0).map(str::to_owned);
            match line.keyword.as_str() {
                "lb_kind" | "lvs_method" => {
                    this.forwarding = forwarding::lower(line, reports).unwrap_or(this.forwarding);
                }
                "inhibit_on_failure" => this.on_failure = on_failure(line, this.on_failure),
                "alpha" => this.alpha = line.flag().unwrap_or(this.alpha),
                "omega" => this.omega = line.flag().unwrap_or(this.omega),
                "ha_suspend" => this.ha_suspend = true,
                "smtp_alert" => this.alert = line.flag().or(this.alert),
                "virtualhost" => this.host = text(),
                "quorum_up" => this.quorum_up = command::lower(line, reports),
                "quorum_down" => this.quorum_down = command::lower(line, reports),
                "snmp_name" => this.label = text(),
                _ => {}
            }
        }
        this
    }
}

/// A second one at the same place is left out.
fn add(
    servers: &mut Vec<RealServer>,
    server: RealServer,
    line: &Directive,
    reports: &mut Reports<'_>,
) {
    if let Some(first) = servers.iter().find(|it| it.back == server.back) {
        let text = format!("real_server {} is already defined: this one is left out", server.back);
        reports
            .warning(codes::DUPLICATE_REAL_SERVER, text, line.span)
            .label(first.at, "first defined here");
        return;
    }
    servers.push(server);
}

/// What can be reached: a quorum within the weight of all servers, a hysteresis below the quorum.
fn quorum(block: &Directive, servers: &[RealServer], reports: &mut Reports<'_>) -> (u32, u32) {
    let last = |keyword: &str| block.children().iter().rfind(|it| it.keyword == *keyword);
    let read = |keyword: &str, default| last(keyword).and_then(number).unwrap_or(default);
    let (mut quorum, mut hysteresis) = (read("quorum", 1_u32), read("hysteresis", 0_u32));
    let total: u64 = servers.iter().map(|server| u64::from(server.destination.weight)).sum();
    if u64::from(quorum) > total
        && let Some(line) = last("quorum")
    {
        let text = format!("a quorum of {quorum} is more than the weight of all servers, {total}");
        reports.warning(codes::QUORUM_ADAPTED, format!("{text}: it is {total}"), line.span);
        quorum = u32::try_from(total).unwrap_or(u32::MAX).max(1);
    }
    if hysteresis >= quorum
        && let Some(line) = last("hysteresis")
    {
        let less = quorum.saturating_sub(1);
        let text = format!("a hysteresis of {hysteresis} leaves nothing of a quorum of {quorum}");
        reports.warning(codes::QUORUM_ADAPTED, format!("{text}: it is {less}"), line.span);
        hysteresis = less;
    }
    (quorum, hysteresis)
}

fn sorry_server(
    block: &Directive,
    settings: &Settings,
    fronts: &[Front],
    reports: &mut Reports<'_>,
) -> Option<SorryServer> {
    let mut found = None;
    let mut forwarding = settings.forwarding;
    let mut inhibit = OnFailure::Remove;
    for line in block.children() {
        match line.keyword.as_str() {
            "sorry_server" => found = back(line).map(|back| (back, line)).or(found),
            "sorry_server_lvs_method" => {
                forwarding = forwarding::lower(line, reports).unwrap_or(forwarding);
            }
            "sorry_server_inhibit" => inhibit = on_failure(line, inhibit),
            _ => {}
        }
    }
    let (back, line) = found?;
    let back = place_diagnosed(back, forwarding, fronts, line, reports)?;
    Some(SorryServer { back, destination: Destination::new(forwarding, 1), on_failure: inhibit })
}

/// `IP [PORT]` of a real server or sorry server.
fn back(line: &Directive) -> Option<Back> {
    let address = line.text(0)?.parse().ok()?;
    let port = line.text(1).map_or(Some(0), |text| text.parse().ok())?;
    Some(Back { address, port })
}

fn on_failure(line: &Directive, default: OnFailure) -> OnFailure {
    match line.flag() {
        Some(true) => OnFailure::Inhibit,
        Some(false) => OnFailure::Remove,
        None => default,
    }
}

fn number<T: core::str::FromStr>(line: &Directive) -> Option<T> {
    line.text(0)?.parse().ok()
}

/// `virtual_server 192.0.2.1 80`, as it is written.
fn title(block: &Directive) -> String {
    let words: Vec<&str> = block.words().map(|word| word.as_str()).collect();
    format!("`{}`", words.join(" "))
}
