//! Sections of what instances track by name: files, processes and BFD sessions.

use std::fmt::Write as _;

use config::model::{BfdUsers, Model};
use status::{Report, TrackedState, Tracker};
use vrrp::Weight;

/// The sections; nothing of a kind that nobody tracks.
pub(super) fn sections(text: &mut String, report: &Report, model: &Model) {
    if !model.files.is_empty() {
        text.push_str("------< VRRP Track files >------\n");
    }
    for file in &model.files {
        let value = match state(report, Tracker::File, &file.name) {
            Some(TrackedState::Value(value)) => value,
            Some(TrackedState::Unknown | TrackedState::Up | TrackedState::Down) | None => 0,
        };
        let _ = writeln!(text, " Track file = {}\n   File = {}", file.name, file.path);
        let _ = writeln!(text, "   Status = {value}\n   Weight = {}", weight(file.weight));
        followers(text, report, Tracker::File, &file.name);
    }
    if !model.processes.is_empty() {
        text.push_str("------< VRRP Track processes >------\n");
    }
    for process in &model.processes {
        let has_quorum = state(report, Tracker::Process, &process.name) == Some(TrackedState::Up);
        let _ = writeln!(text, " VRRP Track process = {}", process.name);
        let _ = writeln!(text, "   Process = {}", process.words.join(" "));
        let _ = writeln!(text, "   Min processes = {}", process.quorum);
        if let Some(most) = process.quorum_max {
            let _ = writeln!(text, "   Max processes = {most}");
        }
        let _ = writeln!(text, "   Have quorum = {has_quorum}");
        let _ = writeln!(text, "   Weight = {}", weight(process.weight));
        for (name, delay) in [("Terminate", process.terminate_delay), ("Fork", process.fork_delay)]
        {
            let _ = writeln!(text, "   {name} delay = {:.6}s", delay.as_secs_f64());
        }
        let _ = writeln!(text, "   Full command = {}", process.full_command);
        followers(text, report, Tracker::Process, &process.name);
    }
    let sessions = model.sessions.iter().filter(|it| it.users != BfdUsers::Checkers);
    let mut sessions = sessions.peekable();
    if sessions.peek().is_some() {
        text.push_str("------< VRRP Track BFDs >------\n");
    }
    for session in sessions {
        let is_up = state(report, Tracker::Bfd, &session.name) == Some(TrackedState::Up);
        let _ = writeln!(text, " VRRP Track BFD = {}", session.name);
        let _ = writeln!(text, "   Weight = {}", weight(session.weight));
        let _ = writeln!(text, "   Bfd is {}", if is_up { "up" } else { "down" });
        followers(text, report, Tracker::Bfd, &session.name);
    }
}

/// A line of what an instance tracks: each kind has a form of its own.
pub(super) fn row(tracked: &status::Tracked) -> String {
    let reverse = if tracked.reverse { " reverse" } else { "" };
    let mark = match tracked.kind {
        Tracker::File | Tracker::Process => ",",
        Tracker::Bfd => ":",
        Tracker::Interface | Tracker::Script | Tracker::Group => "",
    };
    format!("{}{mark} weight {}{reverse}", tracked.name, tracked.weight)
}

/// Who tracks it.
fn followers(text: &mut String, report: &Report, kind: Tracker, name: &str) {
    text.push_str("   Tracking instances :\n");
    for instance in &report.instances {
        let of_this = |it: &&status::Tracked| it.kind == kind && it.name == name;
        for tracked in instance.trackers.iter().filter(of_this) {
            let reverse = if tracked.reverse { " reverse" } else { "" };
            let _ = writeln!(text, "     {}, weight {}{reverse}", instance.name, tracked.weight);
        }
    }
}

/// Its state, as those who track it know it.
pub(super) fn state(report: &Report, kind: Tracker, name: &str) -> Option<TrackedState> {
    let mut all = report.instances.iter().flat_map(|instance| &instance.trackers);
    all.find(|it| it.kind == kind && it.name == name).map(|it| it.state)
}

/// The weight of a block, with its word.
fn weight(weight: Weight) -> String {
    let (number, reverse) = match weight {
        Weight::Fault { reverse } => (0, reverse),
        Weight::Priority { weight, reverse } => (weight, reverse),
    };
    format!("{number}{}", if reverse { " reverse" } else { "" })
}
