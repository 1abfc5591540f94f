//! What is wrong with a configuration, told to people.
//!
//! A [`Diagnostic`] has a stable [`Code`], a severity, a message of one phrase and the spans it is about. Passes
//! collect them and never stop at the first; [`sort`] puts them in the order of the files. Rendering is for a
//! terminal, for editors and logs (one line each) and for machines (JSON). Severities follow one rule: what the
//! incumbent starts with starts here, with a warning that says what was done instead.

mod codes;
mod render;

use crate::source::Span;
use crate::syntax::Word;

pub use codes::{Class, Code, all, code};
pub use codes::{keyword, language, model};
pub use render::{Style, render_human, render_json, render_lines};

/// How bad it is. Ordered: the worst is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; never changes an exit code.
    Note,
    /// The daemon starts, and does what the message says.
    Warning,
    /// The daemon does not start with it, and a reload keeps the running configuration.
    Error,
}

impl Severity {
    /// Name in lower case, as rendered.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A second place that explains the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there, in a phrase.
    pub message: String,
}

/// One thing to tell.
///
/// **Shape:** texts are lower case, without a full stop; configuration words stand in back quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// One phrase.
    pub message: String,
    /// Where the caret stands; none for what concerns no line.
    pub primary: Option<Span>,
    /// Other places that explain it.
    pub labels: Vec<Label>,
    /// What to write instead.
    pub help: Option<String>,
    /// Further sentences.
    pub notes: Vec<String>,
}

impl Diagnostic {
    /// A diagnostic of any severity, without a place.
    pub fn new(code: Code, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            primary: None,
            labels: Vec::new(),
            help: None,
            notes: Vec::new(),
        }
    }

    /// An error.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, message)
    }

    /// A warning.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, message)
    }

    /// A note.
    pub fn note(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Note, message)
    }

    /// Puts the caret under a span.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.primary = Some(span);
        self
    }

    /// Puts the caret under a word; where a parameter made the word, its definition is labelled too.
    #[must_use]
    pub fn at_word(mut self, word: &Word) -> Self {
        self.primary = Some(word.span);
        match word.definition {
            Some(definition) => self.label(definition, "the text comes from here"),
            None => self,
        }
    }

    /// Adds a second place.
    #[must_use]
    pub fn label(mut self, span: Span, message: impl Into<String>) -> Self {
        self.labels.push(Label { span, message: message.into() });
        self
    }

    /// Says what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a sentence.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// Puts diagnostics in the order of files and offsets; those without a place come last, in their own order.
pub fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by_key(|diagnostic| match diagnostic.primary {
        Some(span) => (0, span.file, span.start),
        None => (1, Span::default().file, 0),
    });
}

/// The worst severity; none where there is no diagnostic.
pub fn worst(diagnostics: &[Diagnostic]) -> Option<Severity> {
    diagnostics.iter().map(|diagnostic| diagnostic.severity).max()
}

/// Exit code of `--config-test`, as the incumbent computes it from the same text.
///
/// It ends at once for a missing argument; otherwise only the highest class counts, so that an unknown keyword
/// hides a refusal. **Source:** observed with keepalived 2.2.7; its manual page says otherwise.
pub fn config_test_exit_code(diagnostics: &[Diagnostic]) -> u8 {
    let classes = || diagnostics.iter().map(|diagnostic| diagnostic.code.class());
    if classes().any(|class| class == Class::MissingParameter) {
        return 2;
    }
    if classes().any(|class| class == Class::FailedInclude) {
        return 6;
    }
    match classes().max().unwrap_or(Class::Silent) {
        Class::Silent => 0,
        Class::FileNotFound | Class::BadInterface | Class::Fatal => 4,
        Class::FailedInclude | Class::SecurityError => 6,
        Class::MultipleFiles
        | Class::UnknownKeyword
        | Class::UnexpectedOpeningBrace
        | Class::MissingOpeningBrace
        | Class::UnexpectedClosingBrace
        | Class::MissingClosingBrace
        | Class::UnmatchedQuote
        | Class::MissingParameter
        | Class::InvalidNumber
        | Class::GeneralError
        | Class::Warning
        | Class::Deprecated => 5,
    }
}

#[cfg(test)]
mod tests;
