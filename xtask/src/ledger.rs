//! `cargo xtask ledger`: each test that `docs/conformance` names exists, and each row has a test or a reason.
//!
//! A test is named `crate::file::name`: `file` is the file (or the folder of a `tests.rs` or `mod.rs`) that holds it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use crate::sources::walk;

/// Runs the command; `--check` is what it does in any case.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<ExitCode> {
    if !matches!(arguments, [] | [_]) || arguments.iter().any(|word| word != "--check") {
        bail!("usage: cargo xtask ledger [--check]");
    }
    let violations = violations(Path::new("."))?;
    if violations.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    bail!("{}", violations.join("\n"))
}

/// What is wrong with the pages below `root`, one sentence each.
pub(crate) fn violations(root: &Path) -> anyhow::Result<Vec<String>> {
    let tests = tests(root)?;
    let folder = root.join(FOLDER);
    let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut pages: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    pages.sort();
    let mut found = Vec::new();
    for page in pages.iter().filter(|page| page.extension().is_some_and(|it| it == "md")) {
        let text = fs::read_to_string(page).with_context(|| page.display().to_string())?;
        let name = page.file_name().unwrap_or_default().to_string_lossy();
        found.extend(of_page(&text, &tests).iter().map(|what| format!("{FOLDER}/{name}: {what}")));
    }
    Ok(found)
}

/// Names of tests, by crate and file.
type Tests = BTreeMap<(String, String), Vec<String>>;

/// What is wrong with one page.
fn of_page(text: &str, tests: &Tests) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for reference in references(line) {
            if !exists(reference, tests) {
                found.push(format!("line {number}: there is no test `{reference}`"));
            }
        }
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let is_row = line.starts_with('|') && !line.starts_with("| ---") && number > 1;
        let [section, _, proof] = cells.as_slice() else { continue };
        if !is_row || *section == "section" {
            continue;
        }
        let has_reason = REASONS.iter().any(|reason| proof.contains(reason));
        if references(proof).next().is_none() && !has_reason {
            found.push(format!("line {number}: neither a test nor a reason"));
        }
    }
    found
}

/// The words in back quotes that are paths of tests.
fn references(line: &str) -> impl Iterator<Item = &str> {
    line.split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| word.contains("::") && !word.contains(' '))
        // Addresses have colons too.
        .filter(|word| word.split("::").all(|part| part.contains(|c: char| c.is_ascii_lowercase())))
}

fn exists(reference: &str, tests: &Tests) -> bool {
    let parts: Vec<&str> = reference.split("::").collect();
    let [package, file, name] = parts.as_slice() else { return false };
    let names = tests.get(&((*package).to_owned(), (*file).to_owned()));
    names.is_some_and(|names| names.iter().any(|known| known == name))
}

/// Every test of the workspace.
fn tests(root: &Path) -> anyhow::Result<Tests> {
    let mut all = Tests::new();
    for (folder, package) in packages(root)? {
        walk(&folder, &mut |path, text| {
            let names = names(text);
            if let Some(file) = file_of(path).filter(|_| !names.is_empty()) {
                all.entry((package.clone(), file)).or_default().extend(names);
            }
        })?;
    }
    Ok(all)
}

fn packages(root: &Path) -> anyhow::Result<Vec<(std::path::PathBuf, String)>> {
    let mut all = vec![(root.join("conformance"), "conformance".to_owned())];
    for entry in fs::read_dir(root.join("crates")).context("crates")? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        all.push((path, name));
    }
    Ok(all)
}

/// What a file is called in the path of a test.
fn file_of(path: &Path) -> Option<String> {
    let stem = path.file_stem()?.to_str()?;
    let file = match stem {
        "tests" | "mod" => path.parent()?.file_name()?.to_str()?,
        stem => stem,
    };
    Some(file.to_owned())
}

/// The tests of a file: functions that are marked, and rows of a table, `("NAME", ...)`.
fn names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_marked = false;
    for line in text.lines().map(str::trim) {
        if line == "#[test]" {
            is_marked = true;
        } else if let Some(rest) = line.strip_prefix("fn ").filter(|_| is_marked) {
            names.extend(rest.split('(').next().map(str::to_owned));
            is_marked = false;
        }
        let rows = line.split("(\"").skip(1).chain(line.strip_prefix('"'));
        let rows = rows.filter_map(|row| row.split_once("\",").map(|(name, _)| name));
        names.extend(rows.filter(|name| is_sentence(name)).map(str::to_owned));
    }
    names
}

fn is_sentence(name: &str) -> bool {
    name.contains('_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

const FOLDER: &str = "docs/conformance";
/// How a row begins to say why there is no test, or not only that.
const REASONS: [&str; 3] = ["Otherwise: ", "Elsewhere: ", "Open: "];

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Tests {
        let text = "#[test]\nfn it_works() {}\nfn no_test() {}\n    (\"a_row_of_a_table\", run),\n\
                    Scenario::new(\n    \"a_long_row\",\n    V3,\n";
        Tests::from([(("wire".to_owned(), "discards".to_owned()), names(text))])
    }

    #[test]
    fn functions_that_are_marked_and_rows_of_tables_are_tests() {
        let names = known().into_values().next().unwrap_or_default();
        assert_eq!(names, ["it_works", "a_row_of_a_table", "a_long_row"]);
    }

    #[test]
    fn a_test_that_does_not_exist_is_named() {
        let page = "| 7.1 | M: `x` | `wire::discards::it_works`, `wire::discards::no_test` |\n\
                    | 7.1 | M | `wire::other::it_works` |\n";
        assert_eq!(
            of_page(page, &known()),
            [
                "line 1: there is no test `wire::discards::no_test`",
                "line 2: there is no test `wire::other::it_works`",
            ]
        );
    }

    #[test]
    fn a_row_needs_a_test_or_a_reason() {
        let page = "# RFC\n| section | demand | proof |\n| --- | --- | --- |\n| 1 | M: `ff02::12` | later |\n\
                    | 2 | M | Otherwise: as keepalived |\n| 3 | M | `wire::discards::it_works` |\n";
        assert_eq!(of_page(page, &known()), ["line 4: neither a test nor a reason"]);
    }

    #[test]
    fn a_folder_of_tests_goes_by_its_own_name() {
        let of = |path| file_of(Path::new(path)).unwrap_or_default();
        assert_eq!(of("crates/bfd/src/session/tests.rs"), "session");
        assert_eq!(of("crates/wire/tests/discards.rs"), "discards");
    }
}
