//! `keepalived.data`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use config::model::{Model, Strangers, UnicastChecksum};
use status::{
    Authentication, Group, Instance, Preemption, Programs, Report, Script, Seconds, State,
    TrackedState, Tracker,
};

use super::json::HIDDEN;
use super::{address, command, fixed, globals, path, tracked};
use crate::compat;
use crate::log;

/// The file.
pub(super) fn whole(report: &Report, model: &Model) -> String {
    let mut text = globals::section(&model.global);
    fixed::sections(&mut text, model);
    if !report.instances.is_empty() {
        text.push_str("------< VRRP Topology >------\n");
        let lines: BTreeMap<&str, &config::model::Instance> =
            model.instances.iter().map(|it| (it.name.as_str(), it)).collect();
        for one in &report.instances {
            instance(&mut text, one, lines.get(one.name.as_str()).copied(), report.daemon.now);
        }
    }
    if !report.groups.is_empty() {
        text.push_str("------< VRRP Sync groups >------\n");
        report.groups.iter().for_each(|group| sync_group(&mut text, group, report));
    }
    if !report.scripts.is_empty() {
        text.push_str("------< VRRP Scripts >------\n");
        report.scripts.iter().for_each(|one| script(&mut text, one, report));
    }
    tracked::sections(&mut text, report, model);
    text
}

/// One instance, with the `lines` that the configuration has of it.
fn instance(
    text: &mut String,
    one: &Instance,
    lines: Option<&config::model::Instance>,
    now: Seconds,
) {
    let state = compat::state(one.state);
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    line(format!(" VRRP Instance = {}", one.name));
    line(format!("   VRRP Version = {}", one.vrrp));
    if one.ip == 6 {
        line("   Using Native IPv6".to_owned());
    }
    if let Some(group) = &one.group {
        line(format!("   Sync group = {group}"));
    }
    line(format!("   State = {state}"));
    if let Some(peer) = one.active_router {
        line(format!("   Master router = {}", peer.address));
        line(format!("   Master priority = {}", peer.priority));
        if one.vrrp == 3 {
            let interval = hundredths(one.active_advertisement_interval);
            line(format!("   Master advert int = {interval} sec"));
        }
    }
    if one.settings.multicast.is_some() {
        line("   Flags: none".to_owned());
    } else {
        line("   Flags:\n     Using unicast".to_owned());
    }
    line(format!("   Wantstate = {state}"));
    let (of_configuration, others): (Vec<_>, Vec<_>) =
        one.faults.iter().partition(|fault| fault.code == "configuration");
    line(format!("   Number of config faults = {}", of_configuration.len()));
    line(format!("   Number of interface and track script faults = {}", others.len()));
    let unknown =
        |it: &&status::Tracked| it.kind == Tracker::Script && it.state == TrackedState::Unknown;
    let unknown = one.trackers.iter().filter(unknown).count();
    line(format!("   Number of track scripts init = {unknown}"));
    line(format!("   Last transition = {}", moment(one.since)));
    let due = one.due.map(|due| moment(Seconds(now.0.saturating_add(due.0))));
    line(format!("   Read timeout = {}", due.as_deref().unwrap_or("DISABLED")));
    let down = one.active_down_interval.0.as_micros();
    line(format!("   Master down timer = {down} usecs"));
    match &one.virtual_link {
        None => line(format!("   Interface = {}", one.interface)),
        Some(status::VirtualLink { name, up, ipvlan: Some(mode), .. }) => {
            line(format!("   Use IPVLAN, i/f {name}, is_up = {up}, type {mode}"));
            line(format!("   Interface = {name}, ipvlan on {}", one.interface));
        }
        Some(link) => {
            let (name, base) = (&link.name, !link.transmits);
            line(format!("   Use VMAC, i/f name {name}, is_up = {}, xmit_base = {base}", link.up));
            let through = if base { ", xmit base i/f" } else { "" };
            line(format!("   Interface = {name}, vmac on {}{through}", one.interface));
        }
    }
    if !one.settings.tracks_interface {
        line("   VRRP interface tracking disabled".to_owned());
    }
    if one.settings.trusts_known_sender {
        line("   Skip checking advert IP addresses".to_owned());
    }
    if one.settings.strict {
        line("   Enforcing strict VRRP compliance".to_owned());
    }
    let source = one.source.map_or_else(|| "(none)".to_owned(), |source| source.to_string());
    let origin = if one.settings.source_configured { " (from configuration)" } else { "" };
    line(format!("   Using src_ip = {source}{origin}"));
    if let Some(group) = one.settings.multicast {
        line(format!("   Multicast address {group}"));
    }
    settings(text, one);
    lists(text, one, lines);
    told(text, one);
}

fn settings(text: &mut String, one: &Instance) {
    let settings = &one.settings;
    let announce = &settings.announcements;
    let whole = |span: Option<Seconds>| span.unwrap_or_default().0.as_secs();
    let numbers = [
        ("Gratuitous ARP delay", whole(announce.again_after)),
        ("Gratuitous ARP repeat", announce.repeat.into()),
        ("Gratuitous ARP refresh", whole(announce.refresh)),
        ("Gratuitous ARP refresh repeat", announce.refresh_repeat.into()),
        ("Gratuitous ARP lower priority delay", whole(announce.lower_priority_again_after)),
        ("Gratuitous ARP lower priority repeat", announce.lower_priority_repeat.into()),
        ("Down timer adverts", settings.down_timer_adverts.into()),
    ];
    for (name, number) in numbers {
        let _ = writeln!(text, "   {name} = {number}");
    }
    if let Some(extra) = &announce.extra {
        let links = if extra.on_all { "i/f" } else { "VMAC" };
        let period = extra.period.0.as_secs();
        let _ = writeln!(text, "   Gratuitous ARP for each secondary {links} = {period}");
    }
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    let lower = settings.answers_lower_priority;
    line(format!("   Send advert after receive lower priority advert = {lower}"));
    let higher = settings.answers_higher_priority;
    line(format!("   Send advert after receive higher priority advert = {higher}"));
    line(format!("   Virtual Router ID = {}", one.vrid));
    line(format!("   Priority = {}", one.base_priority));
    line(format!("   Effective priority = {}", one.priority));
    line(format!("   Total priority = {}", one.priority));
    line(format!("   Advert interval = {}", interval(one, one.advertisement_interval)));
    if one.vrrp == 3 && one.active_router.is_some() {
        let learnt = interval(one, one.active_advertisement_interval);
        line(format!("   Master advert interval = {learnt}"));
    }
    line(format!("   Accept = {}", enabled(settings.accepts)));
    line(format!("   Preempt = {}", enabled(settings.preemption != Preemption::Never)));
    if let Preemption::After(delay) = settings.preemption {
        line(format!("   Preempt delay = {} secs", delay.0.as_secs()));
    }
    line(format!("   Promote_secondaries = {}", enabled(settings.promotes_secondaries)));
    if one.vrrp == 2 {
        let kind = match settings.authentication {
            Authentication::Password => "SIMPLE_PASSWORD",
            Authentication::Header => "IPSEC_AH",
            Authentication::None | Authentication::Trailer => "none",
        };
        line(format!("   Authentication type = {kind}"));
        if settings.authentication == Authentication::Password {
            line(format!("   Password = {HIDDEN}"));
        }
    }
}

fn lists(text: &mut String, one: &Instance, lines: Option<&config::model::Instance>) {
    let addresses = |advertised: bool| {
        let wanted = one.addresses.iter().filter(move |it| it.advertised == advertised);
        wanted.map(|it| address(it, one.settings.accepts)).collect::<Vec<String>>()
    };
    let advertised = addresses(true);
    list(text, &format!("Virtual IP ({}):", advertised.len()), advertised);
    list(text, "Virtual IP Excluded :", addresses(false));
    let peer = |peer: &status::UnicastPeer| {
        format!("{} min_ttl {} max_ttl {}", peer.address, peer.min_ttl, peer.max_ttl)
    };
    let unicast = lines.and_then(|lines| lines.destination.unicast());
    if let Some(unicast) = unicast {
        let checked = if unicast.strangers == Strangers::Refused { "yes" } else { "no" };
        let _ =
            writeln!(text, "   Unicast TTL = {}\n   Check unicast src : {checked}", unicast.ttl);
    }
    list(text, "Unicast Peer :", one.settings.peers.iter().map(peer).collect());
    if let Some(unicast) = unicast {
        let word = match unicast.checksum {
            UnicastChecksum::Detected => "no",
            UnicastChecksum::Old => "config",
            UnicastChecksum::Standard => "never",
        };
        let _ = writeln!(text, "   Unicast checksum compatibility = {word}");
    }
    let routes = lines.into_iter().flat_map(|lines| &lines.routes);
    list(text, "Virtual Routes :", routes.map(path::route).collect());
    let rules = lines.into_iter().flat_map(|lines| &lines.rules);
    list(text, "Virtual Rules :", rules.map(path::rule).collect());
    for (kind, head) in [
        (Tracker::Interface, "Tracked interfaces :"),
        (Tracker::Script, "Tracked scripts :"),
        (Tracker::File, "Tracked files :"),
        (Tracker::Process, "Tracked processes :"),
        (Tracker::Bfd, "Tracked BFDs :"),
    ] {
        let of_kind = one.trackers.iter().filter(|it| it.kind == kind);
        list(text, head, of_kind.map(tracked::row).collect());
    }
}

/// Rows under a head; nothing where there is none.
fn list(text: &mut String, head: &str, rows: Vec<String>) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(text, "   {head}");
    for row in rows {
        let _ = writeln!(text, "     {row}");
    }
}

fn told(text: &mut String, one: &Instance) {
    let programs = &one.settings.programs;
    mailed(text, programs.mailed);
    let deleted = if programs.tells_deletion { "Deleted" } else { "Fault" };
    let _ = writeln!(text, "   Notify deleted = {deleted}");
    scripts(text, programs);
    let _ = writeln!(text, "   Notify priority changes = {}", programs.tells_priority);
}

/// The programs that are told, a line each.
fn scripts(text: &mut String, programs: &Programs) {
    let lines = [
        ("Backup state transition", &programs.backup),
        ("Master state transition", &programs.active),
        ("Fault state transition", &programs.fault),
        ("Stop state transition", &programs.stop),
        ("Deleted state transition", &programs.deleted),
        ("Generic state transition", &programs.any),
        ("Master rx lower pri", &programs.lower_priority),
    ];
    for (what, words) in lines.iter().filter(|(_, words)| !words.is_empty()) {
        let _ = writeln!(text, "   {what} script = {}", command(words));
    }
}

fn sync_group(text: &mut String, group: &Group, report: &Report) {
    let _ = writeln!(text, " VRRP Sync Group = {}, {}", group.name, compat::state(group.state));
    let faulty = report.instances.iter().filter(|it| group.members.contains(&it.name));
    let faulty = faulty.filter(|it| it.state == State::Fault).count();
    let _ = writeln!(text, "   Num member fault {faulty}, num member init 0");
    text.push_str("   VRRP member instances :\n");
    for name in &group.members {
        let _ = writeln!(text, "     {name}");
    }
    mailed(text, group.programs.mailed);
    scripts(text, &group.programs);
}

fn mailed(text: &mut String, mailed: bool) {
    let word = if mailed { "yes" } else { "no" };
    let _ = writeln!(text, "   Using smtp notification = {word}");
}

fn script(text: &mut String, one: &Script, report: &Report) {
    let good = one.good == Some(true);
    let lines = [
        ("Command", command(&one.command)),
        ("Interval", format!("{} sec", one.interval.0.as_secs())),
        ("Timeout", format!("{} sec", one.timeout.0.as_secs())),
        ("Weight", one.weight.to_string()),
        ("Rise", one.rise.to_string()),
        ("Fall", one.fall.to_string()),
        ("Init state", if one.good.is_none() { "INIT" } else { "unknown" }.to_owned()),
        ("Status", if good { "GOOD" } else { "BAD" }.to_owned()),
    ];
    let _ = writeln!(text, " VRRP Script = {}", one.name);
    for (name, value) in lines {
        let _ = writeln!(text, "   {name} = {value}");
    }
    text.push_str("   Tracking instances :\n");
    for instance in &report.instances {
        let of_this = |it: &&status::Tracked| it.kind == Tracker::Script && it.name == one.name;
        for tracked in instance.trackers.iter().filter(of_this) {
            let _ = writeln!(text, "     {}, weight {}", instance.name, tracked.weight);
        }
    }
    let _ = writeln!(text, "   State = {}", if one.running { "running" } else { "idle" });
}

/// `1 sec` in version 2, `1000 milli-sec` in version 3.
fn interval(one: &Instance, interval: Seconds) -> String {
    if one.vrrp == 2 {
        format!("{} sec", interval.0.as_secs())
    } else {
        format!("{} milli-sec", interval.0.as_millis())
    }
}

fn hundredths(span: Seconds) -> String {
    let hundredths = span.0.as_millis() / 10;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// `0.000000`.
pub(super) fn precise(span: Seconds) -> String {
    format!("{}.{:06}", span.0.as_secs(), span.0.subsec_micros())
}

/// `1795264005.155648 (Sat Nov 21 12:26:45.155648 2026)`.
fn moment(time: Seconds) -> String {
    format!("{} ({})", precise(time), log::precise_time(time.0))
}

const fn enabled(set: bool) -> &'static str {
    if set { "enabled" } else { "disabled" }
}
