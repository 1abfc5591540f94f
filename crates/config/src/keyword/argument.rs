//! One argument of a keyword: what it is, whether it must be there, and what is wrong with a word in its place.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Problem;
use super::words::{number, problem};
use crate::lower::boolean_words;
use crate::syntax::{Quoting, Word};

/// One argument.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// What it is.
    pub kind: Kind,
    /// Whether it must be there.
    pub need: Need,
}

/// Whether an argument must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Once.
    Required,
    /// Once or not at all.
    Optional,
    /// Once or more; only the last argument of a keyword.
    Repeated,
}

/// What an argument is.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Any word; shown by this name.
    Word(&'static str),
    /// A whole number within a range.
    Integer(i64, i64),
    /// Decimal seconds within a range.
    ///
    /// **Units:** microseconds.
    Seconds(i64, i64),
    /// Decimal milliseconds within a range.
    ///
    /// **Units:** microseconds.
    Milliseconds(i64, i64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// One of these words, in upper or lower case.
    AnyCase(&'static [&'static str]),
    /// `on off true false yes no`.
    Boolean,
    /// An IPv4 or IPv6 address.
    Address,
    /// An IPv4 multicast address.
    Multicast4,
    /// An IPv6 multicast address.
    Multicast6,
    /// The name of an interface: at most 15 bytes.
    Interface,
    /// A command with its arguments.
    Script,
    /// A regular expression.
    Regex,
    /// Hexadecimal digits, this many.
    Hex(usize),
}

impl Kind {
    /// How it is quoted.
    pub(super) fn quoting(self) -> Quoting {
        match self {
            Self::Script => Quoting::Script,
            Self::Regex => Quoting::Regex,
            Self::Word(_)
            | Self::Integer(..)
            | Self::Seconds(..)
            | Self::Milliseconds(..)
            | Self::Choice(_)
            | Self::AnyCase(_)
            | Self::Boolean
            | Self::Address
            | Self::Multicast4
            | Self::Multicast6
            | Self::Interface
            | Self::Hex(_) => Quoting::Ordinary,
        }
    }

    /// What is wrong with a word in this place.
    ///
    /// **Errors:** a phrase that follows the word.
    pub(super) fn check(self, index: usize, word: &Word) -> Result<(), Problem> {
        let text = word.text.as_str();
        let not = |what: &str| Err(problem(index, format!("is not {what}")));
        match self {
            Self::Word(_) | Self::Script | Self::Regex => Ok(()),
            Self::Integer(least, most) => number(index, text, least, most),
            Self::Seconds(least, most) => decimal(index, text, least, most, 1_000_000, "seconds"),
            Self::Milliseconds(least, most) => {
                decimal(index, text, least, most, 1_000, "milliseconds")
            }
            Self::Choice(words) if words.contains(&text) => Ok(()),
            Self::Choice(words) => Err(super::suggest::choice(index, text, words)),
            Self::AnyCase(words) if words.iter().any(|it| it.eq_ignore_ascii_case(text)) => Ok(()),
            Self::AnyCase(words) => Err(super::suggest::choice(index, text, words)),
            Self::Boolean if boolean_words(text) => Ok(()),
            Self::Boolean => not("one of `on off true false yes no`"),
            Self::Address if text.parse::<IpAddr>().is_ok() => Ok(()),
            Self::Address => not("an IPv4 or IPv6 address"),
            Self::Multicast4 => match text.parse::<Ipv4Addr>() {
                Ok(address) if address.is_multicast() => Ok(()),
                _ => not("an IPv4 multicast address"),
            },
            Self::Multicast6 => match text.parse::<Ipv6Addr>() {
                Ok(address) if address.is_multicast() => Ok(()),
                _ => not("an IPv6 multicast address"),
            },
            Self::Interface if text.len() <= INTERFACE => Ok(()),
            Self::Interface => not("the name of an interface: it has more than 15 bytes"),
            Self::Hex(digits)
                if text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit()) =>
            {
                Ok(())
            }
            Self::Hex(digits) => not(&format!("{digits} hexadecimal digits")),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(name) => f.write_str(name),
            Self::Integer(least, most) if *most >= i64::from(u32::MAX) => write!(f, "{least}.."),
            Self::Integer(least, most) => write!(f, "{least}..{most}"),
            Self::Seconds(least, most) => range(f, *least, *most, 1_000_000, "seconds"),
            Self::Milliseconds(least, most) => range(f, *least, *most, 1_000, "ms"),
            Self::Choice(words) | Self::AnyCase(words) => f.write_str(&words.join("|")),
            Self::Boolean => f.write_str("on|off|true|false|yes|no"),
            Self::Address => f.write_str("ip"),
            Self::Multicast4 => f.write_str("IPv4 multicast"),
            Self::Multicast6 => f.write_str("IPv6 multicast"),
            Self::Interface => f.write_str("interface"),
            Self::Script => f.write_str("command"),
            Self::Regex => f.write_str("regular expression"),
            Self::Hex(digits) => write!(f, "{digits} hex digits"),
        }
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.need {
            Need::Required => write!(f, "<{}>", self.kind),
            Need::Optional => write!(f, "[<{}>]", self.kind),
            Need::Repeated => write!(f, "<{}>...", self.kind),
        }
    }
}

fn range(f: &mut fmt::Formatter<'_>, least: i64, most: i64, unit: i64, name: &str) -> fmt::Result {
    write!(f, "{name} {}..", Decimal(least, unit))?;
    if most < i64::MAX { write!(f, "{}", Decimal(most, unit)) } else { Ok(()) }
}

/// A count of microseconds, shown in a unit without trailing zeros.
struct Decimal(i64, i64);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / self.1, self.0 % self.1);
        write!(f, "{whole}")?;
        if rest == 0 {
            return Ok(());
        }
        let width = if self.1 == 1_000 { 3 } else { 6 };
        let digits = format!("{rest:0width$}");
        write!(f, ".{}", digits.trim_end_matches('0'))
    }
}

/// A decimal number of a unit that is `micros` microseconds long.
fn decimal(
    index: usize,
    text: &str,
    least: i64,
    most: i64,
    micros: i64,
    unit: &str,
) -> Result<(), Problem> {
    let Some(value) = microseconds(text, micros) else {
        let mut problem = problem(index, format!("is not a number of {unit}"));
        problem.number = true;
        if text.ends_with(|c: char| c.is_ascii_alphabetic()) {
            problem.help = Some(format!("write {unit} as a plain number, without a unit"));
        }
        return Err(problem);
    };
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let what = if most == i64::MAX {
        format!("is less than {}", Decimal(least, micros))
    } else {
        format!("is outside {} to {}", Decimal(least, micros), Decimal(most, micros))
    };
    let mut problem = problem(index, what);
    problem.number = true;
    Err(problem)
}

/// A decimal as microseconds; digits beyond the sixth place of the unit of seconds are dropped.
fn microseconds(text: &str, micros: i64) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut value = whole.checked_mul(micros)?;
    let mut unit = micros / 10;
    for digit in fraction.bytes().take(6) {
        value = value.checked_add(i64::from(digit - b'0') * unit)?;
        unit /= 10;
    }
    Some(value)
}

/// `IFNAMSIZ` without its NUL.
const INTERFACE: usize = 15;
