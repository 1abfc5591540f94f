//! Where lowering puts its diagnostics.

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::names::Names;
use crate::source::{SourceSet, Span};

/// The diagnostics of one lowering, the sources that they point into, and the names that numbers have.
pub(super) struct Reports<'a> {
    pub(super) sources: &'a SourceSet,
    pub(super) names: &'a Names,
    /// A name was not found, and the host's files were not looked at.
    pub(super) wants_names: bool,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Files of keys that were not read and are needed.
    pub(super) key_files: Vec<String>,
}

impl<'a> Reports<'a> {
    pub(super) const fn new(sources: &'a SourceSet, names: &'a Names) -> Self {
        Self { sources, names, wants_names: false, diagnostics: Vec::new(), key_files: Vec::new() }
    }

    /// One whose diagnostics nobody reads.
    pub(super) const fn silent(&self) -> Self {
        Self::new(self.sources, self.names)
    }
    /// Something that is refused.
    pub(super) fn error(
        &mut self,
        code: Code,
        message: impl Into<String>,
        at: Span,
    ) -> Reported<'_> {
        self.report(Severity::Error, code, message.into(), at)
    }

    /// Something that is done otherwise than written.
    pub(super) fn warning(
        &mut self,
        code: Code,
        message: impl Into<String>,
        at: Span,
    ) -> Reported<'_> {
        self.report(Severity::Warning, code, message.into(), at)
    }

    /// Something worth knowing.
    pub(super) fn note(
        &mut self,
        code: Code,
        message: impl Into<String>,
        at: Span,
    ) -> Reported<'_> {
        self.report(Severity::Note, code, message.into(), at)
    }

    /// `file:line` of a place, for log lines that outlive the sources.
    pub(super) fn location(&self, at: Span) -> String {
        let location = self.sources.location(at);
        format!("{}:{}", location.file, location.line)
    }

    fn report(
        &mut self,
        severity: Severity,
        code: Code,
        message: String,
        at: Span,
    ) -> Reported<'_> {
        Reported(Some(Diagnostic::new(code, severity, message).at(at)), &mut self.diagnostics)
    }
}

/// A diagnostic that may still be told more; it is kept when this goes out of scope.
pub(super) struct Reported<'a>(Option<Diagnostic>, &'a mut Vec<Diagnostic>);

impl Reported<'_> {
    /// Says what to write instead.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.0 = self.0.take().map(|diagnostic| diagnostic.help(help));
        self
    }

    /// Adds a second place.
    pub(super) fn label(mut self, span: Span, message: impl Into<String>) -> Self {
        self.0 = self.0.take().map(|diagnostic| diagnostic.label(span, message));
        self
    }
}

impl Drop for Reported<'_> {
    fn drop(&mut self) {
        self.1.extend(self.0.take());
    }
}
