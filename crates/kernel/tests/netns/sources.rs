//! IPv6 addresses to send from: link-local ones that may be used, and the others.

use std::net::{IpAddr, Ipv6Addr};

use intent::{Address, Flags};
use kernel::netlink::RequestSocket;
use kernel::observer::{Event, Observer, Usability};
use wire::Family;

use crate::Test;
use crate::world::{Cable, address, eventually};

pub const TESTS: &[Test] = &[
    ("the_lowest_link_local_address_is_sent_from", lowest),
    ("a_tentative_address_is_not_sent_from", tentative),
    ("an_address_of_another_host_is_refused_and_never_sent_from", duplicate),
    ("an_address_refused_before_the_start_is_known_too", refused_before),
    ("a_virtual_address_needs_no_detection_even_if_another_host_has_it", without_detection),
];

fn link_local(last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last)
}

/// A cable whose near end has its automatic address, with a mirror of it.
fn ready() -> (Cable, Observer) {
    let cable = Cable::new();
    let mut observer = Observer::open().unwrap();
    eventually("the automatic link-local address", || {
        observer.drain(&mut Vec::new()).unwrap();
        source(&cable, &observer)
    });
    (cable, observer)
}

fn source(cable: &Cable, observer: &Observer) -> Option<IpAddr> {
    observer.source(cable.near, Family::Ipv6, |_| false)
}

/// Sets a link-local address on the near end.
fn set(cable: &mut Cable, last: u16, no_dad: bool) -> Address {
    let flags = Flags { no_dad, ..Flags::default() };
    let wanted = Address { flags, ..address(cable.near, link_local(last), 64) };
    cable.requests.set_addresses(std::slice::from_ref(&wanted)).remove(0).unwrap();
    wanted
}

/// Sets a link-local address on the far end, unquestioned.
fn set_there(cable: &Cable, last: u16) {
    let wanted = address(cable.far, link_local(last), 64);
    let set =
        || RequestSocket::open().unwrap().set_addresses(std::slice::from_ref(&wanted)).remove(0);
    cable.there.within(set).unwrap().unwrap();
}

/// Takes events in until `wanted` is among them.
fn until(observer: &mut Observer, wanted: &Event) {
    eventually("an event", || {
        let mut changes = Vec::new();
        observer.drain(&mut changes).unwrap();
        changes.contains(wanted).then_some(())
    });
}

fn lowest() {
    let (mut cable, mut observer) = ready();
    let automatic = source(&cable, &observer).unwrap();
    for last in [5, 9, 1] {
        let set = set(&mut cable, last, true);
        until(&mut observer, &Event::AddressAdded(set.key()));
        let expected = link_local(if last == 1 { 1 } else { 5 });
        assert_eq!(source(&cable, &observer), Some(expected.into()));
    }
    // However they came: a mirror that is opened now sees them in another order.
    let again = Observer::open().unwrap();
    assert_eq!(source(&cable, &again), Some(link_local(1).into()));
    for (last, next) in [(1, link_local(5).into()), (5, link_local(9).into()), (9, automatic)] {
        let key = address(cable.near, link_local(last), 64).key();
        cable.requests.remove_addresses(&[key]).remove(0).unwrap();
        until(&mut observer, &Event::AddressGone(key));
        assert_eq!(source(&cable, &observer), Some(next));
    }
}

fn tentative() {
    let (mut cable, mut observer) = ready();
    let automatic = source(&cable, &observer);
    let wanted = set(&mut cable, 1, false);
    let key = wanted.key();
    eventually("the tentative address", || {
        observer.drain(&mut Vec::new()).unwrap();
        observer.address(&key).map(|_| ())
    });
    assert_eq!(source(&cable, &observer), automatic);
    let withheld: Vec<_> = observer.withheld(cable.near, |_| false).collect();
    assert_eq!(withheld, [(wanted.address, Usability::Tentative)]);
    assert_eq!(observer.withheld(cable.near, |it| it == wanted.address).count(), 0);
    until(&mut observer, &Event::AddressAdded(key));
    assert_eq!(source(&cable, &observer), Some(wanted.address));
    assert_eq!(observer.withheld(cable.near, |_| false).count(), 0);
}

fn duplicate() {
    let (mut cable, mut observer) = ready();
    let automatic = source(&cable, &observer);
    set_there(&cable, 1);
    let wanted = set(&mut cable, 1, false);
    until(&mut observer, &Event::AddressRefused(wanted.key()));
    assert_eq!(source(&cable, &observer), automatic);
    let withheld: Vec<_> = observer.withheld(cable.near, |_| false).collect();
    assert_eq!(withheld, [(wanted.address, Usability::Duplicate)]);
    // What is refused and taken away is no loss.
    let mut changes = Vec::new();
    cable.requests.remove_addresses(&[wanted.key()]).remove(0).unwrap();
    eventually("its end", || {
        observer.drain(&mut changes).unwrap();
        observer.address(&wanted.key()).is_none().then_some(())
    });
    assert!(!changes.contains(&Event::AddressGone(wanted.key())), "{changes:?}");
}

fn refused_before() {
    let (mut cable, mut observer) = ready();
    let automatic = source(&cable, &observer);
    set_there(&cable, 1);
    let wanted = set(&mut cable, 1, false);
    until(&mut observer, &Event::AddressRefused(wanted.key()));
    let mut again = Observer::open().unwrap();
    assert_eq!(source(&cable, &again), automatic);
    let withheld: Vec<_> = again.withheld(cable.near, |_| false).collect();
    assert_eq!(withheld, [(wanted.address, Usability::Duplicate)]);
    let mut changes = Vec::new();
    again.resynchronise(&mut changes).unwrap();
    assert_eq!(changes, [], "known, it is no news");
}

fn without_detection() {
    let (mut cable, mut observer) = ready();
    set_there(&cable, 0x10);
    let wanted = set(&mut cable, 0x10, true);
    until(&mut observer, &Event::AddressAdded(wanted.key()));
    assert!(observer.is_usable(cable.near, wanted.address), "at once");
    assert_eq!(observer.withheld(cable.near, |_| false).count(), 0);
}
