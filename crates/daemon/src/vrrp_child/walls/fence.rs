//! The fence: what this host's kernel answers for virtual addresses is dropped once the loop has stopped to advertise.
//!
//! A map says to which term an address belongs; an element of `alive` stands for as long as others wait for an
//! advertisement, one of `leased` for as long as the addresses can stand. An answer for an address whose term is
//! leased and not alive is dropped. So one element is renewed for thousands of addresses, and what a killed daemon
//! leaves behind is without effect once its addresses are gone. Announcements of our own are sent below nftables.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use clock::Instant;
use kernel::nft::{
    Element, Field, Hook, Rule, Set, SetKind, Table, TableFamily, Transaction, Value,
};
use kernel::packing::Packing;
use wire::Family;

use super::Term;

/// The fence of one family, as it was written last.
#[derive(Debug)]
pub(super) struct Fence {
    family: Family,
    table: Table,
    guarded: BTreeMap<IpAddr, Term>,
    packing: Packing,
    /// Numbers of terms: what the map says.
    terms: BTreeMap<Term, u32>,
    /// When a term was renewed last in `leased`.
    leased: BTreeMap<Term, Instant>,
    /// Whether the configuration has addresses that it would guard.
    is_expected: bool,
}

impl Fence {
    pub(super) fn new(family: Family, name: &str) -> Self {
        let family_of_table = match family {
            Family::Ipv4 => TableFamily::Arp,
            Family::Ipv6 => TableFamily::Ipv6,
        };
        let table = Table { family: family_of_table, name: name.to_owned() };
        Self {
            family,
            table,
            guarded: BTreeMap::new(),
            packing: Packing::default(),
            terms: BTreeMap::new(),
            leased: BTreeMap::new(),
            is_expected: false,
        }
    }

    /// Says whether there can be addresses to guard: then it stands before they come, because the kernel takes longer
    /// for a new chain than a client waits for an answer.
    pub(super) const fn expect(&mut self, is_expected: bool) {
        self.is_expected = is_expected;
    }

    pub(super) const fn is_expected(&self) -> bool {
        self.is_expected
    }

    pub(super) const fn family(&self) -> Family {
        self.family
    }

    pub(super) const fn table(&self) -> &Table {
        &self.table
    }

    /// Whether it guards any address.
    pub(super) fn is_needed(&self) -> bool {
        !self.guarded.is_empty()
    }

    /// Changes the term of an address.
    pub(super) fn guard(
        &mut self,
        transaction: &mut Transaction,
        address: IpAddr,
        term: Option<Term>,
    ) {
        if Family::of(address) != self.family || self.guarded.get(&address) == term.as_ref() {
            return;
        }
        if self.guarded.remove(&address).is_some() {
            transaction.remove_elements(&self.table, GUARDED, &[Element::address(address)]);
        }
        if let Some(term) = term {
            let element = self.element(address, term);
            transaction.add_elements(&self.table, GUARDED, &[element]);
            self.guarded.insert(address, term);
        }
    }

    /// Wastes no room after many addresses came.
    pub(super) fn pack(&mut self) {
        self.packing.pack(&mut self.guarded);
    }

    /// Renews a term for as long as `advertised`, the time of an advertisement, allows.
    pub(super) fn renew(
        &mut self,
        transaction: &mut Transaction,
        now: Instant,
        term: Term,
        advertised: Instant,
    ) {
        let number = self.number(term);
        let element = |timeout| Element { timeout: Some(timeout), ..Element::key(number) };
        let left = (advertised + term.silence()).since(now);
        if !left.is_zero() {
            transaction.renew_element(&self.table, ALIVE, &element(left));
        }
        let is_due = |at: &Instant| now.since(*at) >= term.lease() / LEASE_RENEWALS;
        if self.leased.get(&term).is_none_or(is_due) {
            self.leased.insert(term, now);
            // An address may have been renewed just before the daemon died, and this at the first advert that was due
            // before. Leases end at whole seconds, and what renews them waits its turn.
            let late = term.lease() / LEASE_RENEWALS + term.silence() + Duration::from_secs(2);
            transaction.renew_element(&self.table, LEASED, &element(term.lease() + late));
        }
    }

    /// Changes nothing, and is refused if the table is gone.
    pub(super) fn touch(&self, transaction: &mut Transaction) {
        transaction.add_set(&self.table, &expiring(ALIVE));
    }

    /// Writes the whole anew, whatever is there; terms are to be renewed afterwards.
    pub(super) fn build(&mut self, transaction: &mut Transaction) {
        let table = &self.table;
        self.leased.clear();
        let address = match self.family {
            Family::Ipv4 => SetKind::Ipv4,
            Family::Ipv6 => SetKind::Ipv6,
        };
        transaction.renew_table(table);
        let key = [address];
        transaction.add_set(table, &Set::map(GUARDED, &key, &[SetKind::Mark]));
        for name in [ALIVE, LEASED] {
            transaction.add_set(table, &expiring(name));
        }
        transaction.add_chain(table, CHAIN, Hook::Output, PRIORITY);
        match self.family {
            Family::Ipv4 => transaction
                .add_rule(table, CHAIN, |rule| silenced(rule.mark_by(&[ARP_SENDER], GUARDED))),
            Family::Ipv6 => {
                // A solicitation tells the address of its sender too (RFC 4861 §7.2.3).
                let spoken =
                    [(ADVERTISEMENT, ADVERTISED_TARGET), (SOLICITATION, SOLICITATION_SOURCE)];
                for (kind, address) in spoken {
                    transaction.add_rule(table, CHAIN, |rule| {
                        let rule = rule.equal(Field::Protocol, &[ICMPV6]);
                        let rule = rule.equal(Field::Transport(0, 1), &[kind]);
                        silenced(rule.mark_by(&[address], GUARDED))
                    });
                }
            }
        }
        let all: Vec<(IpAddr, Term)> = self.guarded.iter().map(|(at, term)| (*at, *term)).collect();
        let elements: Vec<Element> =
            all.into_iter().map(|(address, term)| self.element(address, term)).collect();
        transaction.add_elements(&self.table, GUARDED, &elements);
    }

    fn element(&mut self, address: IpAddr, term: Term) -> Element {
        Element { value: Some(Value::Number(self.number(term))), ..Element::address(address) }
    }

    fn number(&mut self, term: Term) -> [u8; 4] {
        let next = FIRST_MARK + u32::try_from(self.terms.len()).unwrap_or(0);
        self.terms.entry(term).or_insert(next).to_ne_bytes()
    }
}

/// A set of terms that end by themselves.
fn expiring(name: &'static str) -> Set<'static> {
    Set { expires: true, ..Set::new(name, &[SetKind::Mark]) }
}

/// Drops what is marked with a term that is leased and not alive.
fn silenced(rule: Rule) -> Rule {
    rule.is_not_in(&[Field::Mark], ALIVE).is_in(&[Field::Mark], LEASED).drop()
}

/// Packets of ours carry these marks for a moment: numbers that nobody else chooses.
const FIRST_MARK: u32 = 0x5afe_0000;
const GUARDED: &str = "guarded";
const ALIVE: &str = "alive";
const LEASED: &str = "leased";
const CHAIN: &str = "out";
const PRIORITY: i32 = 0;
/// The sender's protocol address of ARP over Ethernet (RFC 826).
const ARP_SENDER: Field = Field::Network(14, 4);
const ICMPV6: u8 = 58;
/// RFC 4861 §4.3 and §4.4.
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
const ADVERTISED_TARGET: Field = Field::Transport(8, 16);
const SOLICITATION_SOURCE: Field = Field::Network(8, 16);
const LEASE_RENEWALS: u32 = 6;
