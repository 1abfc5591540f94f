//! `vrrp_script`: a program whose success is tracked.

use core::time::Duration;
use std::collections::BTreeMap;

use vrrp::Weight;

use super::command;
use super::read::seconds;
use super::report::Reports;
use super::track;
use crate::model::{Begins, Script};
use crate::syntax::{Directive, Tree};

/// Lowers every `vrrp_script`.
pub(super) fn lower(tree: &Tree, reports: &mut Reports<'_>) -> BTreeMap<String, Script> {
    super::named(tree, &["vrrp_script"], one, reports)
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
            "weight" => weight = track::weight(&line.arguments, 253).unwrap_or(weight),
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
