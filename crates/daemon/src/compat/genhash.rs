//! What `genhash` prints, to the letter.

use std::fmt::Write as _;
use std::time::Duration;

use probe::RawAnswer;

/// The digest on a line.
pub(crate) fn digest(answer: &RawAnswer) -> String {
    let digits = answer.digest().map(|byte| format!("{byte:02x}")).concat();
    format!("{digits}\n")
}

/// The answer in three forms, and its digest in two.
pub(crate) fn verbose(answer: &RawAnswer, path: &str, lasted: Duration) -> String {
    let head = String::from_utf8_lossy(&answer.head);
    format!(
        "{}{}{}{head}\n{}{}\n{}{}{}{}\nGlobal response time for [{path}] = {} usecs\n",
        title("   HTTP Header Buffer   "),
        octets(&answer.head),
        title("HTTP Header Ascii Buffer"),
        title("       HTML Buffer       "),
        octets(&answer.body),
        title("   HTML hash resulting   "),
        octets(&answer.digest()),
        title("HTML hash final resulting"),
        digest(answer),
        lasted.as_micros()
    )
}

fn title(text: &str) -> String {
    format!("-----------------------[ {text} ]-----------------------\n")
}

/// Sixteen bytes on a line: their place, their digits, and those of them that are letters.
fn octets(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (line, bytes) in bytes.chunks(16).enumerate() {
        let (mut digits, mut letters) = (String::new(), String::new());
        for place in 0..16 {
            if place == 8 {
                digits.push_str("- ");
            }
            match bytes.get(place) {
                Some(byte) => {
                    let _ = write!(digits, "{byte:02x} ");
                    letters.push(if (b' '..=b'~').contains(byte) {
                        char::from(*byte)
                    } else {
                        '.'
                    });
                }
                None => {
                    digits.push_str("   ");
                    letters.push(' ');
                }
            }
        }
        let _ = writeln!(text, "{:04}  {digits}  {letters}", line * 16);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As keepalived 2.2.7 printed it of the same answer, but for the time.
    #[test]
    fn an_answer_is_shown_as_keepalived_shows_it() {
        let answer = RawAnswer {
            head: b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n".to_vec(),
            body: b"hello\n".to_vec(),
        };
        let expected = "\
-----------------------[    HTTP Header Buffer    ]-----------------------
0000  48 54 54 50 2f 31 2e 30 - 20 32 30 30 20 4f 4b 0d   HTTP/1.0 200 OK.
0016  0a 43 6f 6e 74 65 6e 74 - 2d 54 79 70 65 3a 20 74   .Content-Type: t
0032  65 78 74 2f 70 6c 61 69 - 6e 0d 0a 0d 0a            ext/plain....   
-----------------------[ HTTP Header Ascii Buffer ]-----------------------
HTTP/1.0 200 OK\r
Content-Type: text/plain\r
\r

-----------------------[        HTML Buffer        ]-----------------------
0000  68 65 6c 6c 6f 0a       -                           hello.          

-----------------------[    HTML hash resulting    ]-----------------------
0000  b1 94 6a c9 24 92 d2 34 - 7c 62 35 b4 d2 61 11 84   ..j.$..4|b5..a..
-----------------------[ HTML hash final resulting ]-----------------------
b1946ac92492d2347c6235b4d2611184

Global response time for [/x] = 5302 usecs
";
        assert_eq!(verbose(&answer, "/x", Duration::from_micros(5302)), expected);
        assert_eq!(digest(&answer), "b1946ac92492d2347c6235b4d2611184\n");
    }
}
