//! `track_interface`, `track_script`, `track_file`, `track_process`, `track_bfd`: watched things and their weights.

mod weight;

use std::collections::{BTreeMap, BTreeSet};

use vrrp::{Mode, TrackerId, Tracking, Weight};

use self::weight::Own;
pub(super) use self::weight::weight;
use super::report::Reports;
use crate::diagnostic::model as codes;
use crate::model::{Instance, Tracker};
use crate::source::Span;
use crate::syntax::{Directive, Word};

/// The watched things of a configuration, each once.
#[derive(Default)]
pub(super) struct Trackers {
    pub(super) list: Vec<Tracker>,
    numbers: BTreeMap<Tracker, TrackerId>,
}

/// What can be tracked by the name of its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Script,
    File,
    Process,
    Bfd,
}

/// What becomes of an entry of the same thing that is there already.
#[derive(Clone, Copy, Debug)]
pub(super) enum Already {
    /// The first line of an instance counts.
    Stays,
    /// A group decides for its members.
    Replaced,
}

impl Already {
    pub(super) fn add(self, list: &mut Vec<Tracking>, new: Tracking) {
        match (list.iter_mut().find(|old| old.tracker == new.tracker), self) {
            (None, _) => list.push(new),
            (Some(old), Self::Replaced) => *old = new,
            (Some(_), Self::Stays) => {}
        }
    }
}

/// A line of `track_script` or its like.
#[derive(Clone, Debug)]
pub(super) struct Tracked {
    kind: Kind,
    name: Word,
    /// Where it has one; else that of the block.
    weight: Option<Own>,
}

/// The blocks of what can be tracked by name, with their weights; one without is not for instances and groups.
#[derive(Debug, Default)]
pub(super) struct Catalogue(BTreeMap<Kind, BTreeMap<String, Option<Weight>>>);

impl Kind {
    /// The kind that a block of an instance or a group tracks.
    pub(super) fn tracked_by(keyword: &str) -> Option<Self> {
        match keyword {
            "track_script" => Some(Self::Script),
            "track_file" => Some(Self::File),
            "track_process" => Some(Self::Process),
            "track_bfd" => Some(Self::Bfd),
            _ => None,
        }
    }

    /// The keyword of its own block.
    const fn block(self) -> &'static str {
        match self {
            Self::Script => "vrrp_script",
            Self::File => "track_file",
            Self::Process => "vrrp_track_process",
            Self::Bfd => "bfd_instance",
        }
    }

    /// The greatest weight that a line can give; more is accepted and cut, as the incumbent does.
    const fn most(self) -> i16 {
        match self {
            Self::File => 254,
            Self::Script | Self::Process | Self::Bfd => 253,
        }
    }

    /// Whether a line with an unknown word behind its weight is left out; of others the word is.
    const fn is_strict(self) -> bool {
        match self {
            Self::File | Self::Bfd => true,
            Self::Script | Self::Process => false,
        }
    }

    fn tracker(self, name: &str) -> Tracker {
        match self {
            Self::Script => Tracker::Script(name.to_owned()),
            Self::File => Tracker::File(name.to_owned()),
            Self::Process => Tracker::Process(name.to_owned()),
            Self::Bfd => Tracker::Bfd(name.to_owned()),
        }
    }
}

impl Catalogue {
    /// Enters the blocks of one kind.
    pub(super) fn enter<T>(
        &mut self,
        kind: Kind,
        blocks: &BTreeMap<String, T>,
        weight: impl Fn(&T) -> Option<Weight>,
    ) {
        let weights = blocks.iter().map(|(name, block)| (name.clone(), weight(block)));
        self.0.insert(kind, weights.collect());
    }
}

/// The lines of a block that tracks things by name; none of one that does not.
pub(super) fn lines(block: &Directive) -> impl Iterator<Item = Tracked> {
    let kind = Kind::tracked_by(block.keyword.as_str());
    kind.into_iter().flat_map(|kind| {
        block.children().iter().filter_map(move |line| {
            let weight = Own::behind(line, kind.most(), kind.is_strict()).ok()?;
            Some(Tracked { kind, name: line.keyword.clone(), weight })
        })
    })
}

impl Trackers {
    /// Lowers the `track_interface` blocks of one instance, whose `own` interface is tracked as such.
    pub(super) fn lower(
        &mut self,
        blocks: &[&Directive],
        mode: Mode,
        name: &Word,
        own: &str,
        reports: &mut Reports<'_>,
    ) -> Vec<Tracking> {
        let mut tracking: Vec<Tracking> = Vec::new();
        for line in blocks.iter().flat_map(|block| block.children()) {
            if line.keyword == *own {
                let text =
                    format!("`{own}` is the instance's own interface: this line has no effect");
                reports.warning(codes::DUPLICATE_TRACKER, text, line.keyword.span);
                continue;
            }
            let plain = Weight::Fault { reverse: false };
            let Ok(own) = Own::behind(line, 253, false) else { continue };
            let weight = own.map_or(plain, |own| own.over(plain));
            if mode == Mode::Owner && matches!(weight, Weight::Priority { .. }) {
                never_changes(&name.text, &line.keyword, reports);
                continue;
            }
            let tracker = self.number(Tracker::Interface(line.keyword.text.clone()));
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

    /// Adds what is tracked by name to an instance.
    pub(super) fn add(
        &mut self,
        instance: &mut Instance,
        tracked: &[Tracked],
        already: Already,
        catalogue: &Catalogue,
        reports: &mut Reports<'_>,
    ) {
        for line in tracked {
            let name = line.name.as_str();
            let known = catalogue.0.get(&line.kind);
            let Some(weight) = known.and_then(|known| known.get(name)) else {
                let names = known.into_iter().flat_map(BTreeMap::keys).map(String::as_str);
                let near = crate::keyword::nearest(name, names);
                let reported = reports.warning(
                    codes::UNKNOWN_TRACKER,
                    format!("there is no {} `{name}`: it is not tracked", line.kind.block()),
                    line.name.span,
                );
                if let Some(near) = near {
                    reported.help(format!("did you mean `{near}`?"));
                }
                continue;
            };
            let Some(weight) = weight else {
                let text = format!(
                    "{} `{name}` is for checks alone: it is not tracked",
                    line.kind.block()
                );
                reports.warning(codes::UNKNOWN_TRACKER, text, line.name.span);
                continue;
            };
            let weight = line.weight.map_or(*weight, |own| own.over(*weight));
            let owner = instance.parameters.mode == Mode::Owner;
            if owner && matches!(weight, Weight::Priority { .. }) {
                never_changes(&instance.name, &line.name, reports);
                continue;
            }
            let tracker = self.number(line.kind.tracker(name));
            already.add(instance.tracking_mut(), Tracking { tracker, weight });
        }
        instance.tracking_mut().shrink_to_fit();
    }

    /// Adds interfaces that hold something for an instance besides its own; what it tracks already stays as it is.
    pub(super) fn add_devices<'n>(
        &mut self,
        tracking: &mut Vec<Tracking>,
        devices: impl Iterator<Item = &'n str>,
        own: &str,
    ) {
        for device in devices.filter(|device| *device != own) {
            let tracker = self.number(Tracker::Interface(device.to_owned()));
            if tracking.iter().all(|other| other.tracker != tracker) {
                tracking.push(Tracking { tracker, weight: Weight::Fault { reverse: false } });
            }
        }
    }

    /// The number of a `track_group`, a new one for a new group.
    pub(super) fn group(&mut self, name: &str) -> TrackerId {
        self.number(Tracker::Group(name.to_owned()))
    }

    /// The blocks of one kind that somebody tracks, by name, or that `others` need; the rest is not watched.
    pub(super) fn used<T>(
        &self,
        kind: Kind,
        blocks: BTreeMap<String, T>,
        others: &BTreeSet<String>,
        at: impl Fn(&T) -> Span,
        reports: &mut Reports<'_>,
    ) -> Vec<T> {
        let tracked: BTreeSet<&Tracker> = self.list.iter().collect();
        let (used, idle): (Vec<_>, Vec<_>) = blocks
            .into_iter()
            .partition(|(name, _)| tracked.contains(&kind.tracker(name)) || others.contains(name));
        for (name, block) in &idle {
            reports.warning(
                codes::UNUSED_TRACKER,
                format!("{} `{name}` is tracked by nobody: it is not watched", kind.block()),
                at(block),
            );
        }
        used.into_iter().map(|(_, block)| block).collect()
    }

    /// The number of a watched thing, a new one for a new thing.
    fn number(&mut self, tracker: Tracker) -> TrackerId {
        let next = TrackerId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        let id = *self.numbers.entry(tracker.clone()).or_insert(next);
        if id == next {
            self.list.push(tracker);
        }
        id
    }
}

fn never_changes(instance: &str, tracked: &Word, reports: &mut Reports<'_>) {
    reports.warning(
        codes::WEIGHT_DROPPED,
        format!(
            "the priority of `{instance}` is 255 and never changes: `{}` is not tracked",
            tracked.text
        ),
        tracked.span,
    );
}
