//! What is said to the person who called the program.

use std::io::Write as _;

/// Writes to standard output; a reader that is gone is no error.
pub(crate) fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Writes to standard error; a reader that is gone is no error.
pub(crate) fn eprint(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
