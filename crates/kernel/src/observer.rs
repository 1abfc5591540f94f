//! A mirror of the kernel's links and addresses.
//!
//! It is filled by a dump and kept by events. When events are lost, it is filled again and compared, so that
//! its reader only ever sees differences and never "unknown". Renewals of lifetimes are no difference.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, BorrowedFd};

use intent::{Address, AddressKey, IfIndex};
use wire::Family;

use crate::address;
use crate::link::{self, Link};
use crate::links::Links;
use crate::netconf::{self, RTMGRP_IPV4_NETCONF};
use crate::netlink::message::Message;
use crate::netlink::{EventSocket, Events, NetlinkError, RequestSocket};
use crate::packing::Packing;

pub use crate::address::Usability;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A link came.
    LinkAppeared(IfIndex),
    /// A link changed its state, name, Ethernet address or MTU.
    LinkChanged(IfIndex),
    /// A link went.
    LinkGone(Link),
    /// A link began or ceased to pass IPv4 packets on. A loss of events loses it: nothing of it is mirrored.
    ForwardingChanged(IfIndex),
    /// An address came, or left the state in which it may not be used yet.
    AddressAdded(AddressKey),
    /// An address turned out to be another host's as well, and must not be used.
    AddressRefused(AddressKey),
    /// An address went.
    AddressGone(AddressKey),
}

/// The mirror.
#[derive(Debug)]
pub struct Observer {
    requests: RequestSocket,
    events: EventSocket,
    links: Links,
    addresses: BTreeMap<AddressKey, Seen>,
    packing: Packing,
    /// How many addresses were seen so far.
    seen: u64,
    /// Events were lost and the tables could not be read since.
    stale: bool,
}

/// What the mirror keeps of an address.
#[derive(Clone, Debug)]
struct Seen {
    address: Address,
    usability: Usability,
    secondary: bool,
    /// Its place in the kernel's order: that of the dump, then that of arrival.
    place: u64,
}

impl Observer {
    /// Subscribes and reads everything.
    ///
    /// **Errors**: the kernel refuses a socket, or its tables cannot be read.
    pub fn open() -> Result<Self, NetlinkError> {
        // Subscribing comes first, so that nothing falls between dump and events.
        let groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_NETCONF;
        let events = EventSocket::open(groups)?;
        let requests = RequestSocket::open()?;
        let mut observer = Self {
            requests,
            events,
            links: Links::default(),
            addresses: BTreeMap::new(),
            packing: Packing::default(),
            seen: 0,
            stale: false,
        };
        observer.read()?;
        Ok(observer)
    }

    /// Takes in what waits on the event socket; says what became different.
    ///
    /// After a loss of events the tables are read; where they cannot be, or change too fast, the next call tries
    /// again.
    ///
    /// **Errors**: a socket failed.
    pub fn drain(&mut self, changes: &mut Vec<Event>) -> Result<(), NetlinkError> {
        let Self { events, links, addresses, seen, .. } = self;
        let outcome = events.drain(|message| match message.kind {
            link::RTM_NEWLINK | link::RTM_DELLINK => apply_link(links, message, changes),
            address::RTM_NEWADDR | address::RTM_DELADDR => {
                *seen = seen.saturating_add(1);
                apply_address(addresses, message, *seen, changes);
            }
            netconf::RTM_NEWNETCONF => {
                changes.extend(netconf::forwarding(message).map(Event::ForwardingChanged));
            }
            _ => {}
        })?;
        self.packing.pack(&mut self.addresses);
        // While the event socket stays readable, the next turn goes on.
        self.stale |= outcome == Events::Lost;
        if !self.stale {
            return Ok(());
        }
        match self.resynchronise(changes) {
            // What changed the tables has become an event by now, so that there is a next turn.
            Err(NetlinkError::Unsteady { .. }) => Ok(()),
            other => other,
        }
    }

    /// Reads everything anew; says what is different from what was known.
    ///
    /// **Errors**: the tables cannot be read; what was known stays.
    pub fn resynchronise(&mut self, changes: &mut Vec<Event>) -> Result<(), NetlinkError> {
        let old_links = self.links.clone();
        let old_addresses = self.addresses.clone();
        self.read()?;
        for (key, seen) in &old_addresses {
            if seen.is_usable() && !self.addresses.get(key).is_some_and(Seen::is_usable) {
                changes.push(Event::AddressGone(*key));
            }
        }
        for (index, old) in old_links.iter() {
            match self.links.get(*index) {
                None => changes.push(Event::LinkGone(old.clone())),
                Some(new) if new != old => changes.push(Event::LinkChanged(*index)),
                Some(_) => {}
            }
        }
        for (index, _) in self.links.iter().filter(|(index, _)| old_links.get(**index).is_none()) {
            changes.push(Event::LinkAppeared(*index));
        }
        for (key, seen) in &self.addresses {
            let old = old_addresses.get(key);
            if seen.is_usable() && !old.is_some_and(Seen::is_usable) {
                changes.push(Event::AddressAdded(*key));
            }
            if seen.is_duplicate() && !old.is_some_and(Seen::is_duplicate) {
                changes.push(Event::AddressRefused(*key));
            }
        }
        Ok(())
    }

    /// The link called `name`.
    #[must_use]
    pub fn link_named(&self, name: &str) -> Option<&Link> {
        self.links.named(name)
    }

    /// The link of this number.
    #[must_use]
    pub fn link(&self, index: IfIndex) -> Option<&Link> {
        self.links.get(index)
    }

    /// All links.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().map(|(_, link)| link)
    }

    /// All addresses.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.addresses.values().map(|seen| &seen.address)
    }

    /// The address of this key, as the kernel has it.
    #[must_use]
    pub fn address(&self, key: &AddressKey) -> Option<&Address> {
        self.addresses.get(key).map(|seen| &seen.address)
    }

    /// All addresses of a link.
    pub fn on(&self, link: IfIndex) -> impl Iterator<Item = &Address> {
        self.seen_on(link).map(|seen| &seen.address)
    }

    /// What a link holds of this address, whatever the prefix: IPv6 holds one at most, and setting it with another
    /// prefix leaves it as it is.
    pub fn standing(&self, link: IfIndex, address: IpAddr) -> impl Iterator<Item = &Address> {
        let key = move |prefix| AddressKey { interface: link, address, prefix };
        self.addresses.range(key(0)..=key(u8::MAX)).map(|(_, seen)| &seen.address)
    }

    /// The address that a router sends from: the first primary IPv4 address of the link in the kernel's order (by
    /// scope, then by age), or its lowest link-local IPv6 address. `excluded` says which addresses come and go with
    /// a role.
    pub fn source(
        &self,
        link: IfIndex,
        family: Family,
        excluded: impl Fn(IpAddr) -> bool,
    ) -> Option<IpAddr> {
        let candidates = self.seen_on(link).filter(|seen| {
            let address = seen.address.address;
            let right = match address {
                IpAddr::V4(_) => family == Family::Ipv4,
                IpAddr::V6(v6) => family == Family::Ipv6 && v6.is_unicast_link_local(),
            };
            right && seen.is_usable() && !excluded(address)
        });
        candidates.min_by_key(|seen| seen.rank()).map(|seen| seen.address.address)
    }

    /// The link-local addresses of a link that must not be sent from, and why; those that `excluded` names left out.
    pub fn withheld(
        &self,
        link: IfIndex,
        excluded: impl Fn(IpAddr) -> bool,
    ) -> impl Iterator<Item = (IpAddr, Usability)> {
        let not_usable = self.seen_on(link).filter(|seen| !seen.is_usable());
        let pairs = not_usable.map(|seen| (seen.address.address, seen.usability));
        pairs.filter(move |(address, _)| {
            matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local()) && !excluded(*address)
        })
    }

    /// Whether a link has an address that may be used.
    #[must_use]
    pub fn is_usable(&self, link: IfIndex, address: IpAddr) -> bool {
        let key = move |prefix| AddressKey { interface: link, address, prefix };
        self.addresses.range(key(0)..=key(u8::MAX)).any(|(_, seen)| seen.is_usable())
    }

    /// The addresses that may be used, on whatever link.
    pub fn usable(&self) -> impl Iterator<Item = IpAddr> {
        self.addresses.iter().filter(|(_, seen)| seen.is_usable()).map(|(key, _)| key.address)
    }

    fn seen_on(&self, link: IfIndex) -> impl Iterator<Item = &Seen> {
        // Keys are in the order of their interfaces.
        let least =
            AddressKey { interface: link, address: Ipv4Addr::UNSPECIFIED.into(), prefix: 0 };
        let from = self.addresses.range(least..);
        from.take_while(move |(key, _)| key.interface == link).map(|(_, seen)| seen)
    }

    fn read(&mut self) -> Result<(), NetlinkError> {
        let links = self.requests.links()?;
        let addresses = self.requests.seen_addresses()?;
        self.links = links.into_iter().collect();
        self.seen = u64::try_from(addresses.len()).unwrap_or(u64::MAX);
        self.addresses = addresses.into_iter().map(|seen| (seen.address.key(), seen)).collect();
        self.stale = false;
        Ok(())
    }
}

impl Seen {
    fn is_usable(&self) -> bool {
        self.usability == Usability::Usable
    }

    fn is_duplicate(&self) -> bool {
        self.usability == Usability::Duplicate
    }

    /// What makes one IPv4 address of a link come before another as a source.
    fn rank(&self) -> (bool, u8, u64) {
        match self.address.address {
            IpAddr::V4(_) => (self.secondary, self.address.scope, self.place),
            // The kernel's order of these changes with every event; the order of keys does not.
            IpAddr::V6(_) => (false, 0, 0),
        }
    }
}

impl AsFd for Observer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }
}

impl RequestSocket {
    fn seen_addresses(&mut self) -> Result<Vec<Seen>, NetlinkError> {
        let list = std::cell::RefCell::new(Vec::new());
        self.dump(
            "read addresses",
            address::dump_request,
            || list.borrow_mut().clear(),
            |message| {
                let mut list = list.borrow_mut();
                let place = u64::try_from(list.len()).unwrap_or(u64::MAX);
                list.extend(seen(message, place));
            },
        )?;
        Ok(list.into_inner())
    }
}

fn seen(message: &Message<'_>, place: u64) -> Option<Seen> {
    Some(Seen {
        address: address::parse(message)?,
        usability: address::usability(message),
        secondary: address::is_secondary(message),
        place,
    })
}

fn apply_link(links: &mut Links, message: &Message<'_>, changes: &mut Vec<Event>) {
    // A bridge tells of its ports in messages of its own family; that one is unplugged is a DELLINK there.
    if message.payload.first() != Some(&AF_UNSPEC) {
        return;
    }
    let Some(link) = link::parse(message) else { return };
    let index = link.index;
    if message.kind == link::RTM_DELLINK {
        changes.extend(links.remove(index).map(Event::LinkGone));
        return;
    }
    match links.insert(link) {
        None => changes.push(Event::LinkAppeared(index)),
        Some(old) if links.get(index) != Some(&old) => changes.push(Event::LinkChanged(index)),
        Some(_) => {}
    }
}

fn apply_address(
    addresses: &mut BTreeMap<AddressKey, Seen>,
    message: &Message<'_>,
    place: u64,
    changes: &mut Vec<Event>,
) {
    let Some(mut new) = seen(message, place) else { return };
    let key = new.address.key();
    let before = addresses.get(&key);
    let (was, is) = (before.is_some_and(Seen::is_usable), new.is_usable());
    let is = is && message.kind == address::RTM_NEWADDR;
    let is_refused = new.is_duplicate()
        && message.kind == address::RTM_NEWADDR
        && !before.is_some_and(Seen::is_duplicate);
    if message.kind == address::RTM_DELADDR {
        addresses.remove(&key);
    } else {
        // A renewal moves nothing.
        new.place = before.map_or(place, |before| before.place);
        addresses.insert(key, new);
    }
    match (was, is) {
        (false, true) => changes.push(Event::AddressAdded(key)),
        (true, false) => changes.push(Event::AddressGone(key)),
        (true, true) | (false, false) => {}
    }
    if is_refused {
        changes.push(Event::AddressRefused(key));
    }
}

const AF_UNSPEC: u8 = 0;
const RTMGRP_LINK: u32 = 1;
const RTMGRP_IPV4_IFADDR: u32 = 0x10;
const RTMGRP_IPV6_IFADDR: u32 = 0x100;
