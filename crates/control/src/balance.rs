//! What the checker process and its parent tell each other beside logs and reloads.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::Subject;

/// A virtual server or real server came up or went down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// By what the parent finds the programs of its block.
    pub key: String,
    /// Who.
    pub subject: Subject,
    /// Whether it is up now.
    pub is_up: bool,
    /// Why.
    pub cause: String,
    /// Who is told.
    pub audience: Audience,
    /// What it is, for who watches.
    pub about: About,
    /// Whether this comes of the end of the process.
    pub is_final: bool,
}

/// A virtual server at one time, or one of its real servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// What clients reach.
    pub served: Served,
    /// The word for its protocol.
    pub protocol: String,
    /// Weight of real servers that are up which is needed.
    pub quorum: u32,
    /// How many real servers are up.
    pub up: u32,
    /// How many there are.
    pub total: u32,
    /// Where the real server is; none where it is about the virtual server itself.
    pub back: Option<(IpAddr, u16)>,
}

/// What clients reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Served {
    /// The group of this name.
    Group(String),
    /// Packets with this mark.
    Mark(u32),
    /// A port of an address.
    Address(IpAddr, u16),
}

/// Who is told that a server came up or went down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Audience {
    /// Programs, pipes, and who watches.
    All,
    /// Programs and pipes.
    Actors,
    /// Who watches.
    Watchers,
}

/// A letter without its headers, and without the name of the router in its subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
}

/// A run of the program of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Run {
    /// For which check, by the number that the checker process has given it.
    pub check: u32,
    /// Which run of it.
    pub run: u32,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ran {
    /// With this status.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// It took too long, and was ended.
    TimedOut,
    /// It could not be run; why, in a phrase.
    NotRun(String),
}

/// What somebody orders of real servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steering {
    /// Of which virtual servers, by a name that they have; `all` for all of them.
    pub virtual_server: String,
    /// Which of their real servers, by a name that these have.
    pub real_server: String,
    /// What; none for what their checks say.
    pub order: Option<Order>,
    /// Who.
    pub by: String,
}

/// What may be ordered of a real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// This weight.
    Weight(u32),
    /// That it is taken for down.
    Disabled,
}

/// An order that is in force until the next reload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ordered {
    /// What.
    pub order: Order,
    /// Who gave it.
    pub by: String,
    /// When, in microseconds since 1970-01-01T00:00:00Z.
    pub at: u64,
}

/// A real server of which something was ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steered {
    /// By what parent and checker process know it.
    pub key: String,
    /// Name of its virtual server.
    pub virtual_server: String,
    /// Its own.
    pub real_server: String,
    /// Whether it is up behind the order.
    pub is_up: bool,
}

/// Why nothing is ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unsteered {
    /// There is no such server, in a phrase.
    Nobody(String),
    /// A reload is under way, which would end the order.
    Busy,
}
