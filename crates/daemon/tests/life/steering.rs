//! Orders about real servers from the command line: they count until the next reload, whatever becomes of processes.

use rustix::process::Signal;
use serde_json::Value;

use crate::Test;
use crate::asking::{json, run};
use crate::balancing::checker;
use crate::daemon::{Daemon, Start};
use crate::nft_plane::{self, Servers};
use crate::upgrade;
use crate::world::eventually;

pub const TESTS: &[Test] = &[
    ("a_drained_server_gets_nothing_new_until_it_is_enabled", drains),
    ("a_drained_server_stays_so_over_processes_and_programs", outlives_processes),
    ("a_disabled_server_goes_as_one_that_failed_until_a_reload", disables),
    ("a_weight_counts_for_every_virtual_server_that_is_meant", weighs),
    ("orders_for_what_is_not_there_change_nothing", refuses),
];

const VS: &str = "192.0.2.1:80";
const RS: &str = "10.9.0.2:80";

fn two(scheduler: &str) -> (Servers, Daemon) {
    let servers = Servers::new();
    let mut daemon = Start::with(&nft_plane::web("nftables", scheduler))
        .until("connection to [10.9.0.2]:tcp:80 success.");
    daemon.wait_for("connection to [10.9.0.1]:tcp:80 success.");
    eventually("both serve", || (servers.shares(2) == (1, 1)).then_some(()));
    (servers, daemon)
}

fn order(daemon: &Daemon, words: &[&str]) -> String {
    let (code, text, errors) = run(daemon, &[["server"].as_slice(), words].concat());
    assert_eq!(code, Some(0), "{text}{errors}");
    text
}

fn of_second(daemon: &Daemon) -> Value {
    let document = json(daemon, &["status", RS]);
    document["virtual_servers"][0]["real_servers"][0].clone()
}

fn drains() {
    let (servers, mut daemon) = two("rr");
    let text = order(&daemon, &["drain", VS, RS]);
    assert_eq!(
        text,
        "[10.9.0.2]:tcp:80 of [192.0.2.1]:tcp:80 gets no new connections, until the next reload\n\
         this data plane counts no connections: nothing is waited for\n"
    );
    eventually("nothing new", || (servers.shares(4) == (4, 0)).then_some(()));
    daemon.wait_for("Draining service [10.9.0.2]:tcp:80 of VS [192.0.2.1]:tcp:80: ordered by ");
    let second = of_second(&daemon);
    assert_eq!([&second["weight"], &second["installed"]], [0, 0]);
    assert_eq!((&second["base_weight"], &second["state"]), (&1.into(), &"up".into()));
    assert_eq!(second["order"]["order"]["weight"], 0);
    assert!(second["order"]["by"].as_str().unwrap().contains("uid 0"), "{second}");
    let (_, table, _) = run(&daemon, &["status"]);
    assert!(table.contains("0 (drained)"), "{table}");
    let (_, why, _) = run(&daemon, &["why", RS]);
    assert!(why.lines().last().unwrap().contains("Draining service"), "{why}");
    assert_eq!(
        order(&daemon, &["enable", VS, RS]),
        "[10.9.0.2]:tcp:80 of [192.0.2.1]:tcp:80 serves\n"
    );
    eventually("its share", || (servers.shares(4) == (2, 2)).then_some(()));
    assert_eq!(of_second(&daemon)["order"], Value::Null);
}

fn outlives_processes() {
    let (servers, mut daemon) = two("rr");
    order(&daemon, &["drain", "--no-wait", VS, RS]);
    let ordered = of_second(&daemon)["order"].clone();
    checker(&daemon).signal(Signal::KILL);
    daemon.mark();
    daemon.wait_for("connection to [10.9.0.2]:tcp:80 success.");
    assert_eq!(servers.shares(4), (4, 0));
    let second = of_second(&daemon);
    assert_eq!((&second["order"], &second["state"]), (&ordered, &"up".into()));
    assert_eq!(second["installed"], 0);
    daemon.mark();
    upgrade::upgraded(&daemon, &upgrade::newer(&daemon));
    daemon.wait_for("connection to [10.9.0.2]:tcp:80 success.");
    assert_eq!(servers.shares(4), (4, 0));
    assert_eq!(of_second(&daemon)["order"], ordered);
    // A configuration that is refused ends nothing.
    daemon.reload("virtual_server {");
    daemon.wait_for("RELOAD FAILED");
    assert_eq!(of_second(&daemon)["order"], ordered);
}

fn disables() {
    let (servers, mut daemon) = two("rr");
    daemon.mark();
    let text = order(&daemon, &["disable", VS, RS]);
    assert!(text.contains("is taken for down, until the next reload"), "{text}");
    daemon.wait_for("Removing service [10.9.0.2]:tcp:80 from VS [192.0.2.1]:tcp:80");
    eventually("nothing", || (servers.shares(4) == (4, 0)).then_some(()));
    let second = of_second(&daemon);
    assert_eq!((&second["state"], &second["wanted"]), (&"down".into(), &Value::Null));
    assert_eq!(second["checks"][0]["state"], "up");
    assert!(second["cause"].as_str().unwrap().contains("taken for down: ordered by"), "{second}");
    // The file is the same: it is the order that a reload would change.
    let (code, plan, _) = run(&daemon, &["reload", "--plan"]);
    assert_eq!(code, Some(2), "{plan}");
    let step = plan.lines().nth(1).unwrap();
    assert!(step.starts_with("adjust  virtual_server [192.0.2.1]:tcp:80  [10.9.0.2]:"), "{plan}");
    assert!(step.contains("[10.9.0.2]:tcp:80 order ends: disabled by "), "{plan}");
    assert!(step.contains("uid 0"), "{plan}");
    daemon.reload(&nft_plane::web("nftables", "rr"));
    daemon.wait_for("The order about 1 real server ends with this reload");
    daemon.wait_for("Adding service [10.9.0.2]:tcp:80 to VS");
    eventually("its share", || (servers.shares(4) == (2, 2)).then_some(()));
    assert_eq!(of_second(&daemon)["order"], Value::Null);
    let (code, plan, _) = run(&daemon, &["reload", "--plan"]);
    assert_eq!((code, plan.as_str()), (Some(0), "nothing would change\n"));
}

fn weighs() {
    let (servers, daemon) = two("wrr");
    assert_eq!(
        order(&daemon, &["weight", "all", "10.9.0.2", "3"]),
        "[10.9.0.2]:tcp:80 of [192.0.2.1]:tcp:80 has weight 3, until the next reload\n"
    );
    eventually("its share", || (servers.shares(4) == (1, 3)).then_some(()));
    assert_eq!(of_second(&daemon)["weight"], 3);
}

fn refuses() {
    let (servers, daemon) = two("rr");
    for (words, expected) in [
        (["drain", "192.0.2.1:81", RS], "did you mean `192.0.2.1:80`?"),
        (["drain", VS, "10.9.0.3:80"], "did you mean `10.9.0.1:80`?"),
        (["disable", VS, "web"], "`steadfast status` lists them"),
    ] {
        let (code, text, errors) =
            run(&daemon, &[["server"].as_slice(), words.as_slice()].concat());
        assert_eq!((code, text.as_str()), (Some(4), ""), "{errors}");
        assert!(errors.contains(expected), "{errors}");
    }
    let (code, _, errors) = run(&daemon, &["server", "weight", VS, RS, "65536"]);
    assert_eq!(code, Some(1), "{errors}");
    assert_eq!(servers.shares(4), (2, 2));
}
