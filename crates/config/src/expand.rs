//! From files to lines: includes, comments, conditions, definitions, parameters, sequences and braces.
//!
//! The [`Expander`] gives one [`Event`] after another: a piece of a line, or a brace. It keeps its work on a
//! stack of [`Task`]s instead of calling itself, and counts lines and characters against the limits of the
//! environment, so neither deep nor endless expansion can exhaust memory or time. It knows nothing of keywords
//! but `include_check` and `random_seed`, which steer it.

mod files;
mod findings;
mod line;
mod parameter;
mod plain;
mod random;
mod sequence;

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use crate::diagnostic::{Diagnostic, language};
use crate::lexer::{Glyph, Plain};
use crate::source::{SourceSet, Span};
use crate::syntax::Environment;

use files::Files;
pub(crate) use files::slash_comment_at;
pub(crate) use findings::Findings;
use random::Random;
use sequence::Repeat;

/// A piece of the expanded text.
#[derive(Clone, Debug)]
pub(crate) struct Event<'a> {
    /// The line it belongs to: what follows a `//` comment on the same line is comment too.
    pub(crate) line: u64,
    pub(crate) what: What<'a>,
}

/// What a piece is.
#[derive(Clone, Debug)]
pub(crate) enum What<'a> {
    /// Words; never blank.
    Text(Vec<Glyph>),
    /// Words of a plain line; never blank.
    Plain(Plain<'a>),
    /// An opening brace.
    Open(Span),
    /// A closing brace.
    Close(Span),
}

/// A parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Definition {
    /// Its lines with their places; one in most cases.
    lines: Vec<(String, Span)>,
}

/// A line that waits to be expanded, or the rest of one.
#[derive(Clone, Debug)]
struct Pending {
    glyphs: Rc<[Glyph]>,
    from: usize,
    line: u64,
    /// Substitutions that led to it.
    depth: usize,
}

impl Pending {
    fn text(&self) -> &[Glyph] {
        self.glyphs.get(self.from..).unwrap_or_default()
    }

    fn after(&self, from: usize) -> Self {
        Self { glyphs: Rc::clone(&self.glyphs), from, line: self.line, depth: self.depth }
    }
}

/// Work that waits.
enum Task {
    Line(Pending),
    Brace { line: u64, brace: Glyph },
    Repeat(Repeat),
}

/// Substitutions within substitutions, at most.
const DEPTH: usize = 24;
/// Bytes of one line, at most: the incumbent's buffer.
const LINE: usize = 1024;
/// Characters that a definition may have, and that the substitutions of one line may make.
const SUBSTITUTED: usize = 1 << 16;

/// Expands a [`SourceSet`].
pub(crate) struct Expander<'a> {
    sources: &'a SourceSet,
    environment: &'a Environment,
    pub(crate) findings: Findings,
    files: Files<'a>,
    tasks: Vec<Task>,
    ready: VecDeque<Event<'a>>,
    definitions: BTreeMap<String, Definition>,
    random: Random,
    /// Number of the line that began last.
    line: u64,
    lines_left: usize,
    characters_left: usize,
    /// Whether plain lines may take the short way: only a test has them take the long one.
    pub(crate) short_way: bool,
}

impl<'a> Expander<'a> {
    pub(crate) fn new(sources: &'a SourceSet, environment: &'a Environment) -> Self {
        let mut findings = Findings::default();
        let files = Files::open_top(sources, environment, &mut findings);
        Self {
            sources,
            environment,
            findings,
            files,
            tasks: Vec::new(),
            ready: VecDeque::new(),
            definitions: BTreeMap::new(),
            random: Random::new(environment.seed),
            line: 0,
            lines_left: environment.limits.lines,
            characters_left: environment.limits.characters,
            short_way: true,
        }
    }

    /// The next piece; none at the end.
    pub(crate) fn next(&mut self) -> Option<Event<'a>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            match self.tasks.pop() {
                Some(Task::Line(line)) => self.process(&line),
                Some(Task::Brace { line, brace }) => self.emit_brace(line, brace),
                Some(Task::Repeat(repeat)) => self.turn(repeat),
                None => self.read_line()?,
            }
        }
    }

    /// A number for a line that begins.
    fn begin_line(&mut self) -> u64 {
        self.line += 1;
        self.line
    }

    /// Counts a line against the limits.
    fn spend(&mut self, text: &[Glyph]) -> bool {
        self.charge(1, text.len(), text.first().map(|glyph| glyph.at))
    }

    /// Counts work against the limits; the whole expansion ends where they are reached.
    fn charge(&mut self, lines: usize, characters: usize, at: Option<Span>) -> bool {
        let lines = self.lines_left.checked_sub(lines);
        let characters = self.characters_left.checked_sub(characters);
        if let (Some(lines), Some(characters)) = (lines, characters) {
            self.lines_left = lines;
            self.characters_left = characters;
            return true;
        }
        self.tasks.clear();
        self.files.close_all();
        let mut finding = Diagnostic::error(
            language::TOO_MUCH,
            "the configuration expands to more than can be read; what follows is ignored",
        );
        finding.primary = at;
        let limits = self.environment.limits;
        self.findings.push(finding.with_note(format!(
            "at most {} lines and {} characters are read",
            limits.lines, limits.characters
        )));
        false
    }
}

#[cfg(test)]
mod tests;
