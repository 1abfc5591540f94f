//! Reload: what did not change is not touched, and an error changes nothing.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use kernel::netlink::RequestSocket;
use rustix::process::Signal;

use crate::Test;
use crate::daemon::{Daemon, Start};
use crate::ear::Ear;
use crate::world::{
    Cable, FAR, GLOBAL, NEAR, SECOND, VIRTUAL, eventually, instance, never, one_instance,
    permanent, steady, steady_instance, within,
};

pub const TESTS: &[Test] = &[
    ("an_unchanged_file_changes_nothing", keeps_everything),
    ("an_added_address_is_added_and_nothing_else", adds_an_address),
    ("an_added_excluded_address_is_said_too", adds_an_excluded_address),
    ("a_removed_address_is_removed_and_nothing_else", removes_an_address),
    ("a_bad_file_fails_and_the_daemon_runs_on", refuses_an_error),
    ("a_file_that_is_gone_fails_and_the_daemon_runs_on", refuses_no_file),
    ("an_instance_that_is_gone_gives_its_address_up", removes_an_instance),
    ("an_instance_that_is_new_starts", adds_an_instance),
    ("a_changed_priority_is_no_transition", adjusts_a_priority),
    ("another_virtual_router_id_is_another_router", restarts_an_instance),
    ("many_reloads_in_a_row_end_with_the_last_file", takes_the_last_of_many),
    ("all_instances_may_go_and_come_back", goes_to_nothing_and_back),
    ("a_child_that_is_ending_is_started_again_where_it_is_wanted", wants_a_child_that_is_ending),
    ("a_child_that_is_killed_during_a_reload_comes_back_with_the_new_file", survives_a_death),
    ("reload_after_reload_of_255_instances_is_no_transition_here_or_on_the_peer", disturbs_nobody),
];

fn keeps_everything() {
    let (mut cable, mut daemon) = active(&steady());
    let mut ear = Ear::at(&cable);
    eventually("announcements come to an end", || {
        ear.forget();
        std::thread::sleep(Duration::from_millis(300));
        (ear.listen().announcements == 0).then_some(())
    });
    let child = daemon.vrrp();
    // What it says is the same, though it stands elsewhere.
    daemon.reload(&format!("# A remark.\n{}", steady()));
    let mut finished = false;
    never(Duration::from_millis(700), "the address went", || {
        finished |= daemon.news().contains("Reload finished");
        (!cable.holds(VIRTUAL)).then_some(())
    });
    assert!(finished);
    daemon.wait_for("Configuration reloaded: no instance changed");
    ear.listen();
    assert!(ear.priorities.iter().all(|priority| *priority == 255), "{:?}", ear.priorities);
    assert!(ear.priorities.len() > 4);
    assert_eq!(ear.announcements, 0);
    assert!(!daemon.news().contains("STATE"), "{}", daemon.news());
    assert_eq!(daemon.process().children(), [child]);
}

fn adds_an_address() {
    let (mut cable, mut daemon) = active(&steady());
    let two = format!("{GLOBAL}{}", steady_instance(&[VIRTUAL, SECOND], ""));
    daemon.reload(&two);
    never(Duration::from_millis(500), "the first address went", || {
        (!cable.holds(VIRTUAL)).then_some(())
    });
    assert!(cable.holds(SECOND));
    daemon.wait_for("Reload finished");
    assert!(!daemon.news().contains("STATE"), "{}", daemon.news());
    assert_eq!(daemon.stop().0, Some(0));
    assert!(!cable.holds(VIRTUAL) && !cable.holds(SECOND));
}

fn adds_an_excluded_address() {
    let (mut cable, mut daemon) = active(&steady());
    let more = "  virtual_ipaddress_excluded {\n    10.9.0.101/24\n  }\n";
    daemon.reload(&format!("{GLOBAL}{}", steady_instance(&[VIRTUAL], more)));
    daemon.wait_for("Configuration reloaded: adjusted VI_1");
    cable.wait_until_held(SECOND);
    assert!(!daemon.news().contains("STATE"), "{}", daemon.news());
}

fn removes_an_address() {
    let two = format!("{GLOBAL}{}", steady_instance(&[VIRTUAL, SECOND], ""));
    let (mut cable, mut daemon) = active(&two);
    cable.wait_until_held(SECOND);
    daemon.reload(&steady());
    daemon.wait_for("Reload finished");
    cable.wait_until_gone(SECOND);
    assert!(cable.holds(VIRTUAL));
    assert!(!daemon.news().contains("STATE"), "{}", daemon.news());
}

fn refuses_an_error() {
    let (mut cable, mut daemon) = active(&steady());
    let bad = steady().replace("virtual_router_id 51", "virtual_router_id");
    daemon.reload(&bad);
    daemon.wait_for("keepalived.conf:6:3: error: `virtual_router_id` lacks an argument [KEY002]");
    daemon.wait_for("RELOAD FAILED: the running configuration stays in force");
    never(Duration::from_millis(300), "the address went", || (!cable.holds(VIRTUAL)).then_some(()));
    // A successor of the child has the old configuration, too.
    daemon.vrrp().signal(Signal::KILL);
    daemon.wait_for("Entering MASTER");
    daemon.reload(&steady());
    daemon.wait_for("Configuration reloaded: no instance changed");
    daemon.wait_for("Reload finished");
}

fn refuses_no_file() {
    let (mut cable, mut daemon) = active(&steady());
    std::fs::remove_file(daemon.place.path("keepalived.conf")).unwrap();
    daemon.process().signal(Signal::HUP);
    daemon.wait_for("RELOAD FAILED");
    assert!(cable.holds(VIRTUAL));
    assert!(daemon.runs());
}

fn removes_an_instance() {
    let (mut cable, mut daemon) = active(&two_instances());
    cable.wait_until_held(SECOND);
    daemon.reload(&steady());
    daemon.wait_for("Configuration reloaded: removed VI_2");
    cable.wait_until_gone(SECOND);
    daemon.wait_for("(VI_2) Stopping");
    assert!(!daemon.news().contains("(VI_1)"), "{}", daemon.news());
    assert!(cable.holds(VIRTUAL));
}

fn adds_an_instance() {
    let (mut cable, mut daemon) = active(&steady());
    daemon.reload(&two_instances());
    daemon.wait_for("Configuration reloaded: added VI_2");
    daemon.wait_for("(VI_2) Entering MASTER");
    cable.wait_until_held(SECOND);
    assert!(!daemon.news().contains("(VI_1)"), "{}", daemon.news());
}

fn adjusts_a_priority() {
    let (cable, mut daemon) = active(&one_instance());
    let mut ear = Ear::at(&cable);
    daemon.reload(&format!("{GLOBAL}{}", instance("VI_1", 51, 120, &[VIRTUAL], "")));
    daemon.wait_for("(VI_1) Changing effective priority from 150 to 120");
    daemon.wait_for("Configuration reloaded: adjusted VI_1");
    eventually("an advert with it", || ear.listen().priorities.contains(&120).then_some(()));
    assert!(!ear.priorities.contains(&0));
    assert!(!daemon.news().contains("STATE"), "{}", daemon.news());
}

fn restarts_an_instance() {
    let (cable, mut daemon) = active(&one_instance());
    let mut ear = Ear::at(&cable);
    daemon.reload(&one_instance().replace("virtual_router_id 51", "virtual_router_id 52"));
    daemon.wait_for("Configuration reloaded: restarted VI_1");
    eventually("the old one resigns", || ear.listen().priorities.contains(&0).then_some(()));
    daemon.wait_for("(VI_1) Entering MASTER");
}

fn takes_the_last_of_many() {
    let (mut cable, mut daemon) = active(&steady());
    for _ in 0..20 {
        daemon.reload(&two_instances());
        daemon.reload(&steady());
    }
    daemon.reload(&two_instances());
    daemon.wait_for("(VI_2) Entering MASTER");
    cable.wait_until_held(SECOND);
    assert!(cable.holds(VIRTUAL));
    assert!(!daemon.log().contains("FAILED"), "{}", daemon.log());
}

fn goes_to_nothing_and_back() {
    let (mut cable, mut daemon) = active(&one_instance());
    daemon.reload(GLOBAL);
    daemon.wait_for("Reload finished");
    cable.wait_until_gone(VIRTUAL);
    eventually("the child ends", || daemon.process().children().is_empty().then_some(()));
    eventually("its pid file goes", || (!daemon.place.path("vrrp.pid").exists()).then_some(()));
    daemon.reload(&one_instance());
    daemon.wait_for("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    daemon.reload(GLOBAL);
    daemon.wait_for("Reload finished");
    assert_eq!(daemon.stop().0, Some(0));
}

fn wants_a_child_that_is_ending() {
    let (mut cable, mut daemon) = active(&one_instance());
    let child = daemon.vrrp();
    child.signal(Signal::STOP);
    // The word is warned of when the file has been read.
    daemon.reload(&format!("{GLOBAL}read_to_here\n"));
    daemon.wait_for("read_to_here");
    // The parent waits for the child to end, and hears of the other file meanwhile.
    daemon.reload(&one_instance());
    std::thread::sleep(Duration::from_millis(100));
    child.signal(Signal::CONT);
    daemon.wait_for("(VI_1) Stopping");
    daemon.wait_for("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    assert_ne!(child, daemon.vrrp());
}

fn survives_a_death() {
    let (mut cable, mut daemon) = active(&steady());
    let child = daemon.vrrp();
    child.signal(Signal::STOP);
    daemon.reload(&two_instances());
    daemon.wait_for("Reloading");
    child.signal(Signal::KILL);
    daemon.wait_for("Reload finished");
    daemon.wait_for("(VI_2) Entering MASTER");
    cable.wait_until_held(SECOND);
}

/// Twenty reloads, one behind the other; with `STEADFAST_LONG` in the environment one each second for a minute.
fn disturbs_nobody() {
    let cable = Cable::new();
    let all = |interface: &str, priority: u8| -> String {
        let one = |vrid: u8| {
            instance(&format!("VI_{vrid}"), vrid, priority, &[Ipv4Addr::new(10, 9, 1, vrid)], "")
        };
        let all: String = (1..=255).map(one).collect();
        format!(
            "{GLOBAL}{}",
            all.replace(NEAR, interface).replace("advert_int 0.1", "advert_int 1")
        )
    };
    let until_all = |daemon: &Daemon, role: &str| {
        let line = format!("Entering {role} STATE");
        within(Duration::from_secs(30), &line, || {
            (daemon.log().matches(&line).count() == 255).then_some(())
        });
    };
    let mut daemon = Start::with(&all(NEAR, 150)).go();
    until_all(&daemon, "MASTER");
    let start_peer = || {
        let mut requests = RequestSocket::open().unwrap();
        let far = requests.index_of(FAR).unwrap().expect("far end");
        let own = permanent(far, Ipv4Addr::new(10, 9, 0, 2));
        requests.set_addresses(&[own]).into_iter().for_each(|result| result.unwrap());
        Start::with(&all(FAR, 100)).go()
    };
    let mut peer = cable.there.within(start_peer).unwrap();
    until_all(&peer, "BACKUP");
    peer.mark();
    let is_long = std::env::var_os("STEADFAST_LONG").is_some();
    let (count, pause) = if is_long { (60, 1000) } else { (20, 0) };
    for number in 0..count {
        // One instance differs each time, and all stand elsewhere.
        let priority = 151 + number % 2;
        let one = format!("virtual_router_id 7\n  priority {priority}");
        let text = all(NEAR, 150).replace("virtual_router_id 7\n  priority 150", &one);
        daemon.reload(&format!("{}{text}", "# A remark.\n".repeat(number)));
        let begin = Instant::now();
        daemon.wait_for("Configuration reloaded: adjusted VI_7");
        daemon.wait_for("Reload finished");
        std::thread::sleep(Duration::from_millis(pause).saturating_sub(begin.elapsed()));
        assert!(!daemon.news().contains("STATE"), "{}", daemon.news());
    }
    assert!(!peer.news().contains("STATE"), "{}", peer.news());
}

/// A daemon that holds its first address.
fn active(configuration: &str) -> (Cable, Daemon) {
    let mut cable = Cable::new();
    let daemon = Start::with(configuration).until("(VI_1) Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    (cable, daemon)
}

fn two_instances() -> String {
    format!("{}{}", steady(), instance("VI_2", 52, 150, &[SECOND], ""))
}
