//! Raw sockets: what is sent arrives, with how it arrived, and nothing else does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use intent::{AddressKey, IfIndex};
use kernel::eventloop::wall_clock;
use kernel::netlink::RequestSocket;
use kernel::socket::{Datagram, Framing, Packet, ReceiveSocket, SendSocket, Sending, VridSet};
use rustix::io::Errno;
use wire::ip::Ipv4Header;
use wire::vrrp::{MULTICAST_V4, MULTICAST_V6};
use wire::{Family, Vrid};

use crate::Test;
use crate::world::{Cable, FAR, NEAR, address, delete_link, eventually, until_passing};

pub const TESTS: &[Test] = &[
    ("ipv4_advertisements_of_our_vrids_arrive_with_their_ttl", ipv4),
    ("ipv6_advertisements_of_our_vrids_arrive_with_their_hop_limit", ipv6),
    ("only_a_joined_group_is_heard", joining),
    ("the_set_of_vrids_may_change", changing),
    ("unicast_arrives", unicast),
    ("a_large_batch_is_sent_whole_and_received_in_calls", batches),
    ("when_a_packet_came_is_told_however_late_it_is_read", stamps),
    ("a_source_that_went_is_still_sent_from", source_gone),
    ("another_interface_is_not_heard", other_interface),
    ("a_refusal_says_how_many_went_before", refusal),
    ("no_interface_no_socket", no_interface),
    ("the_end_of_the_interface_is_silence_for_those_that_listen", gone),
];

pub const SOURCE_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub const SOURCE_V6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x11);

/// What arrived: VRID, TTL or hop limit, source, destination.
pub type Arrived = (u8, u8, IpAddr, IpAddr);

/// A cable with addresses to send from and to send to.
pub fn cable() -> Cable {
    let mut cable = Cable::new();
    let (near, far) = (cable.near, cable.far);
    let here = [address(near, SOURCE_V4, 24), address(near, SOURCE_V6, 64)];
    assert!(cable.requests.set_addresses(&here).iter().all(Result::is_ok));
    let there = [address(far, [192, 0, 2, 2], 24)];
    let set = || RequestSocket::open().unwrap().set_addresses(&there);
    assert!(cable.there.within(set).unwrap().iter().all(Result::is_ok));
    cable
}

fn ours(vrids: &[u8]) -> VridSet {
    vrids.iter().filter_map(|vrid| Vrid::new(*vrid)).collect()
}

fn listen(cable: &Cable, family: Family, vrids: Option<&VridSet>) -> ReceiveSocket {
    let open = || {
        let socket =
            ReceiveSocket::open(FAR, family, Framing::Plain, vrids, Some(1 << 20)).unwrap();
        let group: IpAddr = match family {
            Family::Ipv4 => MULTICAST_V4.into(),
            Family::Ipv6 => MULTICAST_V6.into(),
        };
        socket.join(group, cable.far).unwrap();
        socket.join(group, cable.far).unwrap();
        socket
    };
    cable.there.within(open).unwrap()
}

pub fn vrrp(vrid: u8) -> Vec<u8> {
    vec![0x31, vrid, 100, 0, 0, 100, 0, 0]
}

pub fn datagram(vrid: u8, ttl: u8, destination: Ipv4Addr) -> Vec<u8> {
    let header = Ipv4Header {
        tos: 0xc0,
        identification: u16::from(vrid),
        ttl,
        protocol: wire::vrrp::PROTOCOL,
        source: SOURCE_V4,
        destination,
    };
    [header.emit(8).to_vec(), vrrp(vrid)].concat()
}

pub fn v4_sendings(datagrams: &[Vec<u8>]) -> Vec<Sending<'_>> {
    let to = |bytes: &[u8]| Ipv4Addr::from(*bytes[16..].first_chunk::<4>().unwrap());
    let sending = |bytes| Sending {
        bytes,
        source: SOURCE_V4.into(),
        destination: to(bytes).into(),
        hop_limit: 255,
    };
    datagrams.iter().map(|bytes| sending(bytes.as_slice())).collect()
}

fn arrived(datagram: Datagram<'_>) -> Arrived {
    match datagram {
        Datagram::V4(bytes) => {
            let ip = |at: usize| Ipv4Addr::from(*bytes[at..].first_chunk::<4>().unwrap());
            (bytes[21], bytes[8], ip(12).into(), ip(16).into())
        }
        Datagram::V6 { bytes, source, destination, hop_limit } => {
            assert_eq!(bytes.len(), 8);
            (bytes[1], hop_limit, source.into(), destination.into())
        }
    }
}

/// Waits for `count` datagrams, and a while for one too many.
pub fn collect(socket: &ReceiveSocket, count: usize) -> Vec<Arrived> {
    let mut buffers = Packet::new();
    let mut all = Vec::new();
    eventually("datagrams", || {
        socket.receive(&mut buffers, |datagram, _| all.push(arrived(datagram))).unwrap();
        (all.len() >= count).then_some(())
    });
    std::thread::sleep(Duration::from_millis(30));
    socket.receive(&mut buffers, |datagram, _| all.push(arrived(datagram))).unwrap();
    all
}

fn ipv4() {
    let cable = cable();
    let there = listen(&cable, Family::Ipv4, Some(&ours(&[1, 77, 255])));
    // We never hear ourselves.
    let here = ReceiveSocket::open(NEAR, Family::Ipv4, Framing::Plain, None, None).unwrap();
    here.join(MULTICAST_V4.into(), cable.near).unwrap();
    let sender = SendSocket::open(NEAR, cable.near, Family::Ipv4).unwrap();
    let mut datagrams: Vec<Vec<u8>> = [(1, 255), (2, 255), (77, 64), (78, 255), (255, 255)]
        .map(|(vrid, ttl)| datagram(vrid, ttl, MULTICAST_V4))
        .to_vec();
    // Without a VRID, and without anything.
    for cut in [1, 0] {
        let header = Ipv4Header {
            tos: 0xc0,
            identification: 0,
            ttl: 255,
            protocol: wire::vrrp::PROTOCOL,
            source: SOURCE_V4,
            destination: MULTICAST_V4,
        };
        datagrams.insert(0, [&header.emit(cut), &[0x31; 1][..cut]].concat());
    }
    let (sent, refusal) = sender.send(v4_sendings(&datagrams));
    assert!(sent == 7 && refusal.is_none(), "{refusal:?}");
    let expected = [(1, 255), (77, 64), (255, 255)]
        .map(|(vrid, ttl)| (vrid, ttl, SOURCE_V4.into(), MULTICAST_V4.into()));
    assert_eq!(collect(&there, 3), expected);
    assert_eq!(collect(&here, 0), []);
}

pub fn v6_sending(bytes: &[u8]) -> Sending<'_> {
    Sending { bytes, source: SOURCE_V6.into(), destination: MULTICAST_V6.into(), hop_limit: 255 }
}

fn ipv6() {
    let cable = cable();
    let there = listen(&cable, Family::Ipv6, Some(&ours(&[1, 77])));
    let here = ReceiveSocket::open(NEAR, Family::Ipv6, Framing::Plain, None, None).unwrap();
    here.join(MULTICAST_V6.into(), cable.near).unwrap();
    let sender = SendSocket::open(NEAR, cable.near, Family::Ipv6).unwrap();
    let payloads = [vrrp(1), vrrp(2), vrrp(77)];
    let sendings: Vec<Sending<'_>> = payloads.iter().map(|bytes| v6_sending(bytes)).collect();
    let (sent, refusal) = sender.send(sendings.iter().copied());
    assert!(sent == 3 && refusal.is_none(), "{refusal:?}");
    let expected = [1, 77].map(|vrid| (vrid, 255, SOURCE_V6.into(), MULTICAST_V6.into()));
    assert_eq!(collect(&there, 2), expected);
    assert_eq!(collect(&here, 0), []);
}

/// Whoever resigns because its address went is heard.
fn source_gone() {
    let mut cable = cable();
    let there = listen(&cable, Family::Ipv6, None);
    let sender = SendSocket::open(NEAR, cable.near, Family::Ipv6).unwrap();
    let bytes = vrrp(7);
    let key = AddressKey { interface: cable.near, address: SOURCE_V6.into(), prefix: 64 };
    cable.requests.remove_addresses(&[key]).remove(0).unwrap();
    let (sent, refusal) = sender.send([v6_sending(&bytes)]);
    assert!(sent == 1 && refusal.is_none(), "{refusal:?}");
    assert_eq!(collect(&there, 1), [(7, 255, SOURCE_V6.into(), MULTICAST_V6.into())]);
}

fn joining() {
    let cable = cable();
    let open = || ReceiveSocket::open(FAR, Family::Ipv4, Framing::Plain, None, None).unwrap();
    let stranger = cable.there.within(open).unwrap();
    // Another socket on the same host has joined, so that the packet does come up to both.
    let member = listen(&cable, Family::Ipv4, None);
    let sender = SendSocket::open(NEAR, cable.near, Family::Ipv4).unwrap();
    assert_eq!(sender.send(v4_sendings(&[datagram(1, 255, MULTICAST_V4)])).0, 1);
    assert_eq!(collect(&member, 1).len(), 1);
    assert_eq!(collect(&stranger, 0), []);
}

fn changing() {
    let cable = cable();
    let there = listen(&cable, Family::Ipv4, Some(&ours(&[])));
    let sender = SendSocket::open(NEAR, cable.near, Family::Ipv4).unwrap();
    let datagrams = [1, 2, 3].map(|vrid| datagram(vrid, 255, MULTICAST_V4));
    for (set, expected) in [
        (Some(ours(&[])), vec![]),
        (Some(ours(&[2])), vec![2]),
        (None, vec![1, 2, 3]),
        (Some(ours(&[3])), vec![3]),
    ] {
        there.set_vrids(set.as_ref()).unwrap();
        assert_eq!(sender.send(v4_sendings(&datagrams)).0, 3);
        let vrids: Vec<u8> = collect(&there, expected.len()).iter().map(|a| a.0).collect();
        assert_eq!(vrids, expected);
    }
}

fn unicast() {
    let cable = cable();
    let there = listen(&cable, Family::Ipv4, None);
    let sender = SendSocket::open(NEAR, cable.near, Family::Ipv4).unwrap();
    let far = Ipv4Addr::new(192, 0, 2, 2);
    let (sent, refusal) = sender.send(v4_sendings(&[datagram(9, 255, far)]));
    assert!(sent == 1 && refusal.is_none(), "{refusal:?}");
    assert_eq!(collect(&there, 1), [(9, 255, SOURCE_V4.into(), far.into())]);
}

fn stamps() {
    let cable = cable();
    let v4 = listen(&cable, Family::Ipv4, None);
    let v6 = listen(&cable, Family::Ipv6, None);
    let sender = SendSocket::open(NEAR, cable.near, Family::Ipv4).unwrap();
    let bytes = vrrp(7);
    let sending = Sending {
        bytes: &bytes,
        source: SOURCE_V6.into(),
        destination: MULTICAST_V6.into(),
        hop_limit: 255,
    };
    let begun = wall_clock();
    assert_eq!(sender.send(v4_sendings(&[datagram(7, 255, MULTICAST_V4)])).0, 1);
    let sender = SendSocket::open(NEAR, cable.near, Family::Ipv6).unwrap();
    assert_eq!(sender.send([sending]).0, 1);
    let sent = wall_clock();
    std::thread::sleep(Duration::from_millis(300));
    for socket in [v4, v6] {
        let mut stamped = None;
        eventually("a datagram", || {
            socket.receive(&mut Packet::new(), |_, stamp| stamped = stamp).unwrap();
            stamped
        });
        // Handing it over took a moment, but not as long as nobody read.
        let stamp = stamped.unwrap();
        assert!(stamp >= begun && stamp < sent + Duration::from_millis(250), "{stamp:?} {sent:?}");
    }
}

fn batches() {
    let cable = cable();
    let there = listen(&cable, Family::Ipv4, Some(&ours(&[1])));
    let sender = SendSocket::open(NEAR, cable.near, Family::Ipv4).unwrap();
    // More than one call can take; those of other VRIDs fill no buffer.
    let mut datagrams = vec![datagram(2, 255, MULTICAST_V4); 1100];
    datagrams.extend(vec![datagram(1, 255, MULTICAST_V4); 40]);
    let (sent, refusal) = sender.send(v4_sendings(&datagrams));
    assert!(sent == 1140 && refusal.is_none(), "{sent} {refusal:?}");
    // The cable itself may drop some of a burst, never those of a small one.
    std::thread::sleep(Duration::from_millis(50));
    while there.receive(&mut Packet::new(), |_, _| {}).unwrap().1 {}
    assert_eq!(sender.send(v4_sendings(&datagrams[1100..])).0, 40);
    std::thread::sleep(Duration::from_millis(50));
    let mut buffers = Packet::new();
    assert_eq!(there.receive(&mut buffers, |_, _| {}).unwrap(), (32, true));
    assert_eq!(there.receive(&mut buffers, |_, _| {}).unwrap(), (8, false));
    assert_eq!(there.receive(&mut buffers, |_, _| {}).unwrap(), (0, false));
    assert_eq!(sender.send([]).0, 0);
}

fn other_interface() {
    let mut cable = cable();
    let there = listen(&cable, Family::Ipv4, None);
    let macs = [[2, 0, 0, 0, 0, 3], [2, 0, 0, 0, 0, 4]].map(wire::MacAddr);
    let far = std::os::fd::AsFd::as_fd(&cable.there);
    cable.requests.create_veth(("near1", macs[0]), ("far1", macs[1]), far).unwrap();
    let near: IfIndex = cable.requests.index_of("near1").unwrap().unwrap();
    cable.requests.set_link_up(near, true).unwrap();
    let up = || {
        let mut requests = RequestSocket::open().unwrap();
        let far = requests.index_of("far1").unwrap().unwrap();
        requests.set_link_up(far, true).unwrap();
        far
    };
    let far = cable.there.within(up).unwrap();
    until_passing(near, ("far1", far), &cable.there);
    let open = || ReceiveSocket::open("far1", Family::Ipv4, Framing::Plain, None, None).unwrap();
    let on_other = cable.there.within(open).unwrap();
    on_other.join(MULTICAST_V4.into(), far).unwrap();
    let sender = SendSocket::open("near1", near, Family::Ipv4).unwrap();
    assert_eq!(sender.send(v4_sendings(&[datagram(1, 255, MULTICAST_V4)])).0, 1);
    assert_eq!(collect(&on_other, 1).len(), 1);
    assert_eq!(collect(&there, 0), []);
}

fn refusal() {
    let mut cable = cable();
    let sender = SendSocket::open(NEAR, cable.near, Family::Ipv4).unwrap();
    let good = datagram(1, 255, MULTICAST_V4);
    let v4 = v4_sendings(std::slice::from_ref(&good))[0];
    let bytes = vrrp(1);
    // One of the wrong family is refused in its place, not left out.
    let (sent, refusal) = sender.send([v4, v6_sending(&bytes), v4]);
    assert_eq!((sent, refusal.map(|error| error.source)), (1, Some(Errno::AFNOSUPPORT)));
    let mixed = Sending { destination: MULTICAST_V6.into(), ..v4 };
    let (sent, refusal) = sender.send([v4, v4, mixed]);
    assert_eq!((sent, refusal.map(|error| error.source)), (2, Some(Errno::AFNOSUPPORT)));

    cable.requests.set_link_up(cable.near, false).unwrap();
    let (sent, refusal) = sender.send([v4]);
    let refusal = refusal.expect("the link is down");
    assert_eq!((sent, refusal.interface.as_str()), (0, NEAR));
}

fn no_interface() {
    for family in [Family::Ipv4, Family::Ipv6] {
        let error =
            ReceiveSocket::open("nowhere0", family, Framing::Plain, None, None).unwrap_err();
        assert_eq!((error.interface.as_str(), error.source), ("nowhere0", Errno::NODEV));
        assert!(SendSocket::open("nowhere0", IfIndex(77), family).is_err());
    }
}

fn gone() {
    let cable = cable();
    let sockets = [Family::Ipv4, Family::Ipv6].map(|family| {
        let there = listen(&cable, family, None);
        (there, SendSocket::open(NEAR, cable.near, family).unwrap())
    });
    // Both ends of a cable go together.
    delete_link(cable.near);
    let v4 = [datagram(1, 255, MULTICAST_V4)];
    let v6 = vrrp(1);
    for (number, (receiver, sender)) in sockets.iter().enumerate() {
        assert_eq!(receiver.receive(&mut Packet::new(), |_, _| panic!()).unwrap(), (0, false));
        let sendings = if number == 0 { v4_sendings(&v4) } else { vec![v6_sending(&v6)] };
        let (sent, refusal) = sender.send(sendings.iter().copied());
        let refusal = refusal.expect("there is no interface");
        assert_eq!((sent, refusal.source), (0, Errno::NODEV));
    }
}
