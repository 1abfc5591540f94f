//! Supervision: children that are killed or hang are replaced; a parent that dies takes its children along.

use std::time::{Duration, Instant};

use intent::Lifetime;
use rustix::process::Signal;

use crate::Test;
use crate::daemon::Start;
use crate::ear::Ear;
use crate::world::{
    Cable, GLOBAL, VIRTUAL, eventually, instance, never, one_instance, steady, steady_instance,
    within,
};

pub const TESTS: &[Test] = &[
    ("a_killed_child_is_replaced_at_once", replaces_at_once),
    ("a_child_that_hangs_is_found_after_two_seconds_and_replaced", replaces_one_that_hangs),
    ("children_that_die_again_and_again_wait_0_1_and_2_seconds", waits_longer_each_time),
    ("children_of_a_killed_parent_resign_and_end_within_a_second", ends_with_its_parent),
    ("a_parent_that_stood_still_does_not_blame_its_children", forgives_its_own_pause),
    ("a_machine_that_stood_still_does_not_make_a_child_hang", forgives_a_pause_of_both),
    ("all_killed_at_once_leave_an_address_that_ends_by_itself", leases_end),
    ("what_a_killed_daemon_left_is_taken_over_by_the_next", clears_what_was_left),
    ("under_dont_respawn_a_death_ends_the_daemon", ends_without_respawning),
    ("a_child_that_stood_still_for_longer_than_its_role_allows_gives_it_up", notices_a_stall),
    ("a_child_that_does_not_end_is_killed_after_the_time_it_was_given", kills_one_that_stays),
    ("a_successor_that_cannot_be_started_is_tried_again", tries_again),
    ("the_children_refuse_to_be_started_by_hand", refuses_to_be_started_by_hand),
];

fn replaces_at_once() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&one_instance()).until("Entering MASTER");
    let first = daemon.vrrp();
    daemon.mark();
    first.signal(Signal::KILL);
    let died = daemon.wait_for_within(Duration::from_millis(500), "died");
    let line = format!("VRRP child process({}) died: Respawning (ended by signal 9)", first.0);
    assert!(died.ends_with(&line), "{died}");
    daemon.wait_for_within(Duration::from_millis(500), "Starting VRRP child process, pid=");
    daemon.wait_for("Entering MASTER");
    let second = daemon.vrrp();
    assert_ne!(first, second);
    assert_eq!(daemon.process().children(), [second]);
    cable.wait_until_held(VIRTUAL);
    assert_eq!(daemon.stop().0, Some(0));
    assert!(!cable.holds(VIRTUAL));
}

fn replaces_one_that_hangs() {
    let _cable = Cable::new();
    let mut daemon = Start::with(&one_instance()).until("Entering MASTER");
    let first = daemon.vrrp();
    daemon.mark();
    let begin = Instant::now();
    first.signal(Signal::STOP);
    daemon.wait_for("VRRP child process hangs: no sign of life for 2 seconds");
    let found = begin.elapsed();
    // The last word was said just before. A busy machine asks late, and then gives half a second more; others
    // take over after 3.6 seconds.
    assert!(
        found > Duration::from_millis(1700) && found < Duration::from_millis(3500),
        "{found:?}"
    );
    daemon.wait_for("VRRP child process does not end: killing it");
    daemon.wait_for("died: Respawning (ended by signal");
    daemon.wait_for("Entering MASTER");
    assert_ne!(first, daemon.vrrp());
    assert!(!first.lives());
}

fn waits_longer_each_time() {
    let _cable = Cable::new();
    let mut daemon = Start::with(&one_instance()).until("Entering BACKUP");
    let mut pauses = Vec::new();
    for delayed in [None, Some("delayed 1 seconds"), Some("delayed 2 seconds")] {
        let child = daemon.vrrp();
        daemon.mark();
        let begin = Instant::now();
        child.signal(Signal::KILL);
        if let Some(delayed) = delayed {
            daemon.wait_for(delayed);
        }
        daemon.wait_for("Starting VRRP child process");
        pauses.push(begin.elapsed().as_millis());
        assert_eq!(daemon.news().contains("delayed"), delayed.is_some());
        daemon.wait_for("Entering BACKUP");
    }
    assert!(pauses[1] >= 1000 && pauses[2] >= 2000, "{pauses:?}");
    // One that waits for its start does not keep the daemon from ending.
    daemon.vrrp().signal(Signal::KILL);
    daemon.wait_for("delayed 4 seconds");
    let (code, time) = daemon.stop();
    assert_eq!(code, Some(0));
    assert!(time < Duration::from_secs(3), "{time:?}");
}

fn ends_with_its_parent() {
    let mut cable = Cable::new();
    let mut ear = Ear::at(&cable);
    let mut daemon = Start::with(&one_instance()).until("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    let child = daemon.vrrp();
    daemon.process().signal(Signal::KILL);
    within(Duration::from_secs(1), "the child ends", || (!child.lives()).then_some(()));
    assert!(!cable.holds(VIRTUAL));
    assert_eq!(ear.listen().priorities.last(), Some(&0));
    assert_eq!(daemon.wait_for_end(), None);
}

fn forgives_its_own_pause() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&steady()).until("Entering MASTER");
    let child = daemon.vrrp();
    // A little longer than a child may be silent, and much longer.
    for pause in [2300, 2600, 3200] {
        daemon.process().signal(Signal::STOP);
        never(Duration::from_millis(pause), "the address went", || {
            (!cable.holds(VIRTUAL)).then_some(())
        });
        daemon.process().signal(Signal::CONT);
        never(Duration::from_millis(500), "the child was replaced", || {
            (!child.lives()).then_some(())
        });
    }
    assert!(!daemon.log().contains("hangs"), "{}", daemon.log());
    assert_eq!(daemon.stop().0, Some(0));
}

/// A machine that stood still: the last beat is older the later it came to that, and the parent may go on first.
fn forgives_a_pause_of_both() {
    let _cable = Cable::new();
    // It beats as rarely as it may.
    let slow = one_instance().replace("advert_int 0.1", "advert_int 1");
    let mut daemon = Start::with(&slow).until("Entering BACKUP");
    let child = daemon.vrrp();
    for moment in [0, 250, 500, 750] {
        std::thread::sleep(Duration::from_millis(moment));
        child.signal(Signal::STOP);
        daemon.process().signal(Signal::STOP);
        std::thread::sleep(Duration::from_millis(1900));
        daemon.process().signal(Signal::CONT);
        std::thread::sleep(Duration::from_millis(20));
        child.signal(Signal::CONT);
        never(Duration::from_millis(500), "the child was replaced", || {
            (!child.lives()).then_some(())
        });
    }
    assert!(!daemon.log().contains("hangs"), "{}", daemon.log());
    assert_eq!(daemon.stop().0, Some(0));
}

fn leases_end() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&short_lease()).until("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    // It is renewed while the daemon lives.
    never(Duration::from_millis(3500), "the address went", || {
        (!cable.holds(VIRTUAL)).then_some(())
    });
    daemon.kill_all();
    let left = cable.find(VIRTUAL).expect("nobody took it away").lifetime;
    assert!(matches!(left, Lifetime::Seconds(1..=3)), "{left:?}");
    within(Duration::from_secs(5), "the lease ends", || (!cable.holds(VIRTUAL)).then_some(()));
}

fn clears_what_was_left() {
    let mut cable = Cable::new();
    let mut first = Start::with(&one_instance()).until("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    first.kill_all();
    assert!(cable.holds(VIRTUAL));
    let mut second = Start::with(&one_instance()).go();
    second.wait_for("removing 1 virtual address that was left behind");
    second.wait_for("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
}

fn ends_without_respawning() {
    let _cable = Cable::new();
    let mut daemon = Start::with(&one_instance()).words(&["-R"]).until("Entering MASTER");
    let child = daemon.vrrp();
    child.signal(Signal::KILL);
    assert_eq!(daemon.wait_for_end(), Some(1));
    let log = daemon.log();
    assert!(log.contains(&format!("VRRP child process({}) died: Exiting", child.0)), "{log}");
    assert!(!log.contains("permanent error"), "it was killed: {log}");
    assert!(!daemon.place.path("parent.pid").exists());
}

fn notices_a_stall() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&one_instance()).until("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    let child = daemon.vrrp();
    daemon.mark();
    child.signal(Signal::STOP);
    eventually("it stands still", || (child.state() == Some('T')).then_some(()));
    std::thread::sleep(Duration::from_millis(800));
    child.signal(Signal::CONT);
    daemon.wait_for("this process did not run for ");
    daemon.wait_for("Entering BACKUP STATE (this process did not run for ");
    daemon.wait_for("Entering MASTER");
    assert_eq!(child, daemon.vrrp());
}

fn kills_one_that_stays() {
    let _cable = Cable::new();
    let patience = "global_defs {\n  vrrp_version 3\n  child_wait_time 1\n}\n";
    let configuration = format!("{patience}{}", instance("VI_1", 51, 150, &[VIRTUAL], ""));
    let mut daemon = Start::with(&configuration).until("Entering MASTER");
    let child = daemon.vrrp();
    child.signal(Signal::STOP);
    let (code, time) = daemon.stop();
    assert_eq!(code, Some(0));
    assert!(time > Duration::from_millis(900) && time < Duration::from_millis(1500), "{time:?}");
    assert!(!child.lives());
    assert!(daemon.log().contains("VRRP child process does not end: killing it"));
}

fn tries_again() {
    use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
    let mut cable = Cable::new();
    let mut daemon = Start::with(&steady()).until("Entering MASTER");
    let parent = Pid::from_raw(daemon.process().0.try_into().unwrap());
    let few = Rlimit { current: Some(6), ..getrlimit(Resource::Nofile) };
    let before = prlimit(parent, Resource::Nofile, few).unwrap();
    daemon.mark();
    daemon.vrrp().signal(Signal::KILL);
    daemon.wait_for("cannot start VRRP child process: ");
    daemon.wait_for("Restart of VRRP process delayed 1 seconds to limit respawn rate");
    prlimit(parent, Resource::Nofile, before).unwrap();
    daemon.wait_for("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    assert_eq!(daemon.stop().0, Some(0));
}

fn refuses_to_be_started_by_hand() {
    for role in ["vrrp", "checker"] {
        let mut command = std::process::Command::new(crate::daemon::PROGRAM);
        let output = command.arg(format!("--role={role}")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("is for processes that steadfast starts itself"), "{said}");
    }
}

fn short_lease() -> String {
    let more = "  vrrp_address_lifetime 3\n";
    format!("{GLOBAL}{}", steady_instance(&[VIRTUAL], more))
}
