//! What a host does with the outputs of its election, and what must hold after each input.

use std::time::Duration;

use vrrp::{Action, Effect, Input, InstanceId, Output, Received, Role};
use wire::{MaxAdvertiseInterval, Priority};

use super::{Lan, Packet, Sent};
use crate::host::Host;

impl Lan {
    pub(super) fn input(&mut self, place: usize, input: Input) {
        let Some(host) = self.hosts.get_mut(place) else { return };
        let Some(election) = &mut host.election else { return };
        let mut outputs = core::mem::take(&mut host.outputs);
        election.handle(self.now, input, &mut outputs);
        let mut failed = Vec::new();
        self.performed += outputs.len();
        for output in outputs.drain() {
            match output {
                Output::Instance { instance, action } => {
                    self.perform(place, instance, action, &mut failed);
                }
                Output::Group { group, from, to } => {
                    let who = format!("{} group {}", self.name(place), group.0);
                    self.timeline.moved(self.now, who, from, to, String::new());
                }
            }
        }
        if let Some(host) = self.hosts.get_mut(place) {
            host.outputs = outputs;
        }
        for (instance, what) in failed {
            self.input(place, Input::EffectFailed { instance, what });
        }
        self.check(place);
    }

    fn perform(
        &mut self,
        place: usize,
        instance: InstanceId,
        action: Action,
        failed: &mut Vec<(InstanceId, Effect)>,
    ) {
        match action {
            Action::Advertise { priority } => self.send(place, instance, priority),
            Action::Assume if self.failing == Some((place, Effect::Assume)) => {
                self.failing = None;
                failed.push((instance, Effect::Assume));
                self.at_place(place, |host| host.missing.insert(instance));
            }
            Action::Assume => self.at_place(place, |host| {
                host.missing.remove(&instance);
                host.held.insert(instance)
            }),
            Action::Release => self.at_place(place, |host| {
                host.missing.remove(&instance);
                host.held.remove(&instance)
            }),
            Action::Announce { count, reason } => {
                self.remark(place, instance, format!("announces {count} for {reason:?}"));
            }
            Action::Transitioned { from, to, cause } => {
                let who = self.who(place, instance);
                self.timeline.moved(self.now, who, from, to, cause.to_string());
            }
            Action::PriorityChanged { from, to } => {
                self.remark(place, instance, format!("priority {from} -> {to}"));
            }
            Action::Noticed(notice) => self.remark(place, instance, format!("{notice:?}")),
        }
    }

    fn at_place(&mut self, place: usize, act: impl FnOnce(&mut Host) -> bool) {
        if let Some(host) = self.hosts.get_mut(place) {
            act(host);
        }
    }

    fn send(&mut self, from: usize, instance: InstanceId, priority: Priority) {
        self.sent.push(Sent { at: self.now, host: from, instance, priority });
        let Some(host) = self.hosts.get(from) else { return };
        let Some(parameters) = host.instances.get(&instance) else { return };
        let advertisement = Received {
            source: host.source,
            priority,
            interval: MaxAdvertiseInterval::from_duration(
                parameters.version,
                parameters.advertisement_interval,
            ),
            addresses: parameters.addresses.clone(),
            waited: Duration::ZERO,
        };
        let vrid = parameters.vrid;
        for to in 0..self.hosts.len() {
            if to == from || !self.reaches(from, to) || self.dice.below(1000) < self.loss {
                continue;
            }
            let jitter = u64::try_from(self.jitter.as_nanos()).unwrap_or(u64::MAX);
            let extra = Duration::from_nanos(self.dice.below(jitter));
            let arrival = self.now + self.latency + extra;
            self.sequence += 1;
            let advertisement = advertisement.clone();
            self.air.insert((arrival, self.sequence), Packet { from, to, vrid, advertisement });
        }
    }

    /// What must hold after every input: addresses exactly while Active (where adding them did not
    /// fail), and members of a sync group where the group is.
    fn check(&self, place: usize) {
        let Some(host) = self.hosts.get(place) else { return };
        let Some(election) = &host.election else { return };
        for id in host.instances.keys() {
            let role = election.role(*id);
            let held = host.held.contains(id);
            assert!(
                held == (role == Some(Role::Active) && !host.missing.contains(id)),
                "{}: {role:?} and holds its addresses: {held}\n{}",
                self.who(place, *id),
                self.chronicle()
            );
        }
        if host.groups.is_empty() {
            return;
        }
        for group in election.snapshot().groups.values() {
            let roles: Vec<Option<Role>> =
                group.members.iter().map(|member| election.role(*member)).collect();
            let strays = roles.iter().flatten().any(|role| match group.role {
                Role::Initialize | Role::Fault => *role != group.role,
                Role::Backup => *role != Role::Backup,
                // A member that joined an Active group by reload is Backup until its timer fires.
                Role::Active => !matches!(role, Role::Active | Role::Backup),
            });
            assert!(!strays, "{}: {} with {roles:?}\n{}", host.name, group.role, self.chronicle());
        }
    }

    fn remark(&mut self, place: usize, instance: InstanceId, text: String) {
        let who = self.who(place, instance);
        self.timeline.remarked(self.now, who, text);
    }

    fn name(&self, place: usize) -> &str {
        self.hosts.get(place).map_or("?", |host| &host.name)
    }

    /// The host alone where it has one instance.
    fn who(&self, place: usize, instance: InstanceId) -> String {
        match self.hosts.get(place) {
            Some(host) if host.instances.len() > 1 => format!("{}.{}", host.name, instance.0),
            Some(host) => host.name.clone(),
            None => "?".to_owned(),
        }
    }
}
