//! An answer, line by line as it is read.

use std::sync::Arc;

use status::{Event, Instance, Line, LineError, Planned, Report, VERSION};

use super::selection::Selection;

/// What is still to be said.
#[derive(Debug)]
pub(super) struct Answer {
    report: Option<Arc<Report>>,
    /// Of these things only.
    selection: Selection,
    events: std::vec::IntoIter<Event>,
    plan: std::vec::IntoIter<Planned>,
    /// What it ends with; the count of lines where nothing else.
    end: Option<Line>,
    stage: Stage,
    said: usize,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Version,
    Daemon,
    Instances(usize),
    Groups(usize),
    Scripts(usize),
    Servers(usize),
    Events,
    Plan,
    End,
    Over,
}

impl Answer {
    /// How everything stands, or what is selected of it with its events; with an error behind it where it is not whole.
    pub(super) fn of_report(
        report: Arc<Report>,
        selection: Selection,
        events: Vec<Event>,
        error: Option<LineError>,
    ) -> Self {
        let end = error.map(Line::Error);
        Self { report: Some(report), selection, end, ..Self::of_events(events) }
    }

    /// What happened.
    pub(super) fn of_events(mut events: Vec<Event>) -> Self {
        let surplus = events.len().saturating_sub(EVENTS);
        events.drain(..surplus);
        Self {
            report: None,
            selection: Selection::default(),
            events: events.into_iter(),
            plan: Vec::new().into_iter(),
            end: None,
            stage: Stage::Version,
            said: 0,
        }
    }

    /// What a reload would do.
    pub(super) fn of_plan(steps: Vec<Planned>) -> Self {
        Self { plan: steps.into_iter(), ..Self::of_events(Vec::new()) }
    }

    /// One line.
    pub(super) fn of_line(line: Line) -> Self {
        Self { end: Some(line), ..Self::of_events(Vec::new()) }
    }

    /// The next line; none behind the last.
    pub(super) fn next_line(&mut self) -> Option<Line> {
        loop {
            let report = self.report.as_deref();
            let selection = &self.selection;
            let named = selection.name();
            let (line, next) = match self.stage {
                Stage::Version => (Some(Line::Version(VERSION)), Stage::Daemon),
                Stage::Daemon => {
                    let daemon = report.map(|report| Line::Daemon(report.daemon.clone()));
                    (daemon, Stage::Instances(0))
                }
                Stage::Instances(index) => {
                    match report.and_then(|report| report.instances.get(index)) {
                        None => (None, Stage::Groups(0)),
                        Some(one) => {
                            let wanted = selection.has_instance(one);
                            let line = wanted.then(|| Line::Instance(Box::new(one.clone())));
                            (line, Stage::Instances(index + 1))
                        }
                    }
                }
                Stage::Groups(index) => match report.and_then(|report| report.groups.get(index)) {
                    None => (None, Stage::Scripts(0)),
                    Some(group) => {
                        let has = |name: &str| group.members.iter().any(|member| member == name);
                        let wanted = selection.has_instances() && named.is_none_or(has);
                        let line = wanted.then(|| Line::Group(group.clone()));
                        (line, Stage::Groups(index + 1))
                    }
                },
                Stage::Scripts(index) => {
                    match report.and_then(|report| report.scripts.get(index)) {
                        None => (None, Stage::Servers(0)),
                        Some(script) => {
                            let tracks =
                                |name| report.is_some_and(|it| tracks(it, name, &script.name));
                            let wanted = selection.has_instances() && named.is_none_or(tracks);
                            (
                                wanted.then(|| Line::Script(script.clone())),
                                Stage::Scripts(index + 1),
                            )
                        }
                    }
                }
                Stage::Servers(index) => {
                    match report.and_then(|report| report.virtual_servers.get(index)) {
                        None => (None, Stage::Events),
                        Some(server) => {
                            let line = selection.of_server(server).map(Box::new);
                            (line.map(Line::VirtualServer), Stage::Servers(index + 1))
                        }
                    }
                }
                Stage::Events => match self.events.next() {
                    None => (None, Stage::Plan),
                    Some(event) => (Some(Line::Event(event)), Stage::Events),
                },
                Stage::Plan => match self.plan.next() {
                    None => (None, Stage::End),
                    Some(planned) => (Some(Line::Plan(planned)), Stage::Plan),
                },
                Stage::End => (Some(self.end.take().unwrap_or(Line::End(self.said))), Stage::Over),
                Stage::Over => return None,
            };
            self.stage = next;
            if let Some(line) = line {
                self.said += 1;
                return Some(line);
            }
        }
    }
}

/// Whether an instance tracks a script.
fn tracks(report: &Report, instance: &str, script: &str) -> bool {
    let is = |it: &&Instance| it.name == instance;
    let tracked = |it: &status::Tracked| it.kind == status::Tracker::Script && it.name == script;
    report.instances.iter().find(is).is_some_and(|it| it.trackers.iter().any(tracked))
}

/// Events in one answer: those that happened last.
const EVENTS: usize = 1000;
