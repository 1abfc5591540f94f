//! From when to when a certificate is valid: the one thing that is read of it without judging it.

/// **Shape**: `from` and `to` are the first and the last second.
/// **Units**: seconds since 1970.
/// **Source**: RFC 5280 §4.1.2.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl Validity {
    /// What a certificate in DER form says; nothing where it is none.
    pub(crate) fn of(certificate: &[u8]) -> Option<Self> {
        let mut rest = certificate;
        let mut certificate = inside(&mut rest, SEQUENCE)?;
        let mut signed = inside(&mut certificate, SEQUENCE)?;
        if signed.first() == Some(&VERSION) {
            element(&mut signed)?;
        }
        let _serial = inside(&mut signed, INTEGER)?;
        let _algorithm = inside(&mut signed, SEQUENCE)?;
        let _issuer = inside(&mut signed, SEQUENCE)?;
        let mut times = inside(&mut signed, SEQUENCE)?;
        Some(Self { from: time(&mut times)?, to: time(&mut times)? })
    }
}

/// The content of the next element, which has to be of this kind.
fn inside<'a>(bytes: &mut &'a [u8], kind: u8) -> Option<&'a [u8]> {
    let (found, content) = element(bytes)?;
    (found == kind).then_some(content)
}

/// The next element, taken off `bytes`: its kind and content. Lengths of up to four bytes (X.690 §8.1.3).
fn element<'a>(bytes: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&[kind, first], rest) = bytes.split_first_chunk()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if !(1..=4).contains(&digits.len()) {
            return None;
        }
        (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some((kind, content))
}

/// `YYMMDDHHMMSSZ` of the years 1950 to 2049, or `YYYYMMDDHHMMSSZ`. What is before 1970 counts as 1970.
fn time(bytes: &mut &[u8]) -> Option<u64> {
    let (kind, text) = element(bytes)?;
    let digits = text.strip_suffix(b"Z")?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |from: usize, to: usize| {
        let digits = digits.get(from..to)?;
        Some(digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
    };
    let (year, rest) = match (kind, digits.len()) {
        (UTC_TIME, 12) => (number(0, 2)? + if number(0, 2)? < 50 { 2000 } else { 1900 }, 2),
        (GENERALIZED_TIME, 14) => (number(0, 4)?, 4),
        _ => return None,
    };
    let part = |index: usize| number(rest + 2 * index, rest + 2 * index + 2);
    let (month, day) = (part(0)?, part(1)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let seconds = (part(2)? * 60 + part(3)?) * 60 + part(4)?;
    Some(days(year, month, day) * 24 * 60 * 60 + seconds)
}

/// Days from 1970 to a date of the Gregorian calendar.
fn days(year: u64, month: u64, day: u64) -> u64 {
    // Years that begin with March have the leap day at their end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.max(1) - 1, month + 9) };
    let since_march = (153 * month + 2) / 5 + day - 1;
    let since_zero = 365 * year + year / 4 - year / 100 + year / 400 + since_march;
    since_zero.saturating_sub(UNTIL_1970)
}

/// Days from the first of March of the year 0 to the first of January 1970.
const UNTIL_1970: u64 = 719_468;

const VERSION: u8 = 0xa0;
const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(kind: u8, text: &str) -> Option<u64> {
        let mut bytes = vec![kind, u8::try_from(text.len()).unwrap()];
        bytes.extend(text.as_bytes());
        time(&mut bytes.as_slice())
    }

    /// As `date --date ... +%s` has them.
    #[test]
    fn times_are_seconds_since_1970() {
        assert_eq!(at(UTC_TIME, "700101000000Z"), Some(0));
        assert_eq!(at(UTC_TIME, "240229120000Z"), Some(1_709_208_000));
        assert_eq!(at(UTC_TIME, "491231235959Z"), Some(2_524_607_999));
        assert_eq!(at(GENERALIZED_TIME, "20500101000000Z"), Some(2_524_608_000));
        assert_eq!(at(GENERALIZED_TIME, "99991231235959Z"), Some(253_402_300_799));
        assert_eq!(at(UTC_TIME, "500101000000Z"), Some(0), "1950");
        assert_eq!(at(UTC_TIME, "20240229120000Z"), None);
        assert_eq!(at(UTC_TIME, "241301000000Z"), None);
        assert_eq!(at(UTC_TIME, "24022912000 Z"), None);
        assert_eq!(at(GENERALIZED_TIME, "00000101000000Z"), Some(0));
    }

    #[test]
    fn any_bytes_are_a_certificate_or_none() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let _ = Validity::of(bytes);
        });
    }
}
