//! One line: conditions, definitions, sequences, then words and braces.
//!
//! A line is cut at every brace outside quotes, and what follows a brace is a line of its own: it may begin with
//! a condition, a definition or a sequence again.

use crate::diagnostic::{Diagnostic, language};
use crate::lexer::{Glyph, first_word, span, text, trim};
use crate::source::Span;

use super::files::StartsWithSlashes;
use super::parameter::{Substituted, closing_brace, name_length};
use super::random::Random;
use super::{Definition, Event, Expander, Pending, SUBSTITUTED, Task, What};

impl Expander<'_> {
    /// Expands a line as far as it goes, and puts what must wait on the stack.
    pub(super) fn process(&mut self, line: &Pending) {
        let counted = if line.from == 0 { line.text() } else { &[] };
        if !self.spend(counted) {
            return;
        }
        let mut from = line.from;
        loop {
            let rest = line.glyphs.get(from..).unwrap_or_default();
            let blanks = rest.iter().take_while(|glyph| glyph.is_blank()).count();
            from += blanks;
            let rest = rest.get(blanks..).unwrap_or_default();
            let Some(first) = rest.first() else { return };
            if rest.starts_with_slashes() {
                return self.slash_comment(rest);
            }
            if let Some(condition) = Condition::find(rest) {
                if !condition.holds(&self.environment.config_id) {
                    return;
                }
                from += condition.length;
                continue;
            }
            if first.is('$') && self.define(rest) {
                return;
            }
            if first.is('~') {
                return self.sequence(&line.after(from));
            }
            if self.include(rest) {
                return;
            }
            let cut = first_brace(rest);
            let head = rest.get(..cut).unwrap_or_default();
            if !head.is_empty() {
                match self.substitute(head, line.depth) {
                    Substituted::Nothing => self.emit_text(head, line.line),
                    Substituted::Dropped => return,
                    Substituted::Lines { lines, comment } => {
                        if let Some(brace) = rest.get(cut)
                            && !comment
                        {
                            self.tasks.push(Task::Line(line.after(from + cut + 1)));
                            self.tasks.push(Task::Brace { line: line.line, brace: *brace });
                        }
                        return self.push_lines(lines, line);
                    }
                }
            }
            let Some(brace) = rest.get(cut) else { return };
            self.emit_brace(line.line, *brace);
            from += cut + 1;
        }
    }

    /// Puts the lines that a substitution made on the stack, the first on top.
    fn push_lines(&mut self, lines: Vec<Vec<Glyph>>, of: &Pending) {
        let single = lines.len() == 1;
        for glyphs in lines.into_iter().rev() {
            let number = if single { of.line } else { self.begin_line() };
            self.push_line(glyphs.into(), 0, number, of.depth + 1);
        }
    }

    fn emit_text(&mut self, head: &[Glyph], line: u64) {
        self.report_unexpanded(head);
        let head = trim(head);
        if let Some((keyword, arguments)) = first_word(head) {
            match keyword.as_str() {
                "include_check" => self.include_check(arguments),
                "random_seed" => {
                    if let Ok(seed) = text(trim(arguments)).parse() {
                        self.random = Random::new(seed);
                    }
                }
                _ => {}
            }
        }
        self.ready.push_back(Event { line, what: What::Text(head.to_vec()) });
    }

    pub(crate) fn emit_brace(&mut self, line: u64, brace: Glyph) {
        let what = if brace.c == '{' { What::Open(brace.at) } else { What::Close(brace.at) };
        self.ready.push_back(Event { line, what });
    }

    /// Takes a definition on one line; false where the line is none.
    fn define(&mut self, line: &[Glyph]) -> bool {
        if let Some((name, value)) = definition(line) {
            let value = trim(value);
            let at = span(value).or(span(line)).unwrap_or_default();
            self.definitions.insert(name, Definition { lines: vec![(text(value), at)] });
            return true;
        }
        let ends = |glyph: &Glyph| glyph.is_blank() || matches!(glyph.c, '{' | '}' | '"');
        let word = line.iter().take_while(|glyph| !ends(glyph));
        let in_word = word.clone().any(|glyph| glyph.c == '=');
        let after = line.get(word.count()..).map(trim).unwrap_or_default();
        if !in_word && after.first().is_none_or(|glyph| glyph.c != '=') {
            return false;
        }
        let help = if in_word {
            "a name has letters, digits and `_`, and does not begin with a digit"
        } else {
            "no blank may stand before `=`"
        };
        let mut finding = Diagnostic::warning(
            language::DEFINITION_MALFORMED,
            "the definition of a parameter cannot be read and is ignored",
        );
        finding.primary = span(trim(line));
        self.findings.push(finding.help(help));
        true
    }

    /// Takes a definition of several physical lines.
    pub(crate) fn define_lines(&mut self, lines: &[Vec<Glyph>]) {
        let Some((first, following)) = lines.split_first() else { return };
        let mut rest = trim(first);
        while let Some(condition) = Condition::find(rest) {
            if !condition.holds(&self.environment.config_id) {
                return;
            }
            rest = trim(rest.get(condition.length..).unwrap_or_default());
        }
        let Some((name, value)) = definition(rest) else { return };
        let whole = span(rest).unwrap_or_default();
        let values = core::iter::once(value).chain(following.iter().map(Vec::as_slice));
        let lines: Vec<(String, Span)> = values
            .map(trim)
            .map(|line| match line.split_last() {
                Some((last, before)) if last.is('\\') => trim(before),
                Some(_) | None => line,
            })
            .filter(|line| !line.is_empty())
            .map(|line| (text(line), span(line).unwrap_or(whole)))
            .collect();
        let size: usize = lines.iter().map(|(line, _)| line.len() + 1).sum();
        if size > SUBSTITUTED {
            let message =
                format!("the definition of `{name}` has {size} characters and is ignored");
            self.findings.push(
                Diagnostic::warning(language::LINE_TOO_LONG, message)
                    .at(whole)
                    .help(format!("a definition may have {SUBSTITUTED} characters")),
            );
            return;
        }
        self.definitions.insert(name, Definition { lines });
    }
}

/// `@ID` or `@^ID` at the beginning of a line.
struct Condition {
    id: String,
    negated: bool,
    /// Characters that it takes.
    length: usize,
}

impl Condition {
    fn find(line: &[Glyph]) -> Option<Self> {
        let (mark, rest) = line.split_first()?;
        if !mark.is('@') {
            return None;
        }
        let negated = rest.first().is_some_and(|glyph| glyph.is('^'));
        let rest = if negated { rest.get(1..).unwrap_or_default() } else { rest };
        let id: String =
            rest.iter().take_while(|glyph| !glyph.is_blank()).map(|glyph| glyph.c).collect();
        let length = 1 + usize::from(negated) + id.chars().count();
        (!id.is_empty()).then_some(Self { id, negated, length })
    }

    fn holds(&self, config_id: &str) -> bool {
        (self.id == config_id) != self.negated
    }
}

/// Name and value of `$NAME=VALUE`.
fn definition(line: &[Glyph]) -> Option<(String, &[Glyph])> {
    let (mark, rest) = line.split_first()?;
    let length = name_length(rest);
    let equals = rest.get(length)?;
    if !mark.is('$') || length == 0 || !equals.is('=') {
        return None;
    }
    Some((text(rest.get(..length)?), rest.get(length + 1..)?))
}

/// Whether a physical line defines a parameter, behind whatever conditions, and goes on in the next line.
pub(crate) fn is_open_definition(line: &[Glyph]) -> bool {
    let mut rest = trim(line);
    while let Some(condition) = Condition::find(rest) {
        rest = trim(rest.get(condition.length..).unwrap_or_default());
    }
    definition(rest).is_some() && goes_on(rest)
}

/// Whether a line ends in a backslash.
pub(crate) fn goes_on(line: &[Glyph]) -> bool {
    trim(line).last().is_some_and(|glyph| glyph.is('\\'))
}

/// Index of the first brace outside quotes and `${NAME}`; the length where there is none.
fn first_brace(line: &[Glyph]) -> usize {
    let mut quoted = false;
    let mut at = 0;
    while let Some(glyph) = line.get(at) {
        let rest = line.get(at..).unwrap_or_default();
        match glyph.c {
            _ if glyph.literal => {}
            '\\' => at += usize::from(line.get(at + 1).is_some_and(|next| next.c == '"')),
            '"' => quoted = !quoted,
            '$' => at += closing_brace(rest).unwrap_or(0),
            '{' | '}' if !quoted => return at,
            _ => {}
        }
        at += 1;
    }
    line.len()
}
