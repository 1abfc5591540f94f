//! For machines: a JSON array, one object a diagnostic. Keys are part of the interface.

use serde::Serialize;

use crate::diagnostic::Diagnostic;
use crate::source::{SourceSet, Span};

#[derive(Serialize)]
struct Object<'a> {
    code: &'static str,
    severity: &'static str,
    message: &'a str,
    #[serde(flatten)]
    place: Option<Place>,
    labels: Vec<LabelObject<'a>>,
    help: Option<&'a str>,
    notes: &'a [String],
    /// What the code means in general.
    meaning: &'static str,
}

#[derive(Serialize)]
struct Place {
    file: String,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Serialize)]
struct LabelObject<'a> {
    #[serde(flatten)]
    place: Place,
    message: &'a str,
}

/// Diagnostics as a JSON array, pretty-printed, with a line break at the end.
///
/// **Units:** lines and columns from 1, columns in characters; `end_column` is the first one behind.
pub fn render_json(sources: &SourceSet, diagnostics: &[Diagnostic]) -> String {
    let objects: Vec<Object<'_>> = diagnostics.iter().map(|each| object(sources, each)).collect();
    let mut text = serde_json::to_string_pretty(&objects).unwrap_or_else(|_| "[]".to_owned());
    text.push('\n');
    text
}

fn object<'a>(sources: &SourceSet, diagnostic: &'a Diagnostic) -> Object<'a> {
    let labels = diagnostic.labels.iter();
    Object {
        code: diagnostic.code.name(),
        severity: diagnostic.severity.name(),
        message: &diagnostic.message,
        place: diagnostic.primary.map(|span| place(sources, span)),
        labels: labels
            .map(|label| LabelObject { place: place(sources, label.span), message: &label.message })
            .collect(),
        help: diagnostic.help.as_deref(),
        notes: &diagnostic.notes,
        meaning: diagnostic.code.meaning(),
    }
}

fn place(sources: &SourceSet, span: Span) -> Place {
    let start = sources.location(span);
    let end = sources.end_location(span);
    Place {
        file: start.file,
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
    }
}
