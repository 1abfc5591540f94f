//! For people: message, the line with a caret, other places, help.

use core::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::secret::masked;
use super::{Style, printable};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{SourceSet, Span, position};

/// Diagnostics with the lines they are about, a blank line between two, and a line break at the end.
pub fn render_human(sources: &SourceSet, diagnostics: &[Diagnostic], style: Style) -> String {
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(style.width);
    let mut out = String::new();
    for diagnostic in diagnostics {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&renderer.render(&[group(sources, diagnostic)]));
        out.push('\n');
    }
    out
}

fn group<'a>(sources: &'a SourceSet, diagnostic: &'a Diagnostic) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(printable(&diagnostic.message)).id(diagnostic.code.name());
    let mut group = Group::with_title(title);
    let primary = diagnostic.primary.map(|span| Mark { span, message: None });
    let labels = diagnostic.labels.iter();
    let marks = labels.map(|label| Mark { span: label.span, message: Some(&label.message) });
    for excerpt in excerpts(sources, primary.into_iter().chain(marks)) {
        group = group.element(excerpt.snippet(sources, diagnostic.primary));
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(printable(note)));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(printable(help)));
    }
    group
}

/// A place to underline.
#[derive(Clone, Copy)]
struct Mark<'a> {
    span: Span,
    message: Option<&'a str>,
}

/// Neighbouring lines of one file that are shown together.
struct Excerpt<'a> {
    first_line: usize,
    last_line: usize,
    marks: Vec<Mark<'a>>,
}

/// Lines between two places that are still shown as one excerpt, the lines between folded.
const NEAR: usize = 200;

fn excerpts<'a>(sources: &SourceSet, marks: impl Iterator<Item = Mark<'a>>) -> Vec<Excerpt<'a>> {
    let mut found: Vec<Excerpt<'a>> = Vec::new();
    for mark in marks {
        let Some(file) = sources.file(mark.span.file) else { continue };
        let line = file.line_number(mark.span.start);
        let near = |excerpt: &&mut Excerpt<'a>| {
            let same_file = excerpt.marks.iter().all(|other| other.span.file == mark.span.file);
            let far = line.abs_diff(excerpt.first_line).max(line.abs_diff(excerpt.last_line));
            same_file && far <= NEAR
        };
        match found.iter_mut().find(near) {
            Some(excerpt) => {
                excerpt.first_line = excerpt.first_line.min(line);
                excerpt.last_line = excerpt.last_line.max(line);
                excerpt.marks.push(mark);
            }
            None => {
                found.push(Excerpt { first_line: line, last_line: line, marks: vec![mark] });
            }
        }
    }
    found
}

impl<'a> Excerpt<'a> {
    fn snippet(self, sources: &'a SourceSet, primary: Option<Span>) -> Snippet<'a, Annotation<'a>> {
        let file = self.marks.first().and_then(|mark| sources.file(mark.span.file));
        let (begin, end) = file.map_or((0, 0), |file| {
            let (start, _) = file.line(self.first_line);
            let (last, text) = file.line(self.last_line);
            (position(start), position(last) + text.len())
        });
        let text = file.and_then(|file| file.text().get(begin..end)).unwrap_or_default();
        let name = file.map(|file| printable(file.name()));
        let annotations = self.marks.into_iter().map(move |mark| {
            let kind = if mark.message.is_none() && Some(mark.span) == primary {
                AnnotationKind::Primary
            } else {
                AnnotationKind::Context
            };
            let range = within_line(text, mark.span, begin);
            kind.span(range).label(mark.message.map(printable))
        });
        Snippet::source(masked(text))
            .path(name)
            .line_start(self.first_line)
            .annotations(annotations)
    }
}

/// A span as a range of an excerpt that begins at `begin`: cut at the end of its first line, on character
/// boundaries.
fn within_line(text: &str, span: Span, begin: usize) -> Range<usize> {
    let boundary = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = boundary(position(span.start).saturating_sub(begin));
    let line_end = text.get(start..).and_then(|rest| rest.find('\n')).map(|length| start + length);
    let end = boundary(position(span.end).saturating_sub(begin));
    start..end.min(line_end.unwrap_or(text.len())).max(start)
}
