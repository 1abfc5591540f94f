//! What this release does with a keyword.

use core::fmt;

use super::{Shape, places};

/// What this release does with a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// What keepalived does with it.
    Supported,
    /// Nothing, and nothing is missing: the reason.
    Ignored(&'static str),
    /// Nothing yet: the rest runs without it.
    NotYet,
}

impl Status {
    /// One word for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Ignored(_) => "accepted, no effect",
            Self::NotYet => "not yet",
        }
    }
}

/// How many keywords have which status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Executed.
    pub supported: usize,
    /// Accepted, and rightly without effect.
    pub ignored: usize,
    /// Known and range-checked, not executed yet.
    pub not_yet: usize,
}

impl Counts {
    /// Counts the whole table, a keyword once for each place.
    pub fn of_table() -> Self {
        let mut counts = Self::default();
        for keyword in places().iter().flat_map(super::Place::keywords) {
            counts.count(keyword.status);
        }
        counts
    }

    /// Counts one.
    pub(super) fn count(&mut self, status: Status) {
        match status {
            Status::Supported => self.supported += 1,
            Status::Ignored(_) => self.ignored += 1,
            Status::NotYet => self.not_yet += 1,
        }
    }

    /// All of them.
    pub fn total(&self) -> usize {
        self.supported + self.ignored + self.not_yet
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { supported, ignored, not_yet } = self;
        let total = self.total();
        let keywords = if total == 1 { "keyword" } else { "keywords" };
        write!(
            f,
            "{total} {keywords}: {supported} supported, {ignored} accepted without effect, {not_yet} not yet executed"
        )
    }
}

impl Shape {
    /// What stands behind the keyword, as documentation shows it; empty for a flag.
    pub fn shown(&self) -> String {
        match self {
            Self::Flag => String::new(),
            Self::Boolean => "[on|off|true|false|yes|no]".to_owned(),
            Self::Value(arguments) => {
                let shown: Vec<String> = arguments.iter().map(ToString::to_string).collect();
                shown.join(" ")
            }
            Self::Words(words) => words.shown.to_owned(),
            Self::Block(words) => braces(words.shown, "..."),
            Self::List(words, line) => braces(words.shown, line.shown),
            Self::Language(shown) => (*shown).to_owned(),
        }
    }
}

fn braces(arguments: &str, inside: &str) -> String {
    let gap = if arguments.is_empty() { "" } else { " " };
    format!("{arguments}{gap}{{ {inside} }}")
}
