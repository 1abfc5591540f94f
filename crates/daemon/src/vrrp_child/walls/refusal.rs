//! `no_accept` and strict mode: packets to virtual addresses are dropped, but for neighbour discovery and for what a
//! `virtual_server` on the address is to serve (RFC 9568 §6.1, Accept_Mode).

use std::collections::BTreeMap;
use std::net::IpAddr;

use config::model::{Protocol, Served};
use intent::IfIndex;
use kernel::nft::{Element, Field, Hook, Rule, Set, SetKind, Table, TableFamily, Transaction};
use wire::Family;

use super::Settings;

/// The refusal of one family, as it was written last.
#[derive(Debug)]
pub(super) struct Refusal {
    family: Family,
    table: Table,
    priority: i32,
    counters: bool,
    served: Vec<Served>,
    /// Sets and keys, and how many addresses each stands for.
    refused: BTreeMap<(&'static str, Vec<u8>), u32>,
}

impl Refusal {
    pub(super) fn new(family: Family, settings: &Settings) -> Self {
        let family_of_table = match family {
            Family::Ipv4 => TableFamily::Ipv4,
            Family::Ipv6 => TableFamily::Ipv6,
        };
        Self {
            family,
            table: Table { family: family_of_table, name: settings.refusal.clone() },
            priority: settings.priority,
            counters: settings.counters,
            served: settings.served.clone(),
            refused: BTreeMap::new(),
        }
    }

    pub(super) const fn table(&self) -> &Table {
        &self.table
    }

    /// Whether any address refuses packets.
    pub(super) fn is_needed(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Lets an address refuse; the same address on another interface is the same element, unless it is link-local.
    pub(super) fn refuse(&mut self, transaction: &mut Transaction, address: (IpAddr, IfIndex)) {
        if Family::of(address.0) != self.family {
            return;
        }
        let (set, key) = element(address);
        let count = self.refused.entry((set, key.clone())).or_insert(0);
        *count += 1;
        if *count == 1 {
            transaction.add_elements(&self.table, set, &[Element::key(key)]);
        }
    }

    /// Lets an address accept again.
    pub(super) fn accept(&mut self, transaction: &mut Transaction, address: (IpAddr, IfIndex)) {
        let (set, key) = element(address);
        let Some(count) = self.refused.get_mut(&(set, key.clone())) else { return };
        *count -= 1;
        if *count == 0 {
            self.refused.remove(&(set, key.clone()));
            transaction.remove_elements(&self.table, set, &[Element::key(key)]);
        }
    }

    /// Whether another one is written in the same way, whatever addresses refuse.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.table == other.table
            && self.priority == other.priority
            && self.counters == other.counters
            && self.served == other.served
    }

    /// Changes nothing, and is refused if the table is gone.
    pub(super) fn touch(&self, transaction: &mut Transaction) {
        if let Some((set, key)) = self.refused.keys().next() {
            transaction.add_elements(&self.table, set, &[Element::key(key.clone())]);
        }
    }

    /// Writes the whole anew, whatever is there.
    pub(super) fn build(&self, transaction: &mut Transaction) {
        let table = &self.table;
        transaction.renew_table(table);
        let (address, source, destination) = match self.family {
            Family::Ipv4 => (SetKind::Ipv4, Field::Network(12, 4), Field::Network(16, 4)),
            Family::Ipv6 => (SetKind::Ipv6, Field::Network(8, 16), Field::Network(24, 16)),
        };
        if self.family == Family::Ipv6 {
            let key = &[address, SetKind::Interface];
            transaction.add_set(table, &Set::new(LINK_LOCAL, key));
        }
        let sets: [(&str, &[SetKind]); 4] = [
            (REFUSED, &[address]),
            (PORTS, &[address, SetKind::Protocol, SetKind::Port]),
            (WHOLE, &[address, SetKind::Protocol]),
            (MARKS, &[SetKind::Mark]),
        ];
        for (name, key) in sets {
            transaction.add_set(table, &Set::new(name, key));
        }
        self.add_elements(transaction);
        let ways = [
            ("in", Hook::Input, destination, DESTINATION_PORT, Field::InputInterface),
            ("out", Hook::Output, source, SOURCE_PORT, Field::OutputInterface),
        ];
        for (chain, hook, own, port, interface) in ways {
            transaction.add_chain(table, chain, hook, self.priority);
            let mut add = |rule: &dyn Fn(Rule) -> Rule| transaction.add_rule(table, chain, rule);
            if self.family == Family::Ipv6 {
                for kind in NEIGHBOUR_DISCOVERY {
                    add(&|rule| {
                        rule.equal(Field::Protocol, &[ICMPV6])
                            .equal(Field::Transport(0, 1), &[kind])
                            .accept()
                    });
                }
            }
            add(&|rule| rule.is_in(&[own, Field::Protocol, port], PORTS).accept());
            add(&|rule| rule.is_in(&[own, Field::Protocol], WHOLE).accept());
            if hook == Hook::Input {
                add(&|rule| rule.is_in(&[Field::Mark], MARKS).accept());
            }
            let refuse = |rule: Rule| if self.counters { rule.count().drop() } else { rule.drop() };
            add(&|rule| refuse(rule.is_in(&[own], REFUSED)));
            if self.family == Family::Ipv6 {
                add(&|rule| refuse(rule.is_in(&[own, interface], LINK_LOCAL)));
            }
        }
    }

    fn add_elements(&self, transaction: &mut Transaction) {
        let mut sets: BTreeMap<&str, Vec<Element>> = BTreeMap::new();
        for (set, key) in self.refused.keys() {
            sets.entry(set).or_default().push(Element::key(key.clone()));
        }
        for served in &self.served {
            let (set, key) = match *served {
                Served::Address { address, protocol, port } => {
                    let protocol = [number(protocol), 0, 0, 0];
                    match port.unwrap_or(0).to_be_bytes() {
                        [0, 0] => (WHOLE, self.key(address, &protocol)),
                        [high, low] => {
                            (PORTS, self.key(address, &[protocol, [high, low, 0, 0]].concat()))
                        }
                    }
                }
                Served::Mark(mark) => (MARKS, Some(mark.to_ne_bytes().to_vec())),
            };
            if let Some(key) = key {
                sets.entry(set).or_default().push(Element::key(key));
            }
        }
        for (set, elements) in sets {
            transaction.add_elements(&self.table, set, &elements);
        }
    }

    fn key(&self, address: IpAddr, rest: &[u8]) -> Option<Vec<u8>> {
        let own = Family::of(address) == self.family;
        own.then(|| [Element::address(address).key.as_slice(), rest].concat())
    }
}

/// As IANA numbers transport protocols.
const fn number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Sctp => 132,
    }
}

/// The set that an address belongs into, and its key there.
fn element((address, interface): (IpAddr, IfIndex)) -> (&'static str, Vec<u8>) {
    match address {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            (LINK_LOCAL, [v6.octets().as_slice(), &Field::interface(interface)].concat())
        }
        IpAddr::V4(_) | IpAddr::V6(_) => (REFUSED, Element::address(address).key),
    }
}

/// keepalived's names.
const REFUSED: &str = "vips";
const LINK_LOCAL: &str = "vips_link_local";
const PORTS: &str = "served_ports";
const WHOLE: &str = "served_protocols";
const MARKS: &str = "served_marks";
const SOURCE_PORT: Field = Field::Transport(0, 2);
const DESTINATION_PORT: Field = Field::Transport(2, 2);
const ICMPV6: u8 = 58;
/// Solicitation and advertisement (RFC 4861 §4.3 and §4.4).
const NEIGHBOUR_DISCOVERY: [u8; 2] = [135, 136];
