//! `-t`: keepalived's test of a configuration, with its exit codes.

use crate::program::{BAD, Files, GOOD, run};

/// Exit code and findings of `-t` for a file.
fn check(content: &str, expected: i32) -> String {
    let files = Files::with("a.conf", content);
    let run = run(&["-t", "-f", &files.name("a.conf")]);
    assert_eq!(run.code, Some(expected), "{}", run.err);
    assert_eq!(run.out, "");
    files.without(&run.err)
}

#[test]
fn a_good_file_ends_with_0_in_silence() {
    assert_eq!(check(GOOD, 0), "");
}

#[test]
fn an_unknown_keyword_ends_with_5() {
    let said = check(&GOOD.replace("priority", "priorty"), 5);
    assert!(said.contains("a.conf:4:5: "), "{said}");
    assert!(said.contains("`priority`"), "{said}");
}

#[test]
fn a_missing_argument_ends_with_2() {
    let said = check(&GOOD.replace("virtual_router_id 51", "virtual_router_id"), 2);
    assert!(said.contains("a.conf:3:5: error: "), "{said}");
}

#[test]
fn a_missing_file_is_said_though_keepalived_ends_with_0() {
    let run = run(&["-t", "-f", "/nowhere/at/all.conf"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert!(run.err.contains("/nowhere/at/all.conf"), "{}", run.err);
}

#[test]
fn an_include_without_files_is_no_error_unless_all_are_to_be_there() {
    let text = format!("{GOOD}include nothing-*.conf\n");
    let files = Files::with("a.conf", &text);
    let name = files.name("a.conf");
    assert_eq!(run(&["-t", "-f", &name]).code, Some(0));
    let strict = run(&["-t", "-e", "-f", &name]);
    assert_eq!(strict.code, Some(6), "{}", strict.err);
    assert!(strict.err.contains("nothing-*.conf"), "{}", strict.err);
}

#[test]
fn a_file_that_includes_itself_ends() {
    let files = Files::with("a.conf", format!("{GOOD}include a.conf\n"));
    let run = run(&["-t", "-f", &files.name("a.conf")]);
    assert_eq!(run.code, Some(6));
    assert!(run.err.contains("includes itself"), "{}", run.err);
}

#[test]
fn all_findings_come_in_one_run_in_order() {
    insta::assert_snapshot!("config_test", check(BAD, 2));
}

#[test]
fn findings_are_appended_to_a_file_where_one_is_named() {
    let files = Files::with("a.conf", BAD);
    let report = files.name("report");
    for times in [1, 2] {
        let run = run(&[&format!("-t{report}"), "-f", &files.name("a.conf")]);
        assert_eq!((run.code, run.err.as_str()), (Some(2), ""));
        let written = std::fs::read_to_string(&report).unwrap();
        assert_eq!(written.matches("`virtual_router_id` lacks an argument").count(), times);
    }
    let long = format!("--config-test={report}");
    assert_eq!(run(&[&long, "-f", &files.name("a.conf")]).code, Some(2));
    let run = run(&["-t/nowhere/report", "-f", &files.name("a.conf")]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("/nowhere/report"), "{}", run.err);
}

#[test]
fn it_works_for_lines_of_another_host() {
    let text = GOOD.replace("    priority 100\n", "@one priority 100\n@two priority\n");
    let files = Files::with("a.conf", &text);
    assert_eq!(run(&["-t", "-i", "one", "-f", &files.name("a.conf")]).code, Some(0));
    assert_eq!(run(&["-t", "-i", "two", "-f", &files.name("a.conf")]).code, Some(2));
}
