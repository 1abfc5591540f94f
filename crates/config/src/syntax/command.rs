//! Splitting a script value into a program and its arguments.

use crate::lexer::{is_blank, unescape};

/// A command string that cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// A quote is not closed.
    #[error("a quote is not closed")]
    UnmatchedQuote,
}

/// Splits the text of a script word into arguments: blanks separate, both quotes join, escapes are interpreted.
///
/// **Errors:** a quote that is not closed.
pub fn split_command(text: &str) -> Result<Vec<String>, CommandError> {
    let mut arguments = Vec::new();
    let mut current: Option<String> = None;
    let mut open: Option<char> = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (c, open) {
            (c, None) if is_blank(c) => arguments.extend(current.take()),
            (c, Some(quote)) if c == quote => open = None,
            ('"' | '\'', None) => {
                open = Some(c);
                current.get_or_insert_default();
            }
            ('\\', _) => {
                let meant = unescape(&mut rest.clone());
                let (meant, length) = meant.unwrap_or(('\\', 0));
                for _ in 0..length {
                    rest.next();
                }
                current.get_or_insert_default().push(meant);
            }
            (c, _) => current.get_or_insert_default().push(c),
        }
    }
    arguments.extend(current);
    if open.is_some() { Err(CommandError::UnmatchedQuote) } else { Ok(arguments) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[&str]) {
        assert_eq!(split_command(text).unwrap(), expect);
    }

    #[test]
    fn quotes_join_and_escapes_are_interpreted() {
        check("/bin/x a  b", &["/bin/x", "a", "b"]);
        check("/bin/sh -c 'echo a; exit 1'", &["/bin/sh", "-c", "echo a; exit 1"]);
        check(r#"a"b c"'d' \"e\" f\ g \x41\102 """#, &["ab cd", "\"e\"", "f g", "AB", ""]);
    }

    #[test]
    fn an_open_quote_is_an_error() {
        assert_eq!(split_command("a 'b"), Err(CommandError::UnmatchedQuote));
    }
}
