//! One instance with all that is known of it.

use super::table::active_router;
use super::{Look, counted, interval, priority, problems, span};
use crate::{Instance, Preemption, Report, State, Tracked, TrackedState};

pub(super) fn whole(report: &Report, one: &Instance, look: &Look) -> String {
    let ago = span(report.daemon.now.since(one.since));
    let state = (look.state)(one.state);
    let mut text =
        format!("{} is in {state} since {}, for {ago}\n", one.name, (look.time)(one.since));
    let mut row = |name: &str, value: &str| text.push_str(&format!("  {name:<15}{value}\n"));
    row("why", &one.cause);
    for (number, line) in problems(report, one, "").iter().enumerate() {
        row(if number == 0 { "wrong" } else { "" }, line);
    }
    let link = one.virtual_link.as_ref().map(|link| format!(" ({})", link.name));
    let router = format!(
        "{}{}, virtual router {}, IPv{}, VRRPv{}",
        one.interface,
        link.unwrap_or_default(),
        one.vrid,
        one.ip,
        one.vrrp
    );
    row("router", &router);
    if let Some(group) = &one.group {
        row("sync group", group);
    }
    row("priority", &priority(one));
    row("active router", &active_router(one));
    row("sends", &sends(one));
    row("waits", &waits(one));
    for (number, address) in one.addresses.iter().enumerate() {
        let installed = if address.installed { "there" } else { "not there" };
        let excluded = if address.advertised { "" } else { ", not advertised" };
        let line = format!(
            "{}/{} on {}: {installed}{excluded}",
            address.address, address.prefix, address.interface
        );
        row(if number == 0 { "addresses" } else { "" }, &line);
    }
    for (name, paths) in [("routes", &one.routes), ("rules", &one.rules)] {
        for (number, path) in paths.iter().enumerate() {
            let installed = if path.installed { "there" } else { "not there" };
            let untracked = if path.tracked { "" } else { ", not tracked" };
            let line = format!("{}: {installed}{untracked}", path.text);
            row(if number == 0 { name } else { "" }, &line);
        }
    }
    for (number, tracked) in one.trackers.iter().enumerate() {
        row(if number == 0 { "tracks" } else { "" }, &tracker(tracked));
    }
    for (number, line) in counters(one).iter().enumerate() {
        row(if number == 0 { "counters" } else { "" }, line);
    }
    text
}

fn sends(one: &Instance) -> String {
    let from = one.source.map_or_else(|| "nothing yet".to_owned(), |source| source.to_string());
    let to = match one.settings.multicast {
        Some(group) => group.to_string(),
        None => {
            let peers: Vec<String> =
                one.settings.peers.iter().map(|peer| peer.address.to_string()).collect();
            if peers.is_empty() { "nobody".to_owned() } else { peers.join(", ") }
        }
    };
    let every = interval(one.advertisement_interval);
    let password = if one.settings.password { ", with a password" } else { "" };
    format!("from {from} to {to} every {every}{password}")
}

fn waits(one: &Instance) -> String {
    let down = interval(one.active_down_interval);
    let preempts = match one.settings.preemption {
        Preemption::Immediately => "preempts a lower priority".to_owned(),
        Preemption::After(delay) => format!("preempts a lower priority after {}", interval(delay)),
        Preemption::Never => "never preempts".to_owned(),
    };
    let learnt = if one.state == State::Backup
        && one.active_advertisement_interval != one.advertisement_interval
    {
        format!(" (the active router sends every {})", interval(one.active_advertisement_interval))
    } else {
        String::new()
    };
    format!("{down} for an advertisement{learnt}, {preempts}")
}

fn tracker(tracked: &Tracked) -> String {
    let reverse = if tracked.reverse { " reverse" } else { "" };
    let effect = match (tracked.weight, tracked.sum()) {
        (0, _) if matches!(tracked.state, TrackedState::Value(_)) => {
            "a fault where it is not 0".to_owned()
        }
        (0, _) => "a fault where it fails".to_owned(),
        (weight, 0) => format!("weight {weight}{reverse}, adds nothing now"),
        (weight, _) => format!("weight {weight}{reverse}, counts now"),
    };
    format!("{} {} is {}: {effect}", tracked.kind.word(), tracked.name, tracked.state.words())
}

fn counters(one: &Instance) -> Vec<String> {
    let counters = &one.counters;
    let mut lines = vec![
        format!(
            "advertisements: {} sent, {} received",
            counters.advertisements_sent, counters.advertisements_received
        ),
        format!(
            "times active: {}, released: {}, in fault: {}",
            counters.became_active, counters.released, counters.faulted
        ),
    ];
    let rest = [
        (counters.resignations_sent, "resignation", "sent"),
        (counters.resignations_received, "resignation", "received"),
        (counters.lower_discarded, "advertisement", "of lower priority not heeded"),
        (counters.address_mismatches, "advertisement", "with other addresses than ours"),
    ];
    let some = rest.into_iter().filter(|(count, ..)| *count > 0);
    lines.extend(some.map(|(count, what, how)| format!("{} {how}", counted(count, what))));
    let discards = counters.discards.iter();
    lines.extend(
        discards.map(|(why, count)| format!("{} refused: {why}", counted(*count, "packet"))),
    );
    lines
}
