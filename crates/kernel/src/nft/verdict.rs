//! What becomes of a packet, and data as rules and elements carry it.

use crate::netlink::message::Builder;

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is dropped.
    Drop,
    /// It passes this chain and those that came here.
    Accept,
    /// It goes back to the chain that jumped here.
    Return,
    /// It goes to a chain, and does not come back.
    Goto(String),
}

impl Verdict {
    /// The verdict inside of an open attribute of data.
    pub(super) fn emit(&self, message: Builder) -> Builder {
        let (code, chain) = match self {
            Self::Drop => (NF_DROP, None),
            Self::Accept => (NF_ACCEPT, None),
            Self::Goto(chain) => (NFT_GOTO, Some(chain)),
            Self::Return => (NFT_RETURN, None),
        };
        let message = message.open(DATA_VERDICT).attribute(VERDICT_CODE, &code.to_be_bytes());
        match chain {
            Some(chain) => message.text(VERDICT_CHAIN, chain).close(),
            None => message.close(),
        }
    }
}

const NF_DROP: i32 = 0;
const NF_ACCEPT: i32 = 1;
const NFT_GOTO: i32 = -4;
const NFT_RETURN: i32 = -5;
pub(super) const DATA_VALUE: u16 = 1;
const DATA_VERDICT: u16 = 2;
const VERDICT_CODE: u16 = 1;
const VERDICT_CHAIN: u16 = 2;
