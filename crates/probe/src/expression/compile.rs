//! From `regex` and `regex_options` to programs of PCRE2.
//!
//! The library is used through a wrapper that has only the options most people want; the others are said as PCRE2
//! lets an expression say them itself: words at its very beginning (`(*UTF)`), and letters (`(?U)`).

use std::fmt;

use pcre2::bytes::{Regex, RegexBuilder};

/// What stands beside an expression.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpressionOptions {
    /// `regex_no_match`.
    pub must_not_match: bool,
    /// `regex_min_offset`: the first byte at which a match may begin.
    pub from: u32,
    /// `regex_max_offset`: the last byte at which a match may begin.
    pub to: Option<u32>,
    /// `firstline` of `regex_options`: a match begins in the first line.
    pub first_line: bool,
    /// The others.
    pub words: Vec<String>,
}

impl ExpressionOptions {
    /// Whether an option of `regex_options` is executed, or can be left out without a change.
    #[must_use]
    pub fn executes(word: &str) -> bool {
        ![
            "allow_empty_class",
            "alt_bsux",
            "alt_circumflex",
            "alt_verbnames",
            "dollar_endonly",
            "match_unset_backref",
        ]
        .contains(&word)
    }
}

/// Why an expression is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// It is not well formed, or too large.
    Syntax {
        /// The byte of it at which that shows.
        at: usize,
        /// What is wrong, in the words of PCRE2.
        why: String,
    },
    /// An option that is not executed.
    Option(String),
    /// A word that ends or moves the search for all places, which are looked at one by one here: `(*COMMIT)`, `(*SKIP)`.
    Verb(&'static str),
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { at, why } => write!(f, "{why} (at byte {at})"),
            Self::Option(word) => write!(f, "option `{word}` is not executed"),
            Self::Verb(word) => write!(f, "`(*{word})` is not executed"),
        }
    }
}

/// One expression, compiled twice.
#[derive(Debug)]
pub(super) struct Programs {
    /// Searches a short body at once.
    pub(super) quick: Regex,
    /// Looks whether a match begins at one place.
    pub(super) careful: Regex,
    /// It matches characters, and not bytes.
    pub(super) is_utf: bool,
    /// Each place takes a bounded look, however long the body is.
    pub(super) is_plain: bool,
}

/// **Errors**: what PCRE2 says of it; an option that cannot be had.
pub(super) fn programs(
    text: &str,
    options: &ExpressionOptions,
) -> Result<Programs, ExpressionError> {
    let verb = ["COMMIT", "SKIP"].into_iter().find(|verb| text.contains(&format!("(*{verb}")));
    if let Some(verb) = verb {
        return Err(ExpressionError::Verb(verb));
    }
    let mut builder = RegexBuilder::new();
    let (mut words, mut letters) = (String::new(), String::new());
    for word in &options.words {
        match word.as_str() {
            "caseless" => drop(builder.caseless(true)),
            "dotall" => drop(builder.dotall(true)),
            "extended" => drop(builder.extended(true)),
            "multiline" => drop(builder.multi_line(true)),
            "ucp" => drop(builder.ucp(true)),
            "utf" => drop(builder.utf(true)),
            "ungreedy" => letters.push('U'),
            "dupnames" => letters.push('J'),
            "no_auto_capture" => letters.push('n'),
            "no_auto_possess" => words.push_str("(*NO_AUTO_POSSESS)"),
            "no_dotstar_anchor" => words.push_str("(*NO_DOTSTAR_ANCHOR)"),
            "no_start_optimize" => words.push_str("(*NO_START_OPT)"),
            // How a match is told of, bounds that are set in another way here, and what whoever writes the expression
            // forbids himself.
            "auto_callout" | "use_offset_limit" | "never_utf" | "never_ucp"
            | "never_backslash_c" => {}
            other => return Err(ExpressionError::Option(other.to_owned())),
        }
    }
    if !letters.is_empty() {
        letters = format!("(?{letters})");
    }
    let (own_words, rest) = beginning(text);
    // First as it is, so that what is wrong shows where it is.
    let before = own_words.len();
    let plain = format!("{own_words}{words}{letters}{rest}");
    let added = words.len() + letters.len();
    builder.build(&plain).map_err(|error| {
        let at = error.offset().unwrap_or(0);
        let at = if at > before { at.saturating_sub(added).max(before) } else { at };
        ExpressionError::Syntax { at, why: reason(&error) }
    })?;
    let bounds =
        |steps: u32| format!("{own_words}{words}(*LIMIT_MATCH={steps})(*LIMIT_HEAP={HEAP})");
    let syntax = |error: pcre2::Error| ExpressionError::Syntax { at: 0, why: reason(&error) };
    let quick = builder.build(&format!("{}{letters}{rest}", bounds(QUICK_STEPS)));
    // A comment or a quotation may be open at its end.
    let ends = [")", "\n)", "\\E)"];
    let careful =
        |end| builder.build(&format!("{}{letters}\\G(?:{rest}{end}", bounds(CAREFUL_STEPS)));
    let careful = ends.into_iter().map(careful).find_map(Result::ok);
    Ok(Programs {
        quick: quick.map_err(syntax)?,
        careful: careful.ok_or_else(|| ExpressionError::Syntax {
            at: text.len(),
            why: "what is open at its end cannot be closed".to_owned(),
        })?,
        is_plain: is_plain(rest),
        is_utf: options.words.iter().any(|word| word == "utf") || own_words.contains("(*UTF)"),
    })
}

/// Whether nothing in an expression repeats without a small bound, nor calls a part of it: then no step goes far.
fn is_plain(text: &str) -> bool {
    let repeats = |part: &str| text.contains(part);
    !["*", "+", "{", "(?", "\\X", "\\g"].into_iter().any(repeats)
}

/// The words at the beginning of an expression that are for all of it, and the rest.
fn beginning(text: &str) -> (&str, &str) {
    let mut rest = text;
    while let Some((word, behind)) = rest.strip_prefix("(*").and_then(|rest| rest.split_once(')'))
        && WORDS.contains(&word.split('=').next().unwrap_or(word))
    {
        rest = behind;
    }
    text.split_at(text.len() - rest.len())
}

/// What PCRE2 says, without the words of the wrapper around it.
fn reason(error: &pcre2::Error) -> String {
    let text = error.to_string();
    let mark = format!("at offset {}: ", error.offset().unwrap_or(0));
    text.split_once(&mark).map_or(text.clone(), |(_, reason)| reason.to_owned())
}

/// Words that count for a whole expression, and stand at its beginning only (`pcre2pattern`).
const WORDS: &[&str] = &[
    "UTF",
    "UCP",
    "NOTEMPTY",
    "NOTEMPTY_ATSTART",
    "NO_AUTO_POSSESS",
    "NO_DOTSTAR_ANCHOR",
    "NO_JIT",
    "NO_START_OPT",
    "LIMIT_HEAP",
    "LIMIT_DEPTH",
    "LIMIT_MATCH",
    "CR",
    "LF",
    "CRLF",
    "ANYCRLF",
    "ANY",
    "NUL",
    "BSR_ANYCRLF",
    "BSR_UNICODE",
];
/// Steps for each place of a short body: 8 KiB of them are some milliseconds.
const QUICK_STEPS: u32 = 128;
/// Steps for one place: some ten milliseconds.
const CAREFUL_STEPS: u32 = 1_000_000;
/// KiB of memory for what may have to be tried again.
const HEAP: u32 = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str, words: &[&str]) -> ExpressionError {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        programs(text, &ExpressionOptions { words, ..ExpressionOptions::default() }).unwrap_err()
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let syntax = |at, why: &str| ExpressionError::Syntax { at, why: why.to_owned() };
        assert_eq!(error("ab(c", &[]), syntax(4, "missing closing parenthesis"));
        assert_eq!(error("ab(c", &["ungreedy"]), syntax(4, "missing closing parenthesis"));
        assert_eq!(error("(*UTF)ab(c", &["dupnames"]), syntax(10, "missing closing parenthesis"));
        assert_eq!(error("a)(?:b", &[]), syntax(1, "unmatched closing parenthesis"));
        assert_eq!(error("a", &["alt_bsux"]), ExpressionError::Option("alt_bsux".to_owned()));
        assert_eq!(error("a(*COMMIT)b", &[]), ExpressionError::Verb("COMMIT"));
        assert_eq!(error("a+(*SKIP)b", &[]), ExpressionError::Verb("SKIP"));
        assert_eq!(error("a+(*SKIP:here)b", &[]), ExpressionError::Verb("SKIP"));
    }

    #[test]
    fn what_may_look_far_from_one_place_is_not_plain() {
        for text in ["OK", "^status: (up|ready)$", "a?b?[a-z]", "\\bwell\\."] {
            assert!(is_plain(text), "{text}");
        }
        for text in ["a*", "\\w+", "a{2,}", "(?R)", "(a)\\g1", "\\X", "(*ACCEPT)"] {
            assert!(!is_plain(text), "{text}");
        }
    }

    #[test]
    fn what_is_open_at_the_end_is_closed() {
        for (text, words) in [("a # all of it", &["extended"][..]), ("\\Qa(b", &[]), ("a|b", &[])] {
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            assert!(programs(text, &ExpressionOptions { words, ..Default::default() }).is_ok());
        }
    }

    #[test]
    fn words_at_the_beginning_stay_there() {
        assert_eq!(beginning("(*UTF)(*UCP)a(*F)"), ("(*UTF)(*UCP)", "a(*F)"));
        assert_eq!(beginning("(*LIMIT_MATCH=5)a"), ("(*LIMIT_MATCH=5)", "a"));
        assert_eq!(beginning("(*ACCEPT)a"), ("", "(*ACCEPT)a"));
        assert_eq!(beginning("a"), ("", "a"));
    }
}
