//! From sources to all that can be said about them, in one call.

use crate::diagnostic::{Diagnostic, sort};
use crate::keyword::{Checker, Counts, Keywords};
use crate::lower::{Gathered, lower};
use crate::model::Model;
use crate::source::SourceSet;
use crate::syntax::{Directive, Environment, Sink, parse_into};

/// A configuration as far as it could be read, and everything that is to be said about it.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What it means.
    pub model: Model,
    /// All findings, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
    /// How many keywords this release knows, by status.
    pub counts: Counts,
}

/// Parses, checks and lowers.
///
/// A block lives until it is checked and lowered, and not until the end of the configuration: what is needed of
/// a `virtual_server` is little, and there may be many thousands.
pub fn check(sources: &SourceSet, environment: &Environment) -> Checked {
    let (reader, mut diagnostics) = parse_into::<Reader>(sources, environment, &Keywords);
    diagnostics.extend(reader.checker.finish());
    let (model, lowered) = lower(reader.gathered, sources);
    diagnostics.extend(lowered);
    sort(&mut diagnostics);
    Checked { model, diagnostics, counts: Counts::of_table() }
}

/// Checks every block and keeps what lowering needs of it.
#[derive(Default)]
struct Reader {
    checker: Checker,
    gathered: Gathered,
}

impl Sink for Reader {
    fn take(&mut self, directive: Directive) {
        self.checker.check(&directive);
        self.gathered.take(directive);
    }
}
