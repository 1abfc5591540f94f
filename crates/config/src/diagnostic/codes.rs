//! The codes of all diagnostics, each with a meaning in one line.
//!
//! A code is stable: logs, editors and lists of accepted warnings name it, so a number is never used again for
//! something else. Each pass has its own list.

pub mod keyword;
pub mod language;
pub mod model;

/// A stable code such as `LANG003`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    name: &'static str,
    meaning: &'static str,
    class: Class,
}

impl Code {
    /// Its name, as written between brackets.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// What it means, in one line.
    pub const fn meaning(self) -> &'static str {
        self.meaning
    }

    /// The class that the incumbent gives the same finding.
    pub const fn class(self) -> Class {
        self.class
    }
}

/// The incumbent's classes of findings in its rising order; the highest decides the exit code of
/// `--config-test`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The incumbent says nothing.
    Silent,
    /// A failed `include` check: the incumbent stops, whatever else is found.
    FailedInclude,
    /// A file that is not there.
    FileNotFound,
    /// An interface that is not there.
    BadInterface,
    /// Not runnable.
    Fatal,
    /// More than one top-level file.
    MultipleFiles,
    /// A keyword that is not known.
    UnknownKeyword,
    /// `{` where none belongs.
    UnexpectedOpeningBrace,
    /// A block without `{`.
    MissingOpeningBrace,
    /// `}` where none belongs.
    UnexpectedClosingBrace,
    /// A block without `}`.
    MissingClosingBrace,
    /// A quote that is not closed.
    UnmatchedQuote,
    /// A directive without its argument: the incumbent stops at once.
    MissingParameter,
    /// Not a number, or out of range.
    InvalidNumber,
    /// Any other error.
    GeneralError,
    /// A warning.
    Warning,
    /// An old form.
    Deprecated,
    /// A script that is not safe to run, or not there.
    SecurityError,
}

/// All codes, in the order of their names within each list.
pub fn all() -> impl Iterator<Item = Code> {
    [language::ALL, keyword::ALL, model::ALL].into_iter().flatten().copied()
}

/// The code of a name, for `explain`.
pub fn code(name: &str) -> Option<Code> {
    all().find(|code| code.name == name)
}

/// Defines constants and the list `ALL` from lines `CONSTANT = "NAME", Class, "meaning";`.
macro_rules! codes {
    ($($constant:ident = $name:literal, $class:ident, $meaning:literal;)*) => {
        use super::{Class, Code};
        $(
            #[doc = concat!("`", $name, "`: ", $meaning, ".")]
            pub const $constant: Code =
                Code { name: $name, meaning: $meaning, class: Class::$class };
        )*
        /// All codes of this list.
        pub const ALL: &[Code] = &[$($constant),*];
    };
}
pub(crate) use codes;
