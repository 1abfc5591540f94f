//! What operators see of virtual servers and their real servers.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::Test;
use crate::asking::{json, run};
use crate::balancing::{checker, listen, web};
use crate::daemon::{Daemon, Start};
use crate::nft_plane::{self, Servers};
use crate::world::{Cable, eventually, steady};

pub const TESTS: &[Test] = &[
    ("status_tells_servers_with_weights_and_checks", tells_servers),
    ("a_real_server_is_told_by_its_own_name", tells_one_server),
    ("a_virtual_server_without_quorum_is_exit_code_2", tells_a_lost_quorum),
    ("why_a_server_is_down_outlives_the_checker_process", remembers),
    ("hundreds_of_virtual_servers_are_told_whole", tells_many),
    ("a_checker_process_that_does_not_come_back_is_said_to_be_silent", says_who_is_silent),
    ("one_instance_is_told_at_once_beside_a_checker_process_that_hangs", tells_an_instance),
];

/// Two servers behind a virtual address, of which the second dies.
fn one_of_two() -> (Servers, Daemon) {
    let mut servers = Servers::new();
    let mut daemon = Start::with(&nft_plane::web("nftables", "rr"))
        .until("connection to [10.9.0.2]:tcp:80 success.");
    daemon.wait_for("connection to [10.9.0.1]:tcp:80 success.");
    servers.stop(2);
    daemon.wait_for("Removing service [10.9.0.2]:tcp:80 from VS");
    (servers, daemon)
}

fn tells_servers() {
    let (_servers, daemon) = one_of_two();
    let document = eventually("what stands is as wanted", || {
        let document = json(&daemon, &["status"]);
        let real = &document["virtual_servers"][0]["real_servers"][1];
        (real["installed"] == real["wanted"]).then_some(document)
    });
    assert_eq!(document["virtual_servers"].as_array().unwrap().len(), 1);
    let server = &document["virtual_servers"][0];
    let expected = serde_json::json!({
        "name": "[192.0.2.1]:tcp:80", "protocol": "tcp", "fronts": ["TCP 192.0.2.1:80"],
        "scheduler": "rr", "persistence": null, "data_plane": "nftables", "problem": null,
        "state": "up", "cause": "Gained quorum 1+0=1 <= 2", "quorum": 1, "hysteresis": 0,
        "weight": 1, "suspended": false, "traffic": null, "sorry_server": null,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&server[name], value, "{name}");
    }
    let [up, down] = server["real_servers"].as_array().unwrap().as_slice() else { panic!() };
    assert_eq!(
        [&up["name"], &up["state"], &up["wanted"], &up["installed"], &up["forwarding"]],
        [&"[10.9.0.1]:tcp:80".into(), &Value::from("up"), &1.into(), &1.into(), &"nat".into()]
    );
    assert_eq!(up["checks"][0]["kind"], "TCP_CHECK");
    assert_eq!(up["checks"][0]["result"], "passed");
    assert!(up["checks"][0]["last"].as_f64() >= up["checks"][0]["since"].as_f64());
    assert_eq!((&down["state"], &down["wanted"]), (&"down".into(), &Value::Null));
    let cause = down["cause"].as_str().unwrap();
    assert!(cause.starts_with("TCP_CHECK on service [10.9.0.2]:tcp:80 failed after 1"), "{cause}");
    assert_eq!(down["checks"][0]["state"], "down");

    let (code, text, _) = run(&daemon, &["status"]);
    assert_eq!(code, Some(0), "{text}");
    let row = |name: &str| text.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
    assert!(row("[192.0.2.1]:tcp:80").contains("1 (quorum 1)"), "{text}");
    assert!(row("[10.9.0.1]:tcp:80").contains("  UP  "), "{text}");
    assert!(row("[10.9.0.2]:tcp:80").contains("  out  "), "{text}");
    assert!(text.contains("[10.9.0.2]:tcp:80 is DOWN since"), "{text}");
}

fn tells_one_server() {
    let (_servers, daemon) = one_of_two();
    for name in ["10.9.0.2:80", "[10.9.0.2]:tcp:80", "10.9.0.2"] {
        let document = json(&daemon, &["status", name]);
        let real = document["virtual_servers"][0]["real_servers"].as_array().unwrap();
        assert_eq!(real.len(), 1, "{name}");
        assert_eq!(real[0]["name"], "[10.9.0.2]:tcp:80");
    }
    let (code, text, _) = run(&daemon, &["status", "192.0.2.1:80"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("  serves         TCP 192.0.2.1:80\n"), "{text}");
    assert!(text.contains("    TCP_CHECK    of [10.9.0.1]:tcp:80: UP for"), "{text}");
    let (_, why, _) = run(&daemon, &["why", "10.9.0.2:80"]);
    let last = why.lines().last().unwrap();
    assert!(last.contains("[10.9.0.2]:tcp:80 of [192.0.2.1]:tcp:80  DOWN"), "{why}");
    assert!(last.contains("TCP_CHECK on service [10.9.0.2]:tcp:80 failed"), "{why}");
    let (_, why, _) = run(&daemon, &["why", "10.9.0.1:80"]);
    assert!(!why.contains("10.9.0"), "nothing happened to it: {why}");
    let (_, why, _) = run(&daemon, &["why", "192.0.2.1:80"]);
    assert!(why.contains("Gained quorum 1+0=1 <= 2") && why.contains("10.9.0.2"), "{why}");
    let (code, _, errors) = run(&daemon, &["status", "10.9.0.3:80"]);
    assert_eq!(
        (code, errors.as_str()),
        (Some(4), "there is no instance or server `10.9.0.3:80`\n")
    );
}

fn tells_a_lost_quorum() {
    let (mut servers, mut daemon) = one_of_two();
    servers.stop(1);
    daemon.wait_for("Lost quorum 1-0=1 > 0 for VS [192.0.2.1]:tcp:80");
    let (code, text, _) = run(&daemon, &["status"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("[192.0.2.1]:tcp:80 is DOWN since"), "{text}");
    assert!(text.contains("\n    Lost quorum 1-0=1 > 0\n"), "{text}");
    servers.start(1);
    daemon.mark();
    daemon.wait_for("Gained quorum");
    assert_eq!(run(&daemon, &["status"]).0, Some(0));
}

fn remembers() {
    let (_servers, mut daemon) = one_of_two();
    let told = |daemon: &Daemon| {
        let document = json(daemon, &["status", "10.9.0.2:80"]);
        let real = &document["virtual_servers"][0]["real_servers"][0];
        assert_eq!(real["state"], "down", "{real}");
        (real["since"].clone(), real["cause"].clone())
    };
    // What is told first is the parent's memory already: that of the process differs by what it takes to be heard.
    let before = told(&daemon);
    checker(&daemon).signal(Signal::KILL);
    daemon.mark();
    daemon.wait_for("connection to [10.9.0.1]:tcp:80 success.");
    let after = told(&daemon);
    assert_eq!(after.1, before.1);
    let (before, after) = (before.0.as_f64().unwrap(), after.0.as_f64().unwrap());
    assert!((before - after).abs() < 0.1, "{before} {after}");
}

fn tells_many() {
    let _server = listen(81);
    let mut text = String::new();
    for number in 0..600 {
        let one = web("", &[81, 82, 83]);
        let address = format!("192.0.{}.{}", 2 + number / 200, number % 200 + 1);
        let _ = writeln!(text, "{}", one.replace("192.0.2.1", &address));
    }
    let daemon = Start::with(&text).until("connection to [127.0.0.1]:tcp:81 success.");
    let document = json(&daemon, &["status"]);
    let servers = document["virtual_servers"].as_array().unwrap();
    assert_eq!(servers.len(), 600);
    assert_eq!(servers[0]["name"], "[192.0.2.1]:tcp:80");
    assert_eq!(servers[599]["name"], "[192.0.4.200]:tcp:80");
    assert!(servers.iter().all(|it| it["real_servers"].as_array().unwrap().len() == 3));
    let one = json(&daemon, &["status", "192.0.3.7:80"]);
    assert_eq!(one["virtual_servers"].as_array().unwrap().len(), 1);
    assert_eq!(one["virtual_servers"][0]["name"], "[192.0.3.7]:tcp:80");
}

fn says_who_is_silent() {
    let _server = listen(81);
    let mut daemon =
        Start::with(&web("", &[81])).until("connection to [127.0.0.1]:tcp:81 success.");
    for delay in ["died: Respawning", "delayed 1 seconds", "delayed 2 seconds", "delayed 4 seconds"]
    {
        let child = checker(&daemon);
        daemon.mark();
        child.signal(Signal::KILL);
        daemon.wait_for(delay);
        if delay != "delayed 4 seconds" {
            daemon.wait_for("connection to [127.0.0.1]:tcp:81 success.");
        }
    }
    let (code, text, errors) = run(&daemon, &["status"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("checker process DOES NOT RUN"), "{text}");
    assert!(errors.starts_with("the checker process does not answer"), "{errors}");
}

fn tells_an_instance() {
    let _cable = Cable::new();
    let _server = listen(81);
    let text = format!("{}{}", steady(), web("", &[81]));
    let mut daemon = Start::with(&text).until("connection to [127.0.0.1]:tcp:81 success.");
    daemon.wait_for("Entering MASTER");
    checker(&daemon).signal(Signal::STOP);
    let text = eventually("it is known to be silent", || {
        let asked = Instant::now();
        let (code, text, errors) = run(&daemon, &["status", "VI_1"]);
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
        assert_eq!(errors, "");
        assert!(text.contains("VI_1 is in MASTER since") && text.contains("counters"), "{text}");
        (code == Some(2)).then_some(text)
    });
    let silent: Vec<&str> = text.lines().filter(|it| it.contains("DOES NOT ANSWER")).collect();
    assert!(matches!(silent[..], [one] if one.starts_with("checker process ")), "{text}");
    // What may be a server is waited for.
    let (code, text, errors) = run(&daemon, &["status", "192.0.2.1:80"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("DOES NOT ANSWER"), "{text}");
    assert!(errors.starts_with("the checker process does not answer"), "{errors}");
    // The same process is asked again, once it has answered what it was asked before.
    checker(&daemon).signal(Signal::CONT);
    eventually("all is told", || {
        let (_, text, errors) = run(&daemon, &["status", "192.0.2.1:80"]);
        (errors.is_empty() && text.contains("[127.0.0.1]:tcp:81 is")).then_some(())
    });
    assert!(!daemon.log().contains("Respawning"), "{}", daemon.log());
}
