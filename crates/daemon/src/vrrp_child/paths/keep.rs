//! Setting and removing paths, and clearing what a daemon before us left behind.

use std::collections::BTreeMap;

use clock::Instant;
use control::Severity;
use intent::{PROTOCOL_KEEPALIVED, Path, path_steps};
use kernel::path::Placed;
use vrrp::{InstanceId, Role};

use super::super::Shell;
use super::super::receive::Complaint;
use super::{Held, Owner, Why, of_host, of_instance};
use crate::log::with_silenced;

impl Shell {
    /// Queues the paths of an instance that becomes Active, behind its addresses.
    pub(in super::super) fn queue_paths(&mut self, now: Instant, id: InstanceId) {
        let Some(instance) = self.settled.instances.get(&id) else { return };
        if instance.routes.is_empty() && instance.rules.is_empty() {
            return;
        }
        let (wanted, missing) = of_instance(instance, &self.observer);
        let owner = Owner::Instance(id);
        for held in &wanted {
            self.work.set_path(owner, held.path.clone(), Why::Wanted);
        }
        self.paths.take(owner, wanted);
        self.name_missing(now, owner, &missing);
    }

    /// Queues the removal of what an instance held, the last first; it comes before that of its addresses.
    pub(in super::super) fn leave_paths(&mut self, id: InstanceId, kept: bool) {
        let owner = Owner::Instance(id);
        for held in self.paths.leave(owner).into_iter().rev() {
            if !kept {
                self.work.remove_path(owner, held.path);
            }
        }
    }

    /// Brings the paths of Active instances in line with what they are to hold, and those that are static.
    pub(in super::super) fn reconcile_paths(&mut self, now: Instant) {
        let instances = self.settled.instances.iter();
        let with_paths = instances.filter(|(id, it)| {
            let has_some = !it.routes.is_empty() || !it.rules.is_empty();
            has_some || !self.paths.of(Owner::Instance(**id)).is_empty()
        });
        let active: Vec<InstanceId> = with_paths
            .filter(|(id, _)| self.election.role(**id) == Some(Role::Active))
            .map(|(id, _)| *id)
            .collect();
        for id in active {
            let Some(instance) = self.settled.instances.get(&id) else { continue };
            let (wanted, missing) = of_instance(instance, &self.observer);
            self.reconcile_owner(now, Owner::Instance(id), wanted, &missing);
        }
        self.reconcile_static(now);
    }

    /// Brings static paths in line with what is configured.
    pub(in super::super) fn reconcile_static(&mut self, now: Instant) {
        let (wanted, missing) = of_host(&self.settled.fixed, &self.observer);
        self.reconcile_owner(now, Owner::Host, wanted, &missing);
    }

    fn reconcile_owner(
        &mut self,
        now: Instant,
        owner: Owner,
        wanted: Vec<Held>,
        missing: &[String],
    ) {
        self.name_missing(now, owner, missing);
        let held = self.paths.of(owner);
        let same =
            |one: &Held, other: &Held| Held { stands: other.stands, ..one.clone() } == *other;
        let is_same = held.len() == wanted.len()
            && held.iter().zip(&wanted).all(|(held, wanted)| same(held, wanted));
        if is_same {
            return;
        }
        let paths = |list: &[Held]| list.iter().map(|it| it.path.clone()).collect::<Vec<_>>();
        let steps = path_steps(&paths(&wanted), &paths(held));
        self.paths.take(owner, wanted);
        for path in steps.surplus {
            self.work.remove_path(owner, path);
        }
        for path in steps.missing {
            self.work.set_path(owner, path, Why::Wanted);
        }
    }

    fn name_missing(&mut self, now: Instant, owner: Owner, missing: &[String]) {
        for what in self.paths.note_missing(owner, missing) {
            let text = format!("no {what} for a route");
            self.complain_of_path(now, owner, "interface", &text);
        }
    }

    /// Sets what was queued, in its order.
    pub(in super::super) fn set_paths(&mut self, now: Instant, sets: Vec<(Owner, Path, Why)>) {
        // One that was given up since it was queued is not set: its removal is queued behind.
        let wanted: Vec<(Owner, Path, Why)> =
            sets.into_iter().filter(|(owner, path, _)| self.paths.holds(*owner, path)).collect();
        let paths: Vec<Path> = wanted.iter().map(|(_, path, _)| path.clone()).collect();
        let results = self.holdings.requests.set_paths(&paths);
        let owners = wanted.iter().map(|(owner, ..)| *owner).collect();
        let mut restored: BTreeMap<Owner, Vec<Path>> = BTreeMap::new();
        for ((owner, path, why), result) in wanted.into_iter().zip(results) {
            let changed = self.paths.note(owner, &path, result.is_ok());
            // Instances may follow what is static.
            if changed && owner == Owner::Host {
                self.looked.look_again();
            }
            match (result, why) {
                (Ok(Placed::New), Why::Removed) => {
                    self.paths.trouble(now, owner, false);
                    restored.entry(owner).or_default().push(path);
                }
                (Ok(Placed::New), Why::Lost | Why::Again) => {
                    let owner = self.owner_name(owner);
                    self.startup.log.detail(|| format!("{owner} {path} is there again"));
                }
                (Ok(Placed::New | Placed::Standing), _) => {}
                // Its link went down, which is heard of elsewhere.
                (Err(_), Why::Lost | Why::Again | Why::Removed) if !self.may_stand(&path) => {}
                (Err(error), _) => {
                    self.paths.trouble(now, owner, true);
                    let text = format!("cannot set {path}: {error}");
                    self.complain_of_path(now, owner, "set", &text);
                }
            }
        }
        self.paths.note_refusals(&owners);
        for (owner, paths) in restored {
            let text = match paths.as_slice() {
                [] => continue,
                [path] => format!("{path} was removed by somebody else: it is there again"),
                [first, rest @ ..] => format!(
                    "{first} and {} more were removed by somebody else: they are there again",
                    rest.len()
                ),
            };
            self.complain_of_path(now, owner, "removed", &text);
        }
    }

    /// Removes what was queued, in its order.
    pub(in super::super) fn remove_paths(&mut self, now: Instant, removals: Vec<(Owner, Path)>) {
        // Taken again since it was queued, by whomever, it stays.
        let surplus: Vec<(Owner, Path)> = removals
            .into_iter()
            .filter(|(owner, path)| !self.paths.is_held(*owner, path))
            .collect();
        let paths: Vec<Path> = surplus.iter().map(|(_, path)| path.clone()).collect();
        let results = self.holdings.requests.remove_paths(&paths);
        for ((owner, path), result) in surplus.into_iter().zip(results) {
            if let Err(error) = result {
                let text = format!("cannot remove {path}: {error}");
                self.complain_of_path(now, owner, "remove", &text);
            }
        }
    }

    /// Removes paths that a daemon like us left behind, except what is static or of instances that go on: that is
    /// taken over as it stands.
    pub(in super::super) fn clear_left_paths(&mut self, kept: &[InstanceId]) {
        let observed = match self.holdings.requests.paths(PROTOCOL_KEEPALIVED) {
            Ok(observed) => observed,
            Err(error) => {
                self.startup.log.push(Severity::Warning, error.to_string());
                return;
            }
        };
        let instances = kept.iter().filter_map(|id| self.settled.instances.get(id));
        let lists = instances.map(|instance| of_instance(instance, &self.observer).0);
        let host = of_host(&self.settled.fixed, &self.observer).0;
        let wanted: Vec<Path> = lists.chain([host]).flatten().map(|held| held.path).collect();
        let surplus = path_steps(&wanted, &observed).surplus;
        if surplus.is_empty() {
            return;
        }
        for path in surplus.iter().take(NAMED) {
            let text = format!("removing {path}, which was left behind");
            self.startup.log.push(Severity::Warning, text);
        }
        if let Some(more) = surplus.len().checked_sub(NAMED).filter(|more| *more > 0) {
            let text = format!("removing what else of routes and rules was left behind: {more}");
            self.startup.log.push(Severity::Warning, text);
        }
        for (path, result) in surplus.iter().zip(self.holdings.requests.remove_paths(&surplus)) {
            if let Err(error) = result {
                self.startup.log.push(Severity::Warning, format!("{path}: {error}"));
            }
        }
    }

    /// Removes what instances held that did not go on after all.
    pub(in super::super) fn clear_paths_of(&mut self, now: Instant, instances: &[InstanceId]) {
        let mut removals = Vec::new();
        for id in instances {
            let Some(instance) = self.settled.instances.get(id) else { continue };
            let (wanted, _) = of_instance(instance, &self.observer);
            let paths = wanted.into_iter().rev();
            removals.extend(paths.map(|held| (Owner::Instance(*id), held.path)));
        }
        self.remove_paths(now, removals);
    }

    /// Removes what is static, at the end; it is kept with the addresses.
    pub(in super::super) fn drop_static_paths(&mut self, now: Instant, kept: bool) {
        let held = self.paths.leave(Owner::Host).into_iter().rev();
        if !kept {
            let removals = held.map(|held| (Owner::Host, held.path)).collect();
            self.remove_paths(now, removals);
        }
    }

    /// Says what went wrong with a path, not too often.
    pub(super) fn complain_of_path(
        &mut self,
        now: Instant,
        owner: Owner,
        what: &'static str,
        text: &str,
    ) {
        let Some(silenced) = self.complaints.admit(now, &Complaint::Path(owner, what)) else {
            return;
        };
        let text = with_silenced(format!("{} {text}", self.owner_name(owner)), silenced);
        self.startup.log.push(Severity::Warning, text);
    }

    fn owner_name(&self, owner: Owner) -> String {
        match owner {
            Owner::Host => "static".to_owned(),
            Owner::Instance(id) => {
                let name = self.settled.instances.get(&id).map_or("?", |it| it.name.as_str());
                format!("({name})")
            }
        }
    }
}

/// Paths named one by one when they are cleared.
const NAMED: usize = 20;
