//! `cargo xtask docs`: writes what follows from the keyword table; `--check` says what is out of date instead.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use config::keyword::{Counts, man, markdown};

/// Runs the command.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<ExitCode> {
    let check = match arguments {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => bail!("usage: cargo xtask docs [--check]"),
    };
    let readme = std::fs::read_to_string(README).context(README)?;
    let pages = [
        ("docs/reference/keywords.md", markdown()),
        ("docs/man/steadfast.conf.5", man()),
        (README, with_counts(&readme)?),
    ];
    let mut stale = Vec::new();
    for (path, text) in pages {
        if std::fs::read_to_string(path).is_ok_and(|old| old == text) {
            continue;
        }
        if check {
            stale.push(path);
            continue;
        }
        if let Some(folder) = Path::new(path).parent() {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        std::fs::write(path, text).context(path)?;
    }
    if stale.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    bail!("out of date: {}; run `cargo xtask docs`", stale.join(", "))
}

/// The README with the counts of the table between their marks.
fn with_counts(readme: &str) -> anyhow::Result<String> {
    let (before, rest) = readme.split_once(BEGIN).context("README.md has no mark for counts")?;
    let (_, after) = rest.split_once(END).context("README.md has no end mark for counts")?;
    Ok(format!("{before}{BEGIN}\n{}.\n{END}{after}", Counts::of_table()))
}

const README: &str = "README.md";
const BEGIN: &str = "<!-- counts -->";
const END: &str = "<!-- /counts -->";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_replace_what_stood_between_their_marks() {
        let text = with_counts("a\n<!-- counts -->\nold\n<!-- /counts -->\nb\n").expect("marks");
        let counted = text.strip_prefix("a\n<!-- counts -->\n").and_then(|it| it.split_once(' '));
        let (number, rest) = counted.expect("a number");
        assert!(number.parse::<usize>().is_ok() && rest.starts_with("keywords: "), "{text}");
        assert!(text.ends_with(".\n<!-- /counts -->\nb\n"), "{text}");
        assert!(!text.contains("old"));
        assert!(with_counts("no marks").is_err());
    }
}
