//! Gratuitous ARP and unsolicited neighbour advertisements: at once, or as fast as `vrrp_garp_interval` and
//! `vrrp_gna_interval` allow.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use clock::Instant;
use intent::IfIndex;
use kernel::observer::Observer;
use kernel::socket::AnnounceSocket;
use vrrp::InstanceId;
use wire::arp::Arp;
use wire::{Family, MacAddr, ndisc};

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
    garp_interval: Duration,
    gna_interval: Duration,
    queues: BTreeMap<(IfIndex, Family), Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Frame>,
    next: Instant,
}

impl Announcer {
    pub(super) const fn new(socket: Option<AnnounceSocket>) -> Self {
        Self {
            socket,
            garp_interval: Duration::ZERO,
            gna_interval: Duration::ZERO,
            queues: BTreeMap::new(),
        }
    }

    /// Least time between two announcements of one interface.
    pub(super) const fn set_intervals(&mut self, garp: Duration, gna: Duration) {
        self.garp_interval = garp;
        self.gna_interval = gna;
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
        let frames: Vec<(Family, Frame)> =
            holdings.iter().filter_map(|holding| frame(instance, holding, observer)).collect();
        let mut at_once = Vec::new();
        for _ in 0..count {
            for (family, frame) in &frames {
                if self.interval(*family).is_zero() {
                    at_once.push(frame);
                } else {
                    let queue = self.queues.entry((frame.interface, *family)).or_default();
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

    /// Asks, as the host itself, who has an IPv4 address.
    pub(super) fn ask(&self, source: IpAddr, address: IpAddr, interface: IfIndex, mac: MacAddr) {
        if let (IpAddr::V4(source), IpAddr::V4(address), Some(socket)) =
            (source, address, &self.socket)
        {
            let question = Arp::request(mac, source, address).emit_frame();
            // It will be asked again.
            let _ = socket.send(&[(interface, MacAddr::BROADCAST, &question)]);
        }
    }

    /// When a waiting announcement may go.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.queues.values().filter(|queue| !queue.frames.is_empty()).map(|queue| queue.next).min()
    }

    /// Sends what may go now.
    pub(super) fn send_due(&mut self, now: Instant) {
        for ((_, family), queue) in &mut self.queues {
            if queue.next <= now
                && let Some(frame) = queue.frames.pop_front()
            {
                let gap = match family {
                    Family::Ipv4 => self.garp_interval,
                    Family::Ipv6 => self.gna_interval,
                };
                queue.next = now + gap;
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

    fn interval(&self, family: Family) -> Duration {
        match family {
            Family::Ipv4 => self.garp_interval,
            Family::Ipv6 => self.gna_interval,
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
