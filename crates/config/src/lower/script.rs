//! `vrrp_script`: a program whose success is tracked.

use core::time::Duration;
use std::collections::BTreeMap;

use vrrp::Weight;

use super::command;
use super::read::seconds;
use super::report::Reports;
use crate::diagnostic::model as codes;
use crate::model::{Begins, Script, Tracker};
use crate::syntax::{Directive, Tree};

/// Lowers every `vrrp_script`; a second one of a name is left out.
pub(super) fn lower(tree: &Tree, reports: &mut Reports<'_>) -> BTreeMap<String, Script> {
    let mut scripts: BTreeMap<String, Script> = BTreeMap::new();
    for block in super::blocks(tree, "vrrp_script") {
        let Some(script) = one(block, reports) else { continue };
        if let Some(first) = scripts.get(&script.name) {
            reports
                .warning(
                    codes::DUPLICATE_NAME,
                    format!(
                        "vrrp_script `{}` is already defined: this one is left out",
                        script.name
                    ),
                    script.at,
                )
                .label(first.at, "first defined here");
            continue;
        }
        scripts.insert(script.name.clone(), script);
    }
    scripts
}

/// The scripts that somebody tracks, by name; the others never run.
pub(super) fn used(
    scripts: BTreeMap<String, Script>,
    trackers: &[Tracker],
    reports: &mut Reports<'_>,
) -> Vec<Script> {
    let tracked = |name: &str| {
        trackers.iter().any(|it| matches!(it, Tracker::Script(tracked) if tracked == name))
    };
    let (used, idle): (Vec<Script>, Vec<Script>) =
        scripts.into_values().partition(|script| tracked(&script.name));
    for script in idle {
        reports.warning(
            codes::UNUSED_SCRIPT,
            format!("vrrp_script `{}` is tracked by nobody: it never runs", script.name),
            script.at,
        );
    }
    used
}

fn one(block: &Directive, reports: &mut Reports<'_>) -> Option<Script> {
    let name = block.arguments.first()?;
    let mut command = None;
    let mut user = None;
    let mut interval = Duration::from_secs(1);
    let mut timeout = None;
    let (mut rise, mut fall) = (1, 1);
    let mut weight = Weight::Fault { reverse: false };
    let mut begins = Begins::Unknown;
    for line in block.children() {
        let text = line.text(0);
        let count = |old: u32| {
            let value = text.and_then(|text| text.parse().ok());
            value.filter(|count| (1..=1_000_000).contains(count)).unwrap_or(old)
        };
        let time = || text.and_then(|text| seconds(text, 3)).map(at_least_a_second_for_zero);
        match line.keyword.as_str() {
            "script" => command = command::lower(line, reports),
            "user" => user = command::user(&line.arguments),
            "interval" => interval = time().unwrap_or(interval),
            "timeout" => timeout = time().or(timeout),
            "rise" => rise = count(rise),
            "fall" => fall = count(fall),
            "init_fail" => begins = Begins::Failed,
            "weight" => weight = self::weight(&line.arguments).unwrap_or(weight),
            _ => {}
        }
    }
    let Some(mut command) = command else {
        command::missing(block, "script", reports);
        return None;
    };
    command.user = user.or(command.user);
    Some(Script {
        name: name.text.clone(),
        at: name.span,
        command,
        interval,
        timeout: timeout.unwrap_or(interval),
        rise,
        fall,
        weight,
        begins,
    })
}

/// keepalived reads 0 as one second.
fn at_least_a_second_for_zero(span: Duration) -> Duration {
    if span.is_zero() { Duration::from_secs(1) } else { span }
}

/// `N [reverse]`; ±254 is accepted and cut, as the incumbent does.
fn weight(words: &[crate::syntax::Word]) -> Option<Weight> {
    let weight: i16 = words.first()?.text.parse().ok()?;
    let reverse = words.get(1).is_some_and(|word| word.text == "reverse");
    Some(match weight.clamp(-253, 253) {
        0 => Weight::Fault { reverse },
        weight => Weight::Priority { weight, reverse },
    })
}
