//! Several daemons on one host: names, namespaces, and the files that tell them apart.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use crate::Test;
use crate::children::VIRTUAL_SERVER;
use crate::daemon::{Daemon, PROGRAM, Start};
use crate::processes::Process;
use crate::starting::named_namespace;
use crate::world::{Cable, VIRTUAL, eventually, steady};

pub const TESTS: &[Test] = &[
    ("two_daemons_of_different_names_run_beside_each_other", runs_two),
    ("a_second_daemon_of_the_same_name_is_refused", refuses_the_same_name),
    ("a_configuration_may_name_the_namespace", enters_its_namespace),
    ("the_checker_process_may_work_elsewhere", keeps_the_checker_outside),
    ("the_command_line_overrides_the_namespace_of_the_configuration", overrides),
    ("a_namespace_that_is_missing_is_named_and_nothing_is_started", misses),
    ("a_reload_changes_neither_name_nor_namespace_and_says_so", stays),
    ("only_a_dump_of_the_state_is_named_and_only_where_that_is_wanted", names_dumps),
];

fn named(name: &str, vrid: u8) -> String {
    let text = steady().replace("virtual_router_id 51", &format!("virtual_router_id {vrid}"));
    let text = text.replace(&VIRTUAL.to_string(), &format!("10.9.0.{vrid}"));
    format!("instance {name}\n{text}")
}

fn file(name: &str) -> PathBuf {
    Path::new("/run/keepalived").join(name)
}

fn number(path: &Path) -> Option<u32> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn status(pid_file: &Path) -> String {
    let mut command = Command::new(PROGRAM);
    let output = command.arg("status").arg("--pid").arg(pid_file).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn runs_two() {
    let _cable = Cable::new();
    let start = |name, vrid| Start::with(&named(name, vrid)).files_by_configuration();
    let mut one = start("one-of-two", 61).until("Entering MASTER");
    let mut two = start("two-of-two", 62).until("Entering MASTER");
    for (daemon, name, address) in
        [(&one, "one-of-two", "10.9.0.61"), (&two, "two-of-two", "10.9.0.62")]
    {
        let parent = file(&format!("keepalived_{name}.pid"));
        assert_eq!(number(&parent), Some(daemon.process().0));
        let vrrp = number(&file(&format!("vrrp_{name}.pid"))).unwrap();
        assert_eq!(daemon.process().children(), [Process(vrrp)]);
        let log = daemon.log();
        let said = format!(" steadfast_vrrp_{name}[{vrrp}]: (VI_1) Entering MASTER");
        assert!(log.contains(&said), "{log}");
        assert!(log.contains(&format!(" steadfast_{name}[{}]: Starting", daemon.process().0)));
        assert!(status(&parent).contains(address), "{}", status(&parent));
    }
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file("").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o755, "monitoring may look into it");
    assert_eq!(one.stop().0, Some(0));
    assert!(status(&file("keepalived_two-of-two.pid")).contains("10.9.0.62"));
    assert_eq!(two.stop().0, Some(0));
    for ending in ["pid", "sock"] {
        for name in ["keepalived_one-of-two", "keepalived_two-of-two", "vrrp_one-of-two"] {
            assert!(!file(&format!("{name}.{ending}")).exists(), "{name}.{ending}");
        }
    }
}

fn refuses_the_same_name() {
    let _cable = Cable::new();
    let start = |name| Start::with(&named(name, 63)).files_by_configuration();
    let _first = start("same").until("Entering MASTER");
    let (code, said) = start("same").run_to_end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("holds /run/keepalived/keepalived_same.pid"), "{said}");
}

fn space(process: Process) -> PathBuf {
    std::fs::read_link(format!("/proc/{}/ns/net", process.0)).unwrap()
}

fn here() -> PathBuf {
    std::fs::read_link("/proc/thread-self/ns/net").unwrap()
}

/// A daemon of that configuration in a namespace of this name.
fn inside(name: &str, more: &str) -> Start {
    let text = format!("net_namespace {name}\n{more}{}", steady());
    Start::with(&text).files_by_configuration()
}

fn enters_its_namespace() {
    let (inner, name) = named_namespace();
    let mut cable = inner.within(Cable::new).unwrap();
    let mut daemon = inside(&name, "").until("Entering MASTER");
    inner.within(|| cable.wait_until_held(VIRTUAL)).unwrap();
    let parent = file(&name).join("keepalived.pid");
    assert_eq!(number(&parent), Some(daemon.process().0));
    let vrrp = number(&file(&name).join("vrrp.pid")).unwrap();
    assert_ne!(space(Process(vrrp)), here());
    assert!(daemon.log().contains(&format!(" steadfast_vrrp_{name}[{vrrp}]: ")));
    assert!(status(&parent).contains("MASTER"), "{}", status(&parent));
    assert_eq!(daemon.stop().0, Some(0));
    assert!(!file(&name).exists(), "its directory is empty and goes");
}

fn keeps_the_checker_outside() {
    let (inner, name) = named_namespace();
    let _cable = inner.within(Cable::new).unwrap();
    let (other, its_name) = named_namespace();
    for (line, expected) in [
        ("net_namespace_ipvs\n".to_owned(), here()),
        (format!("net_namespace_ipvs {its_name}\n"), other.within(here).unwrap()),
        (String::new(), inner.within(here).unwrap()),
    ] {
        let mut daemon = inside(&name, &format!("{line}{VIRTUAL_SERVER}")).until("Entering MASTER");
        let checker = eventually("a checker process", || number(&file(&name).join("checkers.pid")));
        eventually(&line, || (space(Process(checker)) == expected).then_some(()));
        let vrrp = number(&file(&name).join("vrrp.pid")).unwrap();
        assert_eq!(space(Process(vrrp)), inner.within(here).unwrap());
        // A successor too.
        Process(checker).signal(Signal::KILL);
        let next = eventually("another checker process", || {
            number(&file(&name).join("checkers.pid")).filter(|pid| *pid != checker)
        });
        eventually(&line, || (space(Process(next)) == expected).then_some(()));
        assert_eq!(daemon.stop().0, Some(0));
    }
}

fn overrides() {
    let (inner, name) = named_namespace();
    let _cable = inner.within(Cable::new).unwrap();
    let mut daemon = inside("nowhere", "").words(&["-s", &name]).until("Entering MASTER");
    let line = daemon.wait_for("Overriding config net_namespace");
    assert!(line.contains(&format!("'nowhere' with command line namespace '{name}'")), "{line}");
    let vrrp = number(&file(&name).join("vrrp.pid")).unwrap();
    assert_eq!(space(Process(vrrp)), inner.within(here).unwrap());
    // What is overridden did not change.
    daemon.mark();
    daemon.process().signal(Signal::HUP);
    daemon.wait_for("Reload finished");
    assert!(!daemon.news().contains("Cannot change"), "{}", daemon.news());
    assert_eq!(daemon.stop().0, Some(0));
}

fn misses() {
    let (code, said) = inside("nowhere", "").run_to_end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("cannot enter network namespace nowhere: "), "{said}");
    assert!(!file("nowhere").exists());
    let (code, said) = inside("../nowhere", "").run_to_end();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("`net_namespace` cannot be `../nowhere`"), "{said}");
}

fn stays() {
    let mut cable = Cable::new();
    let mut daemon: Daemon =
        Start::with(&named("first-name", 51)).files_by_configuration().until("Entering MASTER");
    let (inner, name) = named_namespace();
    let text = format!("net_namespace {name}\n{}", named("second-name", 51));
    daemon.reload(&text);
    daemon.wait_for("Reload finished");
    for what in ["network namespace", "instance name"] {
        assert!(daemon.news().contains(&format!("Cannot change {what} at a reload")), "{what}");
    }
    assert_eq!(number(&file("keepalived_first-name.pid")), Some(daemon.process().0));
    assert!(!file("keepalived_second-name.pid").exists());
    // A respawned process too stays where it was.
    daemon.mark();
    let killed = number(&file("vrrp_first-name.pid")).unwrap();
    Process(killed).signal(Signal::KILL);
    daemon.wait_for("Starting VRRP child");
    cable.wait_until_held(std::net::Ipv4Addr::new(10, 9, 0, 51));
    // The addresses outlive a process, and its file names it until the next one has written its own.
    let vrrp = eventually("the next process", || {
        number(&file("vrrp_first-name.pid")).filter(|pid| *pid != killed)
    });
    assert_ne!(space(Process(vrrp)), inner.within(here).unwrap());
    assert_eq!(daemon.stop().0, Some(0));
}

fn names_dumps() {
    let _cable = Cable::new();
    for (setting, expected) in [
        ("", ["keepalived.data", "keepalived_parent.data"]),
        ("data_use_instance", ["keepalived.dumped.data", "keepalived_parent.dumped.data"]),
    ] {
        let global = format!("global_defs {{\n{setting}\n}}\n");
        let start = Start::with(&format!("{global}{}", named("dumped", 64)));
        let directory = start.place.directory().display().to_string();
        let mut daemon = start
            .files_by_configuration()
            .environment("TMPDIR", &directory)
            .until("Entering MASTER");
        daemon.process().signal(Signal::USR1);
        daemon.process().signal(Signal::USR2);
        for name in expected.into_iter().chain(["keepalived.stats"]) {
            eventually(name, || daemon.place.path(name).exists().then_some(()));
        }
        assert!(daemon.place.read(expected[0]).contains(" Instance name = dumped\n"));
        assert_eq!(daemon.stop().0, Some(0));
    }
}
