//! Other hosts that answer for our addresses.
//!
//! One that does is named and contradicted by an announcement of ours, once a second at most: it never ends or
//! prevents our role, for a peer that crashed still answers ARP for a while, and that is when we are needed.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use clock::Instant;
use control::Severity;
use intent::IfIndex;
use kernel::eventloop::Token;
use kernel::socket::{FrameSocket, Heard};
use vrrp::Role;
use wire::arp::{Arp, ArpPacket};
use wire::ethernet::{EtherType, EthernetHeader};
use wire::ip::Ipv6Header;
use wire::ndisc::{self, Neighbour, NeighbourPacket};
use wire::{Family, MacAddr};

use super::Shell;
use super::receive::Complaint;
use crate::log::with_silenced;

/// Sockets that hear who answers, one for each interface and family where we are Active.
#[derive(Debug, Default)]
pub(super) struct Conflicts {
    sockets: BTreeMap<(IfIndex, Family), FrameSocket>,
    answered: BTreeMap<(IfIndex, IpAddr), Instant>,
    /// Roles or links changed since sockets were arranged.
    stale: bool,
}

impl Conflicts {
    /// Roles or links changed.
    pub(super) const fn look_again(&mut self) {
        self.stale = true;
    }
}

impl Shell {
    /// Opens what is to be heard, closes what is not any more, and answers those who claim our addresses.
    pub(super) fn hear_conflicts(&mut self, now: Instant, ready: &[Token]) {
        if std::mem::take(&mut self.conflicts.stale) {
            self.arrange_ears();
        }
        if !ready.iter().any(|ready| is_ear(*ready)) {
            return;
        }
        let mut claims = Vec::new();
        let Self { conflicts, packet, events, .. } = self;
        conflicts.sockets.retain(|key, socket| {
            if !ready.contains(&token(*key)) {
                return true;
            }
            let heard = socket.receive(packet, |frame| {
                if claims.len() < CLAIMS
                    && let Some((address, mac)) = claim(frame)
                {
                    claims.push((key.0, address, mac));
                }
            });
            // The interface went down: it is heard again once something changes there.
            if heard.is_err() {
                let _ = events.remove(&*socket);
            }
            heard.is_ok()
        });
        for (interface, address, mac) in claims {
            self.contradict(now, interface, address, mac);
        }
    }

    fn arrange_ears(&mut self) {
        let wanted: std::collections::BTreeSet<(IfIndex, Family)> = self
            .holdings
            .instances()
            .filter(|id| self.election.role(*id) == Some(Role::Active))
            .flat_map(|id| self.holdings.of(id))
            .map(|holding| (holding.address.interface, Family::of(holding.address.address)))
            .collect();
        let Self { conflicts, events, observer, .. } = self;
        conflicts.sockets.retain(|key, socket| {
            let keep = wanted.contains(key);
            if !keep {
                let _ = events.remove(&*socket);
            }
            keep
        });
        for key in wanted {
            if conflicts.sockets.contains_key(&key) {
                continue;
            }
            let Some(link) = observer.link(key.0).filter(|link| link.running && !link.loopback)
            else {
                continue;
            };
            let heard = match key.1 {
                Family::Ipv4 => Heard::Arp,
                Family::Ipv6 => Heard::NeighbourAdvertisements,
            };
            // Without ears everything else still works; the next turn tries again.
            if let Ok(socket) = FrameSocket::open(&link.name, key.0, heard)
                && events.add(&socket, token(key)).is_ok()
            {
                conflicts.sockets.insert(key, socket);
            }
        }
    }

    fn contradict(&mut self, now: Instant, interface: IfIndex, address: IpAddr, mac: MacAddr) {
        let Some(link) = self.observer.link(interface) else { return };
        if link.mac == Some(mac) || self.observer.links().any(|other| other.mac == Some(mac)) {
            return;
        }
        let device = link.name.clone();
        let Some((id, holding)) = self.holdings.holder(interface, address) else { return };
        if self.election.role(id) != Some(Role::Active) {
            return;
        }
        self.note_claim(now, id, address, mac);
        let answered = &mut self.conflicts.answered;
        answered.retain(|_, at| now.since(*at) < PAUSE);
        if answered.insert((interface, address), now).is_some() {
            return;
        }
        let name = self.settled.instances.get(&id).map_or("?", |it| it.name.as_str());
        let text = format!(
            "({name}) {address} on {device} is claimed by {mac} as well: announcing it again"
        );
        if let Some(silenced) = self.complaints.admit(now, &Complaint::Contested(id, address)) {
            self.startup.log.push(Severity::Warning, with_silenced(text, silenced));
        }
        self.announcer.announce(now, id, &[holding], 1, &self.observer);
    }
}

/// Who claims which address with a frame.
fn claim(frame: &[u8]) -> Option<(IpAddr, MacAddr)> {
    let (header, payload) = EthernetHeader::parse(frame).ok()?;
    if header.ether_type == EtherType::ARP {
        let arp = Arp::parse(&ArpPacket::new_checked(payload).ok()?).ok()?;
        let address = arp.sender;
        return arp.claims(address).map(|mac| (IpAddr::V4(address), mac));
    }
    let (ip, rest) = Ipv6Header::parse(payload).ok()?;
    let arrival =
        ndisc::Arrival { source: ip.source, destination: ip.destination, hop_limit: ip.hop_limit };
    let packet = NeighbourPacket::new_checked(rest).ok()?;
    match Neighbour::parse(&packet, &arrival).ok()? {
        Neighbour::Advertisement(advertisement) => {
            let target: Ipv6Addr = advertisement.target;
            Some((IpAddr::V6(target), advertisement.target_mac.unwrap_or(header.source)))
        }
        Neighbour::Solicitation(_) => None,
    }
}

const fn token((interface, family): (IfIndex, Family)) -> Token {
    Token(FIRST_TOKEN + (interface.0 as u64) * 2 + matches!(family, Family::Ipv6) as u64)
}

/// Whether a token is one of these sockets'.
const fn is_ear(token: Token) -> bool {
    token.0 >= FIRST_TOKEN
}

const FIRST_TOKEN: u64 = 2 << 32;
/// Claims that are looked at in one turn, for each interface that has some.
const CLAIMS: usize = 64;
const PAUSE: Duration = Duration::from_secs(1);
