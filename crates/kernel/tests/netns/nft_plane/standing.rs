//! What stands in the kernel: how it looks, who finds it again, and what becomes of it in other hands.

use std::time::{Duration, Instant};

use intent::service::nftables::Refusal;
use intent::service::{
    Destination, Forwarding, Granularity, Persistence, Scheduling, ServiceChange, Services, Tunnel,
};
use kernel::nft_plane::{NftPlane, NftPlaneError};
use wire::Family;

use super::farm::nft;
use super::{DIRECT, NAT, TABLE, back, plane, reach, service, steps, tcp, udp};

fn persistent(seconds: u32) -> Scheduling {
    let granularity = Granularity::finest(Family::Ipv4);
    let persistence = Persistence { seconds, granularity, engine: None };
    Scheduling { persistence: Some(persistence), ..Scheduling::new("rr") }
}

/// One of each kind.
fn all() -> Services {
    let servers = [(back("10.0.0.1", 8080), NAT), (back("10.0.0.2", 8080), NAT)];
    let direct = [(back("10.0.0.3", 53), DIRECT)];
    let six = [(back("2001:db8::1", 80), Destination { weight: 3, ..NAT })];
    [
        (tcp("192.0.2.1", 80), service(persistent(300), &servers)),
        (udp("192.0.2.1", 53), service(persistent(60), &direct)),
        (tcp("2001:db8:2::1", 80), service(Scheduling::new("wrr"), &six)),
    ]
    .into()
}

pub fn shown() {
    let servers =
        [(back("10.0.0.1", 8080), NAT), (back("10.0.0.2", 8080), Destination { weight: 0, ..NAT })];
    let direct = [(back("10.0.0.3", 53), DIRECT)];
    let wanted: Services = [
        (tcp("192.0.2.1", 80), service(persistent(300), &servers)),
        (udp("192.0.2.1", 53), service(Scheduling::new("rr"), &direct)),
    ]
    .into();
    let _plane = plane(&wanted);
    let shown = nft("-s list ruleset");
    assert!(shown == include_str!("shown.nft"), "nft shows\n{shown}");
}

pub fn adopted() {
    let wanted = all();
    drop(plane(&wanted));
    let before = nft("list ruleset");
    let mut successor = NftPlane::open(TABLE).unwrap();
    assert_eq!(reach(&mut successor, &wanted), 0);
    assert_eq!(nft("list ruleset"), before);
    // What does not change is not touched: counters count on.
    let mut other = wanted.clone();
    other.get_mut(&tcp("192.0.2.1", 80)).unwrap().scheduling = persistent(301);
    assert_eq!(reach(&mut successor, &other), 1);
    let mut fewer = other;
    fewer.remove(&udp("192.0.2.1", 53));
    assert_eq!(reach(&mut successor, &fewer), 1);
    successor.flush().unwrap();
    assert_eq!(nft("list ruleset"), "");
}

pub fn broken() {
    let wanted = all();
    let mut plane = plane(&wanted);
    for damage in [
        "flush ruleset",
        "delete table ip balance",
        "add chain ip balance somebody",
        "add set ip balance somebody { type ipv4_addr ; }",
        "delete chain ip balance kept_in",
    ] {
        if damage.ends_with("kept_in") {
            nft("flush chain ip balance kept_in");
        }
        nft(damage);
        let standing = plane.services().unwrap();
        assert!(!standing.contains_key(&tcp("192.0.2.1", 80)), "{damage}");
        reach(&mut plane, &wanted);
    }
    // Other tables are nobody's business here.
    nft("add table ip mine");
    assert_eq!(reach(&mut plane, &wanted), 0);
    reach(&mut plane, &Services::new());
    assert_eq!(nft("list tables"), "table ip mine\n");
}

pub fn refused() {
    let mut plane = NftPlane::open(TABLE).unwrap();
    let tunnel = Destination::new(Forwarding::Tunnel(Tunnel::IpIp), 1);
    let nat = |last| (back(&format!("10.0.0.{last}"), 80), NAT);
    let mut wanted: Services = [
        (tcp("192.0.2.1", 80), service(Scheduling::new("rr"), &[nat(1)])),
        (tcp("192.0.2.1", 81), service(Scheduling::new("wlc"), &[nat(1)])),
        (tcp("192.0.2.1", 82), service(Scheduling::new("rr"), &[(back("10.0.0.1", 80), tunnel)])),
    ]
    .into();
    let (_, results) = steps(&mut plane, &wanted);
    let errors: Vec<String> =
        results.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect();
    assert_eq!(
        errors[0],
        "add service TCP 192.0.2.1:81: nftables has no scheduler wlc, which counts the connections of servers; \
         write `lb_algo wrr`, or `lvs_data_plane ipvs`"
    );
    assert_eq!(errors.len(), 4);
    assert!(plane.services().unwrap().keys().eq([&tcp("192.0.2.1", 80)]));
    // A step too far leaves the service as it is.
    wanted.retain(|front, _| *front == tcp("192.0.2.1", 80));
    let add = ServiceChange::AddDestination(tcp("192.0.2.1", 80), back("10.0.0.9", 80), tunnel);
    let error = plane.apply(&[add]).pop().unwrap().unwrap_err();
    let NftPlaneError::Unable { refusal, .. } = error else { panic!("{error:?}") };
    assert_eq!(refusal, Refusal::Tunnel(back("10.0.0.9", 80)));
    assert_eq!(plane.services().unwrap(), wanted);
    let twice = ServiceChange::Add(tcp("192.0.2.1", 80), Scheduling::new("rr"));
    let errors: Vec<bool> = plane
        .apply(&[
            twice,
            ServiceChange::SetDestination(tcp("192.0.2.9", 80), back("10.0.0.1", 80), NAT),
            ServiceChange::RemoveDestination(tcp("192.0.2.9", 80), back("10.0.0.1", 80)),
            ServiceChange::Remove(tcp("192.0.2.9", 80)),
        ])
        .iter()
        .map(Result::is_err)
        .collect();
    assert_eq!(errors, [true, true, false, false]);
}

pub fn many() {
    let servers: Vec<_> =
        (1..=10_u8).map(|last| (back(&format!("10.0.0.{last}"), 80), NAT)).collect();
    let mut wanted: Services = (1..=1000_u16)
        .map(|port| (tcp("192.0.2.1", port), service(Scheduling::new("rr"), &servers)))
        .collect();
    let begun = Instant::now();
    let mut plane = plane(&wanted);
    let started = begun.elapsed();
    // One server of one service: the others cost nothing.
    let pool = wanted.get_mut(&tcp("192.0.2.1", 500)).unwrap();
    pool.destinations.remove(&servers[3].0);
    let change = ServiceChange::RemoveDestination(tcp("192.0.2.1", 500), servers[3].0);
    let begun = Instant::now();
    plane.apply(&[change]).pop().unwrap().unwrap();
    let changed = begun.elapsed();
    assert_eq!(plane.services().unwrap(), wanted);
    println!("1000 services of 10 servers: {started:?}; one server out: {changed:?}");
    assert!(changed < Duration::from_millis(500).max(started / 10), "{changed:?} of {started:?}");
}
