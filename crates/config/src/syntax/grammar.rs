//! What the parser must know of keywords: implemented by the keyword table.

/// How the value of a directive is quoted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quoting {
    /// Double quotes only, no escapes.
    #[default]
    Ordinary,
    /// Both quotes, adjacent parts joined, escapes kept for the splitting into arguments: `notify`, `script`.
    Script,
    /// Both quotes, adjacent parts joined, escapes interpreted: `regex`.
    Regex,
}

/// What follows the line of a directive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// A block of directives.
    Block,
    /// A block of entries, one or more on a line.
    List,
}

/// The form of one directive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// How its value is quoted.
    pub quoting: Quoting,
    /// What follows it.
    pub body: Body,
    /// Arguments it must have; a lone `//` behind them begins a comment.
    pub min_arguments: usize,
    /// Arguments it may have, none for any number; a word that begins with `//` behind them begins a comment.
    pub max_arguments: Option<usize>,
}

/// A grammar's own number for a kind of block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceId(pub usize);

/// Tells the form of directives.
///
/// A grammar may number its kinds of blocks. It is then asked by number for every line, and not by a path that
/// must be put together first; a block without a number is asked about by its path.
pub trait Grammar {
    /// The form of `keyword` in the block whose keywords from the outside in are `path`; none where it is
    /// unknown there. Not asked within list blocks.
    fn form(&self, path: &[&str], keyword: &str) -> Option<Form>;

    /// Its number for the block of `path`.
    fn place(&self, _path: &[&str]) -> Option<PlaceId> {
        None
    }

    /// What [`Grammar::form`] says, for the block of a number.
    fn form_at(&self, _place: PlaceId, _keyword: &str) -> Option<Form> {
        None
    }

    /// Its number for the block of `keyword` in the block of a number.
    fn inside(&self, _place: PlaceId, _keyword: &str) -> Option<PlaceId> {
        None
    }
}
