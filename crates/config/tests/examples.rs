//! The examples that the project ships load, and what is said about each is a snapshot.

#![expect(clippy::disallowed_methods, reason = "tests read their fixtures")]

use std::path::Path;

use config::check;
use config::diagnostic::{Severity, render_lines, worst};
use config::source::SourceSet;
use config::syntax::Environment;

#[test]
fn every_example_loads_and_its_findings_are_known() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".conf"))
        .collect();
    names.sort();
    assert_eq!(names.len(), 7);
    for name in names {
        let sources = SourceSet::single(&name, std::fs::read(folder.join(&name)).unwrap());
        let checked = check(&sources, &Environment::of_host("example"));
        assert!(worst(&checked.diagnostics) < Some(Severity::Error), "{name}");
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("snapshots");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let snapshot = format!("example_{}", name.trim_end_matches(".conf"));
        let shown = render_lines(&sources, &checked.diagnostics);
        settings.bind(|| insta::assert_snapshot!(snapshot, shown));
    }
}
