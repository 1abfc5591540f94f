//! Every crate that we are built with has a licence of the list in `deny.toml`.
//!
//! The list is read from that file, so that `cargo deny` and this check agree; the crates come from `cargo metadata`,
//! so that no other program is needed.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::metadata;

/// Crates with a licence that is not on the list, one sentence each.
pub(crate) fn violations(root: &Path) -> anyhow::Result<Vec<String>> {
    let path = root.join("deny.toml");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let allowed = allowed(&text);
    let mut found = Vec::new();
    for package in metadata::with_dependencies()?.packages {
        let licence = package.license.as_deref().unwrap_or("no licence");
        if !is_satisfied(licence, &allowed) {
            found.push(format!(
                "{} {}: {licence} is not on the list",
                package.name, package.version
            ));
        }
    }
    Ok(found)
}

/// The quoted words between `allow = [` and `]`.
fn allowed(text: &str) -> Vec<&str> {
    let list = text.split_once("allow = [").map_or("", |(_, rest)| rest);
    let list = list.split_once(']').map_or("", |(list, _)| list);
    list.split('"').skip(1).step_by(2).collect()
}

/// Whether the licence expression can be satisfied with `allowed` licences alone. `AND` binds closer than `OR`; the
/// old form with a slash means `OR`.
fn is_satisfied(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let (satisfied, rest) = any(&words, allowed);
    satisfied && rest.is_empty()
}

fn any<'a, 'b>(words: &'a [&'b str], allowed: &[&str]) -> (bool, &'a [&'b str]) {
    let (mut satisfied, mut rest) = all(words, allowed);
    while let Some((&"OR", after)) = rest.split_first() {
        let (other, after) = all(after, allowed);
        satisfied |= other;
        rest = after;
    }
    (satisfied, rest)
}

fn all<'a, 'b>(words: &'a [&'b str], allowed: &[&str]) -> (bool, &'a [&'b str]) {
    let (mut satisfied, mut rest) = one(words, allowed);
    while let Some((&"AND", after)) = rest.split_first() {
        let (other, after) = one(after, allowed);
        satisfied &= other;
        rest = after;
    }
    (satisfied, rest)
}

fn one<'a, 'b>(words: &'a [&'b str], allowed: &[&str]) -> (bool, &'a [&'b str]) {
    match words.split_first() {
        Some((&"(", inner)) => {
            let (satisfied, rest) = any(inner, allowed);
            match rest.split_first() {
                Some((&")", rest)) => (satisfied, rest),
                _ => (false, rest),
            }
        }
        // An exception only grants more than its licence.
        Some((licence, [with, _exception, rest @ ..])) if *with == "WITH" => {
            (allowed.contains(licence), rest)
        }
        Some((licence, rest)) => (allowed.contains(licence), rest),
        None => (false, words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_judged_as_spdx_means_them() {
        let allowed = ["MIT", "Apache-2.0", "Unicode-3.0"];
        for (expression, wanted) in [
            ("MIT", true),
            ("GPL-3.0-only", false),
            ("no licence", false),
            ("", false),
            ("MIT OR GPL-2.0-only", true),
            ("GPL-2.0-only OR MIT", true),
            ("GPL-2.0-only/MIT", true),
            ("MIT AND GPL-2.0-only", false),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
            ("(MIT OR Apache-2.0) AND NCSA", false),
            ("MIT AND NCSA OR Apache-2.0", true),
            ("Apache-2.0 WITH LLVM-exception OR GPL-2.0-only", true),
            ("(MIT", false),
            ("MIT MIT", false),
        ] {
            assert_eq!(is_satisfied(expression, &allowed), wanted, "{expression}");
        }
    }

    #[test]
    fn the_list_stands_in_deny_toml() {
        let text = "[licenses]\nversion = 2\nallow = [\n  \"MIT\", # ours\n  \"ISC\",\n]\n\"X\"\n";
        assert_eq!(allowed(text), ["MIT", "ISC"]);
        assert_eq!(allowed("nothing"), [""; 0]);
    }
}
