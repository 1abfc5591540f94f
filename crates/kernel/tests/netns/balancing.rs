//! IPVS on a real kernel: what is made is what `ipvsadm` shows, and what stands is not touched.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use intent::IfIndex;
use intent::service::{
    Back, Destination, Forwarding, Front, Granularity, Persistence, SchedulerFlags, Scheduling,
    Service, ServiceChange, ServiceNames, Services, SyncDaemon, SyncRole, Timeouts, Transport,
    Tunnel, TunnelChecksum, diff_services, names,
};
use kernel::ipvs::{Ipvs, IpvsError};
use kernel::netlink::{NetlinkError, RequestSocket};
use rustix::io::Errno;
use wire::Family;

use crate::Test;
use crate::modules::absent;
use crate::world::{Cable, NEAR, address, eventually};

pub const TESTS: &[Test] = &[
    ("what_is_made_is_what_ipvsadm_shows_and_what_is_read", made),
    ("what_ipvsadm_made_is_read_and_a_difference_leaves_it_alone", read),
    ("ten_thousand_destinations_come_and_go_in_batches", many),
    ("connections_are_counted_and_counters_outlive_a_change", counted),
    ("a_refusal_names_the_change_and_those_before_and_after_are_made", refused),
    ("a_scheduler_that_the_kernel_has_not_is_named", unknown),
    ("timeouts_are_set_and_read", timeouts),
    ("synchronisation_is_started_seen_and_ended", sync),
];

/// IPVS, where the kernel has it and lets us.
fn open() -> Option<Ipvs> {
    // Without an address of its own a namespace has no table that says which addresses are somebody's.
    RequestSocket::open().unwrap().set_link_up(IfIndex(1), true).unwrap();
    let mut ipvs = match Ipvs::open() {
        Ok(ipvs) => ipvs,
        Err(IpvsError::Missing) => {
            absent("ipvs");
            return None;
        }
        Err(error) => panic!("{error:?}"),
    };
    match ipvs.services() {
        Ok(services) => assert_eq!(services, Services::new()),
        Err(IpvsError::Failed {
            source: NetlinkError::Refused { errno: Errno::PERM, .. }, ..
        }) => {
            println!("SKIPPED: a user namespace is not enough for IPVS, root is needed");
            return None;
        }
        Err(error) => panic!("{error:?}"),
    }
    Some(ipvs)
}

fn tcp(last: u8) -> Front {
    Front::Address { protocol: Transport::Tcp, address: [192, 0, 2, last].into(), port: 80 }
}

fn back(address: &str, port: u16) -> Back {
    Back { address: address.parse().unwrap(), port }
}

fn tunnel(tunnel: Tunnel) -> Destination {
    Destination::new(Forwarding::Tunnel(tunnel), 1)
}

fn service(scheduling: Scheduling, destinations: &[(Back, Destination)]) -> Service {
    Service { scheduling, destinations: destinations.iter().copied().collect() }
}

fn remembering(scheduler: &str, seconds: u32, granularity: Granularity) -> Scheduling {
    let persistence = Persistence { seconds, granularity, engine: None };
    Scheduling { persistence: Some(persistence), ..Scheduling::new(scheduler) }
}

/// Every form of service and destination.
fn everything() -> Services {
    let direct = |weight| Destination::new(Forwarding::DirectRoute, weight);
    let bounded = Destination {
        upper_threshold: 1000,
        lower_threshold: 10,
        ..Destination::new(Forwarding::Nat, 5)
    };
    let (gue, gre) = (
        Tunnel::Gue { port: 6080, checksum: TunnelChecksum::Remote },
        Tunnel::Gre { checksum: TunnelChecksum::Full },
    );
    let six: IpAddr = "2001:db8::1".parse().unwrap();
    let both = SchedulerFlags { first: true, second: true, third: false };
    let engine = Some("sip".to_owned());
    let mask = Granularity::Mask([255, 255, 255, 0].into());
    let by_call = Persistence { seconds: 60, granularity: mask, engine };
    [
        (
            tcp(1),
            service(
                Scheduling::new("rr"),
                &[
                    (back("10.0.0.1", 8080), bounded),
                    (back("10.0.0.2", 80), direct(0)),
                    (back("10.0.0.3", 80), tunnel(Tunnel::IpIp)),
                    (back("10.0.0.4", 80), tunnel(gue)),
                    (back("10.0.0.5", 80), tunnel(gre)),
                    (back("2001:db8::5", 80), tunnel(Tunnel::IpIp)),
                ],
            ),
        ),
        (
            Front::Address { protocol: Transport::Tcp, address: six, port: 443 },
            service(
                Scheduling { flags: both, ..remembering("mh", 300, Granularity::Prefix(64)) },
                &[(back("2001:db8::7", 443), direct(3))],
            ),
        ),
        (
            Front::Address { protocol: Transport::Udp, address: [192, 0, 2, 1].into(), port: 5060 },
            service(
                Scheduling {
                    one_packet: true,
                    persistence: Some(by_call),
                    ..Scheduling::new("wlc")
                },
                &[],
            ),
        ),
        (
            Front::Address { protocol: Transport::Sctp, address: [192, 0, 2, 1].into(), port: 9 },
            service(Scheduling::new("sed"), &[(back("10.0.0.1", 9), direct(1))]),
        ),
        (
            Front::Mark { mark: 7, family: Family::Ipv6 },
            service(Scheduling::new("wrr"), &[(back("2001:db8::7", 0), direct(1))]),
        ),
        (
            Front::Mark { mark: 0x7fff_ffff, family: Family::Ipv4 },
            service(remembering("lblcr", 360, Granularity::finest(Family::Ipv4)), &[]),
        ),
    ]
    .into()
}

/// Everything in the words of `ipvsadm -Sn`, sorted.
const SHOWN: &str = "\
-A --sctp-service 192.0.2.1:9 -s sed
-A -f 2147483647 -s lblcr -p 360
-A -f 7 -6 -s wrr
-A -t 192.0.2.1:80 -s rr
-A -t [2001:db8::1]:443 -s mh -p 300 -M 64 -b mh-fallback,mh-port
-A -u 192.0.2.1:5060 -s wlc -p 60 -M 255.255.255.0 --pe sip -o
-a --sctp-service 192.0.2.1:9 -r 10.0.0.1:9 -g -w 1
-a -f 7 -6 -r [2001:db8::7]:0 -g -w 1
-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 5
-a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 0
-a -t 192.0.2.1:80 -r 10.0.0.3:80 -i -w 1 --tun-type ipip
-a -t 192.0.2.1:80 -r 10.0.0.4:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum
-a -t 192.0.2.1:80 -r 10.0.0.5:80 -i -w 1 --tun-type gre --tun-csum
-a -t 192.0.2.1:80 -r [2001:db8::5]:80 -i -w 1 --tun-type ipip
-a -t [2001:db8::1]:443 -r [2001:db8::7]:443 -g -w 3
";

/// What `ipvsadm -Sn` shows, sorted.
fn shown() -> String {
    let output = Command::new("ipvsadm").arg("-Sn").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.sort_unstable();
    lines.into_iter().flat_map(|line| [line, "\n"]).collect()
}

fn ipvsadm(rules: &str) {
    let mut child = Command::new("ipvsadm").arg("-R").stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(rules.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{rules}");
}

/// Changes what stands into `wanted`; how many changes that took.
fn reach(ipvs: &mut Ipvs, wanted: &Services, ours: &ServiceNames) -> usize {
    let changes = diff_services(wanted, &ipvs.services().unwrap(), ours);
    for (change, result) in changes.iter().zip(ipvs.apply(&changes)) {
        result.unwrap_or_else(|error| panic!("{change}: {error:?}"));
    }
    changes.len()
}

fn made() {
    let Some(mut ipvs) = open() else { return };
    let wanted = everything();
    let ours = names(&wanted);
    assert_eq!(reach(&mut ipvs, &wanted, &ours), 15);
    assert_eq!(shown(), SHOWN);
    assert_eq!(ipvs.services().unwrap(), wanted);
    assert_eq!(reach(&mut ipvs, &wanted, &ours), 0);
    // Everything that can change in place.
    let mut changed = wanted;
    let first = changed.get_mut(&tcp(1)).unwrap();
    first.scheduling = remembering("wlc", 50, Granularity::finest(Family::Ipv4));
    for (number, destination) in first.destinations.values_mut().enumerate() {
        let forwarding = [Forwarding::DirectRoute, Forwarding::Tunnel(Tunnel::IpIp)][number % 2];
        *destination = Destination { weight: 65_535, ..Destination::new(forwarding, 0) };
    }
    // An address of the other family can only be reached through a tunnel.
    first.destinations.retain(|back, _| back.address.is_ipv4());
    assert_eq!(reach(&mut ipvs, &changed, &ours), 7);
    assert_eq!(ipvs.services().unwrap(), changed);
    ipvs.flush().unwrap();
    assert_eq!(ipvs.services().unwrap(), Services::new());
}

fn read() {
    let Some(mut ipvs) = open() else { return };
    ipvsadm(SHOWN);
    let mut seen = everything();
    // These words say nothing of thresholds.
    let nat = seen.get_mut(&tcp(1)).unwrap().destinations.get_mut(&back("10.0.0.1", 8080)).unwrap();
    *nat = Destination::new(Forwarding::Nat, 5);
    assert_eq!(ipvs.services().unwrap(), seen);
    let wanted: Services = [(tcp(2), service(Scheduling::new("rr"), &[]))].into();
    reach(&mut ipvs, &wanted, &names(&wanted));
    reach(&mut ipvs, &Services::new(), &names(&wanted));
    assert_eq!(shown(), SHOWN);
}

fn many() {
    let Some(mut ipvs) = open() else { return };
    let backs = (0..10_000u32).map(|number| Back {
        address: Ipv4Addr::from(0x0a00_0000 + number % 5000 + 1).into(),
        port: if number < 5000 { 80 } else { 81 },
    });
    let nat = Destination::new(Forwarding::Nat, 1);
    let pool = service(Scheduling::new("rr"), &backs.map(|back| (back, nat)).collect::<Vec<_>>());
    let wanted: Services = [(tcp(1), pool)].into();
    let ours = names(&wanted);
    assert_eq!(reach(&mut ipvs, &wanted, &ours), 10_001);
    assert_eq!(ipvs.services().unwrap(), wanted);
    assert_eq!(reach(&mut ipvs, &wanted, &ours), 0);
    let empty: Services = [(tcp(1), service(Scheduling::new("rr"), &[]))].into();
    assert_eq!(reach(&mut ipvs, &empty, &ours), 10_000);
    assert_eq!(ipvs.services().unwrap(), empty);
}

/// A virtual address on this host, balanced over a server behind the cable.
fn counted() {
    let Some(mut ipvs) = open() else { return };
    let mut cable = Cable::new();
    let near = [address(cable.near, [10, 0, 0, 1], 24), address(cable.near, [192, 0, 2, 1], 32)];
    assert!(cable.requests.set_addresses(&near).iter().all(Result::is_ok));
    let far = [address(cable.far, [10, 0, 0, 2], 24)];
    let listener = cable.there.within(|| {
        let mut requests = RequestSocket::open().unwrap();
        assert!(requests.set_addresses(&far).iter().all(Result::is_ok));
        let home = ["route", "add", "default", "via", "10.0.0.1"];
        assert!(Command::new("ip").args(home).status().unwrap().success());
        TcpListener::bind("10.0.0.2:8080").unwrap()
    });
    let listener = listener.unwrap();
    let server = back("10.0.0.2", 8080);
    let scheduling = Scheduling::new("rr");
    let nat = Destination::new(Forwarding::Nat, 1);
    let mut wanted: Services = [(tcp(1), service(scheduling, &[(server, nat)]))].into();
    let ours = names(&wanted);
    reach(&mut ipvs, &wanted, &ours);
    assert_eq!(ipvs.load(&tcp(9)).unwrap(), None);
    let vip = SocketAddr::from(([192, 0, 2, 1], 80));
    let connect = || TcpStream::connect_timeout(&vip, Duration::from_secs(10)).unwrap();
    // The kernel sums up every two seconds.
    let summed = |ipvs: &mut Ipvs, connections| {
        eventually("the sum", || {
            let load = ipvs.load(&tcp(1)).unwrap().unwrap();
            (load.statistics.connections == connections).then_some(load)
        })
    };
    let (_first, _served) = (connect(), listener.accept().unwrap());
    let load = summed(&mut ipvs, 1);
    assert!(load.statistics.packets_in >= 2 && load.statistics.bytes_in >= 80, "{load:?}");
    let one = load.destinations[&server];
    assert_eq!((one.active, one.inactive, one.persistent), (1, 0, 0), "{one:?}");
    // A change in place, and a second connection.
    wanted.get_mut(&tcp(1)).unwrap().scheduling = Scheduling::new("wlc");
    wanted.get_mut(&tcp(1)).unwrap().destinations.get_mut(&server).unwrap().weight = 7;
    assert_eq!(reach(&mut ipvs, &wanted, &ours), 2);
    let _second = connect();
    let load = summed(&mut ipvs, 2);
    assert_eq!(load.destinations[&server].statistics.connections, 2);
    assert_eq!(load.destinations[&server].active, 2);
}

fn refused() {
    let Some(mut ipvs) = open() else { return };
    let add = |last, scheduler: &str| ServiceChange::Add(tcp(last), Scheduling::new(scheduler));
    let nat = Destination::new(Forwarding::Nat, 1);
    let changes = [
        add(1, "rr"),
        add(1, "rr"),
        ServiceChange::AddDestination(tcp(2), back("10.0.0.1", 80), nat),
        ServiceChange::RemoveDestination(tcp(1), back("10.0.0.1", 80)),
        ServiceChange::Remove(tcp(3)),
        add(2, "rr"),
    ];
    let errnos: Vec<_> = ipvs
        .apply(&changes)
        .into_iter()
        .map(|result| match result {
            Ok(()) => None,
            Err(IpvsError::Refused { source: NetlinkError::Refused { errno, .. }, change }) => {
                Some((errno, change))
            }
            Err(error) => panic!("{error:?}"),
        })
        .collect();
    let expected = [
        None,
        Some((Errno::EXIST, "add service TCP 192.0.2.1:80".to_owned())),
        Some((Errno::SRCH, "add server 10.0.0.1:80 to TCP 192.0.2.2:80".to_owned())),
        None,
        None,
        None,
    ];
    assert_eq!(errnos, expected);
    assert!(ipvs.services().unwrap().keys().eq(&[tcp(1), tcp(2)]));
}

fn unknown() {
    let Some(mut ipvs) = open() else { return };
    let by_nobody = Persistence {
        seconds: 60,
        granularity: Granularity::finest(Family::Ipv4),
        engine: Some("nobody".to_owned()),
    };
    let engine = Scheduling { persistence: Some(by_nobody), ..Scheduling::new("rr") };
    let changes = [
        ServiceChange::Add(tcp(1), Scheduling::new("nowhere")),
        ServiceChange::Add(tcp(2), engine),
    ];
    let errors: Vec<String> =
        ipvs.apply(&changes).into_iter().map(|result| result.unwrap_err().to_string()).collect();
    assert_eq!(
        errors,
        [
            "add service TCP 192.0.2.1:80: the kernel has no scheduler nowhere; load its module \
             (modprobe ip_vs_nowhere)",
            "add service TCP 192.0.2.2:80: the kernel has no scheduler rr or no persistence engine nobody; \
             load its module (modprobe ip_vs_rr ip_vs_pe_nobody)",
        ]
    );
    assert_eq!(ipvs.services().unwrap(), BTreeMap::new());
}

fn timeouts() {
    let Some(mut ipvs) = open() else { return };
    let before = ipvs.timeouts().unwrap();
    assert_eq!(before, Timeouts { tcp: Some(900), tcp_fin: Some(120), udp: Some(300) });
    ipvs.set_timeouts(&Timeouts { tcp_fin: Some(30), ..Timeouts::default() }).unwrap();
    assert_eq!(ipvs.timeouts().unwrap(), Timeouts { tcp_fin: Some(30), ..before });
}

fn sync() {
    let Some(mut ipvs) = open() else { return };
    let mut cable = Cable::new();
    let own = [address(cable.near, [10, 0, 0, 1], 24)];
    assert!(cable.requests.set_addresses(&own).iter().all(Result::is_ok));
    let sender = SyncDaemon {
        role: SyncRole::Sender,
        interface: NEAR.to_owned(),
        id: 51,
        max_length: None,
        group: None,
        port: None,
        ttl: None,
    };
    let receiver = SyncDaemon {
        role: SyncRole::Receiver,
        max_length: Some(1000),
        group: Some([239, 1, 2, 3].into()),
        port: Some(9000),
        ttl: Some(3),
        ..sender.clone()
    };
    ipvs.start_sync(&sender).unwrap();
    ipvs.start_sync(&receiver).unwrap();
    let running = ipvs.sync_daemons().unwrap();
    assert_eq!(running.len(), 2);
    assert!(sender.is_seen_as(&running[0]) && receiver.is_seen_as(&running[1]), "{running:?}");
    let error = ipvs.start_sync(&sender).unwrap_err();
    assert!(matches!(
        error,
        IpvsError::Failed { source: NetlinkError::Refused { errno: Errno::EXIST, .. }, .. }
    ));
    for _ in 0..2 {
        ipvs.stop_sync(SyncRole::Sender).unwrap();
    }
    assert_eq!(ipvs.sync_daemons().unwrap(), [running[1].clone()]);
    ipvs.stop_sync(SyncRole::Receiver).unwrap();
    assert_eq!(ipvs.sync_daemons().unwrap(), []);
}
