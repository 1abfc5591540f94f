//! Packet sockets: announcements go out, and those of others are heard.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use intent::IfIndex;
use kernel::namespace::Namespace;
use kernel::netlink::RequestSocket;
use kernel::socket::{AnnounceSocket, FrameSocket, Heard, NeighbourSocket, Packet};
use rustix::io::Errno;
use wire::arp::Arp;
use wire::ethernet::{EtherType, EthernetHeader};
use wire::{Family, MacAddr};

use crate::Test;
use crate::world::{Cable, FAR, FAR_MAC, NEAR, NEAR_MAC, eventually};

pub const TESTS: &[Test] = &[
    ("gratuitous_arp_is_heard_as_it_was_sent", gratuitous_arp),
    ("neighbour_advertisements_are_heard_and_solicitations_are_not", neighbours),
    ("neighbours_are_heard_where_that_is_asked_for", elsewhere),
    ("everything_is_also_what_is_meant_for_others", everything),
    ("what_we_send_we_do_not_hear", own),
    ("an_announcement_into_nowhere_is_refused_in_its_place", nowhere),
    ("a_link_that_goes_down_is_told_once", down),
];

fn hear(cable: &Cable, heard: Heard) -> FrameSocket {
    cable.there.within(|| FrameSocket::open(FAR, cable.far, heard).unwrap()).unwrap()
}

/// Waits for `count` frames, and a while for one too many. What the hosts say by themselves (neighbour
/// solicitations, multicast reports) is not among them.
fn gather(count: usize, mut receive: impl FnMut(&mut dyn FnMut(&[u8]))) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    let mut once = |all: &mut Vec<Vec<u8>>| {
        receive(&mut |frame| {
            if !is_chatter(frame) {
                all.push(frame.to_vec());
            }
        });
    };
    eventually("frames", || {
        once(&mut all);
        (all.len() >= count).then_some(())
    });
    std::thread::sleep(Duration::from_millis(30));
    once(&mut all);
    all
}

fn collect(socket: &FrameSocket, count: usize) -> Vec<Vec<u8>> {
    let mut buffers = Packet::new();
    gather(count, |each| {
        socket.receive(&mut buffers, each).unwrap();
    })
}

/// Hears the neighbours of the far end.
fn listen(cable: &Cable, family: Family) -> NeighbourSocket {
    let socket = cable.there.within(|| NeighbourSocket::open(family).unwrap()).unwrap();
    socket.listen_on(&BTreeSet::from([cable.far])).unwrap();
    socket
}

/// What they say there.
fn overhear(cable: &Cable, socket: &NeighbourSocket, count: usize) -> Vec<Vec<u8>> {
    let mut buffers = Packet::new();
    gather(count, |each| {
        let here = |interface, frame: &[u8]| {
            assert_eq!(interface, cable.far);
            each(frame);
        };
        socket.receive(&mut buffers, here).unwrap();
    })
}

/// IPv6 that the test did not send: its addresses are all of 2001:db8::/32.
fn is_chatter(frame: &[u8]) -> bool {
    frame[12..14] == [0x86, 0xdd] && frame[22..26] != [0x20, 1, 0xd, 0xb8]
}

fn gratuitous_arp() {
    let cable = Cable::new();
    let socket = listen(&cable, Family::Ipv4);
    let announcer = AnnounceSocket::open().unwrap();
    let frames: Vec<[u8; Arp::FRAME_LEN]> = (1..=40)
        .map(|last| Arp::gratuitous(NEAR_MAC, Ipv4Addr::new(192, 0, 2, last)).emit_frame())
        .collect();
    let other = frame(MacAddr::BROADCAST, EtherType(0x88b5), &[0; 46]);
    let mut sendings: Vec<(IfIndex, MacAddr, &[u8])> = vec![(cable.near, FAR_MAC, &other)];
    sendings.extend(frames.iter().map(|f| (cable.near, MacAddr::BROADCAST, f.as_slice())));
    let (sent, refusal) = announcer.send(&sendings);
    assert_eq!((sent, refusal), (41, None));
    assert_eq!(overhear(&cable, &socket, 40), frames);
}

fn frame(destination: MacAddr, ether_type: EtherType, payload: &[u8]) -> Vec<u8> {
    let header = EthernetHeader { destination, source: NEAR_MAC, ether_type };
    [header.emit().as_slice(), payload].concat()
}

/// An ICMPv6 message of this type between documentation addresses.
fn icmp(kind: u8) -> Vec<u8> {
    let address = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).octets();
    let mut packet = vec![0x60, 0, 0, 0, 0, 24, 58, 255];
    packet.extend(address);
    packet.extend(address);
    packet.push(kind);
    packet.extend([0; 23]);
    frame(FAR_MAC, EtherType::IPV6, &packet)
}

fn send(cable: &Cable, frames: &[&[u8]]) {
    let sendings: Vec<(IfIndex, MacAddr, &[u8])> =
        frames.iter().map(|frame| (cable.near, FAR_MAC, *frame)).collect();
    assert_eq!(AnnounceSocket::open().unwrap().send(&sendings), (frames.len(), None));
}

fn neighbours() {
    let cable = Cable::new();
    let socket = listen(&cable, Family::Ipv6);
    let arp = Arp::gratuitous(NEAR_MAC, Ipv4Addr::new(192, 0, 2, 1)).emit_frame();
    let mut tcp = icmp(136);
    tcp[20] = 6;
    send(&cable, &[&icmp(135), &icmp(136), &arp, &tcp, &icmp(136)]);
    assert_eq!(overhear(&cable, &socket, 2), [icmp(136), icmp(136)]);
}

fn elsewhere() {
    let cable = Cable::new();
    // What it has seen arrive, filters have seen too.
    let all = hear(&cable, Heard::Everything);
    let say = |frame: &[u8]| {
        send(&cable, &[frame]);
        assert_eq!(collect(&all, 1), [frame]);
    };
    let arp = |last| Arp::gratuitous(NEAR_MAC, Ipv4Addr::new(192, 0, 2, last)).emit_frame();
    let from = |first: u32, count| (first..first + count).map(IfIndex).collect::<BTreeSet<_>>();
    let far = cable.far.0;
    for family in [Family::Ipv4, Family::Ipv6] {
        let frame = |last| match family {
            Family::Ipv4 => arp(last).to_vec(),
            Family::Ipv6 => icmp(136),
        };
        let socket = listen(&cable, family);
        socket.listen_on(&from(far + 1, 250)).unwrap();
        say(&frame(1));
        socket.listen_on(&BTreeSet::new()).unwrap();
        say(&frame(2));
        socket.listen_on(&from(far + 1, 250)).unwrap();
        socket.listen_on(&from(far, 250)).unwrap();
        say(&frame(3));
        assert_eq!(overhear(&cable, &socket, 1), [frame(3)]);
        socket.listen_on(&from(far + 1, 251)).unwrap();
        say(&frame(4));
        assert_eq!(overhear(&cable, &socket, 1), [frame(4)], "too many to be named");
    }
}

fn everything() {
    let cable = Cable::new();
    let socket = hear(&cable, Heard::Everything);
    let stranger = frame(MacAddr([2, 0, 0, 0, 9, 9]), EtherType(0x88b5), &[1; 46]);
    let group = frame(MacAddr([1, 0, 0x5e, 0, 0, 18]), EtherType(0x88b5), &[2; 46]);
    send(&cable, &[&stranger, &group, &icmp(135)]);
    assert_eq!(collect(&socket, 3), [stranger, group, icmp(135)]);
}

fn own() {
    let cable = Cable::new();
    let socket = FrameSocket::open(NEAR, cable.near, Heard::Everything).unwrap();
    send(&cable, &[&icmp(135)]);
    assert_eq!(collect(&socket, 0), Vec::<Vec<u8>>::new());
}

fn nowhere() {
    let cable = Cable::new();
    let arp = Arp::gratuitous(NEAR_MAC, Ipv4Addr::new(192, 0, 2, 1)).emit_frame();
    let to = |interface| (interface, MacAddr::BROADCAST, arp.as_slice());
    let sendings = [to(cable.near), to(IfIndex(4_000_000)), to(cable.near)];
    let (sent, refusal) = AnnounceSocket::open().unwrap().send(&sendings);
    assert_eq!((sent, refusal), (1, Some(Errno::NXIO)));
    // A socket sends in the namespace in which it was opened.
    let elsewhere = Namespace::create().unwrap();
    let socket = elsewhere.within(|| AnnounceSocket::open().unwrap()).unwrap();
    assert_eq!(socket.send(&sendings[..1]).0, 0);
}

fn down() {
    let cable = Cable::new();
    let socket = hear(&cable, Heard::Everything);
    let far = cable.far;
    let set = |up| cable.there.within(|| RequestSocket::open().unwrap().set_link_up(far, up));
    set(false).unwrap().unwrap();
    let mut buffers = Packet::new();
    let error = socket.receive(&mut buffers, |_| {}).unwrap_err();
    assert_eq!((error.interface.as_str(), error.source), (FAR, Errno::NETDOWN));
    set(true).unwrap().unwrap();
    let arp = Arp::gratuitous(NEAR_MAC, Ipv4Addr::new(192, 0, 2, 1)).emit_frame();
    eventually("a frame after the link came back", || {
        send(&cable, &[&arp]);
        let (count, _) = socket.receive(&mut buffers, |_| {}).unwrap();
        (count > 0).then_some(())
    });
}
