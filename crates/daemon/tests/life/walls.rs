//! nftables around the addresses: a corpse is silent, `no_accept` refuses, and nothing is left behind.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use intent::Lifetime;
use kernel::netlink::RequestSocket;
use kernel::socket::{AnnounceSocket, FrameSocket, Heard, Packet};
use rustix::process::Signal;
use wire::MacAddr;
use wire::arp::{Arp, ArpPacket, Operation};

use crate::Test;
use crate::daemon::Start;
use crate::world::{
    Cable, FAR, GLOBAL, NEAR, NEAR_ADDRESS, SECOND, VIRTUAL, eventually, instance, one_instance,
    steady_instance, within,
};

pub const TESTS: &[Test] = &[
    ("a_daemon_that_stands_still_is_silenced_and_says_why_it_stepped_back", silences_a_corpse),
    ("what_a_killed_daemon_leaves_is_silent_until_its_lease_has_ended", silences_leftovers),
    ("the_fence_outlasts_every_lease", outlasts),
    ("neighbour_advertisements_are_silenced_as_well", silences_ipv6),
    ("the_fence_stands_before_the_addresses_come", is_prepared),
    ("a_new_vrrp_process_goes_on_with_the_fence", survives_a_child),
    ("without_the_fence_a_corpse_answers", is_switched_off),
    ("no_accept_refuses_packets_but_lets_services_through", refuses),
    ("a_ruleset_that_somebody_flushed_is_written_again", is_repaired),
    ("tables_go_with_the_daemon", goes_away),
];

/// A host at the far end.
struct Neighbour<'c> {
    cable: &'c Cable,
    ears: FrameSocket,
    mouth: AnnounceSocket,
}

const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

impl<'c> Neighbour<'c> {
    fn at(cable: &'c Cable) -> Self {
        ip(cable, &["addr", "add", &format!("{ADDRESS}/24"), "dev", FAR]);
        let open = || {
            let far = RequestSocket::open().unwrap().index_of(FAR).unwrap().expect("far end");
            let ears = FrameSocket::open(FAR, far, Heard::Everything).unwrap();
            (ears, AnnounceSocket::open().unwrap())
        };
        let (ears, mouth) = cable.there.within(open).unwrap();
        Self { cable, ears, mouth }
    }

    /// Whether somebody answers for an address.
    fn resolves(&self, address: Ipv4Addr) -> bool {
        self.resolves_within(PATIENCE, address)
    }

    /// Whether nobody answers, while all but a very busy machine would have.
    fn finds_silent(&self, address: Ipv4Addr) -> bool {
        !self.resolves_within(Duration::from_millis(150), address)
    }

    fn resolves_within(&self, patience: Duration, address: Ipv4Addr) -> bool {
        let far = || RequestSocket::open().unwrap().index_of(FAR).unwrap().expect("far end");
        let far = self.cable.there.within(far).unwrap();
        let question = Arp::request(MAC, ADDRESS, address).emit_frame();
        let mut buffers = Packet::new();
        let mut answered = false;
        let _ = self.ears.receive(&mut buffers, |_| {});
        let end = Instant::now() + patience;
        let _ = self.mouth.send(&[(far, MacAddr::BROADCAST, &question)]);
        while !answered && Instant::now() < end {
            let _ = self.ears.receive(&mut buffers, |frame| {
                let packet = frame.get(14..).and_then(|bytes| ArpPacket::new_checked(bytes).ok());
                let arp = packet.and_then(|packet| Arp::parse(&packet).ok());
                answered |= arp
                    .is_some_and(|arp| arp.operation == Operation::Reply && arp.sender == address);
            });
            std::thread::sleep(Duration::from_millis(5));
        }
        answered
    }

    /// Says something to a port; whether it comes back.
    fn reaches(&self, address: impl Into<IpAddr>, port: u16) -> bool {
        let target = SocketAddr::new(address.into(), port);
        let say = || {
            let socket = UdpSocket::bind((ADDRESS, 0)).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket.connect(target).unwrap();
            let mut answer = [0; 8];
            socket.send(b"hello").is_ok() && socket.recv(&mut answer).is_ok_and(|count| count == 5)
        };
        self.cable.there.within(say).unwrap()
    }
}

/// How long an answer may take: a busy machine has other things to do than to pass frames on.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs `ip` at the far end.
fn ip(cable: &Cable, words: &[&str]) {
    let run = || Command::new("ip").args(words).status().unwrap();
    assert!(cable.there.within(run).unwrap().success(), "ip {words:?}");
}

fn nft(words: &[&str]) -> String {
    let output = Command::new("nft").args(words).output().expect("nft of the package nftables");
    assert!(output.status.success(), "nft {words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Repeats what is said to a port of any address here.
fn echo(port: u16) -> JoinHandle<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap();
    // It answers from the address that was asked.
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    drop(socket);
    let answering: Vec<UdpSocket> = [NEAR_ADDRESS, VIRTUAL]
        .iter()
        .map(|address| eventually("a socket", || UdpSocket::bind((*address, port)).ok()))
        .collect();
    std::thread::spawn(move || {
        let end = Instant::now() + Duration::from_secs(20);
        for socket in &answering {
            socket.set_nonblocking(true).unwrap();
        }
        let mut words = [0; 8];
        while Instant::now() < end {
            for socket in &answering {
                if let Ok((count, whom)) = socket.recv_from(&mut words) {
                    let _ = socket.send_to(&words[..count], whom);
                }
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    })
}

fn silences_a_corpse() {
    let cable = Cable::new();
    let mut daemon = Start::with(&one_instance()).until("Entering MASTER");
    let neighbour = Neighbour::at(&cable);
    eventually("an answer", || neighbour.resolves(VIRTUAL).then_some(()));
    let all = daemon.all();
    daemon.mark();
    all.iter().rev().for_each(|process| process.signal(Signal::STOP));
    // Another router may take over after three intervals of 100 ms.
    std::thread::sleep(Duration::from_millis(320));
    assert!(neighbour.finds_silent(VIRTUAL), "the corpse answers");
    assert!(neighbour.resolves(NEAR_ADDRESS), "the host's own address is not answered");
    let mut requests = RequestSocket::open().unwrap();
    let standing = requests.addresses().unwrap().into_iter().any(|it| it.address == VIRTUAL);
    assert!(standing, "it was silent because the address was gone");
    all.iter().for_each(|process| process.signal(Signal::CONT));
    daemon.wait_for("Entering BACKUP STATE (this process did not run for ");
    daemon.wait_for("Entering MASTER");
    eventually("an answer", || neighbour.resolves(VIRTUAL).then_some(()));
}

fn silences_leftovers() {
    let mut cable = Cable::new();
    let configuration =
        format!("{GLOBAL}{}", instance("VI_1", 51, 150, &[VIRTUAL], "  vrrp_address_lifetime 3\n"));
    let mut daemon = Start::with(&configuration).until("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    daemon.kill_all();
    std::thread::sleep(Duration::from_millis(320));
    {
        let neighbour = Neighbour::at(&cable);
        assert!(neighbour.finds_silent(VIRTUAL), "a corpse answers");
    }
    assert!(cable.holds(VIRTUAL));
    cable.wait_until_gone(VIRTUAL);
    // Whoever uses the address here next is not silenced for long.
    cable.add(VIRTUAL);
    ip(&cable, &["addr", "del", &format!("{ADDRESS}/24"), "dev", FAR]);
    let neighbour = Neighbour::at(&cable);
    within(Duration::from_secs(4), "an answer", || neighbour.resolves(VIRTUAL).then_some(()));
}

fn outlasts() {
    let mut cable = Cable::new();
    let configuration =
        format!("{GLOBAL}{}", instance("VI_1", 51, 150, &[VIRTUAL], "  vrrp_address_lifetime 6\n"));
    let mut daemon = Start::with(&configuration).until("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    let mut requests = RequestSocket::open().unwrap();
    // Longer than two renewals of the lease are apart: whenever the daemon died, the fence would fall last.
    let end = Instant::now() + Duration::from_secs(8);
    while Instant::now() < end {
        let fence = fence_left();
        let address = requests.addresses().unwrap().into_iter().find(|it| it.address == VIRTUAL);
        let Lifetime::Seconds(lease) = address.expect("the address").lifetime else {
            panic!("the address has no lease")
        };
        assert!(fence > lease, "the fence has {fence} s left, the address {lease} s");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(daemon.stop().0, Some(0));
}

/// For how many whole seconds the fence stands if nobody advertises any more.
fn fence_left() -> u32 {
    let tables: serde_json::Value = serde_json::from_str(&nft(&["-j", "list", "ruleset"])).unwrap();
    let objects = tables["nftables"].as_array().unwrap();
    let leased = objects.iter().filter_map(|it| it.get("set")).find(|it| it["name"] == "leased");
    let left = &leased.expect("a set `leased`")["elem"][0]["elem"]["expires"];
    u32::try_from(left.as_u64().expect("an element that expires")).unwrap()
}

fn silences_ipv6() {
    let cable = Cable::new();
    let list = "    fe80::9:100\n    2001:db8:9::100/64\n    2001:db8:9::101/64\n";
    let configuration = one_instance().replace(&format!("    {VIRTUAL}/24\n"), list);
    let words = ["addr", "add", "2001:db8:9::1/64", "dev", NEAR, "nodad"];
    assert!(Command::new("ip").args(words).status().unwrap().success());
    ip(&cable, &["addr", "add", "2001:db8:9::2/64", "dev", FAR, "nodad"]);
    let daemon = Start::with(&configuration).until("Entering MASTER");
    let asks = |address: &str| {
        let target: Ipv6Addr = address.parse().unwrap();
        let say = || {
            let socket = UdpSocket::bind(("2001:db8:9::2", 0)).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
            socket.connect((target, 9)).unwrap();
            socket.send(b"hello").unwrap();
            socket.recv(&mut [0; 8]).expect_err("nobody listens").kind()
        };
        cable.there.within(say).unwrap()
    };
    // The host is found, and says that nobody listens.
    assert_eq!(asks("2001:db8:9::100"), ErrorKind::ConnectionRefused);
    daemon.all().iter().rev().for_each(|process| process.signal(Signal::STOP));
    std::thread::sleep(Duration::from_millis(320));
    assert_eq!(asks("2001:db8:9::101"), ErrorKind::WouldBlock);
    assert_eq!(asks("2001:db8:9::1"), ErrorKind::ConnectionRefused);
    daemon.all().iter().for_each(|process| process.signal(Signal::CONT));
}

fn survives_a_child() {
    let cable = Cable::new();
    let configuration = format!("{GLOBAL}{}", steady_instance(&[VIRTUAL], ""));
    let mut daemon = Start::with(&configuration).until("Entering MASTER");
    let neighbour = Neighbour::at(&cable);
    eventually("an answer", || neighbour.resolves(VIRTUAL).then_some(()));
    daemon.mark();
    daemon.vrrp().signal(Signal::KILL);
    for _ in 0..20 {
        assert!(neighbour.resolves(VIRTUAL), "an answer was lost");
    }
    eventually("its successor's", || {
        nft(&["list", "ruleset"]).contains(&VIRTUAL.to_string()).then_some(())
    });
    assert_eq!(daemon.stop().0, Some(0));
}

fn is_prepared() {
    let mut cable = Cable::new();
    let waiting =
        one_instance().replace("global_defs {", "global_defs {\n  vrrp_startup_delay 3600");
    let mut daemon = Start::with(&waiting).until("Delaying startup");
    let listed = || nft(&["list", "tables"]);
    eventually("a table", || listed().contains("arp steadfast_fence").then_some(()));
    assert!(!listed().contains("ip6 steadfast_fence"), "no address of IPv6 is to come");
    assert!(!cable.holds(VIRTUAL));
    nft(&["flush", "ruleset"]);
    within(Duration::from_secs(20), "the table again", || {
        listed().contains("arp steadfast_fence").then_some(())
    });
    assert_eq!(daemon.stop().0, Some(0));
    assert!(!listed().contains("steadfast"));
}

fn is_switched_off() {
    let cable = Cable::new();
    let configuration = one_instance().replace("global_defs {", "global_defs {\n  vrrp_fence off");
    let daemon = Start::with(&configuration).until("Entering MASTER");
    let neighbour = Neighbour::at(&cable);
    eventually("an answer", || neighbour.resolves(VIRTUAL).then_some(()));
    daemon.all().iter().rev().for_each(|process| process.signal(Signal::STOP));
    std::thread::sleep(Duration::from_millis(320));
    assert!(neighbour.resolves(VIRTUAL));
    daemon.all().iter().for_each(|process| process.signal(Signal::CONT));
}

fn refuses() {
    let cable = Cable::new();
    let served = format!("virtual_server {VIRTUAL} 53 {{\n  protocol UDP\n}}\n");
    let refusing = format!("{GLOBAL}{}{served}", steady_contender("  no_accept\n"));
    let mut daemon = Start::with(&refusing).until("Entering MASTER");
    eventually("the address", || {
        let mut requests = RequestSocket::open().unwrap();
        requests.addresses().unwrap().into_iter().any(|it| it.address == VIRTUAL).then_some(())
    });
    let neighbour = Neighbour::at(&cable);
    let _services = (echo(53), echo(54));
    assert!(neighbour.reaches(NEAR_ADDRESS, 54), "the host's own address is not refused");
    assert!(neighbour.reaches(VIRTUAL, 53), "what is served is let through");
    assert!(!neighbour.reaches(VIRTUAL, 54), "what is not served is refused");
    assert!(neighbour.resolves(VIRTUAL));
    daemon.reload(&format!("{GLOBAL}{}{served}", steady_contender("")));
    daemon.wait_for("Configuration reloaded");
    eventually("it accepts", || neighbour.reaches(VIRTUAL, 54).then_some(()));
    daemon.reload(&format!("{GLOBAL}{}", steady_contender("  no_accept\n")));
    daemon.wait_for("Configuration reloaded");
    eventually("nothing is served", || (!neighbour.reaches(VIRTUAL, 53)).then_some(()));
    assert_eq!(daemon.stop().0, Some(0));
}

/// One that is not the owner, and keeps its role.
fn steady_contender(more: &str) -> String {
    instance("VI_1", 51, 150, &[VIRTUAL], &format!("  down_timer_adverts 10\n{more}"))
}

fn is_repaired() {
    let cable = Cable::new();
    let mut daemon = Start::with(&one_instance()).until("Entering MASTER");
    eventually("tables", || nft(&["list", "tables"]).contains("arp steadfast_fence").then_some(()));
    nft(&["flush", "ruleset"]);
    daemon.wait_for("was removed by somebody else: it is made again");
    eventually("tables", || nft(&["list", "tables"]).contains("arp steadfast_fence").then_some(()));
    let neighbour = Neighbour::at(&cable);
    eventually("an answer", || neighbour.resolves(VIRTUAL).then_some(()));
}

fn goes_away() {
    let _cable = Cable::new();
    nft(&["add", "table", "ip", "others"]);
    let configuration =
        format!("{GLOBAL}{}", instance("VI_1", 51, 150, &[VIRTUAL, SECOND], "  no_accept\n"));
    let mut daemon = Start::with(&configuration).until("Entering MASTER");
    eventually("tables", || nft(&["list", "tables"]).contains("ip keepalived").then_some(()));
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!(nft(&["list", "tables"]), "table ip others\n");
}
