//! How a call ended: `grpc-status` and `grpc-message` (github.com/grpc/grpc, `doc/statuscodes.md`).

use health::Failure;
use hyper::HeaderMap;

use crate::patience::wrong;

/// **Errors**: the call failed, or there is no word of how it ended.
pub(super) fn judge(found: &HeaderMap) -> Result<(), Failure> {
    let code = found.get(NAME).ok_or_else(|| wrong("the answer has no grpc-status"))?;
    let code: Option<u32> = code.to_str().ok().and_then(|text| text.parse().ok());
    let code = code.ok_or_else(|| wrong("grpc-status is no number"))?;
    if code == 0 {
        return Ok(());
    }
    let word = usize::try_from(code).ok().and_then(|code| WORDS.get(code));
    let mut why = format!("grpc-status {code}");
    if let Some(word) = word {
        why.push_str(&format!(" {word}"));
    }
    if let Some(message) = found.get("grpc-message").map(|it| shown(it.as_bytes()))
        && !message.is_empty()
    {
        why.push_str(&format!(": {message}"));
    }
    Err(wrong(why))
}

/// A message as a log may have it: what is written as `%C3` is decoded, what is no letter of ASCII becomes a question mark,
/// and it is not long.
fn shown(message: &[u8]) -> String {
    let (mut shown, mut rest) = (String::new(), message);
    while let [first, after @ ..] = rest
        && shown.len() < LONGEST
    {
        let coded = if *first == b'%' { after.first_chunk().and_then(hex) } else { None };
        let byte = coded.unwrap_or(*first);
        let is_plain = byte.is_ascii_graphic() || byte == b' ';
        shown.push(if is_plain { char::from(byte) } else { '?' });
        rest = if coded.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    shown
}

fn hex([high, low]: &[u8; 2]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

pub(super) const NAME: &str = "grpc-status";
const LONGEST: usize = 120;
const WORDS: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: &str, message: Option<&'static str>) -> Result<(), String> {
        let mut found = HeaderMap::new();
        found.insert(NAME, code.parse().unwrap());
        if let Some(message) = message {
            found.insert("grpc-message", message.parse().unwrap());
        }
        judge(&found).map_err(|failure| failure.why)
    }

    #[test]
    fn a_call_ends_well_with_zero_alone() {
        assert_eq!(said("0", Some("whatever")), Ok(()));
        assert_eq!(said("5", None), Err("grpc-status 5 NOT_FOUND".to_owned()));
        let unknown = "grpc-status 5 NOT_FOUND: unknown service".to_owned();
        assert_eq!(said("5", Some("unknown service")), Err(unknown));
        assert_eq!(said("99", Some("")), Err("grpc-status 99".to_owned()));
        for odd in ["", "-1", "ok", "99999999999"] {
            assert_eq!(said(odd, None), Err("grpc-status is no number".to_owned()), "{odd}");
        }
        let none = judge(&HeaderMap::new()).map_err(|failure| failure.why);
        assert_eq!(none, Err("the answer has no grpc-status".to_owned()));
    }

    #[test]
    fn messages_are_decoded_cut_and_harmless() {
        assert_eq!(shown(b"down%3A 5%25 left"), "down: 5% left");
        assert_eq!(shown(b"100% of %4, %zz%"), "100% of %4, %zz%");
        assert_eq!(shown(b"a%0a%1b[31m%C3%A9\x7f"), "a??[31m???");
        assert_eq!(shown(&[b'x'; 5000]).len(), 120);
    }
}
