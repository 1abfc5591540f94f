//! All instances, a line each; below, what is wrong and what helps.

use super::columns::columns;
use super::{Look, priority, problems, server, span, state};
use crate::{Instance, Report, State};

/// The daemon, its instances and virtual servers, and what is wrong.
#[must_use]
pub fn table(report: &Report, look: &Look) -> String {
    let mut text = head(report, look);
    let now = report.daemon.now;
    let rows: Vec<[String; 6]> = report
        .instances
        .iter()
        .map(|instance| {
            [
                instance.name.clone(),
                state(instance, look).to_owned(),
                span(now.since(instance.since)),
                priority(instance),
                active_router(instance),
                addresses(instance),
            ]
        })
        .collect();
    if rows.is_empty() && report.virtual_servers.is_empty() {
        text.push_str("\nno instance is configured\n");
    } else if !rows.is_empty() {
        let head = ["INSTANCE", "STATE", "FOR", "PRIORITY", "ACTIVE ROUTER", "ADDRESSES"];
        text.push('\n');
        text.push_str(&columns(head, &rows));
    }
    if !report.groups.is_empty() {
        let rows: Vec<[String; 3]> = report
            .groups
            .iter()
            .map(|group| {
                let state = (look.state)(group.state).to_owned();
                [group.name.clone(), state, group.members.join(", ")]
            })
            .collect();
        text.push('\n');
        text.push_str(&columns(["SYNC GROUP", "STATE", "MEMBERS"], &rows));
    }
    for instance in &report.instances {
        let problems = problems(report, instance, "    ");
        if problems.is_empty() {
            continue;
        }
        let since = instance.contested.as_ref().map_or(instance.since, |it| it.since);
        let (state, since) = (state(instance, look), (look.time)(since));
        let is_in = if instance.contested.is_some() { "is" } else { "is in" };
        text.push_str(&format!("\n{} {is_in} {state} since {since}:\n", instance.name));
        for line in problems {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text.push_str(&server::table(report, look));
    text
}

/// What concerns the whole daemon.
#[must_use]
pub fn head(report: &Report, look: &Look) -> String {
    let daemon = &report.daemon;
    let since = span(daemon.now.since(daemon.since));
    let mut text = format!(
        "steadfast {}, process {}, for {since}, {}\n",
        daemon.version, daemon.pid, daemon.configuration
    );
    for process in &daemon.processes {
        let restarts = match process.restarts {
            0 => String::new(),
            1 => ", started again once".to_owned(),
            many => format!(", started again {many} times"),
        };
        match (process.healthy, process.pid) {
            (true, _) if restarts.is_empty() => continue,
            (true, _) => text.push_str(&format!("{} process works{restarts}\n", process.role)),
            (false, Some(pid)) => {
                text.push_str(&format!(
                    "{} process {pid} DOES NOT ANSWER{restarts}\n",
                    process.role
                ));
            }
            (false, None) => {
                text.push_str(&format!("{} process DOES NOT RUN{restarts}\n", process.role));
            }
        }
    }
    if let Some(reload) = daemon.reload.as_ref().filter(|reload| !reload.succeeded) {
        let at = (look.time)(reload.at);
        text.push_str(&format!(
            "last reload FAILED on {at}: the configuration before it is in force\n"
        ));
        for line in &reload.lines {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}

pub(super) fn active_router(instance: &Instance) -> String {
    match (instance.state, instance.active_router) {
        (State::Active, _) => "this node".to_owned(),
        (_, Some(peer)) => format!("{} ({})", peer.address, peer.priority),
        (State::Backup, None) => "none heard".to_owned(),
        (State::Fault | State::Initialize, None) => "-".to_owned(),
    }
}

fn addresses(instance: &Instance) -> String {
    let Some(first) = instance.addresses.first() else { return "-".to_owned() };
    let text = format!("{}/{}", first.address, first.prefix);
    match instance.addresses.len() {
        1 => text,
        many => format!("{text} and {} more", many.saturating_sub(1)),
    }
}
