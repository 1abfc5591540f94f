//! A new configuration as a difference: what did not change is not touched.
//!
//! Reading it takes a while when it is large, so a thread does that, and advertisements never pause.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use clock::Instant;
use config::model::{Instance, Model, VirtualAddress};
use control::ToParent;
use rustix::event::EventfdFlags;
use vrrp::{Addition, Change, Input, InstanceId, Plan, Role};

use super::holdings;
use super::roster::{Settled, plan};
use super::{RELOAD, Shell};
use crate::child::{self, Orphaned, PayloadError};

/// A reload under way.
#[derive(Debug, Default)]
pub(super) struct Progress(Option<Reading>);

#[derive(Debug)]
struct Reading {
    result: Receiver<Result<Model, PayloadError>>,
    /// Readable once the result is there.
    done: OwnedFd,
}

impl Shell {
    /// Begins to read a configuration; one that is still being read is overtaken.
    pub(super) fn begin_reload(&mut self, memory: OwnedFd) -> Result<(), Orphaned> {
        self.forget_reading();
        match self.start_reading(memory) {
            Ok(reading) => {
                self.reload = Progress(Some(reading));
                Ok(())
            }
            Err(error) => {
                self.startup.parent.say(&ToParent::ReloadFailed { reason: error.to_string() })
            }
        }
    }

    fn start_reading(&self, memory: OwnedFd) -> anyhow::Result<Reading> {
        let done = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let signal = done.try_clone()?;
        let (sender, result) = sync_channel(1);
        std::thread::Builder::new().name("reload".to_owned()).spawn(move || {
            // Nobody waits for it any more when the process is ending.
            let _ = sender.send(child::read(&memory).map(|(_, model)| model));
            let _ = rustix::io::write(&signal, &1u64.to_ne_bytes());
        })?;
        self.events.add(done.as_fd(), RELOAD)?;
        Ok(Reading { result, done })
    }

    fn forget_reading(&mut self) {
        if let Some(reading) = self.reload.0.take() {
            let _ = self.events.remove(&reading.done);
        }
    }

    /// Takes over what was read, if it is there.
    pub(super) fn take_reload(&mut self, now: Instant) -> Result<(), Orphaned> {
        let Some(reading) = &self.reload.0 else { return Ok(()) };
        let outcome = match reading.result.try_recv() {
            Ok(outcome) => outcome.map_err(|error| error.to_string()),
            Err(TryRecvError::Empty) => return Ok(()),
            Err(TryRecvError::Disconnected) => Err("reading it failed".to_owned()),
        };
        self.forget_reading();
        let answer = match outcome {
            Ok(model) => ToParent::Reloaded { changes: self.apply(now, model) },
            Err(reason) => ToParent::ReloadFailed { reason },
        };
        self.startup.parent.say(&answer)
    }

    /// Puts a configuration in force; says what changed.
    fn apply(&mut self, now: Instant, model: Model) -> String {
        let new = self.roster.settle(model);
        let whole = plan(&self.settled, &new, |_| Default::default());
        let changes = describe(&whole, &self.settled, &new);
        // First what ends, under the configuration that it was started with.
        let ends = |change: &Change| matches!(change, Change::Remove | Change::Restart(_));
        let ending: Vec<InstanceId> =
            whole.instances.iter().filter(|(_, change)| ends(change)).map(|(id, _)| *id).collect();
        if !ending.is_empty() {
            let groups = self.settled.groups.iter();
            self.feed(
                now,
                Input::Reconfigure(Plan {
                    instances: ending.iter().map(|id| (*id, Change::Remove)).collect(),
                    groups: groups.map(|(id, group)| (*id, group.parameters.clone())).collect(),
                    trackers: None,
                }),
            );
        }
        self.former = Some(std::mem::replace(&mut self.settled, new));
        self.adopt();
        let mut rest = whole;
        rest.trackers = Some(self.trackers.clone());
        rest.instances.retain(|_, change| !matches!(change, Change::Remove));
        for (id, change) in &mut rest.instances {
            let parameters = match change {
                Change::Restart(parameters) => parameters.clone(),
                Change::Add(addition) => addition.parameters.clone(),
                Change::Keep | Change::Adjust(_) | Change::Remove => continue,
            };
            let (source, faults) = self.known(*id);
            *change = Change::Add(Addition { parameters, source, faults });
        }
        self.feed(now, Input::Reconfigure(rest));
        self.look_around(now);
        self.drop_fixed();
        self.former = None;
        changes
    }

    /// Brings what Active instances hold in line with what they are to hold.
    pub(super) fn reconcile(&mut self, now: Instant) {
        let active: Vec<InstanceId> = self
            .settled
            .instances
            .keys()
            .copied()
            .filter(|id| self.election.role(*id) == Some(Role::Active))
            .collect();
        for id in active {
            let Some(instance) = self.settled.instances.get(&id) else { continue };
            let lease = holdings::lease(instance, holdings::active_down(&instance.parameters));
            let (mut wanted, _) = holdings::wanted(instance, lease, &self.observer);
            let held = self.holdings.of(id).to_vec();
            for holding in &mut wanted {
                // Whose an address is was found out when it was taken.
                let before = held.iter().find(|it| it.address.key() == holding.address.key());
                if let Some(before) = before {
                    holding.origin = before.origin;
                }
            }
            let same = |one: &holdings::Holding, other: &holdings::Holding| {
                one.address == other.address && one.origin == other.origin
            };
            let equal = held.len() == wanted.len()
                && held.iter().zip(&wanted).all(|(one, other)| same(one, other));
            if equal {
                continue;
            }
            let surplus: Vec<_> = held
                .iter()
                .filter(|old| old.origin == holdings::Origin::Ours)
                .map(|old| old.address.key())
                .filter(|key| wanted.iter().all(|new| new.address.key() != *key))
                .collect();
            let news: Vec<_> = wanted
                .iter()
                .filter(|new| held.iter().all(|old| !same(old, new)))
                .cloned()
                .collect();
            self.holdings.leave(id);
            self.holdings.take(now, id, wanted);
            self.report_removals(&surplus);
            self.set_and_announce(now, id, &news);
        }
    }

    /// Takes away static addresses that are configured no longer.
    fn drop_fixed(&mut self) {
        let kept = |key: &intent::AddressKey| {
            self.settled
                .static_addresses
                .iter()
                .any(|line| line.address == key.address && line.prefix == key.prefix)
        };
        let (keep, surplus) = std::mem::take(&mut self.fixed).into_iter().partition(kept);
        self.fixed = keep;
        self.report_removals(&surplus);
    }
}

/// What a plan changes, in a phrase; nothing where it changes nothing.
fn describe(plan: &Plan, old: &Settled, new: &Settled) -> String {
    let name = |id: &InstanceId| {
        let instance = new.instances.get(id).or_else(|| old.instances.get(id));
        instance.map(|instance| instance.name.as_str())
    };
    let of = |wanted: &dyn Fn(&InstanceId, &Change) -> bool| -> BTreeSet<&str> {
        let ids = plan.instances.iter().filter(|(id, change)| wanted(id, change));
        ids.filter_map(|(id, _)| name(id)).collect()
    };
    let added = of(&|_, change| matches!(change, Change::Add(_)));
    let removed = of(&|_, change| matches!(change, Change::Remove));
    // Another virtual router under the same name is a restart to those who wrote it.
    let mut restarted = of(&|_, change| matches!(change, Change::Restart(_)));
    restarted.extend(added.intersection(&removed));
    let adjusted = of(&|id, change| match change {
        Change::Adjust(_) => true,
        Change::Keep => match (old.instances.get(id), new.instances.get(id)) {
            (Some(old), Some(new)) => !is_same(old, new),
            _ => false,
        },
        Change::Restart(_) | Change::Add(_) | Change::Remove => false,
    });
    let parts = [
        ("added", list(added.difference(&restarted))),
        ("removed", list(removed.difference(&restarted))),
        ("restarted", list(restarted.iter())),
        ("adjusted", list(adjusted.difference(&restarted))),
    ];
    let said: Vec<String> = parts
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("{what} {names}"))
        .collect();
    if said.is_empty() {
        "Configuration reloaded: no instance changed".to_owned()
    } else {
        format!("Configuration reloaded: {}", said.join("; "))
    }
}

/// Whether what this process does for an instance beside its election is the same.
fn is_same(old: &Instance, new: &Instance) -> bool {
    // Where something is written does not matter.
    let plain = |list: &[VirtualAddress]| -> Vec<VirtualAddress> {
        list.iter().map(|it| VirtualAddress { at: new.at, ..it.clone() }).collect()
    };
    let beside = |it: &Instance| Instance {
        at: new.at,
        addresses: plain(&it.addresses),
        excluded: plain(&it.excluded),
        held_back: Vec::new(),
        ..it.clone()
    };
    beside(old) == beside(new)
}

fn list<'n>(names: impl Iterator<Item = &'n &'n str>) -> String {
    let mut names: Vec<&str> = names.copied().collect();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let list = names.join(", ");
    if more > 0 { format!("{list} and {more} more") } else { list }
}

/// Instances named in one line.
const NAMED: usize = 5;
