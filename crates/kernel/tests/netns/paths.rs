//! Routes and rules on a real kernel: what is set is seen as it was meant, and who takes it away is heard.

use std::net::IpAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use intent::{
    Encap, IfIndex, Insertion, METRIC_OF_IPV6, Metrics, NextHop, Outer, Path, PathKey, Prefix,
    Route, RouteKind, Rule, RuleAction, TABLE_MAIN, path_steps,
};
use kernel::netlink::{NetlinkError, RequestSocket};
use kernel::path::{PathNews, PathSocket, Placed};
use rustix::io::Errno;
use wire::Family;

use crate::Test;
use crate::world::{Cable, NEAR, address, eventually};

pub const TESTS: &[Test] = &[
    ("a_route_is_seen_as_it_was_set", routes_are_seen),
    ("a_way_with_a_header_in_front_is_seen_as_it_was_set", headers_are_seen),
    ("a_route_may_go_behind_others", appended),
    ("a_route_that_is_only_added_waits_for_another_one_of_its_kind", added),
    ("a_rule_is_seen_as_it_was_set", rules_are_seen),
    ("what_stands_is_said_to_stand", standing),
    ("a_route_of_somebody_else_is_neither_replaced_nor_removed", others_stay),
    ("a_rule_of_somebody_else_is_neither_taken_for_ours_nor_removed", others_rules),
    ("a_refusal_has_the_kernels_own_words", refused),
    ("removing_what_is_gone_is_no_error", gone_already),
    ("an_interface_that_the_kernel_found_is_no_difference", found_by_the_kernel),
    ("a_path_that_goes_is_heard", goes),
    ("a_route_that_is_replaced_by_hand_is_heard", replaced),
    ("what_others_do_with_their_routes_wakes_nobody", others_are_quiet),
];

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn prefix(text: &str) -> Prefix {
    let (address, length) = text.split_once('/').unwrap();
    Prefix { address: ip(address), length: length.parse().unwrap() }
}

fn way(device: Option<IfIndex>, gateway: Option<&str>) -> NextHop {
    NextHop { gateway: gateway.map(ip), device, weight: 1, on_link: false, realms: 0, encap: None }
}

fn route(destination: &str, hops: Vec<NextHop>) -> Route {
    let destination = prefix(destination);
    let v4 = destination.address.is_ipv4();
    let scope = if v4 && hops.iter().all(|hop| hop.gateway.is_none()) { 253 } else { 0 };
    let metric = if v4 { 0 } else { METRIC_OF_IPV6 };
    Route { metric, scope, protocol: 18, ..Route::new(destination, hops) }
}

fn rule(family: Family, priority: u32, action: RuleAction) -> Rule {
    Rule { protocol: 18, ..Rule::new(family, priority, action) }
}

fn path(route: Route) -> Path {
    Path::Route(Box::new(route))
}

/// A cable whose near end has an address of each family.
fn cable() -> Cable {
    let mut cable = Cable::new();
    let own =
        [address(cable.near, ip("10.9.0.1"), 24), address(cable.near, ip("2001:db8:9::1"), 64)];
    cable.requests.set_addresses(&own).into_iter().for_each(|result| result.unwrap());
    cable
}

/// What somebody else types.
fn type_in(line: &str) {
    let mut words = line.split(' ');
    let status = Command::new(words.next().unwrap()).args(words).status().unwrap();
    assert!(status.success(), "{line}");
}

fn dead_end(destination: &str, kind: RouteKind) -> Route {
    Route { kind, hops: Vec::new(), scope: 0, ..route(destination, Vec::new()) }
}

/// One of every form.
fn many_routes(near: IfIndex) -> Vec<Path> {
    let on = Some(near);
    let metrics = Metrics {
        numbers: [(2, 1400), (8, 1300), (11, 10), (10, 7)].into(),
        locked: 1 << 2,
        congestion_control: None,
    };
    let rich = Route {
        table: 1000,
        metric: 50,
        tos: 4,
        source: Some(ip("10.9.0.1")),
        metrics,
        ..route("10.20.0.0/16", vec![way(on, Some("10.9.0.2"))])
    };
    let share = |gateway, weight| NextHop { weight, ..way(on, Some(gateway)) };
    let on_link = NextHop { on_link: true, ..way(on, Some("172.16.0.1")) };
    vec![
        path(route("10.21.0.0/16", vec![way(on, None)])),
        path(route("0.0.0.0/0", vec![way(on, Some("10.9.0.2"))])),
        path(rich),
        path(route("10.22.0.0/16", vec![share("10.9.0.2", 2), share("10.9.0.3", 256)])),
        path(route("10.23.0.0/16", vec![on_link])),
        path(route(
            "10.24.0.0/16",
            vec![NextHop { realms: 5 << 16 | 6, ..way(on, Some("10.9.0.2")) }],
        )),
        path(route("10.25.0.0/16", vec![way(on, Some("2001:db8:9::2"))])),
        path(dead_end("10.30.0.0/16", RouteKind::Blackhole)),
        path(dead_end("10.31.0.0/16", RouteKind::Unreachable)),
        path(dead_end("10.32.0.0/16", RouteKind::Prohibit)),
        path(dead_end("10.33.0.0/16", RouteKind::Throw)),
        path(Route {
            kind: RouteKind::Local,
            scope: 254,
            table: 255,
            ..route("10.34.0.1/32", vec![way(on, None)])
        }),
        path(route("2001:db8:21::/48", vec![way(on, None)])),
        path(route("::/0", vec![way(on, Some("fe80::2"))])),
        path(Route {
            metric: 7,
            preference: 1,
            table: 1000,
            source: Some(ip("2001:db8:9::1")),
            metrics: Metrics { numbers: [(2, 1400)].into(), ..Metrics::default() },
            ..route("2001:db8:22::/48", vec![way(on, Some("2001:db8:9::2"))])
        }),
        path(route("2001:db8:23::/48", vec![share("fe80::2", 3), share("fe80::3", 1)])),
        path(Route {
            from: Some(prefix("2001:db8:5::/48")),
            ..route("2001:db8:24::/48", vec![way(on, None)])
        }),
        path(dead_end("2001:db8:30::/48", RouteKind::Blackhole)),
        path(dead_end("2001:db8:31::/48", RouteKind::Unreachable)),
        path(Route { expires: Some(600), ..route("2001:db8:32::/48", vec![way(on, None)]) }),
    ]
}

/// Sets all of `wanted`, sees them, and removes them again.
fn round_trip(cable: &mut Cable, wanted: &[Path]) {
    for (path, result) in wanted.iter().zip(cable.requests.set_paths(wanted)) {
        assert_eq!(result.unwrap(), Placed::New, "{path}");
    }
    let seen = cable.requests.paths(18).unwrap();
    for path in wanted {
        assert!(seen.iter().any(|seen| path.is_seen_as(seen)), "{path:?} in {seen:#?}");
    }
    assert_eq!(seen.len(), wanted.len());
    let steps = path_steps(wanted, &seen);
    assert_eq!((steps.missing, steps.surplus), (vec![], vec![]));
    for (path, result) in wanted.iter().zip(cable.requests.set_paths(wanted)) {
        assert_eq!(result.unwrap(), Placed::Standing, "{path}");
    }
    assert_eq!(cable.requests.paths(18).unwrap().len(), wanted.len(), "set twice");
    for (path, result) in wanted.iter().zip(cable.requests.remove_paths(wanted)) {
        result.unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    assert_eq!(cable.requests.paths(18).unwrap(), []);
}

fn routes_are_seen() {
    let mut cable = cable();
    let wanted = many_routes(cable.near);
    round_trip(&mut cable, &wanted);
}

fn headers_are_seen() {
    let mut cable = cable();
    let on = Some(cable.near);
    let full = Outer {
        id: 5,
        source: [5, 6, 7, 8].into(),
        destination: [1, 2, 3, 4].into(),
        hops: 9,
        class: 8,
        flags: 4,
    };
    let plain = Outer {
        id: 0,
        source: "2001:db8::6".parse().unwrap(),
        destination: "2001:db8::5".parse().unwrap(),
        hops: 0,
        class: 0,
        flags: 0,
    };
    let four = |gateway| NextHop { encap: Some(Encap::Ip(full)), ..way(on, Some(gateway)) };
    let six = |gateway| NextHop { encap: Some(Encap::Ip6(plain)), ..way(on, Some(gateway)) };
    let wanted = [
        path(route("10.21.0.0/16", vec![four("10.9.0.2")])),
        path(route("10.22.0.0/16", vec![six("10.9.0.2")])),
        path(route("10.23.0.0/16", vec![four("10.9.0.2"), six("10.9.0.3")])),
        path(route("10.24.0.0/16", vec![four("10.9.0.2"), way(on, Some("10.9.0.3"))])),
        path(route("2001:db8:21::/48", vec![four("2001:db8:9::2")])),
        path(route("2001:db8:22::/48", vec![six("2001:db8:9::2")])),
    ];
    round_trip(&mut cable, &wanted);
    // What differs in the header alone is another route.
    let other = Encap::Ip(Outer { id: 6, ..full });
    let other = NextHop { encap: Some(other), ..way(on, Some("10.9.0.2")) };
    let other = path(route("10.21.0.0/16", vec![other]));
    assert_eq!(cable.requests.set_paths(&wanted[..1]).remove(0).unwrap(), Placed::New);
    cable.requests.remove_paths(std::slice::from_ref(&other)).remove(0).unwrap();
    let seen = cable.requests.paths(18).unwrap();
    assert!(matches!(&seen[..], [only] if wanted[0].is_seen_as(only)), "{seen:?}");
}

/// The gateways of the host's routes to a destination, in the order in which the kernel asks them.
fn gateways(destination: &str) -> Vec<String> {
    let output = Command::new("ip").args(["route", "show", destination]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.split(' ').nth(2).unwrap().to_owned()).collect()
}

fn inserted(near: IfIndex, gateway: &str, insertion: Insertion) -> Path {
    let plain = route("10.21.0.0/16", vec![way(Some(near), Some(gateway))]);
    path(Route { insertion: Some(insertion), ..plain })
}

fn appended() {
    let mut cable = cable();
    type_in("ip route add 10.21.0.0/16 via 10.9.0.7");
    let behind = inserted(cable.near, "10.9.0.2", Insertion::Append);
    let before = inserted(cable.near, "10.9.0.3", Insertion::Prepend);
    for path in [&behind, &before] {
        assert_eq!(set(&mut cable, path), Ok(Placed::New));
        assert_eq!(set(&mut cable, path), Ok(Placed::Standing));
    }
    assert_eq!(gateways("10.21.0.0/16"), ["10.9.0.3", "10.9.0.7", "10.9.0.2"]);
}

fn added() {
    let mut cable = cable();
    type_in("ip route add 10.21.0.0/16 via 10.9.0.7");
    let alone = inserted(cable.near, "10.9.0.2", Insertion::Add);
    assert_eq!(set(&mut cable, &alone), Err(Errno::EXIST));
    assert_eq!(gateways("10.21.0.0/16"), ["10.9.0.7"]);
    type_in("ip route del 10.21.0.0/16");
    assert_eq!(set(&mut cable, &alone), Ok(Placed::New));
    // The kernel refuses it in the same words; it is there all the same.
    assert_eq!(set(&mut cable, &alone), Ok(Placed::Standing));
    let six = route("2001:db8:21::/48", vec![way(Some(cable.near), Some("2001:db8:9::2"))]);
    let six = path(Route { insertion: Some(Insertion::Add), ..six });
    type_in("ip -6 route add 2001:db8:21::/48 via 2001:db8:9::7");
    assert_eq!(set(&mut cable, &six), Err(Errno::EXIST));
    type_in("ip -6 route del 2001:db8:21::/48");
    assert_eq!(set(&mut cable, &six), Ok(Placed::New));
    assert_eq!(set(&mut cable, &six), Ok(Placed::Standing));
}

fn set(cable: &mut Cable, path: &Path) -> Result<Placed, Errno> {
    match cable.requests.set_paths(std::slice::from_ref(path)).remove(0) {
        Ok(placed) => Ok(placed),
        Err(NetlinkError::Refused { errno, .. }) => Err(errno),
        Err(error) => panic!("{error}"),
    }
}

fn rules_are_seen() {
    let mut cable = cable();
    let table = RuleAction::Table(1000);
    let (v4, v6) = (Family::Ipv4, Family::Ipv6);
    let rules = [
        rule(v4, 10, table),
        Rule {
            from: Some(prefix("10.0.0.0/8")),
            to: Some(prefix("10.1.0.0/16")),
            ..rule(v4, 11, RuleAction::Table(7))
        },
        Rule { inverted: true, from: Some(prefix("10.0.0.0/8")), tos: 8, ..rule(v4, 12, table) },
        Rule { mark: Some((7, 15)), ..rule(v4, 13, table) },
        Rule { mark: Some((7, u32::MAX)), ..rule(v4, 14, table) },
        Rule { mark: Some((0, 15)), ..rule(v4, 15, table) },
        Rule {
            incoming: Some(NEAR.to_owned()),
            outgoing: Some("later0".to_owned()),
            ..rule(v4, 16, table)
        },
        Rule { users: Some((5, 6)), ..rule(v4, 17, table) },
        Rule {
            ip_protocol: Some(6),
            source_ports: Some((80, 80)),
            destination_ports: Some((100, 200)),
            ..rule(v4, 18, table)
        },
        Rule { tunnel: Some(5), realms: 3 << 16 | 4, ..rule(v4, 19, table) },
        Rule {
            suppress_prefix: Some(0),
            suppress_group: Some(3),
            ..rule(v4, 20, RuleAction::Table(TABLE_MAIN))
        },
        rule(v4, 21, RuleAction::Goto(30_000)),
        rule(v4, 22, RuleAction::Nop),
        Rule { to: Some(prefix("10.5.0.0/16")), ..rule(v4, 23, RuleAction::Blackhole) },
        Rule { to: Some(prefix("10.6.0.0/16")), ..rule(v4, 24, RuleAction::Unreachable) },
        Rule { to: Some(prefix("10.7.0.0/16")), ..rule(v4, 25, RuleAction::Prohibit) },
        Rule { from: Some(prefix("2001:db8::/32")), ..rule(v6, 10, table) },
        rule(v6, 11, RuleAction::Table(70_000)),
    ];
    let wanted: Vec<Path> = rules.into_iter().map(|rule| Path::Rule(Box::new(rule))).collect();
    round_trip(&mut cable, &wanted);
    // A kernel without VRF refuses it in its own words; others show it as it was set.
    let of_device = [Path::Rule(Box::new(rule(v4, 26, RuleAction::DeviceTable)))];
    if cable.requests.set_paths(&of_device).remove(0).is_ok() {
        assert_eq!(cable.requests.paths(18).unwrap(), of_device);
    }
}

fn standing() {
    let mut cable = cable();
    let wanted = [path(route("10.21.0.0/16", vec![way(None, Some("10.9.0.2"))]))];
    assert_eq!(cable.requests.set_paths(&wanted).remove(0).unwrap(), Placed::New);
    assert_eq!(cable.requests.set_paths(&wanted).remove(0).unwrap(), Placed::Standing);
    type_in("ip route del 10.21.0.0/16");
    assert_eq!(cable.requests.set_paths(&wanted).remove(0).unwrap(), Placed::New);
}

fn others_stay() {
    let mut cable = cable();
    type_in("ip route add default via 10.9.0.7");
    let ours = [path(route("0.0.0.0/0", vec![way(Some(cable.near), Some("10.9.0.2"))]))];
    assert_eq!(cable.requests.set_paths(&ours).remove(0).unwrap(), Placed::New);
    let boot = |cable: &mut Cable| cable.requests.paths(3).unwrap().len();
    assert_eq!((cable.requests.paths(18).unwrap().len(), boot(&mut cable)), (1, 1));
    cable.requests.remove_paths(&ours).remove(0).unwrap();
    assert_eq!((cable.requests.paths(18).unwrap().len(), boot(&mut cable)), (0, 1));
    // Also with the very same gateway.
    let same = [path(route("0.0.0.0/0", vec![way(Some(cable.near), Some("10.9.0.7"))]))];
    cable.requests.remove_paths(&same).remove(0).unwrap();
    assert_eq!(boot(&mut cable), 1);
}

fn others_rules() {
    let mut cable = cable();
    type_in("ip rule add from 10.0.0.0/8 table 7 priority 100");
    let from = Some(prefix("10.0.0.0/8"));
    let same = Rule { from, ..rule(Family::Ipv4, 100, RuleAction::Table(7)) };
    let ours = [Path::Rule(Box::new(same))];
    let theirs = |cable: &mut Cable| cable.requests.paths(0).unwrap().len();
    // Whose it is, its protocol says.
    cable.requests.remove_paths(&ours).remove(0).unwrap();
    assert_eq!(theirs(&mut cable), 1);
    assert_eq!(cable.requests.set_paths(&ours).remove(0).unwrap(), Placed::New);
    assert_eq!(cable.requests.paths(18).unwrap(), ours);
    cable.requests.remove_paths(&ours).remove(0).unwrap();
    assert_eq!((cable.requests.paths(18).unwrap(), theirs(&mut cable)), (vec![], 1));
}

fn refused() {
    let mut cable = cable();
    let lost = [path(route("10.21.0.0/16", vec![way(None, Some("172.16.0.1"))]))];
    let error = cable.requests.set_paths(&lost).remove(0).unwrap_err();
    let NetlinkError::Refused { reason, .. } = &error else { panic!("{error}") };
    assert_eq!(reason, "Nexthop has invalid gateway", "{error}");
    // What stands behind it in the batch is set all the same.
    let both = [lost[0].clone(), path(dead_end("10.30.0.0/16", RouteKind::Blackhole))];
    let results = cable.requests.set_paths(&both);
    assert!(results[0].is_err());
    assert_eq!(*results[1].as_ref().unwrap(), Placed::New);
}

fn gone_already() {
    let mut cable = cable();
    let missing = IfIndex(4711);
    let rules = Path::Rule(Box::new(rule(Family::Ipv6, 9, RuleAction::Table(7))));
    let paths = [
        path(route("10.21.0.0/16", vec![way(Some(cable.near), None)])),
        path(route("10.21.0.0/16", vec![way(Some(missing), None)])),
        path(Route { table: 4711, ..route("10.21.0.0/16", vec![way(Some(cable.near), None)]) }),
        path(route("2001:db8:21::/48", vec![way(Some(missing), None)])),
        rules,
    ];
    for (path, result) in paths.iter().zip(cable.requests.remove_paths(&paths)) {
        result.unwrap_or_else(|error| panic!("{path}: {error}"));
    }
}

fn found_by_the_kernel() {
    let mut cable = cable();
    let wanted = [
        path(route("10.21.0.0/16", vec![way(None, Some("10.9.0.2"))])),
        path(route("2001:db8:21::/48", vec![way(None, Some("2001:db8:9::2"))])),
    ];
    for result in cable.requests.set_paths(&wanted) {
        assert_eq!(result.unwrap(), Placed::New);
    }
    let seen = cable.requests.paths(18).unwrap();
    assert!(
        wanted.iter().zip(&seen).all(|(wanted, seen)| wanted.is_seen_as(seen) && wanted != seen)
    );
    for result in cable.requests.remove_paths(&wanted) {
        result.unwrap();
    }
    assert_eq!(cable.requests.paths(18).unwrap(), []);
}

/// Takes in news until one is about this key.
fn heard(socket: &mut PathSocket, key: PathKey) {
    eventually(&format!("{key:?} is heard of"), || {
        let mut news = Vec::new();
        socket.drain(&mut news).unwrap();
        news.contains(&PathNews::Disturbed(key)).then_some(())
    });
}

fn goes() {
    let mut cable = cable();
    let on = Some(cable.near);
    let own_rule = Path::Rule(Box::new(rule(Family::Ipv4, 100, RuleAction::Table(7))));
    let paths = [
        path(route("10.21.0.0/16", vec![way(on, None)])),
        path(Route {
            metric: 9,
            table: 70_000,
            ..route("0.0.0.0/0", vec![way(on, Some("10.9.0.2"))])
        }),
        path(route("2001:db8:21::/48", vec![way(on, None)])),
        own_rule,
    ];
    let mut socket = PathSocket::open([18]).unwrap();
    for result in cable.requests.set_paths(&paths) {
        assert_eq!(result.unwrap(), Placed::New);
    }
    let lines = [
        "ip route del 10.21.0.0/16",
        "ip route del default table 70000",
        "ip -6 route del 2001:db8:21::/48",
        "ip rule del priority 100",
    ];
    for (path, line) in paths.iter().zip(lines) {
        type_in(line);
        heard(&mut socket, path.key());
    }
}

fn replaced() {
    let mut cable = cable();
    let ours = [path(route("10.21.0.0/16", vec![way(Some(cable.near), None)]))];
    cable.requests.set_paths(&ours).remove(0).unwrap();
    let mut socket = PathSocket::open([18]).unwrap();
    type_in("ip route replace 10.21.0.0/16 via 10.9.0.5");
    heard(&mut socket, ours[0].key());
    // Set again, it goes before the other one.
    assert_eq!(cable.requests.set_paths(&ours).remove(0).unwrap(), Placed::New);
}

fn others_are_quiet() {
    let mut cable = cable();
    let near = cable.near;
    let of = |protocol| Route { protocol, ..route("10.21.0.0/16", vec![way(Some(near), None)]) };
    let disturb = move |requests: &mut RequestSocket| {
        let theirs = [path(of(186))];
        requests.set_paths(&theirs).remove(0).unwrap();
        requests.remove_paths(&theirs).remove(0).unwrap();
    };
    let is_readable = |socket: &PathSocket| {
        let mut readable = [rustix::event::PollFd::new(socket, rustix::event::PollFlags::IN)];
        let at_once = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        rustix::event::poll(&mut readable, Some(&at_once)).unwrap() > 0
    };
    // Not even those who come while the socket is being made.
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut requests = RequestSocket::open().unwrap();
            while !over.load(Ordering::Relaxed) {
                disturb(&mut requests);
            }
        });
        let sockets: Vec<PathSocket> = (0..300).map(|_| PathSocket::open([18]).unwrap()).collect();
        let woken = sockets.iter().filter(|socket| is_readable(socket)).count();
        over.store(true, Ordering::Relaxed);
        assert_eq!(woken, 0);
    });
    let mut socket = PathSocket::open([18]).unwrap();
    (0..300).for_each(|_| disturb(&mut cable.requests));
    assert!(!is_readable(&socket));
    let ours = [path(of(18))];
    cable.requests.set_paths(&ours).remove(0).unwrap();
    cable.requests.remove_paths(&ours).remove(0).unwrap();
    heard(&mut socket, ours[0].key());
}
