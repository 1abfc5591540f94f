//! Starting and stopping: log lines, pid files, the background, names, refusals.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::Test;
use crate::children::VIRTUAL_SERVER;
use crate::daemon::{Background, Daemon, Start};
use crate::processes::Process;
use crate::world::{Cable, NEAR, Place, VIRTUAL, eventually, one_instance, steady, within};

pub const TESTS: &[Test] = &[
    ("a_daemon_says_what_it_does_and_gives_its_address_up_at_the_end", says_what_it_does),
    ("sigint_ends_it_too_unless_that_is_to_be_ignored", interrupts),
    ("a_pid_file_of_a_daemon_that_lives_refuses_the_start", refuses_a_second),
    ("pid_files_are_where_monitoring_looks_for_them", writes_the_usual_pid_files),
    ("a_pid_file_of_a_daemon_that_is_gone_is_replaced", replaces_stale_pid_files),
    ("without_dont_fork_it_goes_into_the_background", goes_into_the_background),
    ("called_keepalived_it_is_found_under_that_name", is_found_under_the_old_name),
    (
        "a_bad_configuration_starts_nothing_and_all_that_is_wrong_is_said",
        refuses_a_bad_configuration,
    ),
    ("no_configuration_is_an_exit_code_of_its_own", refuses_no_configuration),
    ("a_named_network_namespace_is_entered", enters_a_named_namespace),
    ("addresses_are_left_behind_where_that_is_wanted", leaves_addresses_behind),
    ("a_log_file_has_the_same_lines_with_nanoseconds", writes_a_log_file),
    ("signals_that_ask_for_dumps_end_nothing", survives_signals),
];

fn says_what_it_does() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&one_instance()).until("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    let vrrp = daemon.vrrp();
    assert_eq!(daemon.place.read("parent.pid"), format!("{}\n", daemon.process().0));
    let (code, time) = daemon.stop();
    assert_eq!(code, Some(0));
    assert!(time < Duration::from_millis(500), "took {time:?}");
    assert!(!cable.holds(VIRTUAL));
    assert!(!vrrp.lives());
    assert!(!daemon.place.path("parent.pid").exists());
    assert!(!daemon.place.path("vrrp.pid").exists());
    insta::assert_snapshot!("what_a_daemon_says", told(&daemon, vrrp));
}

fn interrupts() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&steady()).until("Entering MASTER");
    daemon.process().signal(Signal::INT);
    assert_eq!(daemon.wait_for_end(), Some(0));
    assert!(!cable.holds(VIRTUAL));
    let stubborn = Start::with(&steady()).words(&["--ignore-sigint"]);
    let mut daemon = stubborn.until("Entering MASTER");
    daemon.process().signal(Signal::INT);
    daemon.vrrp().signal(Signal::INT);
    crate::world::never(Duration::from_millis(500), "it ended", || {
        (!daemon.runs() || !cable.holds(VIRTUAL)).then_some(())
    });
    assert_eq!(daemon.stop().0, Some(0));
}

fn refuses_a_second() {
    for name in ["keepalived", "steadfast"] {
        let start = Start::with(&one_instance());
        let other = Other::called(name, &start.place);
        start.place.write("vrrp.pid", &format!("{}\n", other.0.id()));
        let (code, said) = start.run_to_end();
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(&format!("process {} holds", other.0.id())), "{said}");
        assert!(said.contains("daemon is already running"), "{said}");
        assert!(said.contains("vrrp.pid"), "{said}");
    }
}

fn writes_the_usual_pid_files() {
    let _cable = Cable::new();
    let place = Place::new();
    place.write("keepalived.conf", &format!("{}{VIRTUAL_SERVER}", one_instance()));
    let start = || {
        let mut command = Command::new(crate::daemon::PROGRAM);
        command.args(["-n", "-G", "-f"]).arg(place.path("keepalived.conf"));
        command
    };
    let mut child = start().spawn().unwrap();
    let pid = |name: &str| -> Option<u32> {
        std::fs::read_to_string(format!("/run/{name}.pid")).ok()?.trim().parse().ok()
    };
    let files = ["keepalived", "keepalived_vrrp", "keepalived_checkers"];
    let pids =
        eventually("three pid files", || files.map(pid).into_iter().collect::<Option<Vec<_>>>());
    assert_eq!(pids[0], child.id());
    let second = start().output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let roles: Vec<_> = pids[1..].iter().map(|pid| Process(*pid).words().pop()).collect();
    let expected = ["--role=vrrp", "--role=checker"].map(|word| Some(word.to_owned()));
    assert_eq!(roles, expected);
    Process(child.id()).signal(Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(files.map(pid), [None; 3]);
}

fn replaces_stale_pid_files() {
    let _cable = Cable::new();
    let start = Start::with(&one_instance());
    // Its number has gone to another program since.
    let other = Other::called("unrelated", &start.place);
    start.place.write("parent.pid", &format!("{}\n", other.0.id()));
    start.place.write("vrrp.pid", "4194303\n");
    start.place.write("checkers.pid", "no number at all");
    let daemon = start.until("Entering MASTER");
    assert_eq!(daemon.place.read("parent.pid"), format!("{}\n", daemon.process().0));
    let vrrp: u32 = daemon.place.read("vrrp.pid").trim().parse().unwrap();
    assert!(daemon.process().children().contains(&Process(vrrp)));
}

fn goes_into_the_background() {
    let mut cable = Cable::new();
    let start = Start::with(&one_instance());
    // It changes into the root directory: relative names are those of where it was started.
    let mut command = Command::new(crate::daemon::PROGRAM);
    command.current_dir(start.place.directory()).stdin(Stdio::null());
    command.args(["-f", "keepalived.conf", "-p", "parent.pid", "-r", "vrrp.pid"]);
    command.args(["-c", "checkers.pid", "-G", "-g", "-l"]).arg("--log-file=a.log");
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{output:?}");
    let background = Background::find(&start.place.path("parent.pid"));
    let process = background.process;
    cable.wait_until_held(VIRTUAL);
    assert_eq!(process.session(), Some(process.0), "a session of its own");
    process.signal(Signal::HUP);
    eventually("a reload of the same file", || {
        start.place.read("a.log").contains("Reload finished").then_some(())
    });
    process.signal(Signal::TERM);
    background.wait_for_end();
    assert!(!cable.holds(VIRTUAL));
    assert!(!start.place.path("parent.pid").exists());
    assert!(start.place.read("a.log").contains("Stopped steadfast"));
}

fn is_found_under_the_old_name() {
    let _cable = Cable::new();
    let configuration = format!("{}{VIRTUAL_SERVER}", one_instance());
    let start = Start::with(&configuration).called("keepalived");
    let mut daemon = start.until("Entering MASTER");
    daemon.wait_for("Starting Healthcheck child process");
    let parent = daemon.process();
    let children = parent.children();
    let mut roles: Vec<String> = children.iter().map(|it| it.words().join(" ")).collect();
    roles.sort();
    assert_eq!(roles, ["keepalived --role=checker", "keepalived --role=vrrp"]);
    assert_eq!(parent.name(), "keepalived");
    assert!(children.iter().all(|child| child.name() == "keepalived"));
    let (vrrp, log) = (daemon.vrrp(), daemon.log());
    assert!(log.contains(&format!(" Keepalived[{}]: Starting Keepalived v", parent.0)), "{log}");
    assert!(log.contains(&format!(" Keepalived_vrrp[{}]: (VI_1) Entering MASTER", vrrp.0)));
    assert!(log.contains(" Keepalived_healthcheckers["), "{log}");
    assert_eq!(daemon.stop().0, Some(0));
}

fn refuses_a_bad_configuration() {
    let mut cable = Cable::new();
    let bad = format!(
        "{}vrrp_instance VI_2 {{\n  interface {NEAR}\n  virtual_router_id\n  priority 100\n}}\n\
         vrrp_instance VI_3 {{\n  interface\n",
        one_instance()
    );
    let start = Start::with(&bad);
    let directory = start.place.directory().to_owned();
    let (code, said) = start.run_to_end();
    assert_eq!(code, Some(2), "{said}");
    let said = said.replace(&*directory.to_string_lossy(), "");
    insta::assert_snapshot!("a_bad_configuration", said);
    assert!(!directory.join("parent.pid").exists());
    assert!(!cable.holds(VIRTUAL));
}

fn refuses_no_configuration() {
    let start = Start::with("");
    std::fs::remove_file(start.place.path("keepalived.conf")).unwrap();
    let (code, said) = start.run_to_end();
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains("keepalived.conf"), "{said}");
}

fn enters_a_named_namespace() {
    let (inner, name) = named_namespace();
    let mut cable = inner.within(Cable::new).unwrap();
    let start = Start::with(&one_instance()).words(&["-s", &name]);
    let mut daemon = start.until("Entering MASTER");
    inner.within(|| cable.wait_until_held(VIRTUAL)).unwrap();
    assert_eq!(daemon.stop().0, Some(0));
    let (code, said) = Start::with(&one_instance()).words(&["--namespace", "nowhere"]).run_to_end();
    assert_eq!(code, Some(1));
    assert!(said.contains("cannot enter network namespace nowhere"), "{said}");
}

/// A network namespace with a name of its own.
pub fn named_namespace() -> (kernel::namespace::Namespace, String) {
    use nix::mount::{MsFlags, mount};
    let inner = kernel::namespace::Namespace::create().unwrap();
    let name = Place::new().directory().file_name().unwrap().to_str().unwrap().to_owned();
    let file = Path::new("/run/netns").join(&name);
    std::fs::create_dir_all("/run/netns").unwrap();
    std::fs::write(&file, "").unwrap();
    let none = None::<&str>;
    // As `ip netns add` does it.
    let bind = || mount(Some("/proc/thread-self/ns/net"), &file, none, MsFlags::MS_BIND, none);
    inner.within(bind).unwrap().unwrap();
    (inner, name)
}

fn leaves_addresses_behind() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&steady()).words(&["-V"]).until("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    assert_eq!(daemon.stop().0, Some(0));
    let left = cable.find(VIRTUAL).expect("still there");
    assert_eq!(left.lifetime, intent::Lifetime::Forever);
}

fn writes_a_log_file() {
    let _cable = Cable::new();
    let start = Start::with(&one_instance());
    let file = format!("--log-file={}", start.place.path("own.log").display());
    let daemon = start.words(&[&file]).until("Entering MASTER");
    let lines = daemon.place.read("own.log");
    let line = lines.lines().find(|line| line.contains("Entering MASTER")).expect("a line");
    // Www Mmm dd HH:MM:SS.nnnnnnnnn YYYY: text
    assert_eq!((&line[19..20], &line[29..30], &line[34..36]), (".", " ", ": "), "{line}");
    let pid = daemon.place.read("vrrp.pid");
    let said = format!("steadfast_vrrp[{}]: (VI_1) Entering MASTER STATE", pid.trim());
    assert!(line.contains(&said), "{line}");
}

fn survives_signals() {
    let mut cable = Cable::new();
    let start = Start::with(&steady());
    let directory = start.place.directory().display().to_string();
    let mut daemon = start.environment("TMPDIR", &directory).until("Entering MASTER");
    let vrrp = daemon.vrrp();
    for name in ["DATA", "STATS", "STATS_CLEAR", "JSON"] {
        let words = ["--signum", name];
        let output = Command::new(crate::daemon::PROGRAM).args(words).output().unwrap();
        let number: i32 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
        for process in [daemon.process(), vrrp] {
            let mut kill = Command::new("/bin/sh");
            kill.arg("-c").arg(format!("kill -{number} {}", process.0));
            assert!(kill.status().unwrap().success());
        }
        crate::world::never(Duration::from_millis(100), name, || {
            (!daemon.runs() || !vrrp.lives() || !cable.holds(VIRTUAL)).then_some(())
        });
    }
    for name in ["keepalived.data", "keepalived.stats", "keepalived.json"] {
        eventually(name, || daemon.place.path(name).exists().then_some(()));
    }
    assert_eq!(daemon.stop().0, Some(0));
}

/// The log without what is different each time.
fn told(daemon: &Daemon, vrrp: Process) -> String {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let directory = daemon.place.directory().to_string_lossy().into_owned();
    let plain = |line: &str| {
        // `Fri Nov 20 22:26:06 2026: `
        let text = line.get(26..)?;
        let (who, text) = text.split_once(": ")?;
        let who = who.split('[').next()?;
        let text = text.replace(&directory, "").replace(&release, "RELEASE");
        let text = text.replace(&format!("pid={}", vrrp.0), "pid=PID");
        let text = text.replace(&format!("({})", vrrp.0), "(PID)");
        // It may be woken a little late.
        let text = text.split(" for 0.3").next()?;
        // Where something is not permitted, it does without.
        (!text.starts_with("running without")).then(|| format!("{who}: {text}\n"))
    };
    daemon.log().lines().filter_map(plain).collect()
}

/// Some other program under a name of our choice.
struct Other(Child);

impl Other {
    fn called(name: &str, place: &Place) -> Self {
        let link = place.path(name);
        std::os::unix::fs::symlink("/bin/sleep", &link).unwrap();
        let child = Command::new(&link).arg("60").spawn().unwrap();
        let process = Process(child.id());
        let other = Self(child);
        within(Duration::from_secs(2), "its name", || (process.name() == name).then_some(()));
        other
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
