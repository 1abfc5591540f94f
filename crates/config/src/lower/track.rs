//! `track_interface`: watched interfaces and their weights.

use std::collections::BTreeMap;

use vrrp::{Mode, TrackerId, Tracking, Weight};

use super::report::Reports;
use crate::diagnostic::model as codes;
use crate::model::Tracker;
use crate::syntax::{Directive, Word};

/// The watched things of a configuration, each once.
#[derive(Default)]
pub(super) struct Trackers {
    pub(super) list: Vec<Tracker>,
    interfaces: BTreeMap<String, TrackerId>,
}

impl Trackers {
    /// Lowers the `track_interface` blocks of one instance.
    pub(super) fn lower(
        &mut self,
        blocks: &[&Directive],
        mode: Mode,
        name: &Word,
        reports: &mut Reports<'_>,
    ) -> Vec<Tracking> {
        let mut tracking: Vec<Tracking> = Vec::new();
        for line in blocks.iter().flat_map(|block| block.children()) {
            let weight = weight(line);
            if mode == Mode::Owner && matches!(weight, Weight::Priority { .. }) {
                reports.warning(
                    codes::WEIGHT_DROPPED,
                    format!(
                        "the priority of `{}` is 255 and never changes: `{}` is not tracked",
                        name.text, line.keyword.text
                    ),
                    line.keyword.span,
                );
                continue;
            }
            let tracker = self.interface(line.keyword.as_str());
            if tracking.iter().any(|other| other.tracker == tracker) {
                reports.warning(
                    codes::DUPLICATE_TRACKER,
                    format!("`{}` is tracked twice: the first line counts", line.keyword.text),
                    line.keyword.span,
                );
                continue;
            }
            tracking.push(Tracking { tracker, weight });
        }
        tracking
    }

    /// The number of a watched interface, a new one for a new interface.
    fn interface(&mut self, name: &str) -> TrackerId {
        if let Some(known) = self.interfaces.get(name) {
            return *known;
        }
        let id = TrackerId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        self.list.push(Tracker::Interface(name.to_owned()));
        self.interfaces.insert(name.to_owned(), id);
        id
    }
}

/// `<if> [weight -253..253 [reverse]]`.
fn weight(line: &Directive) -> Weight {
    let mut weight: i16 = 0;
    let mut reverse = false;
    let mut words = line.arguments.iter();
    while let Some(word) = words.next() {
        match word.text.as_str() {
            "weight" => {
                weight = words.next().and_then(|value| value.text.parse().ok()).unwrap_or(0);
            }
            "reverse" => reverse = true,
            _ => {}
        }
    }
    // ±254 is accepted and cut, as the incumbent does.
    match weight.clamp(-253, 253) {
        0 => Weight::Fault { reverse },
        weight => Weight::Priority { weight, reverse },
    }
}
