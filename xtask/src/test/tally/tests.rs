use super::*;

fn check(output: &str, success: bool) -> Tally {
    let mut tally = Tally::default();
    for line in output.lines() {
        tally.read(line);
    }
    tally.end(success);
    tally
}

fn skip(test: &str, reason: &str, kind: SkipKind) -> Skip {
    Skip { test: test.to_owned(), reason: reason.to_owned(), kind }
}

const CAPTURED: &str = "
   Compiling wire v0.1.0 (/src/crates/wire)
    Finished `test` profile [unoptimized] target(s) in 1.00s
     Running unittests src/lib.rs (target/debug/deps/wire-0123456789abcdef)

running 2 tests
test checksum::tests::an_update_equals_a_fresh_sum ... ok
test of_another_day ... ignored, gap: #7

test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s

     Running tests/independent.rs (target/debug/deps/independent-0123456789abcdef)

running 3 tests
test etherparse_agrees ... ok
test tshark_agrees ... ok
test prints_much ... ok

successes:

---- prints_much stdout ----
not a line that says SKIPPED: anything

---- tshark_agrees stdout ----
SKIPPED: tshark is not installed


successes:
    etherparse_agrees
    prints_much
    tshark_agrees

test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s

   Doc-tests wire

running 0 tests

test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

#[test]
fn a_test_that_prints_skipped_counts_as_skipped_and_not_as_passed() {
    let tally = check(CAPTURED, true);
    assert_eq!((tally.passed, tally.failed, tally.skips.len()), (3, 0, 2));
    assert_eq!(
        tally.skips,
        [
            skip("wire src/lib.rs: of_another_day", "gap: #7", SkipKind::Ignored),
            skip(
                "independent tests/independent.rs: tshark_agrees",
                "tshark is not installed",
                SkipKind::Lacking
            ),
        ]
    );
}

const FAILING: &str = "
     Running tests/discards.rs (target/debug/deps/discards-0123456789abcdef)

running 2 tests
test a ... ok
test b ... FAILED

successes:

successes:
    a

failures:

---- b stdout ----
SKIPPED: this is no skip, the test failed afterwards
thread 'b' panicked at tests/discards.rs:9:5


failures:
    b

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.05s

error: test failed, to rerun pass `-p wire --test discards`
";

#[test]
fn a_failed_test_is_named_and_never_counts_as_skipped() {
    let tally = check(FAILING, false);
    assert_eq!((tally.passed, tally.failed, tally.skips.len()), (1, 1, 0));
    assert_eq!(tally.failures, ["discards tests/discards.rs: b"]);
}

const UNCAPTURED: &str = "
     Running tests/main.rs (target/debug/deps/scenarios-0123456789abcdef)

running 4 tests
SKIPPED: keepalived is not installed
test keepalived::preempts     ... ok
test ours::preempts           ... ok
test ours::one_at_a_time      ... SKIPPED: namespaces are refused
ok
test ours::unicast            ... ignored

test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 3.20s
";

#[test]
fn a_harness_that_does_not_capture_is_understood_too() {
    let tally = check(UNCAPTURED, true);
    assert_eq!((tally.passed, tally.failed, tally.skips.len()), (1, 0, 3));
    let program = "scenarios tests/main.rs";
    assert_eq!(
        tally.skips,
        [
            skip(program, "keepalived is not installed", SkipKind::Lacking),
            skip(
                "scenarios tests/main.rs: ours::one_at_a_time",
                "namespaces are refused",
                SkipKind::Lacking
            ),
            skip(
                "scenarios tests/main.rs: ours::unicast",
                "ignored without a reason",
                SkipKind::Ignored
            ),
        ]
    );
}

const LABELLED: &str = "
     Running tests/main.rs (target/debug/deps/scenarios-0123456789abcdef)

running 3 tests
test                  ours::preempts           ... ok
test [gap: no reload] ours::reload             ... ignored
test                  ours::dummy_link         ... SKIPPED: ours::dummy_link: kernel has no dummy
ok

test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 3.20s
";

#[test]
fn a_gap_and_a_kernel_that_lacks_something_are_not_the_machines_fault() {
    let tally = check(LABELLED, true);
    assert_eq!((tally.passed, tally.failed, tally.skips.len()), (1, 0, 2));
    let (reload, dummy) =
        ("scenarios tests/main.rs: ours::reload", "scenarios tests/main.rs: ours::dummy_link");
    assert_eq!(
        tally.skips,
        [
            skip(reload, "gap: no reload", SkipKind::Ignored),
            skip(dummy, "ours::dummy_link: kernel has no dummy", SkipKind::Kernel),
        ]
    );
}

const TORN: &str = "
     Running tests/netns/main.rs (target/debug/deps/netns-0123456789abcdef)

running 2 tests
test an_address_is_held    ... thread '<unnamed>' panicked at tests/netns/world.rs:9:5
FAILED
test an_address_is_removed ... FAILED

failures:

---- an_address_is_held ----
    left: 1

---- an_address_is_removed ----
no such device


failures:
    an_address_is_held
    an_address_is_removed

test result: FAILED. 0 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 3.20s
";

#[test]
fn failed_tests_are_named_though_their_lines_are_torn() {
    let tally = check(TORN, false);
    assert_eq!((tally.passed, tally.failed, tally.skips.len()), (0, 2, 0));
    assert_eq!(
        tally.failures,
        [
            "netns tests/netns/main.rs: an_address_is_held",
            "netns tests/netns/main.rs: an_address_is_removed",
        ]
    );
}

const CRASHING: &str = "
     Running tests/one.rs (target/debug/deps/one-0123456789abcdef)

running 2 tests
test a ... ok
error: test failed, to rerun pass `-p wire --test one`

Caused by:
  process didn't exit successfully: `one` (signal: 6, SIGABRT: process abort signal)
     Running tests/two.rs (target/debug/deps/two-0123456789abcdef)

running 1 test
test a ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

#[test]
fn a_program_that_crashes_is_one_failure() {
    let tally = check(CRASHING, false);
    assert_eq!((tally.passed, tally.failed, tally.skips.len()), (1, 1, 0));
    assert_eq!(tally.failures, ["one tests/one.rs ended without a result"]);
}

#[test]
fn a_failure_of_cargo_itself_is_one_failure() {
    let tally = check("error: could not compile `wire` (lib) due to 1 previous error\n", false);
    assert_eq!((tally.passed, tally.failed), (0, 1));
    assert_eq!(tally.failures, ["cargo test failed outside of any test"]);
}

#[test]
fn documentation_tests_in_several_groups_are_added_up() {
    let group =
        "running 1 test\n\ntest result: ok. 1 passed; 0 failed; 2 ignored; finished in 0s\n";
    let tally = check(&format!("   Doc-tests clock\n\n{group}\n{group}"), true);
    assert_eq!((tally.passed, tally.failed), (2, 0));
}

#[test]
fn what_is_shown_while_tests_run() {
    let mut tally = Tally::default();
    let remarks: Vec<_> = FAILING.lines().filter_map(|line| tally.read(line)).collect();
    let program = "discards tests/discards.rs".to_owned();
    assert_eq!(remarks.first(), Some(&Remark::Started(program)));
    assert_eq!(remarks.last(), Some(&Remark::Finished));
    assert_eq!(remarks[1], Remark::Failure);
}
