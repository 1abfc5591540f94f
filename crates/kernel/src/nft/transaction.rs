//! Changes of a ruleset, collected.

use std::net::IpAddr;
use std::time::Duration;

use super::rule::Rule;
use crate::address::octets;
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
    /// What the host itself is to receive.
    Input,
    /// What the host itself sends.
    Output,
}

/// A set or map.
#[derive(Clone, Copy, Debug)]
pub struct Set<'a> {
    /// Its name.
    pub name: &'a str,
    /// What its keys are, one behind the other.
    pub key: &'a [SetKind],
    /// What a map says of a key; none for a set.
    pub value: Option<SetKind>,
    /// Whether elements may end by themselves.
    pub expires: bool,
}

/// What a key or a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetKind {
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A transport protocol's number.
    Protocol,
    /// A port, in network order.
    Port,
    /// Index of an interface, in host order.
    Interface,
    /// A mark, in host order; for maps any number.
    Mark,
}

/// An element of a set or map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its key; each part of a key of several parts fills whole four bytes.
    pub key: Vec<u8>,
    /// What a map says of it.
    pub value: Option<[u8; 4]>,
    /// How long it stays; for ever where not set.
    pub timeout: Option<Duration>,
}

impl Element {
    /// An address that stays.
    pub fn address(address: IpAddr) -> Self {
        Self::key(octets(address))
    }

    /// A key that stays.
    pub fn key(key: impl Into<Vec<u8>>) -> Self {
        Self { key: key.into(), value: None, timeout: None }
    }
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
        let message = header(NEWCHAIN, CREATE, table)
            .text(CHAIN_TABLE, &table.name)
            .text(CHAIN_NAME, name)
            .open(CHAIN_HOOK)
            .attribute(HOOK_NUMBER, &hook.number(table.family).to_be_bytes())
            .attribute(HOOK_PRIORITY, &priority.to_be_bytes())
            .close()
            .attribute(CHAIN_POLICY, &NF_ACCEPT.to_be_bytes())
            .text(CHAIN_TYPE, "filter");
        self.push(message);
    }

    /// Adds a set or map.
    pub fn add_set(&mut self, table: &Table, set: &Set<'_>) {
        self.sets += 1;
        let flags = if set.value.is_some() { SET_MAP } else { 0 }
            | if set.expires { SET_TIMEOUT } else { 0 };
        // As nft numbers the types of joined keys, so that it can show them.
        let kind = set.key.iter().fold(0, |kinds, kind| kinds << TYPE_BITS | kind.number());
        let length = set.key.iter().map(|kind| kind.padded(set.key.len())).sum::<u32>();
        let mut message = header(NEWSET, CREATE, table)
            .text(SET_TABLE, &table.name)
            .text(SET_NAME, set.name)
            .attribute(SET_FLAGS, &flags.to_be_bytes())
            .attribute(SET_KEY_TYPE, &kind.to_be_bytes())
            .attribute(SET_KEY_LEN, &length.to_be_bytes())
            .attribute(SET_ID, &self.sets.to_be_bytes());
        if let Some(value) = set.value {
            message = message
                .attribute(SET_DATA_TYPE, &value.number().to_be_bytes())
                .attribute(SET_DATA_LEN, &value.len().to_be_bytes());
        }
        self.push(message);
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
        for elements in elements.chunks(ELEMENTS_A_MESSAGE) {
            let mut message = header(kind, flags, table)
                .text(ELEMENTS_TABLE, &table.name)
                .text(ELEMENTS_SET, set)
                .open(ELEMENTS_LIST);
            for element in elements {
                message = message
                    .open(LIST_ELEMENT)
                    .open(ELEMENT_KEY)
                    .attribute(DATA_VALUE, &element.key)
                    .close();
                if let Some(value) = element.value {
                    message = message.open(ELEMENT_DATA).attribute(DATA_VALUE, &value).close();
                }
                if let Some(timeout) = element.timeout {
                    let milliseconds = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
                    message =
                        message.attribute(ELEMENT_TIMEOUT, &milliseconds.max(1).to_be_bytes());
                }
                message = message.close();
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
    /// `NF_INET_LOCAL_IN` and `NF_INET_LOCAL_OUT`; ARP counts its own.
    const fn number(self, family: TableFamily) -> u32 {
        match (family, self) {
            (TableFamily::Arp, Self::Input) => 0,
            (TableFamily::Arp, Self::Output) | (_, Self::Input) => 1,
            (_, Self::Output) => 3,
        }
    }
}

impl SetKind {
    /// The number by which nft knows it.
    const fn number(self) -> u32 {
        match self {
            Self::Ipv4 => 7,
            Self::Ipv6 => 8,
            Self::Protocol => 12,
            Self::Port => 13,
            Self::Mark => 19,
            Self::Interface => 20,
        }
    }

    const fn len(self) -> u32 {
        match self {
            Self::Ipv6 => 16,
            Self::Ipv4 | Self::Mark | Self::Interface => 4,
            Self::Port => 2,
            Self::Protocol => 1,
        }
    }

    /// Its length as one of so many parts of a key.
    const fn padded(self, parts: usize) -> u32 {
        if parts > 1 { self.len().next_multiple_of(4) } else { self.len() }
    }
}

fn header(kind: u16, flags: u16, table: &Table) -> Builder {
    Builder::new(SUBSYSTEM << 8 | kind, REQUEST | ACK | flags).body(&[
        table.family.number(),
        0,
        0,
        0,
    ])
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
const NEWRULE: u16 = 6;
const NEWSET: u16 = 9;
const NEWSETELEM: u16 = 12;
const DELSETELEM: u16 = 14;
const TABLE_NAME: u16 = 1;
const CHAIN_TABLE: u16 = 1;
const CHAIN_NAME: u16 = 3;
const CHAIN_HOOK: u16 = 4;
const CHAIN_POLICY: u16 = 5;
const CHAIN_TYPE: u16 = 7;
const HOOK_NUMBER: u16 = 1;
const HOOK_PRIORITY: u16 = 2;
const NF_ACCEPT: u32 = 1;
const SET_TABLE: u16 = 1;
const SET_NAME: u16 = 2;
const SET_FLAGS: u16 = 3;
const SET_KEY_TYPE: u16 = 4;
const SET_KEY_LEN: u16 = 5;
const SET_DATA_TYPE: u16 = 6;
const SET_DATA_LEN: u16 = 7;
const SET_ID: u16 = 10;
const SET_MAP: u32 = 0x8;
const SET_TIMEOUT: u32 = 0x10;
const TYPE_BITS: u32 = 6;
const RULE_TABLE: u16 = 1;
const RULE_CHAIN: u16 = 2;
const RULE_EXPRESSIONS: u16 = 4;
const ELEMENTS_TABLE: u16 = 1;
const ELEMENTS_SET: u16 = 2;
const ELEMENTS_LIST: u16 = 3;
const ELEMENT_KEY: u16 = 1;
const ELEMENT_DATA: u16 = 2;
const ELEMENT_TIMEOUT: u16 = 4;
const DATA_VALUE: u16 = 1;
pub(super) const LIST_ELEMENT: u16 = 1;
pub(super) const EXPRESSION_NAME: u16 = 1;
pub(super) const EXPRESSION_DATA: u16 = 2;
const ELEMENTS_A_MESSAGE: usize = 512;
