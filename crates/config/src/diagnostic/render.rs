//! Diagnostics as text: for people, one line each, and as JSON.
//!
//! No control character of a configuration reaches a terminal or a log: what is not printable is escaped.

mod human;
mod json;
mod secret;

use std::borrow::Cow;

use super::Diagnostic;
use crate::source::SourceSet;

pub use human::render_human;
pub use json::render_json;

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

/// One line each, for editors and logs: `file:line:col: severity: message [CODE]; help`.
///
/// A diagnostic without a place has no `file:line:col: ` in front.
pub fn render_lines(sources: &SourceSet, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        if let Some(span) = diagnostic.primary {
            let place = sources.location(span);
            out.push_str(&format!("{}:{}:{}: ", printable(&place.file), place.line, place.column));
        }
        let severity = diagnostic.severity.name();
        let message = printable(&diagnostic.message);
        out.push_str(&format!("{severity}: {message} [{}]", diagnostic.code.name()));
        if let Some(help) = &diagnostic.help {
            out.push_str("; ");
            out.push_str(&printable(help));
        }
        out.push('\n');
    }
    out
}

/// Text with control characters escaped.
fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| -> String {
        if c.is_control() { c.escape_default().collect() } else { c.to_string() }
    };
    text.chars().map(escape).collect()
}
