//! How rows of the table are written.

use super::super::{Argument, Keyword, Kind, Line, Need, Problem, Shape, Status, Words};
use crate::syntax::Word;

type Check = fn(&[Word]) -> Result<(), Problem>;

const fn row(
    name: &'static str,
    shape: Shape,
    default: &'static str,
    summary: &'static str,
) -> Keyword {
    let status = Status::NotYet;
    Keyword { name, shape, default, since: "", summary, status }
}

pub(super) const fn flag(
    name: &'static str,
    default: &'static str,
    summary: &'static str,
) -> Keyword {
    row(name, Shape::Flag, default, summary)
}

pub(super) const fn boolean(
    name: &'static str,
    default: &'static str,
    summary: &'static str,
) -> Keyword {
    row(name, Shape::Boolean, default, summary)
}

pub(super) const fn value(
    name: &'static str,
    arguments: &'static [Argument],
    default: &'static str,
    summary: &'static str,
) -> Keyword {
    row(name, Shape::Value(arguments), default, summary)
}

pub(super) const fn grammar(
    name: &'static str,
    words: Words,
    default: &'static str,
    summary: &'static str,
) -> Keyword {
    row(name, Shape::Words(words), default, summary)
}

pub(super) const fn block(
    name: &'static str,
    words: Words,
    default: &'static str,
    summary: &'static str,
) -> Keyword {
    row(name, Shape::Block(words), default, summary)
}

pub(super) const fn list(
    name: &'static str,
    words: Words,
    line: Line,
    default: &'static str,
    summary: &'static str,
) -> Keyword {
    row(name, Shape::List(words, line), default, summary)
}

pub(super) const fn language(
    name: &'static str,
    shown: &'static str,
    default: &'static str,
    summary: &'static str,
) -> Keyword {
    row(name, Shape::Language(shown), default, summary)
}

pub(super) const fn words(
    shown: &'static str,
    min: usize,
    max: Option<usize>,
    check: Check,
) -> Words {
    Words { shown, min, max, check }
}

pub(super) const fn line(shown: &'static str, check: Check) -> Line {
    Line { shown, check }
}

pub(super) const fn required(kind: Kind) -> Argument {
    Argument { kind, need: Need::Required }
}

pub(super) const fn optional(kind: Kind) -> Argument {
    Argument { kind, need: Need::Optional }
}

pub(super) const fn repeated(kind: Kind) -> Argument {
    Argument { kind, need: Need::Repeated }
}

impl Keyword {
    pub(super) const fn supported(mut self) -> Self {
        self.status = Status::Supported;
        self
    }

    pub(super) const fn ignored(mut self, reason: &'static str) -> Self {
        self.status = Status::Ignored(reason);
        self
    }

    pub(super) const fn since(mut self, version: &'static str) -> Self {
        self.since = version;
        self
    }
}

/// No arguments.
pub(super) const NOTHING: Words = words("", 0, Some(0), super::super::words::any);

/// The name of a block.
pub(super) const NAME: Words = words("<name>", 1, Some(1), super::super::words::any);

/// A command, and as whom to run it.
pub(super) const COMMAND: &[Argument] =
    &[required(Kind::Script), optional(Kind::Word("user")), optional(Kind::Word("group"))];

/// The same where it may be left out.
pub(super) const OPTIONAL_COMMAND: &[Argument] =
    &[optional(Kind::Script), optional(Kind::Word("user")), optional(Kind::Word("group"))];

/// How packets reach a real server.
pub(super) const FORWARDING: Words = words(
    "NAT|DR|TUN [type ipip|gue port <n>|gre] [nocsum|csum|remcsum]",
    1,
    None,
    super::super::words::forwarding,
);

/// The schedulers of IPVS.
pub(crate) const SCHEDULERS: &[&str] = &[
    "rr", "wrr", "lc", "wlc", "lblc", "sh", "mh", "dh", "fo", "ovf", "lblcr", "sed", "nq", "twos",
];

/// Options of regular expressions, by their names in PCRE2.
pub(super) const REGEX_OPTIONS: &[&str] = &[
    "allow_empty_class",
    "alt_bsux",
    "auto_callout",
    "caseless",
    "dollar_endonly",
    "dotall",
    "dupnames",
    "extended",
    "firstline",
    "match_unset_backref",
    "multiline",
    "never_ucp",
    "never_utf",
    "no_auto_capture",
    "no_auto_possess",
    "no_dotstar_anchor",
    "no_start_optimize",
    "ucp",
    "ungreedy",
    "utf",
    "never_backslash_c",
    "alt_circumflex",
    "alt_verbnames",
    "use_offset_limit",
];

/// The greatest unsigned number of 32 bits.
pub(super) const UNSIGNED: i64 = 0xffff_ffff;
