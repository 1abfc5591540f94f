//! Sockets: one pair for each interface and family that instances use.
//!
//! What should be open follows from the configuration and from the interfaces that exist; [`Ports::arrange`]
//! compares and changes what differs. A kernel filter passes only the VRIDs of our own instances.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use config::model::{Destination, Instance};
use control::Severity;
use intent::IfIndex;
use kernel::eventloop::{EventLoop, Token};
use kernel::observer::Observer;
use kernel::socket::{ReceiveSocket, SendSocket, SocketError, VridSet};
use vrrp::InstanceId;
use wire::{Family, Vrid};

use crate::log::Ring;

/// Number of a port; it never stands for another interface and family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PortId(u32);

/// All ports of this process.
#[derive(Debug, Default)]
pub(super) struct Ports {
    numbers: BTreeMap<(String, Family), PortId>,
    ports: BTreeMap<PortId, Port>,
}

/// What one interface and family needs.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) interface: String,
    pub(super) family: Family,
    /// Instances by VRID: several where their unicast peers differ.
    routers: BTreeMap<Vrid, Vec<InstanceId>>,
    groups: BTreeSet<IpAddr>,
    /// The sockets, while the interface exists.
    pub(super) open: Option<Open>,
    /// Why there are no sockets though the interface exists; said once.
    problem: Option<String>,
}

/// Open sockets.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) index: IfIndex,
    pub(super) receive: ReceiveSocket,
    pub(super) send: SendSocket,
    vrids: Option<VridSet>,
    joined: BTreeSet<IpAddr>,
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
        }
        for (id, instance) in instances {
            let family = instance.parameters.family;
            let number = self.number(&instance.interface, family);
            let port = self.ports.entry(number).or_insert_with(|| Port {
                interface: instance.interface.clone(),
                family,
                routers: BTreeMap::new(),
                groups: BTreeSet::new(),
                open: None,
                problem: None,
            });
            port.routers.entry(instance.parameters.vrid).or_default().push(id);
            if let Destination::Multicast(group) = instance.destination {
                port.groups.insert(group);
            }
        }
        self.ports.retain(|_, port| {
            if port.routers.is_empty() {
                port.close(events);
            }
            !port.routers.is_empty()
        });
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
        // A copy of the name only to ask: rare, at reload and when links change.
        self.numbers.get(&(instance.interface.clone(), instance.parameters.family)).copied()
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
            if port.open.as_ref().is_some_and(|open| open.index == index) {
                port.close(events);
            }
        }
    }

    /// Whether an interface that exists has no sockets.
    pub(super) fn has_problems(&self) -> bool {
        self.ports.values().any(|port| port.problem.is_some())
    }

    fn number(&mut self, interface: &str, family: Family) -> PortId {
        let next = PortId(u32::try_from(self.numbers.len()).unwrap_or(u32::MAX));
        *self.numbers.entry((interface.to_owned(), family)).or_insert(next)
    }
}

impl PortId {
    pub(super) fn token(self) -> Token {
        Token(FIRST_TOKEN + u64::from(self.0))
    }

    pub(super) fn of_token(token: Token) -> Option<Self> {
        let number = token.0.checked_sub(FIRST_TOKEN)?;
        u32::try_from(number).ok().map(Self)
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
        let index = observer.link_named(&self.interface).map(|link| link.index);
        // A group that is left is left by a new socket.
        let left = |open: &Open| open.joined.difference(&self.groups).next().is_some();
        if self.open.as_ref().is_some_and(|open| Some(open.index) != index || left(open)) {
            self.close(events);
        }
        let Some(index) = index else {
            self.problem = None;
            return;
        };
        let outcome = match self.open.take() {
            Some(open) => Ok(open),
            None => self.sockets(index, everything).and_then(|open| {
                let added = events.add(&open.receive, id.token());
                added.map(|()| open).map_err(|error| error.to_string())
            }),
        };
        match outcome.and_then(|open| self.adapt(open, everything)) {
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
    fn sockets(&self, index: IfIndex, everything: bool) -> Result<Open, String> {
        let vrids = self.vrids(everything);
        let routers: usize = self.routers.values().map(Vec::len).sum();
        let room = routers.saturating_mul(ROOM_FOR_A_ROUTER).max(ROOM_AT_LEAST);
        let said = |error: SocketError| error.to_string();
        let receive = ReceiveSocket::open(&self.interface, self.family, vrids.as_ref(), Some(room))
            .map_err(said)?;
        let send = SendSocket::open(&self.interface, index, self.family).map_err(said)?;
        Ok(Open { index, receive, send, vrids, joined: BTreeSet::new() })
    }

    /// Joins and filters what the configuration now wants.
    fn adapt(&self, mut open: Open, everything: bool) -> Result<Open, String> {
        let vrids = self.vrids(everything);
        if open.vrids != vrids {
            open.receive.set_vrids(vrids.as_ref()).map_err(|error| error.to_string())?;
            open.vrids = vrids;
        }
        for group in &self.groups {
            if !open.joined.contains(group) {
                open.receive.join(*group, open.index).map_err(|error| error.to_string())?;
                open.joined.insert(*group);
            }
        }
        Ok(open)
    }

    fn vrids(&self, everything: bool) -> Option<VridSet> {
        (!everything).then(|| self.routers.keys().copied().collect())
    }

    fn close(&mut self, events: &EventLoop) {
        if let Some(open) = self.open.take() {
            // A descriptor that is closed leaves the loop by itself.
            let _ = events.remove(&open.receive);
        }
    }
}

const FIRST_TOKEN: u64 = 1 << 32;
/// Bytes of receive buffer for each instance: some advertisements of each of its peers.
const ROOM_FOR_A_ROUTER: usize = 8 * 1024;
const ROOM_AT_LEAST: usize = 256 * 1024;
