//! Links: what a lab is built of, and how the kernel refuses.

use std::os::fd::AsFd;

use intent::IfIndex;
use kernel::namespace::Namespace;
use kernel::netlink::{NetlinkError, RequestSocket};
use rustix::io::Errno;
use wire::MacAddr;

use crate::Test;
use crate::world::{Cable, FAR, NEAR, NEAR_MAC, address, eventually};

pub const TESTS: &[Test] = &[
    ("a_namespace_begins_with_the_loopback_alone", loopback),
    ("a_bridge_carries_frames_between_its_ports", bridge),
    ("refusals_name_the_operation_and_the_reason", refusals),
    ("a_link_is_found_by_its_name", by_name),
    ("a_secondary_address_may_take_the_place_of_a_primary_one", promoting),
];

fn loopback() {
    let mut requests = RequestSocket::open().unwrap();
    let links = requests.links().unwrap();
    let [lo] = links.as_slice() else { panic!("{links:?}") };
    assert_eq!((lo.name.as_str(), lo.index, lo.running), ("lo", IfIndex(1), false));
    assert!(requests.addresses().unwrap().is_empty());
    requests.set_link_up(IfIndex(1), true).unwrap();
    eventually("the loopback", || requests.links().unwrap()[0].running.then_some(()));
    let addresses = requests.addresses().unwrap();
    let texts: Vec<String> = addresses.iter().map(|a| a.address.to_string()).collect();
    assert!(texts.iter().all(|text| ["127.0.0.1", "::1"].contains(&text.as_str())), "{texts:?}");
}

fn bridge() {
    let mut requests = RequestSocket::open().unwrap();
    requests.create_bridge("bridge0").unwrap();
    let bridge = requests.index_of("bridge0").unwrap().unwrap();
    requests.set_link_up(bridge, true).unwrap();
    let hosts: Vec<(Namespace, IfIndex)> = (1..=2)
        .map(|host| {
            let space = Namespace::create().unwrap();
            let (port, inside) = (format!("port{host}"), MacAddr([2, 0, 0, 0, 1, host]));
            let outside = MacAddr([2, 0, 0, 0, 2, host]);
            requests.create_veth((&port, outside), ("eth0", inside), space.as_fd()).unwrap();
            let port = requests.index_of(&port).unwrap().unwrap();
            requests.set_master(port, bridge).unwrap();
            requests.set_link_up(port, true).unwrap();
            let up = || {
                let mut requests = RequestSocket::open().unwrap();
                let eth0 = requests.index_of("eth0").unwrap().unwrap();
                requests.set_link_up(eth0, true).unwrap();
                let link = requests.links().unwrap().into_iter().find(|link| link.index == eth0);
                assert_eq!(link.unwrap().mac, Some(inside));
                eth0
            };
            let eth0 = space.within(up).unwrap();
            (space, eth0)
        })
        .collect();
    let [(one, near), (other, far)] = hosts.as_slice() else { panic!() };
    one.within(|| crate::world::until_passing(*near, ("eth0", *far), other)).unwrap();
}

fn refused(outcome: Result<(), NetlinkError>, errno: Errno) -> String {
    let error = outcome.expect_err("this is refused");
    let text = error.to_string();
    let NetlinkError::Refused { operation, errno: found, .. } = error else { panic!("{text}") };
    assert_eq!(found, errno, "{text}");
    assert!(text.starts_with(operation), "{text}");
    text
}

fn refusals() {
    let mut cable = Cable::new();
    let nowhere = IfIndex(4_000_000);
    refused(cable.requests.create_bridge(NEAR), Errno::EXIST);
    refused(cable.requests.create_bridge("a name that is too long"), Errno::RANGE);
    refused(cable.requests.set_link_up(nowhere, true), Errno::NODEV);
    let text = refused(cable.requests.set_master(cable.near, IfIndex(1)), Errno::OPNOTSUPP);
    assert!(text.contains(": "), "the kernel says why: {text}");
    let taken = cable.requests.create_veth((NEAR, NEAR_MAC), ("x0", NEAR_MAC), cable.there.as_fd());
    refused(taken, Errno::EXIST);
    let odd = MacAddr([1, 0, 0, 0, 0, 1]);
    let group = cable.requests.create_veth(("x0", odd), ("x1", odd), cable.there.as_fd());
    refused(group, Errno::ADDRNOTAVAIL);
    // A refusal leaves nothing behind and the socket usable.
    assert_eq!(cable.requests.index_of("x0").unwrap(), None);
}

fn by_name() {
    let mut cable = Cable::new();
    assert_eq!(cable.requests.index_of(NEAR).unwrap(), Some(cable.near));
    assert_eq!(cable.requests.index_of(FAR).unwrap(), None, "it is elsewhere");
    assert_eq!(cable.requests.index_of("").unwrap(), None);
    assert_eq!(cable.requests.index_of("near").unwrap(), None);
}

fn promoting() {
    let mut cable = Cable::new();
    assert!(!cable.requests.promotes_secondaries(cable.near).unwrap());
    for on in [true, false, true] {
        cable.requests.promote_secondaries(cable.near, on).unwrap();
        assert_eq!(cable.requests.promotes_secondaries(cable.near).unwrap(), on);
    }
    let two = [1, 2].map(|last| address(cable.near, [10, 9, 0, last], 24));
    cable.requests.set_addresses(&two).into_iter().for_each(|result| result.unwrap());
    cable.requests.remove_addresses(&[two[0].key()]).remove(0).unwrap();
    let left = cable.requests.addresses().unwrap();
    assert!(left.iter().any(|it| it.address == two[1].address), "{left:?}");
    cable.requests.promotes_secondaries(IfIndex(4711)).unwrap_err();
    cable.requests.promote_secondaries(IfIndex(4711), true).unwrap_err();
}
