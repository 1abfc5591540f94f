//! What operators order of real servers. Servers 1 and 2 have the checks 1 and 2; 9 is the sorry server.

mod bench;

use std::collections::BTreeMap;

use bench::{Bench, SERVICE, pair, plan, sorry};
use health::{Alerts, DestinationId, Input, OnFailure, Order, Plan, Roster, Verdict};

const NOTHING: [&str; 0] = [];
const DRAINED: Option<Order> = Some(Order::Weight(0));

/// Two servers whose checks have passed.
fn proven(service: health::VirtualServerParameters) -> Bench {
    let mut bench = Bench::with(service);
    bench.due(1_000);
    bench.passes(1);
    bench.passes(2);
    bench
}

#[test]
fn a_drained_server_stays_with_weight_0_until_it_is_enabled() {
    let mut bench = proven(pair());
    assert_eq!(bench.orders(1, DRAINED), ["weight of 1: 1 -> 0", "weigh 1 0"]);
    assert_eq!(bench.pool(), [(1, 0), (2, 1)]);
    assert_eq!(bench.orders(1, DRAINED), NOTHING, "once is enough");
    assert_eq!(bench.orders(1, None), ["weight of 1: 0 -> 1", "weigh 1 1"]);
    assert_eq!(bench.orders(1, None), NOTHING);
}

#[test]
fn a_drained_server_that_fails_goes_and_comes_back_drained() {
    let mut bench = proven(pair());
    bench.orders(1, DRAINED);
    bench.due(11_000);
    bench.passes(2);
    bench.fails(1);
    bench.due(14_000);
    assert_eq!(bench.fails(1)[1..], ["server 1 Down: check 1", "remove 1", "tell server 1 Down"]);
    bench.due(21_000);
    bench.passes(2);
    bench.due(24_000);
    assert_eq!(
        bench.passes(1)[1..],
        ["server 1 Up: check 1", "add 1 weight 0", "tell server 1 Up"]
    );
}

#[test]
fn a_disabled_server_goes_as_one_that_failed_while_its_checks_go_on() {
    let mut bench = proven(pair());
    assert_eq!(
        bench.orders(1, Some(Order::Disabled)),
        ["server 1 Down: an order", "remove 1", "tell server 1 Down"]
    );
    bench.due(11_000);
    assert_eq!(bench.passes(1), NOTHING, "what it says is known, and changes nothing");
    bench.passes(2);
    assert_eq!(
        bench.orders(1, None),
        ["server 1 Up: an order", "add 1 weight 1", "tell server 1 Up"]
    );
}

#[test]
fn a_server_that_failed_while_it_was_disabled_stays_away_when_it_is_enabled() {
    let mut bench = proven(pair());
    bench.orders(1, Some(Order::Disabled));
    bench.due(11_000);
    bench.passes(2);
    bench.fails(1);
    bench.due(14_000);
    bench.fails(1);
    assert_eq!(bench.orders(1, None), NOTHING);
    assert_eq!(bench.pool(), [(2, 1)]);
}

#[test]
fn a_disabled_server_that_is_inhibited_keeps_its_connections() {
    let mut inhibited = pair();
    inhibited.servers.get_mut(&DestinationId(1)).unwrap().on_failure = OnFailure::Inhibit;
    let mut bench = proven(inhibited);
    let lines = bench.orders(1, Some(Order::Disabled));
    assert_eq!(lines, ["server 1 Down: an order", "weigh 1 0", "tell server 1 Down"]);
}

#[test]
fn an_ordered_weight_counts_whatever_checks_add() {
    let mut bench = proven(pair());
    assert_eq!(bench.orders(1, Some(Order::Weight(7))), ["weight of 1: 1 -> 7", "weigh 1 7"]);
    bench.due(11_000);
    let added = health::Outcome::Passed(health::WeightEffect::Added(20));
    assert_eq!(bench.finishes(1, added), NOTHING);
    assert_eq!(bench.orders(1, None), ["weight of 1: 7 -> 21", "weigh 1 21"]);
}

#[test]
fn the_last_server_that_is_drained_keeps_its_connections_beside_the_sorry_server() {
    let mut bench = proven(sorry(pair()));
    bench.orders(1, DRAINED);
    assert_eq!(
        bench.orders(2, DRAINED),
        [
            "weight of 2: 1 -> 0",
            "quorum Down: 0 of 1",
            "sorry server in",
            "add 9 weight 1",
            "servers give way",
            "weigh 2 0",
            "tell quorum Down",
        ]
    );
    assert_eq!(bench.pool(), [(1, 0), (2, 0)]);
    assert_eq!(
        bench.orders(1, None),
        [
            "weight of 1: 0 -> 1",
            "quorum Up: 1 of 1",
            "servers come back",
            "weigh 1 1",
            "sorry server out",
            "remove 9",
            "tell quorum Up",
        ]
    );
}

#[test]
fn a_reload_ends_all_orders() {
    let mut bench = proven(pair());
    bench.orders(1, DRAINED);
    bench.orders(2, Some(Order::Disabled));
    assert_eq!(
        bench.configure(pair()),
        [
            "weight of 1: 0 -> 1",
            "server 2 Up: a reload",
            "quorum Up: 2 of 1",
            "weigh 1 1",
            "add 2 weight 1",
            "tell server 2 Up",
            "tell quorum Up",
        ]
    );
    assert_eq!(bench.configure(pair()), NOTHING);
}

#[test]
fn orders_that_a_reload_is_told_of_stay() {
    let mut bench = proven(pair());
    bench.orders(1, DRAINED);
    let orders = BTreeMap::from([(DestinationId(1), Order::Weight(0))]);
    assert_eq!(bench.take(Input::Reconfigure(Plan { orders, ..plan(pair()) })), NOTHING);
}

#[test]
fn a_successor_finds_a_drained_server_as_it_was_left() {
    let orders =
        BTreeMap::from([(DestinationId(1), Order::Weight(0)), (DestinationId(2), Order::Disabled)]);
    // The second one is out of the pool.
    let former = BTreeMap::from([(SERVICE, BTreeMap::from([(DestinationId(1), 0)]))]);
    let mut bench = Bench::default();
    bench.take(Input::Reconfigure(Plan { orders, former, ..plan(pair()) }));
    assert_eq!(bench.take(Input::Startup), NOTHING);
    assert_eq!(bench.pool(), [(1, 0)]);
    let seen = bench.roster.service(SERVICE).unwrap();
    assert_eq!(seen.servers[&DestinationId(1)].verdict, Verdict::Up);
    assert_eq!(seen.servers[&DestinationId(2)].verdict, Verdict::Down);
}

#[test]
fn orders_are_mailed_as_failures_are() {
    let mut told = pair();
    told.servers.get_mut(&DestinationId(1)).unwrap().alerts = Alerts::Moves;
    let mut bench = proven(told);
    assert_eq!(bench.orders(1, Some(Order::Disabled))[3..], ["mail server 1 Down"]);
}

#[test]
fn orders_for_what_is_not_there_do_nothing() {
    let mut bench = proven(pair());
    assert_eq!(bench.orders(3, DRAINED), NOTHING);
    let mut roster = Roster::new();
    let mut outputs = health::Outputs::new();
    let (service, destination) = (SERVICE, DestinationId(1));
    roster.handle(bench.now, Input::Order { service, destination, order: None }, &mut outputs);
    assert!(outputs.is_empty());
}
