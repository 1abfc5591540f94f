//! Sockets: one pair for each interface and family that instances use; a virtual MAC link is such an interface.
//!
//! What should be open follows from the configuration and from the interfaces that exist; [`Ports::arrange`]
//! compares and changes what differs. A kernel filter passes only the VRIDs of our own instances.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use config::model::{Destination, Instance, Transmit};
use control::Severity;
use intent::IfIndex;
use kernel::eventloop::{EventLoop, Token};
use kernel::link::Link;
use kernel::observer::Observer;
use kernel::socket::{Framing, ReceiveSocket, SendSocket, SocketError, VridSet};
use vrrp::InstanceId;
use wire::vrrp::Authentication;
use wire::{Family, Vrid};

use crate::log::Ring;

/// Number of a port; it never stands for another interface and family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PortId(u32);

/// All ports of this process.
#[derive(Debug, Default)]
pub(super) struct Ports {
    numbers: BTreeMap<Place, PortId>,
    ports: BTreeMap<PortId, Port>,
}

/// Where packets of one family come and go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// Where they are heard.
    interface: String,
    family: Family,
    /// For a virtual MAC link: the one below, and through which of the two packets leave.
    below: Option<(String, Transmit)>,
}

impl Place {
    fn of(instance: &Instance) -> Self {
        let family = instance.parameters.family;
        match instance.speaks_through() {
            None => Self { interface: instance.sends_on().to_owned(), family, below: None },
            Some((link, vmac)) => {
                let below = Some((instance.interface.clone(), vmac.transmit));
                Self { interface: link.to_owned(), family, below }
            }
        }
    }
}

/// What one interface and family needs.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) interface: String,
    pub(super) family: Family,
    below: Option<(String, Transmit)>,
    /// Instances by VRID: several where their unicast peers differ.
    routers: BTreeMap<Vrid, Vec<InstanceId>>,
    groups: BTreeSet<IpAddr>,
    /// Whether adverts of some instance come behind an authentication header.
    authenticated: bool,
    /// The sockets, while the interface exists.
    pub(super) open: Option<Open>,
    /// Why there are no sockets though the interface exists; said once.
    problem: Option<String>,
}

/// Open sockets.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) index: IfIndex,
    /// The link on which groups are joined.
    joins: IfIndex,
    plain: Listener,
    authenticated: Option<Listener>,
    pub(super) send: SendSocket,
}

/// A socket that receives, and what it is set to.
#[derive(Debug)]
struct Listener {
    socket: ReceiveSocket,
    vrids: Option<VridSet>,
    joined: BTreeSet<IpAddr>,
}

impl Open {
    /// The sockets that receive, by what stands before the adverts that they hear.
    pub(super) fn listeners(&self) -> impl Iterator<Item = (Framing, &ReceiveSocket)> {
        let authenticated =
            self.authenticated.iter().map(|it| (Framing::Authenticated, &it.socket));
        core::iter::once((Framing::Plain, &self.plain.socket)).chain(authenticated)
    }
}

impl Listener {
    /// Joins and filters what the configuration now wants.
    fn adapt(
        &mut self,
        index: IfIndex,
        groups: &BTreeSet<IpAddr>,
        vrids: Option<VridSet>,
    ) -> Result<(), SocketError> {
        if self.vrids != vrids {
            self.socket.set_vrids(vrids.as_ref())?;
            self.vrids = vrids;
        }
        for group in groups {
            if !self.joined.contains(group) {
                self.socket.join(*group, index)?;
                self.joined.insert(*group);
            }
        }
        Ok(())
    }
}

impl Ports {
    /// Takes over which instances there are; ports that none uses are closed.
    pub(super) fn assign<'i>(
        &mut self,
        instances: impl Iterator<Item = (InstanceId, &'i Instance)>,
        events: &EventLoop,
    ) {
        for port in self.ports.values_mut() {
            port.routers.clear();
            port.groups.clear();
            port.authenticated = false;
        }
        for (id, instance) in instances {
            let place = Place::of(instance);
            let number = self.number(&place);
            let port = self.ports.entry(number).or_insert_with(|| Port {
                interface: place.interface,
                family: place.family,
                below: place.below,
                routers: BTreeMap::new(),
                groups: BTreeSet::new(),
                authenticated: false,
                open: None,
                problem: None,
            });
            port.routers.entry(instance.parameters.vrid).or_default().push(id);
            port.authenticated |= instance.authentication == Authentication::Header;
            if let Destination::Multicast(group) = instance.destination {
                port.groups.insert(group);
            }
        }
        let ports = std::mem::take(&mut self.ports).into_iter().filter_map(|(id, mut port)| {
            if port.routers.is_empty() {
                port.close(events);
                return None;
            }
            // At once, as the map of ports: filled in order, one by one, they keep their nodes half empty.
            port.routers = std::mem::take(&mut port.routers).into_iter().collect();
            Some((id, port))
        });
        self.ports = ports.collect();
    }

    /// Opens, closes and filters as the interfaces that exist demand. `everything` lets all VRIDs pass.
    pub(super) fn arrange(
        &mut self,
        observer: &Observer,
        events: &EventLoop,
        everything: bool,
        log: &mut Ring,
    ) {
        for (id, port) in &mut self.ports {
            port.arrange(*id, observer, events, everything, log);
        }
    }

    /// The port of an instance.
    pub(super) fn number_of(&self, instance: &Instance) -> Option<PortId> {
        // Copies of names only to ask: rare, at reload and when links change.
        self.numbers.get(&Place::of(instance)).copied()
    }

    pub(super) fn get(&self, id: PortId) -> Option<&Port> {
        self.ports.get(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (PortId, &Port)> {
        self.ports.iter().map(|(id, port)| (*id, port))
    }

    /// Closes a port whose socket failed; the next [`Ports::arrange`] opens it again.
    pub(super) fn fail(&mut self, id: PortId, events: &EventLoop) {
        if let Some(port) = self.ports.get_mut(&id) {
            port.close(events);
        }
    }

    /// Closes the sockets of a link that went.
    pub(super) fn abandon(&mut self, index: IfIndex, events: &EventLoop) {
        for port in self.ports.values_mut() {
            let is_on = |open: &Open| open.index == index || open.joins == index;
            if port.open.as_ref().is_some_and(is_on) {
                port.close(events);
            }
        }
    }

    /// Whether an interface that exists has no sockets.
    pub(super) fn has_problems(&self) -> bool {
        self.ports.values().any(|port| port.problem.is_some())
    }

    fn number(&mut self, place: &Place) -> PortId {
        let next = PortId(u32::try_from(self.numbers.len()).unwrap_or(u32::MAX));
        *self.numbers.entry(place.clone()).or_insert(next)
    }
}

impl PortId {
    /// Stands for the socket of a port that hears such packets: each is read when something waits there.
    fn token(self, framing: Framing) -> Token {
        let socket = match framing {
            Framing::Plain => 0,
            Framing::Authenticated => 1,
        };
        Token(FIRST_TOKEN + 2 * u64::from(self.0) + socket)
    }

    pub(super) fn of_token(token: Token) -> Option<(Self, Framing)> {
        let number = token.0.checked_sub(FIRST_TOKEN)?;
        let framing = if number % 2 == 0 { Framing::Plain } else { Framing::Authenticated };
        u32::try_from(number).ok().map(|number| (Self(number / 2), framing))
    }
}

impl Port {
    /// Instances with this VRID.
    pub(super) fn routers(&self, vrid: Vrid) -> &[InstanceId] {
        self.routers.get(&vrid).map_or(&[], Vec::as_slice)
    }

    /// Whether its interface exists and its sockets could not be opened.
    pub(super) const fn is_broken(&self) -> bool {
        self.problem.is_some()
    }

    fn arrange(
        &mut self,
        id: PortId,
        observer: &Observer,
        events: &EventLoop,
        everything: bool,
        log: &mut Ring,
    ) {
        let links = self.links(observer);
        // A group that is left is left by a new socket.
        let left = |open: &Open| open.plain.joined.difference(&self.groups).next().is_some();
        let is_another = |open: &Open| {
            links.is_none_or(|(own, below)| (open.index, open.joins) != (own.index, below.index))
        };
        if self.open.as_ref().is_some_and(|open| is_another(open) || left(open)) {
            self.close(events);
        }
        let Some((link, below)) = links else {
            self.problem = None;
            return;
        };
        let outcome = match self.open.take() {
            Some(open) => Ok(open),
            None => self.sockets(id, (link, below), events, everything),
        };
        let adapted = outcome.and_then(|mut open| {
            let adapted = self.adapt(id, &mut open, events, everything);
            if adapted.is_err() {
                leave(&open, events);
            }
            adapted.map(|()| open)
        });
        match adapted {
            Ok(open) => {
                self.open = Some(open);
                self.problem = None;
            }
            Err(problem) => {
                if self.problem.as_deref() != Some(problem.as_str()) {
                    log.push(Severity::Error, problem.clone());
                }
                self.problem = Some(problem);
            }
        }
    }

    /// New sockets, before they have joined anything.
    fn sockets(
        &self,
        id: PortId,
        (link, below): (&Link, &Link),
        events: &EventLoop,
        everything: bool,
    ) -> Result<Open, String> {
        let index = link.index;
        let plain = self.listener(id, index, Framing::Plain, events, everything)?;
        let own = match (&self.below, link.mac) {
            (Some((_, Transmit::Vmac)), Some(mac)) => SendSocket::of_link(&plain.socket, mac),
            (Some(_) | None, _) => None,
        };
        let send = match own {
            Some(send) => send,
            None => SendSocket::open(&below.name, below.index, self.family).map_err(|error| {
                let _ = events.remove(&plain.socket);
                error.to_string()
            })?,
        };
        Ok(Open { index, joins: below.index, plain, authenticated: None, send })
    }

    /// The link where packets are heard and the one below it, which is the same where there is no virtual MAC link.
    fn links<'o>(&self, observer: &'o Observer) -> Option<(&'o Link, &'o Link)> {
        let link = observer.link_named(&self.interface)?;
        let Some((below, _)) = &self.below else { return Some((link, link)) };
        let below = observer.link_named(below)?;
        let stands = link.upper.is_some_and(|(parent, _)| parent == below.index);
        stands.then_some((link, below))
    }

    fn listener(
        &self,
        id: PortId,
        index: IfIndex,
        framing: Framing,
        events: &EventLoop,
        everything: bool,
    ) -> Result<Listener, String> {
        let vrids = self.vrids(everything);
        let routers: usize = self.routers.values().map(Vec::len).sum();
        let room = Some(routers.saturating_mul(ROOM_FOR_A_ROUTER).max(ROOM_AT_LEAST));
        let (name, family, set) = (&self.interface, self.family, vrids.as_ref());
        let socket = if self.below.is_some() {
            ReceiveSocket::open_on_link(name, index, family, framing, set, room)
        } else {
            ReceiveSocket::open(name, family, framing, set, room)
        };
        let socket = socket.map_err(|error| error.to_string())?;
        events.add(&socket, id.token(framing)).map_err(|error| error.to_string())?;
        Ok(Listener { socket, vrids, joined: BTreeSet::new() })
    }

    /// Opens, closes, joins and filters what the configuration now wants.
    fn adapt(
        &self,
        id: PortId,
        open: &mut Open,
        events: &EventLoop,
        everything: bool,
    ) -> Result<(), String> {
        if !self.authenticated {
            if let Some(gone) = open.authenticated.take() {
                let _ = events.remove(&gone.socket);
            }
        } else if open.authenticated.is_none() {
            let framing = Framing::Authenticated;
            let listener = self.listener(id, open.index, framing, events, everything)?;
            open.authenticated = Some(listener);
        }
        let vrids = self.vrids(everything);
        for listener in [Some(&mut open.plain), open.authenticated.as_mut()].into_iter().flatten() {
            listener.adapt(open.joins, &self.groups, vrids).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn vrids(&self, everything: bool) -> Option<VridSet> {
        (!everything).then(|| self.routers.keys().copied().collect())
    }

    fn close(&mut self, events: &EventLoop) {
        if let Some(open) = self.open.take() {
            leave(&open, events);
        }
    }
}

/// Has the loop wait for none of them any more. One that is closed aside would wake it until then.
fn leave(open: &Open, events: &EventLoop) {
    for (_, socket) in open.listeners() {
        let _ = events.remove(socket);
    }
}

const FIRST_TOKEN: u64 = 1 << 32;
/// Bytes of receive buffer for each instance: some advertisements of each of its peers.
const ROOM_FOR_A_ROUTER: usize = 8 * 1024;
const ROOM_AT_LEAST: usize = 256 * 1024;
