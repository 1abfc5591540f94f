//! What a pool holds, and when there is a quorum. Checks 1, 2, ... are those of servers 1, 2, ...; 9 is the sorry
//! server.

mod bench;

use std::collections::BTreeMap;

use bench::{Bench, SERVICE, alpha, at, check, pair, plan, server, service, sorry, weighing};
use health::{
    Alerts, CheckId, CheckParameters, DestinationId, Input, OnFailure, Outcome, Roster, Verdict,
    WeightEffect,
};

const NOTHING: [&str; 0] = [];

fn up_at_start(bench: &mut Bench) {
    bench.due(1_000);
    bench.passes(1);
    bench.passes(2);
}

#[test]
fn all_servers_come_into_the_pool_at_the_start_in_their_order() {
    let mut bench = Bench::default();
    assert_eq!(bench.configure(pair()), NOTHING);
    assert_eq!(
        bench.take(Input::Startup),
        ["quorum Up: 2 of 1 at start", "add 1 weight 1", "add 2 weight 1", "tell quorum Up"]
    );
    assert_eq!(bench.take(Input::Startup), NOTHING, "it starts once");
}

#[test]
fn servers_that_come_at_the_start_are_told_where_that_is_wanted() {
    let mut wanted = pair();
    wanted.policy.tells_start = true;
    let mut bench = Bench::default();
    bench.configure(wanted);
    let lines = bench.take(Input::Startup);
    assert_eq!(lines[3..], ["tell server 1 Up", "tell server 2 Up", "tell quorum Up"]);
}

#[test]
fn an_observer_sees_since_when_each_stands_as_it_does() {
    let mut bench = Bench::with(pair());
    bench.due(1_000);
    bench.passes(1);
    bench.fails(2);
    let seen = bench.roster.service(SERVICE).unwrap();
    let since = |id| seen.servers[&DestinationId(id)].since;
    assert_eq!((seen.since, since(1), since(2)), (Some(at(0)), Some(at(0)), Some(at(1_000))));
    let check = |bench: &Bench, id| {
        let seen = bench.roster.service(SERVICE).unwrap();
        let check = &seen.servers[&DestinationId(id)].checks[&CheckId(id)];
        (check.since, check.last)
    };
    assert_eq!(check(&bench, 1), (Some(at(1_000)), Some((at(1_000), Verdict::Up))));
    assert_eq!(check(&bench, 2), (Some(at(1_000)), Some((at(1_000), Verdict::Down))));
    bench.due(11_000);
    bench.passes(1);
    assert_eq!(check(&bench, 1), (Some(at(1_000)), Some((at(11_000), Verdict::Up))));
}

#[test]
fn a_server_without_checks_is_always_up() {
    let mut bench = Bench::default();
    bench.configure(service(&[(1, server(&[]))]));
    assert_eq!(bench.take(Input::Startup)[1], "add 1 weight 1");
    assert_eq!(bench.roster.deadline(), None);
}

#[test]
fn a_server_that_is_inhibited_stays_with_weight_0() {
    let mut inhibited = pair();
    inhibited.servers.get_mut(&DestinationId(1)).unwrap().on_failure = OnFailure::Inhibit;
    let mut bench = Bench::with(inhibited);
    bench.due(1_000);
    assert_eq!(bench.fails(1)[1..], ["server 1 Down: check 1", "weigh 1 0", "tell server 1 Down"]);
    assert_eq!(bench.pool(), [(1, 0), (2, 1)]);
    bench.due(1_000 + 10_000);
    assert_eq!(bench.passes(1)[2..], ["weigh 1 1", "tell server 1 Up"]);
}

#[test]
fn a_server_that_is_inhibited_and_starts_down_starts_with_weight_0() {
    let mut waiting = service(&[(1, server(&[(1, alpha())])), (2, server(&[(2, alpha())]))]);
    waiting.servers.get_mut(&DestinationId(1)).unwrap().on_failure = OnFailure::Inhibit;
    let mut bench = Bench::default();
    bench.configure(waiting);
    assert_eq!(bench.take(Input::Startup), ["add 1 weight 0"]);
}

#[test]
fn the_sorry_server_comes_before_the_last_server_goes_and_goes_after_one_is_back() {
    let mut bench = Bench::with(sorry(pair()));
    up_at_start(&mut bench);
    bench.due(11_000);
    bench.fails(1);
    bench.fails(2);
    bench.due(14_000);
    assert_eq!(bench.fails(1)[1..3], ["server 1 Down: check 1", "remove 1"]);
    assert_eq!(
        bench.fails(2)[1..],
        [
            "server 2 Down: check 2",
            "quorum Down: 0 of 1",
            "sorry server in",
            "add 9 weight 1",
            "remove 2",
            "tell server 2 Down",
            "tell quorum Down",
        ]
    );
    bench.due(24_000);
    assert_eq!(
        bench.passes(1)[1..],
        [
            "server 1 Up: check 1",
            "quorum Up: 1 of 1",
            "servers come back",
            "add 1 weight 1",
            "sorry server out",
            "remove 9",
            "tell server 1 Up",
            "tell quorum Up",
        ]
    );
}

#[test]
fn without_sorry_server_those_that_are_up_stay_when_the_quorum_is_lost() {
    let mut two = pair();
    two.policy.quorum = 2;
    let mut bench = Bench::with(two);
    bench.due(1_000);
    assert_eq!(
        bench.fails(1)[1..],
        [
            "server 1 Down: check 1",
            "quorum Down: 1 of 2",
            "remove 1",
            "tell server 1 Down",
            "tell quorum Down"
        ]
    );
    assert_eq!(bench.pool(), [(2, 1)]);
}

#[test]
fn with_a_sorry_server_those_that_are_up_give_way_and_wait_for_the_quorum() {
    let mut three = sorry(service(&[
        (1, server(&[(1, check())])),
        (2, server(&[(2, check())])),
        (3, server(&[(3, check())])),
    ]));
    three.policy.quorum = 2;
    let mut bench = Bench::with(three);
    bench.due(1_000);
    bench.fails(1);
    bench.passes(3);
    assert_eq!(
        bench.fails(2)[1..],
        [
            "server 2 Down: check 2",
            "quorum Down: 1 of 2",
            "sorry server in",
            "add 9 weight 1",
            "servers give way",
            "remove 2",
            "remove 3",
            "tell server 2 Down",
            "tell quorum Down",
        ]
    );
    bench.due(11_000);
    bench.passes(3);
    assert_eq!(
        bench.passes(1)[1..6],
        [
            "server 1 Up: check 1",
            "quorum Up: 2 of 2",
            "servers come back",
            "add 1 weight 1",
            "add 3 weight 1"
        ]
    );
}

#[test]
fn a_server_that_comes_up_short_of_the_quorum_stays_out_while_the_sorry_server_serves() {
    let mut two = sorry(pair());
    two.policy.quorum = 2;
    let mut bench = Bench::with(two);
    bench.due(1_000);
    bench.fails(1);
    bench.fails(2);
    bench.due(11_000);
    assert_eq!(
        bench.passes(1),
        ["check 1 passed", "server 1 Up: check 1", "tell server 1 Up"],
        "up, but not in the pool"
    );
}

#[test]
fn hysteresis_widens_the_gap_between_up_and_down() {
    let mut servers = service(&[
        (1, weighing(4, server(&[(1, check())]))),
        (2, weighing(2, server(&[(2, check())]))),
        (3, weighing(2, server(&[(3, check())]))),
    ]);
    servers.policy.quorum = 5;
    servers.policy.hysteresis = 2;
    let mut bench = Bench::with(servers);
    bench.due(1_000);
    bench.passes(3);
    assert_eq!(bench.fails(2)[1..], ["server 2 Down: check 2", "remove 2", "tell server 2 Down"]);
    assert_eq!(bench.fails(1)[2], "quorum Down: 2 of 3", "6 is 3 or more, 2 is not");
    bench.due(11_000);
    bench.passes(3);
    assert_eq!(
        bench.passes(1)[1..],
        ["server 1 Up: check 1", "add 1 weight 4", "tell server 1 Up"]
    );
    assert_eq!(bench.passes(2)[2], "quorum Up: 8 of 7", "6 is not 7 or more, 8 is");
}

#[test]
fn starting_without_quorum_is_told_only_where_a_sorry_server_serves() {
    let waiting = service(&[(1, server(&[(1, alpha())]))]);
    let mut bench = Bench::default();
    bench.configure(waiting.clone());
    assert_eq!(bench.take(Input::Startup), NOTHING);
    let mut bench = Bench::default();
    bench.configure(sorry(waiting));
    assert_eq!(
        bench.take(Input::Startup),
        ["quorum Down: 0 of 1 at start", "sorry server in", "add 9 weight 1", "tell quorum Down"]
    );
}

#[test]
fn a_sorry_server_that_is_inhibited_waits_in_the_pool_with_weight_0() {
    let mut inhibited = sorry(service(&[(1, server(&[(1, check())]))]));
    if let Some(sorry) = &mut inhibited.policy.sorry_server {
        sorry.on_failure = OnFailure::Inhibit;
    }
    let mut bench = Bench::default();
    bench.configure(inhibited);
    assert_eq!(bench.take(Input::Startup)[1..3], ["add 1 weight 1", "add 9 weight 0"]);
    bench.due(1_000);
    assert_eq!(bench.fails(1)[3..6], ["sorry server in", "weigh 9 1", "remove 1"]);
}

#[test]
fn mails_tell_moves_of_servers_or_each_verdict() {
    for (alerts, expected) in [
        (Alerts::Never, &NOTHING[..]),
        (Alerts::Moves, &["mail server 1 Down by check 1"]),
        (Alerts::Verdicts, &["mail server 1 Down by check 1", "mail server 1 Down by check 2"]),
    ] {
        let mut one = server(&[(1, check()), (2, check())]);
        one.alerts = alerts;
        let mut bench = Bench::with(service(&[(1, one)]));
        bench.due(1_000);
        let mut lines = bench.fails(1);
        lines.extend(bench.fails(2));
        lines.retain(|line| line.starts_with("mail"));
        assert_eq!(lines, expected, "{alerts:?}");
    }
}

#[test]
fn a_quorum_that_moves_is_mailed_where_that_is_wanted() {
    let mut mailed = service(&[(1, server(&[(1, check())]))]);
    mailed.policy.alert = true;
    let mut bench = Bench::default();
    bench.configure(mailed);
    assert_eq!(bench.take(Input::Startup).last().unwrap(), "mail quorum Up");
    bench.due(1_000);
    assert_eq!(bench.fails(1).last().unwrap(), "mail quorum Down");
}

#[test]
fn the_end_leaves_the_pool_and_is_shown_and_told_only_where_that_is_wanted() {
    let mut bench = Bench::with(pair());
    bench.due(1_000);
    assert_eq!(
        bench.take(Input::Shutdown),
        [
            "cancel 1",
            "cancel 2",
            "show server 1 Down at the end, 1 of 2 up",
            "show server 2 Down at the end, 0 of 2 up",
            "show quorum Down at the end, 0 of 2 up",
        ]
    );
    assert_eq!(bench.passes(1), NOTHING);
    assert_eq!(bench.roster.deadline(), None);
    let mut omega = pair();
    omega.policy.omega = true;
    let mut bench = Bench::with(omega);
    assert_eq!(
        bench.take(Input::Shutdown),
        [
            "server 1 Down: shutdown",
            "tell server 1 Down at the end",
            "server 2 Down: shutdown",
            "tell server 2 Down at the end",
            "tell quorum Down at the end, not who watches",
            "show quorum Down at the end, 0 of 2 up",
        ]
    );
    assert_eq!(bench.pool(), [(1, 1), (2, 1)]);
}

#[test]
fn checks_pause_while_the_address_is_elsewhere_and_keep_their_verdicts() {
    let mut suspended = pair();
    suspended.policy.ha_suspend = true;
    let mut bench = Bench::with(suspended);
    assert_eq!(bench.roster.deadline(), None, "it is elsewhere until told");
    bench.now = bench::at(5_000);
    let here = |is_present| Input::Present { service: SERVICE, is_present };
    assert_eq!(bench.take(here(true)), ["checks go on"]);
    bench.due(6_000);
    bench.fails(1);
    assert_eq!(bench.take(here(false)), ["checks pause", "cancel 2"]);
    assert_eq!(bench.passes(2), NOTHING);
    assert_eq!(bench.pool(), [(2, 1)]);
    bench.now = bench::at(60_000);
    assert_eq!(bench.take(here(true)), ["checks go on"]);
    assert_eq!(bench.take(here(true)), NOTHING);
    assert_eq!(bench.due(61_000), ["probe 1", "probe 2"]);
}

#[test]
fn presence_means_nothing_without_ha_suspend() {
    let mut bench = Bench::with(pair());
    assert_eq!(bench.take(Input::Present { service: SERVICE, is_present: false }), NOTHING);
    assert_eq!(bench.due(1_000), ["probe 1", "probe 2"]);
}

/// The pool that a process before this one left, by server and weight.
fn resumed(service: health::VirtualServerParameters, pool: &[(u32, u32)]) -> (Bench, Vec<String>) {
    let mut plan = plan(service);
    let pool: BTreeMap<_, _> =
        pool.iter().map(|(id, weight)| (DestinationId(*id), *weight)).collect();
    plan.former.insert(SERVICE, pool);
    let mut bench = Bench::default();
    bench.take(Input::Reconfigure(plan));
    let lines = bench.take(Input::Startup);
    (bench, lines)
}

#[test]
fn a_successor_goes_on_with_the_pool_that_it_finds() {
    let (mut bench, lines) = resumed(pair(), &[(2, 1)]);
    assert_eq!(lines, NOTHING, "nothing changes, and nobody is told what they know");
    bench.due(1_000);
    assert_eq!(bench.passes(2), ["check 2 passed"]);
    assert_eq!(bench.passes(1)[1..3], ["server 1 Up: check 1", "add 1 weight 1"]);
}

#[test]
fn a_successor_takes_a_server_that_served_for_one_that_serves_even_if_it_would_start_down() {
    let waiting = service(&[(1, server(&[(1, alpha())])), (2, server(&[(2, alpha())]))]);
    let (bench, lines) = resumed(waiting, &[(1, 1)]);
    assert_eq!(lines, NOTHING);
    assert_eq!(bench.pool(), [(1, 1)]);
}

#[test]
fn a_successor_leaves_the_sorry_server_where_it_serves() {
    let (mut bench, lines) = resumed(sorry(pair()), &[(9, 1)]);
    assert_eq!(lines, NOTHING);
    bench.due(1_000);
    assert_eq!(
        bench.passes(1)[1..7],
        [
            "server 1 Up: check 1",
            "quorum Up: 1 of 1",
            "servers come back",
            "add 1 weight 1",
            "sorry server out",
            "remove 9",
        ]
    );
}

#[test]
fn a_successor_knows_an_inhibited_server_by_its_weight_of_0() {
    let mut inhibited = pair();
    for server in inhibited.servers.values_mut() {
        server.on_failure = OnFailure::Inhibit;
    }
    let (mut bench, lines) = resumed(inhibited, &[(1, 0), (2, 1)]);
    assert_eq!(lines, NOTHING);
    let verdict = |roster: &Roster, id| {
        roster.snapshot().services[&SERVICE].servers[&DestinationId(id)].verdict
    };
    assert_eq!(
        (verdict(&bench.roster, 1), verdict(&bench.roster, 2)),
        (Verdict::Down, Verdict::Up)
    );
    bench.due(1_000);
    assert_eq!(bench.passes(1)[2], "weigh 1 1");
}

/// A check by a program whose exit code is a weight.
fn weighs() -> CheckParameters {
    CheckParameters { weighs: true, ..check() }
}

#[test]
fn a_successor_keeps_the_weight_that_a_check_gave_until_the_check_says_another() {
    let dynamic = service(&[(1, weighing(3, server(&[(1, weighs())])))]);
    let (mut bench, lines) = resumed(dynamic.clone(), &[(1, 10)]);
    assert_eq!(lines, NOTHING);
    // A reload that changes nothing of it does not either.
    assert_eq!(bench.configure(dynamic), NOTHING);
    bench.due(1_000);
    let says = |weight| Outcome::Passed(WeightEffect::Exactly(weight));
    assert_eq!(bench.finishes(1, says(10)), ["check 1 passed"]);
    bench.due(11_000);
    assert_eq!(bench.finishes(1, says(4)), ["weight of 1: 10 -> 4", "weigh 1 4"]);
}

#[test]
fn a_successor_does_not_cut_off_a_server_that_a_check_has_drained() {
    let (mut bench, lines) =
        resumed(service(&[(1, weighing(3, server(&[(1, weighs())])))]), &[(1, 0)]);
    assert_eq!(lines, NOTHING);
    assert_eq!(bench.pool(), [(1, 0)]);
    bench.due(1_000);
    assert_eq!(
        bench.passes(1)[..3],
        ["check 1 passed", "weight of 1: 0 -> 3", "quorum Up: 3 of 1"]
    );
    assert_eq!(bench.pool(), [(1, 3)]);
}

#[test]
fn a_successor_sets_the_weight_of_the_configuration_where_no_check_gives_one() {
    let (_, lines) = resumed(service(&[(1, weighing(3, server(&[(1, check())])))]), &[(1, 10)]);
    assert_eq!(lines, ["weigh 1 3"]);
}

#[test]
fn another_weight_of_the_configuration_counts_at_once() {
    let dynamic = |weight| service(&[(1, weighing(weight, server(&[(1, weighs())])))]);
    let (mut bench, _) = resumed(dynamic(3), &[(1, 10)]);
    assert_eq!(bench.configure(dynamic(4)), ["weight of 1: 10 -> 4", "weigh 1 4"]);
}

#[test]
fn an_input_for_what_is_not_known_does_nothing() {
    let mut bench = Bench::with(pair());
    let outcome = bench::failed("no such check");
    assert_eq!(bench.take(Input::Told { check: CheckId(7), outcome: outcome.clone() }), NOTHING);
    assert_eq!(bench.take(Input::Told { check: CheckId(1), outcome }), NOTHING, "it is not told");
    let elsewhere = Input::Present { service: health::ServiceId(7), is_present: true };
    assert_eq!(bench.take(elsewhere), NOTHING);
}
