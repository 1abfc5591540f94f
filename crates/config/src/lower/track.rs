//! `track_interface`, `track_script`: watched things and their weights.

use std::collections::BTreeMap;

use vrrp::{Mode, TrackerId, Tracking, Weight};

use super::report::Reports;
use crate::diagnostic::model as codes;
use crate::model::{Instance, Script, Tracker};
use crate::syntax::{Directive, Word};

/// The watched things of a configuration, each once.
#[derive(Default)]
pub(super) struct Trackers {
    pub(super) list: Vec<Tracker>,
    interfaces: BTreeMap<String, TrackerId>,
    scripts: BTreeMap<String, TrackerId>,
}

/// A line of `track_script`.
#[derive(Clone, Debug)]
pub(super) struct Tracked {
    name: Word,
    /// Where it has one; else that of the script.
    weight: Option<Weight>,
}

/// The lines of a `track_script` block.
pub(super) fn scripts(block: &Directive) -> impl Iterator<Item = Tracked> {
    block.children().iter().map(|line| {
        let has_weight = line.arguments.iter().any(|word| word == "weight");
        Tracked { name: line.keyword.clone(), weight: has_weight.then(|| weight(line)) }
    })
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

    /// Adds tracked scripts to an instance; what it tracks already stays as it is.
    pub(super) fn add_scripts(
        &mut self,
        instance: &mut Instance,
        tracked: &[Tracked],
        scripts: &BTreeMap<String, Script>,
        reports: &mut Reports<'_>,
    ) {
        for line in tracked {
            let name = line.name.as_str();
            let Some(script) = scripts.get(name) else {
                let near = crate::keyword::nearest(name, scripts.keys().map(String::as_str));
                let reported = reports.warning(
                    codes::UNKNOWN_SCRIPT,
                    format!("there is no vrrp_script `{name}`: it is not tracked"),
                    line.name.span,
                );
                if let Some(near) = near {
                    reported.help(format!("did you mean `{near}`?"));
                }
                continue;
            };
            let weight = line.weight.unwrap_or(script.weight);
            let owner = instance.parameters.mode == Mode::Owner;
            if owner && matches!(weight, Weight::Priority { .. }) {
                reports.warning(
                    codes::WEIGHT_DROPPED,
                    format!(
                        "the priority of `{}` is 255 and never changes: `{name}` is not tracked",
                        instance.name
                    ),
                    line.name.span,
                );
                continue;
            }
            let tracker = self.script(name);
            let tracking = &mut instance.parameters.tracking;
            if tracking.iter().all(|other| other.tracker != tracker) {
                tracking.push(Tracking { tracker, weight });
            }
        }
        instance.parameters.tracking.shrink_to_fit();
    }

    /// The number of a tracked script, a new one for a new script.
    fn script(&mut self, name: &str) -> TrackerId {
        if let Some(known) = self.scripts.get(name) {
            return *known;
        }
        let id = TrackerId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        self.list.push(Tracker::Script(name.to_owned()));
        self.scripts.insert(name.to_owned(), id);
        id
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
