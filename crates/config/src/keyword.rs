//! The keyword table: the single truth about every word that a configuration may hold.
//!
//! A row has a name, its place, what it takes, its default, since when it exists, what it does, and what this
//! release does with it. The parser asks it for forms, `check` compares what is written with it,
//! [`explain()`] and the reference are written from it. What settings *mean* together is `lower`'s business.
//!
//! **Source:** keepalived's manual pages and observed behaviour; `docs/incumbent.md`.

mod argument;
mod check;
mod explain;
mod index;
mod reference;
mod status;
mod suggest;
mod table;
mod words;

use crate::syntax::{Body, Form, Grammar, PlaceId, Quoting, Word};

pub use argument::{Argument, Kind, Need};
pub(crate) use check::Checker;
pub use explain::{NoSuchKeyword, explain};
pub use reference::{man, markdown};
pub use status::{Counts, Status};
pub use suggest::nearest;
pub(crate) use table::SCHEDULERS;

/// One keyword at one place.
#[derive(Clone, Copy, Debug)]
pub struct Keyword {
    /// As written in a configuration; for forms of a line that are not words, as documentation shows them.
    pub name: &'static str,
    /// What it takes.
    pub shape: Shape,
    /// Its default, in words; empty where there is none to speak of.
    pub default: &'static str,
    /// The version of keepalived that brought or retired it, where it matters.
    pub since: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// What this release does with it.
    pub status: Status,
}

/// What a keyword takes.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Nothing: it being there is its meaning.
    Flag,
    /// Nothing, or one of `on off true false yes no`.
    Boolean,
    /// Arguments by position.
    Value(&'static [Argument]),
    /// Arguments with a grammar of their own.
    Words(Words),
    /// A block of keywords, behind arguments.
    Block(Words),
    /// A block of lines, behind arguments.
    List(Words, Line),
    /// A form of a line that the language itself handles: includes, definitions, conditions, sequences.
    Language(&'static str),
}

/// Arguments with a grammar of their own.
#[derive(Clone, Copy)]
pub struct Words {
    /// As documentation shows them.
    pub shown: &'static str,
    /// How many there must be.
    pub min: usize,
    /// How many there may be; none for any number.
    pub max: Option<usize>,
    /// What is wrong with them, in the words of a message, and at which of them.
    pub check: fn(&[Word]) -> Result<(), Problem>,
}

impl core::fmt::Debug for Words {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.shown)
    }
}

/// The lines of a list block.
#[derive(Clone, Copy)]
pub struct Line {
    /// One line as documentation shows it.
    pub shown: &'static str,
    /// What is wrong with the words of a line.
    pub check: fn(&[Word]) -> Result<(), Problem>,
}

impl core::fmt::Debug for Line {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.shown)
    }
}

/// What is wrong with a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which of the words, counted from 0.
    pub word: usize,
    /// In a phrase that follows the word itself: "is not a number".
    pub what: String,
    /// What to write instead.
    pub help: Option<String>,
    /// Whether it is a matter of numbers, which the incumbent counts as a class of its own.
    pub number: bool,
}

/// One kind of block and the keywords in it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The keywords of the blocks around, from the outside in; empty for the top level.
    pub path: &'static [&'static str],
    /// Its keywords, in sections that other places may share.
    pub sections: &'static [&'static [Keyword]],
}

impl Place {
    /// Its keywords.
    pub fn keywords(&self) -> impl Iterator<Item = &'static Keyword> + use<> {
        self.sections.iter().copied().flatten()
    }
}

/// All places, the top level first.
pub fn places() -> &'static [Place] {
    table::PLACES
}

/// The keyword of this name in the block whose keywords from the outside in are `path`.
pub fn find(path: &[&str], name: &str) -> Option<&'static Keyword> {
    Some(index::at(index::place(path)?, name)?.keyword)
}

/// Whether keywords are known in the block of this path.
fn place(path: &[&str]) -> Option<&'static Place> {
    table::PLACES.iter().find(|place| place.path == path)
}

/// The table as the parser's grammar.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keywords;

impl Grammar for Keywords {
    fn form(&self, path: &[&str], keyword: &str) -> Option<Form> {
        self.form_at(index::place(path)?, keyword)
    }

    fn place(&self, path: &[&str]) -> Option<PlaceId> {
        index::place(path)
    }

    fn form_at(&self, place: PlaceId, keyword: &str) -> Option<Form> {
        Some(index::at(place, keyword)?.form)
    }

    fn inside(&self, place: PlaceId, keyword: &str) -> Option<PlaceId> {
        index::at(place, keyword)?.inside
    }
}

impl Shape {
    fn form(&self) -> Form {
        let form = |body, min_arguments, max_arguments| Form {
            quoting: Quoting::Ordinary,
            body,
            min_arguments,
            max_arguments,
        };
        match self {
            Self::Flag => form(Body::None, 0, Some(0)),
            Self::Boolean => form(Body::None, 0, Some(1)),
            Self::Value(arguments) => {
                let least = arguments.iter().filter(|it| it.need != Need::Optional).count();
                let endless = arguments.iter().any(|it| it.need == Need::Repeated);
                let most = (!endless).then_some(arguments.len());
                let quoting = arguments.first().map_or(Quoting::Ordinary, |it| it.kind.quoting());
                Form { quoting, ..form(Body::None, least, most) }
            }
            Self::Words(words) => form(Body::None, words.min, words.max),
            Self::Block(words) => form(Body::Block, words.min, words.max),
            Self::List(words, _) => form(Body::List, words.min, words.max),
            Self::Language(_) => form(Body::None, 1, None),
        }
    }
}

#[cfg(test)]
mod tests;
