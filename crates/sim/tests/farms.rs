//! Real servers that come and go, as timelines. Probes begin at 1 s and come each 10 s, an answer takes 2 ms, silence
//! is a failure after 5 s, and one failure is tolerated and probed again after 3 s.

use sim::{at, backend, farm, probing};

#[test]
fn a_server_that_breaks_leaves_after_a_retry_and_returns_with_its_first_answer() {
    let mut farm = farm(&[backend("a", probing()), backend("b", probing())], 1);
    farm.run_until(at(12.0));
    farm.breaks("a");
    farm.run_until(at(30.0));
    farm.returns("a");
    farm.run_until(at(60.0));
    assert_eq!(
        farm.story(),
        "   0.000000000 quorum is Up: 2 of 1
   0.000000000 pool: a=1 b=1
             -- a breaks
  21.006000000 a: refused
  24.008000000 a: refused
  24.008000000 a is Down
  24.008000000 pool: b=1
             -- a returns
  34.010000000 a is Up
  34.010000000 pool: a=1 b=1
"
    );
}

#[test]
fn silence_costs_the_time_that_a_check_waits() {
    let mut farm = farm(&[backend("a", probing()), backend("b", probing())], 1);
    farm.run_until(at(12.0));
    farm.falls_silent("a");
    farm.run_until(at(60.0));
    assert_eq!(
        farm.story(),
        "   0.000000000 quorum is Up: 2 of 1
   0.000000000 pool: a=1 b=1
             -- a falls silent
  26.004000000 a: silent
  34.004000000 a: silent
  34.004000000 a is Down
  34.004000000 pool: b=1
  49.004000000 a: silent
"
    );
}

#[test]
fn when_too_few_are_left_the_sorry_server_serves_until_there_are_enough_again() {
    let backends = [backend("a", probing()), backend("b", probing()), backend("c", probing())];
    let mut farm = farm(&backends, 2);
    farm.run_until(at(0.5));
    farm.breaks("a");
    farm.run_until(at(2.0));
    farm.breaks("b");
    farm.run_until(at(20.0));
    farm.returns("a");
    farm.run_until(at(30.0));
    assert_eq!(
        farm.story(),
        "   0.000000000 quorum is Up: 3 of 2
   0.000000000 pool: a=1 b=1 c=1
             -- a breaks
   1.002000000 a: refused
   1.002000000 a is Down
   1.002000000 pool: b=1 c=1
             -- b breaks
  11.004000000 a: refused
  11.004000000 b: refused
  14.006000000 b: refused
  14.006000000 b is Down
  14.006000000 quorum is Down: 1 of 2
  14.006000000 pool: sorry=1
             -- a returns
  21.006000000 a is Up
  21.006000000 quorum is Up: 2 of 2
  21.006000000 pool: a=1 c=1
  24.008000000 b: refused
"
    );
}

#[test]
fn a_server_that_flaps_between_probes_is_not_noticed() {
    let mut farm = farm(&[backend("a", probing()), backend("b", probing())], 1);
    for minute in [0.1, 0.2, 0.3] {
        farm.run_until(at(minute * 60.0));
        farm.breaks("a");
        farm.run_until(at(minute * 60.0 + 3.0));
        farm.returns("a");
    }
    farm.run_until(at(60.0));
    assert!(!farm.story().contains("Down"), "{}", farm.story());
}
