//! The language, file by file: what a configuration becomes, and what is said of one that is wrong.
//!
//! Each file under `valid` gives the tree as it prints again, each under `invalid` the diagnostics in all three forms.
//! The grammar is a small one of these tests; the keywords have theirs.

#![expect(clippy::disallowed_methods, reason = "tests read their fixtures")]
#![expect(clippy::unwrap_used, reason = "a panic fails the test, as it should")]

mod support;

use std::fs;
use std::path::Path;

use config::diagnostic::{Severity, Style, render_human, render_json, render_lines, worst};
use config::source::SourceSet;
use config::syntax::{Environment, parse};

use support::SmallGrammar;

fn fixtures(folder: &str) -> Vec<(String, SourceSet)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let fixture = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let set = SourceSet::single(&format!("{name}.conf"), fs::read(&path).unwrap());
        (name, set)
    };
    files.into_iter().map(fixture).collect()
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn valid_files_give_their_tree_and_no_error() {
    for (name, set) in fixtures("valid") {
        let (tree, diagnostics) = parse(&set, &Environment::of_host("node1"), &SmallGrammar);
        assert_ne!(worst(&diagnostics), Some(Severity::Error), "{name}");
        let tree = tree.print(&SmallGrammar);
        let told = render_lines(&set, &diagnostics);
        snapshot(&format!("valid_{name}"), &format!("{tree}---\n{told}"));
    }
}

#[test]
fn invalid_files_give_all_their_errors() {
    for (name, set) in fixtures("invalid") {
        let (tree, diagnostics) = parse(&set, &Environment::of_host("node1"), &SmallGrammar);
        let tree = tree.print(&SmallGrammar);
        let style = Style { colour: false, width: 100 };
        let human = render_human(&set, &diagnostics, style);
        let lines = render_lines(&set, &diagnostics);
        let json = render_json(&set, &diagnostics);
        snapshot(&format!("invalid_{name}"), &format!("{human}---\n{lines}---\n{json}---\n{tree}"));
    }
}

#[test]
fn a_printed_tree_parses_to_the_same_tree() {
    for (name, set) in fixtures("valid").into_iter().chain(fixtures("invalid")) {
        let environment = Environment::of_host("node1");
        let (tree, _) = parse(&set, &environment, &SmallGrammar);
        let printed = tree.print(&SmallGrammar);
        let (again, _) =
            parse(&SourceSet::single("again", printed.as_str()), &environment, &SmallGrammar);
        assert_eq!(again.print(&SmallGrammar), printed, "{name}");
    }
}

#[test]
fn the_files_of_tutorials_balance_and_name_their_foreign_comments() {
    for (name, set) in fixtures("../../../examples") {
        let (tree, diagnostics) = parse(&set, &Environment::of_host("node1"), &SmallGrammar);
        assert_ne!(worst(&diagnostics), Some(Severity::Error), "{name}");
        assert!(tree.directives.iter().all(|directive| directive.block.is_some()), "{name}");
        let slashes = set.files().iter().flat_map(|file| file.text().lines());
        let slashes = slashes.filter(|line| line.contains("//") && !line.contains("://")).count();
        assert_eq!(diagnostics.len(), slashes, "{name}");
    }
}

#[test]
fn colour_is_the_only_difference_of_coloured_output() {
    let (_, set) = fixtures("invalid").remove(0);
    let (_, diagnostics) = parse(&set, &Environment::of_host("node1"), &SmallGrammar);
    let style = Style { colour: true, width: 100 };
    let coloured = render_human(&set, &diagnostics, style);
    assert!(coloured.contains("\x1b["));
    let plain = render_human(&set, &diagnostics, Style { colour: false, ..style });
    assert!(!plain.contains('\x1b'));
}
