//! `keepalived_check.data`: virtual servers, their real servers and the checks of these: what the configuration says, and
//! how they stand, where the checker process has told.
//!
//! Left out are what a virtual server only hands down to its servers, which is said of each of them, the addresses of
//! groups, and what only keepalived's own code has a use for (`reloaded`, the weight before the last change).

use std::fmt::Write as _;

use config::model::{Balance, Command, Model, Protocol, RealServer, VirtualServer};
use health::OnFailure;
use intent::service::{Forwarding, Front, Granularity, Scheduling, Tunnel, TunnelChecksum};
use status::{Condition, Report};
use wire::Family;

use super::standing::{self, Standing};
use super::{checks, command, globals};
use crate::compat::balance;

/// The file.
pub(super) fn whole(report: &Report, model: &Model) -> String {
    let standing = Standing::of(report);
    let mut text = globals::section(&model.global);
    text.push_str("------< LVS Topology >------\n");
    let balanced =
        || model.virtual_servers.iter().filter_map(|it| Some((it, it.balance.as_ref()?)));
    for (server, balance) in balanced() {
        let seen = standing.find(server, balance);
        virtual_server(&mut text, server, balance, seen, model);
    }
    text.push_str("------< Health checkers >------\n");
    for (server, balance) in balanced() {
        let seen = standing.find(server, balance);
        checks::of_virtual_server(&mut text, server, balance, seen, &model.global.balancing);
    }
    text
}

fn virtual_server(
    text: &mut String,
    server: &VirtualServer,
    it: &Balance,
    seen: Option<&status::VirtualServer>,
    model: &Model,
) {
    text.push_str(" ------< Virtual server >------\n");
    let _ = match (&server.group, server.mark, server.address) {
        (Some(group), _, _) => writeln!(text, " VS GROUP = [{group}]:0"),
        (None, Some(mark), _) => writeln!(text, " VS FWMARK = {mark}"),
        (None, None, Some(address)) => {
            writeln!(text, " VS VIP = {address}, VPORT = {}", server.port.unwrap_or(0))
        }
        (None, None, None) => Ok(()),
    };
    if let Some(name) = &it.label {
        let _ = writeln!(text, "   SNMP name = '{name}'");
    }
    let family = it.fronts.first().map_or(Family::Ipv4, Front::family);
    let word = if family == Family::Ipv4 { "inet" } else { "inet6" };
    let _ = writeln!(text, "   Address family = {word}");
    scheduling(text, &it.scheduling, family);
    let protocol = match (server.mark, server.protocol) {
        (Some(_), _) => "none",
        (None, Protocol::Tcp) => "TCP",
        (None, Protocol::Udp) => "UDP",
        (None, Protocol::Sctp) => "SCTP",
    };
    let _ = writeln!(text, "   protocol = {protocol}\n   omega is {}", on(it.omega));
    let _ = writeln!(text, "   quorum = {}, hysteresis = {}", it.quorum, it.hysteresis);
    program(text, "  Quorum up", it.quorum_up.as_ref());
    program(text, "  Quorum down", it.quorum_down.as_ref());
    if it.ha_suspend {
        text.push_str("   Using HA suspend\n");
    }
    let alerts = model.global.balancing.alerts;
    mailed(text, it.alert.or(alerts).unwrap_or(false));
    if let Some(sorry) = &it.sorry_server {
        let name = balance::server(sorry.back, balance::protocol(server));
        let _ = writeln!(text, "   sorry server = {name}");
        let forwarding = forwarding(sorry.destination.forwarding);
        let _ = writeln!(text, "     forwarding method = {forwarding}");
        let inhibits = on(sorry.on_failure == OnFailure::Inhibit);
        let _ = writeln!(text, "     Inhibit on failure is {inhibits}");
    }
    if let Some(seen) = seen {
        let _ = writeln!(text, "   alive = {}", u8::from(seen.data_plane.is_some()));
        let _ = writeln!(text, "   quorum_state_up = {}", u8::from(seen.state == Condition::Up));
    }
    for real in &it.servers {
        let protocol = balance::protocol(server);
        let seen = seen.and_then(|seen| standing::real_server(seen, real.back, protocol));
        real_server(text, real, seen, alerts);
    }
}

fn scheduling(text: &mut String, it: &Scheduling, family: Family) {
    let _ = writeln!(text, "   lvs_sched = {}", it.scheduler);
    let flags = it.flags;
    let names: &[(&str, bool)] = match it.scheduler.as_str() {
        "sh" => &[("sh-port", flags.second), ("sh-fallback", flags.first)],
        "mh" => &[("mh-port", flags.second), ("mh-fallback", flags.first)],
        _ => &[("flag-1", flags.first), ("flag-2", flags.second), ("flag-3", flags.third)],
    };
    for (name, is_set) in names {
        let _ = writeln!(text, "   {name} = {}", enabled(*is_set));
    }
    let _ = writeln!(text, "   One packet scheduling = {}", enabled(it.one_packet));
    let Some(persistence) = &it.persistence else { return };
    let _ = writeln!(text, "   persistence timeout = {}", persistence.seconds);
    if persistence.granularity != Granularity::finest(family) {
        let _ = match persistence.granularity {
            Granularity::Mask(mask) => writeln!(text, "   persistence granularity = {mask}"),
            Granularity::Prefix(prefix) => writeln!(text, "   persistence granularity = {prefix}"),
        };
    }
}

fn real_server(
    text: &mut String,
    it: &RealServer,
    seen: Option<&status::RealServer>,
    alerts: Option<bool>,
) {
    let (back, destination) = (it.back, it.destination);
    text.push_str("   ------< Real server >------\n");
    let weights = seen
        .map_or_else(String::new, |seen| format!(", WEIGHT = {0} EFF WEIGHT = {0}", seen.weight));
    let _ = writeln!(text, "   RIP = {}, RPORT = {}{weights}", back.address, back.port);
    let _ = writeln!(text, "   forwarding method = {}", forwarding(destination.forwarding));
    let (least, most) = (destination.lower_threshold, destination.upper_threshold);
    let _ = writeln!(text, "   connection limit range = {least} -> {most}");
    let inhibits = on(it.on_failure == OnFailure::Inhibit);
    let _ = writeln!(text, "   Inhibit on failure is {inhibits}");
    program(text, "    RS up", it.notify_up.as_ref());
    program(text, "    RS down", it.notify_down.as_ref());
    if let Some(name) = &it.label {
        let _ = writeln!(text, "   SNMP name = {name}");
    }
    mailed(text, it.alert.or(alerts).unwrap_or(true));
    let _ = writeln!(text, "   initial weight = {}", destination.weight);
    let Some(seen) = seen else { return };
    let failed = seen.checks.iter().filter(|check| check.state == Condition::Down).count();
    let _ = writeln!(text, "   effective weight = {}", seen.weight);
    let _ = writeln!(text, "   alive = {}", u8::from(seen.state == Condition::Up));
    let _ = writeln!(text, "   num failed checkers = {failed}");
    let _ = writeln!(text, "   RS set = {}", u8::from(seen.installed.is_some()));
}

fn forwarding(forwarding: Forwarding) -> String {
    let (kind, port, checksum) = match forwarding {
        Forwarding::Nat => return "NAT".to_owned(),
        Forwarding::DirectRoute => return "DR".to_owned(),
        Forwarding::Other(number) => return number.to_string(),
        Forwarding::Tunnel(Tunnel::IpIp) => return "TUN, type = IPIP".to_owned(),
        Forwarding::Tunnel(Tunnel::Gue { port, checksum }) => ("GUE", Some(port), checksum),
        Forwarding::Tunnel(Tunnel::Gre { checksum }) => ("GRE", None, checksum),
    };
    let port = port.map_or_else(String::new, |port| format!(", port = {port}"));
    let checksum = match checksum {
        TunnelChecksum::Without => "no checksum",
        TunnelChecksum::Full => "checksum",
        TunnelChecksum::Remote => "remote checksum",
    };
    format!("TUN, type = {kind}{port}, {checksum}")
}

/// As whom it runs is left out.
fn program(text: &mut String, what: &str, program: Option<&Command>) {
    if let Some(program) = program {
        let _ = writeln!(text, " {what} notify script = {}", command(&program.words));
    }
}

fn mailed(text: &mut String, is_mailed: bool) {
    let word = if is_mailed { "yes" } else { "no" };
    let _ = writeln!(text, "   Using smtp notification = {word}");
}

const fn on(is_on: bool) -> &'static str {
    if is_on { "ON" } else { "OFF" }
}

const fn enabled(is_set: bool) -> &'static str {
    if is_set { "enabled" } else { "disabled" }
}
