//! The short way of plain lines, which most lines of most configurations are.
//!
//! A line that holds no parameter, condition, sequence, quote, escape or include needs no expansion: it is cut at
//! its comment and its braces where it stands. Any other line goes the long way. Both ways give the same pieces,
//! findings and counts, which a property test compares.

use crate::lexer::{Plain, is_blank_byte};

use super::files::PhysicalLine;
use super::{Event, Expander, LINE, What};

impl<'a> Expander<'a> {
    /// Puts the pieces of a plain line in order; false for a line that is not plain, of which nothing is taken.
    pub(super) fn take_plain(&mut self, line: &PhysicalLine<'a>, number: u64) -> bool {
        let Some(code) = Code::of(line.text) else { return false };
        let whole = Plain { file: line.file, start: line.start, text: line.text };
        let whole = whole.part(0, code.end);
        let mut pieces = Pieces { rest: whole };
        if !code.braces {
            let Some(Piece::Text(text)) = pieces.next() else { return true };
            if steers(text.text) {
                return false;
            }
            if self.charge(1, code.end, Some(whole.place(0))) {
                self.ready.push_back(Event { line: number, what: What::Plain(text) });
            }
            return true;
        }
        let steering = |piece| matches!(piece, Piece::Text(text) if steers(text.text));
        if pieces.clone().any(steering) {
            return false;
        }
        if self.charge(1, code.end, Some(whole.place(0))) {
            self.ready.extend(pieces.map(|piece| {
                let what = match piece {
                    Piece::Text(text) => What::Plain(text),
                    Piece::Brace { at, open: true } => What::Open(at),
                    Piece::Brace { at, open: false } => What::Close(at),
                };
                Event { line: number, what }
            }));
        }
        true
    }
}

/// The part of a plain line before its comment.
struct Code {
    end: usize,
    braces: bool,
}

impl Code {
    /// None where the line is not plain. What the comment holds is of no matter, but for a NUL byte.
    fn of(line: &str) -> Option<Self> {
        if line.len() > LINE {
            return None;
        }
        let bytes = line.as_bytes();
        let mut braces = false;
        for (at, byte) in bytes.iter().enumerate() {
            match MEANING.get(usize::from(*byte)) {
                Some(Meaning::Itself) => {}
                Some(Meaning::Brace) => braces = true,
                Some(Meaning::Slash) if bytes.get(at + 1) != Some(&b'/') => {}
                Some(Meaning::Comment) => {
                    let comment = bytes.get(at..).unwrap_or_default();
                    return (!comment.contains(&0)).then_some(Self { end: at, braces });
                }
                Some(Meaning::Slash | Meaning::Other) | None => return None,
            }
        }
        Some(Self { end: bytes.len(), braces })
    }
}

/// What a byte can mean.
#[derive(Clone, Copy)]
enum Meaning {
    Itself,
    Brace,
    /// Two begin what is taken for a comment.
    Slash,
    Comment,
    /// What makes a line other than plain.
    Other,
}

#[expect(clippy::indexing_slicing, reason = "made by the compiler, where a panic is an error")]
static MEANING: [Meaning; 256] = {
    let mut meanings = [Meaning::Other; 256];
    let mut byte = 1_u8;
    while byte < 0x80 {
        let meaning = match byte {
            b'{' | b'}' => Meaning::Brace,
            b'/' => Meaning::Slash,
            b'#' | b'!' => Meaning::Comment,
            b'$' | b'@' | b'~' | b'\\' | b'"' | b'\'' => Meaning::Other,
            _ => Meaning::Itself,
        };
        meanings[byte as usize] = meaning;
        byte += 1;
    }
    meanings
};

/// Whether a text may be one of the lines that steer the expansion.
fn steers(text: &str) -> bool {
    text.starts_with("include") || text.starts_with("random_seed")
}

/// Words up to a brace, without blanks at both ends, or a brace.
enum Piece<'a> {
    Text(Plain<'a>),
    Brace { at: crate::source::Span, open: bool },
}

/// The pieces of a plain line.
#[derive(Clone)]
struct Pieces<'a> {
    rest: Plain<'a>,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let rest = self.rest;
        let bytes = rest.text.as_bytes();
        let begin = bytes.iter().position(|byte| !is_blank_byte(*byte))?;
        let code = bytes.get(begin..).unwrap_or_default();
        let brace = code.iter().position(|byte| matches!(byte, b'{' | b'}'));
        if brace == Some(0) {
            self.rest = rest.part(begin + 1, bytes.len());
            return Some(Piece::Brace { at: rest.place(begin), open: code.first() == Some(&b'{') });
        }
        let end = brace.map_or(bytes.len(), |brace| begin + brace);
        self.rest = rest.part(end, bytes.len());
        let text = bytes.get(begin..end).unwrap_or_default();
        let last = text.iter().rposition(|byte| !is_blank_byte(*byte)).unwrap_or(0);
        Some(Piece::Text(rest.part(begin, begin + last + 1)))
    }
}
