//! The section of global settings, with which each dump for people begins: as far as they are executed.

use std::fmt::Write as _;

use config::model::{AtStop, CheckerPlace, Command, Global, Mail, Process};

use super::command;
use super::data::precise;
use crate::load;

/// The section.
pub(super) fn section(global: &Global) -> String {
    let mut text = "------< Global definitions >------\n".to_owned();
    place(&mut text, global);
    mail(&mut text, &global.mail);
    upkeep(&mut text, global);
    balancing(&mut text, global);
    told(&mut text, global);
    refusals(&mut text, global);
    process(&mut text, "VRRP", &global.vrrp);
    process(&mut text, "Checker", &global.checker);
    snmp(&mut text, global);
    rest(&mut text, global);
    text
}

fn place(text: &mut String, global: &Global) {
    if let Some(directory) = &global.upkeep.save_directory {
        let _ = writeln!(text, " Config save dir = {directory}");
    }
    let place = &global.place;
    let namespace = place.namespace.as_deref().unwrap_or("(default)");
    let _ = writeln!(text, " Network namespace = {namespace}");
    let checker = match &place.checker {
        CheckerPlace::Same => "(main namespace)".to_owned(),
        CheckerPlace::Initial => "(default)".to_owned(),
        CheckerPlace::Named(name) => name.clone(),
    };
    let _ = writeln!(text, " Network namespace ipvs = {checker}");
    if let Some(instance) = &place.instance {
        let _ = writeln!(text, " Instance name = {instance}");
    }
    if let Some(name) = &global.process_name {
        let _ = writeln!(text, " Parent process name = {name}");
    }
    let router = global.router_id.clone().unwrap_or_else(load::host_name);
    let _ = writeln!(text, " Router ID = {router}");
}

fn mail(text: &mut String, mail: &Mail) {
    if let Some(server) = &mail.server {
        let _ =
            writeln!(text, " Smtp server = {}\n Smtp server port = {}", server.host, server.port);
        if let Some(helo) = &mail.helo {
            let _ = writeln!(text, " Smtp HELO name = {helo}");
        }
        let _ = writeln!(text, " Smtp server connection timeout = {}", mail.step.as_secs());
    }
    if let Some(from) = &mail.from {
        let _ = writeln!(text, " Email notification from = {from}");
    }
    if !mail.recipients.is_empty() {
        let _ = writeln!(text, " Email notification to:");
    }
    for recipient in &mail.recipients {
        let _ = writeln!(text, "   {recipient}");
    }
    let alerts = mail.alerts;
    for (name, is_on) in [("", alerts.all), ("_vrrp", alerts.vrrp), ("_checker", alerts.checker)] {
        let word = match is_on {
            None => "unset",
            Some(true) => "on",
            Some(false) => "off",
        };
        let _ = writeln!(text, " Default smtp_alert{name} = {word}");
    }
}

fn upkeep(text: &mut String, global: &Global) {
    let _ = writeln!(text, " Checkers log all failures = {}", global.balancing.logs_failures);
    if let Some(path) = &global.upkeep.reload_time_file {
        let repeat = if global.upkeep.reload_repeats { " (repeat)" } else { "" };
        let _ = writeln!(text, " Reload time file = {path}{repeat}");
    }
}

fn balancing(text: &mut String, global: &Global) {
    let balancing = &global.balancing;
    let timeouts = balancing.timeouts;
    // The third is called as the first is.
    for (name, seconds) in
        [("TCP", timeouts.tcp), ("TCP FIN", timeouts.tcp_fin), ("TCP", timeouts.udp)]
    {
        if let Some(seconds) = seconds {
            let _ = writeln!(text, " LVS {name} timeout = {seconds}");
        }
    }
    let is_off = if global.is_local_igmp_off { "yes" } else { "no" };
    let _ = writeln!(text, " Disable local IGMP = {is_off}");
    if let Some(sync) = &balancing.sync {
        let daemon = &sync.daemon;
        let lines = [
            ("syncd vrrp name =", sync.instance.clone()),
            ("syncd interface =", Some(daemon.interface.clone())),
            ("syncd syncid =", sync.is_numbered.then(|| daemon.id.to_string())),
            ("syncd maxlen =", daemon.max_length.map(|it| it.to_string())),
            ("mcast group", daemon.group.map(|it| it.to_string())),
            ("syncd mcast port =", daemon.port.map(|it| it.to_string())),
            ("syncd mcast ttl =", daemon.ttl.map(|it| it.to_string())),
        ];
        for (name, value) in lines {
            if let Some(value) = value {
                let _ = writeln!(text, " LVS {name} {value}");
            }
        }
    }
    let at_stop = match balancing.at_stop {
        AtStop::Ours => "disabled",
        AtStop::All => "full",
    };
    let _ = writeln!(text, " LVS flush = {}\n LVS flush on stop = {at_stop}", balancing.flushes);
}

fn told(text: &mut String, global: &Global) {
    for fifo in &global.programs.fifos {
        let name = match fifo.keyword.as_str() {
            "vrrp_notify_fifo" => "VRRP",
            "lvs_notify_fifo" => "LVS",
            _ => "Global",
        };
        let _ = writeln!(text, " {name} notify fifo = {}", fifo.path);
        if let Some(reader) = &fifo.reader {
            let _ = writeln!(text, " {name} notify fifo script = {}", program_as(reader));
        }
    }
    let programs = &global.programs;
    let _ = writeln!(text, " FIFO write vrrp states on reload = {}", programs.repeats_states);
    let _ = writeln!(text, " VRRP notify priority changes = {}", programs.priority_changes);
    for (name, span) in [("ARP", global.garp_interval), ("NA", global.gna_interval)] {
        let _ = writeln!(text, " Gratuitous {name} interval = {}", precise(span.into()));
    }
}

fn refusals(text: &mut String, global: &Global) {
    let nftables = &global.nftables;
    if let Some(table) = &nftables.table {
        let _ = writeln!(text, " nftables table name = {table}");
        let _ = writeln!(text, " nftables base chain priority = {}", nftables.priority);
    }
    let with = if nftables.counters { "with" } else { "without" };
    let _ = writeln!(text, " nftables {with} counters");
}

fn process(text: &mut String, name: &str, process: &Process) {
    let nice = process.nice.unwrap_or(0);
    let _ = writeln!(text, " {name} process priority = {nice}");
    let _ = writeln!(text, " {name} don't swap = {}", process.no_swap);
    let realtime = process.realtime_priority.unwrap_or(0);
    let limit = process.rttime_limit.unwrap_or(DEFAULT_LIMIT);
    let _ = writeln!(text, " {name} realtime priority = {realtime}");
    let _ = writeln!(text, " {name} realtime limit = {limit}");
}

fn snmp(text: &mut String, global: &Global) {
    let snmp = &global.snmp;
    for (name, is_on) in [
        ("vrrp", snmp.vrrp),
        ("checker", snmp.checker),
        ("RFCv2", snmp.rfc2787),
        ("RFCv3", snmp.rfc6527),
        ("traps", snmp.notifies),
    ] {
        let _ = writeln!(text, " SNMP {name} {}", enabled(is_on));
    }
    let default = if snmp.master == config::model::Master::default() {
        format!("default ({})", snmp.master)
    } else {
        snmp.master.to_string()
    };
    let _ = writeln!(text, " SNMP socket = {default}");
}

fn rest(text: &mut String, global: &Global) {
    let _ = writeln!(text, " Script security {}", enabled(global.programs.is_secured));
    let balancing = &global.balancing;
    let _ = writeln!(text, " rs_init_notifies = {}", u8::from(balancing.tells_start));
    let _ = writeln!(text, " no_checker_emails = {}", u8::from(balancing.only_moves_are_told));
    let _ = writeln!(text, " umask = 0{:o}", global.upkeep.umask.unwrap_or(DEFAULT_MASK));
    if !global.startup_delay.is_zero() {
        let seconds = global.startup_delay.as_secs_f64();
        let _ = writeln!(text, " vrrp_startup_delay = {seconds}");
    }
    if global.log_unknown_vrids {
        text.push_str(" log_unknown_vrids\n");
    }
}

/// A program; as whom it runs is left out, which is known by name only.
fn program_as(program: &Command) -> String {
    command(&program.words)
}

const fn enabled(is_on: bool) -> &'static str {
    if is_on { "enabled" } else { "disabled" }
}

/// Microseconds of the real time that a child may run without a pause.
const DEFAULT_LIMIT: u64 = 10_000;
/// New files are their owner's alone, and no programs.
const DEFAULT_MASK: u32 = 0o177;
