//! Where every word of a configuration came from: files, spans and places.
//!
//! A [`SourceSet`] holds all files of one configuration with the answer to each `include`, so that it can be
//! parsed again without asking anyone: the parent loads it once and hands the bytes to its children, which then
//! read the same text even if the files have changed since. This crate opens no file; [`SourceSet::load`]
//! asks its caller to expand a pattern and read what matches.
//!
//! Spans count bytes of the decoded text. A file that is not UTF-8 is decoded with one U+FFFD per bad
//! sequence, and its own bytes are kept beside it.

mod codec;
mod flat;
mod include;

use std::collections::BTreeMap;
use std::path::Path;

pub use codec::CodecError;
pub use include::{
    Alternative, Found, IncludeAnswer, IncludeRequest, IncludedFile, Inclusion, Refusal,
};
pub(crate) use include::{IncludeVariant, physical_lines};

/// Number of a file in its [`SourceSet`], in the order of reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub(crate) u32);

impl FileId {
    /// Position in [`SourceSet::files`].
    pub fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// A piece of one file.
///
/// **Shape:** `start <= end`. **Units:** bytes of the decoded text, from 0; `end` is exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span of `file` from `start` up to but not including `end`; a reversed pair gives an empty span.
    pub fn new(file: FileId, start: u32, end: u32) -> Self {
        Self { file, start, end: end.max(start) }
    }

    /// The span from the start of `self` to the end of `other`; `self` alone where they cannot be joined.
    pub fn to(self, other: Self) -> Self {
        if self.file == other.file && other.end >= self.start {
            Self { file: self.file, start: self.start, end: other.end }
        } else {
            self
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

/// A place as people name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Name of the file as it was opened.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1; a tab is one character.
    pub column: usize,
}

/// How a file came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Named on the command line, or the default.
    Top,
    /// By the `include` line at this span.
    Included(Span),
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    name: String,
    text: String,
    /// The bytes as read, only where they differ from the text.
    raw: Option<Vec<u8>>,
    origin: Origin,
    /// Offsets of the first byte of each line.
    lines: Vec<u32>,
}

impl SourceFile {
    fn new(name: String, bytes: Vec<u8>, origin: Origin) -> Self {
        let (text, raw) = match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let bytes = error.into_bytes();
                (String::from_utf8_lossy(&bytes).into_owned(), Some(bytes))
            }
        };
        let after_newline = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines =
            core::iter::once(0).chain(after_newline.map(|(at, _)| offset(at + 1))).collect();
        Self { name, text, raw, origin, lines }
    }

    /// Name as it was opened.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Decoded text; spans count its bytes.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Bytes as read.
    pub fn bytes(&self) -> &[u8] {
        self.raw.as_deref().unwrap_or(self.text.as_bytes())
    }

    /// How it came in.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Whether the bytes are valid UTF-8.
    pub fn is_utf8(&self) -> bool {
        self.raw.is_none()
    }

    /// Directory part of the name; `.` for a bare name.
    pub fn directory(&self) -> &str {
        match Path::new(&self.name).parent().and_then(Path::to_str) {
            None | Some("") => ".",
            Some(directory) => directory,
        }
    }

    /// Number of the line that holds a byte, from 1.
    pub fn line_number(&self, at: u32) -> usize {
        self.lines.partition_point(|start| *start <= at).max(1)
    }

    /// A line without its line break, with the offset of its first byte.
    ///
    /// **Units:** lines from 1. An absent line is empty.
    pub fn line(&self, number: usize) -> (u32, &str) {
        let Some(&start) = number.checked_sub(1).and_then(|index| self.lines.get(index)) else {
            return (0, "");
        };
        let end = self.lines.get(number).map_or(self.text.len(), |next| position(*next));
        let line = self.text.get(position(start)..end).unwrap_or_default();
        (start, line.trim_end_matches(['\n', '\r']))
    }
}

/// All files of one configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSet {
    files: Vec<SourceFile>,
    top: Inclusion,
    inclusions: BTreeMap<(FileId, u32), Inclusion>,
    key_files: BTreeMap<String, Result<Secret, String>>,
}

/// Bytes that are not shown.
#[derive(Clone, PartialEq, Eq)]
struct Secret(Vec<u8>);

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl SourceSet {
    /// A set of one file that includes nothing: for tests, and for text that came from elsewhere.
    ///
    /// An `include` line in it is answered with "no match".
    pub fn single(name: &str, text: impl Into<Vec<u8>>) -> Self {
        let mut bytes = Some(text.into());
        Self::load(name, &mut |request| match (request.by, bytes.take()) {
            (None, Some(bytes)) => IncludeAnswer::one(request.pattern, bytes),
            (None | Some(_), _) => IncludeAnswer::default(),
        })
    }

    /// All files in the order of reading.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The file of an id; none for an id of another set.
    pub fn file(&self, file: FileId) -> Option<&SourceFile> {
        self.files.get(file.index())
    }

    /// How the name on the command line was resolved.
    pub fn top(&self) -> &Inclusion {
        &self.top
    }

    /// How the `include` whose keyword begins at `start` of `file` was resolved.
    pub fn inclusion(&self, file: FileId, start: u32) -> Option<&Inclusion> {
        self.inclusions.get(&(file, start))
    }

    /// Adds what is in the file of a key, or why it cannot be used.
    pub fn add_key_file(&mut self, path: String, content: Result<Vec<u8>, String>) {
        self.key_files.insert(path, content.map(Secret));
    }

    /// What is in the file of a key; none where it was not asked for.
    pub(crate) fn key_file(&self, path: &str) -> Option<Result<&[u8], &str>> {
        let content = self.key_files.get(path)?;
        Some(content.as_ref().map(|secret| secret.0.as_slice()).map_err(String::as_str))
    }

    /// The text of a span; empty for a span of another set.
    pub fn slice(&self, span: Span) -> &str {
        let text = self.file(span.file).map(SourceFile::text).unwrap_or_default();
        text.get(position(span.start)..position(span.end)).unwrap_or_default()
    }

    /// File, line and column of the start of a span.
    pub fn location(&self, span: Span) -> Location {
        self.place(span.file, span.start)
    }

    /// File, line and column of the end of a span.
    pub fn end_location(&self, span: Span) -> Location {
        self.place(span.file, span.end)
    }

    fn place(&self, file: FileId, at: u32) -> Location {
        let Some(source) = self.file(file) else {
            return Location { file: String::new(), line: 0, column: 0 };
        };
        let line = source.line_number(at);
        let (start, _) = source.line(line);
        let before = source.text.get(position(start)..position(at)).unwrap_or_default();
        Location { file: source.name.clone(), line, column: before.chars().count() + 1 }
    }
}

/// A length or index as an offset; files are bounded far below the limit of the type.
pub(crate) fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// An offset as an index.
pub(crate) fn position(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
