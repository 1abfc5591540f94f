//! What a real server behind direct routing needs of its host, and what it lacks.
//!
//! The director hands it packets for the virtual address unchanged, so the address must be its own, and it must not
//! say so by ARP, or clients would pass the director by. IPv6 needs no setting: the kernel answers a neighbour
//! solicitation only for addresses of the link that it came in by.
//! **Source**: `arp_ignore` and `arp_announce` in Documentation/networking/ip-sysctl.rst of Linux.

use std::fmt;
use std::net::IpAddr;

use intent::{Address, IfIndex, Lifetime, Prefix};
use kernel::link::Link;
use kernel::sysctl::Setting;

/// The host as it stands.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) links: Vec<Link>,
    pub(super) addresses: Vec<Address>,
    /// Of `all` links together.
    pub(super) common: Quiet,
    /// Of each link that speaks ARP.
    pub(super) quiet: Vec<(String, Quiet)>,
}

/// The two settings that decide what a link says by ARP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quiet {
    pub(super) ignore: i32,
    pub(super) announce: i32,
}

/// What keeps this host from being a real server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// There is no such link.
    Link(String),
    /// The link is down: nothing reaches its addresses.
    Down(String),
    /// The address is not on the link.
    Address(IpAddr, String),
    /// The address is on another link, which says so by ARP.
    Elsewhere(IpAddr, String),
    /// The address is on the loopback with a prefix that makes others its own, too.
    Wide(IpAddr, u8, String),
    /// This link tells who asks, or whom it asks, about addresses of other links.
    Talks(String, Setting, i32),
}

/// What is wrong, the settings first: an address that came before them would be answered for meanwhile.
pub(super) fn lacks(host: &Host, wanted: &[IpAddr], link: &str) -> Vec<Lack> {
    let Some(on) = host.links.iter().find(|it| it.name == link) else {
        return vec![Lack::Link(link.to_owned())];
    };
    let mut lacks = Vec::new();
    if wanted.iter().any(IpAddr::is_ipv4) {
        for (name, quiet) in &host.quiet {
            let ignore = quiet.ignore.max(host.common.ignore);
            if !IGNORES.contains(&ignore) {
                lacks.push(Lack::Talks(name.clone(), Setting::ArpIgnore, ignore));
            }
            let announce = quiet.announce.max(host.common.announce);
            if announce != ANNOUNCES {
                lacks.push(Lack::Talks(name.clone(), Setting::ArpAnnounce, announce));
            }
        }
    }
    if !on.up {
        lacks.push(Lack::Down(on.name.clone()));
    }
    for address in wanted {
        let standing = || host.addresses.iter().filter(|it| it.address == *address);
        for it in standing().filter(|it| it.interface != on.index) {
            lacks.push(Lack::Elsewhere(*address, name_of(host, it.interface)));
        }
        let whole = Prefix::host(*address).length;
        let here = || standing().filter(|it| it.interface == on.index);
        for it in here().filter(|it| it.prefix != whole && on.loopback) {
            lacks.push(Lack::Wide(*address, it.prefix, link.to_owned()));
        }
        if here().next().is_none() {
            lacks.push(Lack::Address(*address, link.to_owned()));
        }
    }
    lacks
}

/// The address as it is to be set: this host's alone, and never chosen to speak from.
pub(super) fn held(address: IpAddr, interface: IfIndex) -> Address {
    Address {
        interface,
        address,
        prefix: Prefix::host(address).length,
        peer: None,
        broadcast: None,
        scope: if address.is_ipv4() { SCOPE_HOST } else { 0 },
        label: None,
        lifetime: Lifetime::Forever,
        // IPv6 has no such scope for it; an address that is deprecated from the start is not chosen either.
        preferred: if address.is_ipv4() { Lifetime::Forever } else { Lifetime::Seconds(0) },
        flags: intent::Flags { no_dad: address.is_ipv6(), ..intent::Flags::default() },
        protocol: 0,
    }
}

fn name_of(host: &Host, interface: IfIndex) -> String {
    let link = host.links.iter().find(|link| link.index == interface);
    link.map_or_else(|| interface.to_string(), |link| link.name.clone())
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(link) => write!(f, "there is no link {link}; name another one with --dev"),
            Self::Down(link) => write!(f, "{link} is down: ip link set {link} up"),
            Self::Address(address, link) => write!(f, "{address} is not on {link}"),
            Self::Elsewhere(address, link) => write!(
                f,
                "{address} is on {link}, where this host answers ARP for it and clients pass the director by: take \
                 it away there"
            ),
            Self::Wide(address, prefix, link) => write!(
                f,
                "{address}/{prefix} on {link} makes every address of that prefix this host's own: take it away, and \
                 run this again"
            ),
            Self::Talks(link, Setting::ArpAnnounce, value) => write!(
                f,
                "{link} may ask by ARP in the name of an address of another link: arp_announce is {value}, and must \
                 be {ANNOUNCES}"
            ),
            Self::Talks(link, setting, value) => write!(
                f,
                "{link} answers ARP for addresses of other links: {} is {value}, and must be 1",
                setting.name()
            ),
        }
    }
}

/// Values of `arp_ignore` with which an address of the loopback is not answered for elsewhere; 4 to 7 mean nothing
/// to the kernel, which then answers.
const IGNORES: [i32; 4] = [1, 2, 3, 8];
/// The only value of `arp_announce` that never names an address of another link.
const ANNOUNCES: i32 = 2;
/// What is set for all links together.
pub(super) const WANTED: [(Setting, i32); 2] =
    [(Setting::ArpIgnore, 1), (Setting::ArpAnnounce, ANNOUNCES)];
/// `RT_SCOPE_HOST`.
const SCOPE_HOST: u8 = 254;

#[cfg(test)]
mod tests {
    use super::*;

    const VIRTUAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 9, 0, 100));

    fn link(index: u32, name: &str, loopback: bool) -> Link {
        Link {
            index: IfIndex(index),
            name: name.to_owned(),
            mac: None,
            mtu: 1500,
            running: true,
            multicast: !loopback,
            loopback,
            up: true,
            upper: None,
            master: None,
            vrf_table: None,
            alias: None,
            group: 0,
        }
    }

    fn host(common: (i32, i32), own: (i32, i32)) -> Host {
        let quiet = |(ignore, announce)| Quiet { ignore, announce };
        Host {
            links: vec![link(1, "lo", true), link(2, "eth0", false)],
            addresses: vec![held(VIRTUAL, IfIndex(1))],
            common: quiet(common),
            quiet: vec![("eth0".to_owned(), quiet(own))],
        }
    }

    fn said(host: &Host) -> Vec<String> {
        lacks(host, &[VIRTUAL], "lo").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn settings_of_all_links_or_of_each_are_enough() {
        assert_eq!(said(&host((1, 2), (0, 0))), [""; 0]);
        assert_eq!(said(&host((0, 0), (1, 2))), [""; 0]);
        assert_eq!(said(&host((0, 2), (8, 0))), [""; 0]);
    }

    #[test]
    fn a_link_that_talks_is_named_with_its_value() {
        assert_eq!(
            said(&host((0, 1), (0, 0))),
            [
                "eth0 answers ARP for addresses of other links: arp_ignore is 0, and must be 1",
                "eth0 may ask by ARP in the name of an address of another link: arp_announce is 1, and must be 2",
            ]
        );
        // Four means nothing to the kernel.
        assert_eq!(said(&host((1, 2), (4, 2))).len(), 1);
    }

    #[test]
    fn ipv6_needs_no_setting() {
        let six: IpAddr = "2001:db8::100".parse().unwrap();
        let mut host = host((0, 0), (0, 0));
        host.addresses.push(held(six, IfIndex(1)));
        assert_eq!(lacks(&host, &[six], "lo"), []);
    }

    #[test]
    fn an_address_that_is_missing_or_elsewhere_or_too_wide_is_told() {
        let mut host = host((1, 2), (0, 0));
        host.addresses.clear();
        assert_eq!(said(&host), ["10.9.0.100 is not on lo"]);
        host.addresses = vec![Address { prefix: 24, ..held(VIRTUAL, IfIndex(2)) }];
        let wrong = [Lack::Elsewhere(VIRTUAL, "eth0".into()), Lack::Address(VIRTUAL, "lo".into())];
        assert_eq!(lacks(&host, &[VIRTUAL], "lo"), wrong);
        host.addresses = vec![Address { prefix: 24, ..held(VIRTUAL, IfIndex(1)) }];
        assert_eq!(lacks(&host, &[VIRTUAL], "lo"), [Lack::Wide(VIRTUAL, 24, "lo".into())]);
    }

    #[test]
    fn a_link_that_is_not_there_is_all_that_is_said() {
        let host = host((0, 0), (0, 0));
        assert_eq!(lacks(&host, &[VIRTUAL], "dummy0"), [Lack::Link("dummy0".into())]);
    }
}
