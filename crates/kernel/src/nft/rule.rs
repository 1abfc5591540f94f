//! One rule: loads, comparisons and lookups from left to right, until one does not match, and a verdict.

use intent::IfIndex;

use super::transaction::{EXPRESSION_DATA, EXPRESSION_NAME, LIST_ELEMENT};
use super::verdict::{DATA_VALUE, Verdict};
use crate::netlink::message::Builder;

/// Something of a packet that a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Bytes of the network header: where, and how many (at most 16).
    Network(u32, u32),
    /// Such bytes, of which those bits count that the mask has.
    Masked(u32, u32, [u8; 16]),
    /// Bytes of the transport header: where, and how many (at most 16).
    Transport(u32, u32),
    /// The transport protocol's number, one byte.
    Protocol,
    /// Index of the interface that the packet came in by, four bytes in host order.
    InputInterface,
    /// Index of the interface that the packet goes out by, four bytes in host order.
    OutputInterface,
    /// The packet's mark, four bytes in host order.
    Mark,
    /// The packet's priority, four bytes in host order: nobody asks for it before the packet leaves.
    Priority,
}

/// A rule under construction.
#[derive(Debug)]
pub struct Rule {
    builder: Builder,
}

impl Rule {
    pub(super) const fn of(builder: Builder) -> Self {
        Self { builder }
    }

    /// Goes on if the field has this value.
    #[must_use]
    pub fn equal(self, field: Field, value: &[u8]) -> Self {
        self.load(field, FIRST).compare(CMP_EQ, value)
    }

    /// Goes on if the fields' bytes, one behind the other, are an element of the set.
    #[must_use]
    pub fn is_in(self, fields: &[Field], set: &str) -> Self {
        self.load_all(fields).lookup(set, (FIRST, None), false)
    }

    /// Goes on if the fields' bytes are no element of the set.
    #[must_use]
    pub fn is_not_in(self, fields: &[Field], set: &str) -> Self {
        self.load_all(fields).lookup(set, (FIRST, None), true)
    }

    /// Goes on if the fields' bytes are a key of the map; the packet is marked with what the map says.
    ///
    /// The mark alone lets later parts of a rule look at it: nft cannot show a rule that keeps it in a register.
    #[must_use]
    pub fn mark_by(self, fields: &[Field], map: &str) -> Self {
        self.load_all(fields).lookup(map, (FIRST, Some(FIRST)), false).set_meta(META_MARK)
    }

    /// Goes on if the fields' bytes are a key of the map; what the map says is noted as the packet's priority, for later
    /// parts of a rule as with [`Self::mark_by`], where the mark is somebody else's.
    #[must_use]
    pub fn note_by(self, fields: &[Field], map: &str) -> Self {
        self.load_all(fields).lookup(map, (FIRST, Some(FIRST)), false).set_meta(META_PRIORITY)
    }

    /// Takes the note off: the packet has no priority.
    #[must_use]
    pub fn wipe_note(self) -> Self {
        self.constant(FIRST, &[0; 4]).set_meta(META_PRIORITY)
    }

    /// Counts packets and bytes.
    #[must_use]
    pub fn count(self) -> Self {
        self.expression("counter", |data| data)
    }

    /// Drops the packet.
    #[must_use]
    pub fn drop(self) -> Self {
        self.verdict(&Verdict::Drop)
    }

    /// Lets the packet pass this chain.
    #[must_use]
    pub fn accept(self) -> Self {
        self.verdict(&Verdict::Accept)
    }

    /// Lets the packet go back to the chain that jumped here.
    #[must_use]
    pub fn give_back(self) -> Self {
        self.verdict(&Verdict::Return)
    }

    /// Has the packet go to another chain, and not come back.
    #[must_use]
    pub fn go_to(self, chain: &str) -> Self {
        self.verdict(&Verdict::Goto(chain.to_owned()))
    }

    pub(super) fn into_builder(self) -> Builder {
        self.builder
    }

    /// Loads fields one behind the other, each in whole registers of four bytes.
    pub(super) fn load_all(self, fields: &[Field]) -> Self {
        let mut register = FIRST;
        let mut rule = self;
        for field in fields {
            rule = rule.load(*field, register);
            register += field.len().div_ceil(4);
        }
        rule
    }

    pub(super) fn load(self, field: Field, register: u32) -> Self {
        let meta = |key| {
            move |data: Builder| {
                data.attribute(META_KEY, &be(key)).attribute(META_DREG, &be(register))
            }
        };
        let payload = |base, offset, length| {
            move |data: Builder| {
                data.attribute(PAYLOAD_DREG, &be(register))
                    .attribute(PAYLOAD_BASE, &be(base))
                    .attribute(PAYLOAD_OFFSET, &be(offset))
                    .attribute(PAYLOAD_LEN, &be(length))
            }
        };
        match field {
            Field::Network(offset, length) => {
                self.expression("payload", payload(NETWORK_HEADER, offset, length))
            }
            Field::Masked(offset, length, mask) => {
                let mask: Vec<u8> = mask.iter().take(to_usize(length)).copied().collect();
                self.load(Field::Network(offset, length), register).bits(register, &mask)
            }
            Field::Transport(offset, length) => {
                self.expression("payload", payload(TRANSPORT_HEADER, offset, length))
            }
            Field::Protocol => self.expression("meta", meta(META_L4PROTO)),
            Field::InputInterface => self.expression("meta", meta(META_IIF)),
            Field::OutputInterface => self.expression("meta", meta(META_OIF)),
            Field::Mark => self.expression("meta", meta(META_MARK)),
            Field::Priority => self.expression("meta", meta(META_PRIORITY)),
        }
    }

    /// Goes on if what was loaded first compares so.
    pub(super) fn compare(self, operation: u32, value: &[u8]) -> Self {
        self.expression("cmp", |data| {
            data.attribute(CMP_SREG, &be(FIRST))
                .attribute(CMP_OP, &be(operation))
                .open(CMP_DATA)
                .attribute(DATA_VALUE, value)
                .close()
        })
    }

    /// Keeps those bits of a register that the mask has.
    pub(super) fn bits(self, register: u32, mask: &[u8]) -> Self {
        let length = u32::try_from(mask.len()).unwrap_or(0);
        self.expression("bitwise", |data| {
            data.attribute(BITWISE_SREG, &be(register))
                .attribute(BITWISE_DREG, &be(register))
                .attribute(BITWISE_LEN, &be(length))
                .open(BITWISE_MASK)
                .attribute(DATA_VALUE, mask)
                .close()
                .open(BITWISE_XOR)
                .attribute(DATA_VALUE, &vec![0; mask.len()])
                .close()
        })
    }

    /// Looks up what `source` holds; what a map says goes to `target`.
    pub(super) fn lookup(
        self,
        set: &str,
        (source, target): (u32, Option<u32>),
        inverted: bool,
    ) -> Self {
        self.expression("lookup", |data| {
            let mut data = data.text(LOOKUP_SET, set).attribute(LOOKUP_SREG, &be(source));
            if let Some(target) = target {
                data = data.attribute(LOOKUP_DREG, &be(target));
            }
            if inverted {
                data = data.attribute(LOOKUP_FLAGS, &be(LOOKUP_INVERTED));
            }
            data
        })
    }

    /// Puts bytes that are always the same into a register.
    pub(super) fn constant(self, register: u32, bytes: &[u8]) -> Self {
        self.expression("immediate", |data| {
            data.attribute(IMMEDIATE_DREG, &be(register))
                .open(IMMEDIATE_DATA)
                .attribute(DATA_VALUE, bytes)
                .close()
        })
    }

    fn set_meta(self, key: u32) -> Self {
        self.expression("meta", |data| {
            data.attribute(META_KEY, &be(key)).attribute(META_SREG, &be(FIRST))
        })
    }

    fn verdict(self, verdict: &Verdict) -> Self {
        self.expression("immediate", |data| {
            verdict.emit(data.attribute(IMMEDIATE_DREG, &be(VERDICT)).open(IMMEDIATE_DATA)).close()
        })
    }

    pub(super) fn expression(self, name: &str, data: impl FnOnce(Builder) -> Builder) -> Self {
        let builder = self.builder.open(LIST_ELEMENT).text(EXPRESSION_NAME, name);
        let builder = data(builder.open(EXPRESSION_DATA)).close().close();
        Self { builder }
    }
}

impl Field {
    pub(super) const fn len(self) -> u32 {
        match self {
            Self::Network(_, length) | Self::Masked(_, length, _) | Self::Transport(_, length) => {
                length
            }
            Self::Protocol => 1,
            Self::InputInterface | Self::OutputInterface | Self::Mark | Self::Priority => 4,
        }
    }

    /// An interface's index as it is compared.
    pub const fn interface(index: IfIndex) -> [u8; 4] {
        index.0.to_ne_bytes()
    }
}

fn to_usize(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

/// Numbers of nf_tables are in network order.
pub(super) const fn be(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

/// `NFT_REG_VERDICT`.
pub(super) const VERDICT: u32 = 0;
/// `NFT_REG32_00`: the first register of four bytes, with those behind it up to 32 bytes.
pub(super) const FIRST: u32 = 8;

const PAYLOAD_DREG: u16 = 1;
const PAYLOAD_BASE: u16 = 2;
const PAYLOAD_OFFSET: u16 = 3;
const PAYLOAD_LEN: u16 = 4;
const NETWORK_HEADER: u32 = 1;
const TRANSPORT_HEADER: u32 = 2;
const META_DREG: u16 = 1;
const META_KEY: u16 = 2;
const META_SREG: u16 = 3;
const META_PRIORITY: u32 = 2;
const META_MARK: u32 = 3;
const META_IIF: u32 = 4;
const META_OIF: u32 = 5;
const META_L4PROTO: u32 = 16;
const CMP_SREG: u16 = 1;
const CMP_OP: u16 = 2;
const CMP_DATA: u16 = 3;
pub(super) const CMP_EQ: u32 = 0;
pub(super) const CMP_NEQ: u32 = 1;
const BITWISE_SREG: u16 = 1;
const BITWISE_DREG: u16 = 2;
const BITWISE_LEN: u16 = 3;
const BITWISE_MASK: u16 = 4;
const BITWISE_XOR: u16 = 5;
const LOOKUP_SET: u16 = 1;
const LOOKUP_SREG: u16 = 2;
const LOOKUP_DREG: u16 = 3;
const LOOKUP_FLAGS: u16 = 5;
const LOOKUP_INVERTED: u32 = 1;
const IMMEDIATE_DREG: u16 = 1;
const IMMEDIATE_DATA: u16 = 2;
