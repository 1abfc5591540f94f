//! Characters with their places, comments, and the splitting of a line into words.
//!
//! While a line is being expanded it is a list of [`Glyph`]s, so that every character knows where it is written,
//! whatever was substituted around it. Three quoting styles exist; which one applies to a line is the grammar's
//! word.

mod plain;

use crate::source::{FileId, Span, offset};
use crate::syntax::{Quoting, Word};

pub(crate) use plain::{Plain, is_blank as is_blank_byte};

/// One character of a line in the making.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Glyph {
    pub(crate) c: char,
    /// Where it is written; for substituted text, the use of the parameter.
    pub(crate) at: Span,
    /// For substituted text, the definition.
    pub(crate) definition: Option<Span>,
    /// Whether it is only itself: neither comment mark nor brace nor parameter.
    pub(crate) literal: bool,
}

impl Glyph {
    pub(crate) fn is_blank(self) -> bool {
        is_blank(self.c)
    }

    /// Whether it is `c` with its meaning in the language.
    pub(crate) fn is(self, c: char) -> bool {
        self.c == c && !self.literal
    }
}

/// The separators of words.
pub(crate) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// The characters of a piece of a file that begins at `start`.
pub(crate) fn glyphs(file: FileId, start: u32, text: &str) -> Vec<Glyph> {
    let place = |(at, c): (usize, char)| {
        let begin = start.saturating_add(offset(at));
        let at = Span::new(file, begin, begin.saturating_add(offset(c.len_utf8())));
        Glyph { c, at, definition: None, literal: false }
    };
    text.char_indices().map(place).collect()
}

/// The text of glyphs.
pub(crate) fn text(line: &[Glyph]) -> String {
    line.iter().map(|glyph| glyph.c).collect()
}

/// The place of glyphs; none for an empty line.
pub(crate) fn span(line: &[Glyph]) -> Option<Span> {
    Some(line.first()?.at.to(line.last()?.at))
}

/// A line without blanks at both ends.
pub(crate) fn trim(line: &[Glyph]) -> &[Glyph] {
    let blank_start = line.iter().take_while(|glyph| glyph.is_blank()).count();
    let line = line.get(blank_start..).unwrap_or_default();
    let blank_end = line.iter().rev().take_while(|glyph| glyph.is_blank()).count();
    line.get(..line.len() - blank_end).unwrap_or_default()
}

/// Cuts a line at its comment: `!` or `#` outside double quotes, anywhere.
///
/// `\#` and `\!` outside quotes become the character itself; a backslash keeps the quote after it from opening
/// or closing.
///
/// Says also whether there was a comment.
pub(crate) fn remove_comment(line: &[Glyph]) -> (Vec<Glyph>, bool) {
    let mut kept = Vec::with_capacity(line.len());
    let mut quoted = false;
    let mut rest = line.iter().copied();
    while let Some(glyph) = rest.next() {
        if glyph.is('\\') {
            match rest.next() {
                Some(mark) if !quoted && (mark.is('#') || mark.is('!')) => {
                    kept.push(Glyph { literal: true, ..mark });
                }
                next => {
                    kept.push(glyph);
                    kept.extend(next);
                }
            }
        } else if glyph.is('"') {
            quoted = !quoted;
            kept.push(glyph);
        } else if !quoted && (glyph.is('#') || glyph.is('!')) {
            return (kept, true);
        } else {
            kept.push(glyph);
        }
    }
    (kept, false)
}

/// A line, whichever way it came.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Line<'a> {
    Glyphs(&'a [Glyph]),
    Plain(Plain<'a>),
}

impl Line<'_> {
    /// Splits off the first word, which is never quoted in a special way.
    pub(crate) fn first_word(self) -> Option<(Word, Self)> {
        match self {
            Self::Glyphs(line) => {
                let (word, rest) = first_word(line)?;
                Some((word, Self::Glyphs(rest)))
            }
            Self::Plain(line) => {
                let (word, rest) = line.split_word()?;
                Some((word, Self::Plain(rest)))
            }
        }
    }

    /// Splits into words.
    pub(crate) fn words(self, quoting: Quoting) -> Words {
        match self {
            Self::Glyphs(line) => words(line, quoting),
            Self::Plain(line) => Words { words: line.words(), unmatched: None },
        }
    }
}

/// A line as words.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) words: Vec<Word>,
    /// The opening quote that nothing closes.
    pub(crate) unmatched: Option<Span>,
}

/// Splits off the first word, which is never quoted in a special way.
pub(crate) fn first_word(line: &[Glyph]) -> Option<(Word, &[Glyph])> {
    let line = trim(line);
    let mut splitter = Splitter { rest: line, out: Words::default() };
    let word = splitter.ordinary_word()?;
    Some((word, splitter.rest))
}

/// Splits a line into words.
pub(crate) fn words(line: &[Glyph], quoting: Quoting) -> Words {
    let mut splitter = Splitter { rest: line, out: Words::default() };
    loop {
        let word = match quoting {
            Quoting::Ordinary => splitter.ordinary_word(),
            Quoting::Script => splitter.joined_word(false),
            Quoting::Regex => splitter.joined_word(true),
        };
        match word {
            Some(word) => splitter.out.words.push(word),
            None => return splitter.out,
        }
    }
}

struct Splitter<'a> {
    rest: &'a [Glyph],
    out: Words,
}

impl Splitter<'_> {
    fn next(&mut self) -> Option<Glyph> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn peek(&self) -> Option<Glyph> {
        self.rest.first().copied()
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(Glyph::is_blank) {
            self.next();
        }
    }

    /// A word of an ordinary value: a quote begins a word that ends at the next quote, nothing is escaped.
    fn ordinary_word(&mut self) -> Option<Word> {
        self.skip_blanks();
        let first = self.next()?;
        let mut word = WordInMaking::new(first);
        if first.c == '"' {
            word.quoted = true;
            loop {
                match self.next() {
                    None => {
                        self.out.unmatched = Some(first.at);
                        break;
                    }
                    Some(quote) if quote.c == '"' => {
                        word.last = quote;
                        break;
                    }
                    Some(glyph) => word.push(glyph),
                }
            }
        } else {
            word.push(first);
            while let Some(glyph) = self.peek() {
                if glyph.is_blank() || glyph.c == '"' {
                    break;
                }
                word.push(glyph);
                self.next();
            }
        }
        Some(word.finish())
    }

    /// A word of a script or regex: quoted and plain parts are joined; escapes are kept or interpreted.
    fn joined_word(&mut self, interpret: bool) -> Option<Word> {
        self.skip_blanks();
        let mut word = WordInMaking::new(self.peek()?);
        let mut open: Option<Glyph> = None;
        while let Some(glyph) = self.peek() {
            if open.is_none() && glyph.is_blank() {
                break;
            }
            self.next();
            if glyph.c == '\\' && self.peek().is_some() {
                if interpret {
                    self.escape(&mut word);
                } else {
                    word.push(glyph);
                    word.extend(self.next());
                }
            } else if open.is_some_and(|quote| quote.c == glyph.c) {
                open = None;
                word.last = glyph;
            } else if open.is_none() && (glyph.c == '"' || glyph.c == '\'') {
                open = Some(glyph);
                word.quoted = true;
                word.last = glyph;
            } else {
                word.push(glyph);
            }
        }
        if let Some(quote) = open {
            self.out.unmatched = Some(quote.at);
        }
        Some(word.finish())
    }

    /// The character that an escape stands for; the backslash is already read.
    fn escape(&mut self, word: &mut WordInMaking) {
        let mut characters = self.rest.iter().map(|glyph| glyph.c);
        let Some((c, length)) = unescape(&mut characters) else { return };
        for _ in 0..length {
            if let Some(glyph) = self.next() {
                word.last = glyph;
            }
        }
        word.text.push(c);
    }
}

/// Reads what follows a backslash: the character meant and how many characters say it.
///
/// `\a \b \E \f \n \r \t \v`, `\nnn` with one to three octal digits, `\xHH` with one or two hexadecimal
/// digits, `\cX` for a control character; any other character is itself.
pub(crate) fn unescape(rest: &mut dyn Iterator<Item = char>) -> Option<(char, usize)> {
    let first = rest.next()?;
    let simple = match first {
        'a' => '\x07',
        'b' => '\x08',
        'E' => '\x1b',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        'c' => {
            return Some(match rest.next() {
                Some(c) if c.is_ascii() => (char::from(ascii(c) & 0x1f), 2),
                Some(_) | None => ('c', 1),
            });
        }
        'x' => {
            let (value, length) = digits(rest, 16, 2);
            return Some(if length == 0 { ('x', 1) } else { (value, length + 1) });
        }
        '0'..='7' => {
            let mut all = core::iter::once(first).chain(rest);
            return Some(digits(&mut all, 8, 3));
        }
        other => other,
    };
    Some((simple, 1))
}

fn digits(rest: &mut dyn Iterator<Item = char>, radix: u32, most: usize) -> (char, usize) {
    let mut value = 0_u32;
    let mut length = 0;
    for c in rest.take(most) {
        let Some(digit) = c.to_digit(radix) else { break };
        value = value * radix + digit;
        length += 1;
    }
    // One byte in the incumbent: the octal form can say more than fits.
    (char::from_u32(value & 0xff).unwrap_or_default(), length)
}

fn ascii(c: char) -> u8 {
    u8::try_from(u32::from(c)).unwrap_or_default()
}

struct WordInMaking {
    text: String,
    quoted: bool,
    first: Glyph,
    last: Glyph,
    definition: Option<Span>,
}

impl WordInMaking {
    fn new(first: Glyph) -> Self {
        Self {
            text: String::new(),
            quoted: false,
            first,
            last: first,
            definition: first.definition,
        }
    }

    fn push(&mut self, glyph: Glyph) {
        self.text.push(glyph.c);
        self.last = glyph;
        self.definition = self.definition.or(glyph.definition);
    }

    fn extend(&mut self, glyph: Option<Glyph>) {
        if let Some(glyph) = glyph {
            self.push(glyph);
        }
    }

    fn finish(self) -> Word {
        Word {
            text: self.text,
            span: self.first.at.to(self.last.at),
            quoted: self.quoted,
            definition: self.definition,
        }
    }
}

#[cfg(test)]
mod tests;
