//! Who is told of servers that come and go, checks that others make, and addresses that checks depend on.

use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use kernel::netlink::RequestSocket;
use rustix::process::Signal;

use crate::Test;
use crate::balancing::{checker, listen, web};
use crate::daemon::Start;
use crate::postmaster::{Manner, Postmaster};
use crate::world::{eventually, never, permanent};

pub const TESTS: &[Test] = &[
    ("programs_and_pipes_are_told_who_came_and_went", tells_programs),
    ("an_end_is_told_where_that_is_written", tells_the_end),
    ("a_successor_tells_nothing_twice", tells_nothing_twice),
    ("letters_tell_of_servers_and_of_the_quorum", writes),
    ("a_program_says_whether_a_server_is_up_and_with_which_weight", heeds_a_program),
    ("a_program_that_hangs_is_ended_and_counts_as_a_failure", ends_a_program),
    ("a_file_says_which_weight_a_server_has", heeds_a_file),
    ("checks_pause_while_the_address_is_elsewhere", pauses),
];

/// A daemon with programs `NAME` that run these lines; `@` is its directory, in the configuration too.
fn start(configuration: &str, programs: &[(&str, &str)]) -> Start {
    let start = Start::with("");
    let place = start.place.directory().display().to_string();
    for (name, lines) in programs {
        start.place.write(name, &format!("#!/bin/sh\n{}\n", lines.replace('@', &place)));
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(start.place.path(name), mode).unwrap();
    }
    let global = "global_defs {\n  script_user root\n}\n";
    start.place.write("keepalived.conf", &format!("{global}{configuration}").replace('@', &place));
    start
}

/// A program that writes down its name.
fn told(name: &str) -> (&str, String) {
    (name, format!("echo {name} $# >> @/told"))
}

fn tellers() -> Vec<(&'static str, String)> {
    ["up", "down", "gained", "lost"].map(told).to_vec()
}

fn telling(more: &str) -> String {
    let lines = format!("  quorum_up @/gained\n  quorum_down @/lost\n{more}");
    web(&lines, &[81])
        .replace("    TCP_CHECK", "    notify_up @/up\n    notify_down @/down\n    TCP_CHECK")
}

fn with(configuration: &str, programs: &[(&str, String)]) -> Start {
    let programs: Vec<(&str, &str)> =
        programs.iter().map(|(name, lines)| (*name, lines.as_str())).collect();
    start(configuration, &programs)
}

fn tells_programs() {
    let server = listen(81);
    let fifo = "global_defs {\n  lvs_notify_fifo @/pipe\n  lvs_notify_fifo_script @/reader\n}\n";
    let mut programs = tellers();
    programs.push(("reader", "exec cat \"$1\" > @/piped".to_owned()));
    let daemon = with(&format!("{fifo}{}", telling("")), &programs);
    let mut daemon = daemon.until("connection to [127.0.0.1]:tcp:81 success.");
    drop(server);
    daemon.wait_for("Removing service");
    let _again = listen(81);
    daemon.wait_for("Adding service");
    // What one block runs comes in order; who of two is first is not said.
    let place = &daemon.place;
    eventually("four are told", || (place.read("told").lines().count() == 5).then_some(()));
    let lines = place.read("told");
    let of = |names: [&str; 2]| -> Vec<String> {
        let all = lines.lines().map(str::to_owned);
        all.filter(|line| names.iter().any(|name| line.starts_with(name))).collect()
    };
    assert_eq!(of(["up", "down"]), ["down 0", "up 0"]);
    assert_eq!(of(["gained", "lost"]), ["gained 0", "lost 0", "gained 0"]);
    let expected = "VS [192.0.2.1]:tcp:80 UP\n\
        RS [127.0.0.1]:tcp:81 [192.0.2.1]:tcp:80 DOWN\nVS [192.0.2.1]:tcp:80 DOWN\n\
        RS [127.0.0.1]:tcp:81 [192.0.2.1]:tcp:80 UP\nVS [192.0.2.1]:tcp:80 UP\n";
    eventually("the pipe is told", || (place.read("piped").len() >= expected.len()).then_some(()));
    assert_eq!(place.read("piped"), expected);
}

fn tells_the_end() {
    for (more, expected) in [("", "gained 0\n"), ("  omega\n", "down 0\ngained 0\nlost 0\n")] {
        let _server = listen(81);
        let mut daemon = with(&telling(more), &tellers()).until("tcp:81 success.");
        assert_eq!(daemon.stop().0, Some(0));
        let sorted = || {
            let mut lines: Vec<String> =
                daemon.place.read("told").lines().map(|line| format!("{line}\n")).collect();
            lines.sort();
            lines.concat()
        };
        eventually(expected, || (sorted() == expected).then_some(()));
    }
}

fn tells_nothing_twice() {
    let _server = listen(81);
    let mut daemon = with(&telling(""), &tellers()).until("tcp:81 success.");
    eventually("the start is told", || (daemon.place.read("told") == "gained 0\n").then_some(()));
    daemon.mark();
    checker(&daemon).signal(Signal::KILL);
    daemon.wait_for("tcp:81 success.");
    // This kernel may have no load balancer that knows who served: then the successor starts anew.
    if daemon.log().contains("nothing is balanced") {
        return;
    }
    never(Duration::from_millis(300), "told again", || {
        (daemon.place.read("told") != "gained 0\n").then_some(())
    });
}

fn writes() {
    let server = Postmaster::open(Manner::Old);
    let global = format!(
        "global_defs {{\n  router_id lab\n  notification_email {{\n    one@example.org\n  }}\n  smtp_server \
         127.0.0.1 {}\n  smtp_connect_timeout 1\n}}\n",
        server.port
    );
    let web_server = listen(81);
    let configuration = format!("{global}{}", web("  smtp_alert\n", &[81]));
    let mut daemon = Start::with(&configuration).until("tcp:81 success.");
    drop(web_server);
    daemon.wait_for("Lost quorum");
    server.wait_for(&[
        "[lab] Virtualserver [192.0.2.1]:tcp:80 - UP",
        "[lab] Virtualserver [192.0.2.1]:tcp:80 - DOWN",
        "[lab] Realserver [127.0.0.1]:tcp:81 of virtual server [192.0.2.1]:tcp:80 - DOWN",
    ]);
    let letters = server.taken();
    let words = ["=> Starting with quorum up 1+0=1 <= 1 <=", "=> Lost quorum 1-0=1 > 0 <="];
    for (letter, words) in letters.iter().zip(words) {
        assert!(letter.text.contains(words), "{}", letter.text);
    }
}

/// A virtual server with one real server of these lines.
fn one(lines: &str) -> String {
    format!(
        "virtual_server 192.0.2.1 80 {{\n  delay_loop 1\n  protocol TCP\n  real_server 192.0.2.11 80 {{\n    \
         weight 5\n{lines}  }}\n}}\n"
    )
}

fn heeds_a_program() {
    let check =
        "    MISC_CHECK {\n      misc_path @/check\n      misc_dynamic\n      warmup 0\n    }\n";
    let lines = "exit $(cat @/status 2>/dev/null || echo 0)";
    let mut daemon =
        start(&one(check), &[("check", lines)]).until("Misc check for [[192.0.2.11]:tcp:80 VS");
    let status = |text: &str| daemon.place.write("status", text);
    status("1");
    daemon.mark();
    let failed = daemon.wait_for("Misc check for");
    let whom = "[[192.0.2.11]:tcp:80 VS [192.0.2.1]:tcp:80] by [";
    assert!(failed.contains(&format!("Misc check for {whom}")), "{failed}");
    assert!(
        failed.ends_with("/check] failed with retry disabled (exited with status 1)."),
        "{failed}"
    );
    daemon.wait_for("Removing service [192.0.2.11]:tcp:80 from VS");
    daemon.place.write("status", "42");
    daemon.wait_for("Changing weight from 5 to 40 for");
    daemon.wait_for("Adding service [192.0.2.11]:tcp:80 to VS");
    daemon.place.write("status", "0");
    daemon.wait_for("Changing weight from 40 to 5 for active service [192.0.2.11]:tcp:80 of VS");
}

fn ends_a_program() {
    let check =
        "    MISC_CHECK {\n      misc_path @/check\n      misc_timeout 1\n      warmup 0\n    }\n";
    let lines = "echo $$ > @/pid\ntrap '' TERM\nwhile :; do sleep 0.1; done";
    let mut daemon =
        start(&one(check), &[("check", lines)]).until("check] timed out with retry disabled.");
    daemon.wait_for("Removing service [192.0.2.11]:tcp:80 from VS");
    assert_eq!(daemon.stop().0, Some(0));
}

fn heeds_a_file() {
    let check = "    FILE_CHECK {\n      track_file load\n      weight -2\n    }\n";
    let file = "track_file load {\n  file @/load\n}\n";
    let daemon = start(&format!("{file}{}", one(check)), &[]);
    daemon.place.write("load", "0\n");
    let mut daemon = daemon.until("Activating healthchecker");
    daemon.place.write("load", "1\n");
    daemon.wait_for("Changing weight from 5 to 3 for active service");
    daemon.place.write("load", "3\n");
    daemon.wait_for("Changing weight from 3 to 0 for active service [192.0.2.11]:tcp:80 of VS");
    daemon.place.write("load", "-10\n");
    daemon.wait_for("Changing weight from 0 to 25 for");
}

fn pauses() {
    let _server = listen(81);
    let configuration = web("  ha_suspend\n", &[82]);
    let mut daemon = Start::with(&configuration).until("Activating healthchecker");
    never(Duration::from_millis(1500), "a check", || {
        daemon.log().contains("TCP_CHECK").then_some(())
    });
    let mut requests = RequestSocket::open().unwrap();
    let loopback = requests.index_of("lo").unwrap().unwrap();
    let address = permanent(loopback, Ipv4Addr::new(192, 0, 2, 1));
    requests.set_addresses(&[address]).into_iter().for_each(|result| result.unwrap());
    daemon.wait_for("Activating healthcheckers for VS [192.0.2.1]:tcp:80");
    daemon.wait_for("TCP_CHECK on service [127.0.0.1]:tcp:82 failed");
}
