//! Sets and maps: what their keys are, and what they hold.

use std::net::IpAddr;
use std::time::Duration;

use super::transaction::{LIST_ELEMENT, SET_NAME};
use super::verdict::{self, Verdict};
use crate::address::octets;
use crate::netlink::message::Builder;

/// A set or map.
#[derive(Clone, Copy, Debug)]
pub struct Set<'a> {
    /// Its name.
    pub name: &'a str,
    /// What its keys are, one behind the other.
    pub key: &'a [SetKind],
    /// What a map says of a key, one behind the other; none for a set.
    pub value: Option<&'a [SetKind]>,
    /// Whether elements may end by themselves.
    pub expires: bool,
    /// Whether rules add elements, and how many there may be then.
    pub learns: Option<u32>,
    /// A line for people, at most 250 bytes.
    pub comment: Option<&'a str>,
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
    /// A priority, in host order; for maps any number.
    Priority,
    /// Where a rule that looks it up goes; for values only.
    Verdict,
}

/// An element of a set or map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its key; each part of a key of several parts fills whole four bytes.
    pub key: Vec<u8>,
    /// What a map says of it.
    pub value: Option<Value>,
    /// How long it stays; for ever where not set.
    pub timeout: Option<Duration>,
    /// A line for people, at most 250 bytes.
    pub comment: Option<String>,
}

/// What a map says of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Four bytes.
    Number([u8; 4]),
    /// What becomes of the packet.
    Verdict(Verdict),
}

impl<'a> Set<'a> {
    /// A set whose elements come and go with transactions.
    pub const fn new(name: &'a str, key: &'a [SetKind]) -> Self {
        Self { name, key, value: None, expires: false, learns: None, comment: None }
    }

    /// A map.
    pub const fn map(name: &'a str, key: &'a [SetKind], value: &'a [SetKind]) -> Self {
        Self { value: Some(value), ..Self::new(name, key) }
    }

    /// The attributes behind the table's name.
    pub(super) fn emit(&self, message: Builder, id: u32) -> Builder {
        let flags = if self.value.is_some() { SET_MAP } else { 0 }
            | if self.expires { SET_TIMEOUT } else { 0 }
            | if self.learns.is_some() { SET_EVAL } else { 0 };
        let (kind, length) = joined(self.key);
        let mut message = message
            .text(SET_NAME, self.name)
            .attribute(SET_FLAGS, &flags.to_be_bytes())
            .attribute(SET_KEY_TYPE, &kind.to_be_bytes())
            .attribute(SET_KEY_LEN, &length.to_be_bytes())
            .attribute(SET_ID, &id.to_be_bytes());
        if let Some(value) = self.value {
            let (kind, length) = joined(value);
            message = message
                .attribute(SET_DATA_TYPE, &kind.to_be_bytes())
                .attribute(SET_DATA_LEN, &length.to_be_bytes());
        }
        if let Some(size) = self.learns {
            message =
                message.open(SET_DESCRIPTION).attribute(SET_SIZE, &size.to_be_bytes()).close();
        }
        match self.comment {
            Some(comment) => message.attribute(SET_USERDATA, &note(COMMENT_OF_SET, comment)),
            None => message,
        }
    }
}

/// The number of joined types, as nft numbers them, so that it can show them; and their length.
fn joined(kinds: &[SetKind]) -> (u32, u32) {
    let number = kinds.iter().fold(0, |kinds, kind| kinds << TYPE_BITS | kind.number());
    (number, kinds.iter().map(|kind| kind.padded(kinds.len())).sum())
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
            Self::Priority => 23,
            // `NFT_DATA_VERDICT`.
            Self::Verdict => 0xffff_ff00,
        }
    }

    const fn len(self) -> u32 {
        match self {
            Self::Ipv6 => 16,
            Self::Ipv4 | Self::Mark | Self::Priority | Self::Interface => 4,
            Self::Port => 2,
            Self::Protocol => 1,
            Self::Verdict => 0,
        }
    }

    /// Its length as one of so many parts of a key.
    const fn padded(self, parts: usize) -> u32 {
        if parts > 1 { self.len().next_multiple_of(4) } else { self.len() }
    }
}

impl Element {
    /// An address that stays.
    pub fn address(address: IpAddr) -> Self {
        Self::key(octets(address))
    }

    /// A key that stays.
    pub fn key(key: impl Into<Vec<u8>>) -> Self {
        Self { key: key.into(), value: None, timeout: None, comment: None }
    }

    /// A key of a map, that stays.
    pub fn pair(key: impl Into<Vec<u8>>, value: Value) -> Self {
        Self { value: Some(value), ..Self::key(key) }
    }

    pub(super) fn emit(&self, message: Builder) -> Builder {
        let mut message = message
            .open(LIST_ELEMENT)
            .open(ELEMENT_KEY)
            .attribute(verdict::DATA_VALUE, &self.key)
            .close();
        message = match &self.value {
            Some(Value::Number(bytes)) => {
                message.open(ELEMENT_DATA).attribute(verdict::DATA_VALUE, bytes).close()
            }
            Some(Value::Verdict(verdict)) => verdict.emit(message.open(ELEMENT_DATA)).close(),
            None => message,
        };
        if let Some(timeout) = self.timeout {
            message = message.attribute(ELEMENT_TIMEOUT, &milliseconds(timeout));
        }
        if let Some(comment) = &self.comment {
            message = message.attribute(ELEMENT_USERDATA, &note(COMMENT_OF_ELEMENT, comment));
        }
        message.close()
    }
}

/// A time as nf_tables takes it; never 0, which would be for ever.
pub(super) fn milliseconds(time: Duration) -> [u8; 8] {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1).to_be_bytes()
}

/// A comment as nft writes and shows it: kind, length and text with its NUL. What does not fit is cut off.
fn note(kind: u8, comment: &str) -> Vec<u8> {
    let text: Vec<u8> = comment.bytes().take(LONGEST_COMMENT).collect();
    let length = u8::try_from(text.len() + 1).unwrap_or(u8::MAX);
    [&[kind, length], text.as_slice(), &[0]].concat()
}

/// The comment in what [`note`] made, whichever kind it is.
pub(super) fn comment(kind: u8, mut userdata: &[u8]) -> Option<String> {
    while let [found, length, rest @ ..] = userdata {
        let (value, behind) = rest.split_at_checked(usize::from(*length))?;
        if *found == kind {
            return Some(crate::netlink::message::text(value));
        }
        userdata = behind;
    }
    None
}

const LONGEST_COMMENT: usize = 250;
/// `NFTNL_UDATA_SET_COMMENT` and `NFTNL_UDATA_SET_ELEM_COMMENT` of libnftnl.
pub(super) const COMMENT_OF_SET: u8 = 7;
pub(super) const COMMENT_OF_ELEMENT: u8 = 0;

const SET_FLAGS: u16 = 3;
const SET_KEY_TYPE: u16 = 4;
const SET_KEY_LEN: u16 = 5;
const SET_DATA_TYPE: u16 = 6;
const SET_DATA_LEN: u16 = 7;
const SET_DESCRIPTION: u16 = 9;
const SET_ID: u16 = 10;
pub(super) const SET_USERDATA: u16 = 13;
const SET_SIZE: u16 = 1;
const SET_MAP: u32 = 0x8;
const SET_TIMEOUT: u32 = 0x10;
const SET_EVAL: u32 = 0x20;
const TYPE_BITS: u32 = 6;
pub(super) const ELEMENT_KEY: u16 = 1;
pub(super) const ELEMENT_DATA: u16 = 2;
const ELEMENT_TIMEOUT: u16 = 4;
pub(super) const ELEMENT_USERDATA: u16 = 6;
