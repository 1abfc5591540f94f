//! Use of parameters: `$NAME` before a blank, `,`, `)` or the end of the line, `${NAME}` anywhere.
//!
//! One call substitutes one level; what a value brings with it is expanded when its lines are processed in turn,
//! so that a value may hold conditions, sequences and blocks. A name that is not defined stays as it is.

use crate::diagnostic::{Diagnostic, language};
use crate::lexer::{Glyph, remove_comment, span, text};
use crate::source::Span;

use super::{DEPTH, Expander, LINE, SUBSTITUTED};

/// Outcome of one level of substitution.
pub(crate) enum Substituted {
    /// There is nothing to substitute.
    Nothing,
    /// The text with its parameters replaced: several lines where a value has several.
    Lines {
        /// Never empty.
        lines: Vec<Vec<Glyph>>,
        /// Whether the last line ended in a comment, so that the rest of the written line is comment too.
        comment: bool,
    },
    /// The line cannot be expanded; the reason is told.
    Dropped,
}

/// `$NAME` or `${NAME ...}` in a line.
struct Reference {
    /// Index of `$`.
    start: usize,
    /// Index past its last character.
    end: usize,
    name: String,
    arguments: String,
    braced: bool,
    quoted: bool,
    /// Whether what follows lets it be expanded.
    terminated: bool,
}

/// The lines of a value; none for text that no definition made.
type Value = Vec<(String, Option<Span>)>;

impl Expander<'_> {
    /// Replaces the parameters of a piece of a line, one level.
    pub(crate) fn substitute(&mut self, head: &[Glyph], depth: usize) -> Substituted {
        let mut lines = vec![Vec::new()];
        let mut made = 0_usize;
        let mut copied = 0;
        let mut several = None;
        for reference in references(head) {
            if !reference.terminated {
                continue;
            }
            let used = head.get(reference.start..reference.end).unwrap_or_default();
            let at = span(used).unwrap_or_default();
            if depth >= DEPTH && self.definitions.contains_key(&reference.name) {
                self.findings.push(endless(&reference.name, at));
                return Substituted::Dropped;
            }
            let Some(value) = self.value(&reference, at) else { continue };
            let size = value.iter().map(|(line, _)| line.len() + 1).sum();
            if !self.charge(0, size, Some(at)) {
                return Substituted::Dropped;
            }
            made = made.saturating_add(size);
            if made > SUBSTITUTED {
                self.findings.push(too_long(at));
                return Substituted::Dropped;
            }
            append(&mut lines, head.get(copied..reference.start).unwrap_or_default());
            copied = reference.end;
            if value.len() > 1 && used.len() < crate::lexer::trim(head).len() {
                several = Some((reference.name.clone(), at));
            }
            let literal = matches!(reference.name.as_str(), "_HASH" | "_BANG");
            for (index, (line, definition)) in value.iter().enumerate() {
                if index > 0 {
                    lines.push(Vec::new());
                }
                let glyphs: Vec<Glyph> = line
                    .chars()
                    .map(|c| Glyph { c, at, definition: *definition, literal })
                    .collect();
                append(&mut lines, &glyphs);
            }
        }
        if copied == 0 {
            return Substituted::Nothing;
        }
        append(&mut lines, head.get(copied..).unwrap_or_default());
        if let Some((name, at)) = several {
            let message =
                format!("`{name}` has several lines and is used among other words of a line");
            self.findings.push(
                Diagnostic::warning(language::PARAMETER_NOT_ALONE, message)
                    .at(at)
                    .help("use it alone on a line"),
            );
        }
        self.finish(lines)
    }

    /// Removes comments that came with values, and lines that became too long.
    fn finish(&mut self, lines: Vec<Vec<Glyph>>) -> Substituted {
        let mut finished = Vec::with_capacity(lines.len());
        let mut comment = false;
        for line in lines {
            let bytes: usize = line.iter().map(|glyph| glyph.c.len_utf8()).sum();
            if bytes > LINE {
                self.findings.push(too_long(span(&line).unwrap_or_default()));
                if finished.is_empty() {
                    return Substituted::Dropped;
                }
                continue;
            }
            let (line, ends_in_comment) = remove_comment(&line);
            comment = ends_in_comment;
            finished.push(line);
        }
        Substituted::Lines { lines: finished, comment }
    }

    /// The value of a parameter; none where it is not defined.
    fn value(&mut self, reference: &Reference, at: Span) -> Option<Value> {
        let plain = |text: String| Some(vec![(text, None)]);
        if reference.arguments.is_empty()
            && let Some(definition) = self.definitions.get(&reference.name)
        {
            if definition.lines.is_empty() {
                return plain(String::new());
            }
            let lines = definition.lines.iter();
            return Some(lines.map(|(text, span)| (text.clone(), Some(*span))).collect());
        }
        match reference.name.as_str() {
            "_PWD" => plain(self.files.directory().to_owned()),
            "_INSTANCE" => plain(self.environment.config_id.clone()),
            "_HASH" => plain("#".to_owned()),
            "_BANG" => plain("!".to_owned()),
            "_ENV" => {
                let variable = self.environment.variables.get(&reference.arguments);
                let plain_line = |text: &String| text.replace(['\n', '\r', '\0'], " ");
                if variable.is_none() {
                    let message =
                        format!("the environment has no variable `{}`", reference.arguments);
                    let finding = Diagnostic::warning(language::NO_VARIABLE, message).at(at);
                    self.findings.push(finding);
                }
                plain(variable.map(plain_line).unwrap_or_default())
            }
            "_RANDOM" => {
                let Some((least, most)) = range(&reference.arguments) else {
                    self.findings.push(
                        Diagnostic::warning(
                            language::RANDOM_RANGE,
                            "the range of a random number cannot be read and is ignored",
                        )
                        .at(at)
                        .help("write `${_RANDOM}`, `${_RANDOM MIN}` or `${_RANDOM MIN MAX}`"),
                    );
                    return plain(self.random.between(0, RANDOM_MOST).to_string());
                };
                plain(self.random.between(least, most).to_string())
            }
            _ => None,
        }
    }

    /// Tells of parameters that stay in the text of a finished line.
    pub(crate) fn report_unexpanded(&mut self, head: &[Glyph]) {
        for reference in references(head) {
            let used = head.get(reference.start..reference.end).unwrap_or_default();
            let at = span(used).unwrap_or_default();
            let name = &reference.name;
            if let Some(definition) = self.definitions.get(name).filter(|_| !reference.terminated) {
                let defined = definition.lines.first().map(|(_, span)| *span);
                let message = format!("`${name}` is not expanded for the character that follows");
                let mut finding = Diagnostic::warning(language::PARAMETER_NOT_EXPANDED, message)
                    .at(at)
                    .help(format!("write `${{{name}}}`"));
                if let Some(defined) = defined {
                    finding = finding.label(defined, "defined here");
                }
                self.findings.push(finding);
                continue;
            }
            let begins_word = reference.start == 0
                || head.get(reference.start - 1).is_some_and(|before| before.is_blank());
            let meant = reference.braced || (reference.terminated && begins_word);
            if meant && !reference.quoted {
                let message = format!("parameter `{name}` is not defined and stays as it is");
                let code = if reference.braced {
                    language::PARAMETER_UNDEFINED
                } else {
                    language::PARAMETER_LIKE
                };
                let finding = Diagnostic::warning(code, message).at(at);
                self.findings.push(finding.help(format!(
                    "define it before its use with `${name}=VALUE`, or put the text in quotes"
                )));
            }
        }
    }
}

/// Highest number of `${_RANDOM}` without a range.
const RANDOM_MOST: u32 = 32767;

fn range(arguments: &str) -> Option<(u32, u32)> {
    let mut words = arguments.split_ascii_whitespace();
    let least = words.next().map_or(Ok(0), str::parse).ok()?;
    let most = words.next().map_or(Ok(RANDOM_MOST.max(least)), str::parse).ok()?;
    (words.next().is_none() && least <= most).then_some((least, most))
}

fn endless(name: &str, at: Span) -> Diagnostic {
    let message = format!("parameter `{name}` contains itself; the line is ignored");
    Diagnostic::warning(language::PARAMETER_ENDLESS, message)
        .at(at)
        .with_note(format!("values may use other parameters, {DEPTH} levels deep"))
}

fn too_long(at: Span) -> Diagnostic {
    let message = "the line becomes too long by its parameters and is ignored";
    Diagnostic::warning(language::LINE_TOO_LONG, message)
        .at(at)
        .help(format!("a line may have {LINE} bytes"))
}

fn append(lines: &mut [Vec<Glyph>], glyphs: &[Glyph]) {
    if let Some(last) = lines.last_mut() {
        last.extend_from_slice(glyphs);
    }
}

/// All references of a line in order.
fn references(line: &[Glyph]) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut quoted = false;
    let mut at = 0;
    while let Some(glyph) = line.get(at) {
        let rest = line.get(at..).unwrap_or_default();
        if glyph.is('\\') && line.get(at + 1).is_some_and(|next| next.is('"')) {
            at += 1;
        } else if glyph.is('"') {
            quoted = !quoted;
        } else if glyph.is('$')
            && let Some(reference) = reference(rest, at, quoted)
        {
            at = reference.end;
            found.push(reference);
            continue;
        }
        at += 1;
    }
    found
}

/// The reference at the beginning of `rest`, which stands at index `start` of its line.
fn reference(rest: &[Glyph], start: usize, quoted: bool) -> Option<Reference> {
    if let Some(close) = closing_brace(rest) {
        let inner = text(rest.get(2..close)?);
        let (name, arguments) = inner.split_once([' ', '\t']).unwrap_or((&inner, ""));
        return Some(Reference {
            start,
            end: start + close + 1,
            name: name.to_owned(),
            arguments: arguments.trim().to_owned(),
            braced: true,
            quoted,
            terminated: true,
        });
    }
    let length = name_length(rest.get(1..)?);
    let end = 1 + length;
    let terminated = match rest.get(end) {
        None => true,
        Some(next) => next.is_blank() || next.c == ',' || next.c == ')',
    };
    (length > 0).then(|| Reference {
        start,
        end: start + end,
        name: text(rest.get(1..end).unwrap_or_default()),
        arguments: String::new(),
        braced: false,
        quoted,
        terminated,
    })
}

/// Characters of the parameter name that a text begins with; 0 where it begins with none.
pub(crate) fn name_length(text: &[Glyph]) -> usize {
    match text.first() {
        Some(first) if first.c.is_ascii_alphabetic() || first.c == '_' => {}
        Some(_) | None => return 0,
    }
    text.iter().take_while(|glyph| glyph.c.is_ascii_alphanumeric() || glyph.c == '_').count()
}

/// Index of the `}` of a `${NAME ...}` at the beginning of `rest`.
pub(crate) fn closing_brace(rest: &[Glyph]) -> Option<usize> {
    let opens = rest.first()?.is('$') && rest.get(1)?.is('{');
    let length = name_length(rest.get(2..)?);
    if !opens || length == 0 {
        return None;
    }
    let after = rest.get(2 + length..)?;
    let gap = after.iter().position(|glyph| matches!(glyph.c, '{' | '}' | '"'))?;
    let blank = gap == 0 || after.first()?.is_blank();
    (blank && after.get(gap)?.is('}')).then_some(2 + length + gap)
}
