//! Routes and rules: there while their instance is Active, put back when somebody takes them away, and nobody's
//! who was killed.

use std::process::Command;
use std::time::Duration;

use intent::Path;
use kernel::netlink::RequestSocket;
use kernel::path::{PathNews, PathSocket};
use rustix::process::Signal;

use crate::Test;
use crate::daemon::{Daemon, Start};
use crate::world::{
    Cable, GLOBAL, NEAR, NEAR_ADDRESS, SECOND, VIRTUAL, eventually, instance, never,
    steady_instance,
};

pub const TESTS: &[Test] = &[
    ("they_come_with_the_role_and_go_with_it", come_and_go),
    ("under_dont_release_they_stay", stay_when_told_so),
    ("what_somebody_removes_is_there_again_at_once", put_back),
    ("many_that_are_removed_at_once_are_one_line", put_all_back),
    ("what_nobody_follows_stays_away", not_put_back),
    ("an_address_that_nobody_tracks_stays_away", address_not_put_back),
    ("whoever_removes_one_for_ever_costs_little", fights_in_moderation),
    ("a_route_goes_and_comes_back_with_its_address", come_back_with_the_address),
    ("what_is_refused_is_named_in_the_kernels_words_and_tried_again", tried_again),
    ("a_respawned_process_touches_nothing_that_stands", respawned),
    ("what_a_killed_daemon_left_is_cleared_or_taken_over", cleared_or_taken_over),
    ("a_reload_changes_what_differs_and_nothing_else", reloaded),
    ("secondary_addresses_are_promoted_while_it_runs", promotes),
    ("the_loss_of_an_interface_of_a_route_is_a_fault", follows_its_interface),
    ("static_ones_stand_from_start_to_stop", stand_from_start_to_stop),
    ("static_ones_come_back_with_their_interface", come_back_with_the_interface),
    ("instances_follow_what_their_group_names", follows_what_is_static),
    ("what_goes_in_a_header_is_put_back_and_changed_and_cleared", headers),
    ("a_route_that_is_only_added_comes_when_the_other_one_goes", added),
    ("a_route_of_a_vrf_waits_for_it", waits_for_a_vrf),
    ("names_of_tables_are_read_from_the_hosts_files", reads_names),
];

const ROUTES: &str = "  virtual_routes {\n    10.50.0.0/16 via 10.9.0.200\n    10.51.0.0/16 dev near0\n    \
    default via 10.9.0.200 metric 7 src 10.9.0.100\n    blackhole 10.52.0.0/16 table 100\n    \
    2001:db8:50::/48 dev near0\n  }\n  virtual_rules {\n    from 10.50.0.0/16 table 100 priority 500\n    \
    inet6 oif near0 table 100 priority 501\n  }\n";

/// What they are called in the log.
const ALL: [&str; 7] = [
    "route 10.50.0.0/16 via 10.9.0.200",
    "route 10.51.0.0/16",
    "route default via 10.9.0.200 metric 7",
    "route blackhole 10.52.0.0/16 table 100",
    "route 2001:db8:50::/48",
    "rule 500: from 10.50.0.0/16 table 100",
    "rule 501: oif near0 table 100",
];

fn with(more: &str) -> String {
    format!("{GLOBAL}{}", steady_instance(&[VIRTUAL], more))
}

fn shown(cable: &mut Cable) -> Vec<String> {
    cable.requests.paths(18).unwrap().iter().map(ToString::to_string).collect()
}

fn wait_for(cable: &mut Cable, wanted: &[&str]) {
    let mut wanted: Vec<&str> = wanted.to_vec();
    wanted.sort_unstable();
    eventually(&format!("{wanted:?} stand"), || {
        let mut shown = shown(cable);
        shown.sort_unstable();
        (shown == wanted).then_some(())
    });
}

fn active(configuration: &str) -> (Cable, Daemon) {
    let cable = Cable::new();
    let daemon = Start::with(configuration).until("Entering MASTER");
    (cable, daemon)
}

/// What somebody else types.
fn type_in(line: &str) {
    let mut words = line.split(' ');
    let status = Command::new(words.next().unwrap()).args(words).status().unwrap();
    assert!(status.success(), "{line}");
}

/// The paths that went since this was opened.
fn heard(socket: &mut PathSocket) -> Vec<PathNews> {
    let mut news = Vec::new();
    socket.drain(&mut news).unwrap();
    news
}

fn come_and_go() {
    let (mut cable, mut daemon) = active(&with(ROUTES));
    wait_for(&mut cable, &ALL);
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!(shown(&mut cable), [""; 0]);
    assert!(!daemon.log().contains("cannot"), "{}", daemon.log());
}

fn stay_when_told_so() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&with(ROUTES)).words(&["-V"]).until("Entering MASTER");
    wait_for(&mut cable, &ALL);
    assert_eq!(daemon.stop().0, Some(0));
    wait_for(&mut cable, &ALL);
    assert!(cable.holds(VIRTUAL));
    drop(daemon);
    // The next one clears them.
    let mut daemon = Start::with(&with("")).until("Entering MASTER");
    daemon.wait_for("removing route 10.50.0.0/16 via 10.9.0.200, which was left behind");
    assert_eq!(shown(&mut cable), [""; 0]);
}

fn put_back() {
    let (mut cable, mut daemon) = active(&with(ROUTES));
    wait_for(&mut cable, &ALL);
    let deletions = [
        "ip route del 10.50.0.0/16",
        "ip route del default metric 7",
        "ip route del blackhole 10.52.0.0/16 table 100",
        "ip -6 rule del priority 501",
    ];
    let names = [ALL[0], ALL[2], ALL[3], ALL[6]];
    for (line, name) in deletions.into_iter().zip(names) {
        type_in(line);
        daemon.wait_for(&format!("(VI_1) {name} was removed by somebody else: it is there again"));
        wait_for(&mut cable, &ALL);
    }
    daemon.mark();
    // One that somebody else's takes the place of goes before it.
    type_in("ip route replace 10.51.0.0/16 via 10.9.0.201");
    daemon.wait_for("(VI_1) route 10.51.0.0/16 was removed by somebody else");
    wait_for(&mut cable, &ALL);
    wait_for(&mut cable, &ALL);
    assert_eq!(daemon.log().matches("Entering BACKUP").count(), 1, "{}", daemon.log());
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!(shown(&mut cable), [""; 0]);
}

fn put_all_back() {
    let (mut cable, mut daemon) = active(&with(ROUTES));
    wait_for(&mut cable, &ALL);
    type_in("ip -6 route del 2001:db8:50::/48");
    daemon.wait_for(&format!("(VI_1) {} was removed by somebody else", ALL[4]));
    type_in("ip route flush proto keepalived");
    let line = daemon.wait_for("more were removed by somebody else: they are there again");
    assert!(line.contains("(VI_1) route 10.50.0.0/16 via 10.9.0.200 and 2 more"), "{line}");
    wait_for(&mut cable, &ALL);
    assert_eq!(daemon.log().matches("Entering BACKUP").count(), 1, "{}", daemon.log());
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!(shown(&mut cable), [""; 0]);
}

fn not_put_back() {
    let more = "  virtual_routes {\n    10.50.0.0/16 dev near0 no_track\n    10.51.0.0/16 dev near0\n  }\n";
    let (mut cable, mut daemon) = active(&with(more));
    wait_for(&mut cable, &["route 10.50.0.0/16", "route 10.51.0.0/16"]);
    type_in("ip route del 10.50.0.0/16");
    type_in("ip route del 10.51.0.0/16");
    daemon.wait_for("route 10.51.0.0/16 was removed by somebody else");
    assert_eq!(shown(&mut cable), ["route 10.51.0.0/16"]);
    assert!(!daemon.log().contains("10.50.0.0/16"), "{}", daemon.log());
}

fn address_not_put_back() {
    let more = "  vrrp_address_lifetime 3\n  virtual_ipaddress_excluded {\n    10.9.0.101/24 no_track\n  }\n";
    let (mut cable, mut daemon) = active(&with(more));
    cable.wait_until_held(SECOND);
    type_in("ip addr del 10.9.0.101/24 dev near0");
    daemon.wait_for("(VI_1) address 10.9.0.101 was removed by somebody else: nobody tracks it");
    // Leases are renewed each second.
    never(Duration::from_millis(1500), "it came back", || cable.holds(SECOND).then_some(()));
    assert!(cable.holds(VIRTUAL));
    assert_eq!(daemon.stop().0, Some(0));
}

fn fights_in_moderation() {
    let (mut cable, mut daemon) = active(&with(ROUTES));
    wait_for(&mut cable, &ALL);
    let route = cable.requests.paths(18).unwrap().swap_remove(0);
    let mut wins = 0;
    let end = std::time::Instant::now() + Duration::from_millis(2500);
    while std::time::Instant::now() < end {
        let stood = cable.requests.paths(18).unwrap().contains(&route);
        wins += u32::from(stood);
        cable.requests.remove_paths(std::slice::from_ref(&route)).remove(0).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    // At first at once, then after 100, 200, 400, 800 ms.
    assert!((4..=8).contains(&wins), "{wins}");
    let lines = daemon.log().lines().filter(|line| line.contains("removed by somebody")).count();
    assert!((2..=8).contains(&lines), "{}", daemon.log());
    eventually("it stands in the end", || {
        cable.requests.paths(18).unwrap().contains(&route).then_some(())
    });
    assert_eq!(daemon.stop().0, Some(0));
}

fn come_back_with_the_address() {
    let (mut cable, mut daemon) = active(&with(ROUTES));
    wait_for(&mut cable, &ALL);
    // With the address goes the route that is sent from it, and the kernel says nothing of that.
    type_in("ip addr del 10.9.0.100/24 dev near0");
    daemon.wait_for("(VI_1) address 10.9.0.100 was removed by somebody else");
    cable.wait_until_held(VIRTUAL);
    wait_for(&mut cable, &ALL);
    assert!(!daemon.news().contains("cannot set"), "{}", daemon.news());
}

fn tried_again() {
    let more = "  virtual_routes {\n    10.50.0.0/16 via 172.16.0.1 dev near0\n  }\n";
    let (mut cable, mut daemon) = active(&with(more));
    let line = daemon.wait_for("(VI_1) cannot set route 10.50.0.0/16 via 172.16.0.1");
    assert!(line.contains("Nexthop has invalid gateway"), "{line}");
    cable.wait_until_held(VIRTUAL);
    type_in("ip addr add 172.16.0.2/24 dev near0");
    wait_for(&mut cable, &["route 10.50.0.0/16 via 172.16.0.1"]);
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!(shown(&mut cable), [""; 0]);
}

fn respawned() {
    let (mut cable, mut daemon) = active(&with(ROUTES));
    wait_for(&mut cable, &ALL);
    let mut socket = PathSocket::open([18]).unwrap();
    let first = daemon.vrrp();
    daemon.mark();
    first.signal(Signal::KILL);
    daemon.wait_for("Starting VRRP child process");
    let news = daemon.wait_for("VI_1");
    assert_ne!(first, daemon.vrrp());
    never(Duration::from_millis(500), "a path went", || heard(&mut socket).pop());
    wait_for(&mut cable, &ALL);
    assert!(!daemon.log().contains("left behind"), "{news}");
    // It looks after them as the one before it did.
    type_in("ip rule del priority 500");
    daemon.wait_for("rule 500: from 10.50.0.0/16 table 100 was removed by somebody else");
    wait_for(&mut cable, &ALL);
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!(shown(&mut cable), [""; 0]);
}

fn cleared_or_taken_over() {
    let fixed = "static_routes {\n  10.60.0.0/16 dev near0\n}\nstatic_rules {\n  to 10.60.0.0/16 table 7 priority 60\n}\n";
    let (mut cable, mut daemon) = active(&format!("{}{fixed}", with(ROUTES)));
    let mut whole = ALL.to_vec();
    whole.extend(["route 10.60.0.0/16", "rule 60: to 10.60.0.0/16 table 7"]);
    wait_for(&mut cable, &whole);
    let child = daemon.vrrp();
    // Stopped first, so that neither sees the other die.
    for signal in [Signal::STOP, Signal::KILL] {
        daemon.process().signal(signal);
        child.signal(signal);
    }
    daemon.wait_for_end();
    wait_for(&mut cable, &whole);
    // What was somebody else's stays.
    type_in("ip route add 10.61.0.0/16 dev near0");
    let mut socket = PathSocket::open([18]).unwrap();
    let next = format!("{GLOBAL}{}{fixed}", instance("VI_1", 51, 100, &[VIRTUAL], ""));
    let mut daemon = Start::with(&next).go();
    daemon.wait_for("removing rule 500: from 10.50.0.0/16 table 100, which was left behind");
    wait_for(&mut cable, &["route 10.60.0.0/16", "rule 60: to 10.60.0.0/16 table 7"]);
    let static_ones: Vec<_> = cable.requests.paths(18).unwrap().iter().map(Path::key).collect();
    let gone = heard(&mut socket);
    assert_eq!(gone.len(), ALL.len(), "{gone:?}");
    let kept =
        |news: &PathNews| matches!(news, PathNews::Disturbed(key) if static_ones.contains(key));
    assert!(!gone.iter().any(kept), "{gone:?}");
    assert_eq!(cable.requests.paths(3).unwrap().len(), 1);
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!(shown(&mut cable), [""; 0]);
}

fn reloaded() {
    let routes = |list: &str| with(&format!("  virtual_routes {{\n{list}  }}\n"));
    let (mut cable, mut daemon) = active(&routes(
        "10.50.0.0/16 via 10.9.0.200\n10.51.0.0/16 dev near0\n10.52.0.0/16 dev near0\n",
    ));
    wait_for(
        &mut cable,
        &["route 10.50.0.0/16 via 10.9.0.200", "route 10.51.0.0/16", "route 10.52.0.0/16"],
    );
    let kept = cable.requests.paths(18).unwrap()[1].key();
    let mut socket = PathSocket::open([18]).unwrap();
    daemon.reload(&routes(
        "# moved\n10.53.0.0/16 dev near0\n10.51.0.0/16 dev near0\n10.50.0.0/16 via 10.9.0.201\n",
    ));
    daemon.wait_for("Configuration reloaded: adjusted VI_1");
    wait_for(
        &mut cable,
        &["route 10.50.0.0/16 via 10.9.0.201", "route 10.51.0.0/16", "route 10.53.0.0/16"],
    );
    let gone = heard(&mut socket);
    assert_eq!(gone.len(), 2, "{gone:?}");
    assert!(!gone.contains(&PathNews::Disturbed(kept)), "{gone:?}");
    assert!(!daemon.news().contains("STATE"), "{}", daemon.news());
    assert!(!daemon.news().contains("somebody else"), "{}", daemon.news());
    daemon.reload(&with(""));
    wait_for(&mut cable, &[]);
    // Places alone are no change.
    daemon.reload(&format!("# a remark\n{}", with("")));
    daemon.wait_for("Configuration reloaded: no instance changed");
}

fn promotes() {
    let setting = "/proc/sys/net/ipv4/conf/near0/promote_secondaries";
    let is = |wanted: &str| {
        let path = setting.to_owned();
        // The directory shows the namespace of who reads it.
        std::fs::read_to_string(path).map(|text| text.trim() == wanted).unwrap_or(false)
    };
    let more = format!("  promote_secondaries\n{ROUTES}");
    let (mut cable, mut daemon) = active(&with(&more));
    let mut promotes = || {
        let near = cable.near;
        cable.requests.promotes_secondaries(near).unwrap()
    };
    assert!(promotes() && is("1"));
    daemon.reload(&with(ROUTES));
    eventually("it is off", || (!promotes()).then_some(()));
    daemon.reload(&with(&more));
    eventually("it is on", || promotes().then_some(()));
    assert_eq!(daemon.stop().0, Some(0));
    assert!(!promotes() && is("0"));
}

/// A link beside the cable, whose other end is up.
fn other_link() {
    for line in [
        "ip link add other0 type veth peer name other1",
        "ip link set other1 up",
        "ip addr add 10.8.0.1/24 dev other0",
        "ip link set other0 up",
    ] {
        type_in(line);
    }
    // The kernel takes a while to say that it has a carrier.
    eventually("the other link runs", || {
        let links = RequestSocket::open().unwrap().links().unwrap();
        links.into_iter().find(|link| link.name == "other0" && link.running)
    });
}

fn follows_its_interface() {
    let mut cable = Cable::new();
    other_link();
    let more = "  virtual_routes {\n    10.50.0.0/16 via 10.8.0.9 dev other0\n    10.51.0.0/16 dev near0\n  }\n";
    let mut daemon = Start::with(&with(more)).until("Entering MASTER");
    wait_for(&mut cable, &["route 10.50.0.0/16 via 10.8.0.9", "route 10.51.0.0/16"]);
    type_in("ip link set other0 down");
    daemon.wait_for("(VI_1) Entering FAULT STATE (interface other0 down)");
    wait_for(&mut cable, &[]);
    daemon.mark();
    type_in("ip link set other0 up");
    daemon.wait_for("Entering MASTER");
    wait_for(&mut cable, &["route 10.50.0.0/16 via 10.8.0.9", "route 10.51.0.0/16"]);
    // An interface of the same name is another one.
    daemon.mark();
    type_in("ip link del other0");
    daemon.wait_for("Entering FAULT STATE");
    other_link();
    daemon.wait_for("Entering MASTER");
    wait_for(&mut cable, &["route 10.50.0.0/16 via 10.8.0.9", "route 10.51.0.0/16"]);
    assert!(!daemon.log().contains("cannot"), "{}", daemon.log());
}

const FIXED: &str = "static_routes {\n  10.60.0.0/16 via 10.8.0.9 dev other0\n  10.61.0.0/16 via 10.8.0.9\n}\n\
    static_rules {\n  to 10.60.0.0/16 table 7 priority 60\n}\n";
const STATIC: [&str; 3] = [
    "route 10.60.0.0/16 via 10.8.0.9",
    "route 10.61.0.0/16 via 10.8.0.9",
    "rule 60: to 10.60.0.0/16 table 7",
];

fn stand_from_start_to_stop() {
    let mut cable = Cable::new();
    other_link();
    let slow = format!("{GLOBAL}{}", instance("VI_1", 51, 100, &[VIRTUAL], "  advert_int 5\n"));
    let mut daemon = Start::with(&format!("{slow}{FIXED}")).until("Entering BACKUP");
    wait_for(&mut cable, &STATIC);
    type_in("ip rule del priority 60");
    daemon.wait_for("static rule 60: to 10.60.0.0/16 table 7 was removed by somebody else");
    wait_for(&mut cable, &STATIC);
    let half = FIXED.replace("  10.61.0.0/16 via 10.8.0.9\n", "");
    daemon.reload(&format!("{slow}{half}"));
    wait_for(&mut cable, &[STATIC[0], STATIC[2]]);
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!(shown(&mut cable), [""; 0]);
}

fn come_back_with_the_interface() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&format!("{}{FIXED}", with(""))).until("Entering MASTER");
    daemon.wait_for("static no interface other0 for a route");
    other_link();
    wait_for(&mut cable, &STATIC);
    type_in("ip link set other0 down");
    wait_for(&mut cable, &[STATIC[2]]);
    type_in("ip link set other0 up");
    wait_for(&mut cable, &STATIC);
    type_in("ip link del other0");
    wait_for(&mut cable, &[STATIC[2]]);
    other_link();
    wait_for(&mut cable, &STATIC);
    assert!(!daemon.log().contains("FAULT"), "{}", daemon.log());
}

fn follows_what_is_static() {
    let mut cable = Cable::new();
    other_link();
    let fixed = "static_ipaddress {\n  10.7.0.1/24 dev other0 track_group G\n}\nstatic_routes {\n  \
        10.60.0.0/16 via 10.8.0.9 dev other0 track_group G\n}\ntrack_group G {\n  group {\n    VI_1\n  }\n}\n";
    let mut daemon = Start::with(&format!("{}{fixed}", with(""))).until("Entering MASTER");
    assert!(!daemon.log().contains("FAULT"), "{}", daemon.log());
    // What somebody takes away is put back before anybody is in fault for it.
    type_in("ip route del 10.60.0.0/16");
    daemon.wait_for("static route 10.60.0.0/16 via 10.8.0.9 was removed by somebody else");
    type_in("ip addr del 10.7.0.1/24 dev other0");
    daemon.wait_for("static address 10.7.0.1 was taken away: it is there again");
    assert!(!daemon.log().contains("FAULT"), "{}", daemon.log());
    type_in("ip link set other0 down");
    daemon.wait_for("(VI_1) Entering FAULT STATE (track_group G down)");
    cable.wait_until_gone(VIRTUAL);
    daemon.mark();
    type_in("ip link set other0 up");
    daemon.wait_for("Entering BACKUP STATE (recovered from: track_group G down)");
    daemon.wait_for("Entering MASTER");
    wait_for(&mut cable, &["route 10.60.0.0/16 via 10.8.0.9"]);
}

fn reads_names() {
    let (mut cable, place) = (Cable::new(), crate::world::Place::new());
    place.write("rt_tables", "100 uplink\n");
    std::fs::create_dir(place.path("rt_tables.d")).unwrap();
    std::fs::write(place.path("rt_tables.d/more.conf"), "101 other\n").unwrap();
    let directory = place.directory().display();
    let of = |table: &str| {
        let more =
            format!("  virtual_routes {{\n    10.50.0.0/16 dev {NEAR} table {table}\n  }}\n");
        format!("global_defs {{\n  iproute_etc_dir {directory}\n}}\n{}", with(&more))
    };
    let mut daemon = Start::with(&of("uplink")).until("Entering MASTER");
    wait_for(&mut cable, &["route 10.50.0.0/16 table 100"]);
    daemon.reload(&of("other"));
    wait_for(&mut cable, &["route 10.50.0.0/16 table 101"]);
    // The files are read again with each configuration.
    place.write("rt_tables", "102 other\n");
    std::fs::remove_file(place.path("rt_tables.d/more.conf")).unwrap();
    daemon.reload(&of("other"));
    wait_for(&mut cable, &["route 10.50.0.0/16 table 102"]);
    // A successor knows them from the start.
    daemon.vrrp().signal(Signal::KILL);
    daemon.wait_for("Starting VRRP child process");
    never(Duration::from_millis(500), "it went", || shown(&mut cable).is_empty().then_some(()));
    daemon.reload(&of("nowhere"));
    daemon.wait_for("there is no routing table `nowhere`");
    wait_for(&mut cable, &[]);
    assert!(cable.holds(NEAR_ADDRESS));
}

/// What `ip` says of the routes to a destination, a line each.
fn told(destination: &str) -> Vec<String> {
    let output = Command::new("ip").args(["route", "show", destination]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// Waits until `ip` says this, but for what is behind it.
fn wait_until_told(destination: &str, wanted: &[&str]) {
    eventually(&format!("{wanted:?} are told of"), || {
        let told = told(destination);
        let same = told.iter().zip(wanted).all(|(told, wanted)| told.starts_with(wanted));
        (same && told.len() == wanted.len()).then_some(())
    });
}

fn headers() {
    let of = |id: u8| {
        let encap = format!("encap ip id {id} dst 10.9.0.77 ttl 9");
        with(&format!("  virtual_routes {{\n    10.50.0.0/16 via 10.9.0.200 {encap}\n  }}\n"))
    };
    let header = |id: u8| {
        format!(
            "10.50.0.0/16 encap ip id {id} src 0.0.0.0 dst 10.9.0.77 ttl 9 tos 0 via 10.9.0.200"
        )
    };
    let (_cable, mut daemon) = active(&of(5));
    wait_until_told("10.50.0.0/16", &[&header(5)]);
    type_in("ip route del 10.50.0.0/16");
    daemon.wait_for("10.50.0.0/16 via 10.9.0.200 was removed by somebody else: it is there again");
    wait_until_told("10.50.0.0/16", &[&header(5)]);
    daemon.reload(&of(6));
    wait_until_told("10.50.0.0/16", &[&header(6)]);
    // What a killed daemon left is known by its header, too.
    daemon.kill_all();
    let mut daemon = Start::with(&of(7)).until("Entering MASTER");
    daemon.wait_for("removing route 10.50.0.0/16 via 10.9.0.200, which was left behind");
    wait_until_told("10.50.0.0/16", &[&header(7)]);
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!(told("10.50.0.0/16"), [""; 0]);
}

fn added() {
    let of = |how: &str| {
        with(&format!("  virtual_routes {{\n    10.50.0.0/16 via 10.9.0.200 {how}\n  }}\n"))
    };
    let _cable = Cable::new();
    type_in("ip route add 10.50.0.0/16 via 10.9.0.7");
    let mut daemon = Start::with(&of("add")).until("Entering MASTER");
    daemon.wait_for("cannot set route 10.50.0.0/16 via 10.9.0.200: set route or rule: File exists");
    wait_until_told("10.50.0.0/16", &["10.50.0.0/16 via 10.9.0.7"]);
    type_in("ip route del 10.50.0.0/16");
    wait_until_told("10.50.0.0/16", &["10.50.0.0/16 via 10.9.0.200"]);
    // How it stands beside others may change while it stands.
    type_in("ip route append 10.50.0.0/16 via 10.9.0.7");
    let (ours, theirs) = ("10.50.0.0/16 via 10.9.0.200", "10.50.0.0/16 via 10.9.0.7");
    daemon.reload(&of("append"));
    wait_until_told("10.50.0.0/16", &[theirs, ours]);
    daemon.reload(&of("prepend"));
    wait_until_told("10.50.0.0/16", &[ours, theirs]);
    assert_eq!(daemon.stop().0, Some(0));
    wait_until_told("10.50.0.0/16", &[theirs]);
}

/// Where the kernel has none; where it has, `modules` of the conformance suite goes on.
fn waits_for_a_vrf() {
    let lines = "  virtual_routes {\n    10.50.0.0/16 via 10.9.0.200 vrf blue\n    10.51.0.0/16 via 10.9.0.200\n  }\n";
    let (mut cable, mut daemon) = active(&with(lines));
    daemon.wait_for("(VI_1) no VRF blue for a route");
    wait_for(&mut cable, &["route 10.51.0.0/16 via 10.9.0.200"]);
    assert!(cable.holds(VIRTUAL));
}
