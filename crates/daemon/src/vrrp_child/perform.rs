//! Doing what the election decided: advertisements first, then addresses and their announcements, then the log.

use std::net::IpAddr;
use std::ops::Range;
use std::time::Duration;

use clock::Instant;
use config::model::Proof;
use control::Severity;
use kernel::eventloop::wall_clock;
use kernel::socket::Sending;
use vrrp::{Action, Effect, FaultSet, Input, InstanceId, Output, Outputs};
use wire::Priority;
use wire::vrrp::{Seal, sign};

use super::Shell;
use super::advert::Outbound;
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

impl Scratch {
    /// Keeps what a burst of advertisements needs, not what thousands of instances need that move together.
    fn give_back(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(USUAL_BYTES);
        self.packets.clear();
        self.packets.shrink_to(USUAL_PACKETS);
    }
}

#[derive(Debug)]
struct Outgoing {
    port: PortId,
    instance: InstanceId,
    bytes: Range<usize>,
    source: IpAddr,
    destination: IpAddr,
    hop_limit: u8,
}

impl Shell {
    /// Hands one input to the election and performs what follows, completely.
    pub(super) fn feed(&mut self, now: Instant, input: Input) {
        self.election.handle(now, input, &mut self.outputs);
        while !self.outputs.is_empty() {
            let outputs = std::mem::take(&mut self.outputs);
            let mut failed = Vec::new();
            self.advertise(&outputs, &mut failed);
            self.queue(now, &outputs);
            self.holdings.pack();
            failed.extend(self.work_off_first(now));
            self.narrate(now, &outputs);
            self.note_outputs(now, &outputs);
            self.outputs = outputs;
            self.outputs.clear();
            for (instance, what) in failed {
                let input = Input::EffectFailed { instance, what };
                self.election.handle(now, input, &mut self.outputs);
            }
        }
    }

    /// The first batch is done at once; the loop goes on with the rest.
    fn work_off_first(&mut self, now: Instant) -> Vec<(InstanceId, Effect)> {
        if self.work.is_urgent() { self.work_off(now) } else { Vec::new() }
    }

    /// What the election is to be told of an instance that comes.
    pub(super) fn known(&self, id: InstanceId) -> (Option<IpAddr>, FaultSet) {
        let facts = self.bindings.get(&id).map(|binding| binding.facts.clone()).unwrap_or_default();
        (facts.source, facts.faults)
    }

    /// Sends the advertisements of one turn, those of a port in one call.
    fn advertise(&mut self, outputs: &Outputs, failed: &mut Vec<(InstanceId, Effect)>) {
        let mut scratch = std::mem::take(&mut self.scratch);
        let unix = wall_clock();
        for output in outputs {
            if let Output::Instance { instance, action: Action::Advertise { priority } } = output {
                self.lay_out(unix, &mut scratch, *instance, *priority, failed);
            }
        }
        // Stable: packets of one instance stay in order.
        scratch.packets.sort_by_key(|packet| packet.port);
        for packets in scratch.packets.chunk_by(|one, other| one.port == other.port) {
            self.send(&scratch.bytes, packets, failed);
        }
        scratch.give_back();
        self.scratch = scratch;
    }

    fn lay_out(
        &mut self,
        unix: Duration,
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
        let proof = self.settled.instances.get(&instance).and_then(|it| it.proof.as_deref());
        let header =
            proof.and_then(Proof::header).map(|key| (key, binding.learned.sequence.advance(unix)));
        let trailer = proof.and_then(Proof::trailer);
        let trailer = trailer.and_then(|it| Some((it.sending()?, it.window)));
        let seal_with =
            trailer.map(|(key, window)| (key, binding.learned.stamps.advance(unix, window)));
        // Made for the first destination, and the same for all.
        let mut seal = None;
        for Outbound { destination, hop_limit, prepared } in &mut binding.packets {
            if prepared.priority() != priority {
                prepared.set_priority(priority);
            }
            scratch.identification = scratch.identification.wrapping_add(1);
            prepared.set_identification(scratch.identification.max(1));
            let start = scratch.bytes.len();
            scratch.bytes.extend_from_slice(prepared.as_bytes());
            let message = start.saturating_add(prepared.start());
            if let (Some(((id, key), stamp)), Some(message)) =
                (seal_with, scratch.bytes.get_mut(message..))
            {
                seal = seal.or_else(|| Seal::new(message, source, id, key, stamp));
                if let Some(seal) = seal {
                    seal.put(message);
                }
            }
            if let (Some((key, number)), Some(datagram)) = (header, scratch.bytes.get_mut(start..))
            {
                sign(datagram, key, number);
            }
            scratch.packets.push(Outgoing {
                port,
                instance,
                bytes: start..scratch.bytes.len(),
                source,
                destination: *destination,
                hop_limit: *hop_limit,
            });
        }
    }

    fn send(&mut self, bytes: &[u8], packets: &[Outgoing], failed: &mut Vec<(InstanceId, Effect)>) {
        let Some(first) = packets.first() else { return };
        let Some(open) = self.ports.get(first.port).and_then(|port| port.open.as_ref()) else {
            failed.extend(packets.iter().map(|packet| (packet.instance, Effect::Advertise)));
            return;
        };
        let sending = |packet: &Outgoing| Sending {
            bytes: bytes.get(packet.bytes.clone()).unwrap_or_default(),
            source: packet.source,
            destination: packet.destination,
            hop_limit: packet.hop_limit,
        };
        let now = kernel::eventloop::now();
        let mut done = 0;
        let mut refusals = Vec::new();
        while let Some(rest) = packets.get(done..).filter(|rest| !rest.is_empty()) {
            let (sent, refusal) = open.send.send(rest.iter().map(sending));
            if let Some(heard) = packets.get(done..done.saturating_add(sent)) {
                // One peer that hears it is enough to be Active by.
                for packet in heard {
                    self.walls.advertised(now, packet.instance);
                }
            }
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
        for output in outputs {
            self.tell_changes(now, output);
        }
        let names = Known {
            settled: &self.settled,
            former: self.former.as_ref(),
            trackers: &self.trackers,
        };
        for output in outputs {
            if let Output::Instance { instance, action: Action::Transitioned { .. } } = output {
                self.summary = None;
                if let Some(binding) = self.bindings.get_mut(instance) {
                    binding.learned.turn_over();
                }
            }
            let Some(line) = narration::line(output, &names) else { continue };
            let (severity, mut text) = (line.severity, line.text);
            if line.detail && !self.startup.log.wants_details() {
                continue;
            }
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

const USUAL_PACKETS: usize = 256;
const USUAL_BYTES: usize = 32 * 1024;
