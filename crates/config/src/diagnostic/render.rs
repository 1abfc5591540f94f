//! Diagnostics as text.

use super::Diagnostic;
use crate::source::SourceSet;

/// How diagnostics for people look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Colours by escape sequences.
    pub colour: bool,
    /// Width of the terminal in columns.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self { colour: false, width: 140 }
    }
}

/// For people: message, the line with a caret, help.
pub fn render_human(_sources: &SourceSet, _diagnostics: &[Diagnostic], _style: Style) -> String {
    String::new()
}

/// One line each: `file:line:col: severity: message [CODE]; help`.
pub fn render_lines(_sources: &SourceSet, _diagnostics: &[Diagnostic]) -> String {
    String::new()
}

/// For machines: a JSON array.
pub fn render_json(_sources: &SourceSet, _diagnostics: &[Diagnostic]) -> String {
    String::new()
}
