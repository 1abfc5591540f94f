//! Text that means only itself, read from its source without a [`Glyph`](super::Glyph) per character.

use crate::source::{FileId, Span, offset};
use crate::syntax::Word;

/// A piece of a file: ASCII without quotes, escapes, parameters, comments and braces.
///
/// It has the same words in every quoting style: what stands between blanks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain<'a> {
    pub(crate) file: FileId,
    /// Where it begins in the file.
    pub(crate) start: u32,
    pub(crate) text: &'a str,
}

impl<'a> Plain<'a> {
    /// The first word and what follows it; none where nothing but blanks is left.
    pub(crate) fn split_word(self) -> Option<(Word, Self)> {
        let begin = self.text.bytes().position(|byte| !is_blank(byte))?;
        let word = self.text.get(begin..)?;
        let length = word.bytes().position(is_blank).unwrap_or(word.len());
        let (word, rest) = word.split_at_checked(length)?;
        let start = self.start.saturating_add(offset(begin));
        let end = start.saturating_add(offset(length));
        let word = Word::new(word, Span::new(self.file, start, end));
        Some((word, Self { file: self.file, start: end, text: rest }))
    }

    /// All words.
    pub(crate) fn words(self) -> Vec<Word> {
        let mut blank = true;
        let begins = |byte: &u8| core::mem::replace(&mut blank, is_blank(*byte)) && !blank;
        let count = self.text.as_bytes().iter().copied().filter(begins).count();
        let mut words = Vec::with_capacity(count);
        let mut rest = self;
        while let Some((word, after)) = rest.split_word() {
            words.push(word);
            rest = after;
        }
        words
    }

    /// The piece from an index to another.
    pub(crate) fn part(self, from: usize, to: usize) -> Self {
        let text: &'a str = self.text.get(from..to).unwrap_or_default();
        Self { file: self.file, start: self.start.saturating_add(offset(from)), text }
    }

    /// The place of the character at an index.
    pub(crate) fn place(self, at: usize) -> Span {
        let start = self.start.saturating_add(offset(at));
        Span::new(self.file, start, start.saturating_add(1))
    }
}

/// The separators of words, as bytes.
pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0b' | b'\x0c')
}
