//! Faults: what is missing is named, what comes back is used, and nobody floods the log.

use std::net::Ipv4Addr;
use std::time::Duration;

use intent::IfIndex;
use kernel::netlink::RequestSocket;
use kernel::process::{Privilege, drop_to};
use kernel::socket::AnnounceSocket;
use wire::MacAddr;

use crate::Test;
use crate::daemon::Start;
use crate::world::{Cable, FAR, GLOBAL, NEAR, VIRTUAL, instance, never, one_instance, steady};

pub const TESTS: &[Test] = &[
    ("a_missing_interface_is_a_fault_until_it_appears", waits_for_its_interface),
    ("a_link_that_goes_down_is_a_fault_until_it_is_up", follows_its_link),
    ("a_keyword_that_is_held_back_is_a_fault_with_its_line", names_what_is_held_back),
    ("an_instance_in_fault_does_not_hold_up_the_others", lets_others_work),
    ("without_the_right_to_raw_sockets_no_role_is_taken", needs_raw_sockets),
    ("without_the_right_to_change_addresses_no_role_is_taken", needs_to_change_addresses),
    ("an_address_that_somebody_removes_is_added_again", puts_its_address_back),
    ("garbage_from_one_source_says_a_few_lines", is_quiet_about_one_source),
    ("garbage_from_ten_thousand_sources_says_less_than_200_lines", is_quiet_about_many_sources),
];

fn waits_for_its_interface() {
    let mut daemon = Start::with(&one_instance()).until("Entering FAULT STATE");
    daemon.wait_for("(VI_1) Entering FAULT STATE (init) (interface near0 does not exist)");
    let mut cable = Cable::new();
    daemon.wait_for("(VI_1) Entering BACKUP STATE");
    daemon.wait_for("(VI_1) Entering MASTER STATE");
    cable.wait_until_held(VIRTUAL);
}

fn follows_its_link() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&one_instance()).until("Entering MASTER");
    let near = cable.near;
    cable.requests.set_link_up(near, false).unwrap();
    daemon.wait_for("(VI_1) Entering FAULT STATE (interface near0 down)");
    cable.wait_until_gone(VIRTUAL);
    daemon.mark();
    cable.requests.set_link_up(near, true).unwrap();
    daemon.wait_for("(VI_1) Entering BACKUP STATE (recovered from: interface near0 down)");
    daemon.wait_for("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
}

fn names_what_is_held_back() {
    let mut cable = Cable::new();
    let configuration =
        format!("{GLOBAL}{}", instance("VI_1", 51, 150, &[VIRTUAL], "  use_ipvlan\n"));
    let mut daemon = Start::with(&configuration).go();
    let line = daemon.wait_for("(VI_1) Entering FAULT STATE");
    assert!(line.contains("use_ipvlan"), "{line}");
    assert!(line.contains("keepalived.conf:9"), "{line}");
    never(Duration::from_millis(700), "it took the address", || cable.holds(VIRTUAL).then_some(()));
    // Once the line is gone it takes part.
    daemon.reload(&one_instance());
    daemon.wait_for("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
}

fn lets_others_work() {
    let mut cable = Cable::new();
    let missing = instance("VI_2", 52, 150, &[VIRTUAL], "").replace(NEAR, "nowhere0");
    let mut daemon = Start::with(&format!("{}{missing}", one_instance())).go();
    daemon.wait_for("(VI_2) Entering FAULT STATE (init) (interface nowhere0 does not exist)");
    daemon.wait_for("(VI_1) Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    assert_eq!(daemon.stop().0, Some(0));
}

fn needs_raw_sockets() {
    lacks(&[Privilege::NetAdmin]);
}

fn needs_to_change_addresses() {
    lacks(&[Privilege::NetRaw]);
}

/// With these rights only, the instance is in fault for a reason that is said once, and nothing dies of it.
fn lacks(kept: &[Privilege]) {
    let mut cable = Cable::new();
    let start = Start::with(&one_instance());
    // This thread keeps no other right, and neither does what it starts.
    drop_to(kept).unwrap();
    let mut daemon = start.go();
    let line = daemon.wait_for("(VI_1) Entering FAULT STATE");
    assert!(line.contains("CAP_NET_ADMIN, CAP_NET_RAW"), "{line}");
    let child = daemon.vrrp();
    never(Duration::from_millis(1500), "it died or held the address", || {
        (!child.lives() || cable.holds(VIRTUAL)).then_some(())
    });
    assert!(daemon.log().lines().count() < 15, "{}", daemon.log());
    assert_eq!(daemon.stop().0, Some(0));
}

fn puts_its_address_back() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&steady()).until("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    let key = cable.find(VIRTUAL).unwrap().key();
    for result in cable.requests.remove_addresses(&[key]) {
        result.unwrap();
    }
    daemon.wait_for("(VI_1) address 10.9.0.100 was removed by somebody else");
    cable.wait_until_held(VIRTUAL);
}

fn is_quiet_about_one_source() {
    assert!(lines_about(|_| Ipv4Addr::new(10, 9, 0, 7)) < 50);
}

fn is_quiet_about_many_sources() {
    assert!(lines_about(|n| Ipv4Addr::from_bits(0x0a09_0000 + n)) < 200);
}

/// How many lines 10 000 packets for the instance bring that are wrong in one way or another.
fn lines_about(source: impl Fn(u32) -> Ipv4Addr) -> usize {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&steady()).words(&["-D"]).until("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    let (mouth, far) = cable
        .there
        .within(|| {
            let far = RequestSocket::open().unwrap().index_of(FAR).unwrap().expect("far end");
            (AnnounceSocket::open().unwrap(), far)
        })
        .unwrap();
    daemon.mark();
    for batch in 0..100 {
        let frames: Vec<Vec<u8>> =
            (0..100).map(|n| garbage(source(batch * 100 + n), batch * 100 + n)).collect();
        send(&mouth, far, &frames);
    }
    // It still answers, and holds what it held.
    daemon.process().signal(rustix::process::Signal::HUP);
    daemon.wait_for("Reload finished");
    assert!(cable.holds(VIRTUAL));
    let news = daemon.news();
    assert!(news.contains("discarded"), "{news}");
    assert!(!news.contains("STATE"), "{news}");
    assert!(!news.contains("0.0.0.0"), "{news}");
    assert_eq!(daemon.stop().0, Some(0));
    news.lines().count()
}

fn send(mouth: &AnnounceSocket, far: IfIndex, frames: &[Vec<u8>]) {
    let group = MacAddr([1, 0, 0x5e, 0, 0, 18]);
    let mut rest: Vec<_> = frames.iter().map(|frame| (far, group, frame.as_slice())).collect();
    while !rest.is_empty() {
        let (sent, refusal) = mouth.send(&rest);
        rest.drain(..sent);
        if refusal.is_some() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// An IPv4 packet to the VRRP group for VRID 51 that is wrong: version, type, TTL, checksum, length or addresses.
fn garbage(source: Ipv4Addr, number: u32) -> Vec<u8> {
    let random = number.wrapping_mul(2_654_435_761).to_be_bytes();
    let payload: Vec<u8> = match number % 5 {
        0 => vec![0x31, 51],
        1 => vec![0x51, 51, 100, 1, 0, 10, random[0], random[1], 10, 9, 0, 100],
        2 => vec![0x32, 51, 100, 1, 0, 10, random[0], random[1], 10, 9, 0, 100],
        3 => vec![0x31, 51, 100, 9, 0, 10, random[0], random[1], 10, 9, 0, 100],
        _ => vec![0x31, 51, 100, 1, 0, 10, random[0], random[1], random[2], random[3], 0, 0],
    };
    let length = u16::try_from(20 + payload.len()).unwrap();
    let time_to_live = if number.is_multiple_of(7) { 64 } else { 255 };
    let mut header = vec![0x45, 0, 0, 0, 0, 0, 0, 0, time_to_live, 112, 0, 0];
    header[2..4].copy_from_slice(&length.to_be_bytes());
    header.extend(source.octets());
    header.extend([224, 0, 0, 18]);
    let sum: u32 = header.chunks(2).map(|it| u32::from(it[0]) << 8 | u32::from(it[1])).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap();
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    let ethernet = [1, 0, 0x5e, 0, 0, 18, 2, 0, 0, 0, 0, 2, 8, 0];
    [&ethernet[..], &header, &payload].concat()
}
