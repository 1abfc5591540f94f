//! What is known of the causes where a goal is not met. The report quotes it only for figures that missed theirs.

/// The cause for the figure of this name, if one is known.
#[must_use]
pub fn reason(figure: &str) -> Option<&'static str> {
    REASONS.iter().find(|(words, _)| words.iter().all(|word| figure.contains(word))).map(|r| r.1)
}

/// Words that the name of a figure contains, and the cause: the first row that fits counts.
const REASONS: &[(&[&str], &str)] = &[];
