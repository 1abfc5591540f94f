//! `vrrp_track_process`: processes whose number is tracked.

use core::time::Duration;
use std::collections::BTreeMap;

use vrrp::Weight;

use super::command;
use super::read::seconds;
use super::report::Reports;
use super::track;
use crate::diagnostic::model as codes;
use crate::model::{ProcessParameters, TrackProcess};
use crate::syntax::{Directive, Tree, split_command};

/// Lowers every `vrrp_track_process`.
pub(super) fn lower(tree: &Tree, reports: &mut Reports<'_>) -> BTreeMap<String, TrackProcess> {
    super::named(tree, &["vrrp_track_process"], one, reports)
}

fn one(block: &Directive, reports: &mut Reports<'_>) -> Option<TrackProcess> {
    let name = block.arguments.first()?;
    let mut process = TrackProcess {
        name: name.text.clone(),
        at: name.span,
        words: Vec::new(),
        parameters: ProcessParameters::Any,
        full_command: false,
        weight: Weight::Fault { reverse: false },
        quorum: 1,
        quorum_max: None,
        fork_delay: Duration::ZERO,
        terminate_delay: Duration::ZERO,
    };
    let mut compared = None;
    let mut least = None;
    for line in block.children() {
        let text = line.text(0);
        let count = |most: u32| {
            text.and_then(|text| text.parse().ok()).filter(|count: &u32| *count <= most)
        };
        let delay = || {
            let delay = text.and_then(|text| seconds(text, 6));
            delay.filter(|delay| *delay <= LONGEST_DELAY)
        };
        match line.keyword.as_str() {
            "process" => {
                let words = line.arguments.iter().filter_map(|word| split_command(&word.text).ok());
                process.words = words.flatten().collect();
            }
            "param_match" => {
                compared = Some(match text {
                    Some("initial") => ProcessParameters::Initial,
                    Some("partial") => ProcessParameters::Partial,
                    _ => ProcessParameters::Exact,
                });
            }
            "weight" => {
                process.weight = track::weight(&line.arguments, 253).unwrap_or(process.weight);
            }
            "quorum" => least = count(65_535).filter(|count| *count > 0).or(least),
            "quorum_max" => process.quorum_max = count(65_535).or(process.quorum_max),
            "delay" => {
                process.fork_delay = delay().unwrap_or(process.fork_delay);
                process.terminate_delay = delay().unwrap_or(process.terminate_delay);
            }
            "fork_delay" => process.fork_delay = delay().unwrap_or(process.fork_delay),
            "terminate_delay" => {
                process.terminate_delay = delay().unwrap_or(process.terminate_delay);
            }
            "full_command" => process.full_command = true,
            _ => {}
        }
    }
    if process.words.first().is_none_or(String::is_empty) {
        command::missing(block, "process", reports);
        return None;
    }
    let has_parameters = process.words.len() > 1;
    process.parameters = match compared {
        // Nothing is to follow: only an exact comparison says so.
        Some(ProcessParameters::Partial) if !has_parameters => ProcessParameters::Exact,
        Some(compared) => compared,
        None if has_parameters => ProcessParameters::Exact,
        None => ProcessParameters::Any,
    };
    // A greatest number without a least one: none of them is well.
    let forbids = process.quorum_max == Some(0) && least.is_none();
    process.quorum = least.unwrap_or(u32::from(!forbids));
    if process.quorum_max.is_some_and(|most| most < process.quorum) {
        reports.warning(
            codes::QUORUM_IMPOSSIBLE,
            format!(
                "`{}` asks for no fewer processes than {} and no more than {}: it is never well",
                process.name,
                process.quorum,
                process.quorum_max.unwrap_or_default()
            ),
            process.at,
        );
    }
    Some(process)
}

/// That of `delay`; longer ones are cut off by nobody's wish.
const LONGEST_DELAY: Duration = Duration::from_secs(3600);
