//! The dumps that signals ask for: where, how, and how soon.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::Test;
use crate::daemon::{Daemon, Start};
use crate::world::{Cable, GLOBAL, VIRTUAL, eventually, instance, never, one_instance, steady};

pub const TESTS: &[Test] = &[
    ("each_signal_writes_its_file", writes),
    ("a_dump_is_there_as_soon_as_exporters_expect", is_soon),
    ("statistics_can_begin_anew", clears),
    ("a_link_is_replaced_and_not_followed", follows_no_link),
    ("files_have_the_mode_that_the_umask_leaves", heeds_the_umask),
    ("files_go_where_the_configuration_says", goes_elsewhere),
    ("what_cannot_be_written_is_said", says_what_fails),
    ("signals_in_masses_are_answered_by_one_dump_each", survives_a_storm),
];

/// A daemon whose files of temporary nature are in its own directory.
fn start(configuration: &str) -> Daemon {
    let start = Start::with(configuration);
    let directory = start.place.directory().display().to_string();
    start.environment("TMPDIR", &directory).until("Entering MASTER")
}

/// Sends a signal by keepalived's name of it.
fn ask(daemon: &Daemon, name: &str) {
    let number = match name {
        "DATA" => libc::SIGUSR1,
        "STATS" => libc::SIGUSR2,
        "JSON" => libc::SIGRTMIN() + 2,
        "STATS_CLEAR" => libc::SIGRTMAX() - 1,
        _ => unreachable!(),
    };
    let pid = daemon.process().0.to_string();
    let status = std::process::Command::new("kill").args([&format!("-{number}"), &pid]).status();
    assert!(status.unwrap().success());
}

fn eventually_there(daemon: &Daemon, name: &str) -> String {
    eventually(name, || {
        let text = daemon.place.read(name);
        (!text.is_empty()).then_some(text)
    })
}

fn writes() {
    let mut cable = Cable::new();
    let daemon = start(&steady());
    cable.wait_until_held(VIRTUAL);
    ask(&daemon, "DATA");
    let text = eventually_there(&daemon, "keepalived.data");
    for line in [
        " VRRP Instance = VI_1",
        "   State = MASTER",
        "   Wantstate = MASTER",
        "   Interface = near0",
        "   Gratuitous ARP delay = 5",
        "   Virtual Router ID = 51",
        "   Virtual IP (1):",
        "     10.9.0.100/24 dev near0 scope global set",
    ] {
        assert!(text.lines().any(|it| it == line), "{line}\n{text}");
    }
    assert!(text.contains("   Last transition = 1"), "{text}");
    eventually_there(&daemon, "keepalived_parent.data");
    ask(&daemon, "STATS");
    let text = eventually_there(&daemon, "keepalived.stats");
    assert!(text.starts_with("VRRP Instance: VI_1\n  Advertisements:\n"), "{text}");
    ask(&daemon, "JSON");
    let text = eventually_there(&daemon, "keepalived.json");
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value[0]["data"]["iname"], "VI_1");
    assert_eq!(value[0]["data"]["state"], 2);
    assert_eq!(value[0]["stats"]["become_master"], 1);
    // No trace of how they were written.
    let names = fs::read_dir(daemon.place.directory()).unwrap();
    let hidden =
        names.filter(|it| it.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'));
    assert_eq!(hidden.count(), 0);
}

fn is_soon() {
    let _cable = Cable::new();
    let daemon = start(&steady());
    // An exporter sends the signal, waits for 10 ms and reads. A busy machine may need many tries.
    let took = || {
        let _ = fs::remove_file(daemon.place.path("keepalived.stats"));
        let begin = Instant::now();
        daemon.process().signal(Signal::USR2);
        eventually_soon(&daemon);
        begin.elapsed()
    };
    eventually("a dump within 10 ms", || (took() < Duration::from_millis(10)).then_some(()));
}

fn eventually_soon(daemon: &Daemon) {
    let end = Instant::now() + Duration::from_secs(8);
    while !daemon.place.path("keepalived.stats").exists() {
        assert!(Instant::now() < end, "no dump");
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn clears() {
    let _cable = Cable::new();
    let daemon = start(&steady());
    let sent = |text: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix("    Sent: "));
        line.unwrap().parse().unwrap()
    };
    let became = |text: &str| text.contains("  Became master: 1\n");
    std::thread::sleep(Duration::from_millis(1500));
    ask(&daemon, "STATS_CLEAR");
    let text = eventually_there(&daemon, "keepalived.stats");
    assert!(sent(&text) >= 10 && became(&text), "what was counted is written first: {text}");
    fs::remove_file(daemon.place.path("keepalived.stats")).unwrap();
    ask(&daemon, "STATS");
    let text = eventually_there(&daemon, "keepalived.stats");
    assert!(sent(&text) < 10 && !became(&text), "{text}");
}

fn follows_no_link() {
    let _cable = Cable::new();
    let daemon = start(&steady());
    daemon.place.write("precious", "untouched");
    let link = daemon.place.path("keepalived.json");
    symlink(daemon.place.path("precious"), &link).unwrap();
    ask(&daemon, "JSON");
    eventually("the link is replaced", || {
        fs::symlink_metadata(&link).unwrap().is_file().then_some(())
    });
    assert_eq!(daemon.place.read("precious"), "untouched");
    // A reader that has the file before open keeps it whole.
    let before = fs::metadata(&link).unwrap().ino();
    ask(&daemon, "JSON");
    eventually("a new file", || (fs::metadata(&link).unwrap().ino() != before).then_some(()));
}

fn heeds_the_umask() {
    let _cable = Cable::new();
    let daemon = start(&steady());
    ask(&daemon, "STATS");
    eventually_there(&daemon, "keepalived.stats");
    let mode = |daemon: &Daemon| {
        let path = daemon.place.path("keepalived.stats");
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode(&daemon), 0o600);
    let start = Start::with(&one_instance()).words(&["-u", "0133"]);
    let directory = start.place.directory().display().to_string();
    let daemon = start.environment("TMPDIR", &directory).until("Entering MASTER");
    ask(&daemon, "STATS");
    eventually_there(&daemon, "keepalived.stats");
    assert_eq!(mode(&daemon), 0o644);
}

fn goes_elsewhere() {
    let _cable = Cable::new();
    let start = Start::with("");
    let directory = start.place.path("dumps");
    fs::create_dir(&directory).unwrap();
    let (here, file) = (directory.display(), start.place.path("my.json"));
    let global = format!(
        "global_defs {{\n vrrp_version 3\n state_dump_file {here}/\n stats_dump_file {here}/\n\
         json_dump_file {}\n json_version 2\n}}\n",
        file.display()
    );
    start.place.write("keepalived.conf", &steady().replace(GLOBAL, &global));
    let daemon = start.until("Entering MASTER");
    for name in ["DATA", "STATS", "JSON"] {
        ask(&daemon, name);
    }
    for name in ["dumps/keepalived.data", "dumps/keepalived_parent.data", "dumps/keepalived.stats"]
    {
        eventually_there(&daemon, name);
    }
    let text = eventually_there(&daemon, "my.json");
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["vrrp"][0]["data"]["iname"], "VI_1");
}

fn says_what_fails() {
    let mut cable = Cable::new();
    let start = Start::with(&steady()).environment("TMPDIR", "/nowhere");
    let mut daemon = start.until("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    ask(&daemon, "STATS");
    daemon.wait_for("cannot write /nowhere/keepalived.stats: No such file or directory");
    assert!(cable.holds(VIRTUAL));
    assert_eq!(daemon.stop().0, Some(0));
}

fn survives_a_storm() {
    let mut cable = Cable::new();
    let second = instance("VI_2", 52, 150, &[crate::world::SECOND], "");
    let daemon = start(&format!("{}{second}", steady()));
    cable.wait_until_held(VIRTUAL);
    for _ in 0..200 {
        daemon.process().signal(Signal::USR1);
        daemon.process().signal(Signal::USR2);
    }
    let text = eventually_there(&daemon, "keepalived.data");
    assert!(text.contains(" VRRP Instance = VI_2\n"), "{text}");
    never(Duration::from_millis(300), "the address went", || (!cable.holds(VIRTUAL)).then_some(()));
    assert!(!daemon.log().contains("hangs"), "{}", daemon.log());
}
