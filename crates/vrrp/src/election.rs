//! All virtual routers, sync groups and watched things of one process: the type that a shell drives.
//!
//! It routes inputs to `router.rs`, lets `group.rs` decide for members that move together, lays
//! advertisements on a common grid (`pacing.rs`) and keeps one deadline for each instance. Reload is in
//! `election/reconfigure.rs`.

mod reconfigure;

use std::collections::BTreeMap;

use clock::{Instant, Timers};
use wire::Priority;

use crate::group::{Command, SyncGroup, View};
use crate::output::Actions;
use crate::pacing::Pacing;
use crate::router::{Event, VirtualRouter};
use crate::tracking::TrackerStates;
use crate::{
    Cause, FaultReason, GroupId, GroupSnapshot, Input, InstanceId, InstanceSnapshot, Notice,
    Output, Outputs, Parameters, Role, Snapshot, TrackerId,
};

/// The election.
///
/// Contract with the shell:
/// - `now` never goes backwards. Call [`Election::handle`] with [`Input::Timeout`] at or after
///   [`Election::deadline`]; early calls are harmless, late calls act as of `now`.
/// - One `now` for each wake-up, and packets received are handled before the timeout of the same
///   wake-up: after a stall the peer's advertisements are in the socket buffer, and a timer that fires
///   first would be a false takeover.
/// - Outputs are performed in order, completely, before the next `handle`.
/// - An action that fails comes back as [`Input::EffectFailed`]; the shell never retries on its own.
/// - Instances come by [`Input::Reconfigure`], before [`Input::Startup`] or later.
///
/// It never panics, whatever the inputs are; an input for an unknown instance does nothing. A call costs
/// the instances that it affects.
#[derive(Debug, Default)]
pub struct Election {
    instances: BTreeMap<InstanceId, VirtualRouter>,
    groups: BTreeMap<GroupId, SyncGroup>,
    membership: BTreeMap<InstanceId, GroupId>,
    trackers: TrackerStates,
    /// Which instances watch what.
    watchers: BTreeMap<TrackerId, Vec<InstanceId>>,
    timers: Timers<InstanceId>,
    pacing: Pacing,
    /// Room for the instances that are due at one timeout.
    due: Vec<InstanceId>,
    running: bool,
}

/// When the election wants to run next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// When.
    pub at: Instant,
    /// For which instance.
    pub instance: InstanceId,
    /// What for.
    pub reason: DeadlineReason,
}

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeadlineReason {
    /// Adver_Timer (RFC 9568 §6.2).
    AdverTimer,
    /// Active_Down_Timer (RFC 9568 §6.2).
    ActiveDownTimer,
    /// A burst of gratuitous ARP or unsolicited neighbour advertisements.
    Announcement,
    /// An effect that failed is asked for again.
    Retry,
}

impl Election {
    /// No instances, not started.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one input at `now` and appends what follows from it to `outputs`.
    pub fn handle(&mut self, now: Instant, input: Input, outputs: &mut Outputs) {
        match input {
            Input::Startup => self.startup(now, outputs),
            Input::Shutdown => self.shutdown(now, outputs),
            Input::Timeout => self.timeout(now, outputs),
            Input::Received { instance, advertisement } => {
                self.turn(now, instance, outputs, |router, actions| {
                    router.receive(now, &advertisement, actions);
                });
                self.announce_beside(now, instance, outputs);
            }
            Input::Source { instance, address } => {
                self.turn(now, instance, outputs, |router, actions| {
                    router.source(now, address, actions);
                });
            }
            Input::Fault { instance, reason, present } => {
                if !reason.is_derived() {
                    self.turn(now, instance, outputs, |router, actions| {
                        router.fault(now, reason, present, actions);
                    });
                }
            }
            Input::Tracker { tracker, state } => {
                if self.trackers.insert(tracker, state) != Some(state) {
                    self.track(now, tracker, outputs);
                }
            }
            Input::EffectFailed { instance, what } => {
                self.event(now, instance, Event::EffectFailed(what), outputs);
            }
            Input::Stalled { span } => self.each(now, Event::Stalled(span), outputs),
            Input::Reconfigure(plan) => self.reconfigure(now, plan, outputs),
        }
    }

    /// The earliest deadline, by instance where several are equal.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        let (at, instance) = self.timers.first()?;
        let (_, reason) = self.instances.get(instance)?.deadline()?;
        Some(Deadline { at, instance: *instance, reason })
    }

    /// The parameters of an instance.
    #[must_use]
    pub fn parameters(&self, instance: InstanceId) -> Option<&Parameters> {
        self.instances.get(&instance).map(VirtualRouter::parameters)
    }

    /// The role of an instance.
    #[must_use]
    pub fn role(&self, instance: InstanceId) -> Option<Role> {
        self.instances.get(&instance).map(VirtualRouter::role)
    }

    /// The priority of an instance with all weights.
    #[must_use]
    pub fn effective_priority(&self, instance: InstanceId) -> Option<Priority> {
        self.instances.get(&instance).map(VirtualRouter::effective_priority)
    }

    /// What an observer may see of one instance.
    #[must_use]
    pub fn instance(&self, instance: InstanceId) -> Option<InstanceSnapshot> {
        self.instances.get(&instance).map(VirtualRouter::snapshot)
    }

    /// What an observer may see of one sync group.
    #[must_use]
    pub fn group(&self, group: GroupId) -> Option<GroupSnapshot> {
        self.groups.get(&group).map(SyncGroup::snapshot)
    }

    /// The sync group that an instance belongs to.
    #[must_use]
    pub fn group_of(&self, instance: InstanceId) -> Option<GroupId> {
        self.membership.get(&instance).copied()
    }

    /// Lets the counters of an instance begin anew.
    pub fn clear_counters(&mut self, instance: InstanceId) {
        if let Some(router) = self.instances.get_mut(&instance) {
            router.clear_counters();
        }
    }

    /// What an observer may see.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            instances: self.instances.iter().map(|(id, router)| (*id, router.snapshot())).collect(),
            groups: self.groups.iter().map(|(id, group)| (*id, group.snapshot())).collect(),
            trackers: self.trackers.clone(),
        }
    }

    /// Groups see faults first, so that no member enters a role that its group forbids.
    fn startup(&mut self, now: Instant, outputs: &mut Outputs) {
        if core::mem::replace(&mut self.running, true) {
            return;
        }
        self.settle_all(now, outputs);
        self.running = false;
        self.each(now, Event::Startup, outputs);
        self.running = true;
        self.settle_all(now, outputs);
    }

    fn shutdown(&mut self, now: Instant, outputs: &mut Outputs) {
        if !core::mem::replace(&mut self.running, false) {
            return;
        }
        self.each(now, Event::Shutdown(Cause::Shutdown), outputs);
        for (id, group) in &mut self.groups {
            let from = group.role;
            if group.enter(Role::Initialize) {
                outputs.push(Output::Group { group: *id, from, to: Role::Initialize });
            }
        }
    }

    /// Whoever is due now; what becomes due by it waits for the next call.
    fn timeout(&mut self, now: Instant, outputs: &mut Outputs) {
        let mut due = core::mem::take(&mut self.due);
        while let Some(instance) = self.timers.pop_due(now) {
            due.push(instance);
        }
        for instance in due.drain(..) {
            self.event(now, instance, Event::Timeout, outputs);
        }
        self.due = due;
    }

    fn track(&mut self, now: Instant, tracker: TrackerId, outputs: &mut Outputs) {
        let trackers = core::mem::take(&mut self.trackers);
        let watchers = core::mem::take(&mut self.watchers);
        for instance in watchers.get(&tracker).into_iter().flatten() {
            self.turn(now, *instance, outputs, |router, actions| {
                router.track(now, &trackers, actions);
            });
        }
        self.trackers = trackers;
        self.watchers = watchers;
    }

    /// keepalived: a lower priority heard by one member makes its whole group announce again.
    fn announce_beside(&mut self, now: Instant, heard: InstanceId, outputs: &mut Outputs) {
        let contested = |router: &VirtualRouter| router.was_contested_at(now);
        if !self.instances.get(&heard).is_some_and(contested) {
            return;
        }
        let Some(group) = self.membership.get(&heard).and_then(|id| self.groups.get(id)) else {
            return;
        };
        let others: Vec<InstanceId> = group
            .members
            .iter()
            .map(|member| member.instance)
            .filter(|instance| *instance != heard)
            .collect();
        for instance in others {
            self.turn(now, instance, outputs, |router, actions| {
                router.announce_contested(now, actions);
            });
        }
    }

    fn each(&mut self, now: Instant, event: Event<'_>, outputs: &mut Outputs) {
        let instances: Vec<InstanceId> = self.instances.keys().copied().collect();
        for instance in instances {
            self.event(now, instance, event, outputs);
        }
    }

    fn event(
        &mut self,
        now: Instant,
        instance: InstanceId,
        event: Event<'_>,
        outputs: &mut Outputs,
    ) {
        self.turn(now, instance, outputs, |router, actions| router.handle(now, event, actions));
    }

    /// The one way to touch a router: its timer is kept, and its group hears of what changed.
    fn turn(
        &mut self,
        now: Instant,
        instance: InstanceId,
        outputs: &mut Outputs,
        act: impl FnOnce(&mut VirtualRouter, &mut Actions<'_>),
    ) {
        let Some(router) = self.instances.get_mut(&instance) else { return };
        let before = view(router);
        act(router, &mut Actions { instance, outputs });
        let after = view(router);
        self.keep_time(instance);
        if self.running
            && before != after
            && let Some(group) = self.membership.get(&instance).copied()
        {
            self.settle(now, group, outputs);
            let waits = self.instances.get(&instance).is_some_and(VirtualRouter::wants_active);
            if waits && !before.wants_active {
                let notice = Notice::GroupAwaited { group };
                Actions { instance, outputs }.notice(notice);
            }
        }
    }

    fn keep_time(&mut self, instance: InstanceId) {
        let Some(router) = self.instances.get_mut(&instance) else { return };
        match router.adver_timer() {
            Some(timer) => {
                let interval = router.parameters().advertisement_interval;
                router.pace(self.pacing.align(instance, interval, timer));
            }
            None => self.pacing.leave(instance),
        }
        match router.deadline() {
            Some((at, _)) => self.timers.set(instance, at),
            None => self.timers.cancel(&instance),
        }
    }

    fn settle_all(&mut self, now: Instant, outputs: &mut Outputs) {
        let groups: Vec<GroupId> = self.groups.keys().copied().collect();
        for group in groups {
            self.settle(now, group, outputs);
        }
    }

    /// Lets the group decide and its members follow until nothing is left to do. Each round ends a
    /// role or a member's difference from it, so the members bound the rounds.
    fn settle(&mut self, now: Instant, id: GroupId, outputs: &mut Outputs) {
        let rounds = self.groups.get(&id).map_or(0, |group| 2 * group.members.len() + 4);
        for _ in 0..rounds {
            let changed = self.settle_role(id, outputs);
            if !self.settle_members(now, id, outputs) && !changed {
                return;
            }
        }
        debug_assert!(false, "sync group {} does not settle", id.0);
    }

    fn settle_role(&mut self, id: GroupId, outputs: &mut Outputs) -> bool {
        let Some(group) = self.groups.get_mut(&id) else { return false };
        if group.members.is_empty() {
            return false;
        }
        let instances = &self.instances;
        for member in &mut group.members {
            let active = |router: &VirtualRouter| router.role() == Role::Active;
            if instances.get(&member.instance).is_some_and(active) {
                member.seat = crate::group::Seat::Full;
            }
        }
        let views = group
            .members
            .iter()
            .filter_map(|member| Some((member.seat, view(instances.get(&member.instance)?))));
        let (from, to) = (group.role, group.next_role(&views));
        let changed = group.enter(to);
        if changed {
            outputs.push(Output::Group { group: id, from, to });
        }
        changed
    }

    fn settle_members(&mut self, now: Instant, id: GroupId, outputs: &mut Outputs) -> bool {
        let Some(group) = self.groups.get(&id) else { return false };
        let commands: Vec<(InstanceId, Command)> = group
            .members
            .iter()
            .filter_map(|member| {
                let router = self.instances.get(&member.instance)?;
                Some((member.instance, group.command(view(router))?))
            })
            .collect();
        for (instance, command) in &commands {
            if let Some(router) = self.instances.get_mut(instance) {
                let actions = &mut Actions { instance: *instance, outputs };
                let reason = FaultReason::SyncGroup(id);
                match command {
                    Command::Fault => router.fault(now, reason, true, actions),
                    Command::Recover => router.fault(now, reason, false, actions),
                    Command::Yield => {
                        router.handle(now, Event::Yield(Cause::SyncGroup(id)), actions);
                    }
                    Command::Activate => router.handle(now, Event::Activate, actions),
                }
            }
            self.keep_time(*instance);
        }
        !commands.is_empty()
    }
}

fn view(router: &VirtualRouter) -> View {
    let dragged = |reason: FaultReason| matches!(reason, FaultReason::SyncGroup(_));
    View {
        role: router.role(),
        own_fault: router.faults().has_own(),
        dragged: router.faults().iter().any(dragged),
        wants_active: router.wants_active(),
    }
}
