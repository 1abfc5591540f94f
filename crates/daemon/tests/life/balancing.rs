//! Checks of real servers and what follows from them, as the log tells it: this needs no load balancer in the kernel.

use std::net::{Ipv4Addr, TcpListener};

use kernel::netlink::RequestSocket;
use rustix::process::Signal;

use crate::Test;
use crate::daemon::{Daemon, Start};
use crate::processes::Process;
use crate::world::{eventually, within};

pub const TESTS: &[Test] = &[
    ("a_server_that_dies_is_taken_out_and_one_that_returns_comes_back", follows_a_server),
    ("without_a_quorum_the_last_resort_serves", falls_back),
    ("a_reload_keeps_what_was_found_out", keeps_verdicts),
    ("a_reload_takes_servers_in_and_out", follows_the_file),
    ("a_successor_of_a_killed_process_goes_on", goes_on),
    ("lines_name_the_server_wherever_it_is_asked", names_the_server),
    ("echoes_are_asked_for_where_the_host_allowed_nobody_to", asks_for_echoes),
    ("a_server_that_says_nothing_delays_no_other", waits_for_nobody),
];

/// An address of this namespace, with a server.
pub fn listen(port: u16) -> TcpListener {
    let mut requests = RequestSocket::open().unwrap();
    let loopback = requests.index_of("lo").unwrap().unwrap();
    requests.set_link_up(loopback, true).unwrap();
    eventually("an address", || TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())
}

/// A virtual server of these lines, with a real server at each port that is connected to each second.
pub fn web(lines: &str, ports: &[u16]) -> String {
    let server = |port: &u16| {
        format!(
            "  real_server 127.0.0.1 {port} {{\n    TCP_CHECK {{\n      connect_timeout 1\n      warmup 0\n      \
             delay_before_retry 0.1\n    }}\n  }}\n"
        )
    };
    let servers: String = ports.iter().map(server).collect();
    format!("virtual_server 192.0.2.1 80 {{\n  delay_loop 1\n  protocol TCP\n{lines}{servers}}}\n")
}

pub fn checker(daemon: &Daemon) -> Process {
    eventually("a checker process", || {
        let children = daemon.process().children();
        children.into_iter().find(|child| child.words().iter().any(|it| it == "--role=checker"))
    })
}

fn follows_a_server() {
    let (steady, dying) = (listen(81), listen(82));
    let mut daemon =
        Start::with(&web("", &[81, 82])).until("connection to [127.0.0.1]:tcp:82 succ");
    daemon.mark();
    drop(dying);
    daemon
        .wait_for("TCP_CHECK on service [127.0.0.1]:tcp:82 failed after 1 retries. (no connection");
    daemon.wait_for("Removing service [127.0.0.1]:tcp:82 from VS [192.0.2.1]:tcp:80");
    let _again = listen(82);
    daemon.wait_for("TCP connection to [127.0.0.1]:tcp:82 success.");
    daemon.wait_for("Adding service [127.0.0.1]:tcp:82 to VS [192.0.2.1]:tcp:80");
    assert!(!daemon.news().contains(":81"), "{}", daemon.news());
    drop(steady);
    assert_eq!(daemon.stop().0, Some(0));
    assert!(daemon.log().contains("Shutting down service [127.0.0.1]:tcp:81 from VS"));
}

fn falls_back() {
    let server = listen(81);
    let lines = "  quorum 1\n  sorry_server 127.0.0.1 89\n";
    let mut daemon = Start::with(&web(lines, &[81])).until("Gained quorum 1+0=1 <= 1 for VS [192");
    daemon.wait_for("success.");
    drop(server);
    daemon.wait_for("Lost quorum 1-0=1 > 0 for VS [192.0.2.1]:tcp:80");
    daemon.wait_for("Adding sorry server [127.0.0.1]:tcp:89 to VS [192.0.2.1]:tcp:80");
    let _again = listen(81);
    daemon.mark();
    daemon.wait_for("Gained quorum 1+0=1 <= 1 for VS");
    daemon.wait_for("Removing sorry server [127.0.0.1]:tcp:89 from VS [192.0.2.1]:tcp:80");
}

fn keeps_verdicts() {
    let _steady = listen(81);
    let mut daemon = Start::with(&web("", &[81, 82])).until("Removing service [127.0.0.1]:tcp:82");
    daemon.wait_for("connection to [127.0.0.1]:tcp:81 success.");
    let child = checker(&daemon);
    daemon.reload(&web("  # A remark.\n  delay_before_retry 2\n", &[81, 82]));
    daemon.wait_for("Configuration reloaded: the same virtual servers");
    daemon.wait_for("Reload finished");
    // Another look, after which anything that was forgotten would have been told again.
    let _returned = listen(82);
    daemon.wait_for("Adding service [127.0.0.1]:tcp:82 to VS");
    assert!(!daemon.news().contains(":81"), "{}", daemon.news());
    assert_eq!(checker(&daemon), child);
}

fn follows_the_file() {
    let (_first, _second) = (listen(81), listen(82));
    let mut daemon =
        Start::with(&web("", &[81])).until("connection to [127.0.0.1]:tcp:81 success.");
    daemon.reload(&web("", &[82]));
    daemon.wait_for("Removing service [127.0.0.1]:tcp:81 from VS [192.0.2.1]:tcp:80");
    daemon.wait_for("connection to [127.0.0.1]:tcp:82 success.");
    let other = web("", &[82]).replace("192.0.2.1", "192.0.2.2");
    daemon.reload(&other);
    daemon.wait_for("Configuration reloaded: 1 virtual server new, 1 gone");
    daemon.wait_for("Gained quorum 1+0=1 <= 1 for VS [192.0.2.2]:tcp:80");
}

fn goes_on() {
    let _server = listen(81);
    let mut daemon =
        Start::with(&web("", &[81])).until("connection to [127.0.0.1]:tcp:81 success.");
    let child = checker(&daemon);
    daemon.mark();
    child.signal(Signal::KILL);
    daemon.wait_for("Respawning");
    daemon.wait_for("connection to [127.0.0.1]:tcp:81 success.");
    assert_ne!(checker(&daemon), child);
    assert_eq!(daemon.stop().0, Some(0));
}

fn names_the_server() {
    let other = listen(82);
    let elsewhere = web("", &[81]).replace("TCP_CHECK {\n", "TCP_CHECK {\n      connect_port 82\n");
    let mut daemon = Start::with(&elsewhere).until("TCP connection to [127.0.0.1]:tcp:81 success.");
    drop(other);
    daemon.wait_for(
        "TCP_CHECK on service [127.0.0.1]:tcp:81 failed after 1 retries. (at 127.0.0.1:82: no connection",
    );
}

fn asks_for_echoes() {
    let _up = listen(81);
    let range = "/proc/sys/net/ipv4/ping_group_range";
    assert_eq!(std::fs::read_to_string(range).unwrap().trim(), "1\t0");
    let ping = web("", &[81]).replace("TCP_CHECK", "PING_CHECK");
    let mut daemon = Start::with(&ping).until("ping_group_range being expanded from 1 0");
    daemon.wait_for("ICMP connection to [127.0.0.1]:tcp:81 success.");
    let child = checker(&daemon);
    child.signal(Signal::KILL);
    daemon.mark();
    daemon.wait_for("ICMP connection to [127.0.0.1]:tcp:81 success.");
    assert!(!daemon.news().contains("expanded"), "{}", daemon.news());
}

fn waits_for_nobody() {
    // Nobody takes its connections out of the queue, which is full soon; the pages never come.
    let _silent = listen(81);
    let _steady = listen(82);
    let silent = "virtual_server 192.0.2.9 80 {\n  delay_loop 1\n  protocol TCP\n  real_server 127.0.0.1 81 {\n    \
        HTTP_GET {\n      url {\n        path /\n      }\n      connect_timeout 3\n      retry 0\n      \
        warmup 0\n    }\n  }\n}\n";
    let mut daemon = Start::with(&format!("{silent}{}", web("", &[82])))
        .until("connection to [127.0.0.1]:tcp:82 success.");
    assert!(!daemon.news().contains("HTTP_CHECK"), "{}", daemon.news());
    daemon.wait_for("HTTP_CHECK on service [127.0.0.1]:tcp:81 failed. (no whole answer in time)");
    within(std::time::Duration::from_secs(2), "an end", || {
        (daemon.stop().0 == Some(0)).then_some(())
    });
}
