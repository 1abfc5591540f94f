//! Expressions: which answers they are found in, and those that would take for ever.

#![expect(clippy::unwrap_used, reason = "what is missing fails the test")]

mod servers;

use std::time::Duration;

use health::{FailureKind, Outcome, WeightEffect};
use probe::{Endpoint, Expression, ExpressionOptions, HttpSpec, Spec};
use servers::{ask, ask_within, failure, http, web};

const PASSED: Outcome = Outcome::Passed(WeightEffect::None);

fn page(body: &[u8], text: &str, options: ExpressionOptions) -> Spec {
    let answer = [b"HTTP/1.0 200 OK\r\n\r\n", body].concat();
    let any = HttpSpec::new(Endpoint::to(web(answer)), "/", "www.example.org");
    http(HttpSpec { expression: Some(Expression::new(text, options).unwrap()), ..any })
}

fn words(words: &[&str]) -> ExpressionOptions {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    ExpressionOptions { words, ..ExpressionOptions::default() }
}

fn is_found(body: &str, text: &str, options: ExpressionOptions) -> bool {
    ask(&page(body.as_bytes(), text, options)) == PASSED
}

const BODY: &str = "<html>\n<title>All is well</title>\n</html>\n";

#[test]
fn a_match_is_good_unless_it_must_not_be() {
    let no_match = ExpressionOptions { must_not_match: true, ..ExpressionOptions::default() };
    assert!(is_found(BODY, "<title>.*well</title>", words(&[])));
    assert!(is_found(BODY, "error", no_match.clone()));
    let none = failure(ask(&page(BODY.as_bytes(), "error", words(&[]))));
    assert_eq!(none, (FailureKind::WrongAnswer, "nothing matches `regex`".to_owned()));
    let found = failure(ask(&page(BODY.as_bytes(), "well", no_match)));
    assert_eq!(found, (FailureKind::WrongAnswer, "something matches `regex`".to_owned()));
}

#[test]
fn what_only_the_engine_of_keepalived_has_is_there() {
    assert!(is_found(BODY, "(?<=<title>)All(?! is bad)", words(&[])));
    assert!(is_found(BODY, "<(\\w+)>[^<]*</\\1>", words(&[])));
}

#[test]
fn options_change_what_matches() {
    for (text, option) in [
        ("ALL IS", "caseless"),
        ("well.*html", "dotall"),
        ("All \\s is # and so on", "extended"),
        ("^<title>", "multiline"),
        ("(?<a>A)(?<a>l)", "dupnames"),
    ] {
        assert!(!is_ok(text) || !is_found(BODY, text, words(&[])), "{text} without {option}");
        assert!(is_found(BODY, text, words(&[option])), "{text} with {option}");
    }
    // The first capital letter: its upper half is no place for a character.
    assert!(is_found("äÄ", "^.Ä$", words(&["utf"])));
    assert!(!is_found("äÄ", "^.Ä$", words(&[])));
    assert!(is_found("ä", "^\\w$", words(&["utf", "ucp"])));
    // `firstline`
    let first = ExpressionOptions { first_line: true, ..ExpressionOptions::default() };
    assert!(is_found(BODY, "html", first.clone()));
    assert!(!is_found(BODY, "title", first));
}

fn is_ok(text: &str) -> bool {
    Expression::new(text, ExpressionOptions::default()).is_ok()
}

#[test]
fn offsets_say_where_a_match_may_begin() {
    let between = |from, to| ExpressionOptions { from, to, ..ExpressionOptions::default() };
    // `title` stands at 8 and at 27.
    assert!(is_found(BODY, "title", between(8, None)));
    assert!(is_found(BODY, "title", between(9, None)));
    assert!(!is_found(BODY, "title", between(28, None)));
    assert!(is_found(BODY, "title", between(0, Some(8))));
    assert!(!is_found(BODY, "title", between(0, Some(7))));
    assert!(!is_found(BODY, "title", between(4_000_000_000, None)));
    assert!(!is_found(BODY, "title", between(9, Some(8))));
}

#[test]
fn a_long_body_is_searched_as_a_short_one_is() {
    let body = format!("{}{BODY}", "x ".repeat(50_000));
    assert!(is_found(&body, "All is well</title>\n</html>\n$", words(&[])));
    assert!(!is_found(&body, "All is bad", words(&[])));
    let utf = format!("{}{BODY}", "ä ".repeat(20_000));
    assert!(is_found(&utf, "ä <html>", words(&["utf"])));
    let long = "ä ".repeat(30_000);
    let none = failure(ask(&page(long.as_bytes(), "html", words(&["utf"]))));
    let why = "nothing matches `regex` in its first 64 KiB".to_owned();
    assert_eq!(none, (FailureKind::WrongAnswer, why));
    let early = format!("{}{BODY}{long}", "ä ".repeat(1_500));
    assert!(is_found(&early, "ä+ <html>", words(&["utf"])));
}

#[test]
fn an_answer_of_another_encoding_is_named() {
    let (kind, why) = failure(ask(&page(b"\xff", "a", words(&["utf"]))));
    let expected = "the answer is not UTF-8, which `regex` wants";
    assert_eq!((kind, why.as_str()), (FailureKind::WrongAnswer, expected));
}

/// Each of them would take from minutes to longer than the world stands.
#[test]
fn an_expression_that_takes_for_ever_ends_with_a_reason() {
    let line = "a".repeat(200_000);
    for (text, body, why) in [
        ("(a+)+$", format!("{}b", &line[..5000]), "`regex` takes too many steps on this answer"),
        ("(?:[^x]*+y)", line.clone(), "`regex` takes too long on this answer"),
        ("(x+x+)+y", "x".repeat(100) + "zy", "`regex` takes too many steps on this answer"),
    ] {
        let spec = page(body.as_bytes(), text, ExpressionOptions::default());
        let (outcome, lasted) = ask_within(&spec, Duration::from_secs(20));
        assert_eq!(failure(outcome), (FailureKind::WrongAnswer, why.to_owned()), "{text}");
        assert!(lasted < Duration::from_secs(10), "{text}: {lasted:?}");
    }
}

#[test]
fn others_have_their_turn_while_an_expression_works() {
    let hard = page("a".repeat(200_000).as_bytes(), "(?:[^x]*+y)", ExpressionOptions::default());
    let easy = page(b"well", "well", ExpressionOptions::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        let hard = tokio::spawn(async move { probe::run(&hard, deadline).await });
        assert_eq!(probe::run(&easy, deadline).await, PASSED);
        assert!(!hard.is_finished());
        assert!(matches!(hard.await.unwrap(), Outcome::Failed(_)));
    });
}

/// From each letter it looks at all that follow, and none of them counts as a step.
#[test]
fn others_have_their_turn_however_far_an_expression_looks() {
    for size in [4 << 10, 8 << 10, 16 << 10, 64 << 10] {
        let body = "a".repeat(size - 1) + "K";
        for options in [words(&["utf"]), words(&["utf", "ucp"]), words(&[])] {
            let hard = page(body.as_bytes(), "\\w+\\s+OK", options.clone());
            let longest = longest_turn(hard);
            // Tens of milliseconds, for a library that is built to be fast.
            assert!(longest < Duration::from_millis(500), "{size}, {options:?}: {longest:?}");
        }
    }
}

/// How long others wait for their turn while a check fails, not counting what else this machine does.
fn longest_turn(spec: Spec) -> Duration {
    let worked = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(time).unwrap()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        let hard = tokio::spawn(async move { probe::run(&spec, deadline).await });
        let mut longest = Duration::ZERO;
        while !hard.is_finished() {
            let before = worked();
            tokio::task::yield_now().await;
            longest = longest.max(worked() - before);
        }
        assert!(matches!(hard.await.unwrap(), Outcome::Failed(_)));
        longest
    })
}
