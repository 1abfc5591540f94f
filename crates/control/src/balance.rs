//! What the checker process and its parent tell each other beside logs and reloads.

use serde::{Deserialize, Serialize};

use crate::Subject;

/// A virtual server or real server came up or went down: programs and pipes are told.
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
