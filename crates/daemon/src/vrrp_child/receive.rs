//! Received packets: bytes become advertisements or reasons for their refusal, and find their instance.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use clock::Instant;
use config::model::{Destination, Freshness, Instance, Proof, Trailer, TrailerMode, Unicast};
use control::Severity;
use kernel::eventloop::wall_clock;
use kernel::socket::{Datagram, Framing};
use vrrp::{Input, InstanceId, Received, Skew, Stale};
use wire::Vrid;
use wire::vrrp::{
    Advertisement, AdvertisementPacket, Arrival, AuthenticatedPacket, ChecksumRule, Context,
    Discard, Stamp, TrailedPacket, UnicastForm,
};

use super::binding::Binding;
use super::paths::Owner;
use super::ports::{Port, PortId};
use super::roster::Settled;
use super::{Shell, advert};
use crate::compat::narration;
use crate::log::with_silenced;

/// What a log line about strangers is rate-limited by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Complaint {
    /// A packet for an instance was refused.
    Discarded(InstanceId, IpAddr, Discard),
    /// A packet that is for nobody.
    Unknown(PortId, Discard),
    /// An action of an instance failed.
    Failed(InstanceId, &'static str),
    /// A notice of the election, by its topic.
    Noticed(InstanceId, &'static str),
    /// A static address cannot be set.
    Fixed(IpAddr),
    /// Something about the routes and rules of an owner.
    Path(Owner, &'static str),
    /// A BFD packet of this sender was refused.
    Session(IpAddr),
    /// A packet of the BFD session of this number cannot be sent.
    Unsent(NonZeroU32),
    /// Somebody took an address of ours away.
    Removed(InstanceId),
    /// Somebody else answers for an address.
    Contested(InstanceId, IpAddr),
}

/// A packet that says something to an instance, or why it does not.
pub(super) enum Heard {
    Advertisement(Taken),
    Refused { instance: Option<InstanceId>, source: IpAddr, vrid: Option<Vrid>, why: Discard },
}

/// An advertisement that is right as far as its bytes and its instance say.
pub(super) struct Taken {
    instance: InstanceId,
    vrid: Option<Vrid>,
    received: Received,
    /// The form of its checksum, where both are looked for.
    form: Option<UnicastForm>,
    /// What tells it from one that is repeated.
    mark: Option<Mark>,
    /// How far the sender's clock is off, where that is worth a line.
    skew: Option<Duration>,
}

/// What tells a genuine advertisement from a repeated one.
#[derive(Clone, Copy, Debug)]
enum Mark {
    /// The number of its authentication header.
    Sequence(u32),
    /// The time in its trailer, and the one that it was held against: what is fresh and what is remembered goes by the same
    /// clock, or an advert could be fresh still and its predecessor forgotten.
    Stamp { stamp: Stamp, unix: Duration },
}

impl Shell {
    /// Takes in what waits at one socket of a port, where there is such a one; at most [`PACKETS`].
    pub(super) fn receive(&mut self, now: Instant, id: PortId, framing: Framing) {
        let mut total = 0;
        loop {
            let Self { ports, packet, settled, bindings, batch, slept, .. } = self;
            let Some(port) = ports.get(id) else { return };
            let Some(open) = &port.open else { return };
            let Some((_, socket)) = open.listeners().find(|it| it.0 == framing) else { return };
            let known = Known { unix: wall_clock(), port, settled, bindings };
            let outcome = socket.receive(packet, |datagram, stamp| {
                let mut heard = understand(datagram, framing, &known);
                if let Heard::Advertisement(taken) = &mut heard {
                    taken.received.waited = slept.since(stamp);
                }
                batch.push(heard);
            });
            let mut batch = std::mem::take(batch);
            for heard in batch.drain(..) {
                self.take_heard(now, id, heard);
            }
            self.batch = batch;
            match outcome {
                Ok((count, more)) => {
                    total += count;
                    self.heard = self.heard.saturating_add(u64::try_from(count).unwrap_or(0));
                    if !more || count == 0 || total >= PACKETS {
                        return;
                    }
                }
                Err(error) => {
                    self.startup.log.push(Severity::Warning, error.to_string());
                    self.ports.fail(id, &self.events);
                    self.retry_ports_at = Some(now);
                    return;
                }
            }
        }
    }

    fn take_heard(&mut self, now: Instant, port: PortId, heard: Heard) {
        match heard {
            Heard::Advertisement(taken) => self.take_advertisement(now, port, taken),
            Heard::Refused { instance, source, vrid, why } => {
                self.refuse(now, port, instance, source, vrid, why);
            }
        }
    }

    fn take_advertisement(&mut self, now: Instant, port: PortId, taken: Taken) {
        let Taken { instance, vrid, received, form, mark, skew } = taken;
        let source = received.source;
        if self.is_repeated(instance, source, mark) {
            return self.refuse(now, port, Some(instance), source, vrid, Discard::Replay);
        }
        if let Some(skew) = skew {
            self.tell_skew(instance, source, skew);
        }
        if let Some(form) = form {
            self.take_form(now, instance, source, form);
        }
        self.note_heard(now, instance, &received);
        self.feed(now, Input::Received { instance, advertisement: received });
    }

    fn is_repeated(&mut self, id: InstanceId, sender: IpAddr, mark: Option<Mark>) -> bool {
        let Some(binding) = self.bindings.get_mut(&id) else { return false };
        let Some(instance) = self.settled.instances.get(&id) else { return false };
        let trailer = instance.proof.as_deref().and_then(Proof::trailer);
        let taken = match (mark, trailer) {
            (Some(Mark::Sequence(number)), _) => binding.learned.take_sequence(sender, number),
            (Some(Mark::Stamp { stamp, unix }), Some(trailer)) => {
                binding.learned.take_stamp(sender, stamp, unix, instance, trailer)
            }
            (Some(Mark::Stamp { .. }) | None, _) => return false,
        };
        if taken.is_ok() {
            self.proved.insert(id);
        }
        taken.is_err()
    }

    /// The clock of a peer is on its way out of the window.
    fn tell_skew(&mut self, id: InstanceId, peer: IpAddr, skew: Duration) {
        let Some(binding) = self.bindings.get_mut(&id) else { return };
        let Some(instance) = self.settled.instances.get(&id) else { return };
        if binding.learned.is_skew_news() {
            let text = narration::clock_skew(&instance.name, peer, skew);
            self.startup.log.push(Severity::Warning, text);
        }
    }

    fn refuse(
        &mut self,
        now: Instant,
        port: PortId,
        instance: Option<InstanceId>,
        source: IpAddr,
        vrid: Option<Vrid>,
        why: Discard,
    ) {
        if let Some(instance) = instance {
            self.discards.entry(instance).or_default().count(why);
            self.note_refused(now, instance, source, why);
        }
        let binding = instance.and_then(|id| self.bindings.get_mut(&id));
        if binding.is_none_or(|binding| binding.learned.is_news(why)) {
            self.complain_of_packet(now, port, instance, source, vrid, why);
        }
    }

    /// A peer uses this form of checksum: it is answered in the same.
    fn take_form(&mut self, now: Instant, id: InstanceId, peer: IpAddr, form: UnicastForm) {
        let Some(binding) = self.bindings.get_mut(&id) else { return };
        let Some(instance) = self.settled.instances.get(&id) else { return };
        let is_peer = instance.destination.unicast().is_some_and(|it| it.peer(peer).is_some());
        if !is_peer || !binding.learned.take_form(peer, form) {
            return;
        }
        binding.prepare(instance);
        let text = narration::checksum_form(&instance.name, peer, form);
        // Whoever speaks for a peer could change the form with every packet.
        if let Some(silenced) = self.complaints.admit(now, &Complaint::Noticed(id, "checksum")) {
            self.startup.log.push(Severity::Info, with_silenced(text, silenced));
        }
    }

    fn complain_of_packet(
        &mut self,
        now: Instant,
        port: PortId,
        instance: Option<InstanceId>,
        source: IpAddr,
        vrid: Option<Vrid>,
        why: Discard,
    ) {
        let complaint = match instance {
            Some(instance) => Complaint::Discarded(instance, source, why),
            None => Complaint::Unknown(port, why),
        };
        let Some(silenced) = self.discarded.admit(now, &complaint) else { return };
        let interface = self.ports.get(port).map_or("?", |port| port.interface.as_str());
        let text = match (instance.and_then(|id| self.settled.instances.get(&id)), vrid) {
            (Some(instance), _) => {
                format!("({}) discarded advert from {source} on {interface}: {why}", instance.name)
            }
            (None, Some(vrid)) => {
                format!("discarded advert from {source} on {interface}: {why} {}", vrid.get())
            }
            (None, None) => format!("discarded packet from {source} on {interface}: {why}"),
        };
        self.startup.log.push(Severity::Warning, with_silenced(text, silenced));
    }
}

/// What packets of one batch are held against.
struct Known<'a> {
    /// The time since 1970, the same for all of them.
    unix: Duration,
    port: &'a Port,
    settled: &'a Settled,
    bindings: &'a BTreeMap<InstanceId, Binding>,
}

fn understand(datagram: Datagram<'_>, framing: Framing, known: &Known<'_>) -> Heard {
    let Known { unix, port, settled, bindings } = *known;
    let refused = |instance, arrival: Option<&Arrival>, vrid, why| Heard::Refused {
        instance,
        source: arrival.map_or(IpAddr::from([0, 0, 0, 0]), |arrival| arrival.source),
        vrid,
        why,
    };
    let unreadable = |bytes, why| {
        let source = sender(bytes).unwrap_or([0; 4]).into();
        Heard::Refused { instance: None, source, vrid: None, why }
    };
    let mut authenticated = None;
    let (packet, arrival) = match datagram {
        Datagram::V4(bytes) if framing == Framing::Authenticated => {
            match AuthenticatedPacket::from_ipv4(bytes) {
                Ok(packet) => authenticated.insert(packet).advertisement(),
                Err(why) => return unreadable(bytes, why),
            }
        }
        Datagram::V4(bytes) => match AdvertisementPacket::from_ipv4(bytes) {
            Ok(understood) => understood,
            Err(why) => return unreadable(bytes, why),
        },
        Datagram::V6 { bytes, source, destination, hop_limit } => {
            let arrival =
                Arrival { source: source.into(), destination: destination.into(), hop_limit };
            match AdvertisementPacket::new_checked(bytes) {
                Ok(packet) => (packet, arrival),
                Err(why) => return refused(None, Some(&arrival), None, why),
            }
        }
    };
    let vrid = packet.vrid();
    let candidates = vrid.map_or(&[][..], |vrid| port.routers(vrid));
    let Some(instance) = choose(candidates, &arrival, settled) else {
        return refused(None, Some(&arrival), vrid, Discard::UnknownVrid);
    };
    let known = bindings.get(&instance).zip(settled.instances.get(&instance));
    let Some((binding, configured)) = known else {
        return refused(None, Some(&arrival), vrid, Discard::UnknownVrid);
    };
    let header = configured.proof.as_deref().and_then(Proof::header);
    let proved = match (authenticated, header) {
        (None, None) => Ok(()),
        (Some(packet), Some(key)) => packet.verify(key),
        (Some(_), None) => Err(Discard::HeaderUnexpected),
        (None, Some(_)) => Err(Discard::HeaderMissing),
    };
    if let Err(why) = proved {
        return refused(Some(instance), Some(&arrival), vrid, why);
    }
    let proved = match configured.proof.as_deref().and_then(Proof::trailer) {
        Some(trailer) => prove(&packet, &arrival, configured, trailer, unix),
        None => Ok(Proved { packet, mark: None, skew: None }),
    };
    let Proved { packet, mark, skew } = match proved {
        Ok(proved) => proved,
        Err(why) => return refused(Some(instance), Some(&arrival), vrid, why),
    };
    let expected = match advert::expected_of(&binding.expected, configured, &arrival) {
        Ok(expected) => expected,
        Err(why) => return refused(Some(instance), Some(&arrival), vrid, why),
    };
    match Advertisement::parse(&packet, &Context { arrival, expected }) {
        Ok(advertisement) => Heard::Advertisement(Taken {
            instance,
            vrid,
            received: Received {
                source: arrival.source,
                priority: advertisement.priority,
                interval: advertisement.interval,
                addresses: advertisement.addresses.iter().collect(),
                waited: Duration::ZERO,
            },
            form: (expected.checksum == ChecksumRule::OldUnicast)
                .then(|| packet.unicast_form(&arrival)),
            mark: mark.or(authenticated.map(|packet| Mark::Sequence(packet.sequence()))),
            skew,
        }),
        Err(why) => refused(Some(instance), Some(&arrival), vrid, why),
    }
}

/// An advertisement without its trailer, and what the trailer says.
struct Proved<'a> {
    packet: AdvertisementPacket<'a>,
    mark: Option<Mark>,
    skew: Option<Duration>,
}

/// Holds a packet against `auth_hmac`: a trailer where one must be, of a known key, fresh, and genuine.
fn prove<'a>(
    packet: &AdvertisementPacket<'a>,
    arrival: &Arrival,
    instance: &Instance,
    trailer: &Trailer,
    unix: Duration,
) -> Result<Proved<'a>, Discard> {
    let parted = TrailedPacket::part(packet, instance.parameters.family)?;
    let packet = parted.advertisement()?;
    let Some((id, stamp)) = parted.claim() else {
        return match trailer.mode {
            TrailerMode::Enforce => Err(Discard::TrailerMissing),
            TrailerMode::Permissive | TrailerMode::ReceiveOnly => {
                Ok(Proved { packet, mark: None, skew: None })
            }
        };
    };
    let key = trailer.key(id).ok_or(Discard::UnknownKey)?;
    let skew = match trailer.freshness {
        Freshness::Monotonic => None,
        Freshness::Time => match vrrp::freshness(stamp, unix, trailer.window) {
            Ok(Skew::Small) => None,
            Ok(Skew::Notable(off)) => Some(off),
            Err(Stale) => return Err(Discard::Stale),
        },
    };
    parted.verify(arrival.source, key)?;
    // What a sender repeats is remembered for each peer: nobody else has a place there.
    let is_known = |unicast: &Unicast| unicast.peer(arrival.source).is_some();
    if !instance.destination.unicast().is_none_or(is_known) {
        return Err(Discard::Source);
    }
    Ok(Proved { packet, mark: Some(Mark::Stamp { stamp, unix }), skew })
}

/// Who sent a packet, by its IPv4 header, which the kernel has checked.
fn sender(packet: &[u8]) -> Option<[u8; 4]> {
    packet.get(12..16)?.try_into().ok()
}

/// Of several instances with one VRID, the one to which the sender is a peer.
fn choose(candidates: &[InstanceId], arrival: &Arrival, settled: &Settled) -> Option<InstanceId> {
    match candidates {
        [] => None,
        [only] => Some(*only),
        several => {
            let suits = |id: &&InstanceId| {
                settled.instances.get(id).is_some_and(|instance| match &instance.destination {
                    Destination::Multicast(group) => *group == arrival.destination,
                    Destination::Unicast(unicast) => unicast.peer(arrival.source).is_some(),
                })
            };
            several.iter().find(suits).or_else(|| several.first()).copied()
        }
    }
}

/// Packets of one port in one turn: a flood delays no timer.
const PACKETS: usize = 256;
