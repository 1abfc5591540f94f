//! Doing what the election decided: advertisements first, then addresses and their announcements, then the log.

use std::net::IpAddr;
use std::ops::Range;

use clock::Instant;
use control::Severity;
use intent::{Address, AddressKey};
use kernel::netlink::NetlinkError;
use kernel::socket::Sending;
use vrrp::{Action, Effect, FaultSet, Input, InstanceId, Output, Outputs};
use wire::Priority;

use super::Shell;
use super::holdings::{self, Holding, Origin};
use super::names::Known;
use super::ports::PortId;
use super::receive::Complaint;
use crate::compat::narration;
use crate::log::with_silenced;

/// Room for the packets of one turn, used again and again.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    bytes: Vec<u8>,
    packets: Vec<Outgoing>,
    identification: u16,
}

#[derive(Debug)]
struct Outgoing {
    port: PortId,
    instance: InstanceId,
    bytes: Range<usize>,
    source: IpAddr,
    destination: IpAddr,
}

/// Something to do with addresses.
enum Step {
    Assume(InstanceId),
    Release(InstanceId),
    Announce(InstanceId, u32),
}

impl Step {
    fn of(output: &Output) -> Option<Self> {
        let Output::Instance { instance, action } = output else { return None };
        match action {
            Action::Assume => Some(Self::Assume(*instance)),
            Action::Release => Some(Self::Release(*instance)),
            Action::Announce { count, .. } => Some(Self::Announce(*instance, *count)),
            Action::Advertise { .. }
            | Action::Transitioned { .. }
            | Action::PriorityChanged { .. }
            | Action::Noticed(_) => None,
        }
    }
}

impl Shell {
    /// Hands one input to the election and performs what follows, completely.
    pub(super) fn feed(&mut self, now: Instant, input: Input) {
        self.election.handle(now, input, &mut self.outputs);
        while !self.outputs.is_empty() {
            let outputs = std::mem::take(&mut self.outputs);
            let mut failed = Vec::new();
            self.advertise(&outputs, &mut failed);
            self.move_addresses(now, &outputs, &mut failed);
            self.narrate(now, &outputs);
            self.outputs = outputs;
            self.outputs.clear();
            for (instance, what) in failed {
                let input = Input::EffectFailed { instance, what };
                self.election.handle(now, input, &mut self.outputs);
            }
        }
    }

    /// What the election is to be told of an instance that comes.
    pub(super) fn known(&self, id: InstanceId) -> (Option<IpAddr>, FaultSet) {
        let facts = self.bindings.get(&id).map(|binding| binding.facts.clone()).unwrap_or_default();
        (facts.source, facts.faults)
    }

    /// Sends the advertisements of one turn, those of a port in one call.
    fn advertise(&mut self, outputs: &Outputs, failed: &mut Vec<(InstanceId, Effect)>) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.bytes.clear();
        scratch.packets.clear();
        for output in outputs {
            if let Output::Instance { instance, action: Action::Advertise { priority } } = output {
                self.lay_out(&mut scratch, *instance, *priority, failed);
            }
        }
        // Stable: packets of one instance stay in order.
        scratch.packets.sort_by_key(|packet| packet.port);
        for packets in scratch.packets.chunk_by(|one, other| one.port == other.port) {
            self.send(&scratch.bytes, packets, failed);
        }
        self.scratch = scratch;
    }

    fn lay_out(
        &mut self,
        scratch: &mut Scratch,
        instance: InstanceId,
        priority: Priority,
        failed: &mut Vec<(InstanceId, Effect)>,
    ) {
        let Some(binding) = self.bindings.get_mut(&instance) else { return };
        let (port, source) = (binding.port, binding.facts.source);
        let Some(source) = source.filter(|_| !binding.packets.is_empty()) else {
            // An instance without an address to send from is in Fault, and resigns to nobody.
            if priority != Priority::RESIGN {
                failed.push((instance, Effect::Advertise));
            }
            return;
        };
        for (destination, prepared) in &mut binding.packets {
            if prepared.priority() != priority {
                prepared.set_priority(priority);
            }
            scratch.identification = scratch.identification.wrapping_add(1);
            prepared.set_identification(scratch.identification.max(1));
            let start = scratch.bytes.len();
            scratch.bytes.extend_from_slice(prepared.as_bytes());
            scratch.packets.push(Outgoing {
                port,
                instance,
                bytes: start..scratch.bytes.len(),
                source,
                destination: *destination,
            });
        }
    }

    fn send(&mut self, bytes: &[u8], packets: &[Outgoing], failed: &mut Vec<(InstanceId, Effect)>) {
        let Some(first) = packets.first() else { return };
        let Some(open) = self.ports.get(first.port).and_then(|port| port.open.as_ref()) else {
            failed.extend(packets.iter().map(|packet| (packet.instance, Effect::Advertise)));
            return;
        };
        let sendings: Vec<Sending<'_>> = packets
            .iter()
            .map(|packet| Sending {
                bytes: bytes.get(packet.bytes.clone()).unwrap_or_default(),
                source: packet.source,
                destination: packet.destination,
            })
            .collect();
        let mut done = 0;
        let mut refusals = Vec::new();
        while let Some(rest) = sendings.get(done..).filter(|rest| !rest.is_empty()) {
            let (sent, refusal) = open.send.send(rest);
            done += sent;
            let Some(error) = refusal else {
                if sent == 0 {
                    break;
                }
                continue;
            };
            // A peer that cannot be reached does not keep the others from hearing us.
            if let Some(packet) = packets.get(done) {
                refusals.push((packet.instance, packet.destination, error));
            }
            done += 1;
        }
        let now = kernel::eventloop::now();
        for (instance, destination, error) in refusals {
            failed.push((instance, Effect::Advertise));
            self.complain(
                now,
                instance,
                "advertise",
                &format!("cannot send to {destination}: {error}"),
            );
        }
    }

    /// Assumes, releases and announces in order; what may be done together is.
    fn move_addresses(
        &mut self,
        now: Instant,
        outputs: &Outputs,
        failed: &mut Vec<(InstanceId, Effect)>,
    ) {
        let steps: Vec<Step> = outputs.iter().filter_map(Step::of).collect();
        if !steps.is_empty() {
            self.conflicts.look_again();
        }
        let mut index = 0;
        while let Some(step) = steps.get(index) {
            index += 1;
            match step {
                Step::Release(first) => {
                    let mut instances = vec![*first];
                    while let Some(Step::Release(next)) = steps.get(index) {
                        instances.push(*next);
                        index += 1;
                    }
                    self.release(&instances, failed);
                }
                Step::Announce(instance, count) => self.announce(now, *instance, *count, failed),
                Step::Assume(first) => {
                    // Each that becomes Active assumes and announces: many of them go together.
                    let mut instances = vec![(*first, 0)];
                    loop {
                        match (steps.get(index), instances.last_mut()) {
                            (Some(Step::Assume(next)), _) => instances.push((*next, 0)),
                            (Some(Step::Announce(same, count)), Some((last, announced)))
                                if *same == *last && *announced == 0 =>
                            {
                                *announced = *count;
                            }
                            _ => break,
                        }
                        index += 1;
                    }
                    self.assume(now, &instances, failed);
                }
            }
        }
    }

    fn assume(
        &mut self,
        now: Instant,
        instances: &[(InstanceId, u32)],
        failed: &mut Vec<(InstanceId, Effect)>,
    ) {
        let mut work: Vec<(InstanceId, u32, Holding)> = Vec::new();
        for (id, count) in instances {
            let Some(instance) = self.settled.instances.get(id) else { continue };
            let down = holdings::active_down(&instance.parameters);
            let lease = holdings::lease(instance, down);
            let (wanted, missing) = holdings::wanted(instance, lease, &self.observer);
            for device in missing {
                let text = format!("no interface {device} for a virtual address");
                self.complain(now, *id, "assume", &text);
            }
            work.extend(wanted.iter().map(|holding| (*id, *count, holding.clone())));
            self.holdings.take(now, *id, wanted);
        }
        // The first addresses are announced before the last are set.
        let mut rest = work.as_slice();
        let mut size = FIRST_BATCH;
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(size.min(rest.len()));
            self.set(batch, failed);
            for group in batch.chunk_by(|one, other| one.0 == other.0) {
                let Some((id, count, _)) = group.first() else { continue };
                let holdings: Vec<Holding> = group.iter().map(|it| it.2.clone()).collect();
                if *count > 0
                    && !self.announcer.announce(now, *id, &holdings, *count, &self.observer)
                {
                    failed.push((*id, Effect::Announce));
                }
            }
            rest = later;
            size = (size * 2).min(BATCH);
        }
    }

    /// Sets addresses that a reload added to an Active instance, and announces them.
    pub(super) fn set_and_announce(&mut self, now: Instant, id: InstanceId, news: &[Holding]) {
        let work: Vec<(InstanceId, u32, Holding)> =
            news.iter().map(|holding| (id, 1, holding.clone())).collect();
        let mut failed = Vec::new();
        self.set(&work, &mut failed);
        let count = self
            .settled
            .instances
            .get(&id)
            .map_or(1, |instance| instance.parameters.announce.repeat);
        self.announcer.announce(now, id, news, count, &self.observer);
        for (instance, what) in failed {
            self.feed(now, Input::EffectFailed { instance, what });
        }
    }

    /// Sets addresses; one that is refused is said, and its instance asks again.
    fn set(
        &mut self,
        batch: &[(InstanceId, u32, Holding)],
        failed: &mut Vec<(InstanceId, Effect)>,
    ) {
        let ours: Vec<(InstanceId, Address)> = batch
            .iter()
            .filter(|(_, _, holding)| holding.origin == Origin::Ours)
            .map(|(id, _, holding)| (*id, holding.address.clone()))
            .collect();
        let addresses: Vec<Address> = ours.iter().map(|(_, address)| address.clone()).collect();
        let results = self.holdings.requests.set_addresses(&addresses);
        let now = kernel::eventloop::now();
        for ((id, address), result) in ours.into_iter().zip(results) {
            if let Err(error) = result {
                if !failed.contains(&(id, Effect::Assume)) {
                    failed.push((id, Effect::Assume));
                }
                self.complain(
                    now,
                    id,
                    "assume",
                    &format!("cannot add {}: {error}", address.address),
                );
            }
        }
    }

    fn release(&mut self, instances: &[InstanceId], failed: &mut Vec<(InstanceId, Effect)>) {
        let mut surplus: Vec<(InstanceId, AddressKey)> = Vec::new();
        for instance in instances {
            self.announcer.forget(*instance);
            surplus.extend(self.holdings.leave(*instance).into_iter().map(|key| (*instance, key)));
        }
        if self.startup.options.keep_addresses && self.ending {
            return;
        }
        let keys: Vec<AddressKey> = surplus.iter().map(|(_, key)| *key).collect();
        let results = self.holdings.requests.remove_addresses(&keys);
        let now = kernel::eventloop::now();
        for ((id, key), result) in surplus.into_iter().zip(results) {
            if let Err(error) = result {
                failed.push((id, Effect::Release));
                self.complain(
                    now,
                    id,
                    "release",
                    &format!("cannot remove {}: {error}", key.address),
                );
            }
        }
    }

    fn announce(
        &mut self,
        now: Instant,
        instance: InstanceId,
        count: u32,
        failed: &mut Vec<(InstanceId, Effect)>,
    ) {
        let held = self.holdings.of(instance);
        if !self.announcer.announce(now, instance, held, count, &self.observer) {
            failed.push((instance, Effect::Announce));
        }
    }

    /// Renews the leases that are due.
    pub(super) fn renew_leases(&mut self, now: Instant) {
        if self.holdings.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        let failures: Vec<(InstanceId, NetlinkError)> = self.holdings.renew(now);
        for (instance, error) in failures {
            self.complain(now, instance, "renew", &format!("cannot renew an address: {error}"));
        }
    }

    /// Says what went wrong for an instance, not too often.
    pub(super) fn complain(
        &mut self,
        now: Instant,
        id: InstanceId,
        what: &'static str,
        text: &str,
    ) {
        let Some(silenced) = self.complaints.admit(now, &Complaint::Failed(id, what)) else {
            return;
        };
        let name = self.settled.instances.get(&id).map_or("?", |instance| instance.name.as_str());
        let text = with_silenced(format!("({name}) {text}"), silenced);
        self.startup.log.push(Severity::Warning, text);
    }

    fn narrate(&mut self, now: Instant, outputs: &Outputs) {
        let names = Known { settled: &self.settled, former: self.former.as_ref() };
        for output in outputs {
            let Some(line) = narration::line(output, &names) else { continue };
            let (severity, mut text) = (line.severity, line.text);
            if let Output::Instance { instance, action: Action::Noticed(notice) } = output {
                let key = Complaint::Noticed(*instance, narration::topic(notice));
                let Some(silenced) = self.complaints.admit(now, &key) else { continue };
                text = with_silenced(text, silenced);
            }
            if line.detail {
                self.startup.log.detail(|| text);
                continue;
            }
            self.startup.log.push(severity, text);
        }
    }
}

/// Addresses that are set before the first is announced.
const FIRST_BATCH: usize = 8;
/// Addresses that are set together: more would not be faster.
const BATCH: usize = 64;
