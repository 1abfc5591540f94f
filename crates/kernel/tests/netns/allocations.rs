//! Sending and receiving again and again takes memory once.

use std::net::IpAddr;

use allocation_counter::measure;
use intent::{IfIndex, UpperKind, UpperLink};
use kernel::netlink::RequestSocket;
use kernel::socket::{AnnounceSocket, Framing, Packet, ReceiveSocket, SendSocket, Sending};
use wire::ip::Ipv4Header;
use wire::vrrp::{MULTICAST_V4, MULTICAST_V6};
use wire::{Family, MacAddr};

use crate::Test;
use crate::world::{Cable, NEAR, address, eventually};

pub const TESTS: &[Test] = &[
    ("datagrams_of_either_family_are_sent_from_memory_that_is_there", datagrams),
    ("frames_are_sent_from_memory_that_is_there", frames),
];

const SOURCE_V4: [u8; 4] = [192, 0, 2, 1];
const SOURCE_V6: [u16; 8] = [0xfe80, 0, 0, 0, 0, 0, 0, 0x11];
const MESSAGE: [u8; 8] = [0x31, 1, 100, 0, 0, 100, 0, 0];

/// An advert over IPv4, whole.
fn whole() -> Vec<u8> {
    let header = Ipv4Header {
        tos: 0xc0,
        identification: 1,
        ttl: 255,
        protocol: wire::vrrp::PROTOCOL,
        source: SOURCE_V4.into(),
        destination: MULTICAST_V4,
    };
    [header.emit(MESSAGE.len()).as_slice(), &MESSAGE].concat()
}

fn sending(bytes: &[u8], family: Family) -> Sending<'_> {
    let (source, destination): (IpAddr, IpAddr) = match family {
        Family::Ipv4 => (SOURCE_V4.into(), MULTICAST_V4.into()),
        Family::Ipv6 => (SOURCE_V6.into(), MULTICAST_V6.into()),
    };
    Sending { bytes, source, destination, hop_limit: 255 }
}

/// The second of two equal calls asks for no memory.
fn takes_none(what: &str, mut act: impl FnMut()) {
    act();
    let taken = measure(act);
    assert_eq!(taken.count_total, 0, "{what}");
}

fn datagrams() {
    let mut cable = Cable::new();
    let near = cable.near;
    let here = [address(near, SOURCE_V4, 24), address(near, SOURCE_V6, 64)];
    assert!(cable.requests.set_addresses(&here).iter().all(Result::is_ok));
    let whole = whole();
    let mut buffers = Packet::new();
    for (family, bytes) in [(Family::Ipv4, whole.as_slice()), (Family::Ipv6, &MESSAGE)] {
        let socket = SendSocket::open(NEAR, near, family).unwrap();
        takes_none("a batch", || {
            let sendings = std::iter::repeat_n(sending(bytes, family), 300);
            let (sent, refusal) = socket.send(sendings);
            assert!(sent == 300 && refusal.is_none(), "{sent} {refusal:?}");
        });
        let ears = ReceiveSocket::open(NEAR, family, Framing::Plain, None, None).unwrap();
        takes_none("a look", || {
            ears.receive(&mut buffers, |_, _| {}).unwrap();
        });
    }
    let announcer = AnnounceSocket::open().unwrap();
    let frame: (IfIndex, MacAddr, &[u8]) = (near, MacAddr::BROADCAST, &whole);
    takes_none("announcements", || assert_eq!(announcer.send(&[frame; 40]).0, 40));
}

fn frames() {
    let mut cable = Cable::new();
    let mac = MacAddr([0, 0, 0x5e, 0, 1, 51]);
    let kind = UpperKind::PrivateMacvlan(mac);
    let upper = UpperLink { parent: cable.near, name: "vrrp.51".to_owned(), kind };
    cable.requests.create_upper_links(&[upper]).remove(0).unwrap();
    let index = RequestSocket::open().unwrap().index_of("vrrp.51").unwrap().unwrap();
    cable.requests.set_links_up(&[index]).remove(0).unwrap();
    eventually("the link runs", || {
        let links = cable.requests.links().unwrap();
        links.into_iter().find(|link| link.index == index && link.running).map(|_| ())
    });
    let whole = whole();
    for (family, bytes) in [(Family::Ipv4, whole.as_slice()), (Family::Ipv6, &MESSAGE)] {
        let framing = Framing::Plain;
        let ears =
            ReceiveSocket::open_on_link("vrrp.51", index, family, framing, None, None).unwrap();
        let mouth = SendSocket::of_link(&ears, mac).unwrap();
        takes_none("a batch", || {
            let (sent, refusal) = mouth.send(std::iter::repeat_n(sending(bytes, family), 40));
            assert!(sent == 40 && refusal.is_none(), "{sent} {refusal:?}");
        });
    }
}
