//! `track_group`: instances that are in Fault while something static is missing.

use std::collections::{BTreeMap, BTreeSet};

use vrrp::{Tracking, Weight};

use super::blocks;
use super::report::Reports;
use super::track::Trackers;
use crate::diagnostic::model as codes;
use crate::keyword::nearest;
use crate::model::{Fixed, Following, Instance};
use crate::source::Span;
use crate::syntax::{Directive, Tree, Word};

/// Lowers every group: its members track what names it.
pub(super) fn lower(
    tree: &Tree,
    fixed: &mut Fixed,
    instances: &mut [Instance],
    trackers: &mut Trackers,
    reports: &mut Reports<'_>,
) {
    let mut groups: BTreeMap<&str, &Directive> = BTreeMap::new();
    for block in blocks(tree, "track_group") {
        let name = block.arguments.first().unwrap_or(&block.keyword);
        if let Some(first) = groups.get(name.as_str()) {
            reports
                .warning(
                    codes::DUPLICATE_NAME,
                    format!("track_group `{}` is already defined: this one is left out", name.text),
                    name.span,
                )
                .label(first.keyword.span, "first defined here");
            continue;
        }
        groups.insert(name.as_str(), block);
    }
    if groups.is_empty() && fixed.is_empty() {
        return;
    }
    let named = followed(fixed, &groups, reports);
    let names = instances.iter().map(|instance| instance.name.clone());
    let numbers: BTreeMap<String, usize> = names.zip(0..).collect();
    for (name, block) in groups {
        if !named.contains(name) {
            reports.note(
                codes::IDLE_TRACK_GROUP,
                format!("nothing static names track_group `{name}`: it has no effect"),
                block.keyword.span,
            );
            continue;
        }
        let tracker = trackers.group(name);
        let lists = block.children().iter().filter(|line| line.keyword == *"group");
        for word in lists.flat_map(Directive::flat_words) {
            let number = numbers.get(&word.text);
            let Some(instance) = number.and_then(|number| instances.get_mut(*number)) else {
                unknown_member(word, &numbers, reports);
                continue;
            };
            let tracking = instance.tracking_mut();
            if tracking.iter().all(|other| other.tracker != tracker) {
                tracking.push(Tracking { tracker, weight: Weight::Fault { reverse: false } });
            }
        }
    }
}

fn unknown_member(word: &Word, names: &BTreeMap<String, usize>, reports: &mut Reports<'_>) {
    let near = nearest(&word.text, names.keys().map(String::as_str));
    let reported = reports.warning(
        codes::UNKNOWN_MEMBER,
        format!("there is no vrrp_instance `{}`: the group goes without it", word.text),
        word.span,
    );
    if let Some(near) = near {
        reported.help(format!("did you mean `{near}`?"));
    }
}

/// The groups that something static names; what names one that does not exist follows nobody.
fn followed(
    fixed: &mut Fixed,
    groups: &BTreeMap<&str, &Directive>,
    reports: &mut Reports<'_>,
) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    let mut one = |at: Span, following: &mut Following| {
        let Some(name) = following.group() else { return };
        if groups.contains_key(name) {
            named.insert(name.to_owned());
            return;
        }
        let near = nearest(name, groups.keys().copied());
        let text = format!("there is no track_group `{name}`: no instance follows this line");
        let reported = reports.warning(codes::UNKNOWN_TRACK_GROUP, text, at);
        if let Some(near) = near {
            reported.help(format!("did you mean `{near}`?"));
        }
        *following = Following::Own;
    };
    fixed.addresses.iter_mut().for_each(|line| one(line.at, &mut line.following));
    fixed.routes.iter_mut().for_each(|line| one(line.at, &mut line.following));
    fixed.rules.iter_mut().for_each(|line| one(line.at, &mut line.following));
    named
}
