//! What a story does to the LAN and its hosts.

use std::collections::VecDeque;
use std::time::Duration;

use vrrp::{Change, Effect, FaultReason, Input, InstanceId, TrackerId, TrackerState};

use super::Lan;
use crate::host::{Host, Sleep};

impl Lan {
    /// Switches a host on; an election that runs is forgotten.
    pub fn start(&mut self, name: &str) {
        self.note(name, "started");
        self.boot(self.place(name));
    }

    /// Switches a host off without a word.
    pub fn crash(&mut self, name: &str) {
        self.note(name, "crashed");
        self.with(name, |host| {
            host.election = None;
            host.asleep = None;
            host.held.clear();
            host.missing.clear();
        });
    }

    /// Stops the election of a host in order.
    pub fn stop(&mut self, name: &str) {
        self.input(self.place(name), Input::Shutdown);
    }

    /// Cuts a host off behind its switch: it does not notice.
    pub fn unplug(&mut self, name: &str) {
        self.note(name, "unplugged");
        self.with(name, |host| host.plugged = false);
    }

    /// Ends that.
    pub fn plug(&mut self, name: &str) {
        self.note(name, "plugged");
        self.with(name, |host| host.plugged = true);
    }

    /// Takes the interface of a host down: it notices.
    pub fn link_down(&mut self, name: &str) {
        self.unplug_noticed(name, "link down", true);
    }

    /// Ends that.
    pub fn link_up(&mut self, name: &str) {
        self.unplug_noticed(name, "link up", false);
    }

    /// Raises or clears a reason for Fault of one instance.
    pub fn fault(&mut self, name: &str, instance: u32, reason: FaultReason, present: bool) {
        let verb = if present { "has fault" } else { "has no longer fault" };
        self.note(name, &format!("{verb}: {reason}"));
        let instance = InstanceId(instance);
        self.input(self.place(name), Input::Fault { instance, reason, present });
    }

    /// Changes a watched thing of a host.
    pub fn track(&mut self, name: &str, tracker: u32, state: TrackerState) {
        self.note(name, &format!("tracker {tracker} {state:?}"));
        let tracker = TrackerId(tracker);
        self.with(name, |host| {
            host.trackers.insert(tracker, state);
        });
        self.input(self.place(name), Input::Tracker { tracker, state });
    }

    /// Splits the LAN: the named hosts hear only each other, the others too.
    pub fn partition(&mut self, names: &[&str]) {
        self.timeline.intervened(format!("{} apart from the rest", names.join(", ")));
        for host in &mut self.hosts {
            host.side = u8::from(names.contains(&host.name.as_str()));
        }
    }

    /// Ends every partition.
    pub fn heal(&mut self) {
        self.timeline.intervened("healed".to_owned());
        for host in &mut self.hosts {
            host.side = 0;
        }
    }

    /// The process of a host does not run for `span`; its sockets keep what arrives.
    pub fn stall(&mut self, name: &str, span: Duration) {
        self.sleep(name, "stalled", span, true);
    }

    /// The whole host does not run for `span`; what is sent meanwhile is lost.
    pub fn suspend(&mut self, name: &str, span: Duration) {
        self.sleep(name, "suspended", span, false);
    }

    /// Gives a host the configuration of `wanted`; its name and address stay.
    pub fn reload(&mut self, name: &str, wanted: Host) {
        self.note(name, "reloaded");
        let place = self.place(name);
        let Some(host) = self.hosts.get_mut(place) else { return };
        let plan = host.plan_towards(&wanted);
        let kept = host.instances.clone();
        host.instances = wanted.instances;
        host.groups = wanted.groups;
        host.trackers = wanted.trackers;
        // Outputs of an instance that goes still need what it was.
        for (id, parameters) in kept {
            host.instances.entry(id).or_insert(parameters);
        }
        self.input(place, Input::Reconfigure(plan.clone()));
        if let Some(host) = self.hosts.get_mut(place) {
            host.instances.retain(|id, _| plan.instances.get(id) != Some(&Change::Remove));
        }
    }

    /// The next such effect of a host fails.
    pub fn fail_next(&mut self, name: &str, effect: Effect) {
        self.note(name, &format!("will fail to {effect:?}"));
        self.failing = Some((self.place(name), effect));
    }

    fn unplug_noticed(&mut self, name: &str, what: &str, down: bool) {
        self.note(name, what);
        let place = self.place(name);
        let reason = FaultReason::InterfaceDown;
        let instances: Vec<InstanceId> = self
            .hosts
            .get(place)
            .map(|host| host.instances.keys().copied().collect())
            .unwrap_or_default();
        self.with(name, |host| host.plugged = !down);
        for instance in instances {
            self.input(place, Input::Fault { instance, reason, present: down });
        }
    }

    fn sleep(&mut self, name: &str, how: &str, span: Duration, hears: bool) {
        self.note(name, &format!("{how} for {span:?}"));
        let (since, until) = (self.now, self.now + span);
        let backlog = VecDeque::new();
        self.with(name, |host| host.asleep = Some(Sleep { since, until, hears, backlog }));
    }

    fn note(&mut self, name: &str, what: &str) {
        self.timeline.intervened(format!("{name} {what}"));
    }

    fn with(&mut self, name: &str, act: impl FnOnce(&mut Host)) {
        let place = self.place(name);
        if let Some(host) = self.hosts.get_mut(place) {
            act(host);
        }
    }

    pub(super) fn boot(&mut self, place: usize) {
        if let Some(host) = self.hosts.get_mut(place) {
            host.boot(self.now);
        }
        self.input(place, Input::Startup);
    }
}
