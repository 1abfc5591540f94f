//! The kernel's news about links and addresses, and what follows for instances.

use clock::Instant;
use config::model::{Instance, Tracker};
use control::Severity;
use intent::AddressKey;
use kernel::observer::Event;
use kernel::process::{Privilege, may};
use std::time::Duration;
use vrrp::{FaultReason, Input, InstanceId, TrackerState};

use super::Shell;
use super::binding::{self, Binding, Facts, Host};
use super::holdings::{self, Origin};
use super::receive::Complaint;
use crate::log::with_silenced;

impl Shell {
    /// Reads the news that wait, and acts on what they change.
    pub(super) fn read_news(&mut self, now: Instant) {
        let mut changes = Vec::new();
        if let Err(error) = self.observer.drain(&mut changes) {
            self.startup.log.push(Severity::Warning, error.to_string());
        }
        let mut links = false;
        let mut gone = Vec::new();
        for change in changes {
            match change {
                Event::LinkAppeared(_) | Event::LinkChanged(_) => links = true,
                Event::LinkGone(link) => {
                    // One that comes back with its old number is a new one: nothing is joined there.
                    self.ports.abandon(link.index, &self.events);
                    links = true;
                }
                // Our own addresses come and go by our own doing; sources are chosen among the others.
                Event::AddressAdded(key) => links |= !self.floating.contains(&key.address),
                Event::AddressGone(key) => {
                    links |= !self.floating.contains(&key.address);
                    gone.push(key);
                }
            }
        }
        if links {
            self.look_around(now);
        }
        if !gone.is_empty() {
            self.repair(now, &gone);
        }
    }

    /// Compares what the host says now with what the election was told, and tells it what is different.
    ///
    /// An Active instance may hold addresses on other links than its own: those that came take theirs.
    pub(super) fn look_around(&mut self, now: Instant) {
        self.adopt_ports(now);
        let ids: Vec<InstanceId> = self.bindings.keys().copied().collect();
        let facts = self.facts_of(ids.iter().filter_map(|id| self.settled.instances.get(id)));
        for (id, facts) in ids.into_iter().zip(facts) {
            self.tell_facts(now, id, &facts);
        }
        for (tracker, state) in self.tracker_states() {
            if self.trackers.insert(tracker, state) != Some(state) {
                self.feed(now, Input::Tracker { tracker, state });
            }
        }
        self.reconcile(now);
        self.conflicts.look_again();
        self.add_fixed();
    }

    /// Opens and closes sockets; those that fail are tried again in a second.
    fn adopt_ports(&mut self, now: Instant) {
        let everything = self.settled.global.log_unknown_vrids;
        self.ports.arrange(&self.observer, &self.events, everything, &mut self.startup.log);
        self.retry_ports_at = self.ports.has_problems().then(|| now + RETRY);
    }

    /// Arranges ports, bindings and trackers for the configuration in force.
    pub(super) fn adopt(&mut self) {
        self.floating = binding::floating(self.settled.instances.values());
        let instances = self.settled.instances.iter().map(|(id, instance)| (*id, instance));
        self.ports.assign(instances, &self.events);
        self.adopt_ports(kernel::eventloop::now());
        let global = &self.settled.global;
        self.announcer.set_intervals(global.garp_interval, global.gna_interval);
        self.trackers = self.tracker_states().into_iter().collect();
        let facts = self.facts_of(self.settled.instances.values());
        let mut bindings = std::collections::BTreeMap::new();
        for ((id, instance), facts) in self.settled.instances.iter().zip(facts) {
            let Some(port) = self.ports.number_of(instance) else { continue };
            // What the election knows of an instance that stays is told as a difference, later.
            let facts = self.bindings.get(id).map_or(facts, |old| old.facts.clone());
            bindings.insert(*id, Binding::new(port, instance, facts));
        }
        self.bindings = bindings;
    }

    /// The facts of instances, in their order.
    pub(super) fn facts_of<'i>(&self, instances: impl Iterator<Item = &'i Instance>) -> Vec<Facts> {
        let host = Host {
            observer: &self.observer,
            ports: &self.ports,
            permitted: may(Privilege::NetAdmin) && may(Privilege::NetRaw),
            floating: &self.floating,
        };
        instances.map(|instance| host.facts(instance)).collect()
    }

    fn tell_facts(&mut self, now: Instant, id: InstanceId, facts: &Facts) {
        let Some(binding) = self.bindings.get(&id) else { return };
        if binding.facts == *facts {
            return;
        }
        let before = binding.facts.clone();
        // What came comes before what went: an instance leaves Fault only once all is well.
        for reason in REPORTED {
            if facts.faults.contains(reason) && !before.faults.contains(reason) {
                self.feed(now, Input::Fault { instance: id, reason, present: true });
            }
        }
        let moved = before.source != facts.source;
        let source = Input::Source { instance: id, address: facts.source };
        if moved && facts.source.is_none() {
            // Whoever resigns for it still sends from the address that went: the others shall hear of it.
            self.feed(now, source.clone());
        }
        if let (Some(binding), Some(instance)) =
            (self.bindings.get_mut(&id), self.settled.instances.get(&id))
        {
            binding.facts = facts.clone();
            if moved {
                binding.prepare(instance);
            }
        }
        if moved && facts.source.is_some() {
            self.feed(now, source);
        }
        for reason in REPORTED {
            if !facts.faults.contains(reason) && before.faults.contains(reason) {
                self.feed(now, Input::Fault { instance: id, reason, present: false });
            }
        }
    }

    pub(super) fn tracker_states(&self) -> Vec<(vrrp::TrackerId, TrackerState)> {
        let state = |Tracker::Interface(name): &Tracker| {
            let running = self.observer.link_named(name).is_some_and(|link| link.running);
            if running { TrackerState::Up } else { TrackerState::Down }
        };
        self.settled.trackers.iter().map(|(id, tracker)| (*id, state(tracker))).collect()
    }

    /// Puts addresses back that somebody took away while their instance is Active.
    fn repair(&mut self, now: Instant, gone: &[AddressKey]) {
        for key in gone {
            let Some(instance) = self.holdings.owner(key) else { continue };
            // It may be there again already, as after a flap within one turn.
            if self.observer.address(key).is_some() {
                continue;
            }
            let lost: Vec<_> = self
                .holdings
                .of(instance)
                .iter()
                .filter(|holding| holding.address.key() == *key && holding.origin == Origin::Ours)
                .cloned()
                .collect();
            if self.observer.link(key.interface).is_none_or(|link| !link.running) {
                continue; // the link went with it, which is a fault of its own
            }
            let Some(holding) = lost.first() else { continue };
            let name = self.settled.instances.get(&instance).map_or("?", |it| it.name.as_str());
            let outcome =
                self.holdings.requests.set_addresses(std::slice::from_ref(&holding.address));
            let failed = outcome.into_iter().find_map(Result::err);
            let what = match &failed {
                None => "was removed by somebody else: added again".to_owned(),
                Some(error) => {
                    format!("was removed by somebody else, and adding it failed: {error}")
                }
            };
            let text = format!("({name}) address {} {what}", key.address);
            if let Some(silenced) = self.complaints.admit(now, &Complaint::Removed(instance)) {
                self.startup.log.push(Severity::Warning, with_silenced(text, silenced));
            }
            if failed.is_none() {
                self.announcer.announce(now, instance, &lost, 1, &self.observer);
            }
        }
    }

    /// Adds static addresses that are missing.
    pub(super) fn add_fixed(&mut self) {
        let mut missing = Vec::new();
        for line in &self.settled.static_addresses {
            let Some(device) = &line.device else { continue };
            let Some(link) = self.observer.link_named(device) else { continue };
            let address = holdings::installed(line, link.index, None);
            // IPv6 holds an address once, whatever the prefix.
            let mut standing = self.observer.standing(link.index, line.address);
            if !standing.any(|it| it.prefix == line.prefix || line.address.is_ipv6()) {
                missing.push(address);
            }
        }
        let results = self.holdings.requests.set_addresses(&missing);
        for (address, result) in missing.iter().zip(results) {
            match result {
                Ok(()) if self.fixed.contains(&address.key()) => {}
                Ok(()) => self.fixed.push(address.key()),
                Err(error) => self.startup.log.push(
                    Severity::Warning,
                    format!("static address {}: {error}", address.address),
                ),
            }
        }
    }

    /// Removes addresses; what cannot be removed is said.
    pub(super) fn report_removals(&mut self, keys: &[AddressKey]) {
        let results = self.holdings.requests.remove_addresses(keys);
        for (key, result) in keys.iter().zip(results) {
            if let Err(error) = result {
                self.startup.log.push(Severity::Warning, format!("{}: {error}", key.address));
            }
        }
    }
}

/// The reasons that this process reports; the election finds the others itself.
const REPORTED: [FaultReason; 5] = [
    FaultReason::MissingPrivilege,
    FaultReason::InterfaceMissing,
    FaultReason::InterfaceDown,
    FaultReason::SocketFailed,
    FaultReason::Configuration,
];
const RETRY: Duration = Duration::from_secs(1);
