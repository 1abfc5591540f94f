//! A reload: removals first, then what is new, then what changed, then the groups. An equal
//! configuration causes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use clock::Instant;

use super::Election;
use crate::group::{Member, Seat, SyncGroup};
use crate::output::Actions;
use crate::router::{Event, VirtualRouter};
use crate::{
    Addition, Cause, Change, FaultReason, Former, GroupId, GroupParameters, InstanceId, Output,
    Outputs, Parameters, Plan, Role,
};

impl Election {
    pub(super) fn reconfigure(&mut self, now: Instant, plan: Plan, outputs: &mut Outputs) {
        let was_running = core::mem::replace(&mut self.running, false);
        if let Some(trackers) = plan.trackers {
            self.trackers = trackers;
        }
        let mut adjusted = Vec::new();
        let mut added = Vec::new();
        for (id, change) in plan.instances {
            match change {
                Change::Keep => {}
                Change::Adjust(parameters) => adjusted.push((id, parameters)),
                Change::Restart(parameters) => {
                    if let Some(addition) = self.restart(now, id, parameters, outputs) {
                        added.push((id, addition));
                    }
                }
                Change::Add(addition) => {
                    self.remove(now, id, Cause::Restarted, outputs);
                    added.push((id, addition));
                }
                Change::Remove => self.remove(now, id, Cause::Removed, outputs),
            }
        }
        let fresh: Vec<InstanceId> = added.iter().map(|(id, _)| *id).collect();
        let added = added.into_iter().map(|(id, addition)| {
            let Addition { parameters, source, faults, former } = addition;
            let mut router = VirtualRouter::new(parameters, source, &faults, &self.trackers);
            router.succeed(former);
            (id, router)
        });
        if !fresh.is_empty() {
            // Built at once, the map has full nodes: one by one in order, it would leave them half empty.
            let former = core::mem::take(&mut self.instances);
            self.instances = former.into_iter().chain(added).collect();
        }
        let trackers = core::mem::take(&mut self.trackers);
        for (id, parameters) in adjusted {
            self.turn(now, id, outputs, |router, actions| {
                router.adjust(now, parameters, &trackers, actions);
            });
        }
        self.trackers = trackers;
        self.watch(now, outputs);
        self.regroup(now, &plan.groups, outputs);
        self.running = was_running;
        if was_running {
            self.settle_all(now, outputs);
            self.running = false;
            for id in fresh {
                self.event(now, id, Event::Startup, outputs);
            }
            self.running = true;
            self.settle_all(now, outputs);
        }
    }

    fn restart(
        &mut self,
        now: Instant,
        id: InstanceId,
        parameters: Arc<Parameters>,
        outputs: &mut Outputs,
    ) -> Option<Addition> {
        let router = self.instances.get(&id)?;
        let faults = router.faults().clone();
        let former = Former::None;
        let addition = Addition { parameters, source: router.address(), faults, former };
        self.remove(now, id, Cause::Restarted, outputs);
        Some(addition)
    }

    fn remove(&mut self, now: Instant, id: InstanceId, cause: Cause, outputs: &mut Outputs) {
        self.event(now, id, Event::Shutdown(cause), outputs);
        self.instances.remove(&id);
        self.timers.cancel(&id);
        self.pacing.leave(id);
    }

    /// Who watches what, and what the watched things do now.
    fn watch(&mut self, now: Instant, outputs: &mut Outputs) {
        self.watchers.clear();
        for (id, router) in &self.instances {
            for tracking in &router.parameters().tracking {
                let watchers = self.watchers.entry(tracking.tracker).or_default();
                if watchers.last() != Some(id) {
                    watchers.push(*id);
                }
            }
        }
        let trackers = core::mem::take(&mut self.trackers);
        let instances: Vec<InstanceId> = self.instances.keys().copied().collect();
        for id in instances {
            self.turn(now, id, outputs, |router, actions| router.track(now, &trackers, actions));
        }
        self.trackers = trackers;
    }

    /// The new set of groups. An instance named twice belongs to the first group that names it.
    fn regroup(
        &mut self,
        now: Instant,
        wanted: &BTreeMap<GroupId, GroupParameters>,
        outputs: &mut Outputs,
    ) {
        let old = core::mem::take(&mut self.groups);
        let membership = core::mem::take(&mut self.membership);
        for (id, parameters) in wanted {
            let before = old.get(id);
            let mut members: Vec<Member> = Vec::new();
            for instance in &parameters.members {
                if !self.instances.contains_key(instance) || self.membership.contains_key(instance)
                {
                    continue;
                }
                let seat = before
                    .and_then(|group| group.members.iter().find(|old| old.instance == *instance))
                    .map_or(Seat::Joining, |member| member.seat);
                members.push(Member { instance: *instance, seat });
                self.membership.insert(*instance, *id);
            }
            let role = before.map_or_else(|| self.first_role(&members), |group| group.role);
            self.groups.insert(*id, SyncGroup { members, role });
        }
        for (id, group) in old {
            if !self.groups.contains_key(&id) && group.role != Role::Initialize {
                outputs.push(Output::Group { group: id, from: group.role, to: Role::Initialize });
            }
        }
        for (instance, router) in &mut self.instances {
            let group = self.membership.get(instance).copied();
            router.join(group);
            if let Some(old) = membership.get(instance)
                && group != Some(*old)
            {
                let actions = &mut Actions { instance: *instance, outputs };
                router.fault(now, FaultReason::SyncGroup(*old), false, actions);
            }
        }
        let instances: Vec<InstanceId> = self.instances.keys().copied().collect();
        for instance in instances {
            self.keep_time(instance);
        }
    }

    /// A new group of instances that already run begins Active where one of them is.
    fn first_role(&self, members: &[Member]) -> Role {
        let active = |member: &Member| {
            self.instances.get(&member.instance).is_some_and(|router| router.role() == Role::Active)
        };
        if members.iter().any(active) { Role::Active } else { Role::Initialize }
    }
}
