//! Addresses to set, remove and announce, and the routes and rules that go with them: a queue that is worked off in
//! small batches, so that neither a failover of thousands of addresses nor a renewal of their leases keeps an
//! advertisement waiting.
//!
//! What was decided first is done first. The first batches are small: the first addresses are announced before the
//! last are set.

use std::collections::VecDeque;

use clock::Instant;
use intent::{Address, AddressKey, Path};
use vrrp::{Action, AnnounceReason, Effect, Input, InstanceId, Output, Outputs};

use super::Shell;
use super::holdings::{self, Holding, Origin};
use super::paths::{Owner, Why};
use super::walls::Walled;

/// What is still to be done.
#[derive(Debug, Default)]
pub(super) struct Work {
    items: VecDeque<Item>,
    /// Announcements to repeat, once all addresses are set.
    repeats: VecDeque<Item>,
    /// Leases to renew, when nothing else is to be done.
    renewals: VecDeque<(InstanceId, Address)>,
    size: usize,
}

#[derive(Debug)]
enum Item {
    /// Set an address and announce it this many times.
    Set(InstanceId, Holding, u32),
    Remove(InstanceId, AddressKey),
    /// Forget about walls around the addresses of an instance, which are gone.
    Open(InstanceId),
    /// Set a route or rule.
    SetPath(Owner, Path, Why),
    RemovePath(Owner, Path),
    Announce(InstanceId, u32),
    /// Announce an address on each link where nothing else is heard.
    AnnounceExtra(InstanceId),
    /// Let the kernel tell everybody of the virtual MAC link as if it had changed.
    Touch(InstanceId),
    /// Announce an address that was set this many times more.
    Repeat(InstanceId, Holding, u32),
}

/// What may be done together: addresses before what leads through them, and the other way round when they go.
#[derive(PartialEq, Eq)]
enum Batch {
    Set,
    Remove,
    Open,
    Announce,
    Repeat,
}

impl Item {
    const fn batch(&self) -> Batch {
        match self {
            Self::Set(..) | Self::SetPath(..) => Batch::Set,
            Self::Remove(..) | Self::RemovePath(..) => Batch::Remove,
            Self::Open(_) => Batch::Open,
            Self::Announce(..) | Self::AnnounceExtra(_) | Self::Touch(_) => Batch::Announce,
            Self::Repeat(..) => Batch::Repeat,
        }
    }
}

/// What the election wants done with addresses.
enum Step {
    Assume(InstanceId),
    Release(InstanceId),
    Announce(InstanceId, u32),
    AnnounceExtra(InstanceId),
}

impl Step {
    fn of(output: &Output) -> Option<Self> {
        let Output::Instance { instance, action } = output else { return None };
        match action {
            Action::Assume => Some(Self::Assume(*instance)),
            Action::Release => Some(Self::Release(*instance)),
            Action::Announce { reason: AnnounceReason::Extra, .. } => {
                Some(Self::AnnounceExtra(*instance))
            }
            Action::Announce { count, .. } => Some(Self::Announce(*instance, *count)),
            Action::Advertise { .. }
            | Action::Transitioned { .. }
            | Action::PriorityChanged { .. }
            | Action::Noticed(_) => None,
        }
    }
}

impl Work {
    /// Whether anything is left.
    pub(super) fn is_waiting(&self) -> bool {
        !self.items.is_empty() || !self.repeats.is_empty() || !self.renewals.is_empty()
    }

    /// Whether more than renewals is left.
    pub(super) fn is_urgent(&self) -> bool {
        !self.items.is_empty()
    }

    /// Puts an address at the end of what is to be set.
    pub(super) fn set(&mut self, instance: InstanceId, holding: Holding, announce: u32) {
        self.items.push_back(Item::Set(instance, holding, announce));
    }

    /// Puts an address at the end of what is to be removed.
    pub(super) fn remove(&mut self, instance: InstanceId, key: AddressKey) {
        self.items.push_back(Item::Remove(instance, key));
    }

    /// Puts a route or rule at the end of what is to be set.
    pub(super) fn set_path(&mut self, owner: Owner, path: Path, why: Why) {
        self.items.push_back(Item::SetPath(owner, path, why));
    }

    /// Puts a route or rule at the end of what is to be removed.
    pub(super) fn remove_path(&mut self, owner: Owner, path: Path) {
        self.items.push_back(Item::RemovePath(owner, path));
    }

    /// The next batch of items that may be done together.
    fn batch(&mut self) -> Vec<Item> {
        self.size = if self.size == 0 { FIRST_BATCH } else { (self.size * 2).min(BATCH) };
        let mut batch = Vec::new();
        if self.items.is_empty() {
            let count = self.repeats.len().min(BATCH);
            batch.extend(self.repeats.drain(..count));
            if self.repeats.is_empty() {
                self.repeats.shrink_to(BATCH);
            }
            return batch;
        }
        while batch.len() < self.size
            && let Some(item) = self.items.front()
            && batch.last().is_none_or(|last: &Item| last.batch() == item.batch())
        {
            batch.extend(self.items.pop_front());
        }
        if self.items.is_empty() {
            self.size = 0;
            self.items.shrink_to(BATCH);
        }
        batch
    }
}

impl Shell {
    /// Queues what the election wants done with addresses, and with what leads through them.
    pub(super) fn queue(&mut self, now: Instant, outputs: &Outputs) {
        let mut steps = outputs.iter().filter_map(Step::of).peekable();
        let mut walls = None;
        while let Some(step) = steps.next() {
            self.conflicts.look_again();
            match step {
                Step::Assume(id) => {
                    let announced = steps
                        .next_if(|next| matches!(next, Step::Announce(other, _) if *other == id));
                    let count = match announced {
                        Some(Step::Announce(_, count)) => count,
                        _ => 0,
                    };
                    walls = self.queue_assume(now, id, count).or(walls);
                }
                Step::Release(id) => {
                    self.announcer.forget(id);
                    let kept = self.startup.options.keep_addresses && self.ending;
                    self.leave_paths(id, kept);
                    if !kept {
                        self.open_link(now, id, false);
                    }
                    for key in self.holdings.leave(id) {
                        if !kept {
                            self.work.remove(id, key);
                        }
                    }
                    self.work.items.push_back(Item::Open(id));
                }
                Step::Announce(id, count) => self.work.items.push_back(Item::Announce(id, count)),
                Step::AnnounceExtra(id) => self.work.items.push_back(Item::AnnounceExtra(id)),
            }
        }
        if let Some(walls) = walls {
            self.walls.wait(now, walls);
        }
    }

    /// Says for which walls the addresses have to wait.
    fn queue_assume(&mut self, now: Instant, id: InstanceId, count: u32) -> Option<Walled> {
        self.open_link(now, id, true);
        let instance = self.settled.instances.get(&id)?;
        let lease = holdings::lease(instance, holdings::active_down(&instance.parameters));
        let is_notified = instance.vmac.as_ref().is_some_and(|vmac| vmac.is_announced_by_netlink);
        let (wanted, missing) = holdings::wanted(instance, lease, &self.observer);
        for holding in &wanted {
            self.work.set(id, holding.clone(), count);
        }
        let walls = self.walls.hold(id, instance, &wanted);
        self.walls.advertised(now, id);
        self.holdings.take(now, id, wanted);
        if is_notified {
            self.work.items.push_back(Item::Touch(id));
        }
        for device in missing {
            let text = format!("no interface {device} for a virtual address");
            self.complain(now, id, "assume", &text);
        }
        self.queue_paths(now, id);
        walls
    }

    /// Does the next batch. What fails is to be told to the election.
    pub(super) fn work_off(&mut self, now: Instant) -> Vec<(InstanceId, Effect)> {
        let mut failed = Vec::new();
        let batch = self.work.batch();
        if batch.is_empty() {
            self.renew(now);
            return failed;
        }
        let mut sets = Vec::new();
        let mut removals = Vec::new();
        let mut repeats: Vec<(InstanceId, Holding, u32)> = Vec::new();
        let (mut path_sets, mut path_removals) = (Vec::new(), Vec::new());
        for item in batch {
            match item {
                Item::Set(id, holding, count) => sets.push((id, holding, count)),
                Item::Remove(id, key) => removals.push((id, key)),
                Item::SetPath(owner, path, why) => path_sets.push((owner, path, why)),
                Item::RemovePath(owner, path) => path_removals.push((owner, path)),
                Item::AnnounceExtra(id) => {
                    if !self.announce_extra(now, id) {
                        failed.push((id, Effect::Announce));
                    }
                }
                Item::Repeat(id, holding, count) => repeats.push((id, holding, count)),
                Item::Open(id) if self.holdings.of(id).is_empty() => self.walls.release(id),
                Item::Open(_) => {}
                Item::Touch(id) => self.touch_vmac(id),
                Item::Announce(id, count) => {
                    let held = self.holdings.of(id);
                    if !self.announcer.announce(now, id, held, count, &self.observer) {
                        failed.push((id, Effect::Announce));
                    }
                }
            }
        }
        for group in repeats.chunk_by(|one, other| one.0 == other.0) {
            self.repeat(now, group);
        }
        self.set(now, &sets, &mut failed);
        self.set_paths(now, path_sets);
        self.remove_paths(now, path_removals);
        self.remove(now, &removals, &mut failed);
        failed
    }

    fn announce_extra(&mut self, now: Instant, id: InstanceId) -> bool {
        let Some(instance) = self.settled.instances.get(&id) else { return true };
        let held = self.holdings.of(id);
        self.announcer.announce_extra(now, (id, instance), held, &self.observer)
    }

    /// Repeats announcements of one instance, of what it still holds.
    fn repeat(&mut self, now: Instant, group: &[(InstanceId, Holding, u32)]) {
        let Some((id, _, count)) = group.first() else { return };
        let holdings: Vec<Holding> = group
            .iter()
            .map(|(_, holding, _)| holding)
            .filter(|it| self.holdings.owner(&it.address.key()) == Some(*id))
            .cloned()
            .collect();
        self.announcer.announce(now, *id, &holdings, *count, &self.observer);
    }

    /// Goes on with what is waiting.
    pub(super) fn go_on_working(&mut self, now: Instant) {
        if !self.work.is_waiting() {
            return;
        }
        for (instance, what) in self.work_off(now) {
            self.feed(now, Input::EffectFailed { instance, what });
        }
    }

    /// Does all that is waiting, before the election begins or after it has ended.
    pub(super) fn finish_work(&mut self, now: Instant) {
        self.work.renewals.clear();
        while self.work.is_waiting() {
            // There is nobody to tell.
            self.work_off(now);
        }
    }

    /// Queues the leases that are due for renewal.
    pub(super) fn renew_leases(&mut self, now: Instant) {
        self.work.renewals.extend(self.holdings.due(now));
    }

    fn renew(&mut self, now: Instant) {
        let count = self.work.renewals.len().min(BATCH);
        let due: Vec<(InstanceId, Address)> = self
            .work
            .renewals
            .drain(..count)
            // Given up meanwhile, it would be set anew.
            .filter(|(id, address)| self.holdings.owner(&address.key()) == Some(*id))
            .collect();
        if self.work.renewals.is_empty() {
            self.work.renewals.shrink_to(BATCH);
        }
        let addresses: Vec<Address> = due.iter().map(|(_, address)| address.clone()).collect();
        let results = self.holdings.requests.set_addresses(&addresses);
        for ((id, address), result) in due.into_iter().zip(results) {
            if let Err(error) = result {
                let text = format!("cannot renew {}: {error}", address.address);
                self.complain(now, id, "renew", &text);
            }
        }
    }

    fn set(
        &mut self,
        now: Instant,
        sets: &[(InstanceId, Holding, u32)],
        failed: &mut Vec<(InstanceId, Effect)>,
    ) {
        // One that was released since it was queued is not set: its removal is queued behind.
        let wanted: Vec<&(InstanceId, Holding, u32)> = sets
            .iter()
            .filter(|(id, holding, _)| self.holdings.owner(&holding.address.key()) == Some(*id))
            .collect();
        let ours = || wanted.iter().filter(|(_, holding, _)| holding.origin == Origin::Ours);
        let addresses: Vec<Address> = ours().map(|(_, it, _)| it.address.clone()).collect();
        let results = self.holdings.requests.set_addresses(&addresses);
        let mut refusals = Vec::new();
        for ((id, holding, _), result) in ours().zip(results) {
            if let Err(error) = result {
                refusals.push((*id, format!("cannot add {}: {error}", holding.address.address)));
            }
        }
        for group in wanted.chunk_by(|one, other| one.0 == other.0) {
            let Some((id, _, count)) = group.first() else { continue };
            if *count == 0 {
                continue;
            }
            // Each is announced once as soon as it is there; repeats do not keep the next addresses waiting.
            let holdings: Vec<Holding> = group.iter().map(|(_, it, _)| it.clone()).collect();
            if !self.announcer.announce(now, *id, &holdings, 1, &self.observer) {
                failed.push((*id, Effect::Announce));
            }
            if *count > 1 {
                let repeats = holdings.into_iter().map(|it| Item::Repeat(*id, it, count - 1));
                self.work.repeats.extend(repeats);
            }
        }
        for (id, text) in refusals {
            if !failed.contains(&(id, Effect::Assume)) {
                failed.push((id, Effect::Assume));
            }
            self.complain(now, id, "assume", &text);
        }
    }

    fn remove(
        &mut self,
        now: Instant,
        removals: &[(InstanceId, AddressKey)],
        failed: &mut Vec<(InstanceId, Effect)>,
    ) {
        // Taken again since it was queued, by whomever, it stays.
        let surplus: Vec<(InstanceId, AddressKey)> = removals
            .iter()
            .filter(|(_, key)| self.holdings.owner(key).is_none())
            .copied()
            .collect();
        let keys: Vec<AddressKey> = surplus.iter().map(|(_, key)| *key).collect();
        let results = self.holdings.requests.remove_addresses(&keys);
        for ((id, key), result) in surplus.into_iter().zip(results) {
            if let Err(error) = result {
                if !failed.contains(&(id, Effect::Release)) {
                    failed.push((id, Effect::Release));
                }
                let text = format!("cannot remove {}: {error}", key.address);
                self.complain(now, id, "release", &text);
            }
        }
    }
}

/// Addresses that are set before the first is announced.
const FIRST_BATCH: usize = 8;
/// Addresses that are set together: more would not be faster.
const BATCH: usize = 64;
