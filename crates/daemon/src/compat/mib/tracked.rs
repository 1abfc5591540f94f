//! What is tracked: by instances, by groups, and by itself.

use agentx::VarBind;
use config::model::{BfdUsers, Model, ProcessParameters, Tracker};
use config::source::Span;
use status::{Report, TrackedState};
use vrrp::{Tracking, Weight};

use super::values::{command, gauge, integer, text, truth};
use super::{Facts, Seen, Table};

pub(super) fn tell(binds: &mut Vec<VarBind>, facts: &Facts<'_>, instances: &[Seen<'_>]) {
    let model = facts.model;
    for seen in instances {
        // What its group tracks is told of the group.
        let group = model.groups.iter().find(|group| Some(&group.name) == seen.now.group.as_ref());
        let of_group = group.map_or(&[][..], |group| &group.tracking);
        let own = seen.lines.parameters.tracking.iter();
        let own = own.filter(|it| !of_group.iter().any(|other| other.tracker == it.tracker));
        owner(binds, facts, seen.row, own, &OF_INSTANCES);
    }
    for (row, group) in (1..).zip(&model.groups) {
        owner(binds, facts, row, group.tracking.iter(), &OF_GROUPS);
    }
    scripts(binds, facts.report, model);
    files(binds, facts.report, model);
    sessions(binds, facts.report, model);
    processes(binds, facts.report, model);
}

/// Numbers of the tables: of interfaces, scripts, files, BFD sessions and processes.
type Tables = [u32; 5];
const OF_INSTANCES: Tables = [4, 5, 12, 17, 20];
const OF_GROUPS: Tables = [14, 15, 16, 19, 22];

/// What one instance or group tracks.
fn owner<'t>(
    binds: &mut Vec<VarBind>,
    facts: &Facts<'_>,
    row: u32,
    tracking: impl Iterator<Item = &'t Tracking>,
    tables: &Tables,
) {
    let mut counts = [0; 5];
    for it in tracking {
        let number = usize::try_from(it.tracker.0).ok();
        let Some(tracker) = number.and_then(|number| facts.model.trackers.get(number)) else {
            continue;
        };
        let kind = match tracker {
            Tracker::Interface(_) => 0,
            Tracker::Script(_) => 1,
            Tracker::File(_) => 2,
            Tracker::Bfd(_) => 3,
            Tracker::Process(_) => 4,
            // The incumbent has no table of these.
            Tracker::Group(_) => continue,
        };
        let (Some(table), Some(count)) = (tables.get(kind), counts.get_mut(kind)) else { continue };
        *count += 1;
        let mut table = Table::of_vrrp(binds, *table);
        let (weight, reverse) = weight(it.weight);
        // The MIB numbers interfaces otherwise, by `ifIndex`, and has no column for it; the incumbent counts them too.
        let first = if matches!(tracker, Tracker::Interface(_)) { 1 } else { 2 };
        let row = [row, *count];
        table.put(&row, first, text(tracker.name()));
        table.put(&row, first + 1, integer(weight));
        table.put(&row, first + 2, truth(reverse));
    }
}

const fn weight(weight: Weight) -> (i16, bool) {
    match weight {
        Weight::Fault { reverse } => (0, reverse),
        Weight::Priority { weight, reverse } => (weight, reverse),
    }
}

fn scripts(binds: &mut Vec<VarBind>, report: &Report, model: &Model) {
    let mut table = Table::of_vrrp(binds, 9);
    let lines = written(&model.scripts, |it| it.at);
    let scripts = lines
        .iter()
        .filter_map(|line| report.scripts.iter().find(|script| script.name == line.name));
    for (row, script) in (1..).zip(scripts) {
        let mut put = |column, value| table.put(&[row], column, value);
        put(2, text(&script.name));
        put(3, command(&script.command));
        put(4, Some(integer(script.interval.0.as_secs())));
        put(5, Some(integer(script.weight)));
        let result = match script.good {
            None => 1,
            Some(false) => 2,
            Some(true) => 3,
        };
        put(6, Some(integer(result)));
        put(7, Some(gauge(script.rise)));
        put(8, Some(gauge(script.fall)));
        put(9, Some(truth(script.reverse)));
    }
}

/// Blocks in the order in which they are written.
fn written<T>(blocks: &[T], at: impl Fn(&T) -> Span) -> Vec<&T> {
    let mut blocks: Vec<&T> = blocks.iter().collect();
    blocks.sort_by_key(|block| at(block));
    blocks
}

/// The state of something, as those who track it know it.
fn known(report: &Report, kind: status::Tracker, name: &str) -> Option<TrackedState> {
    let mut all = report.instances.iter().flat_map(|instance| &instance.trackers);
    all.find(|it| it.kind == kind && it.name == name).map(|it| it.state)
}

fn files(binds: &mut Vec<VarBind>, report: &Report, model: &Model) {
    let mut table = Table::of_vrrp(binds, 13);
    for (row, file) in (1..).zip(written(&model.files, |it| it.at)) {
        let mut put = |column, value| table.put(&[row], column, value);
        put(2, text(&file.name));
        put(3, text(&file.path));
        let value = match known(report, status::Tracker::File, &file.name) {
            Some(TrackedState::Value(value)) => value,
            Some(TrackedState::Unknown | TrackedState::Up | TrackedState::Down) | None => 0,
        };
        put(4, Some(integer(value)));
        let (weight, reverse) = weight(file.weight);
        put(5, Some(integer(weight)));
        put(6, Some(truth(reverse)));
    }
}

fn sessions(binds: &mut Vec<VarBind>, report: &Report, model: &Model) {
    let mut table = Table::of_vrrp(binds, 18);
    let mut sessions = written(&model.sessions, |it| it.at);
    sessions.retain(|it| it.users != BfdUsers::Checkers);
    for (row, session) in (1..).zip(sessions) {
        let mut put = |column, value| table.put(&[row], column, value);
        put(2, text(&session.name));
        let is_up = known(report, status::Tracker::Bfd, &session.name) == Some(TrackedState::Up);
        put(3, Some(integer(i32::from(is_up))));
        let (weight, reverse) = weight(session.weight);
        put(4, Some(integer(weight)));
        put(5, Some(truth(reverse)));
    }
}

fn processes(binds: &mut Vec<VarBind>, report: &Report, model: &Model) {
    let mut table = Table::of_vrrp(binds, 21);
    for (row, process) in (1..).zip(written(&model.processes, |it| it.at)) {
        let mut put = |column, value| table.put(&[row], column, value);
        let (name, parameters) =
            process.words.split_first().map_or(("", &[][..]), |(name, rest)| (name.as_str(), rest));
        put(2, text(&process.name));
        put(3, text(name));
        put(4, Some(agentx::Value::Octets(parameters.join(" ").into_bytes())));
        let comparison = match process.parameters {
            ProcessParameters::Any => 0,
            ProcessParameters::Exact => 1,
            ProcessParameters::Partial => 2,
            ProcessParameters::Initial => 3,
        };
        put(5, Some(integer(comparison)));
        let (weight, reverse) = weight(process.weight);
        put(6, Some(integer(weight)));
        put(7, Some(truth(reverse)));
        put(8, Some(gauge(process.quorum)));
        // −1 says that there is no bound.
        put(9, Some(process.quorum_max.map_or(agentx::Value::Integer(-1), integer)));
        put(10, Some(gauge(process.fork_delay.as_micros())));
        put(11, Some(gauge(process.terminate_delay.as_micros())));
        // Parameters are those of the whole command line.
        put(12, Some(truth(process.full_command || !parameters.is_empty())));
        let count = report.daemon.counted.get(&process.name);
        put(13, Some(integer(count.copied().unwrap_or(0))));
        let is_up =
            known(report, status::Tracker::Process, &process.name) == Some(TrackedState::Up);
        put(14, Some(truth(is_up)));
    }
}
