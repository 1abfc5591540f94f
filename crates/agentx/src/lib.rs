//! The agent's end of AgentX: the protocol (RFC 2741) as values, a session with a master agent as a state machine, and
//! a tree of named values that requests are answered from.
//!
//! It performs no IO and reads no clock: the shell connects, sends and receives what [`Session`] says, and hands it a
//! [`View`] when something is asked, such as a [`Tree`]. What the names mean is the business of whoever fills it.
#![forbid(unsafe_code)]

mod answer;
mod frame;
mod oid;
mod pdu;
mod read;
mod session;
mod tree;
mod value;
mod write;

pub use frame::Frames;
pub use oid::Oid;
pub use pdu::{Asked, Body, Header, Pdu, Reason, Response};
pub use read::Malformed;
pub use session::{Input, Lost, Output, Request, Session, Settings, Subtree};
pub use tree::{Tree, View, Views};
pub use value::{Value, VarBind};
