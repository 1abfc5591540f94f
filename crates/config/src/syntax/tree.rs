//! The types of the tree.

use crate::source::Span;

/// A whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// Directives outside any block, in order; includes and parameters are already resolved.
    pub directives: Vec<Directive>,
}

/// One directive: one line, or the head of a block with the block.
///
/// In a list block each line is a directive whose keyword is the first word of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// The first word.
    pub keyword: Word,
    /// The other words of the line.
    pub arguments: Vec<Word>,
    /// The block that follows; for an unknown keyword its contents are raw lines of words.
    pub block: Option<Block>,
    /// From the keyword to the last argument.
    pub span: Span,
}

impl Directive {
    /// All words of the line, the keyword first: what a list block's consumer wants.
    pub fn words(&self) -> impl Iterator<Item = &Word> {
        core::iter::once(&self.keyword).chain(&self.arguments)
    }

    /// The directives of its block; empty where it has none.
    pub fn children(&self) -> &[Self] {
        self.block.as_ref().map_or(&[], |block| block.directives.as_slice())
    }
}

/// What stands between two braces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Its directives in order.
    pub directives: Vec<Directive>,
    /// From the opening to the closing brace, where both are in one file; else the opening brace.
    pub span: Span,
}

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its text without quotes. Of a script value, escapes are kept for
    /// [`split_command`](super::split_command).
    pub text: String,
    /// Where it is written; for text out of a parameter, where the parameter is used.
    pub span: Span,
    /// Whether any part of it was quoted.
    pub quoted: bool,
    /// For text out of a parameter, where the definition has it.
    pub definition: Option<Span>,
}

impl Word {
    /// A plain word.
    pub fn new(text: impl Into<String>, span: Span) -> Self {
        Self { text: text.into(), span, quoted: false, definition: None }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq<str> for Word {
    fn eq(&self, other: &str) -> bool {
        self.text == other
    }
}

impl PartialEq<&str> for Word {
    fn eq(&self, other: &&str) -> bool {
        self.text == *other
    }
}
