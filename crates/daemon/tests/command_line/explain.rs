//! `explain`: what a keyword or the code of a finding means.

use crate::program::run;

#[test]
fn a_known_keyword_is_explained_in_each_of_its_places() {
    let run = run(&["explain", "priority"]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    insta::assert_snapshot!("explain", run.out);
}

#[test]
fn an_unknown_keyword_ends_with_1_and_the_nearest_one() {
    let misspelt = run(&["explain", "priorty"]);
    assert_eq!((misspelt.code, misspelt.out.as_str()), (Some(1), ""));
    assert_eq!(misspelt.err, "no keyword is called `priorty`: did you mean `priority`?\n");
    let strange = run(&["explain", "zzzzzzzz"]);
    assert_eq!(strange.code, Some(1));
    assert_eq!(strange.err, "no keyword is called `zzzzzzzz`\n");
}

#[test]
fn the_code_of_a_finding_is_explained_however_it_is_written() {
    for code in ["VRRP001", "KEY002", "LANG023"] {
        let run = run(&["explain", code]);
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
        assert!(run.out.starts_with(&format!("{code}: ")), "{}", run.out);
    }
    assert_eq!(run(&["explain", "VRRP999"]).code, Some(1));
}

#[test]
fn without_a_word_it_says_how_it_is_called() {
    let run = run(&["explain"]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("Usage: steadfast explain <KEYWORD>"), "{}", run.err);
}
