//! Gratuitous ARP and unsolicited neighbour advertisements: at once, or as fast as `vrrp_garp_interval`,
//! `vrrp_gna_interval` and `garp_group` allow.

mod rates;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use clock::Instant;
use config::model::{ExtraLinks, Global, Instance, Transmit};
use intent::IfIndex;
use kernel::link::Upper;
use kernel::observer::Observer;
use kernel::socket::AnnounceSocket;
use vrrp::InstanceId;
use wire::arp::Arp;
use wire::{Family, MacAddr, ndisc};

use self::rates::{Lane, Rates};
use super::holdings::{Holding, Origin};

/// One announcement.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    instance: InstanceId,
    interface: IfIndex,
    destination: MacAddr,
    bytes: Vec<u8>,
}

/// Sends announcements, and keeps those that must wait.
#[derive(Debug)]
pub(super) struct Announcer {
    /// None without the privilege for it.
    socket: Option<AnnounceSocket>,
    rates: Rates,
    queues: BTreeMap<(Lane, Family), Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Frame>,
    next: Instant,
}

impl Announcer {
    pub(super) fn new(socket: Option<AnnounceSocket>) -> Self {
        Self { socket, rates: Rates::default(), queues: BTreeMap::new() }
    }

    /// Goes by the rates of this configuration from now on, also with what waits.
    pub(super) fn follow(&mut self, global: &Global, observer: &Observer) {
        self.rates = Rates::of(global);
        for ((_, family), waiting) in std::mem::take(&mut self.queues) {
            for frame in waiting.frames {
                let Some(lane) = self.lane(frame.interface, observer) else { continue };
                let queue = self.queues.entry((lane, family)).or_default();
                queue.next = queue.next.max(waiting.next);
                queue.frames.push_back(frame);
            }
        }
    }

    fn lane(&self, interface: IfIndex, observer: &Observer) -> Option<Lane> {
        Some(self.rates.lane(observer.link(interface)?, |index| observer.link(index)))
    }

    /// Announces each of these addresses `count` times. Says whether the kernel took what was sent at once.
    pub(super) fn announce(
        &mut self,
        now: Instant,
        instance: InstanceId,
        holdings: &[Holding],
        count: u32,
        observer: &Observer,
    ) -> bool {
        let frames: Vec<(Lane, Family, Frame)> = holdings
            .iter()
            .filter_map(|holding| {
                let (family, frame) = frame(instance, holding, observer)?;
                Some((self.lane(frame.interface, observer)?, family, frame))
            })
            .collect();
        let mut at_once = Vec::new();
        for _ in 0..count {
            for (lane, family, frame) in &frames {
                if self.rates.gap(*lane, *family).is_zero() {
                    at_once.push(frame);
                } else {
                    let queue = self.queues.entry((*lane, *family)).or_default();
                    // More waiting announcements than this say nothing new.
                    if queue.frames.len() < QUEUE {
                        queue.frames.push_back(frame.clone());
                    }
                }
            }
        }
        let sent = send(self.socket.as_ref(), &at_once);
        self.send_due(now);
        sent
    }

    /// Announces one address on each link of an instance where nothing else is heard from it (`garp_extra_if`).
    pub(super) fn announce_extra(
        &mut self,
        now: Instant,
        (id, instance): (InstanceId, &Instance),
        holdings: &[Holding],
        observer: &Observer,
    ) -> bool {
        let through = match instance.speaks_through() {
            Some((link, vmac)) if vmac.transmit == Transmit::Vmac => link,
            Some(_) | None => &instance.interface,
        };
        let through = observer.link_named(through).map(|link| link.index);
        let is_virtual = |index| {
            let upper = observer.link(index).and_then(|link| link.upper);
            upper.is_some_and(|(_, upper)| upper == Upper::PrivateMacvlan)
        };
        let mut links = BTreeSet::from_iter(through);
        let first: Vec<Holding> = holdings
            .iter()
            .filter(|holding| {
                let link = holding.address.interface;
                let is_extra = instance.extra_links == ExtraLinks::All || is_virtual(link);
                is_extra && holding.origin != Origin::Left && links.insert(link)
            })
            .cloned()
            .collect();
        self.announce(now, id, &first, 1, observer)
    }

    /// Asks, as the host itself, who has an address.
    pub(super) fn ask(&self, source: IpAddr, address: IpAddr, interface: IfIndex, mac: MacAddr) {
        let Some(socket) = &self.socket else { return };
        // It will be asked again.
        let _ = match (source, address) {
            (IpAddr::V4(source), IpAddr::V4(address)) => {
                let question = Arp::request(mac, source, address).emit_frame();
                socket.send(&[(interface, MacAddr::BROADCAST, &question)])
            }
            (IpAddr::V6(source), IpAddr::V6(address)) => {
                let group = MacAddr::of_multicast(IpAddr::V6(ndisc::solicited_node(address)));
                let question = ndisc::Solicitation::frame(mac, source, address);
                socket.send(&[(interface, group, &question)])
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return,
        };
    }

    /// When a waiting announcement may go.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.queues.values().filter(|queue| !queue.frames.is_empty()).map(|queue| queue.next).min()
    }

    /// Sends what may go now.
    pub(super) fn send_due(&mut self, now: Instant) {
        for ((lane, family), queue) in &mut self.queues {
            if queue.next <= now
                && let Some(frame) = queue.frames.pop_front()
            {
                queue.next = now + self.rates.gap(*lane, *family);
                send(self.socket.as_ref(), &[&frame]);
            }
        }
        self.queues.retain(|_, queue| !queue.frames.is_empty() || queue.next > now);
    }

    /// Forgets what waits for an instance that holds its addresses no longer.
    pub(super) fn forget(&mut self, instance: InstanceId) {
        for queue in self.queues.values_mut() {
            queue.frames.retain(|frame| frame.instance != instance);
        }
    }
}

/// The announcement of one address; none on a link without Ethernet addresses.
fn frame(instance: InstanceId, holding: &Holding, observer: &Observer) -> Option<(Family, Frame)> {
    if holding.origin == Origin::Left {
        return None;
    }
    let interface = holding.address.interface;
    let link = observer.link(interface)?;
    if link.loopback {
        return None;
    }
    let mac = link.mac?;
    Some(match holding.address.address {
        IpAddr::V4(address) => {
            let bytes = Arp::gratuitous(mac, address).emit_frame().to_vec();
            (Family::Ipv4, Frame { instance, interface, destination: MacAddr::BROADCAST, bytes })
        }
        IpAddr::V6(address) => {
            // Whether the host forwards is not known here; a router that announces itself as a host would be
            // taken out of neighbours' router lists (RFC 4861 §7.2.5), the reverse harms nobody.
            let bytes = ndisc::Advertisement::unsolicited_frame(mac, address, true).to_vec();
            let destination = MacAddr::of_multicast(IpAddr::V6(ndisc::ALL_NODES));
            (Family::Ipv6, Frame { instance, interface, destination, bytes })
        }
    })
}

fn send(socket: Option<&AnnounceSocket>, frames: &[&Frame]) -> bool {
    let Some(socket) = socket else { return frames.is_empty() };
    let list: Vec<(IfIndex, MacAddr, &[u8])> = frames
        .iter()
        .map(|frame| (frame.interface, frame.destination, frame.bytes.as_slice()))
        .collect();
    let mut rest = list.as_slice();
    let mut all = true;
    while !rest.is_empty() {
        let (sent, refusal) = socket.send(rest);
        if refusal.is_none() && sent == 0 {
            return false;
        }
        all &= refusal.is_none();
        // One that is refused, as on a link that is down, does not keep the others back.
        let next = sent + usize::from(refusal.is_some());
        rest = rest.get(next..).unwrap_or_default();
    }
    all
}

const QUEUE: usize = 16 * 1024;
