//! The control socket: who asks is answered, and nobody who connects disturbs the daemon.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::Test;
use crate::daemon::{Daemon, PROGRAM, Start};
use crate::world::{Cable, GLOBAL, VIRTUAL, eventually, instance, never, one_instance, steady};

pub const TESTS: &[Test] = &[
    ("status_says_how_every_instance_stands", says_how_it_stands),
    ("status_of_one_instance_says_why", says_why),
    ("a_fault_is_told_with_its_remedy_and_exit_code_2", tells_a_fault),
    ("no_daemon_is_exit_code_3_and_no_such_instance_4", tells_absence),
    ("hundreds_of_instances_are_told_whole", tells_many),
    ("a_vrrp_process_that_is_killed_while_asked_is_asked_again", survives_a_death),
    ("a_vrrp_process_that_does_not_come_back_is_said_to_be_silent", says_who_is_silent),
    ("a_vrrp_process_that_hangs_is_replaced_while_somebody_asks", waits_for_one_that_hangs),
    ("history_outlives_the_vrrp_process", remembers),
    ("who_sends_garbage_is_told_so_and_let_go", refuses_garbage),
    ("who_never_asks_is_let_go", lets_go),
    ("who_never_reads_disturbs_nobody", ignores_who_never_reads),
    ("too_many_at_once_are_told_to_come_again", bounds_clients),
    ("the_socket_is_roots_alone_and_goes_with_the_daemon", guards_the_socket),
    ("a_socket_of_a_killed_daemon_is_replaced", replaces_a_leftover),
    ("a_socket_of_a_living_daemon_is_left_alone", respects_the_living),
    ("reload_waits_for_the_end_and_says_how_it_went", reloads),
    ("a_plan_says_what_a_reload_would_do_and_does_nothing", plans),
];

/// Runs a command of the program about this daemon: exit code, output, errors.
pub fn run(daemon: &Daemon, words: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(PROGRAM);
    command.args(words).arg("-p").arg(daemon.place.path("parent.pid"));
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

pub fn json(daemon: &Daemon, words: &[&str]) -> Value {
    let (_, text, errors) = run(daemon, &[words, &["--json"]].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{errors}"))
}

fn connect(daemon: &Daemon) -> UnixStream {
    let stream = UnixStream::connect(daemon.place.path("parent.sock")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
    stream
}

/// Whatever comes until the other end closes.
fn rest(mut stream: &UnixStream) -> String {
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn says_how_it_stands() {
    let mut cable = Cable::new();
    let daemon = Start::with(&steady()).until("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    let (code, text, errors) = run(&daemon, &["status"]);
    assert_eq!(code, Some(0), "{text}{errors}");
    let row = text.lines().find(|line| line.starts_with("VI_1")).expect("a row");
    for word in ["MASTER", "255", "this node", "10.9.0.100/24"] {
        assert!(row.contains(word), "{row}");
    }
    let document = json(&daemon, &["status"]);
    assert_eq!(document["version"], 1);
    assert_eq!(document["daemon"]["pid"], daemon.process().0);
    let one = &document["instances"][0];
    assert_eq!((&one["name"], &one["state"]), (&"VI_1".into(), &"active".into()));
    assert_eq!(one["addresses"][0]["installed"], true);
    assert_eq!(one["addresses"][0]["interface"], "near0");
    assert!(one["counters"]["advertisements_sent"].as_u64() > Some(0), "{one}");
}

fn says_why() {
    let _cable = Cable::new();
    let daemon = Start::with(&one_instance()).until("Entering MASTER");
    let (code, text, _) = run(&daemon, &["status", "VI_1"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("  why            no advertisement from anyone for 0.3"), "{text}");
    let (code, text, _) = run(&daemon, &["why", "VI_1"]);
    assert_eq!(code, Some(0));
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[1].ends_with("started"), "{text}");
    assert!(lines[2].contains("VI_1    BACKUP  startup"), "{text}");
    assert!(lines[3].contains("VI_1    MASTER  no advertisement from anyone"), "{text}");
}

fn tells_a_fault() {
    let _cable = Cable::new();
    let absent = instance("VI_2", 52, 150, &[VIRTUAL], "").replace("near0", "absent0");
    let daemon = Start::with(&format!("{}{absent}", steady())).until("(VI_2) Entering FAULT");
    eventually("it takes over", || {
        (json(&daemon, &["status"])["instances"][0]["state"] == "active").then_some(())
    });
    let (code, text, _) = run(&daemon, &["status"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("interface absent0 does not exist"), "{text}");
    assert!(text.contains("help: create absent0"), "{text}");
    let one = &json(&daemon, &["status", "VI_2"])["instances"][0];
    let codes: Vec<&Value> =
        one["faults"].as_array().unwrap().iter().map(|fault| &fault["code"]).collect();
    // Every condition that is not met, not only the first.
    assert_eq!(codes, ["interface_missing", "no_source_address"]);
    assert_eq!(run(&daemon, &["status", "VI_1"]).0, Some(0));
}

fn tells_absence() {
    let _cable = Cable::new();
    let mut daemon = Start::with(&one_instance()).until("Entering MASTER");
    let (code, _, errors) = run(&daemon, &["status", "VI_9"]);
    assert_eq!((code, errors.as_str()), (Some(4), "there is no instance `VI_9`\n"));
    daemon.stop();
    let (code, text, errors) = run(&daemon, &["status"]);
    assert_eq!((code, text.as_str()), (Some(3), ""));
    assert!(errors.contains("no daemon listens at /run/life-"), "{errors}");
    assert_eq!(run(&daemon, &["why"]).0, Some(3));
    assert_eq!(run(&daemon, &["reload"]).0, Some(3));
}

/// Instances on 255 identifiers of either kind of address, each with several addresses.
fn many(count: u8) -> String {
    let block = |vrid: u8, family: &str, list: &str| {
        format!(
            "vrrp_instance {family}_{vrid} {{\n interface near0\n virtual_router_id {vrid}\n priority 150\n\
             virtual_ipaddress {{\n{list} }}\n}}\n"
        )
    };
    let four = |vrid: u8| -> String { (1..9).map(|n| format!("10.{n}.{vrid}.1/32\n")).collect() };
    let six = |vrid: u8| format!("fe80::{vrid}/64\n2001:db8::{vrid}/64\n");
    let all = (1..=count)
        .flat_map(|vrid| [block(vrid, "four", &four(vrid)), block(vrid, "six", &six(vrid))]);
    format!("{GLOBAL}{}", all.collect::<String>())
}

fn tells_many() {
    let _cable = Cable::new();
    let daemon = Start::with(&many(255)).until("(four_255) Entering BACKUP");
    let begin = Instant::now();
    let document = json(&daemon, &["status"]);
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    let instances = document["instances"].as_array().unwrap();
    assert_eq!(instances.len(), 510);
    let addresses = |one: &Value| one["addresses"].as_array().unwrap().len();
    assert_eq!(instances.iter().map(addresses).sum::<usize>(), 255 * 10);
    assert_eq!(json(&daemon, &["status", "six_200"])["instances"][0]["vrid"], 200);
}

fn survives_a_death() {
    let _cable = Cable::new();
    let mut daemon = Start::with(&steady()).until("Entering MASTER");
    let child = daemon.vrrp();
    child.signal(Signal::STOP);
    eventually("it stands still", || (child.state() == Some('T')).then_some(()));
    let stream = connect(&daemon);
    (&stream).write_all(b"{\"version\":1,\"ask\":\"status\"}\n").unwrap();
    std::thread::sleep(Duration::from_millis(100));
    child.signal(Signal::KILL);
    let answer = rest(&stream);
    assert!(answer.contains("\"name\":\"VI_1\""), "{answer}");
    assert!(answer.ends_with("{\"end\":3}\n"), "{answer}");
}

fn says_who_is_silent() {
    let _cable = Cable::new();
    let mut daemon = Start::with(&steady()).until("Entering MASTER");
    for delay in ["died: Respawning", "delayed 1 seconds", "delayed 2 seconds", "delayed 4 seconds"]
    {
        let child = daemon.vrrp();
        daemon.mark();
        child.signal(Signal::KILL);
        daemon.wait_for(delay);
        if delay != "delayed 4 seconds" {
            daemon.wait_for("Entering MASTER");
        }
    }
    // It is not there for longer than anyone wants to wait.
    let (code, text, errors) = run(&daemon, &["status"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("vrrp process DOES NOT RUN, started again 3 times"), "{text}");
    assert!(errors.starts_with("the VRRP process does not answer"), "{errors}");
    daemon.wait_for("Entering MASTER");
    assert_eq!(run(&daemon, &["status"]).0, Some(0));
}

fn waits_for_one_that_hangs() {
    let _cable = Cable::new();
    let mut daemon = Start::with(&steady()).until("Entering MASTER");
    daemon.vrrp().signal(Signal::STOP);
    let (code, text, _) = run(&daemon, &["status"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("vrrp process works, started again once"), "{text}");
    assert!(daemon.log().contains("hangs"), "{}", daemon.log());
}

fn remembers() {
    let _cable = Cable::new();
    let mut daemon = Start::with(&steady()).until("Entering MASTER");
    let child = daemon.vrrp();
    daemon.mark();
    child.signal(Signal::KILL);
    daemon.wait_for("Entering MASTER");
    let (_, text, _) = run(&daemon, &["why"]);
    assert!(text.contains("startup"), "{text}");
    let died = format!("VRRP child process({}) died: Respawning (ended by signal 9)", child.0);
    assert!(text.contains(&died), "{text}");
    let status = json(&daemon, &["status"]);
    assert_eq!(status["daemon"]["processes"][0]["restarts"], 1);
    assert_eq!(status["instances"][0]["cause"], "owner of the addresses");
}

fn refuses_garbage() {
    let _cable = Cable::new();
    let daemon = Start::with(&one_instance()).until("Entering MASTER");
    let long = "x".repeat(100_000);
    for garbage in ["GET / HTTP/1.1\r\n\r\n", "\n", "{\"version\":1}\n", "\0\u{1}\n", &long] {
        let stream = connect(&daemon);
        // It is closed before all of it was taken.
        let _ = (&stream).write_all(garbage.as_bytes());
        let mut line = String::new();
        let _ = BufReader::new(&stream).read_line(&mut line);
        assert!(line.is_empty() || line.starts_with("{\"version\":1}"), "{line}");
    }
    let stream = connect(&daemon);
    (&stream).write_all(b"{\"version\":7,\"ask\":\"status\"}\n").unwrap();
    assert!(rest(&stream).contains("\"code\":\"version\""));
    // Half a request and an end.
    drop(connect(&daemon));
    let stream = connect(&daemon);
    (&stream).write_all(b"{\"version\"").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(rest(&stream), "");
    assert_eq!(run(&daemon, &["status"]).0, Some(0));
}

fn lets_go() {
    let _cable = Cable::new();
    let daemon = Start::with(&one_instance()).until("Entering MASTER");
    let stream = connect(&daemon);
    let begin = Instant::now();
    assert_eq!(rest(&stream), "");
    let waited = begin.elapsed();
    assert!(waited > Duration::from_secs(4) && waited < Duration::from_secs(7), "{waited:?}");
}

fn ignores_who_never_reads() {
    let mut cable = Cable::new();
    // Of 255 identifiers the last is its own, so that it is not in the way of the others.
    let kept = instance("kept", 255, 255, &[VIRTUAL], "  down_timer_adverts 100\n");
    let daemon = Start::with(&format!("{}{kept}", many(254))).until("(kept) Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    let silent: Vec<UnixStream> = (0..8)
        .map(|_| {
            let stream = connect(&daemon);
            (&stream).write_all(b"{\"version\":1,\"ask\":\"status\"}\n").unwrap();
            stream
        })
        .collect();
    let begin = Instant::now();
    assert_eq!(json(&daemon, &["status", "kept"])["instances"][0]["state"], "active");
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    never(Duration::from_millis(500), "the address went", || (!cable.holds(VIRTUAL)).then_some(()));
    // In the end each of them is let go.
    std::thread::sleep(Duration::from_secs(11));
    for stream in silent {
        let text = rest(&stream);
        assert!(!text.contains("{\"end\":"), "it was cut short");
    }
    assert!(!daemon.log().contains("hangs"), "{}", daemon.log());
}

fn bounds_clients() {
    let _cable = Cable::new();
    let daemon = Start::with(&one_instance()).until("Entering MASTER");
    let held: Vec<UnixStream> = (0..16).map(|_| connect(&daemon)).collect();
    let (code, _, errors) = run(&daemon, &["status"]);
    assert_eq!((code, errors.as_str()), (Some(1), "too many ask at once: try again in a moment\n"));
    drop(held);
    eventually("there is room again", || (run(&daemon, &["status"]).0 == Some(0)).then_some(()));
}

fn guards_the_socket() {
    let _cable = Cable::new();
    let mut daemon = Start::with(&one_instance()).until("Entering MASTER");
    let path = daemon.place.path("parent.sock");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(daemon.stop().0, Some(0));
    assert!(!path.exists());
    let other = Start::with(&one_instance());
    let path = other.place.path("elsewhere");
    let words = ["--control-socket", path.to_str().unwrap()];
    let daemon = other.words(&words).until("Entering MASTER");
    assert!(path.exists() && !daemon.place.path("parent.sock").exists());
    let mut command = Command::new(PROGRAM);
    assert_eq!(command.arg("status").args(words).output().unwrap().status.code(), Some(0));
}

fn replaces_a_leftover() {
    let _cable = Cable::new();
    let start = Start::with(&one_instance());
    let path = start.place.path("parent.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let daemon = start.until("Entering MASTER");
    assert_eq!(run(&daemon, &["status"]).0, Some(0));
    assert!(!daemon.log().contains("control socket"), "{}", daemon.log());
}

fn respects_the_living() {
    let _cable = Cable::new();
    let start = Start::with(&one_instance());
    let path = start.place.path("parent.sock");
    let other = UnixListener::bind(&path).unwrap();
    let mut daemon = start.until("Entering MASTER");
    let line = daemon.wait_for("no control socket at ");
    assert!(line.contains("another daemon listens there"), "{line}");
    // Not only is it left alone: nobody takes it away at the end.
    assert_eq!(daemon.stop().0, Some(0));
    assert!(path.exists());
    drop(other);
    // Nor is a file that is no socket.
    let start = Start::with(&one_instance());
    start.place.write("parent.sock", "precious");
    let mut daemon = start.until("Entering MASTER");
    daemon.wait_for("something else than a socket is there");
    daemon.stop();
    assert_eq!(daemon.place.read("parent.sock"), "precious");
}

fn reloads() {
    let mut cable = Cable::new();
    let daemon = Start::with(&one_instance()).until("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    let (code, text, _) = run(&daemon, &["reload"]);
    assert_eq!((code, text.as_str()), (Some(0), "Configuration reloaded: no instance changed\n"));
    daemon.place.write("keepalived.conf", &one_instance().replace("priority 150", "priority 120"));
    let (code, text, _) = run(&daemon, &["reload"]);
    assert_eq!((code, text.as_str()), (Some(0), "Configuration reloaded: adjusted VI_1\n"));
    assert_eq!(json(&daemon, &["status"])["instances"][0]["base_priority"], 120);
    let bad = one_instance().replace("virtual_router_id 51", "virtual_router_id");
    daemon.place.write("keepalived.conf", &bad);
    let (code, text, errors) = run(&daemon, &["reload"]);
    assert_eq!((code, text.as_str()), (Some(5), ""));
    assert!(errors.contains("`virtual_router_id` lacks an argument [KEY002]"), "{errors}");
    assert!(
        errors.ends_with("RELOAD FAILED: the running configuration stays in force\n"),
        "{errors}"
    );
    let (code, text, _) = run(&daemon, &["status"]);
    assert_eq!(code, Some(0), "instances are well: {text}");
    assert!(text.contains("last reload FAILED"), "{text}");
    assert!(cable.holds(VIRTUAL));
}

fn plans() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&one_instance()).until("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    let (code, text, _) = run(&daemon, &["reload", "--plan"]);
    assert_eq!((code, text.as_str()), (Some(0), "nothing would change\n"));
    let changed = one_instance().replace("priority 150", "priority 120");
    let more = instance("VI_2", 52, 150, &[crate::world::SECOND], "");
    let other = daemon.place.path("other.conf");
    std::fs::write(&other, format!("{changed}{more}")).unwrap();
    daemon.mark();
    let (code, text, errors) = run(&daemon, &["reload", "--plan", other.to_str().unwrap()]);
    assert_eq!(code, Some(2), "{errors}");
    let lines: Vec<String> =
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let expected = ["STEP OF WITH", "adjust VI_1 priority 150 -> 120", "add VI_2"];
    assert_eq!(lines[..3], expected, "{text}");
    assert_eq!(lines[3], "no instance would be left as it is");
    let web = "virtual_server 192.0.2.80 80 {\n  real_server 192.0.2.81 80 {\n  }\n}\n";
    std::fs::write(&other, format!("{}{web}", one_instance())).unwrap();
    let (code, text, errors) = run(&daemon, &["reload", "--plan", other.to_str().unwrap()]);
    assert_eq!(code, Some(2), "{errors}");
    let told = "STEP  OF                                  WITH\n\
                add   virtual_server [192.0.2.80]:udp:80\n\
                1 instance and no virtual server would be left as they are\n";
    assert_eq!(text, told);
    std::fs::write(&other, one_instance().replace("virtual_router_id 51", "virtual_router_id"))
        .unwrap();
    let (code, _, errors) = run(&daemon, &["reload", "--plan", other.to_str().unwrap()]);
    assert_eq!(code, Some(5));
    assert!(errors.contains("`virtual_router_id` lacks an argument [KEY002]"), "{errors}");
    // A file needs a plan: nobody shall believe that it was loaded.
    assert_eq!(run(&daemon, &["reload", other.to_str().unwrap()]).0, Some(1));
    assert_eq!(daemon.news(), "", "nothing happened");
    assert!(cable.holds(VIRTUAL));
}
