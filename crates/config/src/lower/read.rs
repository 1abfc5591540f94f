//! Reading values out of directives.
//!
//! Lowering reads a value or goes on with the default: what is wrong with a word, the keyword table's
//! check has said already. Ranges are the table's; what is here only turns words into values.

use core::time::Duration;

use crate::syntax::{Directive, Word};

impl Directive {
    /// The text of the argument at `index`, counted from 0.
    pub(crate) fn text(&self, index: usize) -> Option<&str> {
        self.arguments.get(index).map(|word| word.text.as_str())
    }

    /// A flag's value: no argument means true, an invalid one means no change.
    pub(crate) fn flag(&self) -> Option<bool> {
        self.arguments.first().map_or(Some(true), boolean)
    }

    /// Every word of every line of the block, for lists that ignore line ends.
    pub(crate) fn flat_words(&self) -> impl Iterator<Item = &Word> {
        self.children().iter().flat_map(Self::words)
    }
}

/// `on off true false yes no`, lower case.
pub(crate) fn boolean(word: &Word) -> Option<bool> {
    match word.text.as_str() {
        "on" | "true" | "yes" => Some(true),
        "off" | "false" | "no" => Some(false),
        _ => None,
    }
}

/// Whether a text is one of the words for true and false.
pub(crate) fn boolean_words(text: &str) -> bool {
    matches!(text, "on" | "true" | "yes" | "off" | "false" | "no")
}

/// Decimal seconds as a duration, rounded half up to `places` decimals (at most 9).
pub(crate) fn seconds(text: &str, places: u32) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut nanoseconds: u64 = 0;
    let mut unit: u64 = 100_000_000;
    for digit in fraction.bytes().take(9) {
        nanoseconds += u64::from(digit - b'0') * unit;
        unit /= 10;
    }
    let step = 10u64.pow(9u32.saturating_sub(places));
    let rounded = (nanoseconds + step / 2) / step * step;
    Some(Duration::from_nanos(whole.checked_mul(1_000_000_000)?.checked_add(rounded)?))
}

/// Decimal milliseconds as a duration, to the microsecond.
pub(crate) fn milliseconds(text: &str) -> Option<Duration> {
    // Read as seconds: a thousandth of each place is meant.
    Some(seconds(text, 3)? / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_half_up_to_the_places_asked_for() {
        assert_eq!(seconds("1", 2), Some(Duration::from_millis(1000)));
        assert_eq!(seconds("0.505", 2), Some(Duration::from_millis(510)));
        assert_eq!(seconds(".5", 2), Some(Duration::from_millis(500)));
        assert_eq!(seconds("1.999", 2), Some(Duration::from_millis(2000)));
        assert_eq!(seconds("0.000001", 6), Some(Duration::from_micros(1)));
        assert_eq!(seconds("1s", 2), None);
        assert_eq!(seconds("", 2), None);
        assert_eq!(seconds("-1", 2), None);
        assert_eq!(seconds("99999999999999999999", 2), None);
    }
}
