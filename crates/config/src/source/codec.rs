//! A [`SourceSet`] as bytes and back, without loss: how the parent hands one text to all children.
//!
//! Little-endian, every string and list preceded by its length. Both ends are the same binary, so a first line
//! is the whole versioning. Decoding trusts nothing: a short or twisted input is an error, not a panic.

use std::collections::BTreeMap;

use super::{
    Alternative, FileId, Found, Inclusion, Origin, Refusal, Secret, SourceFile, SourceSet, Span,
    offset, position,
};

const MAGIC: &[u8] = b"steadfast sources 2\n";

/// Bytes that are no source set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The first line is another one: the bytes were made by another version.
    #[error("not a source set of this version")]
    Version,
    /// The bytes end early, or a tag or text in them is invalid.
    #[error("source set is damaged at byte {0}")]
    Damaged(usize),
}

impl SourceSet {
    /// The set as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        write_length(&mut out, self.files.len());
        for file in &self.files {
            write_text(&mut out, &file.name);
            write_bytes(&mut out, file.bytes());
            match file.origin {
                Origin::Top => out.push(0),
                Origin::Included(span) => {
                    out.push(1);
                    write_span(&mut out, span);
                }
            }
        }
        write_inclusion(&mut out, &self.top);
        write_length(&mut out, self.inclusions.len());
        for ((file, start), inclusion) in &self.inclusions {
            write_span(&mut out, Span::new(*file, *start, *start));
            write_inclusion(&mut out, inclusion);
        }
        write_length(&mut out, self.key_files.len());
        for (path, content) in &self.key_files {
            write_text(&mut out, path);
            match content {
                Ok(secret) => {
                    out.push(0);
                    write_bytes(&mut out, &secret.0);
                }
                Err(why) => {
                    out.push(1);
                    write_text(&mut out, why);
                }
            }
        }
        // It is kept as long as the configuration is in force.
        out.shrink_to_fit();
        out
    }

    /// Reads what [`SourceSet::to_bytes`] wrote.
    ///
    /// **Errors:** bytes of another version, or damaged ones.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(CodecError::Version)?;
        let mut input = Reader { rest, total: bytes.len() };
        let mut files = Vec::new();
        for _ in 0..input.length()? {
            let name = input.text()?;
            let bytes = input.bytes()?.to_vec();
            let origin = match input.tag()? {
                0 => Origin::Top,
                1 => Origin::Included(input.span()?),
                _ => return Err(input.damaged()),
            };
            files.push(SourceFile::new(name, bytes, origin));
        }
        let top = input.inclusion()?;
        let mut inclusions = BTreeMap::new();
        for _ in 0..input.length()? {
            let at = input.span()?;
            inclusions.insert((at.file, at.start), input.inclusion()?);
        }
        let mut key_files = BTreeMap::new();
        for _ in 0..input.length()? {
            let path = input.text()?;
            let content = match input.tag()? {
                0 => Ok(Secret(input.bytes()?.to_vec())),
                1 => Err(input.text()?),
                _ => return Err(input.damaged()),
            };
            key_files.insert(path, content);
        }
        if input.rest.is_empty() {
            Ok(Self { files, top, inclusions, key_files })
        } else {
            Err(input.damaged())
        }
    }
}

fn write_length(out: &mut Vec<u8>, length: usize) {
    out.extend(offset(length).to_le_bytes());
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_length(out, bytes.len());
    out.extend(bytes);
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    write_bytes(out, text.as_bytes());
}

fn write_span(out: &mut Vec<u8>, span: Span) {
    for number in [span.file.0, span.start, span.end] {
        out.extend(number.to_le_bytes());
    }
}

fn write_inclusion(out: &mut Vec<u8>, inclusion: &Inclusion) {
    write_text(out, &inclusion.pattern);
    write_length(out, inclusion.alternatives.len());
    for alternative in &inclusion.alternatives {
        write_text(out, &alternative.pattern);
        write_length(out, alternative.found.len());
        for found in &alternative.found {
            match found {
                Found::File(file) => {
                    out.push(0);
                    out.extend(file.0.to_le_bytes());
                }
                Found::Refused { name, reason } => {
                    write_refusal(out, reason);
                    write_text(out, name);
                }
            }
        }
    }
}

fn write_refusal(out: &mut Vec<u8>, reason: &Refusal) {
    match reason {
        Refusal::Unreadable(text) => {
            out.push(1);
            write_text(out, text);
        }
        Refusal::Executable => out.push(2),
        Refusal::NotRegular => out.push(3),
        Refusal::Recursive => out.push(4),
        Refusal::TooMuch => out.push(5),
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    total: usize,
}

impl<'a> Reader<'a> {
    fn damaged(&self) -> CodecError {
        CodecError::Damaged(self.total.saturating_sub(self.rest.len()))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], CodecError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(self.damaged())?;
        self.rest = rest;
        Ok(taken)
    }

    fn tag(&mut self) -> Result<u8, CodecError> {
        let taken = self.take(1)?;
        taken.first().copied().ok_or(self.damaged())
    }

    fn number(&mut self) -> Result<u32, CodecError> {
        let taken = self.take(4)?;
        taken.try_into().map(u32::from_le_bytes).map_err(|_| self.damaged())
    }

    fn length(&mut self) -> Result<usize, CodecError> {
        self.number().map(position)
    }

    fn bytes(&mut self) -> Result<&'a [u8], CodecError> {
        let length = self.length()?;
        self.take(length)
    }

    fn text(&mut self) -> Result<String, CodecError> {
        let bytes = self.bytes()?;
        core::str::from_utf8(bytes).map(str::to_owned).map_err(|_| self.damaged())
    }

    fn span(&mut self) -> Result<Span, CodecError> {
        Ok(Span::new(FileId(self.number()?), self.number()?, self.number()?))
    }

    fn inclusion(&mut self) -> Result<Inclusion, CodecError> {
        let pattern = self.text()?;
        let mut alternatives = Vec::new();
        for _ in 0..self.length()? {
            let pattern = self.text()?;
            let mut found = Vec::new();
            for _ in 0..self.length()? {
                found.push(self.found()?);
            }
            alternatives.push(Alternative { pattern, found });
        }
        Ok(Inclusion { pattern, alternatives })
    }

    fn found(&mut self) -> Result<Found, CodecError> {
        let reason = match self.tag()? {
            0 => return Ok(Found::File(FileId(self.number()?))),
            1 => Refusal::Unreadable(self.text()?),
            2 => Refusal::Executable,
            3 => Refusal::NotRegular,
            4 => Refusal::Recursive,
            5 => Refusal::TooMuch,
            _ => return Err(self.damaged()),
        };
        Ok(Found::Refused { name: self.text()?, reason })
    }
}
