//! Links on other links: made, seen, marked, removed; their settings; and advertisements straight from and to them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use intent::{IfIndex, UpperKind, UpperLink};
use kernel::link::{Link, Upper};
use kernel::netlink::{NetlinkError, RequestSocket};
use kernel::socket::{FrameSocket, Framing, Heard, Packet, ReceiveSocket, SendSocket, Sending};
use kernel::sysctl::{self, Setting};
use rustix::io::Errno;
use wire::ip::Ipv4Header;
use wire::vrrp::{MULTICAST_V4, MULTICAST_V6};
use wire::{Family, MacAddr, Vrid};

use crate::Test;
use crate::world::{Cable, FAR_MAC, NEAR, eventually};

pub const TESTS: &[Test] = &[
    ("a_private_macvlan_is_made_down_and_seen_as_it_is", made),
    ("of_one_ethernet_address_one_link_is_up_on_a_parent", once),
    ("an_alias_stays_until_it_is_taken_away", alias),
    ("a_group_of_links_goes_as_one_and_others_stay", many),
    ("a_link_that_cannot_go_keeps_no_other_and_is_left_out_of_the_group", stubborn),
    ("settings_are_read_and_written", settings),
    ("a_silent_link_hears_adverts_that_its_ip_layer_would_drop", silent),
    ("ipv6_adverts_pass_a_link_without_ipv6", silent_ipv6),
];

pub const VMAC: MacAddr = MacAddr([0, 0, 0x5e, 0, 1, 51]);

pub fn wanted(parent: IfIndex, name: &str, mac: MacAddr) -> UpperLink {
    UpperLink { parent, name: name.to_owned(), kind: UpperKind::PrivateMacvlan(mac) }
}

pub fn find(requests: &mut RequestSocket, name: &str) -> Option<Link> {
    requests.links().unwrap().into_iter().find(|link| link.name == name)
}

pub fn make(requests: &mut RequestSocket, link: UpperLink) -> Link {
    let name = link.name.clone();
    requests.create_upper_links(&[link]).remove(0).unwrap();
    find(requests, &name).unwrap()
}

fn made() {
    let mut cable = Cable::new();
    let link = make(&mut cable.requests, wanted(cable.near, "vrrp.51", VMAC));
    assert_eq!(link.upper, Some((cable.near, Upper::PrivateMacvlan)));
    assert_eq!((link.mac, link.up, link.alias, link.group), (Some(VMAC), false, None, 0));
    // A cable's end has another end, and stands on nothing.
    let near = find(&mut cable.requests, NEAR).unwrap();
    assert_eq!(near.upper, None);
    cable.requests.set_links_up(&[link.index]).remove(0).unwrap();
    cable.requests.set_group(link.index, 7).unwrap();
    eventually("the link runs", || {
        find(&mut cable.requests, "vrrp.51")
            .filter(|link| link.up && link.running && link.group == 7)
    });
}

fn once() {
    let mut cable = Cable::new();
    let first = make(&mut cable.requests, wanted(cable.near, "vrrp.51", VMAC)).index;
    let second = make(&mut cable.requests, wanted(cable.near, "vrrp1.51", VMAC)).index;
    let mut results = cable.requests.set_links_up(&[first, second]);
    results.remove(0).unwrap();
    let nowhere = [wanted(IfIndex(4_000_000), "x", VMAC), wanted(cable.near, "vrrp.51", VMAC)];
    results.extend(cable.requests.create_upper_links(&nowhere));
    let errno = |result: &Result<(), NetlinkError>| match result {
        Err(NetlinkError::Refused { errno, .. }) => *errno,
        other => panic!("{other:?}"),
    };
    let errnos: Vec<Errno> = results.iter().map(errno).collect();
    assert_eq!(errnos, [Errno::ADDRINUSE, Errno::NODEV, Errno::EXIST]);
}

fn alias() {
    let mut cable = Cable::new();
    let link = make(&mut cable.requests, wanted(cable.near, "vrrp.51", VMAC));
    let text = "steadfast 4711 made; parent arp_ignore=0 arp_filter=0".to_owned();
    for (given, seen) in [(text.clone(), Some(text)), (String::new(), None)] {
        cable.requests.set_aliases(&[(link.index, given)]).remove(0).unwrap();
        assert_eq!(find(&mut cable.requests, "vrrp.51").unwrap().alias, seen);
    }
}

fn many() {
    let mut cable = Cable::new();
    let mac = |last| MacAddr([0, 0, 0x5e, 0, 1, last]);
    let links: Vec<UpperLink> =
        (1..=100).map(|last| wanted(cable.near, &format!("vrrp.{last}"), mac(last))).collect();
    assert!(cable.requests.create_upper_links(&links).iter().all(Result::is_ok));
    let doomed: Vec<IfIndex> = (2..=100)
        .map(|last| cable.requests.index_of(&format!("vrrp.{last}")).unwrap().unwrap())
        .collect();
    let begin = std::time::Instant::now();
    cable.requests.remove_links(&doomed).unwrap();
    let took = begin.elapsed();
    let left: Vec<String> =
        cable.requests.links().unwrap().into_iter().map(|link| link.name).collect();
    assert_eq!(left, ["lo", NEAR, "vrrp.1"]);
    // One by one it takes twenty milliseconds each.
    assert!(took.as_millis() < 1000, "{took:?}");
    cable.requests.remove_links(&doomed[..1]).unwrap();
    cable.requests.remove_links(&[]).unwrap();
    let last = cable.requests.index_of("vrrp.1").unwrap().unwrap();
    cable.requests.remove_links(&[last]).unwrap();
    assert_eq!(cable.requests.index_of("vrrp.1").unwrap(), None);
}

fn stubborn() {
    let mut cable = Cable::new();
    let make = |cable: &mut Cable, last: u8| {
        let mac = MacAddr([0, 0, 0x5e, 0, 1, last]);
        make(&mut cable.requests, wanted(cable.near, &format!("vrrp.{last}"), mac)).index
    };
    // The loopback never goes, and nobody has the other number.
    for stubborn in [IfIndex(1), IfIndex(0)] {
        let (first, last) = (make(&mut cable, 1), make(&mut cable, 2));
        let error = cable.requests.remove_links(&[first, stubborn, last]).unwrap_err();
        assert!(error.to_string().starts_with("remove link: "), "{error}");
        let left = cable.requests.links().unwrap();
        let left: Vec<(&str, u32)> =
            left.iter().map(|link| (link.name.as_str(), link.group)).collect();
        assert_eq!(left, [("lo", 0), (NEAR, 0)]);
    }
}

fn settings() {
    let _cable = Cable::new();
    for (setting, value) in [
        (Setting::ArpIgnore, 1),
        (Setting::ArpAnnounce, 2),
        (Setting::RpFilter, 2),
        (Setting::AcceptRa, 0),
    ] {
        assert_ne!(sysctl::read(NEAR, setting).unwrap(), value);
        sysctl::write(NEAR, setting, value).unwrap();
        assert_eq!(sysctl::read(NEAR, setting).unwrap(), value);
    }
    let error = sysctl::write("nowhere0", Setting::ArpIgnore, 1).unwrap_err();
    assert!(error.to_string().starts_with("cannot write arp_ignore of nowhere0: "), "{error}");
    assert!(sysctl::write(NEAR, Setting::AddrGenMode, 77).is_err());
}

/// A virtual MAC link on the far end, that hears the group; what arrives on it; and the near end's frames.
fn listener(cable: &Cable, family: Family, group: IpAddr) -> (ReceiveSocket, SendSocket) {
    let mac = if family == Family::Ipv4 { VMAC } else { MacAddr([0, 0, 0x5e, 0, 2, 51]) };
    let open = || {
        let mut requests = RequestSocket::open().unwrap();
        let link = make(&mut requests, wanted(cable.far, "vrrp.51", mac));
        sysctl::write("vrrp.51", Setting::DisableIpv6, 1).unwrap();
        sysctl::write("all", Setting::RpFilter, 1).unwrap();
        requests.set_links_up(&[link.index]).remove(0).unwrap();
        eventually("the link runs", || {
            find(&mut requests, "vrrp.51").filter(|link| link.running).map(|_| ())
        });
        let vrids = Vrid::new(51).into_iter().collect();
        let ears = ReceiveSocket::open_on_link(
            "vrrp.51",
            link.index,
            family,
            Framing::Plain,
            Some(&vrids),
            Some(1 << 20),
        )
        .unwrap();
        ears.join(group, cable.far).unwrap();
        ears.join(group, cable.far).unwrap();
        let mouth = SendSocket::of_link(&ears, mac).unwrap();
        (ears, mouth)
    };
    cable.there.within(open).unwrap()
}

/// Receives until something came; what it was.
fn heard(ears: &ReceiveSocket) -> Vec<Vec<u8>> {
    let mut buffers = Packet::new();
    eventually("an advert", || {
        let mut all = Vec::new();
        let each = |datagram: kernel::socket::Datagram<'_>, _| match datagram {
            kernel::socket::Datagram::V4(bytes) => all.push(bytes.to_vec()),
            kernel::socket::Datagram::V6 { bytes, source, destination, hop_limit } => {
                assert_eq!((source, destination, hop_limit), (SOURCE_V6, MULTICAST_V6, 255));
                all.push(bytes.to_vec());
            }
        };
        ears.receive(&mut buffers, each).unwrap();
        (!all.is_empty()).then_some(all)
    })
}

const SOURCE_V6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x11);

fn advert(vrid: u8) -> Vec<u8> {
    vec![0x31, vrid, 100, 0, 0, 100, 0, 0]
}

fn datagram(vrid: u8) -> Vec<u8> {
    let header = Ipv4Header {
        tos: 0xc0,
        identification: 1,
        ttl: 255,
        protocol: wire::vrrp::PROTOCOL,
        source: Ipv4Addr::new(192, 0, 2, 1),
        destination: MULTICAST_V4,
    };
    [header.emit(8).to_vec(), advert(vrid)].concat()
}

fn silent() {
    let cable = Cable::new();
    let everything = FrameSocket::open(NEAR, cable.near, Heard::Everything).unwrap();
    let (ears, mouth) = listener(&cable, Family::Ipv4, MULTICAST_V4.into());
    let speak =
        ReceiveSocket::open_on_link(NEAR, cable.near, Family::Ipv4, Framing::Plain, None, None)
            .unwrap();
    let near = SendSocket::of_link(&speak, VMAC).unwrap();
    // From a peer with the same virtual MAC address, from one without, of another VRID, and with a header that is broken.
    let plain = SendSocket::of_link(&speak, FAR_MAC).unwrap();
    let mut broken = datagram(51);
    broken[10] ^= 1;
    let source = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let destination = MULTICAST_V4.into();
    for (socket, bytes) in
        [(&near, datagram(52)), (&near, broken), (&near, datagram(51)), (&plain, datagram(51))]
    {
        let (sent, refusal) =
            socket.send([Sending { bytes: &bytes, source, destination, hop_limit: 255 }]);
        assert!(sent == 1 && refusal.is_none(), "{refusal:?}");
    }
    let mut all = heard(&ears);
    while all.len() < 2 {
        all.extend(heard(&ears));
    }
    assert_eq!(all, [datagram(51), datagram(51)]);
    // What it sends has its address; nothing else has: the group was joined in the name of the link below.
    let bytes = datagram(51);
    let (sent, _) = mouth.send([Sending { bytes: &bytes, source, destination, hop_limit: 255 }]);
    assert_eq!(sent, 1);
    let mut frames = Vec::new();
    let mut buffers = Packet::new();
    eventually("the frame", || {
        everything.receive(&mut buffers, |frame| frames.push(frame.to_vec())).unwrap();
        let own = |frame: &&Vec<u8>| frame[6..12] == VMAC.0;
        let own: Vec<&Vec<u8>> = frames.iter().filter(own).collect();
        assert!(own.iter().all(|frame| frame[14..] == bytes), "{own:?}");
        assert!(own.iter().all(|frame| frame[..6] == [1, 0, 0x5e, 0, 0, 18]), "{own:?}");
        let report =
            |frame: &Vec<u8>| frame[6..12] == FAR_MAC.0 && frame[..6] == [1, 0, 0x5e, 0, 0, 22];
        (!own.is_empty() && frames.iter().any(report)).then_some(())
    });
    // Unicast has no place here.
    let destination = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9));
    let (sent, refusal) =
        mouth.send([Sending { bytes: &bytes, source, destination, hop_limit: 255 }]);
    assert_eq!((sent, refusal.map(|it| it.source)), (0, Some(Errno::AFNOSUPPORT)));
    // A link that goes down is silence.
    let down = || {
        let mut requests = RequestSocket::open().unwrap();
        let index = requests.index_of("vrrp.51").unwrap().unwrap();
        requests.set_link_up(index, false).unwrap();
    };
    cable.there.within(down).unwrap();
    for _ in 0..2 {
        assert_eq!(ears.receive(&mut buffers, |_, _| panic!("a packet")).unwrap(), (0, false));
    }
}

fn silent_ipv6() {
    let cable = Cable::new();
    let (ears, mouth) = listener(&cable, Family::Ipv6, MULTICAST_V6.into());
    let mac = MacAddr([0, 0, 0x5e, 0, 2, 51]);
    let speak =
        ReceiveSocket::open_on_link(NEAR, cable.near, Family::Ipv6, Framing::Plain, None, None)
            .unwrap();
    let near = SendSocket::of_link(&speak, mac).unwrap();
    let everything = FrameSocket::open(NEAR, cable.near, Heard::Everything).unwrap();
    let (source, destination) = (IpAddr::V6(SOURCE_V6), IpAddr::V6(MULTICAST_V6));
    for vrid in [52, 51] {
        let (sent, _) =
            near.send([Sending { bytes: &advert(vrid), source, destination, hop_limit: 255 }]);
        assert_eq!(sent, 1);
    }
    assert_eq!(heard(&ears), [advert(51)]);
    let (sent, _) =
        mouth.send([Sending { bytes: &advert(51), source, destination, hop_limit: 255 }]);
    assert_eq!(sent, 1);
    let mut expected = vec![0x33, 0x33, 0, 0, 0, 0x12, 0, 0, 0x5e, 0, 2, 51, 0x86, 0xdd];
    expected.extend([0x6c, 0, 0, 0, 0, 8, 112, 255]);
    expected.extend(SOURCE_V6.octets());
    expected.extend(MULTICAST_V6.octets());
    expected.extend(advert(51));
    let mut buffers = Packet::new();
    let mut frames = Vec::new();
    eventually("the frame", || {
        everything.receive(&mut buffers, |frame| frames.push(frame.to_vec())).unwrap();
        let own: Vec<&Vec<u8>> = frames.iter().filter(|frame| frame[6..12] == mac.0).collect();
        assert!(own.iter().all(|frame| **frame == expected), "{own:?}");
        (!own.is_empty()).then_some(())
    });
}
