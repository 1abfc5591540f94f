//! What the content of a tracked file says: the number at its beginning, as C's `strtol` with base 0 reads it.

/// The number at the beginning of a file; 0 where there is none.
///
/// **Shape**: blanks, a sign, then `0x` and hexadecimal digits, `0` and octal ones, or decimal ones. What follows
/// does not count. None for a number beyond 32 bits: the file says nothing then.
#[must_use]
pub fn number(content: &[u8]) -> Option<i32> {
    let blanks = content.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    let rest = content.get(blanks..).unwrap_or_default();
    let (negative, rest) = match rest.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, rest),
    };
    let (base, digits) = match rest {
        [b'0', b'x' | b'X', digits @ ..] if digits.first().is_some_and(u8::is_ascii_hexdigit) => {
            (16, digits)
        }
        [b'0', digits @ ..] => (8, digits),
        digits => (10, digits),
    };
    let mut value: i64 = 0;
    for digit in digits.iter().map_while(|byte| char::from(*byte).to_digit(base)) {
        value = value * i64::from(base) + i64::from(digit);
        if value > 1 << 32 {
            return None;
        }
    }
    i32::try_from(if negative { -value } else { value }).ok()
}

/// How much of a file is looked at, in bytes: a number needs less.
pub const CONTENT_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_c_reads_them() {
        for (text, expected) in [
            ("0", 0),
            ("17\n", 17),
            (" \t\n-30 and more", -30),
            ("+5", 5),
            ("0x1F", 31),
            ("-0X10z", -16),
            ("010", 8),
            ("09", 0),
            ("0x", 0),
            ("12abc", 12),
            ("2147483647", i32::MAX),
            ("-2147483648", i32::MIN),
        ] {
            assert_eq!(number(text.as_bytes()), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_0() {
        for text in ["", "\n", "up", "-", "--1", "\0", "x1"] {
            assert_eq!(number(text.as_bytes()), Some(0), "{text:?}");
        }
        assert_eq!(number(&[0xff; CONTENT_MAX]), Some(0));
    }

    #[test]
    fn a_number_beyond_32_bits_says_nothing() {
        assert_eq!(number(b"2147483648"), None);
        assert_eq!(number(b"-2147483649"), None);
        assert_eq!(number(&[b'9'; CONTENT_MAX]), None);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let _ = number(bytes);
        });
    }
}
