//! Changes of a ruleset, collected.

use super::rule::Rule;
use super::set::{Element, Set};
use crate::netlink::message::Builder;

/// Whose packets a table sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TableFamily {
    /// IPv4.
    Ipv4,
    /// ARP.
    Arp,
    /// IPv6.
    Ipv6,
}

/// A table by its family and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its family.
    pub family: TableFamily,
    /// Its name.
    pub name: String,
}

/// Where a base chain hooks in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Whatever comes in, before its route is chosen. Not for ARP.
    Prerouting,
    /// What the host itself is to receive.
    Input,
    /// What the host itself sends.
    Output,
}

/// Changes that happen together.
#[derive(Debug, Default)]
pub struct Transaction {
    messages: Vec<Builder>,
    sets: u32,
    elements: usize,
}

impl Transaction {
    /// Whether there is nothing to change.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// How many changes there are: many thousands want several transactions.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// How many elements are added or removed: many thousands want several transactions.
    pub const fn elements(&self) -> usize {
        self.elements
    }

    /// Adds a table; one that is there stays as it is.
    pub fn add_table(&mut self, table: &Table) {
        self.push(header(NEWTABLE, CREATE, table).text(TABLE_NAME, &table.name));
    }

    /// Removes a table with all that is in it.
    pub fn remove_table(&mut self, table: &Table) {
        self.push(header(DELTABLE, 0, table).text(TABLE_NAME, &table.name));
    }

    /// Makes a table empty, whether it is there or not.
    pub fn renew_table(&mut self, table: &Table) {
        self.add_table(table);
        self.remove_table(table);
        self.add_table(table);
    }

    /// Adds a chain that sees packets at a hook, and lets them pass where no rule says otherwise.
    pub fn add_chain(&mut self, table: &Table, name: &str, hook: Hook, priority: i32) {
        self.add_base_chain(table, name, (hook, priority), "filter");
    }

    /// Adds a chain that sees the first packet of each connection at a hook, and may rewrite its addresses.
    pub fn add_nat_chain(&mut self, table: &Table, name: &str, hook: Hook, priority: i32) {
        self.add_base_chain(table, name, (hook, priority), "nat");
    }

    /// Adds a chain that is gone to from others.
    pub fn add_plain_chain(&mut self, table: &Table, name: &str) {
        self.push(chain(NEWCHAIN, CREATE, table, name));
    }

    /// Removes a chain with its rules; nothing may go to it any more.
    pub fn remove_chain(&mut self, table: &Table, name: &str) {
        self.push(chain(DELCHAIN, 0, table, name));
    }

    /// Removes the rules of a chain.
    pub fn clear_chain(&mut self, table: &Table, name: &str) {
        let message = header(DELRULE, 0, table).text(RULE_TABLE, &table.name);
        self.push(message.text(RULE_CHAIN, name));
    }

    fn add_base_chain(
        &mut self,
        table: &Table,
        name: &str,
        (hook, priority): (Hook, i32),
        kind: &str,
    ) {
        let message = header(NEWCHAIN, CREATE, table)
            .text(CHAIN_TABLE, &table.name)
            .text(CHAIN_NAME, name)
            .open(CHAIN_HOOK)
            .attribute(HOOK_NUMBER, &hook.number(table.family).to_be_bytes())
            .attribute(HOOK_PRIORITY, &priority.to_be_bytes())
            .close()
            .attribute(CHAIN_POLICY, &NF_ACCEPT.to_be_bytes())
            .text(CHAIN_TYPE, kind);
        self.push(message);
    }

    /// Adds a set or map; one that is there with the same settings stays as it is.
    pub fn add_set(&mut self, table: &Table, set: &Set<'_>) {
        self.sets += 1;
        let message = header(NEWSET, CREATE, table).text(SET_TABLE, &table.name);
        self.push(set.emit(message, self.sets));
    }

    /// Removes a set or map with its elements; no rule may use it any more.
    pub fn remove_set(&mut self, table: &Table, name: &str) {
        self.push(header(DELSET, 0, table).text(SET_TABLE, &table.name).text(SET_NAME, name));
    }

    /// Adds a rule at the end of a chain.
    pub fn add_rule(&mut self, table: &Table, chain: &str, rule: impl FnOnce(Rule) -> Rule) {
        let message = header(NEWRULE, CREATE | APPEND, table)
            .text(RULE_TABLE, &table.name)
            .text(RULE_CHAIN, chain)
            .open(RULE_EXPRESSIONS);
        self.push(rule(Rule::of(message)).into_builder().close());
    }

    /// Adds elements; those that are there stay as they are.
    pub fn add_elements(&mut self, table: &Table, set: &str, elements: &[Element]) {
        self.change_elements(NEWSETELEM, CREATE, table, set, elements);
    }

    /// Removes elements, all of which must be there.
    pub fn remove_elements(&mut self, table: &Table, set: &str, elements: &[Element]) {
        self.change_elements(DELSETELEM, 0, table, set, elements);
    }

    /// Gives an element its whole time again, whether it is there or not.
    pub fn renew_element(&mut self, table: &Table, set: &str, element: &Element) {
        // Before Linux 6.12 the time of an element that is there cannot be changed.
        let one = std::slice::from_ref(element);
        self.add_elements(table, set, one);
        self.remove_elements(table, set, &[Element::key(element.key.clone())]);
        self.add_elements(table, set, one);
    }

    fn change_elements(
        &mut self,
        kind: u16,
        flags: u16,
        table: &Table,
        set: &str,
        elements: &[Element],
    ) {
        // An attribute's length has sixteen bits.
        let bare = elements.iter().all(|it| it.value.is_none() && it.comment.is_none());
        for elements in elements.chunks(if bare { BARE_A_MESSAGE } else { FULL_A_MESSAGE }) {
            let mut message = header(kind, flags, table)
                .text(ELEMENTS_TABLE, &table.name)
                .text(ELEMENTS_SET, set)
                .open(ELEMENTS_LIST);
            for element in elements {
                message = element.emit(message);
            }
            self.elements += elements.len();
            self.push(message.close());
        }
    }

    fn push(&mut self, message: Builder) {
        self.messages.push(message);
    }

    /// The bytes of the whole, numbered from `first`; and the number of the last change, which is acknowledged.
    pub(super) fn finish(self, first: u32) -> (Vec<u8>, u32) {
        let mut sequence = first;
        let mut bytes = Builder::new(BATCH_BEGIN, REQUEST).body(&BATCH).finish(sequence);
        let count = self.messages.len();
        for (index, message) in self.messages.into_iter().enumerate() {
            sequence = sequence.wrapping_add(1);
            let message = if index + 1 == count { message } else { message.quiet() };
            bytes.extend_from_slice(&message.finish(sequence));
        }
        let end = Builder::new(BATCH_END, REQUEST).body(&BATCH);
        bytes.extend_from_slice(&end.finish(sequence.wrapping_add(1)));
        (bytes, sequence)
    }
}

impl TableFamily {
    const fn number(self) -> u8 {
        match self {
            Self::Ipv4 => 2,
            Self::Arp => 3,
            Self::Ipv6 => 10,
        }
    }
}

impl Hook {
    /// `NF_INET_PRE_ROUTING`, `NF_INET_LOCAL_IN` and `NF_INET_LOCAL_OUT`; ARP counts its own.
    const fn number(self, family: TableFamily) -> u32 {
        match (family, self) {
            (TableFamily::Arp, Self::Input) | (_, Self::Prerouting) => 0,
            (TableFamily::Arp, Self::Output) | (_, Self::Input) => 1,
            (_, Self::Output) => 3,
        }
    }
}

/// A message about a chain.
fn chain(kind: u16, flags: u16, table: &Table, name: &str) -> Builder {
    header(kind, flags, table).text(CHAIN_TABLE, &table.name).text(CHAIN_NAME, name)
}

fn header(kind: u16, flags: u16, table: &Table) -> Builder {
    begin(kind, ACK | flags, table)
}

/// A request about what is in a table, with `struct nfgenmsg`.
pub(super) fn begin(kind: u16, flags: u16, table: &Table) -> Builder {
    let family = [table.family.number(), 0, 0, 0];
    Builder::new(SUBSYSTEM << 8 | kind, REQUEST | flags).body(&family)
}

/// `NFNL_SUBSYS_NFTABLES`.
const SUBSYSTEM: u16 = 10;
/// `struct nfgenmsg` of what begins and ends a transaction: it names the subsystem.
const BATCH: [u8; 4] = [0, 0, 0, 10];
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;
const REQUEST: u16 = 1;
const ACK: u16 = 4;
const CREATE: u16 = 0x400;
const APPEND: u16 = 0x800;
const NEWTABLE: u16 = 0;
const DELTABLE: u16 = 2;
const NEWCHAIN: u16 = 3;
const DELCHAIN: u16 = 5;
const NEWRULE: u16 = 6;
const DELRULE: u16 = 8;
const NEWSET: u16 = 9;
const DELSET: u16 = 11;
const NEWSETELEM: u16 = 12;
const DELSETELEM: u16 = 14;
const TABLE_NAME: u16 = 1;
pub(super) const CHAIN_TABLE: u16 = 1;
pub(super) const CHAIN_NAME: u16 = 3;
const CHAIN_HOOK: u16 = 4;
const CHAIN_POLICY: u16 = 5;
const CHAIN_TYPE: u16 = 7;
const HOOK_NUMBER: u16 = 1;
const HOOK_PRIORITY: u16 = 2;
const NF_ACCEPT: u32 = 1;
pub(super) const SET_TABLE: u16 = 1;
pub(super) const SET_NAME: u16 = 2;
const RULE_TABLE: u16 = 1;
const RULE_CHAIN: u16 = 2;
const RULE_EXPRESSIONS: u16 = 4;
pub(super) const ELEMENTS_TABLE: u16 = 1;
pub(super) const ELEMENTS_SET: u16 = 2;
pub(super) const ELEMENTS_LIST: u16 = 3;
pub(super) const LIST_ELEMENT: u16 = 1;
pub(super) const EXPRESSION_NAME: u16 = 1;
pub(super) const EXPRESSION_DATA: u16 = 2;
/// Elements that are keys alone, and those that have more to say.
const BARE_A_MESSAGE: usize = 512;
const FULL_A_MESSAGE: usize = 128;
