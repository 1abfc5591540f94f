//! A mirror of the kernel's links and addresses.
//!
//! It is filled by a dump and kept by events. When events are lost, it is filled again and compared, so that
//! its reader only ever sees differences and never "unknown". Renewals of lifetimes are no difference.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use intent::{Address, AddressKey, IfIndex};
use wire::Family;

use crate::address;
use crate::link::{self, Link};
use crate::netlink::message::Message;
use crate::netlink::{EventSocket, Events, NetlinkError, RequestSocket};

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A link came, or another one changed its name to this.
    LinkAppeared(IfIndex),
    /// A link changed its state, name, Ethernet address or MTU.
    LinkChanged(IfIndex),
    /// A link went.
    LinkGone(Link),
    /// An address came, or left the state in which it may not be used yet.
    AddressAdded(AddressKey),
    /// An address went.
    AddressGone(AddressKey),
}

/// The mirror.
#[derive(Debug)]
pub struct Observer {
    requests: RequestSocket,
    events: EventSocket,
    links: BTreeMap<IfIndex, Link>,
    addresses: BTreeMap<AddressKey, Seen>,
}

/// What the mirror keeps of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    address: Address,
    usable: bool,
    secondary: bool,
}

impl Observer {
    /// Subscribes and reads everything.
    ///
    /// **Errors**: the kernel refuses a socket, or its tables cannot be read.
    pub fn open() -> Result<Self, NetlinkError> {
        // Subscribing comes first, so that nothing falls between dump and events.
        let events = EventSocket::open()?;
        let requests = RequestSocket::open()?;
        let mut observer =
            Self { requests, events, links: BTreeMap::new(), addresses: BTreeMap::new() };
        observer.read()?;
        Ok(observer)
    }

    /// Takes in what waits on the event socket; says what became different.
    ///
    /// **Errors**: a socket failed, or the tables cannot be read after a loss of events.
    pub fn drain(&mut self, changes: &mut Vec<Event>) -> Result<(), NetlinkError> {
        let Self { events, links, addresses, .. } = self;
        let outcome = events.drain(|message| apply(links, addresses, message, changes))?;
        match outcome {
            // The event socket stays readable: the next turn goes on.
            Events::Complete | Events::More => Ok(()),
            Events::Lost => self.resynchronise(changes),
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
            if seen.usable && !self.addresses.get(key).is_some_and(|now| now.usable) {
                changes.push(Event::AddressGone(*key));
            }
        }
        for (index, old) in &old_links {
            match self.links.get(index) {
                None => changes.push(Event::LinkGone(old.clone())),
                Some(new) if new != old => changes.push(Event::LinkChanged(*index)),
                Some(_) => {}
            }
        }
        for index in self.links.keys().filter(|index| !old_links.contains_key(index)) {
            changes.push(Event::LinkAppeared(*index));
        }
        for (key, seen) in &self.addresses {
            if seen.usable && !old_addresses.get(key).is_some_and(|old| old.usable) {
                changes.push(Event::AddressAdded(*key));
            }
        }
        Ok(())
    }

    /// The link called `name`.
    #[must_use]
    pub fn link_named(&self, name: &str) -> Option<&Link> {
        self.links.values().find(|link| link.name == name)
    }

    /// The link of this number.
    #[must_use]
    pub fn link(&self, index: IfIndex) -> Option<&Link> {
        self.links.get(&index)
    }

    /// All links.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.values()
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

    /// The address that a router sends from: the first primary IPv4 address of the link, or its link-local IPv6
    /// address. `excluded` says which addresses come and go with a role.
    pub fn source(
        &self,
        link: IfIndex,
        family: Family,
        excluded: impl Fn(IpAddr) -> bool,
    ) -> Option<IpAddr> {
        let candidates = || {
            self.addresses.values().filter(|seen| {
                let address = seen.address.address;
                let right = match address {
                    IpAddr::V4(_) => family == Family::Ipv4,
                    IpAddr::V6(v6) => family == Family::Ipv6 && v6.is_unicast_link_local(),
                };
                seen.address.interface == link && right && seen.usable && !excluded(address)
            })
        };
        candidates()
            .find(|seen| !seen.secondary)
            .or_else(|| candidates().next())
            .map(|seen| seen.address.address)
    }

    fn read(&mut self) -> Result<(), NetlinkError> {
        let links = self.requests.links()?;
        let addresses = self.requests.seen_addresses()?;
        self.links = links.into_iter().map(|link| (link.index, link)).collect();
        self.addresses = addresses.into_iter().map(|seen| (seen.address.key(), seen)).collect();
        Ok(())
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
                list.borrow_mut().extend(seen(message));
            },
        )?;
        Ok(list.into_inner())
    }
}

fn seen(message: &Message<'_>) -> Option<Seen> {
    Some(Seen {
        address: address::parse(message)?,
        usable: !address::is_tentative(message),
        secondary: address::is_secondary(message),
    })
}

fn apply(
    links: &mut BTreeMap<IfIndex, Link>,
    addresses: &mut BTreeMap<AddressKey, Seen>,
    message: &Message<'_>,
    changes: &mut Vec<Event>,
) {
    match message.kind {
        link::RTM_NEWLINK => {
            let Some(new) = link::parse(message) else { return };
            let index = new.index;
            match links.insert(index, new) {
                None => changes.push(Event::LinkAppeared(index)),
                Some(old) if links.get(&index) != Some(&old) => {
                    changes.push(Event::LinkChanged(index))
                }
                Some(_) => {}
            }
        }
        link::RTM_DELLINK => {
            let Some(gone) = link::parse(message) else { return };
            // A bridge port that is unplugged is a DELLINK of family AF_BRIDGE; the link itself stays.
            if message.payload.first() == Some(&AF_UNSPEC)
                && let Some(gone) = links.remove(&gone.index)
            {
                changes.push(Event::LinkGone(gone));
            }
        }
        address::RTM_NEWADDR => {
            let Some(new) = seen(message) else { return };
            let key = new.address.key();
            let usable = new.usable;
            let before = addresses.insert(key, new);
            match (before.is_some_and(|before| before.usable), usable) {
                (false, true) => changes.push(Event::AddressAdded(key)),
                (true, false) => changes.push(Event::AddressGone(key)),
                (true, true) | (false, false) => {}
            }
        }
        address::RTM_DELADDR => {
            let Some(gone) = address::parse(message) else { return };
            if addresses.remove(&gone.key()).is_some_and(|gone| gone.usable) {
                changes.push(Event::AddressGone(gone.key()));
            }
        }
        _ => {}
    }
}

const AF_UNSPEC: u8 = 0;
