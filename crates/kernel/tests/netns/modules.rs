//! What takes a kernel that has more than the usual: links of kinds that many kernels are built without.
//!
//! Such a kernel runs in the lab's machine (`cargo xtask lab`), where `cargo xtask test` plays these tests; elsewhere one
//! that finds its kind of link missing says so.

use std::net::IpAddr;
use std::process::Command;

use intent::{
    Encap, IfIndex, IpvlanMode, Lifetime, METRIC_OF_IPV6, NextHop, Path, Prefix, Route, UpperKind,
    UpperLink,
};
use kernel::link::Upper;
use kernel::netlink::{NetlinkError, RequestSocket};
use kernel::path::Placed;
use kernel::socket::{Framing, ReceiveSocket, SendSocket};
use rustix::io::Errno;
use wire::Family;
use wire::vrrp::{MULTICAST_V4, MULTICAST_V6};

use crate::Test;
use crate::advertisements::{
    SOURCE_V4, SOURCE_V6, cable, collect, datagram, v4_sendings, v6_sending, vrrp,
};
use crate::upper::{VMAC, find, make, wanted};
use crate::world::{Cable, FAR, NEAR, address, eventually, until_passing};

pub const TESTS: &[Test] = &[
    ("an_ipvlan_is_made_in_each_mode_and_changed_to_another", ipvlan),
    ("an_address_on_a_dummy_link_is_a_lease_as_on_any", dummy),
    ("advertisements_pass_a_vlan_and_are_heard_nowhere_else", vlan),
    ("a_virtual_mac_link_stands_on_a_vlan", vmac_on_vlan),
    ("advertisements_are_heard_on_a_link_of_a_vrf", vrf),
    ("a_route_stands_in_the_table_of_a_vrf", vrf_route),
    ("a_way_with_labels_is_seen_as_it_was_set", labels),
    ("a_way_with_a_locator_is_seen_as_it_was_set", locator),
];

/// Whether this is the lab's machine, whose kernel lacks nothing.
pub fn in_lab() -> bool {
    std::env::var_os("STEADFAST_LAB").is_some()
}

/// Says that the kernel has no `what`.
pub fn absent(what: &str) {
    assert!(!in_lab(), "the kernel of the lab has no {what}");
    println!("SKIPPED: kernel has no {what}");
}

/// Whether `ip link add LINE` makes a link; if not, for its kind being unknown.
fn add(line: &str) -> bool {
    let arguments = ["link", "add"].into_iter().chain(line.split(' '));
    let output = Command::new("ip").args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // The one is what the kernel says since Linux 4.20, the other what `ip` says of an older answer.
    let unknown = said.contains("Unknown device type") || said.contains("Operation not supported");
    assert!(output.status.success() || unknown, "ip link add {line}: {said}");
    output.status.success()
}

/// Does the same in the namespace of the far end.
fn add_there(cable: &Cable, line: &str) -> bool {
    cable.there.within(|| add(line)).unwrap()
}

/// Takes a link up, and says which it is.
fn up(name: &str) -> IfIndex {
    let mut requests = RequestSocket::open().unwrap();
    let index = requests.index_of(name).unwrap().unwrap();
    requests.set_link_up(index, true).unwrap();
    eventually("the link runs", || {
        find(&mut requests, name).filter(|link| link.running).map(|_| ())
    });
    index
}

fn ipvlan() {
    let mut cable = Cable::new();
    for (number, mode) in
        [IpvlanMode::Private, IpvlanMode::Bridge, IpvlanMode::Vepa].into_iter().enumerate()
    {
        // The mode is the parent's: all links on one have the same.
        let name = format!("vrrp.{number}");
        let kind = UpperKind::Ipvlan(mode);
        let link = UpperLink { parent: cable.near, name: name.clone(), kind };
        match cable.requests.create_upper_links(&[link]).remove(0) {
            Err(NetlinkError::Refused { errno: Errno::OPNOTSUPP, .. }) => return absent("ipvlan"),
            outcome => outcome.unwrap(),
        }
        let link = find(&mut cable.requests, &name).unwrap();
        assert_eq!(link.upper, Some((cable.near, Upper::Ipvlan(mode))));
        cable.requests.set_ipvlan_mode(link.index, IpvlanMode::Vepa).unwrap();
        let link = find(&mut cable.requests, &name).unwrap();
        assert_eq!(link.upper, Some((cable.near, Upper::Ipvlan(IpvlanMode::Vepa))));
        cable.requests.remove_links(&[link.index]).unwrap();
    }
}

fn dummy() {
    if !add("name dummy0 type dummy") {
        return absent("dummy");
    }
    let index = up("dummy0");
    let mut requests = RequestSocket::open().unwrap();
    let link = find(&mut requests, "dummy0").unwrap();
    assert_eq!((link.up, link.running, link.upper), (true, true, None));
    let mut lease = address(index, [192, 0, 2, 7], 32);
    (lease.lifetime, lease.preferred) = (Lifetime::Seconds(1), Lifetime::Seconds(1));
    let held = address(index, "2001:db8::7".parse::<IpAddr>().unwrap(), 128);
    for result in requests.set_addresses(&[lease.clone(), held.clone()]) {
        result.unwrap();
    }
    let stands = |requests: &mut RequestSocket, key| {
        requests.addresses().unwrap().iter().any(|address| address.key() == key)
    };
    assert!(stands(&mut requests, lease.key()));
    eventually("the end of the lease", || (!stands(&mut requests, lease.key())).then_some(()));
    assert!(stands(&mut requests, held.key()));
}

/// VLAN 7 on both ends of a cable: near and far.
fn tagged(cable: &mut Cable) -> Option<(IfIndex, IfIndex)> {
    let line = |below: &str| format!("link {below} name vlan7 type vlan id 7");
    if !add(&line(NEAR)) {
        return None;
    }
    assert!(add_there(cable, &line(FAR)));
    let (near, far) = (up("vlan7"), cable.there.within(|| up("vlan7")).unwrap());
    until_passing(near, ("vlan7", far), &cable.there);
    Some((near, far))
}

fn listen(cable: &Cable, name: &str, index: IfIndex, family: Family) -> ReceiveSocket {
    let open = || {
        let socket = ReceiveSocket::open(name, family, Framing::Plain, None, None).unwrap();
        let group = match family {
            Family::Ipv4 => IpAddr::V4(MULTICAST_V4),
            Family::Ipv6 => IpAddr::V6(MULTICAST_V6),
        };
        socket.join(group, index).unwrap();
        socket
    };
    cable.there.within(open).unwrap()
}

fn vlan() {
    let mut cable = cable();
    let Some((near, far)) = tagged(&mut cable) else { return absent("vlan") };
    let inside = listen(&cable, "vlan7", far, Family::Ipv4);
    let below = listen(&cable, FAR, cable.far, Family::Ipv4);
    let [tagged, plain] = [("vlan7", near), (NEAR, cable.near)]
        .map(|(name, index)| SendSocket::open(name, index, Family::Ipv4).unwrap());
    assert_eq!(tagged.send(v4_sendings(&[datagram(7, 255, MULTICAST_V4)])).0, 1);
    assert_eq!(plain.send(v4_sendings(&[datagram(8, 255, MULTICAST_V4)])).0, 1);
    let expected = |vrid| [(vrid, 255, SOURCE_V4.into(), MULTICAST_V4.into())];
    assert_eq!(collect(&inside, 1), expected(7));
    assert_eq!(collect(&below, 1), expected(8));
}

fn vmac_on_vlan() {
    let mut cable = cable();
    let Some((near, _)) = tagged(&mut cable) else { return absent("vlan") };
    let link = make(&mut cable.requests, wanted(near, "vrrp.51", VMAC));
    assert_eq!(link.upper, Some((near, Upper::PrivateMacvlan)));
    assert_eq!(link.mac, Some(VMAC));
    up("vrrp.51");
}

/// Puts the far end into a VRF with a table of its own.
fn enslave(cable: &Cable) -> bool {
    if !add_there(cable, "name blue type vrf table 10") {
        return false;
    }
    let join = || {
        up("blue");
        let joined = Command::new("ip").args(["link", "set", FAR, "master", "blue"]).status();
        assert!(joined.unwrap().success());
    };
    cable.there.within(join).unwrap();
    until_passing(cable.near, (FAR, cable.far), &cable.there);
    true
}

fn vrf() {
    let cable = cable();
    if !enslave(&cable) {
        return absent("vrf");
    }
    let there = listen(&cable, FAR, cable.far, Family::Ipv4);
    let sender = SendSocket::open(NEAR, cable.near, Family::Ipv4).unwrap();
    assert_eq!(sender.send(v4_sendings(&[datagram(51, 255, MULTICAST_V4)])).0, 1);
    assert_eq!(collect(&there, 1), [(51, 255, SOURCE_V4.into(), MULTICAST_V4.into())]);
    let there = listen(&cable, FAR, cable.far, Family::Ipv6);
    let sender = SendSocket::open(NEAR, cable.near, Family::Ipv6).unwrap();
    assert_eq!(sender.send([v6_sending(&vrrp(51))]).0, 1);
    assert_eq!(collect(&there, 1), [(51, 255, SOURCE_V6.into(), MULTICAST_V6.into())]);
}

fn vrf_route() {
    let cable = cable();
    if !enslave(&cable) {
        return absent("vrf");
    }
    let within = || {
        let mut requests = RequestSocket::open().unwrap();
        let device = Some(cable.far);
        let hop =
            NextHop { gateway: None, device, weight: 1, on_link: false, realms: 0, encap: None };
        let destination = Prefix { address: [198, 51, 100, 0].into(), length: 24 };
        let route = Route::new(destination, vec![hop]);
        let path = Path::Route(Box::new(Route { table: 10, scope: 253, protocol: 18, ..route }));
        assert_eq!(requests.set_paths(std::slice::from_ref(&path)).remove(0).unwrap(), Placed::New);
        let seen = requests.paths(18).unwrap();
        assert!(matches!(&seen[..], [only] if path.is_seen_as(only)), "{seen:?}");
    };
    cable.there.within(within).unwrap();
}

/// Sets a route through the near end, sees it, and removes it; says whether the kernel knows what its way does.
fn round_trip(cable: &mut Cable, destination: &str, gateway: &str, encap: Encap) -> bool {
    let length = if destination.contains(':') { 128 } else { 32 };
    let (destination, gateway): (IpAddr, IpAddr) =
        (destination.parse().unwrap(), gateway.parse().unwrap());
    let metric = if destination.is_ipv6() { METRIC_OF_IPV6 } else { 0 };
    let hop = NextHop {
        gateway: Some(gateway),
        device: Some(cable.near),
        weight: 1,
        on_link: false,
        realms: 0,
        encap: Some(encap),
    };
    let route = Route::new(Prefix { address: destination, length }, vec![hop]);
    let paths = [Path::Route(Box::new(Route { protocol: 18, metric, ..route }))];
    match cable.requests.set_paths(&paths).remove(0) {
        Ok(placed) => assert_eq!(placed, Placed::New),
        Err(NetlinkError::Refused { errno: Errno::OPNOTSUPP, .. }) => return false,
        Err(error) => panic!("{error}"),
    }
    let seen = cable.requests.paths(18).unwrap();
    assert!(matches!(&seen[..], [only] if paths[0].is_seen_as(only)), "{seen:?}");
    cable.requests.remove_paths(&paths).remove(0).unwrap();
    assert_eq!(cable.requests.paths(18).unwrap(), []);
    true
}

fn labels() {
    let mut cable = cable();
    if !round_trip(&mut cable, "198.51.100.1", "192.0.2.7", Encap::Mpls(vec![100, 200])) {
        return absent("mpls_iptunnel");
    }
    assert!(round_trip(&mut cable, "2001:db8:5::1", "fe80::7", Encap::Mpls(vec![16])));
}

fn locator() {
    // Nothing asks for the module by itself.
    if in_lab() {
        assert!(Command::new("modprobe").arg("ila").status().unwrap().success());
    }
    // The kernel wants identifiers that are no interface's: 1 in the first three bits is one of its own.
    let encap = Encap::Ila(0x2001_0db8_0006_0007);
    if !round_trip(&mut cable(), "2001:db8:5:0:2000::1", "fe80::7", encap) {
        absent("ila");
    }
}
