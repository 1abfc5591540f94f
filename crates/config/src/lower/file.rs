//! `track_file`: a file whose number is tracked.

use std::collections::BTreeMap;

use vrrp::Weight;

use super::command;
use super::report::Reports;
use super::track;
use crate::model::{Initial, TrackFile};
use crate::syntax::{Directive, Tree, Word};

/// Lowers every `track_file` and `vrrp_track_file`.
pub(super) fn lower(tree: &Tree, reports: &mut Reports<'_>) -> BTreeMap<String, TrackFile> {
    super::named(tree, &["track_file", "vrrp_track_file"], one, reports)
}

fn one(block: &Directive, reports: &mut Reports<'_>) -> Option<TrackFile> {
    let name = block.arguments.first()?;
    let mut path = None;
    let mut weight = Weight::Priority { weight: 1, reverse: false };
    let mut initial = None;
    for line in block.children() {
        match line.keyword.as_str() {
            "file" => path = line.text(0),
            "weight" => weight = track::weight(&line.arguments, 254).unwrap_or(weight),
            "init_file" => initial = Some(self::initial(&line.arguments)),
            _ => {}
        }
    }
    let Some(path) = path else {
        command::missing(block, "file", reports);
        return None;
    };
    Some(TrackFile {
        name: name.text.clone(),
        at: name.span,
        path: path.to_owned(),
        weight,
        initial,
    })
}

/// `[VALUE] [overwrite]`.
fn initial(words: &[Word]) -> Initial {
    Initial {
        value: words.iter().find_map(|word| word.text.parse().ok()).unwrap_or(0),
        overwrites: words.iter().any(|word| word == "overwrite"),
    }
}
