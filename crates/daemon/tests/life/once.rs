//! `startup_script` and `shutdown_script`: run once, and whatever becomes of them the daemon goes its way.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::Test;
use crate::daemon::{Daemon, Start};
use crate::processes::Process;
use crate::upgrade::{newer, upgraded};
use crate::world::{Cable, VIRTUAL, eventually, never, steady};

pub const TESTS: &[Test] = &[
    ("what_runs_at_the_start_is_over_before_a_child_begins", start_comes_first),
    ("what_runs_at_the_end_begins_when_children_are_gone", end_comes_last),
    ("one_that_fails_is_named_and_the_daemon_goes_on", failures),
    ("one_that_hangs_is_ended_with_all_that_it_started", hangs),
    ("a_daemon_that_is_told_to_end_at_its_start_does_so_in_order", ended_at_the_start),
    ("a_reload_at_the_start_waits_and_runs_nothing_twice", reloaded_at_the_start),
    ("a_reload_changes_what_will_run_at_the_end", changed_by_a_reload),
    ("a_daemon_that_gives_up_runs_its_last_program_too", gives_up),
    ("one_that_others_could_change_is_refused", refused),
    ("an_upgrade_is_neither_a_start_nor_an_end", upgrades),
    ("all_groups_of_its_user_are_given_to_a_program_only_where_that_is_said", groups),
];

/// A daemon whose scripts are made of these lines; `@` is its directory.
fn start(settings: &str, first: &str, last: &str) -> Start {
    let start = Start::with("");
    let place = start.place.directory().display().to_string();
    for (name, lines) in [("first", first), ("last", last)] {
        let text = format!("#!/bin/sh\n{}\n", lines.replace('@', &place));
        start.place.write(name, &text);
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(start.place.path(name), mode).unwrap();
    }
    start.place.write("keepalived.conf", &configuration(&start, settings));
    start
}

fn configuration(start: &Start, settings: &str) -> String {
    let place = start.place.directory().display().to_string();
    let settings = settings.replace('@', &place);
    format!(
        "global_defs {{\n startup_script \"{place}/first a 'b c'\"\n \
         shutdown_script {place}/last\n{settings}\n}}\n{}",
        steady()
    )
}

fn position(log: &str, text: &str) -> usize {
    log.find(text).unwrap_or_else(|| panic!("{text} is not in\n{log}"))
}

fn upgrades() {
    let _cable = Cable::new();
    let start = start("script_user root", "echo first >>@/told", "echo last >>@/told");
    let mut daemon = start.until("Entering MASTER");
    upgraded(&daemon, &newer(&daemon));
    assert_eq!(daemon.place.read("told"), "first\n");
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!(daemon.place.read("told"), "first\nlast\n");
}

fn start_comes_first() {
    let mut cable = Cable::new();
    let first =
        "echo \"$# $2\" > @/told; echo $$ $(cut -d' ' -f5 /proc/$$/stat) > @/group; sleep 0.4";
    let start = start("script_user root", first, "");
    let mut daemon = start.until("Running startup script");
    never(Duration::from_millis(300), "a child", || {
        (!daemon.process().children().iter().all(|child| is_script(*child))).then_some(())
    });
    daemon.wait_for("startup script succeeded");
    cable.wait_until_held(VIRTUAL);
    assert_eq!(daemon.place.read("told"), "2 b c\n");
    let group = daemon.place.read("group");
    let (pid, group) = group.trim().split_once(' ').unwrap();
    assert_eq!(pid, group, "a process group of its own");
    let log = daemon.log();
    assert!(position(&log, "script succeeded") < position(&log, "Starting VRRP child"), "{log}");
    assert_eq!(daemon.stop().0, Some(0));
}

fn is_script(process: Process) -> bool {
    !process.words().iter().any(|word| word.starts_with("--role="))
}

fn end_comes_last() {
    let mut cable = Cable::new();
    let start = start("", "true", "cp @/vrrp.pid @/left; sleep 0.2; touch @/done");
    let mut daemon = start.until("Entering MASTER");
    let vrrp = daemon.vrrp();
    assert_eq!(daemon.stop().0, Some(0));
    assert!(daemon.place.path("done").exists(), "its end is waited for");
    assert!(!daemon.place.path("left").exists(), "the VRRP process was gone");
    assert!(!vrrp.lives() && !cable.holds(VIRTUAL));
    let log = daemon.log();
    assert!(position(&log, "child process") < position(&log, "Running shutdown script"), "{log}");
    assert!(position(&log, "shutdown script succeeded") < position(&log, "Stopped "), "{log}");
}

fn failures() {
    let mut cable = Cable::new();
    let mut daemon = start("", "exit 3", "kill -9 $$").go();
    daemon.wait_for("startup script failed, status 3");
    cable.wait_until_held(VIRTUAL);
    assert_eq!(daemon.stop().0, Some(0));
    assert!(daemon.log().contains("shutdown script exited due to signal 9"));
    // One that is not there is named with its place, and that is all.
    let start = start("", "", "");
    std::fs::remove_file(start.place.path("first")).unwrap();
    std::fs::remove_file(start.place.path("last")).unwrap();
    let mut daemon = start.go();
    let line = daemon.wait_for("not run");
    assert!(line.contains("keepalived.conf:2: not run: ") && line.contains("/first"), "{line}");
    cable.wait_until_held(VIRTUAL);
    assert_eq!(daemon.stop().0, Some(0));
}

fn hangs() {
    let mut cable = Cable::new();
    // The first ends when it is told, the last does not.
    let first = "sleep 60 & echo $! > @/helper; wait";
    let last = "trap '' TERM; echo $$ > @/deaf; while :; do sleep 0.1; done";
    let settings = "startup_script_timeout 1\nshutdown_script_timeout 1";
    let begin = Instant::now();
    let mut daemon = start(settings, first, last).go();
    daemon.wait_for("startup script timed out");
    cable.wait_until_held(VIRTUAL);
    let took = begin.elapsed();
    assert!(took > Duration::from_secs(1) && took < Duration::from_secs(3), "{took:?}");
    let helper = Process(daemon.place.read("helper").trim().parse().unwrap());
    eventually("what it started ends", || (!helper.lives()).then_some(()));
    let (code, time) = daemon.stop();
    assert_eq!(code, Some(0));
    // One second of its own, two more from the request to end until it is killed.
    assert!(time > Duration::from_secs(3) && time < Duration::from_secs(5), "{time:?}");
    assert!(daemon.log().contains("shutdown script timed out"));
    assert!(!Process(daemon.place.read("deaf").trim().parse().unwrap()).lives());
}

fn ended_at_the_start() {
    let _cable = Cable::new();
    let start = start("", "echo $$ > @/pid; sleep 60", "test -e @/parent.pid && touch @/last-ran");
    let mut daemon = start.until("Running startup script");
    let script = eventually("the script runs", || daemon.place.read("pid").trim().parse().ok());
    let (code, time) = daemon.stop();
    assert_eq!(code, Some(0));
    assert!(time < Duration::from_millis(900), "{time:?}");
    assert!(!Process(script).lives());
    assert!(daemon.place.path("last-ran").exists());
    assert!(!daemon.place.path("parent.pid").exists());
    assert!(!daemon.log().contains("Starting VRRP child"), "{}", daemon.log());
}

fn reloaded_at_the_start() {
    let mut cable = Cable::new();
    let start = start("", "echo once >> @/runs; while [ ! -e @/go ]; do sleep 0.05; done", "true");
    let new = configuration(&start, "startup_script_timeout 99");
    let mut daemon = start.until("Running startup script");
    daemon.reload(&new);
    daemon.wait_for("Reload finished");
    never(Duration::from_millis(200), "a child", || {
        daemon.log().contains("Starting VRRP child").then_some(())
    });
    daemon.place.write("go", "");
    cable.wait_until_held(VIRTUAL);
    daemon.reload(&new);
    daemon.wait_for("Reload finished");
    assert_eq!(daemon.log().matches("Starting VRRP child").count(), 1);
    assert_eq!(daemon.place.read("runs"), "once\n");
    assert_eq!(daemon.stop().0, Some(0));
}

fn changed_by_a_reload() {
    let _cable = Cable::new();
    let start = start("", "true", "touch @/old");
    let new = configuration(&start, "").replace("/last", "/other");
    let place = start.place.directory().display().to_string();
    start.place.write("other", &format!("#!/bin/sh\ntouch {place}/new-ran\n"));
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(start.place.path("other"), mode).unwrap();
    let mut daemon = start.until("Entering MASTER");
    daemon.reload(&new);
    daemon.wait_for("Reload finished");
    assert_eq!(daemon.stop().0, Some(0));
    assert!(daemon.place.path("new-ran").exists() && !daemon.place.path("old").exists());
}

fn gives_up() {
    let _cable = Cable::new();
    let start = start("", "true", "touch @/done").words(&["-R"]);
    let mut daemon: Daemon = start.until("Entering MASTER");
    daemon.vrrp().signal(Signal::KILL);
    assert_eq!(daemon.wait_for_end(), Some(1));
    assert!(daemon.place.path("done").exists());
}

fn refused() {
    let mut cable = Cable::new();
    let start = start("enable_script_security\nscript_user root", "touch @/ran", "true");
    let mode = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(start.place.path("first"), mode).unwrap();
    let mut daemon = start.go();
    let line = daemon.wait_for("not run");
    assert!(line.contains("/first can be written by others (mode 0777)"), "{line}");
    cable.wait_until_held(VIRTUAL);
    assert!(!daemon.place.path("ran").exists());
    assert_eq!(daemon.stop().0, Some(0));
}

fn groups() {
    let users = std::fs::read_to_string("/proc/self/uid_map").unwrap();
    if !users.trim().ends_with("4294967295") {
        println!("SKIPPED: nobody else than root can be in a user namespace");
        return;
    }
    let _cable = Cable::new();
    let known = std::fs::read_to_string("/etc/group").unwrap();
    std::fs::write("/run/group", format!("{known}of-this-test:x:4242:nobody\n")).unwrap();
    let bind = nix::mount::MsFlags::MS_BIND;
    nix::mount::mount(Some("/run/group"), "/etc/group", None::<&str>, bind, None::<&str>).unwrap();
    for (setting, expected) in [("", "65534\n"), ("set_supplementary_groups", "65534 4242\n")] {
        let start = start(&format!("script_user nobody\n{setting}"), "id -G > @/told", "true");
        start.place.write("told", "");
        let mode = std::fs::Permissions::from_mode(0o666);
        std::fs::set_permissions(start.place.path("told"), mode).unwrap();
        let mut daemon = start.until("startup script succeeded");
        assert_eq!(daemon.place.read("told"), expected, "{setting}");
        assert_eq!(daemon.stop().0, Some(0));
    }
}
