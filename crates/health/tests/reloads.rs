//! A reload is a difference: what stays is not disturbed, and verdicts survive.

mod bench;

use std::time::Duration;

use bench::{Bench, alpha, check, pair, probed, server, service, sorry, timing, weighing};
use health::{
    DestinationId, Input, OnFailure, Plan, SorryServerParameters, Timing, VirtualServerParameters,
};

const NOTHING: [&str; 0] = [];

/// A pair whose first server is known to be down and whose second is known to be up.
fn half(service: VirtualServerParameters) -> Bench {
    let mut bench = Bench::with(service);
    bench.due(1_000);
    bench.fails(1);
    bench.passes(2);
    bench
}

#[test]
fn an_equal_configuration_does_nothing() {
    let mut bench = half(sorry(pair()));
    assert_eq!(bench.configure(sorry(pair())), NOTHING);
    assert_eq!(bench.due(11_000), ["probe 1", "probe 2"]);
    assert_eq!(bench.configure(sorry(pair())), NOTHING, "nor while probes are under way");
    assert_eq!(bench.passes(1)[1], "server 1 Up: check 1");
}

#[test]
fn a_new_server_comes_and_an_old_one_goes_after_it() {
    let mut bench = half(pair());
    let third = service(&[(1, server(&[(1, check())])), (3, server(&[(3, check())]))]);
    assert_eq!(
        bench.configure(third),
        ["add 3 weight 1", "server 2 Down: no longer configured", "remove 2", "tell server 2 Down"]
    );
    bench.now = bench::at(1_500);
    assert_eq!(bench.due(2_000), ["probe 3"]);
    assert_eq!(bench.due(11_000), ["probe 1"]);
}

#[test]
fn a_probe_of_a_server_that_goes_is_cancelled() {
    let mut bench = half(pair());
    bench.due(11_000);
    let lines = bench.configure(service(&[(1, server(&[(1, check())]))]));
    assert_eq!(lines[0], "quorum Down: 0 of 1");
    assert_eq!(lines[2], "cancel 2");
}

#[test]
fn another_weight_is_a_change_of_weight() {
    let mut bench = half(pair());
    let heavier = service(&[
        (1, weighing(5, server(&[(1, check())]))),
        (2, weighing(6, server(&[(2, check())]))),
    ]);
    assert_eq!(
        bench.configure(heavier),
        ["weight of 1: 1 -> 5", "weight of 2: 1 -> 6", "weigh 2 6"]
    );
}

#[test]
fn weights_that_change_places_lose_no_quorum_on_the_way() {
    let weights = |first, second| {
        let mut pair = service(&[
            (1, weighing(first, server(&[(1, check())]))),
            (2, weighing(second, server(&[(2, check())]))),
        ]);
        pair.policy.quorum = 6;
        pair
    };
    let mut bench = Bench::with(weights(5, 1));
    assert_eq!(
        bench.configure(weights(1, 5)),
        ["weight of 1: 5 -> 1", "weight of 2: 1 -> 5", "weigh 1 1", "weigh 2 5"]
    );
}

#[test]
fn a_check_that_failed_and_goes_takes_its_verdict_along() {
    let mut bench = half(pair());
    let unchecked = service(&[(1, server(&[])), (2, server(&[(2, check())]))]);
    assert_eq!(
        bench.configure(unchecked),
        ["server 1 Up: a reload", "add 1 weight 1", "tell server 1 Up"]
    );
}

#[test]
fn a_new_check_that_starts_down_waits_only_where_the_server_is_down_already() {
    let mut bench = half(pair());
    let more = service(&[
        (1, server(&[(1, check()), (3, alpha())])),
        (2, server(&[(2, check()), (4, alpha())])),
    ]);
    assert_eq!(bench.configure(more), NOTHING);
    bench.due(2_000);
    bench.due(11_000);
    assert_eq!(bench.passes(1), ["check 1 passed"], "check 3 has not passed");
    assert_eq!(bench.passes(3)[1], "server 1 Up: check 3");
}

#[test]
fn a_shorter_delay_loop_is_heeded_at_once() {
    let mut bench = half(pair());
    let faster = Timing { delay_loop: Duration::from_secs(2), ..timing() };
    bench.configure(service(&[
        (1, server(&[(1, probed(faster))])),
        (2, server(&[(2, probed(faster))])),
    ]));
    assert_eq!(bench.due(3_000), ["probe 1", "probe 2"]);
}

#[test]
fn a_server_that_is_down_moves_between_removed_and_inhibited() {
    let mut bench = half(pair());
    let mut inhibited = pair();
    inhibited.servers.get_mut(&DestinationId(1)).unwrap().on_failure = OnFailure::Inhibit;
    assert_eq!(bench.configure(inhibited), ["add 1 weight 0"]);
    assert_eq!(bench.configure(pair()), ["remove 1"]);
}

#[test]
fn a_raised_quorum_is_lost_and_a_lowered_one_regained() {
    let mut bench = half(sorry(pair()));
    let mut higher = sorry(pair());
    higher.policy.quorum = 2;
    assert_eq!(
        bench.configure(higher),
        [
            "quorum Down: 1 of 2",
            "sorry server in",
            "add 9 weight 1",
            "servers give way",
            "remove 2",
            "tell quorum Down",
        ]
    );
    assert_eq!(
        bench.configure(sorry(pair())),
        [
            "quorum Up: 1 of 1",
            "servers come back",
            "add 2 weight 1",
            "sorry server out",
            "remove 9",
            "tell quorum Up",
        ]
    );
}

#[test]
fn another_sorry_server_takes_over_before_the_old_one_goes() {
    let mut bench = Bench::with(sorry(service(&[(1, server(&[(1, alpha())]))])));
    let mut other = sorry(service(&[(1, server(&[(1, alpha())]))]));
    other.policy.sorry_server = Some(SorryServerParameters {
        destination: DestinationId(8),
        weight: 3,
        on_failure: OnFailure::Remove,
    });
    assert_eq!(
        bench.configure(other),
        ["sorry server in", "add 8 weight 3", "sorry server out", "remove 9"]
    );
}

#[test]
fn a_sorry_server_that_goes_leaves_the_pool_to_those_that_are_up() {
    let mut bench = half(sorry(pair()));
    let mut higher = sorry(pair());
    higher.policy.quorum = 2;
    bench.configure(higher.clone());
    higher.policy.sorry_server = None;
    assert_eq!(bench.configure(higher), ["add 2 weight 1", "sorry server out", "remove 9"]);
}

#[test]
fn a_virtual_server_that_goes_empties_its_pool_and_tells() {
    let mut bench = half(pair());
    assert_eq!(
        bench.take(Input::Reconfigure(Plan::default())),
        [
            "server 2 Down: no longer configured",
            "tell server 2 Down",
            "tell quorum Down",
            "remove 2",
        ]
    );
    assert_eq!(bench.roster.deadline(), None);
    assert!(bench.roster.snapshot().services.is_empty());
}

#[test]
fn ha_suspend_that_comes_by_a_reload_pauses_the_checks() {
    let mut bench = half(pair());
    bench.due(11_000);
    let mut suspended = pair();
    suspended.policy.ha_suspend = true;
    assert_eq!(bench.configure(suspended), ["checks pause", "cancel 1", "cancel 2"]);
    assert_eq!(bench.roster.deadline(), None);
    assert_eq!(bench.configure(pair()), ["checks go on"]);
    assert_eq!(bench.due(12_000), ["probe 1", "probe 2"]);
}
