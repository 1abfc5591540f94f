//! What `virtual_server`s serve on addresses that refuse packets: an order to serve is an order to let through.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use wire::Family;

use crate::model::ServerGroupMember as Member;
use crate::model::{Acceptance, Instance, Protocol, Served, ServerGroup, VirtualServer};
use crate::syntax::Directive;

/// The groups, and where each is in their list.
#[derive(Default)]
pub(super) struct Groups {
    pub(super) list: Vec<ServerGroup>,
    places: BTreeMap<String, usize>,
}

impl Groups {
    /// The lines of a group.
    pub(super) fn get(&self, name: &str) -> Option<&[Member]> {
        let group = self.list.get(*self.places.get(name)?)?;
        Some(&group.members)
    }

    /// The group of this name, which is there from now on.
    fn entry(&mut self, name: &str) -> Option<&mut ServerGroup> {
        let place = *self.places.entry(name.to_owned()).or_insert_with(|| {
            self.list.push(ServerGroup { name: name.to_owned(), members: Vec::new() });
            self.list.len() - 1
        });
        self.list.get_mut(place)
    }
}

/// One `virtual_server`: `ADDRESS [PORT]`, `fwmark N` or `group NAME`.
pub(super) fn server(block: &Directive) -> VirtualServer {
    let first = block.text(0);
    let named = |word| block.text(1).filter(|_| first == Some(word));
    let protocol = block.children().iter().rfind(|it| it.keyword == *"protocol");
    VirtualServer {
        at: block.span,
        address: first.and_then(|text| text.parse().ok()),
        port: block.text(1).and_then(|text| text.parse().ok()),
        protocol: match protocol.and_then(|it| it.text(0)) {
            Some(word) if word.eq_ignore_ascii_case("tcp") => Protocol::Tcp,
            Some(word) if word.eq_ignore_ascii_case("sctp") => Protocol::Sctp,
            _ => Protocol::Udp,
        },
        mark: named("fwmark").and_then(|text| text.parse().ok()),
        group: named("group").map(str::to_owned),
        balance: None,
    }
}

/// Adds a `virtual_server_group`.
pub(super) fn group(groups: &mut Groups, block: &Directive) {
    let Some(group) = block.text(0).and_then(|name| groups.entry(name)) else { return };
    let members = &mut group.members;
    for line in block.children() {
        let word = line.keyword.as_str();
        if word == "fwmark" {
            let family = match line.text(1) {
                Some("inet") => Some(Family::Ipv4),
                Some("inet6") => Some(Family::Ipv6),
                _ => None,
            };
            let mark = line.text(0).and_then(|text| text.parse().ok());
            members.extend(mark.map(|mark| Member::Mark { mark, family }));
            continue;
        }
        let port = line.text(0).and_then(|text| text.parse().ok());
        if let Some((first, last)) = range(word) {
            members.push(Member::Addresses { first, last, port });
        }
    }
}

/// What instances that refuse packets let through all the same.
pub(super) fn lower(
    servers: &[VirtualServer],
    groups: &Groups,
    instances: &[Instance],
) -> Vec<Served> {
    let refusing = instances.iter().filter(|it| it.acceptance == Acceptance::Refuse);
    let refused: BTreeSet<IpAddr> = refusing
        .flat_map(|instance| instance.addresses.iter().chain(&instance.excluded))
        .map(|address| address.address)
        .collect();
    if refused.is_empty() {
        return Vec::new();
    }
    let mut served = Vec::new();
    for server in servers {
        let protocol = server.protocol;
        if let Some(address) = server.address.filter(|address| refused.contains(address)) {
            served.push(Served::Address { address, protocol, port: server.port });
        }
        served.extend(server.mark.map(Served::Mark));
        let members = server.group.as_ref().and_then(|name| groups.get(name));
        for member in members.into_iter().flatten() {
            match member {
                Member::Mark { mark, .. } => served.push(Served::Mark(*mark)),
                Member::Addresses { first, last, port } => {
                    let held = refused.range(first..=last);
                    served.extend(held.map(|address| Served::Address {
                        address: *address,
                        protocol,
                        port: *port,
                    }));
                }
            }
        }
    }
    served.sort_unstable();
    served.dedup();
    served
}

/// `IP`, `IP-LAST` (the last part of the address only) or `IP/MASK`; first and last.
fn range(text: &str) -> Option<(IpAddr, IpAddr)> {
    if let Some((first, last)) = text.split_once('-') {
        let first: IpAddr = first.parse().ok()?;
        let last = match first {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                IpAddr::from([a, b, c, last.parse().ok()?])
            }
            IpAddr::V6(v6) => {
                let last = u128::from(u16::from_str_radix(last, 16).ok()?);
                IpAddr::V6((v6.to_bits() & !0xffff | last).into())
            }
        };
        return (first <= last).then_some((first, last));
    }
    let Some((address, length)) = text.split_once('/') else {
        let address = text.parse().ok()?;
        return Some((address, address));
    };
    let length: u32 = length.parse().ok()?;
    Some(match address.parse().ok()? {
        IpAddr::V4(v4) => {
            let host = u32::MAX.checked_shr(length).unwrap_or(0);
            (IpAddr::V4((v4.to_bits() & !host).into()), IpAddr::V4((v4.to_bits() | host).into()))
        }
        IpAddr::V6(v6) => {
            let host = u128::MAX.checked_shr(length).unwrap_or(0);
            (IpAddr::V6((v6.to_bits() & !host).into()), IpAddr::V6((v6.to_bits() | host).into()))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, &str)>) {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let expected = expected.map(|(first, last)| (address(first), address(last)));
        assert_eq!(range(text), expected, "{text}");
    }

    #[test]
    fn members_of_groups_are_single_addresses_ranges_and_subnets() {
        check("10.0.0.1", Some(("10.0.0.1", "10.0.0.1")));
        check("10.0.0.1-20", Some(("10.0.0.1", "10.0.0.20")));
        check("10.0.0.77/24", Some(("10.0.0.0", "10.0.0.255")));
        check("10.0.0.77/32", Some(("10.0.0.77", "10.0.0.77")));
        check("2001:db8::1-ff", Some(("2001:db8::1", "2001:db8::ff")));
        check("2001:db8::1/64", Some(("2001:db8::", "2001:db8::ffff:ffff:ffff:ffff")));
        check("10.0.0.9-3", None);
        check("10.0.0.1-300", None);
        check("web", None);
    }
}
