//! Setting, renewing, losing and removing addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use intent::{Address, AddressKey, Flags, IfIndex, Lifetime};
use kernel::netlink::NetlinkError;
use rustix::io::Errno;

use crate::Test;
use crate::world::{Cable, NEAR, address, eventually};

pub const TESTS: &[Test] = &[
    ("an_ipv4_address_is_held_as_it_was_set", ipv4_as_set),
    ("an_ipv6_address_is_held_as_it_was_set", ipv6_as_set),
    ("an_address_with_a_peer_is_held_and_removed", peer),
    ("one_address_may_stand_with_two_prefixes", two_prefixes),
    ("an_ipv6_address_keeps_the_prefix_it_has", one_prefix),
    ("two_hundred_addresses_come_and_go_in_one_batch", many),
    ("a_batch_tells_each_failure_in_its_place", partly),
    ("setting_and_removing_twice_does_no_harm", twice),
    ("an_address_of_an_interface_that_is_gone_is_removed_already", gone_interface),
    ("a_refusal_carries_the_kernel_s_reason", reason),
    ("a_lease_that_nobody_renews_runs_out", lease),
    ("a_renewed_lease_stands", renewal),
    ("a_lease_becomes_permanent_and_a_permanent_address_a_lease", lease_and_back),
];

fn held(cable: &mut Cable, key: &AddressKey) -> Option<Address> {
    cable.requests.addresses().unwrap().into_iter().find(|address| address.key() == *key)
}

fn set(cable: &mut Cable, address: &Address) {
    for result in cable.requests.set_addresses(std::slice::from_ref(address)) {
        result.unwrap();
    }
}

fn remove(cable: &mut Cable, key: AddressKey) {
    for result in cable.requests.remove_addresses(&[key]) {
        result.unwrap();
    }
}

/// IPv4 has no duplicate address detection to do without.
fn v4(interface: IfIndex, last: u8, prefix: u8) -> Address {
    let mut address = address(interface, [192, 0, 2, last], prefix);
    address.flags = Flags::default();
    address
}

fn ipv4_as_set() {
    let mut cable = Cable::new();
    let plain = v4(cable.near, 1, 24);
    let full = Address {
        broadcast: Some(Ipv4Addr::new(198, 51, 100, 255)),
        scope: 253,
        label: Some(format!("{NEAR}:vip")),
        flags: Flags { no_prefix_route: true, ..Flags::default() },
        lifetime: Lifetime::Seconds(1000),
        preferred: Lifetime::Seconds(500),
        ..address(cable.near, [198, 51, 100, 7], 24)
    };
    set(&mut cable, &plain);
    set(&mut cable, &full);
    // The kernel labels an address by its interface where nobody says otherwise.
    let labelled = Address { label: Some(NEAR.to_owned()), ..plain.clone() };
    assert_eq!(held(&mut cable, &plain.key()), Some(labelled));
    assert_eq!(held(&mut cable, &full.key()), Some(full.clone()));
    assert_eq!(full.protocol, 18);
    remove(&mut cable, full.key());
    assert_eq!(held(&mut cable, &full.key()), None);
}

fn ipv6_as_set() {
    let mut cable = Cable::new();
    let full = Address {
        flags: Flags { no_dad: true, no_prefix_route: true, home: true, ..Flags::default() },
        lifetime: Lifetime::Seconds(1000),
        preferred: Lifetime::Seconds(0),
        ..address(cable.near, Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7), 64)
    };
    set(&mut cable, &full);
    assert_eq!(held(&mut cable, &full.key()), Some(full.clone()));
    let link_local = Address {
        scope: 253,
        ..address(cable.near, Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 7), 64)
    };
    set(&mut cable, &link_local);
    assert_eq!(held(&mut cable, &link_local.key()), Some(link_local.clone()));
    remove(&mut cable, full.key());
    remove(&mut cable, link_local.key());
    assert_eq!(held(&mut cable, &full.key()), None);
    assert_eq!(held(&mut cable, &link_local.key()), None);
}

fn peer() {
    let mut cable = Cable::new();
    let one = Address {
        peer: Some([203, 0, 113, 9].into()),
        label: Some(NEAR.to_owned()),
        ..v4(cable.near, 1, 32)
    };
    let other_end = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9);
    let other = Address {
        peer: Some(other_end.into()),
        ..address(cable.near, Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7), 128)
    };
    for address in [one, other] {
        set(&mut cable, &address);
        assert_eq!(held(&mut cable, &address.key()), Some(address.clone()));
        remove(&mut cable, address.key());
        assert_eq!(held(&mut cable, &address.key()), None, "{address:?}");
    }
}

fn two_prefixes() {
    let mut cable = Cable::new();
    let (wide, narrow) = (v4(cable.near, 1, 24), v4(cable.near, 1, 32));
    set(&mut cable, &wide);
    set(&mut cable, &narrow);
    remove(&mut cable, narrow.key());
    assert_eq!(held(&mut cable, &narrow.key()), None);
    assert!(held(&mut cable, &wide.key()).is_some());
}

fn one_prefix() {
    let mut cable = Cable::new();
    let documentation = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7);
    let (wide, narrow) =
        (address(cable.near, documentation, 64), address(cable.near, documentation, 128));
    set(&mut cable, &narrow);
    set(&mut cable, &wide);
    assert!(held(&mut cable, &narrow.key()).is_some());
    assert_eq!(held(&mut cable, &wide.key()), None);
    remove(&mut cable, wide.key());
    assert!(held(&mut cable, &narrow.key()).is_some());
    // Removing what is there comes first, as the difference has it.
    remove(&mut cable, narrow.key());
    set(&mut cable, &wide);
    assert!(held(&mut cable, &wide.key()).is_some());
}

fn many() {
    let mut cable = Cable::new();
    let near = cable.near;
    let v6 = |last| address(near, Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last), 128);
    let wanted: Vec<Address> =
        (1..=100).map(|last| v4(near, last, 32)).chain((1..=100).map(v6)).collect();
    for result in cable.requests.set_addresses(&wanted) {
        result.unwrap();
    }
    for address in &wanted {
        assert!(held(&mut cable, &address.key()).is_some(), "{address:?}");
    }
    let keys: Vec<AddressKey> = wanted.iter().map(Address::key).collect();
    let results = cable.requests.remove_addresses(&keys);
    assert_eq!(results.len(), 200);
    assert!(results.iter().all(Result::is_ok));
    for key in &keys {
        assert_eq!(held(&mut cable, key), None);
    }
}

fn partly() {
    let mut cable = Cable::new();
    let nowhere = IfIndex(4_000_000);
    let wanted: Vec<Address> = (1..=130)
        .map(|last| v4(if last % 3 == 0 { nowhere } else { cable.near }, last, 32))
        .collect();
    let results = cable.requests.set_addresses(&wanted);
    for (last, result) in (1u8..).zip(&results) {
        assert_eq!(result.is_err(), last % 3 == 0, "{last}: {result:?}");
    }
    assert_eq!(results.len(), 130);
}

fn twice() {
    let mut cable = Cable::new();
    let near = cable.near;
    let addresses =
        [v4(near, 1, 24), address(near, Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 64)];
    for address in &addresses {
        set(&mut cable, address);
        set(&mut cable, address);
        remove(&mut cable, address.key());
        remove(&mut cable, address.key());
    }
}

fn gone_interface() {
    let mut cable = Cable::new();
    let mut key = v4(cable.near, 1, 24).key();
    key.interface = IfIndex(4_000_000);
    remove(&mut cable, key);
}

fn reason() {
    let mut cable = Cable::new();
    let refused = |cable: &mut Cable, address: Address| {
        cable.requests.set_addresses(&[address]).remove(0).expect_err("this cannot be set")
    };
    let address = Address {
        lifetime: Lifetime::Seconds(1),
        preferred: Lifetime::Seconds(2),
        ..address(cable.near, Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 64)
    };
    let error = refused(&mut cable, address);
    let NetlinkError::Refused { errno, reason, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*errno, Errno::INVAL);
    assert!(!reason.is_empty(), "the kernel gives a reason since Linux 6.0");
    assert!(error.to_string().ends_with(&format!(": {reason}")), "{error}");

    let name = "a label that is much too long".to_owned();
    let address = Address { label: Some(name), ..v4(cable.near, 1, 24) };
    let error = refused(&mut cable, address);
    assert!(matches!(error, NetlinkError::Refused { errno: Errno::RANGE, .. }), "{error:?}");
}

fn leases(near: IfIndex, seconds: u32) -> [Address; 2] {
    let v6 = address(near, Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 128);
    [v4(near, 1, 32), v6].map(|address| Address {
        lifetime: Lifetime::Seconds(seconds),
        preferred: Lifetime::Seconds(seconds),
        ..address
    })
}

fn lease() {
    let mut cable = Cable::new();
    let leases = leases(cable.near, 1);
    let begin = Instant::now();
    for lease in &leases {
        set(&mut cable, lease);
        assert!(held(&mut cable, &lease.key()).is_some());
    }
    for lease in &leases {
        eventually("the end of a lease", || held(&mut cable, &lease.key()).is_none().then_some(()));
    }
    let lasted = begin.elapsed();
    assert!(lasted > Duration::from_millis(900) && lasted < Duration::from_secs(4), "{lasted:?}");
}

fn renewal() {
    let mut cable = Cable::new();
    let leases = leases(cable.near, 2);
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(4500) {
        for lease in &leases {
            set(&mut cable, lease);
        }
        std::thread::sleep(Duration::from_millis(300));
        for lease in &leases {
            assert!(held(&mut cable, &lease.key()).is_some(), "after {:?}", begin.elapsed());
        }
    }
}

fn lease_and_back() {
    let mut cable = Cable::new();
    for lease in leases(cable.near, 100) {
        for lifetime in [Lifetime::Seconds(100), Lifetime::Forever, Lifetime::Seconds(7)] {
            let wanted = Address { lifetime, preferred: lifetime, ..lease.clone() };
            set(&mut cable, &wanted);
            let held = held(&mut cable, &lease.key()).unwrap();
            assert_eq!((held.lifetime, held.preferred), (lifetime, lifetime));
        }
    }
    let address: IpAddr = [192, 0, 2, 1].into();
    let near = cable.near;
    let all = cable.requests.addresses().unwrap();
    assert_eq!(all.iter().filter(|a| a.interface == near && a.address == address).count(), 1);
}
