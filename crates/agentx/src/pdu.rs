//! Messages between an agent and its master.
//!
//! **Shape** (RFC 2741 §6.1): twenty bytes of header, then what the type says.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! |   version     |     type      |     flags     |   reserved    |
//! |                           session number                      |
//! |                         transaction number                    |
//! |                           packet number                       |
//! |                           payload length                      |
//! ```

use crate::read::{Malformed, Order, Reader};
use crate::write::Writer;
use crate::{Oid, VarBind};

/// What every message begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The session, as the master has numbered it.
    pub session: u32,
    /// The SNMP request that it belongs to.
    pub transaction: u32,
    /// What an answer refers to.
    pub packet: u32,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pdu {
    /// What it begins with.
    pub header: Header,
    /// What it says.
    pub body: Body,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Begins a session.
    Open {
        /// Seconds that the master shall wait for answers.
        timeout: u8,
        /// What kind of agent it is.
        id: Oid,
        /// The same for people.
        description: Vec<u8>,
    },
    /// Ends a session.
    Close(Reason),
    /// Asks for the requests of a subtree.
    Register {
        /// Of several that register the same, the one with the least number gets them.
        priority: u8,
        /// The subtree.
        subtree: Oid,
    },
    /// Asks for values.
    Get(Vec<Asked>),
    /// Asks for the values behind names.
    GetNext(Vec<Asked>),
    /// Asks for several values behind names.
    GetBulk {
        /// As many are asked one value for.
        single: u16,
        /// As many values for each of the others.
        repetitions: u16,
        /// The names.
        asked: Vec<Asked>,
    },
    /// Asks whether values may be set.
    TestSet(Vec<VarBind>),
    /// Sets them.
    CommitSet,
    /// Takes that back.
    UndoSet,
    /// Nothing more comes of it.
    CleanupSet,
    /// Something happened.
    Notify(Vec<VarBind>),
    /// Asks whether the other end lives.
    Ping,
    /// Adds a line to the list of what the agent can do (`sysORTable`).
    AddCapabilities {
        /// Its name.
        id: Oid,
        /// The line.
        description: Vec<u8>,
    },
    /// Answers.
    Response(Response),
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// How long the master runs, in hundredths of a second; 0 from an agent.
    pub uptime: u32,
    /// 0, or what is wrong (RFC 2741 §6.2.16).
    pub error: u16,
    /// With which of the values, counted from 1; 0 for none of them.
    pub index: u16,
    /// The values.
    pub binds: Vec<VarBind>,
}

/// A name that is asked for, or where a search begins and ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Where it begins.
    pub start: Oid,
    /// Whether that name itself may be found.
    pub include: bool,
    /// What must not be reached; null for no bound.
    pub end: Oid,
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// For another reason than these.
    Other,
    /// The other end could not be understood.
    Parse,
    /// The other end broke the protocol.
    Protocol,
    /// The other end did not answer.
    Timeouts,
    /// This end is ending.
    Shutdown,
    /// People asked for it.
    Manager,
}

impl Header {
    /// Bytes of it.
    pub const LEN: usize = 20;
}

impl Pdu {
    /// Its bytes.
    #[must_use]
    pub fn emit(&self) -> Vec<u8> {
        let mut payload = Writer::default();
        self.body.emit(&mut payload);
        let mut writer = Writer::default();
        writer.u8(VERSION);
        writer.u8(self.body.kind());
        writer.u8(NETWORK_BYTE_ORDER);
        writer.u8(0);
        writer.u32(self.header.session);
        writer.u32(self.header.transaction);
        writer.u32(self.header.packet);
        writer.u32(u32::try_from(payload.bytes.len()).unwrap_or(u32::MAX));
        writer.bytes.append(&mut payload.bytes);
        writer.bytes
    }

    /// The message of these bytes, which are one as a whole.
    ///
    /// **Errors**: they are none.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let (start, payload) =
            bytes.split_first_chunk::<{ Header::LEN }>().ok_or(Malformed::Short)?;
        let [version, kind, flags, _, rest @ ..] = start;
        if *version != VERSION {
            return Err(Malformed::Version(*version));
        }
        let order = order(*flags);
        let mut reader = Reader::new(rest, order);
        let header =
            Header { session: reader.u32()?, transaction: reader.u32()?, packet: reader.u32()? };
        let mut reader = Reader::new(payload, order);
        let has_context = CONTEXT_KINDS.contains(kind) && flags & NON_DEFAULT_CONTEXT != 0;
        if has_context {
            // Every context is answered alike: no master sends one that was not registered.
            reader.octets()?;
        }
        let body = Body::parse(*kind, &mut reader)?;
        if !reader.is_empty() {
            return Err(Malformed::Rest);
        }
        Ok(Self { header, body })
    }

    /// How long the message that begins so is as a whole; none while that cannot be told.
    ///
    /// **Errors**: it is none, or longer than `longest`.
    pub(crate) fn length(bytes: &[u8], longest: u32) -> Result<Option<usize>, Malformed> {
        if let Some(version) = bytes.first().filter(|version| **version != VERSION) {
            return Err(Malformed::Version(*version));
        }
        let Some(start) = bytes.first_chunk::<{ Header::LEN }>() else { return Ok(None) };
        let [_, _, flags, ..] = start;
        let [.., a, b, c, d] = *start;
        let length = match order(*flags) {
            Order::Network => u32::from_be_bytes([a, b, c, d]),
            Order::Little => u32::from_le_bytes([a, b, c, d]),
        };
        if length > longest {
            return Err(Malformed::TooLong(length));
        }
        let length = usize::try_from(length).map_err(|_| Malformed::TooLong(length))?;
        Ok(Some(Header::LEN + length))
    }
}

const fn order(flags: u8) -> Order {
    if flags & NETWORK_BYTE_ORDER == 0 { Order::Little } else { Order::Network }
}

impl Body {
    const fn kind(&self) -> u8 {
        match self {
            Self::Open { .. } => 1,
            Self::Close(_) => 2,
            Self::Register { .. } => 3,
            Self::Get(_) => 5,
            Self::GetNext(_) => 6,
            Self::GetBulk { .. } => 7,
            Self::TestSet(_) => 8,
            Self::CommitSet => 9,
            Self::UndoSet => 10,
            Self::CleanupSet => 11,
            Self::Notify(_) => 12,
            Self::Ping => 13,
            Self::AddCapabilities { .. } => 16,
            Self::Response(_) => 18,
        }
    }

    fn emit(&self, writer: &mut Writer) {
        match self {
            Self::Open { timeout, id, description } => {
                writer.u8(*timeout);
                [0; 3].iter().for_each(|byte| writer.u8(*byte));
                writer.oid(id, false);
                writer.octets(description);
            }
            Self::Close(reason) => {
                writer.u8(reason.number());
                [0; 3].iter().for_each(|byte| writer.u8(*byte));
            }
            Self::Register { priority, subtree } => {
                // The timeout of the session, no range, and a reserved byte.
                [0, *priority, 0, 0].iter().for_each(|byte| writer.u8(*byte));
                writer.oid(subtree, false);
            }
            Self::Get(asked) | Self::GetNext(asked) => emit_asked(writer, asked),
            Self::GetBulk { single, repetitions, asked } => {
                writer.u16(*single);
                writer.u16(*repetitions);
                emit_asked(writer, asked);
            }
            Self::TestSet(binds) | Self::Notify(binds) => {
                binds.iter().for_each(|bind| writer.bind(bind));
            }
            Self::CommitSet | Self::UndoSet | Self::CleanupSet | Self::Ping => {}
            Self::AddCapabilities { id, description } => {
                writer.oid(id, false);
                writer.octets(description);
            }
            Self::Response(response) => {
                writer.u32(response.uptime);
                writer.u16(response.error);
                writer.u16(response.index);
                response.binds.iter().for_each(|bind| writer.bind(bind));
            }
        }
    }

    fn parse(kind: u8, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match kind {
            1 => {
                let timeout = reader.u8()?;
                reader.skip(3)?;
                Self::Open { timeout, id: reader.oid()?.0, description: reader.octets()? }
            }
            2 => {
                let reason = Reason::of(reader.u8()?);
                reader.skip(3)?;
                Self::Close(reason)
            }
            3 => {
                reader.skip(1)?;
                let (priority, range) = (reader.u8()?, reader.u8()?);
                reader.skip(1)?;
                let (subtree, _) = reader.oid()?;
                if range != 0 {
                    reader.skip(4)?;
                }
                Self::Register { priority, subtree }
            }
            5 => Self::Get(parse_asked(reader)?),
            6 => Self::GetNext(parse_asked(reader)?),
            7 => {
                let (single, repetitions) = (reader.u16()?, reader.u16()?);
                Self::GetBulk { single, repetitions, asked: parse_asked(reader)? }
            }
            8 => Self::TestSet(reader.binds()?),
            9 => Self::CommitSet,
            10 => Self::UndoSet,
            11 => Self::CleanupSet,
            12 => Self::Notify(reader.binds()?),
            13 => Self::Ping,
            16 => Self::AddCapabilities { id: reader.oid()?.0, description: reader.octets()? },
            18 => Self::Response(Response {
                uptime: reader.u32()?,
                error: reader.u16()?,
                index: reader.u16()?,
                binds: reader.binds()?,
            }),
            other => return Err(Malformed::Kind(other)),
        })
    }
}

fn emit_asked(writer: &mut Writer, asked: &[Asked]) {
    for one in asked {
        writer.oid(&one.start, one.include);
        writer.oid(&one.end, false);
    }
}

fn parse_asked(reader: &mut Reader<'_>) -> Result<Vec<Asked>, Malformed> {
    let mut asked = Vec::new();
    while !reader.is_empty() {
        let ((start, include), (end, _)) = (reader.oid()?, reader.oid()?);
        asked.push(Asked { start, include, end });
    }
    Ok(asked)
}

impl Reason {
    const fn number(self) -> u8 {
        match self {
            Self::Other => 1,
            Self::Parse => 2,
            Self::Protocol => 3,
            Self::Timeouts => 4,
            Self::Shutdown => 5,
            Self::Manager => 6,
        }
    }

    const fn of(number: u8) -> Self {
        match number {
            2 => Self::Parse,
            3 => Self::Protocol,
            4 => Self::Timeouts,
            5 => Self::Shutdown,
            6 => Self::Manager,
            _ => Self::Other,
        }
    }

    /// It in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Other => "for a reason of its own",
            Self::Parse => "because it does not understand this end",
            Self::Protocol => "because this end broke the protocol",
            Self::Timeouts => "because this end did not answer",
            Self::Shutdown => "because it is ending",
            Self::Manager => "because it was told to",
        }
    }
}

const VERSION: u8 = 1;
const NON_DEFAULT_CONTEXT: u8 = 0x08;
const NETWORK_BYTE_ORDER: u8 = 0x10;
/// Types of messages that may name a context.
const CONTEXT_KINDS: [u8; 9] = [3, 5, 6, 7, 8, 12, 13, 16, 17];

#[cfg(test)]
mod tests;
