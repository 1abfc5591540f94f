//! What the mirror says when links and addresses come, change and go.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use intent::{Address, AddressKey, Flags, IfIndex, Lifetime};
use kernel::namespace::Namespace;
use kernel::netlink::RequestSocket;
use kernel::observer::{Event, Observer};
use kernel::sysctl::{self, Setting};
use nix::sys::socket::{setsockopt, sockopt};
use wire::Family;

use crate::Test;
use crate::world::{Cable, NEAR, NEAR_MAC, address, delete_link, eventually, rename_link};

pub const TESTS: &[Test] = &[
    ("a_link_comes_and_goes", link_comes_and_goes),
    ("a_link_changes_its_carrier_and_its_name", link_changes),
    ("a_link_that_is_plugged_and_unplugged_stays", plugged),
    ("a_link_that_begins_to_pass_packets_on_is_told", forwarding_changes),
    ("an_address_comes_is_renewed_and_goes", address_comes_and_goes),
    ("a_lease_that_runs_out_is_seen_to_go", lease_runs_out),
    ("an_ipv6_address_counts_once_it_is_no_longer_tentative", tentative),
    ("a_lost_event_becomes_a_difference", overrun),
    ("events_older_than_the_loss_are_not_believed", stale_events),
    ("the_mirror_is_true_after_endless_losses", churn),
    ("secondary_addresses_are_seen_to_go_with_their_primary_one", secondaries),
    ("what_stands_is_found_whatever_its_prefix", standing),
    ("the_source_is_the_first_primary_address", source),
];

/// Takes in events until one of them is `wanted`; all that came.
fn until(observer: &mut Observer, wanted: &Event) -> Vec<Event> {
    let mut changes = Vec::new();
    eventually(&format!("{wanted:?} in {changes:?}"), || {
        observer.drain(&mut changes).unwrap();
        changes.contains(wanted).then_some(())
    });
    changes
}

/// Takes in everything that waits.
fn everything(observer: &mut Observer) -> Vec<Event> {
    let mut changes = Vec::new();
    loop {
        let before = changes.len();
        observer.drain(&mut changes).unwrap();
        if before == changes.len() {
            return changes;
        }
    }
}

fn forwarding_changes() {
    let cable = Cable::new();
    let mut observer = Observer::open().unwrap();
    everything(&mut observer);
    sysctl::write(NEAR, Setting::RpFilter, 1).unwrap();
    sysctl::write(NEAR, Setting::Forwarding, 1).unwrap();
    let told = until(&mut observer, &Event::ForwardingChanged(cable.near));
    assert_eq!(told, [Event::ForwardingChanged(cable.near)], "the filter is nobody's business");
    // As `ip_forward`, which sets all links.
    sysctl::write("all", Setting::Forwarding, 1).unwrap();
    sysctl::write("all", Setting::Forwarding, 0).unwrap();
    until(&mut observer, &Event::ForwardingChanged(cable.near));
}

/// The mirror becomes what a fresh look at the kernel shows: it may have an event yet to take in.
fn same_as_fresh(observer: &mut Observer) {
    eventually("a mirror like a fresh one", || {
        observer.drain(&mut Vec::new()).unwrap();
        let fresh = Observer::open().unwrap();
        let same = observer.links().eq(fresh.links()) && observer.addresses().eq(fresh.addresses());
        same.then_some(())
    });
}

fn link_comes_and_goes() {
    let mut observer = Observer::open().unwrap();
    assert!(observer.link_named(NEAR).is_none());
    let cable = Cable::new();
    let changes = until(&mut observer, &Event::LinkAppeared(cable.near));
    assert_eq!(changes.iter().filter(|e| **e == Event::LinkAppeared(cable.near)).count(), 1);
    let link = observer.link_named(NEAR).unwrap().clone();
    assert_eq!((link.index, link.mac, link.mtu), (cable.near, Some(NEAR_MAC), 1500));
    assert!(link.multicast && !link.loopback);
    assert!(observer.link_named("lo").unwrap().loopback);

    delete_link(cable.near);
    let gone = eventually("the end of the link", || {
        let changes = everything(&mut observer);
        changes.into_iter().find(|event| matches!(event, Event::LinkGone(_)))
    });
    let Event::LinkGone(gone) = gone else { panic!() };
    assert_eq!((gone.index, gone.name.as_str()), (cable.near, NEAR));
    assert!(observer.link(cable.near).is_none());
    assert!(observer.addresses().all(|address| address.interface != cable.near));
    same_as_fresh(&mut observer);
}

fn running(observer: &mut Observer, link: IfIndex, wanted: bool) {
    eventually("the carrier", || {
        observer.drain(&mut Vec::new()).unwrap();
        (observer.link(link)?.running == wanted).then_some(())
    });
}

fn link_changes() {
    let mut cable = Cable::new();
    let mut observer = Observer::open().unwrap();
    running(&mut observer, cable.near, true);
    // The far end goes down: the near one is up, without a carrier.
    let far = cable.far;
    let set_far =
        |up| cable.there.within(|| RequestSocket::open().unwrap().set_link_up(far, up).unwrap());
    set_far(false).unwrap();
    running(&mut observer, cable.near, false);
    set_far(true).unwrap();
    running(&mut observer, cable.near, true);
    cable.requests.set_link_up(cable.near, false).unwrap();
    running(&mut observer, cable.near, false);
    rename_link(cable.near, "other0");
    until(&mut observer, &Event::LinkChanged(cable.near));
    assert_eq!(observer.link_named("other0").unwrap().index, cable.near);
    assert!(observer.link_named(NEAR).is_none());
    // Nothing more to say, and a renamed link is still the same one.
    same_as_fresh(&mut observer);
}

fn plugged() {
    let mut cable = Cable::new();
    cable.requests.create_bridge("bridge0").unwrap();
    let bridge = cable.requests.index_of("bridge0").unwrap().unwrap();
    let mut observer = Observer::open().unwrap();
    cable.requests.set_master(cable.near, bridge).unwrap();
    cable.requests.set_link_up(bridge, true).unwrap();
    running(&mut observer, bridge, true);
    cable.requests.set_master(cable.near, IfIndex(0)).unwrap();
    delete_link(bridge);
    let changes = eventually("the end of the bridge", || {
        let changes = everything(&mut observer);
        changes.iter().any(|event| matches!(event, Event::LinkGone(_))).then_some(changes)
    });
    for change in &changes {
        assert!(!matches!(change, Event::LinkGone(link) if link.index == cable.near));
    }
    assert!(observer.link(cable.near).is_some());
    same_as_fresh(&mut observer);
}

fn lease_of(address: Address, seconds: u32) -> Address {
    let lifetime = Lifetime::Seconds(seconds);
    Address { lifetime, preferred: lifetime, ..address }
}

fn address_comes_and_goes() {
    let mut cable = Cable::new();
    let mut observer = Observer::open().unwrap();
    let documentation = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    for wanted in [address(cable.near, [192, 0, 2, 1], 24), address(cable.near, documentation, 64)]
    {
        let wanted = lease_of(wanted, 100);
        let key = wanted.key();
        cable.requests.set_addresses(std::slice::from_ref(&wanted)).remove(0).unwrap();
        let changes = until(&mut observer, &Event::AddressAdded(key));
        assert_eq!(of(&changes, key), [Event::AddressAdded(key)]);
        assert_eq!(observer.address(&key).unwrap().lifetime, Lifetime::Seconds(100));

        // A renewal is in the mirror, and no difference.
        let renewed = lease_of(wanted, 200);
        cable.requests.set_addresses(std::slice::from_ref(&renewed)).remove(0).unwrap();
        assert_eq!(of(&everything(&mut observer), key), []);
        assert_eq!(observer.address(&key).unwrap().lifetime, Lifetime::Seconds(200));

        cable.requests.remove_addresses(&[key]).remove(0).unwrap();
        let changes = until(&mut observer, &Event::AddressGone(key));
        assert_eq!(of(&changes, key), [Event::AddressGone(key)]);
        assert!(observer.address(&key).is_none());
    }
}

fn of(changes: &[Event], key: AddressKey) -> Vec<Event> {
    let own = [Event::AddressAdded(key), Event::AddressGone(key)];
    changes.iter().filter(|event| own.contains(event)).cloned().collect()
}

fn lease_runs_out() {
    let mut cable = Cable::new();
    let mut observer = Observer::open().unwrap();
    let lease = lease_of(address(cable.near, [192, 0, 2, 1], 24), 1);
    cable.requests.set_addresses(std::slice::from_ref(&lease)).remove(0).unwrap();
    until(&mut observer, &Event::AddressAdded(lease.key()));
    until(&mut observer, &Event::AddressGone(lease.key()));
    assert!(observer.address(&lease.key()).is_none());
}

fn tentative() {
    let mut cable = Cable::new();
    let mut observer = Observer::open().unwrap();
    let wanted = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    let wanted = Address { flags: Flags::default(), ..address(cable.near, wanted, 64) };
    let key = wanted.key();
    let begin = std::time::Instant::now();
    cable.requests.set_addresses(std::slice::from_ref(&wanted)).remove(0).unwrap();
    eventually("the tentative address", || {
        assert_eq!(of(&everything(&mut observer), key), []);
        observer.address(&key).map(|_| ())
    });
    until(&mut observer, &Event::AddressAdded(key));
    assert!(begin.elapsed() > Duration::from_millis(900), "detection takes a second");
}

/// Gives the mirror's socket room for next to nothing.
fn starve(observer: &Observer) {
    setsockopt(observer, sockopt::RcvBuf, &2048).unwrap();
}

/// Adds and removes addresses: of 2000 changes the last leave 192.0.2.200 and on.
fn flood(cable: &mut Cable) -> Vec<AddressKey> {
    let all: Vec<Address> =
        (1..=250).map(|last| address(cable.near, [192, 0, 2, last], 32)).collect();
    let keys: Vec<AddressKey> = all.iter().map(Address::key).collect();
    for _ in 0..4 {
        assert!(cable.requests.set_addresses(&all).iter().all(Result::is_ok));
        assert!(cable.requests.remove_addresses(&keys).iter().all(Result::is_ok));
    }
    let rest = &all[200..];
    assert!(cable.requests.set_addresses(rest).iter().all(Result::is_ok));
    rest.iter().map(Address::key).collect()
}

fn overrun() {
    let mut cable = Cable::new();
    let goes = address(cable.near, [198, 51, 100, 1], 24);
    let stays = address(cable.near, [203, 0, 113, 1], 24);
    let both = [goes.clone(), stays.clone()];
    assert!(cable.requests.set_addresses(&both).iter().all(Result::is_ok));
    let mut observer = Observer::open().unwrap();
    starve(&observer);
    cable.requests.remove_addresses(&[goes.key()]).remove(0).unwrap();
    let rest = flood(&mut cable);
    let changes = everything(&mut observer);
    assert_eq!(of(&changes, goes.key()), [Event::AddressGone(goes.key())]);
    assert_eq!(of(&changes, stays.key()), []);
    for key in rest {
        assert_eq!(of(&changes, key), [Event::AddressAdded(key)]);
    }
    same_as_fresh(&mut observer);
}

fn stale_events() {
    let mut cable = Cable::new();
    let mut observer = Observer::open().unwrap();
    starve(&observer);
    // The first event fits; what follows does not, its removal among it.
    let ghost = address(cable.near, [198, 51, 100, 1], 24);
    cable.requests.set_addresses(std::slice::from_ref(&ghost)).remove(0).unwrap();
    cable.requests.remove_addresses(&[ghost.key()]).remove(0).unwrap();
    flood(&mut cable);
    let changes = everything(&mut observer);
    assert_eq!(of(&changes, ghost.key()), []);
    assert!(observer.address(&ghost.key()).is_none(), "an event from before the loss won");
    same_as_fresh(&mut observer);
}

fn source() {
    let mut cable = Cable::new();
    let near = cable.near;
    let mut observer = Observer::open().unwrap();
    let v4 = [
        address(near, [198, 51, 100, 9], 24),
        address(near, [198, 51, 100, 1], 24),
        address(near, [192, 0, 2, 1], 24),
    ];
    assert!(cable.requests.set_addresses(&v4).iter().all(Result::is_ok));
    let mut again = Observer::open().unwrap();
    everything(&mut observer);
    for observer in [&mut observer, &mut again] {
        let source =
            |excluded: usize| observer.source(near, Family::Ipv4, |ip| v4[excluded].address == ip);
        assert_eq!(source(1), Some(v4[0].address), "the first that was set");
        assert_eq!(source(0), Some(v4[2].address), "not the secondary one of the first's subnet");
    }
    let link_local = eventually("the automatic link-local address", || {
        observer.drain(&mut Vec::new()).unwrap();
        observer.source(near, Family::Ipv6, |_| false)
    });
    let wanted = address(near, "fe80::1".parse::<Ipv6Addr>().unwrap(), 64);
    cable.requests.set_addresses(std::slice::from_ref(&wanted)).remove(0).unwrap();
    until(&mut observer, &Event::AddressAdded(wanted.key()));
    let source = observer.source(near, Family::Ipv6, |ip| ip == wanted.address);
    assert_eq!(source, Some(link_local));
}

fn churn() {
    let cable = Cable::new();
    let near = cable.near;
    let mut observer = Observer::open().unwrap();
    starve(&observer);
    let here = Namespace::current().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let flooding = {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || {
            here.enter().unwrap();
            let mut cable = cable;
            while !stop.load(Ordering::Relaxed) {
                flood(&mut cable);
            }
            cable
        })
    };
    let end = std::time::Instant::now() + Duration::from_millis(800);
    let mut known = BTreeSet::new();
    let mut changes = Vec::new();
    while std::time::Instant::now() < end {
        observer.drain(&mut changes).unwrap();
        for change in changes.drain(..) {
            // Each difference is one: nothing comes twice or goes unknown.
            match change {
                Event::AddressAdded(key) => assert!(known.insert(key), "{key:?} came twice"),
                Event::AddressGone(key) if key.address.is_ipv4() => {
                    assert!(known.remove(&key), "{key:?} went and was not there");
                }
                Event::AddressGone(_)
                | Event::ForwardingChanged(_)
                | Event::AddressRefused(_)
                | Event::LinkAppeared(_)
                | Event::LinkChanged(_)
                | Event::LinkGone(_) => {}
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    let _cable = flooding.join().unwrap();
    same_as_fresh(&mut observer);
    let last = address(near, [192, 0, 2, 250], 32);
    assert!(observer.address(&last.key()).is_some());
}

fn secondaries() {
    let mut cable = Cable::new();
    let all = [1, 2, 3].map(|last| address(cable.near, [192, 0, 2, last], 24));
    assert!(cable.requests.set_addresses(&all).iter().all(Result::is_ok));
    let mut observer = Observer::open().unwrap();
    // Unless the host promotes secondary addresses, the kernel removes them with their primary one.
    cable.requests.remove_addresses(&[all[0].key()]).remove(0).unwrap();
    until(&mut observer, &Event::AddressGone(all[0].key()));
    same_as_fresh(&mut observer);
    let promoted = std::fs::read_to_string("/proc/sys/net/ipv4/conf/all/promote_secondaries");
    if promoted.is_ok_and(|text| text.trim() == "0") {
        assert!(all.iter().all(|address| observer.address(&address.key()).is_none()));
    }
    // Those that went along are gone, which is what was wanted.
    let keys: Vec<AddressKey> = all.iter().map(Address::key).collect();
    assert!(cable.requests.remove_addresses(&keys).iter().all(Result::is_ok));
}

fn standing() {
    let mut cable = Cable::new();
    let near = cable.near;
    let documentation = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    let all = [
        address(near, [192, 0, 2, 1], 32),
        address(near, [192, 0, 2, 1], 24),
        address(near, [192, 0, 2, 2], 24),
        address(near, documentation, 128),
    ];
    assert!(cable.requests.set_addresses(&all).iter().all(Result::is_ok));
    let observer = Observer::open().unwrap();
    let prefixes = |link: IfIndex, at: usize| -> Vec<u8> {
        observer.standing(link, all[at].address).map(|address| address.prefix).collect()
    };
    assert_eq!(prefixes(near, 0), [24, 32]);
    assert_eq!(prefixes(near, 2), [24]);
    assert_eq!(prefixes(near, 3), [128]);
    assert_eq!(prefixes(IfIndex(1), 0), []);
}
