//! Addresses of interfaces: setting, renewing and removing them, many at a time.
//!
//! Setting an address that is there replaces its lifetime: this is how leases are renewed. IPv6 addresses are
//! always set without duplicate address detection where the value says so. **Source**: rtnetlink(7).

use std::net::{IpAddr, Ipv4Addr};

use intent::{Address, AddressKey, Flags, IfIndex, Lifetime};
use rustix::io::Errno;

use crate::netlink::message::{Attributes, Builder, Message, number, text};
use crate::netlink::outcome::Goal;
use crate::netlink::{NetlinkError, RequestSocket};

impl RequestSocket {
    /// Sets addresses, new or there already; what became of each, in order.
    ///
    /// Of one that is there already the lifetime alone changes. IPv6 knows an address by itself, without its prefix:
    /// one that is there with another prefix keeps that, and this is no error.
    pub fn set_addresses(&mut self, addresses: &[Address]) -> Vec<Result<(), NetlinkError>> {
        let requests = addresses.iter().map(set_request).collect();
        self.batch("set address", Goal::Present, requests)
    }

    /// Removes addresses; one that is gone already is no error.
    pub fn remove_addresses(&mut self, addresses: &[AddressKey]) -> Vec<Result<(), NetlinkError>> {
        let requests = addresses.iter().map(|key| remove_request(key, None)).collect();
        let mut results = self.batch(REMOVE, Goal::Answer, requests);
        let unfound: Vec<usize> = (0..).zip(&results).zip(addresses).filter_map(unfound).collect();
        if !unfound.is_empty() && !self.remove_with_peer(addresses, &unfound, &mut results) {
            return results;
        }
        results.into_iter().map(|result| Goal::Absent.converge(result)).collect()
    }

    /// Removes those IPv4 addresses that have another end, which the kernel wants to be named. Says whether it
    /// could be found out which these are.
    fn remove_with_peer(
        &mut self,
        addresses: &[AddressKey],
        unfound: &[usize],
        results: &mut [Result<(), NetlinkError>],
    ) -> bool {
        let Ok(present) = self.addresses() else { return false };
        let mut requests = Vec::new();
        let mut places = Vec::new();
        for place in unfound {
            let Some(key) = addresses.get(*place) else { continue };
            for address in present.iter().filter(|address| address.key() == *key) {
                requests.push(remove_request(key, address.peer));
                places.push(*place);
            }
        }
        for (place, outcome) in places.into_iter().zip(self.batch(REMOVE, Goal::Absent, requests)) {
            if let (Err(error), Some(result)) = (outcome, results.get_mut(place)) {
                *result = Err(error);
            }
        }
        true
    }

    /// Reads every address of the namespace.
    ///
    /// **Errors**: the socket fails, or the tables change during each of several tries.
    pub fn addresses(&mut self) -> Result<Vec<Address>, NetlinkError> {
        let list = std::cell::RefCell::new(Vec::new());
        self.dump(
            "read addresses",
            dump_request,
            || list.borrow_mut().clear(),
            |message| {
                list.borrow_mut().extend(parse(message));
            },
        )?;
        Ok(list.into_inner())
    }
}

pub(crate) fn dump_request() -> Builder {
    Builder::new(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP).body(&[0; 8])
}

pub(crate) fn set_request(address: &Address) -> Builder {
    let create = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
    let flags = raw_flags(address.flags);
    let mut builder =
        common(RTM_NEWADDR, create, &address.key(), flags, address.scope, address.peer);
    if let Some(broadcast) = address.broadcast {
        builder = builder.attribute(IFA_BROADCAST, &broadcast.octets());
    }
    if let Some(label) = &address.label {
        builder = builder.text(IFA_LABEL, label);
    }
    let mut cache = [0u8; 16];
    let (preferred, rest) = cache.split_at_mut(4);
    preferred.copy_from_slice(&address.preferred.as_raw().to_ne_bytes());
    if let Some(valid) = rest.first_chunk_mut::<4>() {
        *valid = address.lifetime.as_raw().to_ne_bytes();
    }
    builder
        .attribute(IFA_CACHEINFO, &cache)
        .number(IFA_FLAGS, flags)
        .attribute(IFA_PROTO, &[address.protocol])
}

pub(crate) fn remove_request(key: &AddressKey, peer: Option<IpAddr>) -> Builder {
    common(RTM_DELADDR, NLM_F_REQUEST | NLM_F_ACK, key, 0, 0, peer)
}

/// The place of a removal that did not find its IPv4 address.
fn unfound(
    ((place, result), key): ((usize, &Result<(), NetlinkError>), &AddressKey),
) -> Option<usize> {
    let Err(NetlinkError::Refused { errno, .. }) = result else { return None };
    (*errno == Errno::ADDRNOTAVAIL && key.address.is_ipv4()).then_some(place)
}

fn common(
    kind: u16,
    flags: u16,
    key: &AddressKey,
    ifa_flags: u32,
    scope: u8,
    peer: Option<IpAddr>,
) -> Builder {
    let family = match key.address {
        IpAddr::V4(_) => AF_INET,
        IpAddr::V6(_) => AF_INET6,
    };
    let mut body = vec![family, key.prefix, u8::try_from(ifa_flags & 0xff).unwrap_or(0), scope];
    body.extend_from_slice(&key.interface.0.to_ne_bytes());
    let builder = Builder::new(kind, flags).body(&body);
    // IFA_ADDRESS is the other end where there is one (rtnetlink(7)).
    let builder = builder.attribute(IFA_LOCAL, &octets(key.address));
    builder.attribute(IFA_ADDRESS, &octets(peer.unwrap_or(key.address)))
}

/// An address as netlink and nftables have it.
pub(crate) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// One address message as a value; nothing for other messages and for what cannot be read.
pub(crate) fn parse(message: &Message<'_>) -> Option<Address> {
    if message.kind != RTM_NEWADDR && message.kind != RTM_DELADDR {
        return None;
    }
    let [family, prefix, flags, scope, i0, i1, i2, i3] = *message.payload.first_chunk::<8>()?;
    let mut flags = u32::from(flags);
    let (mut local, mut address, mut broadcast, mut label, mut protocol) =
        (None, None, None, None, 0);
    let (mut lifetime, mut preferred) = (Lifetime::Forever, Lifetime::Forever);
    for (kind, value) in Attributes(message.payload.get(8..)?) {
        match kind {
            IFA_LOCAL => local = ip(family, value),
            IFA_ADDRESS => address = ip(family, value),
            IFA_BROADCAST => {
                broadcast = value.first_chunk::<4>().map(|octets| Ipv4Addr::from(*octets))
            }
            IFA_LABEL => label = Some(text(value)),
            IFA_FLAGS => flags = number(value).unwrap_or(flags),
            IFA_PROTO => protocol = value.first().copied().unwrap_or(0),
            IFA_CACHEINFO => {
                preferred = Lifetime::from_raw(number(value)?);
                lifetime = Lifetime::from_raw(number(value.get(4..)?)?);
            }
            _ => {}
        }
    }
    let own = local.or(address)?;
    Some(Address {
        interface: IfIndex(u32::from_ne_bytes([i0, i1, i2, i3])),
        address: own,
        prefix,
        peer: address.filter(|peer| *peer != own),
        broadcast,
        scope,
        label,
        lifetime,
        preferred,
        flags: Flags {
            no_dad: flags & IFA_F_NODAD != 0,
            no_prefix_route: flags & IFA_F_NOPREFIXROUTE != 0,
            home: flags & IFA_F_HOMEADDRESS != 0,
            manage_temporary: flags & IFA_F_MANAGETEMPADDR != 0,
            auto_join: flags & IFA_F_MCAUTOJOIN != 0,
        },
        protocol,
    })
}

/// Whether an address may be used.
///
/// **Source**: RFC 4862 §5.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usability {
    /// It may.
    Usable,
    /// Not yet: the link is asked whether another host has it.
    Tentative,
    /// Never: another host has it.
    Duplicate,
}

/// Whether the address of a message may be used.
pub(crate) fn usability(message: &Message<'_>) -> Usability {
    let flags = Attributes(message.payload.get(8..).unwrap_or_default())
        .find(|(kind, _)| *kind == IFA_FLAGS)
        .and_then(|(_, value)| number(value))
        .unwrap_or(0);
    if flags & IFA_F_DADFAILED != 0 {
        Usability::Duplicate
    } else if flags & IFA_F_TENTATIVE != 0 {
        Usability::Tentative
    } else {
        Usability::Usable
    }
}

/// Whether an IPv4 address of a message is a secondary one of its subnet.
pub(crate) fn is_secondary(message: &Message<'_>) -> bool {
    let family = message.payload.first().copied().unwrap_or(0);
    let flags = message.payload.get(2).copied().unwrap_or(0);
    family == AF_INET && flags & IFA_F_SECONDARY != 0
}

pub(crate) fn ip(family: u8, value: &[u8]) -> Option<IpAddr> {
    match family {
        AF_INET => value.first_chunk::<4>().map(|octets| IpAddr::from(*octets)),
        AF_INET6 => value.first_chunk::<16>().map(|octets| IpAddr::from(*octets)),
        _ => None,
    }
}

const fn raw_flags(flags: Flags) -> u32 {
    (if flags.no_dad { IFA_F_NODAD } else { 0 })
        | (if flags.no_prefix_route { IFA_F_NOPREFIXROUTE } else { 0 })
        | (if flags.home { IFA_F_HOMEADDRESS } else { 0 })
        | (if flags.manage_temporary { IFA_F_MANAGETEMPADDR } else { 0 })
        | (if flags.auto_join { IFA_F_MCAUTOJOIN } else { 0 })
}

const REMOVE: &str = "remove address";
pub(crate) const RTM_NEWADDR: u16 = 20;
pub(crate) const RTM_DELADDR: u16 = 21;
const RTM_GETADDR: u16 = 22;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_REPLACE: u16 = 0x100;
const NLM_F_CREATE: u16 = 0x400;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_LABEL: u16 = 3;
const IFA_BROADCAST: u16 = 4;
const IFA_CACHEINFO: u16 = 6;
const IFA_FLAGS: u16 = 8;
const IFA_PROTO: u16 = 11;
const IFA_F_SECONDARY: u8 = 0x01;
const IFA_F_NODAD: u32 = 0x02;
const IFA_F_DADFAILED: u32 = 0x08;
const IFA_F_HOMEADDRESS: u32 = 0x10;
const IFA_F_TENTATIVE: u32 = 0x40;
const IFA_F_MANAGETEMPADDR: u32 = 0x100;
const IFA_F_NOPREFIXROUTE: u32 = 0x200;
const IFA_F_MCAUTOJOIN: u32 = 0x400;
