//! Compares directives with the table: unknown words, arguments that are missing, too many or out of range, and
//! what this release does not do.
//!
//! What keepalived starts with is a warning here, and the message says what is done instead. A directive
//! without its argument stops keepalived: it is an error.

use std::collections::BTreeMap;

use super::index::{self, Entry};
use super::status::Status;
use super::{Argument, Keyword, Kind, Need, Problem, Shape, suggest};
use crate::diagnostic::{Diagnostic, keyword as codes};
use crate::source::Span;
use crate::syntax::{Directive, Form, PlaceId, Word, split_command};

/// Whether a block around has been reported as not executed, which covers what is in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cover {
    None,
    ByBlock,
}

/// Checks one outermost directive after another.
#[derive(Default)]
pub(crate) struct Checker {
    path: Vec<&'static str>,
    diagnostics: Vec<Diagnostic>,
    /// Keywords without effect by path and name, each told once however often it is written.
    idle: BTreeMap<(&'static [&'static str], &'static str), (&'static Keyword, Span, usize)>,
}

impl Checker {
    /// Checks an outermost directive with all that is in it.
    pub(crate) fn check(&mut self, directive: &Directive) {
        self.directive(directive, Some(index::TOP), Cover::None);
    }

    /// Checks a directive of a place; of none where the table has no rows for the block around.
    fn directive(&mut self, directive: &Directive, place: Option<PlaceId>, cover: Cover) {
        let entry =
            place.and_then(|place| Some((place, index::at(place, &directive.keyword.text)?)));
        match entry {
            Some((place, entry)) => self.known(place, entry, directive, cover),
            None => self.unknown(directive),
        }
    }

    fn unknown(&mut self, directive: &Directive) {
        // Looking for what was meant takes time, and nobody would be told.
        if self.diagnostics.len() >= FINDINGS {
            return;
        }
        let name = &directive.keyword.text;
        let place = match self.path.as_slice() {
            [] => "at the top level".to_owned(),
            path => format!("in `{}`", path.join(" ")),
        };
        let what = if directive.block.is_some() { "the block is skipped" } else { "it is ignored" };
        let mut diagnostic = Diagnostic::warning(
            codes::UNKNOWN_KEYWORD,
            format!("unknown keyword `{}` {place}: {what}", shortened(name)),
        )
        .at_word(&directive.keyword);
        if let Some(help) = suggest::keyword(&self.path, name) {
            diagnostic = diagnostic.help(help);
        }
        self.tell(diagnostic);
    }

    fn known(&mut self, place: PlaceId, entry: &Entry, directive: &Directive, cover: Cover) {
        let keyword = entry.keyword;
        self.arguments(keyword, entry.form, directive);
        self.retired(keyword, directive);
        let mut inner = cover;
        if cover == Cover::None && keyword.status != Status::Supported {
            self.idle
                .entry((index::path(place), keyword.name))
                .or_insert((keyword, directive.keyword.span, 0))
                .2 += 1;
            inner = Cover::ByBlock;
        }
        match keyword.shape {
            Shape::Block(_) => {
                self.path.push(keyword.name);
                for child in directive.children() {
                    self.directive(child, entry.inside, inner);
                }
                self.path.pop();
            }
            Shape::List(_, line) => {
                for entry in directive.children() {
                    let words: Vec<Word> = entry.words().cloned().collect();
                    if let Err(problem) = (line.check)(&words) {
                        self.problem(&problem, &words, "the line", None);
                    }
                }
            }
            Shape::Flag
            | Shape::Boolean
            | Shape::Value(_)
            | Shape::Words(_)
            | Shape::Language(_) => {}
        }
    }

    fn arguments(&mut self, keyword: &'static Keyword, form: Form, directive: &Directive) {
        let words = &directive.arguments;
        if words.len() < form.min_arguments {
            self.tell(
                Diagnostic::error(
                    codes::MISSING_ARGUMENT,
                    format!("`{}` lacks an argument", keyword.name),
                )
                .at_word(&directive.keyword)
                .help(format!(
                    "write `{} {}`",
                    keyword.name,
                    keyword.shape.shown()
                )),
            );
            return;
        }
        if let Some(extra) = form.max_arguments.and_then(|most| words.get(most)) {
            let after =
                if form.max_arguments == Some(0) { "takes no argument" } else { "ends before it" };
            self.tell(
                Diagnostic::warning(
                    codes::EXTRA_ARGUMENT,
                    format!("`{}` is ignored: `{}` {after}", shown(keyword, extra), keyword.name),
                )
                .at_word(extra),
            );
        }
        let checked = match keyword.shape {
            Shape::Boolean => words.first().map_or(Ok(()), |word| Kind::Boolean.check(0, word)),
            Shape::Value(arguments) => values(arguments, words),
            Shape::Words(grammar) | Shape::Block(grammar) | Shape::List(grammar, _) => {
                (grammar.check)(words)
            }
            Shape::Flag | Shape::Language(_) => Ok(()),
        };
        if let Err(problem) = checked {
            self.problem(&problem, words, &format!("`{}`", keyword.name), Some(keyword));
        }
        if matches!(keyword.shape, Shape::Value([Argument { kind: Kind::Script, .. }, ..])) {
            self.command(words);
        }
    }

    /// A command that cannot be split into arguments.
    fn command(&mut self, words: &[Word]) {
        let Some(word) = words.first() else { return };
        if let Err(error) = split_command(&word.text) {
            self.tell(
                Diagnostic::warning(codes::INVALID_ARGUMENT, format!("in this command {error}"))
                    .at_word(word),
            );
        }
    }

    fn problem(
        &mut self,
        problem: &Problem,
        words: &[Word],
        subject: &str,
        keyword: Option<&Keyword>,
    ) {
        let Some(word) = words.get(problem.word) else { return };
        let code = if problem.number { codes::INVALID_NUMBER } else { codes::INVALID_ARGUMENT };
        let instead = match keyword {
            Some(keyword) if !keyword.default.is_empty() && keyword.default != "-" => {
                format!("{subject} is ignored (default: {})", keyword.default)
            }
            Some(_) => format!("{subject} is ignored"),
            None => format!("{subject} is not understood"),
        };
        let mut diagnostic = Diagnostic::warning(
            code,
            format!("`{}` {}: {instead}", shortened(&word.text), problem.what),
        )
        .at_word(word);
        if let Some(help) = &problem.help {
            diagnostic = diagnostic.help(help.clone());
        }
        self.tell(diagnostic);
    }

    fn retired(&mut self, keyword: &Keyword, directive: &Directive) {
        let Some(what) = keyword.summary.strip_prefix("DEPRECATED") else { return };
        let mut diagnostic = Diagnostic::warning(
            codes::RETIRED_KEYWORD,
            format!("`{}` is an old form", keyword.name),
        )
        .at_word(&directive.keyword);
        let now = what.trim_start_matches([',', ';', ' ']);
        if let Some(name) = now.strip_prefix("synonym of ") {
            diagnostic = diagnostic.help(format!("write `{name}`"));
        } else if now.starts_with("use ") {
            diagnostic = diagnostic.help(now);
        }
        self.tell(diagnostic);
    }

    fn tell(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < FINDINGS {
            self.diagnostics.push(diagnostic);
        }
    }

    /// What is to be said.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        for (keyword, at, count) in self.idle.into_values() {
            let name = keyword.name;
            let diagnostic = match keyword.status {
                Status::Ignored(reason) => {
                    Diagnostic::note(codes::NO_EFFECT, format!("`{name}` has no effect: {reason}"))
                }
                Status::NotYet | Status::Supported => Diagnostic::warning(
                    codes::NOT_YET,
                    format!("`{name}` is not executed by this release: the rest runs without it"),
                ),
            };
            let diagnostic = match count {
                0 | 1 => diagnostic,
                more => diagnostic.with_note(format!("written {more} times; this is the first")),
            };
            self.diagnostics.push(diagnostic.at(at));
        }
        self.diagnostics
    }
}

/// Words against arguments by position.
fn values(arguments: &[Argument], words: &[Word]) -> Result<(), Problem> {
    let mut expected = arguments.iter();
    let mut current = None;
    for (index, word) in words.iter().enumerate() {
        current = match (current, expected.next()) {
            (_, Some(next)) => Some(next),
            (Some(last), None) if last.need == Need::Repeated => Some(last),
            (_, None) => return Ok(()),
        };
        if let Some(argument) = current {
            argument.kind.check(index, word)?;
        }
    }
    Ok(())
}

/// A word behind a keyword as a message may show it: one behind a password or a key is likely part of it.
fn shown(keyword: &Keyword, word: &Word) -> String {
    match keyword.name {
        "auth_pass" | "key" | "password" | "smtp_password" => "...".to_owned(),
        _ => shortened(&word.text),
    }
}

/// A word of a stranger, short enough for a message.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

/// Characters of a word in a message.
const SHOWN: usize = 64;

/// Findings about words that one check tells; beyond, more would not be read.
const FINDINGS: usize = 1000;
