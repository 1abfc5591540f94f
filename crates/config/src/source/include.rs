//! Finding `include` lines and asking the caller for the files behind them.
//!
//! An include is found by where its keyword is written, before any other processing, so loading needs no
//! environment and no grammar: also what a condition or a definition never uses is read. Whether a pattern without
//! a match is an error is judged later, while parsing, where the current `include_check` is known; here only
//! facts are kept.

use std::collections::BTreeMap;

use super::{FileId, Origin, SourceFile, SourceSet, Span, offset};

/// What the caller shall expand and read.
#[derive(Clone, Copy, Debug)]
pub struct IncludeRequest<'a> {
    /// A glob pattern without braces, already joined with the directory of the including file.
    pub pattern: &'a str,
    /// The `include` line; none for the top-level name.
    pub by: Option<Span>,
    /// Bytes that may still be read in all.
    pub budget: usize,
}

/// What the caller found: matches in sorted order, directories left out.
#[derive(Clone, Debug, Default)]
pub struct IncludeAnswer {
    /// The matches.
    pub files: Vec<IncludedFile>,
}

impl IncludeAnswer {
    /// One file that was read.
    pub fn one(name: &str, bytes: Vec<u8>) -> Self {
        Self { files: vec![IncludedFile { name: name.to_owned(), content: Ok(bytes) }] }
    }
}

/// One match of a pattern.
#[derive(Clone, Debug)]
pub struct IncludedFile {
    /// Name to show, and to resolve further includes against.
    pub name: String,
    /// Its bytes, or why there are none.
    pub content: Result<Vec<u8>, Refusal>,
}

/// Why a file that exists is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It cannot be opened or read; the text of the system says why.
    #[error("not readable: {0}")]
    Unreadable(String),
    /// It has an execute permission bit.
    #[error("a configuration file must not be executable")]
    Executable,
    /// It is a socket, a device or the like.
    #[error("not a regular file")]
    NotRegular,
    /// It includes itself, directly or through others.
    #[error("the file includes itself")]
    Recursive,
    /// Files, depth or bytes in all are more than a configuration may have.
    #[error("too many or too large files")]
    TooMuch,
}

/// How one pattern was resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inclusion {
    /// The pattern as written.
    pub pattern: String,
    /// Its brace alternatives, one where it has no braces.
    pub alternatives: Vec<Alternative>,
}

/// One brace alternative of a pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alternative {
    /// The pattern joined with its directory.
    pub pattern: String,
    /// What was found, in order.
    pub found: Vec<Found>,
}

impl Alternative {
    /// Whether the pattern has a glob character.
    pub fn has_wildcard(&self) -> bool {
        self.pattern.contains(['*', '?', '['])
    }
}

/// One match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Read.
    File(FileId),
    /// Not read.
    Refused {
        /// Its name.
        name: String,
        /// Why.
        reason: Refusal,
    },
}

/// Files of one configuration, at most.
const FILES: usize = 4096;
/// Bytes of all files, at most.
const BYTES: usize = 64 << 20;
/// Includes within includes, at most.
const DEPTH: usize = 32;
/// Bytes of a line, at most; a longer one is not read.
const LINE: usize = 1024;
/// Characters of the longest include keyword.
const KEYWORD: usize = 8;
/// Alternatives of one brace pattern, at most.
const ALTERNATIVES: usize = 256;

impl SourceSet {
    /// Loads a configuration: `answer` expands one pattern at a time and reads what matches.
    ///
    /// Nothing fails here: what could not be read is kept as a fact and reported by parsing.
    pub fn load(top: &str, answer: &mut dyn FnMut(&IncludeRequest<'_>) -> IncludeAnswer) -> Self {
        let set = Self {
            files: Vec::new(),
            top: Inclusion::default(),
            inclusions: BTreeMap::new(),
            key_files: BTreeMap::new(),
        };
        let mut loader = Loader { set, answer, budget: BYTES, open: Vec::new() };
        loader.set.top = loader.resolve(top, None, None);
        loader.set
    }
}

struct Loader<'a> {
    set: SourceSet,
    answer: &'a mut dyn FnMut(&IncludeRequest<'_>) -> IncludeAnswer,
    budget: usize,
    /// Names of the files being read, outermost first.
    open: Vec<String>,
}

impl Loader<'_> {
    fn resolve(&mut self, pattern: &str, by: Option<Span>, directory: Option<&str>) -> Inclusion {
        let mut alternatives = Vec::new();
        for plain in braces(pattern) {
            let pattern = match directory {
                Some(directory) if !plain.starts_with('/') && directory != "." => {
                    format!("{}/{plain}", directory.trim_end_matches('/'))
                }
                Some(_) | None => plain,
            };
            let request = IncludeRequest { pattern: &pattern, by, budget: self.budget };
            let found = (self.answer)(&request).files.into_iter();
            let found = found.map(|file| self.take(file, by)).collect();
            alternatives.push(Alternative { pattern, found });
        }
        Inclusion { pattern: pattern.to_owned(), alternatives }
    }

    fn take(&mut self, file: IncludedFile, by: Option<Span>) -> Found {
        let IncludedFile { name, content } = file;
        let bytes = match content {
            Ok(_) if self.open.contains(&name) => return refused(name, Refusal::Recursive),
            Ok(bytes) => bytes,
            Err(reason) => return refused(name, reason),
        };
        let full = self.set.files.len() >= FILES || self.open.len() >= DEPTH;
        let Some(budget) = self.budget.checked_sub(bytes.len()).filter(|_| !full) else {
            return refused(name, Refusal::TooMuch);
        };
        self.budget = budget;

        let id = FileId(offset(self.set.files.len()));
        let source = SourceFile::new(name.clone(), bytes, by.map_or(Origin::Top, Origin::Included));
        let directory = source.directory().to_owned();
        // Most files include nothing, and that is seen faster of the whole text than of its lines.
        let text = Some(source.text()).filter(|text| text.contains(FAMILY)).unwrap_or_default();
        let lines: Vec<IncludeLine> = physical_lines(text)
            .filter(|(_, line)| line.contains(FAMILY))
            .filter_map(|(start, line)| IncludeLine::find(start, line))
            .collect();
        self.set.files.push(source);
        self.open.push(name);
        for line in lines {
            let span = Span::new(id, line.start, line.end);
            let inclusion = self.resolve(&line.pattern, Some(span), Some(&directory));
            self.set.inclusions.insert((id, line.start), inclusion);
        }
        self.open.pop();
        Found::File(id)
    }
}

fn refused(name: String, reason: Refusal) -> Found {
    Found::Refused { name, reason }
}

/// What every keyword of this family begins with.
const FAMILY: &str = "include";

/// Which failures of an `include` line are errors, by its keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IncludeVariant {
    /// `include`: what `include_check` says.
    Plain,
    /// `includer`.
    Readable,
    /// `includem`.
    Match,
    /// `includew`.
    WildcardMatch,
    /// `includeb`.
    BraceMatch,
    /// `includea`.
    All,
}

impl IncludeVariant {
    /// The variant of a keyword; none for another keyword.
    pub(crate) fn of(keyword: &str) -> Option<Self> {
        Some(match keyword {
            "include" => Self::Plain,
            "includer" => Self::Readable,
            "includem" => Self::Match,
            "includew" => Self::WildcardMatch,
            "includeb" => Self::BraceMatch,
            "includea" => Self::All,
            _ => return None,
        })
    }
}

/// An include in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct IncludeLine {
    /// First byte of the keyword: what names it in [`SourceSet::inclusion`].
    start: u32,
    /// One past the last byte of the pattern.
    end: u32,
    /// The rest of the line, never empty.
    pattern: String,
}

impl IncludeLine {
    /// The include of a physical line that begins at `start`: at its beginning, behind conditions, as the value
    /// of a definition, or behind a brace.
    fn find(start: u32, line: &str) -> Option<Self> {
        if line.len() > LINE {
            return None;
        }
        let line = line.split_at_checked(comment(line)).map_or(line, |(code, _)| code);
        let mut rest = line;
        loop {
            rest = directive(rest)?;
            if let Some((keyword, pattern)) = keyword(rest)
                && IncludeVariant::of(keyword).is_some()
            {
                let pattern = pattern.trim().trim_end_matches('\\').trim_end();
                let begin = start + offset(line.len() - rest.len());
                let unquoted = pattern.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                let pattern = unquoted.unwrap_or(pattern).to_owned();
                let end = begin + offset(rest.trim_end().len());
                return (!pattern.is_empty()).then_some(Self { start: begin, end, pattern });
            }
            rest = rest.get(next_brace(rest)? + 1..)?;
        }
    }
}

/// The first word, where it is as short as a keyword of this family, and what follows it.
fn keyword(text: &str) -> Option<(&str, &str)> {
    let end = text.char_indices().take(KEYWORD + 1).find(|(_, c)| is_blank(*c))?;
    text.split_at_checked(end.0)
}

/// What stands behind the conditions and the name of a definition that a text begins with; none where a
/// condition is all.
fn directive(text: &str) -> Option<&str> {
    let mut rest = text.trim_start();
    loop {
        if rest.starts_with('@') {
            rest = rest.split_once(is_blank)?.1.trim_start();
            continue;
        }
        let value = rest
            .strip_prefix('$')
            .map(|name| name.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_'));
        match value.and_then(|value| value.strip_prefix('=')) {
            Some(value) => rest = value.trim_start(),
            None => return Some(rest),
        }
    }
}

/// Where the next brace outside double quotes stands.
fn next_brace(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(at, c)| {
        quoted ^= c == '"';
        (!quoted && matches!(c, '{' | '}')).then_some(at)
    })
}

/// Lines of a text with the offset of their first byte; line breaks and a byte order mark are left out.
pub(crate) fn physical_lines(text: &str) -> impl Iterator<Item = (u32, &str)> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut at = text.len() - body.len();
    body.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        (offset(start), line.trim_end_matches(['\n', '\r']))
    })
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\x0b' | '\x0c')
}

/// Where the comment of a line begins; the length of the line where it has none.
fn comment(line: &str) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '#' | '!' if !quoted => return at,
            _ => {}
        }
    }
    line.len()
}

/// The brace alternatives of a pattern, as a shell makes them; an unbalanced brace stands for itself.
fn braces(pattern: &str) -> Vec<String> {
    let mut waiting = vec![pattern.to_owned()];
    let mut plain = Vec::new();
    while let Some(pattern) = waiting.pop() {
        match outermost_braces(&pattern) {
            Some((before, choices, after)) if plain.len() + waiting.len() < ALTERNATIVES => {
                let made = choices.iter().rev().map(|choice| format!("{before}{choice}{after}"));
                waiting.extend(made);
            }
            Some(_) | None => plain.push(pattern),
        }
        if plain.len() >= ALTERNATIVES {
            break;
        }
    }
    plain
}

/// Splits `a{b,c}d` into `a`, `[b, c]` and `d`.
fn outermost_braces(pattern: &str) -> Option<(&str, Vec<&str>, &str)> {
    let (before, rest) = pattern.split_once('{')?;
    let mut depth = 0_usize;
    let mut choices = Vec::new();
    let mut begin = 0;
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                choices.push(rest.get(begin..at)?);
                return Some((before, choices, rest.get(at + 1..)?));
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                choices.push(rest.get(begin..at)?);
                begin = at + 1;
            }
            _ => {}
        }
    }
    None
}
