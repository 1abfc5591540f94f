//! What all services of a family share: the table, the chains that see packets, and the maps of all fronts that send
//! these to the service that they are for.
//!
//! As IPVS does, a mark comes before an address and port, and these before an address with all ports.

use intent::service::Front;
use wire::Family;

use super::names::{self, Kind};
use crate::nft::{Element, Field, Hook, Rule, Set, SetKind, Table, Transaction, Value, Verdict};

/// A way through the kernel, with maps of fronts of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// The first packets of connections, whose destination is rewritten.
    Nat,
    /// Every packet of services whose servers get packets as they are; before connections are tracked.
    Direct,
    /// Every packet of services that remember clients while connections last, beside [`Way::Nat`].
    Kept,
}

impl Way {
    pub(super) const ALL: [Self; 3] = [Self::Nat, Self::Direct, Self::Kept];

    /// The name of one of its maps of fronts.
    pub(super) fn map(self, kind: Kind) -> String {
        format!("{}_{}", self.name(), kind.name())
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Nat => "nat",
            Self::Direct => "direct",
            Self::Kept => "kept",
        }
    }

    /// The names of its chains that see packets.
    pub(super) fn chain_names(self) -> impl Iterator<Item = &'static str> {
        self.chains().into_iter().map(|(name, ..)| name)
    }

    /// Its chains that see packets: name, hook, priority, and what these ask for.
    fn chains(self) -> Vec<(&'static str, Hook, i32, &'static [Kind])> {
        match self {
            // A host's own connections are balanced too.
            Self::Nat => vec![
                ("nat_in", Hook::Prerouting, DESTINATION_NAT, &Kind::ALL),
                ("nat_out", Hook::Output, DESTINATION_NAT, &Kind::ALL),
            ],
            // Marks are set by the host's firewall, which comes later.
            Self::Direct => vec![
                ("direct_in", Hook::Prerouting, RAW, &[Kind::Ports, Kind::Addresses]),
                ("direct_marked", Hook::Prerouting, BEHIND_MANGLE, &[Kind::Marks]),
            ],
            Self::Kept => vec![("kept_in", Hook::Prerouting, BEHIND_MANGLE, &Kind::ALL)],
        }
    }
}

/// Adds the table and the maps of all fronts, or leaves them as they are.
pub(super) fn add_table(transaction: &mut Transaction, table: &Table, family: Family) {
    transaction.add_table(table);
    for (way, kind) in maps() {
        let (name, key) = (way.map(kind), kind.key(family));
        transaction.add_set(table, &Set::map(&name, &key, &[SetKind::Verdict]));
    }
}

/// Adds the chains of a way, or writes their rules anew.
pub(super) fn add_way(transaction: &mut Transaction, table: &Table, family: Family, way: Way) {
    for (chain, hook, priority, kinds) in way.chains() {
        match way {
            Way::Nat => transaction.add_nat_chain(table, chain, hook, priority),
            Way::Direct | Way::Kept => transaction.add_chain(table, chain, hook, priority),
        }
        transaction.clear_chain(table, chain);
        if way == Way::Direct {
            // What this host sent to itself was balanced before; sent on once more it would never arrive.
            let loopback = [LOOPBACK.to_ne_bytes()];
            let own =
                |rule: Rule| rule.equal(Field::InputInterface, &loopback.concat()).give_back();
            transaction.add_rule(table, chain, own);
            // Nothing follows from it but that fragments are joined.
            transaction.add_rule(table, chain, Rule::is_untracked);
        }
        for kind in kinds {
            let (fields, map) = (kind.fields(family), way.map(*kind));
            transaction.add_rule(table, chain, |rule| rule.go_by(&fields, &map));
        }
    }
}

/// Sends the packets of a front to a chain.
pub(super) fn add_front(
    transaction: &mut Transaction,
    table: &Table,
    (way, front): (Way, &Front),
    verdict: &Verdict,
) {
    let (kind, keys) = names::keys(front);
    let element = |key| Element::pair(key, Value::Verdict(verdict.clone()));
    let elements: Vec<Element> = keys.into_iter().map(element).collect();
    transaction.add_elements(table, &way.map(kind), &elements);
}

/// Sends them nowhere any more.
pub(super) fn remove_front(
    transaction: &mut Transaction,
    table: &Table,
    (way, front): (Way, &Front),
) {
    let (kind, keys) = names::keys(front);
    let elements: Vec<Element> = keys.into_iter().map(Element::key).collect();
    transaction.remove_elements(table, &way.map(kind), &elements);
}

/// The names of all that stands in every table of ours.
pub(super) fn sets() -> impl Iterator<Item = String> {
    maps().map(|(way, kind)| way.map(kind))
}

fn maps() -> impl Iterator<Item = (Way, Kind)> {
    Way::ALL.into_iter().flat_map(|way| Kind::ALL.into_iter().map(move |kind| (way, kind)))
}

/// `NF_IP_PRI_NAT_DST`.
const DESTINATION_NAT: i32 = -100;
/// `NF_IP_PRI_RAW`: before connections are tracked, after fragments are joined.
const RAW: i32 = -300;
/// One more than `NF_IP_PRI_MANGLE`, where marks are set.
const BEHIND_MANGLE: i32 = -149;
/// The index of `lo` in every network namespace.
const LOOPBACK: u32 = 1;
