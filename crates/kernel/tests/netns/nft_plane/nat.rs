//! Servers behind the director, reached by NAT.

use std::time::{Duration, Instant};

use intent::service::{Front, Granularity, Persistence, SchedulerFlags, Scheduling, Services};
use kernel::nft_plane::NftPlane;
use wire::Family;

use super::farm::{
    CLIENT, CLIENT6, Farm, OUTSIDE, VIP, VIP6, exchange, meanwhile, nft, server, server6,
};
use super::{NAT, TABLE, back, plane, pool, reach, service, steps, tcp, udp};
use crate::world::eventually;

const AT: &str = "192.0.2.1:80";
const AT6: &str = "[2001:db8:2::1]:80";

pub fn turns() {
    let farm = Farm::routed();
    let six = [1, 2].map(|number| (back(&server6(number), 8080), NAT));
    let _plane = plane(
        &[
            (tcp(VIP, 80), pool("rr", [Some(1), Some(7)])),
            (tcp(VIP6, 80), service(Scheduling::new("rr"), &six)),
        ]
        .into(),
    );
    for at in [AT, AT6] {
        assert_eq!(farm.shares(at, 10), (5, 5));
    }
    let client = |at| farm.ask(at).unwrap().split(' ').nth(1).unwrap().to_owned();
    assert_eq!((client(AT), client(AT6)), (CLIENT.to_owned(), CLIENT6.to_owned()));
    // Where nothing is balanced, nothing is changed.
    assert!(farm.ask("192.0.2.1:81").is_err());
}

pub fn weights() {
    let farm = Farm::routed();
    let wanted = |first, second| [(tcp(VIP, 80), pool("wrr", [Some(first), Some(second)]))].into();
    let mut plane = plane(&wanted(3, 1));
    assert_eq!(farm.shares(AT, 16), (12, 4));
    reach(&mut plane, &wanted(100, 300));
    assert_eq!(farm.shares(AT, 16), (4, 12));
    reach(&mut plane, &[(tcp(VIP, 80), pool("fo", [Some(1), Some(2)]))].into());
    assert_eq!(farm.shares(AT, 4), (0, 4));
}

pub fn drained() {
    let farm = Farm::routed();
    let wanted = |first| -> Services { [(tcp(VIP, 80), pool("rr", [first, Some(1)]))].into() };
    let mut plane = plane(&wanted(Some(1)));
    let mut old = eventually("a connection to the first server", || {
        let mut conversation = farm.connect(AT).unwrap();
        conversation.ask().unwrap().starts_with("1 ").then_some(conversation)
    });
    assert_eq!(reach(&mut plane, &wanted(Some(0))), 1);
    assert_eq!(farm.shares(AT, 6), (0, 6));
    assert!(old.ask().unwrap().starts_with("1 "));
    assert_eq!(reach(&mut plane, &wanted(None)), 1);
    // It is told that nobody knows it any more, and does not hang.
    let asked = Instant::now();
    assert!(old.ask().is_err());
    assert!(asked.elapsed() < Duration::from_secs(2));
    assert_eq!(farm.shares(AT, 2), (0, 2));
    assert_eq!(reach(&mut plane, &wanted(Some(1))), 1);
    assert_eq!(farm.shares(AT, 6), (3, 3));
}

pub fn datagrams() {
    let farm = Farm::routed();
    let both = pool("rr", [Some(1), Some(1)]);
    // The kernel takes what came before there was a service for a conversation with the director.
    let socket = farm.datagrams("192.0.2.1:53");
    assert!(socket.send(b"?").is_ok() && socket.recv(&mut [0; 8]).is_err());
    let _ = socket.send(b"?");
    let mut plane = plane(&[(udp(VIP, 53), both.clone())].into());
    let first = exchange(&socket);
    for _ in 0..5 {
        assert_eq!(exchange(&socket), first);
    }
    let stays = |weights| -> Services { [(udp(VIP, 53), pool("rr", weights))].into() };
    let (is_first, name) = (first.starts_with("1 "), &first[..1]);
    let drained = if is_first { [Some(0), Some(1)] } else { [Some(1), Some(0)] };
    reach(&mut plane, &stays(drained));
    assert_eq!(&exchange(&socket)[..1], name);
    // With the server its flows go; those of others stay.
    let others = farm.datagrams("192.0.2.1:53");
    let other = exchange(&others);
    assert_ne!(&other[..1], name);
    reach(&mut plane, &stays(if is_first { [None, Some(1)] } else { [Some(1), None] }));
    assert_ne!(&exchange(&socket)[..1], name);
    reach(&mut plane, &[(udp(VIP, 53), both)].into());
    assert_eq!(exchange(&others), other);
}

pub fn datagrams_of_ipv6() {
    let farm = Farm::routed();
    let wanted = |numbers: &[usize]| -> Services {
        let server = |number: &usize| (back(&server6(*number), 8080), NAT);
        let servers: Vec<_> = numbers.iter().map(server).collect();
        [(udp(VIP6, 53), service(Scheduling::new("rr"), &servers))].into()
    };
    let mut plane = plane(&wanted(&[1, 2]));
    let socket = farm.datagrams("[2001:db8:2::1]:53");
    let first = exchange(&socket);
    for _ in 0..4 {
        assert_eq!(exchange(&socket), first);
    }
    let other = if first.starts_with("1 ") { 2 } else { 1 };
    reach(&mut plane, &wanted(&[other]));
    assert_eq!(exchange(&socket), format!("{other} {CLIENT6}"));
}

fn remembering(seconds: u32, granularity: Granularity) -> Scheduling {
    let persistence = Persistence { seconds, granularity, engine: None };
    Scheduling { persistence: Some(persistence), ..Scheduling::new("rr") }
}

/// The first two servers, whose clients are remembered for a minute.
fn remembered(weights: [Option<u32>; 2], granularity: Granularity) -> Services {
    let servers: Vec<_> = pool("rr", weights).destinations.into_iter().collect();
    [(tcp(VIP, 80), service(remembering(60, granularity), &servers))].into()
}

pub fn emptied() {
    let farm = Farm::routed();
    let wanted = |weights| remembered(weights, Granularity::finest(Family::Ipv4));
    let mut plane = plane(&wanted([None, None]));
    reach(&mut plane, &wanted([Some(1), None]));
    assert_eq!(farm.shares(AT, 2), (2, 0));
    reach(&mut plane, &wanted([None, None]));
    assert!(farm.ask(AT).is_err());
    reach(&mut plane, &wanted([Some(1), Some(1)]));
    let first = farm.shares(AT, 4);
    assert!([(0, 4), (4, 0)].contains(&first), "{first:?}");
    // The memory itself comes and goes too.
    reach(&mut plane, &[(tcp(VIP, 80), pool("rr", [Some(1), Some(1)]))].into());
    assert_eq!(farm.shares(AT, 4), (2, 2));
    reach(&mut plane, &wanted([None, Some(1)]));
    assert_eq!(farm.shares(AT, 2), (0, 2));
}

pub fn ports_and_none() {
    let farm = Farm::routed();
    let scheduling = remembering(60, Granularity::finest(Family::Ipv4));
    let servers = [(back(&server(1), 8081), NAT), (back(&server(2), 0), NAT)];
    let _plane = plane(&[(tcp(VIP, 8080), service(scheduling, &servers))].into());
    let whose = |client: &str| farm.ask_from(client, "192.0.2.1:8080").unwrap()[..1].to_owned();
    let before = [whose("10.1.0.11"), whose("10.1.0.12")];
    assert_ne!(before[0], before[1]);
    assert_eq!([whose("10.1.0.11"), whose("10.1.0.12")], before);
}

pub fn shared() {
    let farm = Farm::routed();
    let mark = Front::Mark { mark: 7, family: Family::Ipv4 };
    let both = pool("rr", [Some(1), Some(1)]);
    let only = pool("rr", [None, Some(1)]);
    let mut plane = plane(&[(mark, both), (tcp(VIP, 80), only.clone())].into());
    nft("add table ip firewall");
    nft("add chain ip firewall in { type filter hook prerouting priority mangle ; }");
    nft(&format!("add rule ip firewall in iif {OUTSIDE} tcp dport 8090 meta mark set 7"));
    let of_second = |at: &str| {
        eventually("a connection to the second server", || {
            let mut conversation = farm.connect(at).unwrap();
            conversation.ask().unwrap().starts_with("2 ").then_some(conversation)
        })
    };
    let (mut marked, mut other) = (of_second("192.0.2.1:8090"), of_second(AT));
    reach(&mut plane, &[(mark, pool("rr", [Some(1), None])), (tcp(VIP, 80), only)].into());
    assert!(marked.ask().is_err());
    assert!(other.ask().unwrap().starts_with("2 "));
}

pub fn inherited() {
    let farm = Farm::routed();
    let wanted = |weights| -> Services { [(udp(VIP, 53), pool("rr", weights))].into() };
    let mut killed = plane(&wanted([Some(1), Some(1)]));
    let socket = farm.datagrams("192.0.2.1:53");
    let first = exchange(&socket)[..1].to_owned();
    let others = if first == "1" { [None, Some(1)] } else { [Some(1), None] };
    let (_, results) = steps(&mut killed, &wanted(others));
    assert!(results.iter().all(Result::is_ok));
    assert!(killed.is_to_forget());
    drop(killed);
    assert_eq!(exchange(&socket)[..1], *first);
    let mut successor = NftPlane::open(TABLE).unwrap();
    assert_eq!(reach(&mut successor, &wanted(others)), 0);
    assert_ne!(exchange(&socket)[..1], *first);
}

pub fn persistent() {
    let farm = Farm::routed();
    let finest = Granularity::finest(Family::Ipv4);
    let wanted = remembered;
    let both = [Some(1), Some(1)];
    let mut plane = plane(&wanted(both, finest));
    let whose = |client: &str| farm.ask_from(client, AT).unwrap()[..1].to_owned();
    let clients: Vec<String> = (11..19).map(|last| format!("10.1.0.{last}")).collect();
    let before: Vec<String> = clients.iter().map(|client| whose(client)).collect();
    assert_eq!(before.iter().filter(|name| *name == "1").count(), 4);
    let after: Vec<String> = clients.iter().map(|client| whose(client)).collect();
    assert_eq!(after, before);
    // Who was on the first server goes to the second, and stays there when the first is back.
    for others in [[Some(0), Some(1)], [None, Some(1)]] {
        reach(&mut plane, &wanted(others, finest));
        assert!(clients.iter().all(|client| whose(client) == "2"));
        reach(&mut plane, &wanted(both, finest));
        assert!(clients.iter().all(|client| whose(client) == "2"));
    }
    // A whole network is one client.
    reach(&mut plane, &wanted(both, Granularity::Mask([255, 255, 255, 0].into())));
    let first = whose(CLIENT);
    assert!(clients.iter().all(|client| whose(client) == first));
}

pub fn kept() {
    let farm = Farm::routed();
    let finest = Granularity::finest(Family::Ipv4);
    let servers: Vec<_> = pool("rr", [Some(1), Some(1)]).destinations.into_iter().collect();
    let _plane = plane(&[(tcp(VIP, 80), service(remembering(2, finest), &servers))].into());
    let mut long = farm.connect(AT).unwrap();
    let first = long.ask().unwrap();
    // Longer than a client is remembered, with packets of the connection in between.
    for _ in 0..8 {
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(long.ask().unwrap(), first);
    }
    assert_eq!(farm.ask(AT).unwrap(), first);
    drop(long);
    eventually("the end of the memory", || {
        std::thread::sleep(Duration::from_millis(2100));
        (farm.ask(AT).unwrap() != first).then_some(())
    });
}

pub fn hashed() {
    let farm = Farm::routed();
    let servers: Vec<_> = pool("mh", [Some(1), Some(1)]).destinations.into_iter().collect();
    let mut plane = plane(&[(tcp(VIP, 80), service(Scheduling::new("mh"), &servers))].into());
    let clients: Vec<String> = (11..=30).map(|last| format!("10.1.0.{last}")).collect();
    let whose = || -> Vec<String> {
        clients.iter().map(|client| farm.ask_from(client, AT).unwrap()[..1].to_owned()).collect()
    };
    let first = whose();
    let count = first.iter().filter(|name| *name == "1").count();
    assert!((4..=16).contains(&count), "{first:?}");
    assert_eq!(whose(), first);
    // The same client comes from ever other ports.
    let flags = SchedulerFlags { second: true, ..SchedulerFlags::default() };
    let scheduling = Scheduling { flags, ..Scheduling::new("sh") };
    reach(&mut plane, &[(tcp(VIP, 80), service(scheduling, &servers))].into());
    let (one, two) = farm.shares(AT, 24);
    assert!(one >= 3 && two >= 3, "{one} {two}");
    reach(&mut plane, &[(tcp(VIP, 80), service(Scheduling::new("dh"), &servers))].into());
    let shares = farm.shares(AT, 6);
    assert!([(0, 6), (6, 0)].contains(&shares), "{shares:?}");
}

pub fn marks_and_ports() {
    let farm = Farm::routed();
    let [one, two] = [1, 2].map(super::farm::server);
    let mark = Front::Mark { mark: 7, family: Family::Ipv4 };
    let only = |address: &str, port| service(Scheduling::new("rr"), &[(back(address, port), NAT)]);
    let _plane = plane(
        &[
            (mark, only(&two, 8080)),
            // Every port, and one that has a service of its own.
            (tcp(VIP, 0), only(&one, 0)),
            (tcp(VIP, 8081), only(&two, 8081)),
        ]
        .into(),
    );
    let whose = |port: u16| farm.ask(&format!("{VIP}:{port}")).unwrap()[..1].to_owned();
    assert_eq!((whose(8080).as_str(), whose(8081).as_str()), ("1", "2"));
    nft("add table ip firewall");
    nft("add chain ip firewall in { type filter hook prerouting priority mangle ; }");
    nft(&format!("add rule ip firewall in iif {OUTSIDE} tcp dport 8080-8090 meta mark set 7"));
    assert_eq!((whose(8080).as_str(), whose(8082).as_str()), ("2", "2"));
}

pub fn nobody() {
    let farm = Farm::routed();
    let wanted = |weights| -> Services { [(tcp(VIP, 80), pool("rr", weights))].into() };
    let mut plane = plane(&wanted([None, None]));
    let refused = || farm.ask(AT).unwrap_err().kind() == std::io::ErrorKind::ConnectionRefused;
    assert!(refused());
    reach(&mut plane, &wanted([Some(1), None]));
    assert_eq!(farm.shares(AT, 2), (2, 0));
    reach(&mut plane, &wanted([Some(0), None]));
    assert!(refused());
    reach(&mut plane, &Services::new());
    assert!(refused());
    assert_eq!(nft("list tables"), "");
}

pub fn own() {
    let _farm = Farm::routed();
    let _plane = plane(&[(tcp(VIP, 80), pool("rr", [Some(1), Some(1)]))].into());
    assert_eq!(Farm::alone().shares(AT, 4), (2, 2));
}

pub fn rolling() {
    let farm = Farm::routed();
    let wanted = |weights| -> Services { [(tcp(VIP, 80), pool("wrr", weights))].into() };
    let mut plane = plane(&wanted([Some(1), Some(1)]));
    let changes = [[Some(0), Some(1)], [Some(1), Some(1)], [Some(2), Some(0)], [Some(3), Some(1)]];
    let ask = || {
        let begun = Instant::now();
        let answer = farm.ask(AT);
        let is_late = begun.elapsed() > Duration::from_millis(900);
        (answer.is_ok() && !is_late).then_some(()).ok_or((answer, begun.elapsed()))
    };
    meanwhile(&|| ask, |pause| {
        for change in changes.iter().cycle().take(100) {
            reach(&mut plane, &wanted(*change));
            pause();
        }
    });
}
