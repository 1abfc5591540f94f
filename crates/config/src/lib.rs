//! The configuration: from files in keepalived's language to a model whose types are those of the run time.
//!
//! Two steps. `syntax` makes a tree of what was written, with places, after includes, parameters and sequences;
//! `lower` makes a [`model`] of it, each block as soon as it is complete. Both are total: they give what they could
//! read and all diagnostics beside it; the caller refuses to start on an error. This crate reads no files, no clock
//! and no environment: a [`source::SourceSet`] and a [`syntax::Environment`] are handed in.
#![forbid(unsafe_code)]

mod check;
pub mod diagnostic;
mod expand;
pub mod keyword;
mod lexer;
pub mod lower;
pub mod model;
pub mod names;
pub mod source;
pub mod syntax;

pub use check::{Checked, RealServers, check, check_for};
pub use lower::snmp::snmp_master;
pub use lower::upkeep::umask_number;
