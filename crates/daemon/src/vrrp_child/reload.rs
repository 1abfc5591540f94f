//! A new configuration as a difference: what did not change is not touched.
//!
//! Reading it takes a while when it is large, so a thread does that, and advertisements never pause.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use clock::Instant;
use config::RealServers;
use config::model::{Instance, Model, VirtualAddress};
use control::ToParent;
use intent::{Address, AddressKey};
use rustix::event::EventfdFlags;
use status::{Planned, Step};
use vrrp::{Addition, Change, Former, Input, InstanceId, Plan, Role};

use super::difference;
use super::holdings::{self, Holding};
use super::roster::plan;
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
            let _ = sender.send(child::read(&memory, RealServers::Judged).map(|(_, model)| model));
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
        let mut new = self.roster.settle(model);
        self.name_vmacs(&mut new);
        new.share_parameters(&self.settled);
        let whole = plan(&self.settled, &new, |_| Default::default());
        let changes = describe(&difference::instances(&whole, &self.settled, &new));
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
        self.summary = None;
        self.walls.configure(&self.settled);
        self.adopt();
        let mut rest = whole;
        rest.trackers = Some(self.trackers.clone());
        rest.instances.retain(|_, change| !matches!(change, Change::Remove));
        for (id, change) in &mut rest.instances {
            let parameters = match change {
                Change::Restart(parameters) => Arc::clone(parameters),
                Change::Add(addition) => Arc::clone(&addition.parameters),
                Change::Keep | Change::Adjust(_) | Change::Remove => continue,
            };
            let (source, faults) = self.known(*id);
            *change = Change::Add(Addition { parameters, source, faults, former: Former::None });
        }
        self.feed(now, Input::Reconfigure(rest));
        self.look_around(now);
        self.reconcile(now, Among::All);
        self.drop_surplus_vmacs();
        self.drop_fixed();
        self.add_fixed(now);
        self.reconcile_paths(now);
        self.former = None;
        changes
    }

    /// Brings what Active instances hold in line with what they are to hold.
    pub(super) fn reconcile(&mut self, now: Instant, among: Among) {
        let concerned = |instance: &Instance| match among {
            Among::All => true,
            Among::ThoseElsewhere => {
                let elsewhere = |line: &VirtualAddress| {
                    let is_other = |device: &String| *device != instance.interface;
                    line.vmac.is_some() || line.device.as_ref().is_some_and(is_other)
                };
                // A virtual MAC link may have been made anew.
                instance.vmac.is_some()
                    || instance.addresses.iter().chain(&instance.excluded).any(elsewhere)
            }
        };
        let active: Vec<InstanceId> = self
            .settled
            .instances
            .iter()
            .filter(|(id, instance)| {
                self.election.role(**id) == Some(Role::Active) && concerned(instance)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in active {
            self.reconcile_one(now, id);
        }
    }

    fn reconcile_one(&mut self, now: Instant, id: InstanceId) {
        let Some(instance) = self.settled.instances.get(&id) else { return };
        let announce = instance.parameters.announce.repeat;
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
        // More than the addresses may have changed: how long they are answered, and what they refuse.
        let _ = self.walls.hold(id, instance, &wanted);
        // A term that is new to it may be one that has run out.
        self.walls.advertised(now, id);
        if held == wanted {
            return;
        }
        self.open_link(now, id, true);
        // Only its lifetime can be changed in place: any other attribute takes a removal.
        let stays = |old: &Holding, new: &Holding| {
            old.origin == new.origin
                && Address {
                    lifetime: old.address.lifetime,
                    preferred: old.address.preferred,
                    ..new.address.clone()
                } == old.address
        };
        let surplus: Vec<AddressKey> = self
            .holdings
            .leave(id)
            .into_iter()
            .filter(|key| {
                let old = held.iter().find(|old| old.address.key() == *key);
                old.is_none_or(|old| wanted.iter().all(|new| !stays(old, new)))
            })
            .collect();
        self.report_removals(&surplus);
        for new in &wanted {
            let unchanged = held.iter().find(|old| stays(old, new));
            match unchanged {
                Some(old) if old == new => {}
                // Another lease.
                Some(_) => self.work.set(id, new.clone(), 0),
                None => self.work.set(id, new.clone(), announce),
            }
        }
        self.holdings.take(now, id, wanted);
    }
}

/// Whose addresses are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Among {
    /// Those of every Active instance.
    All,
    /// Those of instances with addresses on other interfaces than their own, whose loss is a fault.
    ThoseElsewhere,
}

/// What a reload changed, in a phrase.
fn describe(steps: &[Planned]) -> String {
    let of = |wanted: Step| -> BTreeSet<&str> {
        let steps = steps.iter().filter(|planned| planned.step == wanted);
        steps.map(|planned| planned.name.as_str()).collect()
    };
    let parts = [
        ("added", of(Step::Add)),
        ("removed", of(Step::Remove)),
        ("restarted", of(Step::Restart)),
        ("adjusted", of(Step::Adjust)),
    ];
    let said: Vec<String> = parts
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("{what} {}", list(names.iter())))
        .collect();
    if said.is_empty() {
        "Configuration reloaded: no instance changed".to_owned()
    } else {
        format!("Configuration reloaded: {}", said.join("; "))
    }
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
