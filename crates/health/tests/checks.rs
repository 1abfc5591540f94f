//! When a check probes, and when it believes what it finds. Probes each 10 s from 1 s on, one retry after 3 s,
//! unless a test says otherwise.

mod bench;

use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use bench::{Bench, alpha, check, failed, probed, server, service, timing};
use health::{
    CheckId, CheckParameters, Input, Outcome, Recovery, Source, Timing, Verdict,
    VirtualServerParameters, WeightEffect,
};

const NOTHING: [&str; 0] = [];

/// One server with one check.
fn lone(check: CheckParameters) -> VirtualServerParameters {
    service(&[(1, server(&[(1, check)]))])
}

#[test]
fn a_check_that_passes_is_probed_a_delay_loop_after_its_answer() {
    let mut bench = Bench::with(lone(check()));
    assert_eq!(bench.due(1_000), ["probe 1"]);
    assert_eq!(bench.roster.deadline(), None, "an answer is awaited");
    bench.now = bench::at(1_200);
    assert_eq!(bench.passes(1), ["check 1 passed"]);
    assert_eq!(bench.due(11_200), ["probe 1"]);
    assert_eq!(bench.passes(1), NOTHING);
    assert_eq!(bench.due(21_200), ["probe 1"]);
}

#[test]
fn the_first_failure_of_a_check_takes_its_server_down_at_once() {
    let mut bench = Bench::with(lone(check()));
    bench.due(1_000);
    assert_eq!(
        bench.fails(1),
        [
            "check 1 failed: refused, down after 0",
            "server 1 Down: check 1",
            "quorum Down: 0 of 1",
            "remove 1",
            "tell server 1 Down",
            "tell quorum Down",
        ]
    );
    assert_eq!(bench.due(11_000), ["probe 1"], "a delay_loop later, not a retry");
}

#[test]
fn after_a_success_one_failure_is_tolerated_and_probed_again_soon() {
    let mut bench = Bench::with(lone(check()));
    bench.due(1_000);
    bench.passes(1);
    bench.due(11_000);
    assert_eq!(bench.fails(1), ["check 1 failed: refused, 0 left"]);
    assert_eq!(bench.due(14_000), ["probe 1"]);
    assert_eq!(bench.passes(1), NOTHING, "it never was down");
    // The next failure is tolerated anew.
    bench.due(24_000);
    assert_eq!(bench.fails(1), ["check 1 failed: refused, 0 left"]);
    bench.due(27_000);
    assert_eq!(bench.fails(1)[0], "check 1 failed: refused, down after 1");
}

#[test]
fn a_server_that_stays_down_is_probed_each_delay_and_comes_back_with_the_first_success() {
    let while_down = Duration::from_secs(7);
    let mut bench = Bench::with(lone(probed(Timing { delay_while_down: while_down, ..timing() })));
    bench.due(1_000);
    bench.fails(1);
    bench.due(8_000);
    assert_eq!(bench.fails(1), ["check 1 failed: refused, still down"]);
    bench.due(15_000);
    assert_eq!(
        bench.passes(1),
        [
            "check 1 passed",
            "server 1 Up: check 1",
            "quorum Up: 1 of 1",
            "add 1 weight 1",
            "tell server 1 Up",
            "tell quorum Up",
        ]
    );
    assert_eq!(bench.due(25_000), ["probe 1"]);
}

#[test]
fn without_retries_a_failure_is_a_verdict() {
    let mut bench = Bench::with(lone(probed(Timing { retry: 0, ..timing() })));
    bench.due(1_000);
    bench.passes(1);
    bench.due(11_000);
    assert_eq!(bench.fails(1)[0], "check 1 failed: refused, down after 0");
}

#[test]
fn a_check_that_rises_thrice_wants_three_successes_in_a_row() {
    let rise = NonZeroU32::new(3).expect("not 0");
    let mut bench = Bench::with(lone(probed(Timing { rise, ..timing() })));
    bench.due(1_000);
    bench.fails(1);
    for (millis, outcome) in [(11_000, "pass"), (21_000, "pass"), (31_000, "fail")] {
        bench.due(millis);
        let lines = if outcome == "pass" { bench.passes(1) } else { bench.fails(1) };
        assert!(!lines.iter().any(|line| line.starts_with("server")), "{lines:?}");
    }
    for millis in [41_000, 51_000] {
        bench.due(millis);
        assert_eq!(bench.passes(1), NOTHING);
    }
    bench.due(61_000);
    assert_eq!(bench.passes(1)[..2], ["check 1 passed", "server 1 Up: check 1"]);
}

#[test]
fn a_check_that_starts_down_keeps_its_server_out_until_the_first_success() {
    let mut bench = Bench::default();
    bench.configure(lone(alpha()));
    assert_eq!(bench.take(Input::Startup), NOTHING);
    bench.due(1_000);
    assert_eq!(bench.fails(1), ["check 1 failed: refused, down after 0"], "it is news, no move");
    bench.due(11_000);
    assert_eq!(
        bench.passes(1)[1..4],
        ["server 1 Up: check 1", "quorum Up: 1 of 1", "add 1 weight 1"]
    );
}

#[test]
fn a_server_is_up_only_while_all_its_checks_are() {
    let mut bench = Bench::with(service(&[(1, server(&[(1, check()), (2, check())]))]));
    assert_eq!(bench.due(1_000), ["probe 1", "probe 2"]);
    assert_eq!(bench.fails(1)[1], "server 1 Down: check 1");
    assert_eq!(bench.fails(2), ["check 2 failed: refused, down after 0"]);
    bench.due(11_000);
    assert_eq!(bench.passes(1), ["check 1 passed"]);
    assert_eq!(bench.passes(2)[..2], ["check 2 passed", "server 1 Up: check 2"]);
}

#[test]
fn an_answer_to_another_probe_than_the_last_is_ignored() {
    let mut bench = Bench::with(lone(check()));
    bench.due(1_000);
    let late = Input::Finished { check: CheckId(1), run: 0, outcome: failed("late") };
    assert_eq!(bench.take(late), NOTHING);
    bench.passes(1);
    assert_eq!(bench.passes(1), NOTHING, "once is enough");
    bench.due(11_000);
}

#[test]
fn steps_follow_each_other_by_a_delay_loop_and_only_all_of_them_are_a_success() {
    let steps = NonZeroU16::new(3).expect("not 0");
    let mut bench = Bench::with(lone(probed(Timing { steps, ..timing() })));
    assert_eq!(bench.due(1_000), ["probe 1"]);
    assert_eq!(bench.passes(1), NOTHING);
    assert_eq!(bench.due(11_000), ["probe 1 step 1"]);
    assert_eq!(bench.passes(1), NOTHING);
    assert_eq!(bench.due(21_000), ["probe 1 step 2"]);
    assert_eq!(bench.passes(1), ["check 1 passed"]);
    assert_eq!(bench.due(31_000), ["probe 1"]);
}

#[test]
fn a_step_that_failed_is_probed_until_it_passes_and_then_all_are() {
    let steps = NonZeroU16::new(2).expect("not 0");
    let mut bench = Bench::with(lone(probed(Timing { steps, retry: 0, ..timing() })));
    bench.due(1_000);
    bench.passes(1);
    assert_eq!(bench.due(11_000), ["probe 1 step 1"]);
    assert_eq!(bench.fails(1)[1], "server 1 Down: check 1");
    assert_eq!(bench.due(21_000), ["probe 1 step 1"]);
    assert_eq!(bench.passes(1), NOTHING);
    assert_eq!(bench.due(31_000), ["probe 1"]);
    assert_eq!(bench.passes(1), NOTHING);
    assert_eq!(bench.due(41_000), ["probe 1 step 1"]);
    assert_eq!(bench.passes(1)[..2], ["check 1 passed", "server 1 Up: check 1"]);
}

#[test]
fn fast_recovery_probes_the_next_step_at_once_while_it_is_not_known_to_be_up() {
    let steps = NonZeroU16::new(2).expect("not 0");
    let timing = Timing { steps, retry: 0, recovery: Recovery::Fast, ..timing() };
    let mut bench = Bench::with(lone(probed(timing)));
    bench.due(1_000);
    bench.passes(1);
    assert_eq!(bench.due(1_000), ["probe 1 step 1"]);
    assert_eq!(bench.passes(1), ["check 1 passed"]);
    // Up: the pace is the usual one.
    bench.due(11_000);
    bench.passes(1);
    assert_eq!(bench.due(21_000), ["probe 1 step 1"]);
    bench.fails(1);
    // Down: the step that failed has its pace, the others have none.
    assert_eq!(bench.due(31_000), ["probe 1 step 1"]);
    bench.passes(1);
    assert_eq!(bench.due(31_000), ["probe 1"]);
    bench.passes(1);
    assert_eq!(bench.due(31_000), ["probe 1 step 1"]);
    assert_eq!(bench.passes(1)[0], "check 1 passed");
}

#[test]
fn a_check_that_is_told_believes_at_once_and_has_no_deadline() {
    let told = CheckParameters { start: Verdict::Up, source: Source::Told, weighs: true };
    let mut bench = Bench::with(lone(told));
    assert_eq!(bench.roster.deadline(), None);
    let check = CheckId(1);
    let down = bench.take(Input::Told { check, outcome: failed("session down") });
    assert_eq!(down[..2], ["check 1 failed: session down, down after 0", "server 1 Down: check 1"]);
    let up = Outcome::Passed(WeightEffect::None);
    assert_eq!(bench.take(Input::Told { check, outcome: up.clone() })[1], "server 1 Up: check 1");
    assert_eq!(bench.take(Input::Told { check, outcome: up }), NOTHING);
}

#[test]
fn what_a_check_is_told_before_the_start_decides_where_its_server_starts() {
    let told = CheckParameters { start: Verdict::Up, source: Source::Told, weighs: true };
    let mut bench = Bench::default();
    bench.configure(lone(told));
    let down = Input::Told { check: CheckId(1), outcome: failed("session down") };
    assert_eq!(bench.take(down), NOTHING);
    assert_eq!(bench.take(Input::Startup), NOTHING, "nobody comes, and nobody was promised");
    let up = Outcome::Passed(WeightEffect::None);
    let up = bench.take(Input::Told { check: CheckId(1), outcome: up });
    assert_eq!(up[1..4], ["server 1 Up: check 1", "quorum Up: 1 of 1", "add 1 weight 1"]);
}

#[test]
fn what_checks_add_to_a_weight_adds_up_and_stays_until_the_next_success() {
    let mut bench =
        Bench::with(service(&[(1, bench::weighing(10, server(&[(1, check()), (2, check())])))]));
    bench.due(1_000);
    assert_eq!(
        bench.finishes(1, Outcome::Passed(WeightEffect::Exactly(4))),
        ["check 1 passed", "weight of 1: 10 -> 4", "weigh 1 4"]
    );
    let more = Outcome::Passed(WeightEffect::Added(3));
    assert_eq!(bench.finishes(2, more)[1..], ["weight of 1: 4 -> 7", "weigh 1 7"]);
    bench.due(11_000);
    assert_eq!(bench.fails(1), ["check 1 failed: refused, 0 left"]);
    // Below 0 is 0, and 0 is no weight for a quorum.
    assert_eq!(
        bench.finishes(2, Outcome::Passed(WeightEffect::Added(-100))),
        ["weight of 1: 7 -> 0", "quorum Down: 0 of 1", "weigh 1 0", "tell quorum Down"]
    );
    bench.due(14_000);
    assert_eq!(bench.passes(1), NOTHING, "10 - 100 is still 0");
}
