//! systemd: what is said through `NOTIFY_SOCKET`, and when.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use rustix::process::Signal;

use crate::Test;
use crate::daemon::Start;
use crate::upgrade::{newer, upgraded};
use crate::world::{Cable, GLOBAL, VIRTUAL, instance, never, one_instance, steady, within};

pub const TESTS: &[Test] = &[
    ("readiness_status_reload_and_end_are_said", says_all),
    ("a_failed_reload_stays_in_the_status", says_what_failed),
    ("readiness_waits_for_the_children", waits_for_children),
    ("readiness_waits_for_the_startup_script_and_systemd_for_us", waits_for_the_script),
    ("the_watchdog_is_petted_while_children_live", pets_the_watchdog),
    ("children_do_not_speak_to_systemd", keeps_children_quiet),
    ("an_upgrade_is_a_reload_of_the_same_process", upgrades),
];

fn says_all() {
    let _cable = Cable::new();
    let (start, manager) = managed(&one_instance());
    let mut daemon = start.go();
    let ready = manager.wait_for("READY=1");
    assert!(ready.contains(&format!("MAINPID={}", daemon.process().0)), "{ready:?}");
    assert!(ready.iter().any(|line| line.starts_with("STATUS=")), "{ready:?}");
    manager.wait_for("STATUS=1 MASTER, 0 BACKUP, 0 FAULT");
    daemon.process().signal(Signal::HUP);
    let reloading = manager.wait_for("RELOADING=1");
    let time = reloading.iter().find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    let time = Duration::from_micros(time.expect("a time").parse().unwrap()).as_secs();
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic).tv_sec;
    assert!(now.abs_diff(time.try_into().unwrap()) < 10, "{time} is not {now}");
    manager.wait_for("READY=1");
    daemon.process().signal(Signal::TERM);
    manager.wait_for("STOPPING=1");
    assert_eq!(daemon.wait_for_end(), Some(0));
}

fn says_what_failed() {
    let _cable = Cable::new();
    let (start, manager) = managed(&one_instance());
    let mut daemon = start.until("Entering MASTER");
    manager.wait_for("STATUS=1 MASTER, 0 BACKUP, 0 FAULT");
    daemon.reload(&one_instance().replace("virtual_router_id 51", "virtual_router_id"));
    manager.wait_for("RELOADING=1");
    let answer = manager.wait_for("READY=1");
    let status = "STATUS=Reload failed; 1 MASTER, 0 BACKUP, 0 FAULT".to_owned();
    assert!(answer.contains(&status), "{answer:?}");
    // It stays until a reload succeeds.
    never(Duration::from_millis(600), "another status", || {
        manager.next().filter(|lines| lines.iter().any(|line| line.starts_with("STATUS=")))
    });
    daemon.reload(&one_instance());
    manager.wait_for("STATUS=1 MASTER, 0 BACKUP, 0 FAULT");
}

fn waits_for_children() {
    // Without its interface an instance is in fault, which is no reason not to be ready.
    let (start, manager) = managed(&one_instance());
    let mut daemon = start.go();
    let status = "STATUS=0 MASTER, 0 BACKUP, 1 FAULT";
    if !manager.wait_for("READY=1").contains(&status.to_owned()) {
        manager.wait_for(status);
    }
    daemon.wait_for("Entering FAULT");
    // A configuration that cannot be used is never ready.
    let (start, manager) = managed("vrrp_instance VI_1 {\n");
    assert_eq!(start.run_to_end().0, Some(2));
    assert_eq!(manager.next(), None);
}

fn waits_for_the_script() {
    let _cable = Cable::new();
    let scripts =
        "global_defs {\n startup_script \"/bin/sleep 0.3\"\n startup_script_timeout 100\n}\n";
    let (start, manager) = managed(&format!("{scripts}{}", one_instance()));
    let mut daemon = start.go();
    let patience = manager.wait_for("STATUS=Running startup script");
    // Its own hundred seconds, two to be killed, and half a minute for the rest.
    assert!(patience.contains(&"EXTEND_TIMEOUT_USEC=132000000".to_owned()), "{patience:?}");
    let ready = manager.wait_for("READY=1");
    assert!(daemon.log().contains("startup script succeeded"), "{ready:?}");
    assert_eq!(daemon.stop().0, Some(0));
}

fn pets_the_watchdog() {
    let _cable = Cable::new();
    let (start, manager) = managed(&one_instance());
    let mut daemon = start.environment("WATCHDOG_USEC", "400000").until("Entering MASTER");
    let petted = || manager.next().filter(|lines| lines.contains(&"WATCHDOG=1".to_owned()));
    for _ in 0..5 {
        within(Duration::from_millis(390), "a sign of life", petted);
    }
    // While a child waits to be started again, the service does not work.
    daemon.mark();
    daemon.vrrp().signal(Signal::KILL);
    daemon.wait_for("Entering BACKUP");
    daemon.vrrp().signal(Signal::KILL);
    daemon.wait_for("delayed 1 seconds");
    while manager.next().is_some() {}
    never(Duration::from_millis(600), "petted without a child", petted);
    daemon.wait_for("Starting VRRP child process");
    within(Duration::from_millis(800), "petted again", petted);
}

fn keeps_children_quiet() {
    let _cable = Cable::new();
    let (start, manager) = managed(&one_instance());
    let mut daemon = start.environment("WATCHDOG_USEC", "60000000").until("Entering MASTER");
    let child = daemon.vrrp();
    let environment = std::fs::read(format!("/proc/{}/environ", child.0)).unwrap();
    let environment = String::from_utf8_lossy(&environment).into_owned();
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
        assert!(!environment.contains(name), "{environment}");
    }
    drop(manager);
    // A manager that is gone is no reason to fail.
    daemon.reload(&format!("{GLOBAL}{}", instance("VI_1", 51, 149, &[VIRTUAL], "")));
    daemon.wait_for("Reload finished");
    assert_eq!(daemon.stop().0, Some(0));
}

fn upgrades() {
    let _cable = Cable::new();
    let (start, manager) = managed(&steady());
    let mut daemon = start.environment("WATCHDOG_USEC", "400000").until("Entering MASTER");
    manager.wait_for("READY=1");
    upgraded(&daemon, &newer(&daemon));
    let words = manager.wait_for("RELOADING=1");
    assert!(words.contains(&"STATUS=Upgrading".to_owned()), "{words:?}");
    let ready = manager.wait_for("READY=1");
    assert!(ready.contains(&format!("MAINPID={}", daemon.process().0)), "{ready:?}");
    let petted = || manager.next().filter(|lines| lines.contains(&"WATCHDOG=1".to_owned()));
    for _ in 0..5 {
        within(Duration::from_millis(390), "a sign of life", petted);
    }
    assert_eq!(daemon.stop().0, Some(0));
    manager.wait_for("STOPPING=1");
}

/// The other end of `NOTIFY_SOCKET`.
struct Manager(UnixDatagram);

fn managed(configuration: &str) -> (Start, Manager) {
    let start = Start::with(configuration);
    let path = start.place.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    (start.environment("NOTIFY_SOCKET", path.to_str().unwrap()), Manager(socket))
}

impl Manager {
    /// The next message, line by line.
    fn next(&self) -> Option<Vec<String>> {
        let mut bytes = [0; 4096];
        let length = self.0.recv(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes[..length]).lines().map(str::to_owned).collect())
    }

    /// Reads until a message has this line.
    fn wait_for(&self, line: &str) -> Vec<String> {
        let wanted = line.to_owned();
        crate::world::eventually(line, || self.next().filter(|lines| lines.contains(&wanted)))
    }
}
