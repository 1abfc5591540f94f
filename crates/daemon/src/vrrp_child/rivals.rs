//! Routers that stay Active beside us: signs are gathered for [`vrrp::Contests`], and what it finds is said.
//!
//! An advertisement that we hear or refuse is a sign by itself. A host that claims an address of ours without one is
//! looked into: for three intervals a packet socket, which sees frames before the host's firewall does, hears which
//! advertisements arrive, and the host is asked whether it still claims the address.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use clock::Instant;
use config::model::Instance;
use control::{Severity, ToParent};
use kernel::observer::Observer;
use kernel::socket::{FrameSocket, Framing, Heard, Packet};
use vrrp::{Action, Contests, Effect, InstanceId, Notice, Output, Outputs, Role, Sign};
use wire::ethernet::{EtherType, EthernetHeader};
use wire::ip::Ipv6Header;
use wire::vrrp::{AdvertisementPacket, AuthenticatedPacket, Authentication, Discard};
use wire::{Family, MacAddr, Version, Vrid};

use super::Shell;
use crate::compat::contest;

/// What is known of other Active routers.
#[derive(Debug, Default)]
pub(super) struct Rivals {
    contests: Contests,
    looks: BTreeMap<InstanceId, Look>,
    /// The advertisement at hand has other addresses than ours.
    addresses_differ: bool,
    /// When an advertisement of ours could not be sent last.
    unsent: BTreeMap<InstanceId, Instant>,
}

/// A closer look at a host that claims an address.
#[derive(Debug)]
struct Look {
    tap: Option<FrameSocket>,
    /// Senders of advertisements that reached the instance meanwhile, used or refused.
    heard: BTreeSet<IpAddr>,
    questions: u32,
    next: Instant,
    step: Duration,
    address: IpAddr,
    /// Who claimed it after the first question.
    claimed: Option<MacAddr>,
}

impl Rivals {
    /// When something is to be done.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let look = self.looks.values().map(|look| look.next).min();
        [look, self.contests.deadline()].into_iter().flatten().min()
    }

    /// Since when an instance is contested, and how that is explained.
    pub(super) fn of(&self, instance: InstanceId) -> Option<(Instant, Sign)> {
        self.contests.of(instance)
    }
}

impl Shell {
    /// An advertisement reached an instance.
    pub(super) fn note_heard(&mut self, now: Instant, id: InstanceId, received: &vrrp::Received) {
        if self.election.role(id) != Some(Role::Active) {
            return;
        }
        self.note_sender(id, received.source);
        let Some(parameters) = self.settled.instances.get(&id).map(|it| &it.parameters) else {
            return;
        };
        let mut ours: Vec<IpAddr> = parameters.addresses.clone();
        let mut theirs = received.addresses.clone();
        ours.sort_unstable();
        theirs.sort_unstable();
        self.rivals.addresses_differ = ours != theirs;
        // VRRPv2 refuses another interval than its own (RFC 3768 §7.1).
        let differs = received.interval.as_duration() != parameters.advertisement_interval;
        if parameters.version == Version::V2 && differs {
            self.note_refused(now, id, received.source, Discard::Interval);
        }
    }

    /// An advertisement for an instance was refused.
    pub(super) fn note_refused(
        &mut self,
        now: Instant,
        id: InstanceId,
        peer: IpAddr,
        why: Discard,
    ) {
        self.note_sender(id, peer);
        // Another group or other peers with our VRID share no address with us.
        if !matches!(why, Discard::Casting | Discard::Source) {
            self.take_sign(now, id, Sign::Refused { peer, why });
        }
    }

    /// Whether adverts of an instance fail, one behind the other.
    fn is_mute(&self, now: Instant, id: InstanceId) -> bool {
        let interval =
            self.settled.instances.get(&id).map(|it| it.parameters.advertisement_interval);
        let failed = self.rivals.unsent.get(&id);
        failed.zip(interval).is_some_and(|(at, interval)| now.since(*at) <= interval * 2)
    }

    /// What the election says of others.
    pub(super) fn note_outputs(&mut self, now: Instant, outputs: &Outputs) {
        for output in outputs {
            let Output::Instance { instance, action } = output else { continue };
            match action {
                Action::Noticed(Notice::LowerContested { peer, .. }) => {
                    let addresses_differ = self.rivals.addresses_differ;
                    let sign = if self.is_mute(now, *instance) {
                        Sign::Unsent { peer: *peer }
                    } else {
                        Sign::Unyielding { peer: *peer, addresses_differ }
                    };
                    self.take_sign(now, *instance, sign);
                }
                Action::Noticed(Notice::EffectFailed { what: Effect::Advertise, .. }) => {
                    self.rivals.unsent.insert(*instance, now);
                }
                Action::Transitioned { from: Role::Active, .. } => {
                    self.rivals.contests.forget(*instance);
                    self.rivals.unsent.remove(instance);
                    self.rivals.looks.remove(instance);
                }
                Action::Advertise { .. }
                | Action::Assume
                | Action::Release
                | Action::Announce { .. }
                | Action::Transitioned { .. }
                | Action::PriorityChanged { .. }
                | Action::Noticed(_) => {}
            }
        }
    }

    /// Somebody claims an address that an Active instance holds.
    pub(super) fn note_claim(
        &mut self,
        now: Instant,
        id: InstanceId,
        address: IpAddr,
        mac: MacAddr,
    ) {
        if let Some(look) = self.rivals.looks.get_mut(&id) {
            if look.address == address && look.questions > 0 {
                look.claimed = Some(mac);
            }
            return;
        }
        let Some(instance) = self.settled.instances.get(&id) else { return };
        if self.rivals.looks.len() >= LOOKS {
            return;
        }
        let look = Look {
            tap: tap(instance, &self.observer),
            heard: BTreeSet::new(),
            questions: 0,
            next: now,
            step: instance.parameters.advertisement_interval.max(STEP),
            address,
            claimed: None,
        };
        // The first question waits: a router that is about to yield has done so by then.
        let next = now + look.step;
        self.rivals.looks.insert(id, Look { next, ..look });
    }

    /// Asks, ends looks, and says which contests have ended.
    pub(super) fn follow_rivals(&mut self, now: Instant) {
        let due: Vec<InstanceId> = self
            .rivals
            .looks
            .iter()
            .filter(|(_, look)| look.next <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            let Some(mut look) = self.rivals.looks.remove(&id) else { continue };
            if look.questions < QUESTIONS {
                look.questions += 1;
                look.next = now + look.step;
                self.ask(id, look.address);
                self.rivals.looks.insert(id, look);
            } else {
                self.conclude(now, id, &look);
            }
        }
        while let Some((id, lasted)) = self.rivals.contests.pop_ended(now) {
            let Some(instance) = self.settled.instances.get(&id) else { continue };
            let line = contest::ended(&instance.name, lasted);
            self.startup.log.push(Severity::Info, line);
            let text = contest::end(lasted);
            let told = ToParent::Contested { instance: instance.name.clone(), text };
            // A parent that is gone is noticed at the end of the turn.
            let _ = self.startup.parent.say(&told);
            // Who won tells everybody again.
            let count = instance.parameters.announce.repeat;
            let held = self.holdings.of(id).to_vec();
            self.announcer.announce(now, id, &held, count, &self.observer);
        }
    }

    fn conclude(&mut self, now: Instant, id: InstanceId, look: &Look) {
        let Some(mac) = look.claimed else { return };
        let Some(instance) = self.settled.instances.get(&id) else { return };
        let arrived = look
            .tap
            .as_ref()
            .map(|tap| arrived(tap, instance.parameters.vrid, &mut self.packet))
            .unwrap_or_default();
        let own = |address: &IpAddr| self.observer.addresses().any(|it| it.address == *address);
        let withheld = arrived.iter().find(|it| !look.heard.contains(it) && !own(it)).copied();
        let sign = match withheld {
            Some(peer) => Sign::Withheld { peer },
            // Those that are heard explain it by themselves.
            None if !look.heard.is_empty() => return,
            None => Sign::Unheard { address: look.address, mac },
        };
        self.take_sign(now, id, sign);
    }

    fn take_sign(&mut self, now: Instant, id: InstanceId, sign: Sign) {
        if self.election.role(id) != Some(Role::Active) {
            return;
        }
        let Some(instance) = self.settled.instances.get(&id) else { return };
        let interval = instance.parameters.advertisement_interval;
        if let Some(sign) = self.rivals.contests.take(now, id, interval, sign) {
            let line = contest::begun(&instance.name, &instance.interface, &sign);
            self.startup.log.push(Severity::Error, line);
            let text = contest::remembered(&instance.interface, &sign);
            let told = ToParent::Contested { instance: instance.name.clone(), text };
            let _ = self.startup.parent.say(&told);
        }
    }

    fn note_sender(&mut self, id: InstanceId, sender: IpAddr) {
        if let Some(look) = self.rivals.looks.get_mut(&id)
            && look.heard.len() < SENDERS
        {
            look.heard.insert(sender);
        }
    }

    /// Asks who else has an address that an instance holds.
    fn ask(&self, id: InstanceId, address: IpAddr) {
        let held = self.holdings.of(id).iter().find(|it| it.address.address == address);
        let link = held.and_then(|held| self.observer.link(held.address.interface));
        let Some((index, mac)) = link.and_then(|link| Some((link.index, link.mac?))) else {
            return;
        };
        let family = Family::of(address);
        let own = self.bindings.get(&id).and_then(|binding| binding.facts.source);
        // An address of the other family among those of an instance is asked for from one of its own.
        let other = || self.observer.source(index, family, |it| self.floating.contains(&it));
        if let Some(source) = own.filter(|own| Family::of(*own) == family).or_else(other) {
            self.announcer.ask(source, address, index, mac);
        }
    }
}

/// Hears which advertisements arrive where an instance hears them.
fn tap(instance: &Instance, observer: &Observer) -> Option<FrameSocket> {
    let vmac = instance.speaks_through().map(|(link, _)| link);
    let link = observer.link_named(vmac.unwrap_or_else(|| instance.sends_on()))?;
    let framing = match instance.authentication {
        Authentication::Header => Framing::Authenticated,
        Authentication::None | Authentication::Pass(_) => Framing::Plain,
    };
    let heard = Heard::Advertisements(instance.parameters.family, framing);
    // Without it less can be explained.
    FrameSocket::open(&link.name, link.index, heard).ok()
}

/// Who has sent advertisements of this VRID.
fn arrived(tap: &FrameSocket, vrid: Vrid, buffers: &mut Packet) -> BTreeSet<IpAddr> {
    let mut senders = BTreeSet::new();
    for _ in 0..READS {
        let outcome = tap.receive(buffers, |frame| {
            if senders.len() < SENDERS
                && let Some((sender, found)) = advertisement(frame)
                && found == vrid
            {
                senders.insert(sender);
            }
        });
        if !outcome.is_ok_and(|(count, more)| more && count > 0) {
            break;
        }
    }
    senders
}

/// Sender and VRID of an advertisement in an Ethernet frame.
fn advertisement(frame: &[u8]) -> Option<(IpAddr, Vrid)> {
    let (header, payload) = EthernetHeader::parse(frame).ok()?;
    if header.ether_type == EtherType::IPV4 {
        let plain = || AdvertisementPacket::from_ipv4(payload).ok();
        let behind_header = || Some(AuthenticatedPacket::from_ipv4(payload).ok()?.advertisement());
        let (packet, arrival) = plain().or_else(behind_header)?;
        return Some((arrival.source, packet.vrid()?));
    }
    let (ip, rest) = Ipv6Header::parse(payload).ok()?;
    Some((ip.source.into(), AdvertisementPacket::new_checked(rest).ok()?.vrid()?))
}

/// Looks at a time, for all instances.
const LOOKS: usize = 16;
/// Senders that are told apart.
const SENDERS: usize = 16;
/// Calls that read what a tap has collected.
const READS: usize = 64;
/// Questions in one look, and so intervals that it takes beside the first.
const QUESTIONS: u32 = 2;
/// Least time between two questions.
const STEP: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use wire::vrrp::{Addresses, Advertisement, Checksum, MULTICAST_V4, Prepared};
    use wire::{MaxAdvertiseInterval, Priority};

    use super::*;

    #[test]
    fn adverts_are_seen_behind_an_authentication_header_too() {
        let source = Ipv4Addr::new(192, 0, 2, 9);
        let advert = |authentication| Advertisement {
            version: Version::V2,
            vrid: Vrid::new(51).unwrap(),
            priority: Priority(100),
            interval: MaxAdvertiseInterval::Seconds(1),
            authentication,
            addresses: Addresses::new(Family::Ipv4, &[]).unwrap(),
        };
        let plain = Prepared::ipv4_with_checksum(
            &advert(Authentication::None),
            source,
            MULTICAST_V4,
            255,
            Checksum::AsV2,
        );
        let header = advert(Authentication::Header);
        let header = Prepared::ipv4_with_header(&header, source, MULTICAST_V4, 255);
        for prepared in [plain.unwrap(), header.unwrap()] {
            let ethernet = EthernetHeader {
                destination: MacAddr::of_multicast(MULTICAST_V4.into()),
                source: MacAddr([2, 0, 0, 0, 0, 9]),
                ether_type: EtherType::IPV4,
            };
            let frame = [ethernet.emit().as_slice(), prepared.as_bytes()].concat();
            assert_eq!(advertisement(&frame), Some((source.into(), Vrid::new(51).unwrap())));
        }
    }
}
