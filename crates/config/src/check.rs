//! From sources to all that can be said about them, in one call.

use crate::diagnostic::{Diagnostic, sort};
use crate::keyword::{self, Counts, Keywords};
use crate::lower::lower;
use crate::model::Model;
use crate::source::SourceSet;
use crate::syntax::{Environment, Tree, parse};

/// A configuration as far as it could be read, and everything that is to be said about it.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What was written.
    pub tree: Tree,
    /// What it means.
    pub model: Model,
    /// All findings, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
    /// How many keywords this release knows, by status.
    pub counts: Counts,
}

/// Parses, checks and lowers.
pub fn check(sources: &SourceSet, environment: &Environment) -> Checked {
    let (tree, mut diagnostics) = parse(sources, environment, &Keywords);
    diagnostics.extend(keyword::check(&tree));
    let (model, lowered) = lower(&tree, sources);
    diagnostics.extend(lowered);
    sort(&mut diagnostics);
    Checked { tree, model, diagnostics, counts: Counts::of_table() }
}
