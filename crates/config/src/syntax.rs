//! The tree of a configuration: exactly what was written, after expansion, with places.
//!
//! Parsing knows of the meaning of keywords only what a [`Grammar`] says: how values are quoted, whether a block
//! follows, how many arguments there may be. It never fails; what does not fit becomes diagnostics beside the
//! tree. Whether a keyword is known and its arguments are right is decided by `keyword`, what they mean by `lower`.

mod command;
mod environment;
mod grammar;
mod parse;
mod print;
mod tree;

pub use command::{CommandError, split_command};
pub use environment::{Environment, Limits};
pub use grammar::{Body, Form, Grammar, PlaceId, Quoting};
pub use parse::parse;
pub(crate) use parse::{Sink, parse_into};
pub use tree::{Block, Directive, Tree, Word};
