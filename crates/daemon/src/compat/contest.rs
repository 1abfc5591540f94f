//! How it is said that two routers stay Active, and what to do about it.

use std::time::Duration;

use vrrp::Sign;
use wire::vrrp::Discard;

use super::narration::span;

/// The line that begins it, with its cause and a remedy.
pub(crate) fn begun(name: &str, interface: &str, sign: &Sign) -> String {
    let (_, what, remedy) = explained(interface, sign);
    format!("({name}) CONTESTED: {what}; {remedy}")
}

/// A name for programs, what is wrong between the two, and what helps.
pub(crate) fn explained(interface: &str, sign: &Sign) -> (&'static str, String, &'static str) {
    match sign {
        Sign::Unyielding { peer, addresses_differ: true } => (
            "addresses_differ",
            format!(
                "{peer} stays MASTER beside us: we hear it, and it refuses what we send or does not hear it; its virtual \
                 addresses differ from ours"
            ),
            "make `virtual_ipaddress` the same on both nodes",
        ),
        Sign::Unyielding { peer, addresses_differ: false } => (
            "unyielding",
            format!("{peer} stays MASTER beside us: we hear it, and it does not hear us"),
            "look at its log, at its firewall (protocol 112), and at what the network does to multicast",
        ),
        Sign::Unsent { peer } => (
            "unsent",
            format!(
                "{peer} stays MASTER beside us: it does not hear us, since our adverts do not leave this host by {interface}"
            ),
            "the log says how the kernel refuses them; `Operation not permitted` is this host's firewall (nft, iptables: \
             output, protocol 112)",
        ),
        Sign::Refused { peer, why } => (
            "refused",
            format!("{peer} advertises beside us, and we refuse its adverts: {why}"),
            remedy(*why),
        ),
        Sign::Withheld { peer } => (
            "withheld",
            format!(
                "{peer} is MASTER as well: its adverts arrive on {interface} and this host keeps them from us"
            ),
            "let protocol 112 pass this host's firewall (nft, iptables), and look at rp_filter",
        ),
        Sign::Unheard { address, mac } => (
            "unheard",
            format!("{mac} answers for {address}, and no advert of it arrives on {interface}"),
            "its daemon died without taking the address away, or the network keeps its adverts from us",
        ),
    }
}

/// What is remembered of its beginning.
pub(crate) fn remembered(interface: &str, sign: &Sign) -> String {
    format!("contested: {}", explained(interface, sign).1)
}

/// The line that ends it.
pub(crate) fn ended(name: &str, lasted: Duration) -> String {
    format!("({name}) {}: announcing the addresses again", end(lasted))
}

/// What is remembered of its end.
pub(crate) fn end(lasted: Duration) -> String {
    format!("no longer contested, after {}", span(lasted))
}

/// What makes two routers understand each other.
const fn remedy(why: Discard) -> &'static str {
    match why {
        Discard::Checksum => "set `v3_checksum_as_v2` alike on both nodes",
        Discard::Authentication
        | Discard::AuthenticationType
        | Discard::AuthenticationUnknown
        | Discard::HeaderUnexpected
        | Discard::HeaderMissing
        | Discard::HeaderMalformed
        | Discard::Digest
        | Discard::TrailerMissing
        | Discard::TrailerMalformed
        | Discard::UnknownKey
        | Discard::Length
        | Discard::Protocol => "give both nodes the same `authentication`",
        Discard::Replay => {
            "somebody repeats old packets, or it counts from one again: start it again"
        }
        Discard::HopLimit => {
            "it was forwarded by a router: VRRP stays on one link, or set `min_ttl` of the peer"
        }
        Discard::Stale => "keep the clocks of both nodes right",
        Discard::Version => "set the same `version` on both nodes",
        Discard::Interval => "set the same `advert_int` on both nodes",
        Discard::Casting => "write `unicast_peer` on both nodes, or on none",
        Discard::Source => "add it to `unicast_peer`",
        Discard::AddressList => "make `virtual_ipaddress` the same on both nodes",
        Discard::IpHeader
        | Discard::Family
        | Discard::Type
        | Discard::AddressCount
        | Discard::UnknownVrid
        | Discard::AddressOwner => "look at what it sends, and at who it is",
    }
}

#[cfg(test)]
mod tests {
    use vrrp::Peer;
    use wire::{MacAddr, Priority};

    use super::*;

    fn check(sign: &Sign, expected: &str) {
        assert_eq!(begun("VI_1", "eth0", sign), expected);
    }

    #[test]
    fn a_contest_is_said_with_its_cause_and_a_remedy() {
        let address = std::net::IpAddr::from([192, 0, 2, 2]);
        let peer = Peer { address, priority: Priority(100) };
        check(
            &Sign::Unyielding { peer, addresses_differ: false },
            "(VI_1) CONTESTED: 192.0.2.2 (priority 100) stays MASTER beside us: we hear it, and it does not hear us; \
             look at its log, at its firewall (protocol 112), and at what the network does to multicast",
        );
        check(
            &Sign::Unsent { peer },
            "(VI_1) CONTESTED: 192.0.2.2 (priority 100) stays MASTER beside us: it does not hear us, since our adverts do \
             not leave this host by eth0; the log says how the kernel refuses them; `Operation not permitted` is this \
             host's firewall (nft, iptables: output, protocol 112)",
        );
        check(
            &Sign::Refused { peer: address, why: Discard::Checksum },
            "(VI_1) CONTESTED: 192.0.2.2 advertises beside us, and we refuse its adverts: wrong checksum; set \
             `v3_checksum_as_v2` alike on both nodes",
        );
        check(
            &Sign::Withheld { peer: address },
            "(VI_1) CONTESTED: 192.0.2.2 is MASTER as well: its adverts arrive on eth0 and this host keeps them from us; \
             let protocol 112 pass this host's firewall (nft, iptables), and look at rp_filter",
        );
        check(
            &Sign::Unheard { address, mac: MacAddr([2, 0, 0, 0, 0, 2]) },
            "(VI_1) CONTESTED: 02:00:00:00:00:02 answers for 192.0.2.2, and no advert of it arrives on eth0; its daemon \
             died without taking the address away, or the network keeps its adverts from us",
        );
        assert_eq!(
            ended("VI_1", Duration::from_millis(4500)),
            "(VI_1) no longer contested, after 4.5s: announcing the addresses again"
        );
    }
}
