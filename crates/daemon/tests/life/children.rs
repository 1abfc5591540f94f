//! The children: which there are, what they may, what they keep open, and how they end.

use std::time::Duration;

use rustix::process::Signal;

use crate::Test;
use crate::daemon::{Daemon, Start};
use crate::processes::Process;
use crate::world::{
    Cable, GLOBAL, NEAR, SECOND, VIRTUAL, eventually, instance, one_instance, steady, within,
};

pub const TESTS: &[Test] = &[
    ("flags_choose_which_children_there_are", chooses_children),
    ("a_child_has_no_right_that_it_does_not_need", limits_rights),
    ("descriptors_do_not_grow_with_reloads_and_successors", leaks_nothing),
    ("a_stop_at_any_moment_of_the_start_leaves_nothing_behind", stops_at_any_moment),
    ("two_hundred_instances_are_given_up_at_once", gives_up_many),
    ("static_addresses_stand_while_the_daemon_runs", holds_static_addresses),
    ("an_owners_address_that_the_host_has_stays", leaves_the_hosts_address),
];

fn chooses_children() {
    let _cable = Cable::new();
    let both = format!("{}{VIRTUAL_SERVER}", steady());
    let (vrrp, checker) = ("--role=vrrp", "--role=checker");
    for (configuration, words, expected) in [
        (steady(), &[][..], &[vrrp][..]),
        (steady(), &["-P"], &[vrrp]),
        (steady(), &["-C"], &[]),
        (steady(), &["--all"], &[checker, vrrp]),
        (both.clone(), &[], &[checker, vrrp]),
        (both.clone(), &["--vrrp"], &[vrrp]),
        (both, &["--check"], &[checker]),
        (GLOBAL.to_owned(), &[], &[]),
    ] {
        let mut daemon = Start::with(&configuration).words(words).until("Configuration file");
        let roles = || -> Vec<String> {
            let children = daemon.process().children();
            let mut roles: Vec<_> =
                children.iter().filter_map(|child| child.words().get(1).cloned()).collect();
            roles.sort();
            roles
        };
        eventually(&format!("{words:?}: {expected:?}"), || (roles() == expected).then_some(()));
        // None comes later.
        crate::world::never(Duration::from_millis(100), "another child", || {
            (roles() != expected).then_some(())
        });
        assert_eq!(daemon.stop().0, Some(0));
    }
}

fn limits_rights() {
    let _cable = Cable::new();
    let mut daemon = Start::with(&steady()).until("Entering MASTER");
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.vrrp().0)).unwrap();
    let value = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    // CAP_NET_ADMIN is 12, CAP_NET_RAW is 13.
    for set in ["CapPrm:", "CapEff:", "CapBnd:"] {
        assert_eq!(value(set), 1 << 12 | 1 << 13, "{set}");
    }
    assert_eq!((value("CapInh:"), value("CapAmb:"), value("NoNewPrivs:")), (0, 0, 1));
}

fn leaks_nothing() {
    let _cable = Cable::new();
    let mut daemon = Start::with(&steady()).until("Entering MASTER");
    let parent = daemon.process();
    let before = (descriptors(parent), descriptors(daemon.vrrp()));
    for number in 0..10 {
        let configuration = if number % 2 == 0 { two() } else { steady() };
        daemon.reload(&configuration);
        daemon.wait_for("Reload finished");
    }
    settles(&mut daemon, before);
    daemon.mark();
    daemon.vrrp().signal(Signal::KILL);
    daemon.wait_for("Entering MASTER");
    settles(&mut daemon, before);
}

/// Waits until parent and child have as many descriptors open as at first.
fn settles(daemon: &mut Daemon, before: (usize, usize)) {
    let (parent, child) = (daemon.process(), daemon.vrrp());
    eventually("as many descriptors as before", || {
        ((descriptors(parent), descriptors(child)) == before).then_some(())
    });
}

fn descriptors(process: Process) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", process.0)).map_or(0, Iterator::count)
}

fn stops_at_any_moment() {
    let mut cable = Cable::new();
    for milliseconds in (0..60).step_by(3) {
        let mut daemon = Start::with(&steady()).go();
        std::thread::sleep(Duration::from_millis(milliseconds));
        let children = daemon.process().children();
        daemon.process().signal(Signal::TERM);
        // Before it looks at signals, one ends it; nothing has been started by then.
        assert!(matches!(daemon.wait_for_end(), Some(0) | None), "{}", daemon.log());
        let gone = || children.iter().all(|child| !child.lives());
        within(Duration::from_secs(1), "no child is left", || gone().then_some(()));
        cable.wait_until_gone(VIRTUAL);
        let files = ["parent.pid", "vrrp.pid"];
        assert!(files.iter().all(|name| !daemon.place.path(name).exists()), "{}", daemon.log());
    }
}

fn gives_up_many() {
    let mut cable = Cable::new();
    let address = |number| std::net::Ipv4Addr::new(10, 9, 1, number);
    let instances: String = (1..=200)
        .map(|number| {
            let more = "  down_timer_adverts 100\n";
            instance(&format!("VI_{number}"), number, 255, &[address(number)], more)
        })
        .collect();
    let mut daemon = Start::with(&format!("{GLOBAL}{instances}")).go();
    let held = |cable: &mut Cable| {
        let all = cable.requests.addresses().unwrap();
        all.iter().filter(|it| it.address.to_string().starts_with("10.9.1.")).count()
    };
    eventually("all addresses", || (held(&mut cable) == 200).then_some(()));
    let (code, time) = daemon.stop();
    assert_eq!(code, Some(0));
    assert!(time < Duration::from_secs(1), "{time:?}");
    assert_eq!(held(&mut cable), 0);
}

fn holds_static_addresses() {
    let mut cable = Cable::new();
    let fixed = format!("static_ipaddress {{\n  {SECOND}/24 dev {NEAR}\n}}\n");
    let with = format!("{}{fixed}", steady());
    let mut daemon = Start::with(&with).until("Entering MASTER");
    cable.wait_until_held(SECOND);
    daemon.reload(&steady());
    cable.wait_until_gone(SECOND);
    daemon.reload(&with);
    cable.wait_until_held(SECOND);
    assert_eq!(daemon.stop().0, Some(0));
    assert!(!cable.holds(SECOND));
}

fn leaves_the_hosts_address() {
    let mut cable = Cable::new();
    cable.add(VIRTUAL);
    let mut daemon = Start::with(&steady()).until("Entering MASTER");
    assert_eq!(daemon.stop().0, Some(0));
    let standing = cable.find(VIRTUAL).expect("still there");
    assert_eq!(standing.lifetime, intent::Lifetime::Forever);
    // For who is not its owner it is not the host's.
    drop(daemon);
    let mut daemon = Start::with(&one_instance()).until("Entering MASTER");
    assert_eq!(daemon.stop().0, Some(0));
    assert!(!cable.holds(VIRTUAL));
}

fn two() -> String {
    format!("{}{}", steady(), instance("VI_2", 52, 150, &[SECOND], ""))
}

pub const VIRTUAL_SERVER: &str = "virtual_server 10.9.0.100 80 {\n  lb_algo rr\n  lb_kind DR\n  \
    protocol TCP\n  real_server 10.9.0.5 80 {\n    weight 1\n  }\n}\n";
