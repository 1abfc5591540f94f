//! Reports for people.

mod columns;
mod events;
mod instance;
mod named;
mod plan;
mod server;
mod table;

use core::fmt;
use core::time::Duration;

pub use events::history;
pub use named::named;
pub use plan::plan;
pub use table::{head, table};

use crate::{Condition, Fault, Instance, Path, Report, Seconds, State, TrackedState, Tracker};

/// The words and the clock of whoever reads.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The name of a state.
    pub state: fn(State) -> &'static str,
    /// The word for whether a server works.
    pub condition: fn(Condition) -> &'static str,
    /// A time of day and date, where the reader is.
    pub time: fn(Seconds) -> String,
}

/// So many of something: `1 line`, `2 lines`.
#[must_use]
pub fn counted<N: Copy + fmt::Display + PartialEq + From<u8>>(count: N, one: &str) -> String {
    let ending = if count == N::from(1) { "" } else { "s" };
    format!("{count} {one}{ending}")
}

/// A span as one says it, in its two largest units.
fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, 1..10) => format!("{minutes} min {} s", seconds % 60),
        (0, 0, _) => format!("{minutes} min"),
        (0, 1..10, _) => format!("{hours} h {} min", minutes % 60),
        (0, _, _) => format!("{hours} h"),
        (1..10, _, _) => format!("{days} d {} h", hours % 24),
        (_, _, _) => format!("{days} d"),
    }
}

/// Seconds without needless zeros, for intervals.
fn interval(seconds: Seconds) -> String {
    let milliseconds = seconds.0.as_micros().div_ceil(1000);
    let text = format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
    format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
}

/// The state, which is one of its own where another router stays Active as well.
fn state(instance: &Instance, look: &Look) -> &'static str {
    if instance.contested.is_some() { CONTESTED } else { (look.state)(instance.state) }
}

const CONTESTED: &str = "CONTESTED";

/// The priority, with what made it.
fn priority(instance: &Instance) -> String {
    let mut text = instance.priority.to_string();
    let sums: Vec<i16> =
        instance.trackers.iter().map(crate::Tracked::sum).filter(|sum| *sum != 0).collect();
    if !sums.is_empty() {
        let sums: String = sums.iter().map(|sum| format!(" {sum:+}")).collect();
        text.push_str(&format!(" ({}{sums})", instance.base_priority));
    }
    text
}

/// What is wrong with an instance, and what helps, in lines with this indentation.
fn problems(report: &Report, instance: &Instance, indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(contested) = &instance.contested {
        lines.push(format!("{indent}{}", contested.text));
        lines.push(format!("{indent}  help: {}", contested.remedy));
    }
    let is_missing = instance.faults.iter().any(|fault| fault.code == INTERFACE_MISSING);
    for Fault { code, text, remedy } in &instance.faults {
        // Of an interface that does not exist it goes without saying.
        if is_missing && code == NO_SOURCE {
            continue;
        }
        lines.push(format!("{indent}{text}"));
        if !remedy.is_empty() {
            lines.push(format!("{indent}  help: {remedy}"));
        }
    }
    for tracked in &instance.trackers {
        let failed = tracked.kind == Tracker::Script && tracked.state == TrackedState::Down;
        let script = report.scripts.iter().find(|script| script.name == tracked.name);
        if let Some(script) = script.filter(|script| failed && !script.last.is_empty()) {
            let command = script.command.join(" ");
            lines.push(format!("{indent}script {}: `{command}` {}", script.name, script.last));
        }
    }
    let wrong = |installed: bool| match instance.state {
        State::Active => !installed,
        // An owner's addresses are the host's own, whoever is Active.
        State::Backup | State::Fault | State::Initialize => {
            installed && instance.base_priority != 255
        }
    };
    for address in instance.addresses.iter().filter(|address| wrong(address.installed)) {
        let (address, on) = (format!("{}/{}", address.address, address.prefix), &address.interface);
        let (what, help) = if instance.state == State::Active {
            (format!("is not on {on}"), "the log says why it could not be set".to_owned())
        } else {
            let help = format!("ip address delete {address} dev {on}");
            (format!("is on {on}, where it does not belong now"), help)
        };
        lines.push(format!("{indent}{address} {what}"));
        lines.push(format!("{indent}  help: {help}"));
    }
    // What nobody tracks may be away as long as the role lasts.
    let paths = instance.routes.iter().chain(&instance.rules);
    let is_lost = |path: &&Path| path.tracked && !path.installed;
    for path in paths.filter(|path| instance.state == State::Active && is_lost(path)) {
        lines.push(format!("{indent}{} is not set", path.text));
        lines.push(format!("{indent}  help: the log says why it could not be set"));
    }
    lines
}

const INTERFACE_MISSING: &str = "interface_missing";
const NO_SOURCE: &str = "no_source_address";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_in_their_two_largest_units() {
        let texts = [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 1 s"),
            (3599, "59 min"),
            (3600, "1 h 0 min"),
            (36_000, "10 h"),
            (86_400 + 7200, "1 d 2 h"),
            (40 * 86_400, "40 d"),
        ];
        for (seconds, text) in texts {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn intervals_have_no_needless_zeros() {
        let of = |milliseconds| interval(Seconds(Duration::from_millis(milliseconds)));
        assert_eq!([of(1000), of(250), of(3609)], ["1 s", "0.25 s", "3.609 s"]);
    }
}
