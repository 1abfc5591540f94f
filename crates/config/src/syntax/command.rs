//! Splitting a script value into a program and its arguments.

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
pub fn split_command(_text: &str) -> Result<Vec<String>, CommandError> {
    Ok(Vec::new())
}
