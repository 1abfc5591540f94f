//! Keys and passwords in lines that are shown to people.

use std::borrow::Cow;

/// `text` with every password and key as stars, byte for byte, so that places stay where they are.
pub(super) fn masked(text: &str) -> Cow<'_, str> {
    if !WORDS.iter().any(|word| text.contains(word)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.split_inclusive('\n').map(line).collect())
}

fn line(line: &str) -> String {
    let Some(begin) = secret(line) else { return line.to_owned() };
    let (shown, hidden) = line.split_at(begin);
    let kept = |byte: u8| byte.is_ascii_whitespace() || b"{}".contains(&byte);
    let stars = hidden.bytes().map(|byte| if kept(byte) { char::from(byte) } else { '*' });
    shown.chars().chain(stars).collect()
}

/// Where the secret of a line begins: behind `auth_pass` or a `password`, or behind `key` and its number. A path is none.
fn secret(line: &str) -> Option<usize> {
    let words: Vec<(usize, &str)> = line
        .split_ascii_whitespace()
        .map(|word| (word.as_ptr().addr() - line.as_ptr().addr(), word))
        .collect();
    words.iter().enumerate().find_map(|(at, (_, word))| match *word {
        "auth_pass" | "password" | "smtp_password" => words.get(at + 1).map(|(begin, _)| *begin),
        "key" => {
            let (begin, given) = words.get(at + 2)?;
            (!given.starts_with("file:")).then_some(*begin)
        }
        _ => None,
    })
}

const WORDS: [&str; 3] = ["auth_pass", "password", "key"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_keys_become_stars_of_the_same_length() {
        let check = |text: &str, expected: &str| assert_eq!(masked(text), expected);
        check("  auth_pass 1234 # why\n}", "  auth_pass **** * ***\n}");
        check("authentication { auth_pass gehéim }", "authentication { auth_pass ******* }");
        check("key 1 hex:00ff\n key 2 file:/etc/k\n", "key 1 ********\n key 2 file:/etc/k\n");
        check(" password open sesame\n", " password **** ******\n");
        check("smtp_password x\nsmtp_password_file /x", "smtp_password *\nsmtp_password_file /x");
        check("auth_type PASS\ninterface eth0", "auth_type PASS\ninterface eth0");
        check("key 300 hex:00ff", "key 300 ********");
    }
}
