//! The kernel's news about links and addresses, and what follows for instances.

use clock::Instant;
use config::model::{Instance, Proof};
use control::Severity;
use intent::{AddressKey, IfIndex};
use kernel::eventloop::{boot_time, wall_clock};
use kernel::observer::Event;
use kernel::process::{Privilege, may};
use std::cell::{OnceCell, RefCell};
use std::time::Duration;
use vrrp::{Debounce, FaultReason, Input, InstanceId};

use super::Shell;
use super::binding::{self, Binding, Facts, Host};
use super::holdings::Origin;
use super::learned::Learned;
use super::receive::Complaint;
use super::reload::Among;
use super::trackers::tracker_of;
use super::turn;
use crate::compat::narration;
use crate::log::with_silenced;

impl Shell {
    /// Reads the news that wait, and acts on what they change.
    pub(super) fn read_news(&mut self, now: Instant) {
        let mut changes = std::mem::take(&mut self.vmacs.news);
        if let Err(error) = self.observer.drain(&mut changes) {
            self.startup.log.push(Severity::Warning, error.to_string());
        }
        let mut gone = Vec::new();
        for change in changes {
            match change {
                Event::LinkAppeared(_) => self.looked.is_stale = true,
                Event::LinkChanged(index) => {
                    self.looked.is_stale = true;
                    self.put_back_on(now, index);
                }
                Event::LinkGone(link) => {
                    self.looked.is_stale = true;
                    // One that comes back with its old number or name is a new one: nothing is joined there,
                    // and nothing is held.
                    self.ports.abandon(link.index, &self.events);
                    self.tell_gone(now, &link.name);
                }
                Event::ForwardingChanged(index) => self.keep_forwarding(now, index),
                // Our own addresses come and go by our own doing; sources are chosen among the others.
                Event::AddressAdded(key) => {
                    self.tell_address(&key, true);
                    self.looked.is_stale |= !self.floating.contains(&key.address);
                    self.suspect_paths_with(now, &key);
                }
                Event::AddressRefused(key) => self.tell_refused(&key),
                Event::AddressGone(key) => {
                    self.tell_address(&key, false);
                    self.looked.is_stale |= !self.floating.contains(&key.address);
                    self.suspect_paths_without(now, &key);
                    gone.push(key);
                }
            }
        }
        if !gone.is_empty() {
            self.repair(now, &gone);
        }
    }

    /// Compares what the host says now with what the election was told, and tells it what is different.
    ///
    /// An Active instance may hold addresses on other links than its own: those that came take theirs.
    pub(super) fn look_around(&mut self, now: Instant) {
        self.looked.is_stale = false;
        self.see_links(now);
        if !self.vmacs.news.is_empty() {
            self.read_news(now);
        }
        // An interface that has another name now still sends: whoever resigns for it is heard.
        let lost = self.ids().into_iter().filter(|id| self.interface_is_missing(*id)).collect();
        self.look_at(now, lost);
        self.adopt_ports(now);
        self.look_at(now, self.ids());
        self.tell_trackers(now);
        self.reconcile(now, Among::ThoseElsewhere);
        self.conflicts.look_again();
        self.add_fixed(now);
        self.arrange_promotion(now);
        self.reconcile_paths(now);
        let took = kernel::eventloop::now().since(now);
        // Making links is news, too.
        let is_stale = !self.vmacs.news.is_empty();
        self.looked = Looked { is_stale, again: Some(now + took * 10 + PAUSE) };
    }

    /// Sees how the links are whose changes count later.
    fn see_links(&mut self, now: Instant) {
        let Self { debounced, observer, settled, .. } = self;
        let delays = &settled.global.link_delays;
        // A link that went is missing at once, and a new one when it comes back.
        debounced
            .retain(|name, _| delays.contains_key(name) && observer.link_named(name).is_some());
        for (name, delays) in delays {
            let Some(link) = observer.link_named(name) else { continue };
            let known = debounced.entry(name.clone());
            let known = known.or_insert_with(|| Debounce::new(*delays, link.running));
            known.adjust(*delays);
            known.see(now, link.running);
        }
    }

    /// When a change of a link counts.
    pub(super) fn links_due(&self) -> Option<Instant> {
        self.debounced.values().filter_map(Debounce::deadline).min()
    }

    fn ids(&self) -> Vec<InstanceId> {
        self.bindings.keys().copied().collect()
    }

    fn look_at(&mut self, now: Instant, ids: Vec<InstanceId>) {
        let facts = self.facts_of(ids.iter().filter_map(|id| self.settled.instances.get(id)));
        for (id, facts) in ids.into_iter().zip(facts) {
            self.tell_facts(now, id, &facts);
        }
    }

    fn interface_is_missing(&self, id: InstanceId) -> bool {
        let instance = self.settled.instances.get(&id);
        instance.is_some_and(|it| self.observer.link_named(&it.interface).is_none())
    }

    /// Tells that an interface went, even if one of its name is there again already.
    fn tell_gone(&mut self, now: Instant, name: &str) {
        for id in self.ids() {
            if self.settled.instances.get(&id).is_none_or(|instance| instance.interface != name) {
                continue;
            }
            let Some(binding) = self.bindings.get(&id) else { continue };
            let faults =
                binding.facts.faults.iter().chain([FaultReason::InterfaceMissing]).collect();
            let facts = Facts { faults, ..binding.facts.clone() };
            self.tell_facts(now, id, &facts);
        }
    }

    /// Sets addresses again that the kernel has taken away with the state of a link, as IPv6 ones.
    fn put_back_on(&mut self, now: Instant, link: IfIndex) {
        if self.observer.link(link).is_none_or(|link| !link.running) {
            return;
        }
        for (id, holding) in self.holdings.on(link) {
            if self.observer.address(&holding.address.key()).is_none() {
                self.work.set(id, holding, 1);
            }
        }
        self.suspect_paths_on(now, link);
    }

    /// Makes virtual MAC links, opens and closes sockets; what fails is tried again in a second.
    fn adopt_ports(&mut self, now: Instant) {
        self.arrange_vmacs(now);
        self.check_vrfs(now);
        let everything = self.settled.global.log_unknown_vrids;
        self.ports.arrange(&self.observer, &self.events, everything, &mut self.startup.log);
        let again = self.ports.has_problems() || self.vmacs.has_problems();
        self.retry_ports_at = again.then(|| now + RETRY);
    }

    /// Arranges ports, bindings and trackers for the configuration in force.
    pub(super) fn adopt(&mut self) {
        self.floating = binding::floating(self.settled.instances.values());
        self.patience = turn::patience(self.settled.instances.values());
        self.see_links(kernel::eventloop::now());
        self.arrange_sessions(kernel::eventloop::now());
        let is_timed = |it: &Instance| it.proof.as_deref().and_then(Proof::trailer).is_some();
        self.is_timed = self.settled.instances.values().any(is_timed);
        let instances = self.settled.instances.iter().map(|(id, instance)| (*id, instance));
        self.ports.assign(instances, &self.events);
        self.adopt_ports(kernel::eventloop::now());
        self.arrange_path_ear();
        self.announcer.follow(&self.settled.global, &self.observer);
        let Self { findings, roster, settled, .. } = self;
        // What comes back some day is found out anew.
        findings.retain(|watched, _| {
            let id = tracker_of(watched).and_then(|tracker| roster.tracked(&tracker));
            id.is_some_and(|id| settled.trackers.contains_key(&id))
        });
        self.trackers = self.tracker_states().into_iter().collect();
        let facts = self.facts_of(self.settled.instances.values());
        let mut former = std::mem::take(&mut self.bindings);
        let heard = &mut self.startup.options.handover.numbers;
        let bindings =
            self.settled.instances.iter().zip(facts).filter_map(|((id, instance), facts)| {
                let port = self.ports.number_of(instance)?;
                // What the election knows of an instance that stays is told as a difference, later.
                let (facts, learned) = match former.remove(id) {
                    Some(old) => (old.facts, old.learned),
                    None => (facts, Learned::resume(heard.remove(&instance.name))),
                };
                Some((*id, Binding::new(port, instance, facts, learned)))
            });
        self.bindings = bindings.collect();
    }

    /// Says that the system clock was set, where adverts carry the time.
    pub(super) fn watch_clock(&mut self) {
        if !self.is_timed {
            return;
        }
        let running = boot_time().since(Instant::ZERO);
        if let Some(step) = self.steps.watch(wall_clock(), running) {
            self.startup.log.push(Severity::Warning, narration::clock_step(step));
        }
    }

    /// The facts of instances, in their order.
    pub(super) fn facts_of<'i>(&self, instances: impl Iterator<Item = &'i Instance>) -> Vec<Facts> {
        let host = Host {
            observer: &self.observer,
            debounced: &self.debounced,
            ports: &self.ports,
            permitted: may(Privilege::NetAdmin) && may(Privilege::NetRaw),
            floating: &self.floating,
            sources: RefCell::default(),
            usable: OnceCell::new(),
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
            let Some(holding) = lost.into_iter().next() else { continue };
            let name = self.settled.instances.get(&instance).map_or("?", |it| it.name.as_str());
            let what = if holding.is_followed { "adding it again" } else { "nobody tracks it" };
            let text =
                format!("({name}) address {} was removed by somebody else: {what}", key.address);
            if let Some(silenced) = self.complaints.admit(now, &Complaint::Removed(instance)) {
                self.startup.log.push(Severity::Warning, with_silenced(text, silenced));
            }
            if holding.is_followed {
                self.work.set(instance, holding, 1);
            } else {
                self.holdings.leave_alone(instance, key);
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

/// When the host was looked at.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Something changed since.
    is_stale: bool,
    /// Not before then, so that a host whose links come and go by hundreds keeps us from nothing else.
    again: Option<Instant>,
}

impl Looked {
    /// Something changed.
    pub(super) const fn look_again(&mut self) {
        self.is_stale = true;
    }

    /// When to look again; none while nothing changed.
    pub(super) fn again_at(&self) -> Option<Instant> {
        self.is_stale.then(|| self.again.unwrap_or_default())
    }

    /// Whether to look now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.again_at().is_some_and(|at| at <= now)
    }
}

/// Least time between two looks at the host.
const PAUSE: Duration = Duration::from_millis(2);
/// The reasons that this process reports; the election finds the others itself.
const REPORTED: [FaultReason; 8] = [
    FaultReason::MissingPrivilege,
    FaultReason::InterfaceMissing,
    FaultReason::InterfaceDown,
    FaultReason::BaseInterfaceDown,
    FaultReason::VirtualLinkMissing,
    FaultReason::SourceMissing,
    FaultReason::SocketFailed,
    FaultReason::Configuration,
];
const RETRY: Duration = Duration::from_secs(1);
