//! `vrrp_sync_group`: instances that move together.

use std::collections::BTreeMap;

use vrrp::{GroupParameters, InstanceId, Tracking, Weight};

use super::notify;
use super::report::Reports;
use super::track::{self, Already, Catalogue, Tracked, Trackers};
use crate::diagnostic::model as codes;
use crate::model::{Instance, Notify, SyncGroup, Tracker};
use crate::source::Span;
use crate::syntax::{Directive, Tree};

/// Lowers every group; its trackers are added to those of its members. `alerts` is `smtp_alert` of those that do not say it.
pub(super) fn lower(
    tree: &Tree,
    instances: &mut [Instance],
    trackers: &mut Trackers,
    catalogue: &Catalogue,
    alerts: bool,
    reports: &mut Reports<'_>,
) -> Vec<SyncGroup> {
    let mut groups: Vec<SyncGroup> = Vec::new();
    let mut named: BTreeMap<&str, Span> = BTreeMap::new();
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let mut taken: BTreeMap<InstanceId, Span> = BTreeMap::new();
    for block in
        tree.directives.iter().filter(|directive| directive.keyword.text == "vrrp_sync_group")
    {
        let name = block.arguments.first().unwrap_or(&block.keyword);
        if let Some(first) = named.get(name.as_str()) {
            reports
                .warning(
                    codes::DUPLICATE_NAME,
                    format!(
                        "vrrp_sync_group `{}` is already defined: this one is left out",
                        name.text
                    ),
                    name.span,
                )
                .label(*first, "first defined here");
            continue;
        }
        named.insert(name.as_str(), name.span);
        if numbers.is_empty() {
            let names = instances.iter().map(|instance| instance.name.clone());
            numbers = names.zip(0..).collect();
        }
        let members = members(block, &numbers, &mut taken, reports);
        if members.len() < 2 {
            reports.warning(
                codes::LONELY_GROUP,
                format!("sync group `{}` has fewer than two members: it has no effect", name.text),
                name.span,
            );
        }
        let weights_allowed =
            block.children().iter().any(|line| line.keyword.text == "sync_group_tracking_weight");
        if !weights_allowed {
            for member in &members {
                drop_weights(instances, *member, &trackers.list, &name.text, reports);
            }
        }
        track(block, &members, instances, trackers, reports);
        track_named(block, &members, instances, trackers, catalogue, reports);
        let tracking = own_tracking(block, &members, instances, trackers, catalogue, reports);
        let mut notify = Notify::default();
        let mut mailed = alerts;
        for line in block.children() {
            notify::read(&mut notify, line, reports);
            if line.keyword == *"smtp_alert" {
                mailed = line.flag().unwrap_or(mailed);
            }
        }
        groups.push(SyncGroup {
            name: name.text.clone(),
            at: name.span,
            parameters: GroupParameters { members },
            tracking,
            keeps_weights: weights_allowed,
            notify: (notify != Notify::default()).then(|| Box::new(notify)),
            mailed,
        });
    }
    groups
}

fn members(
    block: &Directive,
    numbers: &BTreeMap<String, usize>,
    taken: &mut BTreeMap<InstanceId, Span>,
    reports: &mut Reports<'_>,
) -> Vec<InstanceId> {
    let mut members = Vec::new();
    let lists = block.children().iter().filter(|line| line.keyword.text == "group");
    for word in lists.flat_map(Directive::flat_words) {
        let Some(index) = numbers.get(&word.text) else {
            let length = word.text.chars().count();
            let near = numbers
                .keys()
                .filter(|name| name.chars().count().abs_diff(length) <= 2)
                .map(|name| (strsim::damerau_levenshtein(name, &word.text), name))
                .filter(|(distance, _)| *distance <= 2)
                .min();
            let reported = reports.warning(
                codes::UNKNOWN_MEMBER,
                format!("there is no vrrp_instance `{}`: the group goes without it", word.text),
                word.span,
            );
            if let Some((_, near)) = near {
                reported.help(format!("did you mean `{near}`?"));
            }
            continue;
        };
        let id = InstanceId(u32::try_from(*index).unwrap_or(u32::MAX));
        if let Some(first) = taken.get(&id) {
            reports
                .warning(
                    codes::MEMBER_OF_TWO,
                    format!(
                        "`{}` is already a member of a sync group: it stays in the first",
                        word.text
                    ),
                    word.span,
                )
                .label(*first, "first named here");
            continue;
        }
        taken.insert(id, word.span);
        members.push(id);
    }
    members
}

/// Adds what the group tracks to each of its members, in place of what a member says of the same thing.
fn track(
    block: &Directive,
    members: &[InstanceId],
    instances: &mut [Instance],
    trackers: &mut Trackers,
    reports: &mut Reports<'_>,
) {
    let lists: Vec<&Directive> =
        block.children().iter().filter(|line| line.keyword == *"track_interface").collect();
    if lists.is_empty() {
        return;
    }
    let name = block.arguments.first().unwrap_or(&block.keyword);
    for (index, member) in members.iter().enumerate() {
        let Some(instance) = instance(instances, *member) else { continue };
        let mode = instance.parameters.mode;
        // What is wrong with a line is wrong for every member: it is told once.
        let mut silent = reports.silent();
        let told = if index == 0 { &mut *reports } else { &mut silent };
        for tracking in trackers.lower(&lists, mode, name, &instance.interface, told) {
            Already::Replaced.add(instance.tracking_mut(), tracking);
        }
    }
}

/// Adds what the group tracks by name to each of its members.
fn track_named(
    block: &Directive,
    members: &[InstanceId],
    instances: &mut [Instance],
    trackers: &mut Trackers,
    catalogue: &Catalogue,
    reports: &mut Reports<'_>,
) {
    let tracked: Vec<Tracked> = block.children().iter().flat_map(track::lines).collect();
    for (index, member) in members.iter().enumerate() {
        let Some(instance) = instance(instances, *member) else { continue };
        // What is wrong with a line is wrong for every member: it is told once.
        let mut silent = reports.silent();
        let told = if index == 0 { &mut *reports } else { &mut silent };
        trackers.add(instance, &tracked, Already::Replaced, catalogue, told);
    }
}

/// What the group itself tracks, for observers: as a member that tracks nothing else would.
fn own_tracking(
    block: &Directive,
    members: &[InstanceId],
    instances: &[Instance],
    trackers: &mut Trackers,
    catalogue: &Catalogue,
    reports: &Reports<'_>,
) -> Vec<Tracking> {
    let tracks = |line: &Directive| line.keyword.text.starts_with("track_");
    if !block.children().iter().any(tracks) {
        return Vec::new();
    }
    let first = members.first().and_then(|id| usize::try_from(id.0).ok());
    let Some(first) = first.and_then(|first| instances.get(first)) else { return Vec::new() };
    let mut member = [first.clone()];
    member.iter_mut().for_each(|it| it.tracking_mut().clear());
    let mut silent = reports.silent();
    track(block, &[InstanceId(0)], &mut member, trackers, &mut silent);
    track_named(block, &[InstanceId(0)], &mut member, trackers, catalogue, &mut silent);
    let [member] = member;
    member.parameters.tracking.clone()
}

/// Members of a group have one fate: a weight that moves one of them alone has no meaning. What the group itself tracks
/// moves all of them.
fn drop_weights(
    instances: &mut [Instance],
    member: InstanceId,
    trackers: &[Tracker],
    group: &str,
    reports: &mut Reports<'_>,
) {
    let Some(instance) = instance(instances, member) else { return };
    let (at, name) = (instance.at, instance.name.clone());
    instance.tracking_mut().retain(|tracking| {
        let weighted = matches!(tracking.weight, Weight::Priority { .. });
        if weighted {
            let what =
                usize::try_from(tracking.tracker.0).ok().and_then(|index| trackers.get(index));
            let what = what.map_or("?", Tracker::name);
            reports
                .warning(
                    codes::WEIGHT_DROPPED,
                    format!(
                        "`{name}` is in sync group `{group}`: the weight of `{what}` is left out"
                    ),
                    at,
                )
                .help(
                    "track it without a weight, or write `sync_group_tracking_weight` in the group",
                );
        }
        !weighted
    });
}

fn instance(instances: &mut [Instance], id: InstanceId) -> Option<&mut Instance> {
    instances.get_mut(usize::try_from(id.0).ok()?)
}
