//! What both modules of the IETF tell.

use std::net::IpAddr;

use agentx::{Oid, Value, VarBind};
use status::{Instance, State};

use super::Facts;
use super::notification::SNMP_TRAP_OID;

/// Counters of one router, under the names that both modules share.
pub(super) struct Counted {
    pub(super) became_active: u64,
    pub(super) received: u64,
    pub(super) interval: u64,
    pub(super) authentication: u64,
    pub(super) hop_limit: u64,
    pub(super) resignations_received: u64,
    pub(super) resignations_sent: u64,
    pub(super) kind: u64,
    pub(super) address_list: u64,
    pub(super) authentication_unknown: u64,
    pub(super) authentication_type: u64,
    pub(super) length: u64,
}

impl Counted {
    pub(super) fn of(router: &Instance) -> Self {
        let counters = &router.counters;
        let refused = |names: &[&str]| refused(router, names);
        Self {
            became_active: counters.became_active,
            received: counters.advertisements_received,
            interval: refused(&["interval"]),
            authentication: refused(&["authentication"]),
            hop_limit: refused(&["hop_limit"]),
            resignations_received: counters.resignations_received,
            resignations_sent: counters.resignations_sent,
            kind: refused(&["type"]),
            address_list: counters.address_mismatches.saturating_add(refused(&["address_list"])),
            authentication_unknown: refused(&["authentication_unknown"]),
            authentication_type: refused(&["authentication_type"]),
            length: refused(&["length", "address_count"]),
        }
    }
}

fn refused(router: &Instance, names: &[&str]) -> u64 {
    names.iter().filter_map(|name| router.counters.discards.get(*name)).sum()
}

/// Packets that were refused for their checksum, their version, their VRID, of all routers.
pub(super) fn refused_of_all(routers: &[&Instance]) -> [u64; 3] {
    ["checksum", "version", "unknown_vrid"]
        .map(|name| routers.iter().map(|router| refused(router, &[name])).sum())
}

/// `initialize`, `backup`, `master`: a router that cannot take part has not begun to.
pub(super) const fn state(router: &Instance) -> i32 {
    match router.state {
        State::Initialize | State::Fault => 1,
        State::Backup => 2,
        State::Active => 3,
    }
}

/// By which address the Active router advertises, as far as it is known.
pub(super) fn active_address(router: &Instance) -> Option<IpAddr> {
    match router.state {
        State::Active => router.source,
        State::Initialize | State::Backup | State::Fault => {
            router.active_router.map(|peer| peer.address)
        }
    }
}

/// The Ethernet address that its addresses have.
pub(super) fn ethernet(facts: &Facts<'_>, router: &Instance) -> Option<Value> {
    let link = router.virtual_link.as_ref().map_or(&router.interface, |link| &link.name);
    facts.links.ethernet(link).map(|it| Value::Octets(it.0.to_vec()))
}

/// What a notification is.
pub(super) fn kind(kind: Oid) -> VarBind {
    VarBind { name: Oid::new(&SNMP_TRAP_OID), value: Value::Name(kind) }
}
