//! Collecting diagnostics: each place once, and not more than anyone would read.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, language};
use crate::source::Span;

/// Diagnostics of one pass.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: Vec<Diagnostic>,
    /// What was told: the repeats of a sequence make the same finding each turn.
    told: BTreeSet<(&'static str, Option<Span>, String)>,
    left_out: usize,
}

/// Findings kept, at most.
const MOST: usize = 2000;

impl Findings {
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.len() >= MOST {
            self.left_out += 1;
            return;
        }
        let key = (diagnostic.code.name(), diagnostic.primary, diagnostic.message.clone());
        if self.told.insert(key) {
            self.list.push(diagnostic);
        }
    }

    pub(crate) fn finish(self) -> Vec<Diagnostic> {
        let mut list = self.list;
        if self.left_out > 0 {
            list.push(Diagnostic::error(
                language::TOO_MANY_FINDINGS,
                format!("further findings are left out: {}", self.left_out),
            ));
        }
        list
    }
}
