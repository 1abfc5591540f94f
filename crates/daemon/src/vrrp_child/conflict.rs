//! Other hosts that answer for our addresses.
//!
//! One that does is named and contradicted by an announcement of ours, once a second at most: it never ends or
//! prevents our role, for a peer that crashed still answers ARP for a while, and that is when we are needed.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use clock::Instant;
use control::Severity;
use intent::IfIndex;
use kernel::eventloop::Token;
use kernel::socket::NeighbourSocket;
use vrrp::Role;
use wire::arp::{Arp, ArpPacket};
use wire::ethernet::{EtherType, EthernetHeader};
use wire::ip::Ipv6Header;
use wire::ndisc::{self, Neighbour, NeighbourPacket};
use wire::{Family, MacAddr};

use super::Shell;
use super::receive::Complaint;
use crate::log::with_silenced;

/// Sockets that hear who answers where we are Active.
#[derive(Debug, Default)]
pub(super) struct Conflicts {
    ears: BTreeMap<Family, Ear>,
    answered: BTreeMap<(IfIndex, IpAddr), Instant>,
    /// Roles or links changed since sockets were arranged.
    stale: bool,
}

/// One socket for all interfaces of a family.
#[derive(Debug)]
struct Ear {
    socket: NeighbourSocket,
    /// Where it hears.
    on: BTreeSet<IfIndex>,
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
        conflicts.ears.retain(|family, ear| {
            if !ready.contains(&token(*family)) {
                return true;
            }
            let heard = ear.socket.receive(packet, |interface, frame| {
                // What waited when its interface was given up counts no longer.
                if ear.on.contains(&interface)
                    && let Some((address, mac)) = claim(frame)
                {
                    claims.push((interface, address, mac));
                }
            });
            // It is opened again once roles or links change.
            if heard.is_err() {
                let _ = events.remove(&ear.socket);
            }
            heard.is_ok()
        });
        for (interface, address, mac) in claims {
            self.contradict(now, interface, address, mac);
        }
    }

    fn arrange_ears(&mut self) {
        let Self { conflicts, events, observer, holdings, election, .. } = self;
        let mut wanted: BTreeMap<Family, BTreeSet<IfIndex>> =
            conflicts.ears.keys().map(|family| (*family, BTreeSet::new())).collect();
        let actives = holdings
            .instances()
            .filter(|id| election.role(*id) == Some(Role::Active))
            .flat_map(|id| holdings.of(id));
        for holding in actives {
            let (interface, family) =
                (holding.address.interface, Family::of(holding.address.address));
            if observer.link(interface).is_some_and(|link| link.running && !link.loopback) {
                wanted.entry(family).or_default().insert(interface);
            }
        }
        for (family, on) in wanted {
            if on.is_empty() {
                // Every packet of the host would pass by it.
                if let Some(ear) = conflicts.ears.remove(&family) {
                    let _ = events.remove(&ear.socket);
                }
                continue;
            }
            // Without ears everything else still works; the next change tries again.
            let ear = match conflicts.ears.entry(family) {
                Entry::Occupied(ear) => ear.into_mut(),
                Entry::Vacant(place) => {
                    let Ok(socket) = NeighbourSocket::open(family) else { continue };
                    if events.add(&socket, token(family)).is_err() {
                        continue;
                    }
                    place.insert(Ear { socket, on: BTreeSet::new() })
                }
            };
            if ear.on != on && ear.socket.listen_on(&on).is_ok() {
                ear.on = on;
            }
        }
    }

    fn contradict(&mut self, now: Instant, interface: IfIndex, address: IpAddr, mac: MacAddr) {
        // Of all that neighbours say, little is about what we hold.
        let Some((id, holding)) = self.holdings.holder(interface, address) else { return };
        let Some(link) = self.observer.link(interface) else { return };
        if self.election.role(id) != Some(Role::Active)
            || link.mac == Some(mac)
            || self.observer.links().any(|other| other.mac == Some(mac))
        {
            return;
        }
        let device = link.name.clone();
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

const fn token(family: Family) -> Token {
    match family {
        Family::Ipv4 => FIRST_TOKEN,
        Family::Ipv6 => SECOND_TOKEN,
    }
}

/// Whether a token is one of these sockets'.
fn is_ear(token: Token) -> bool {
    token == FIRST_TOKEN || token == SECOND_TOKEN
}

const FIRST_TOKEN: Token = Token(2 << 32);
const SECOND_TOKEN: Token = Token((2 << 32) + 1);
const PAUSE: Duration = Duration::from_secs(1);
