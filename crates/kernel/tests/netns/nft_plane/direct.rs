//! Servers on a link of the director that have the address themselves: packets go there as they are (DR).

use intent::service::{
    Back, Destination, Front, Granularity, Persistence, Scheduling, Services, Timeouts,
};
use wire::Family;

use super::farm::{Conversation, Farm, VIP, VIP6, exchange, inside, ip, meanwhile, nft};
use super::{DIRECT, back, plane, reach, service, tcp, udp};
use crate::world::eventually;

const AT: &str = "192.0.2.1:8080";
const AT6: &str = "[2001:db8:2::1]:8080";

/// The first two servers, where they are there with a weight.
fn pool(front: Front, scheduling: Scheduling, weights: [Option<u32>; 2]) -> Services {
    let address = |number: usize| match front.family() {
        Family::Ipv4 => format!("10.3.0.1{number}"),
        Family::Ipv6 => format!("2001:db8:3::1{number}"),
    };
    let servers: Vec<(Back, Destination)> = weights
        .into_iter()
        .zip(1..)
        .filter_map(|(weight, number)| {
            Some((back(&address(number), 8080), Destination { weight: weight?, ..DIRECT }))
        })
        .collect();
    [(front, service(scheduling, &servers))].into()
}

fn of_first(farm: &Farm) -> Conversation {
    eventually("a connection to the first server", || {
        let mut conversation = farm.connect(AT).unwrap();
        conversation.ask().unwrap().starts_with("1 ").then_some(conversation)
    })
}

pub fn flows() {
    let farm = Farm::on_one_segment();
    let wanted = |weights| pool(tcp(VIP, 8080), Scheduling::new("rr"), weights);
    let mut plane = plane(&wanted([Some(1), Some(1)]));
    assert_eq!(farm.shares(AT, 10), (5, 5));
    assert_eq!(farm.ask(AT).unwrap().split(' ').nth(1), Some("10.3.0.2"));
    let mut old = of_first(&farm);
    reach(&mut plane, &wanted([Some(0), Some(1)]));
    for _ in 0..3 {
        assert!(old.ask().unwrap().starts_with("1 "));
    }
    assert_eq!(farm.shares(AT, 4), (0, 4));
    // What goes through here is not tracked.
    let asked = kernel::conntrack::Ends::AskedFor(VIP.parse().unwrap());
    let tracked = kernel::conntrack::Conntrack::open()
        .and_then(|mut it| it.find(asked, usize::MAX, |_| true))
        .unwrap();
    assert_eq!(tracked, []);
}

pub fn datagrams() {
    let farm = Farm::on_one_segment();
    let wanted = pool(udp(VIP, 8080), Scheduling::new("rr"), [Some(1), Some(1)]);
    let mut plane = plane(&wanted);
    let socket = farm.datagrams(AT);
    let first = exchange(&socket);
    for _ in 0..4 {
        assert_eq!(exchange(&socket), first);
    }
    // Flows are remembered as long as is said, in services that stand and in those that come.
    plane.set_timeouts(&Timeouts { udp: Some(7), ..Timeouts::default() }).unwrap();
    assert_eq!(exchange(&socket), first);
    let time = || nft("list chain ip balance udp_192.0.2.1_8080/10.3.0.11_8080");
    assert!(time().contains("timeout 7s"), "{}", time());
    reach(&mut plane, &Services::new());
    reach(&mut plane, &wanted);
    assert!(time().contains("timeout 7s"), "{}", time());
    let first = exchange(&socket);
    // Each datagram on its own.
    let each = Scheduling { one_packet: true, ..Scheduling::new("rr") };
    reach(&mut plane, &pool(udp(VIP, 8080), each, [Some(1), Some(1)]));
    let answers: Vec<String> = (0..6).map(|_| exchange(&socket)).collect();
    assert!(answers.contains(&first) && answers.iter().any(|it| *it != first));
    let both = [Some(1), Some(1)];
    reach(&mut plane, &pool(tcp(VIP6, 8080), Scheduling::new("rr"), both));
    assert_eq!(farm.shares(AT6, 6), (3, 3));
    reach(&mut plane, &pool(udp(VIP6, 8080), Scheduling::new("rr"), both));
    let (one, other) = (farm.datagrams(AT6), farm.datagrams(AT6));
    let first = [exchange(&one), exchange(&other)];
    assert_ne!(first[0][..1], first[1][..1]);
    for _ in 0..3 {
        assert_eq!([exchange(&one), exchange(&other)], first);
    }
}

pub fn removed() {
    let farm = Farm::on_one_segment();
    let wanted = |weights| pool(udp(VIP, 8080), Scheduling::new("rr"), weights);
    let mut plane = plane(&wanted([Some(1), Some(1)]));
    let socket = farm.datagrams(AT);
    let first = exchange(&socket)[..1].to_owned();
    let others = if first == "1" { [None, Some(1)] } else { [Some(1), None] };
    reach(&mut plane, &wanted(others));
    let second = exchange(&socket)[..1].to_owned();
    assert_ne!(second, first);
    // The server that returns has nothing of before.
    reach(&mut plane, &wanted([Some(1), Some(1)]));
    for _ in 0..4 {
        assert_eq!(exchange(&socket)[..1], *second);
    }
    let finest = Granularity::finest(Family::Ipv4);
    let persistence = Persistence { seconds: 60, granularity: finest, engine: None };
    let remembering = Scheduling { persistence: Some(persistence), ..Scheduling::new("rr") };
    let wanted = |weights| pool(tcp(VIP, 8080), remembering.clone(), weights);
    reach(&mut plane, &wanted([Some(1), Some(1)]));
    let (one, two) = farm.shares(AT, 4);
    assert!(one == 4 || two == 4, "{one} {two}");
    reach(&mut plane, &wanted(if one == 4 { [Some(0), Some(1)] } else { [Some(1), Some(0)] }));
    assert_eq!(farm.shares(AT, 4), (two, one));
}

pub fn moved() {
    let farm = Farm::on_one_segment();
    let wanted = pool(tcp(VIP, 8080), Scheduling::new("rr"), [Some(1), None]);
    let _plane = plane(&wanted);
    assert_eq!(farm.shares(AT, 2), (2, 0));
    let mut old = of_first(&farm);
    // The host that has the server's address by now has a new card. Nobody tells the director, whose next question to
    // the old one goes unanswered.
    inside(&farm.servers[0], || {
        ip("link set eth0 address 02:00:00:00:02:99");
    });
    ip("neigh flush dev outside");
    assert!(old.ask().unwrap().starts_with("1 "));
    assert_eq!(farm.shares(AT, 2), (2, 0));
}

pub fn rolling() {
    let farm = Farm::on_one_segment();
    let wanted = |weights| pool(tcp(VIP, 8080), Scheduling::new("wrr"), weights);
    let mut plane = plane(&wanted([Some(1), Some(1)]));
    let changes = [[Some(0), Some(1)], [Some(1), Some(1)], [Some(2), Some(0)], [Some(3), Some(1)]];
    let connect = || {
        let mut conversation = farm.connect(AT).unwrap();
        let first = conversation.ask().unwrap();
        move || match conversation.ask() {
            Ok(answer) if answer == first => Ok(()),
            other => Err((other, first.clone())),
        }
    };
    meanwhile(&connect, |pause| {
        for change in changes.iter().cycle().take(100) {
            reach(&mut plane, &wanted(*change));
            pause();
        }
    });
}
