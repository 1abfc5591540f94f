//! Telling the parent how everything stands: a few instances each turn, so that no advertisement waits for it.

mod faults;
mod lines;
mod view;

use std::ops::Bound;

use control::ToParent;
use vrrp::{GroupId, InstanceId};

use super::Shell;
use crate::child::{Orphaned, PART, Parts, Progress};

pub(crate) use self::lines::address as view_of_line;

/// A report that is being told.
#[derive(Debug)]
pub(super) struct Telling {
    parts: Parts,
    /// Whether counters begin anew behind it.
    clear: bool,
    /// Whose turn it was last.
    told: Option<InstanceId>,
    groups_told: Option<GroupId>,
    /// Whether the parent has to read first.
    is_blocked: bool,
}

impl Telling {
    pub(super) const fn new(serial: u32, clear: bool) -> Self {
        Self { parts: Parts::new(serial), clear, told: None, groups_told: None, is_blocked: false }
    }

    /// Whether the parent has to read before there is more to say.
    pub(super) const fn is_blocked(&self) -> bool {
        self.is_blocked
    }
}

impl Shell {
    /// Tells a part of the report that was asked for, if one was.
    pub(super) fn go_on_telling(&mut self) -> Result<(), Orphaned> {
        let Some(mut telling) = self.telling.take() else { return Ok(()) };
        if telling.parts.has_room() {
            self.add_some(&mut telling);
        }
        let progress = telling.parts.tell(&self.startup.parent)?;
        telling.is_blocked = progress == Progress::Blocked;
        self.telling = (progress != Progress::Done).then_some(telling);
        Ok(())
    }

    /// Tells the counters of some instances, those of others the next time: a process that dies tells nothing more.
    pub(super) fn tell_tally(&mut self) -> Result<(), Orphaned> {
        let from = self.tallied.map_or(Bound::Unbounded, Bound::Excluded);
        let mut list = Vec::new();
        let mut last = None;
        for (id, instance) in self.settled.instances.range((from, Bound::Unbounded)).take(TALLIED) {
            if let Some(seen) = self.election.instance(*id) {
                let counters = view::counters(&seen.counters, self.discards.get(id));
                control::append(&mut list, &(&instance.name, counters));
            }
            last = Some(*id);
            if list.len() >= PART {
                break;
            }
        }
        if list.is_empty() || self.startup.parent.offer(&ToParent::Tally(list))? {
            self.tallied = last;
        }
        Ok(())
    }

    fn add_some(&mut self, telling: &mut Telling) {
        let from = telling.told.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.settled.instances.range((from, Bound::Unbounded));
        let ids: Vec<InstanceId> = next.take(INSTANCES_A_TURN).map(|(id, _)| *id).collect();
        for id in &ids {
            if let Some(instance) = self.view(*id) {
                telling.parts.add(&status::Item::Instance(Box::new(instance)));
            }
            if telling.clear {
                self.election.clear_counters(*id);
                self.discards.remove(id);
            }
        }
        telling.told = ids.last().copied().or(telling.told);
        if ids.len() == INSTANCES_A_TURN {
            return;
        }
        let from = telling.groups_told.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.settled.groups.range((from, Bound::Unbounded));
        let ids: Vec<GroupId> = next.take(GROUPS_A_TURN).map(|(id, _)| *id).collect();
        for id in &ids {
            if let Some(group) = self.view_of_group(*id) {
                telling.parts.add(&status::Item::Group(Box::new(group)));
            }
        }
        telling.groups_told = ids.last().copied().or(telling.groups_told);
        if ids.len() < GROUPS_A_TURN {
            telling.parts.finish();
        }
    }
}

/// Instances that are looked at in one turn: some tens of microseconds.
const INSTANCES_A_TURN: usize = 8;
/// Instances whose counters are told at one beat.
const TALLIED: usize = 64;
/// Sync groups that are looked at in one turn.
const GROUPS_A_TURN: usize = 64;
