use super::*;

#[test]
fn codes_are_unique_and_have_a_meaning() {
    let mut names: Vec<_> = all().map(Code::name).collect();
    names.sort_unstable();
    let before = names.len();
    names.dedup();
    assert_eq!(names.len(), before);
    assert!(all().all(|code| !code.meaning().is_empty() && !code.meaning().ends_with('.')));
}

#[test]
fn the_highest_class_hides_a_refusal() {
    let fatal = Diagnostic::error(model::DUPLICATE_ROUTER, "x");
    let unknown = Diagnostic::warning(keyword::UNKNOWN_KEYWORD, "x");
    assert_eq!(config_test_exit_code(&[]), 0);
    assert_eq!(config_test_exit_code(std::slice::from_ref(&fatal)), 4);
    assert_eq!(config_test_exit_code(&[fatal, unknown]), 5);
}
