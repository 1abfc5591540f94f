//! Messages as a kernel sent them.

use std::net::Ipv6Addr;

use intent::{Address, AddressKey, Flags, IfIndex, Lifetime};
use rustix::io::Errno;
use wire::MacAddr;

use super::{address, only};
use crate::address::{self as addresses, Usability};
use crate::link::{self, Link, Upper};
use crate::netlink::NetlinkError;
use crate::netlink::outcome::Goal;
use crate::netlink::socket::{acknowledged, dumped};

macro_rules! capture {
    ($name:literal) => {
        bytes(include_str!(concat!("../../../tests/captures/", $name, ".hex")))
    };
}

/// The bytes of a capture: hexadecimal pairs; lines that begin with `#` say what it is.
fn bytes(text: &str) -> Vec<u8> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.flat_map(str::split_whitespace);
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal")).collect()
}

fn documentation(last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last)
}

const VETH0: u32 = 3;

#[test]
fn an_ipv4_address_with_everything() {
    let expected = Address {
        peer: Some([203, 0, 113, 9].into()),
        broadcast: Some([198, 51, 100, 255].into()),
        scope: 253,
        label: Some("veth0:vip".to_owned()),
        lifetime: Lifetime::Seconds(1000),
        preferred: Lifetime::Seconds(500),
        flags: Flags { no_prefix_route: true, ..Flags::default() },
        protocol: 0,
        ..address(VETH0, [198, 51, 100, 7], 32)
    };
    let bytes = capture!("ipv4_address_event");
    assert_eq!(addresses::parse(&only(&bytes)), Some(expected));
    assert_eq!(addresses::usability(&only(&bytes)), Usability::Usable);
    assert!(!addresses::is_secondary(&only(&bytes)));
}

#[test]
fn an_ipv6_address_with_a_lease() {
    let expected = Address {
        lifetime: Lifetime::Seconds(1000),
        preferred: Lifetime::Seconds(0),
        flags: Flags { no_dad: true, home: true, ..Flags::default() },
        protocol: 0,
        ..address(VETH0, documentation(7), 64)
    };
    let bytes = capture!("ipv6_address_event");
    assert_eq!(addresses::parse(&only(&bytes)), Some(expected));
    assert_eq!(addresses::usability(&only(&bytes)), Usability::Usable);
    let key =
        AddressKey { interface: IfIndex(VETH0), address: documentation(7).into(), prefix: 64 };
    let bytes = capture!("ipv6_address_gone_event");
    let gone = only(&bytes);
    assert_eq!(gone.kind, addresses::RTM_DELADDR);
    assert_eq!(addresses::parse(&gone).map(|address| address.key()), Some(key));
}

#[test]
fn a_tentative_address_is_told_apart() {
    let bytes = capture!("ipv6_tentative_event");
    assert_eq!(addresses::usability(&only(&bytes)), Usability::Tentative);
    // The bit means something else for IPv4.
    assert!(!addresses::is_secondary(&only(&bytes)));
}

#[test]
fn a_link_of_a_dump() {
    let bytes = capture!("link_dump");
    let link = link::parse(&only(&bytes)).expect("a link");
    let expected = Link {
        index: link.index,
        name: "veth1".to_owned(),
        mac: Some(MacAddr([2, 0, 0, 0, 0, 2])),
        mtu: 1500,
        running: true,
        multicast: true,
        loopback: false,
        up: true,
        // The other end of its cable.
        upper: Some((IfIndex(3), Upper::Other)),
        master: None,
        vrf_table: None,
        alias: None,
        group: 0,
    };
    assert_eq!(link, expected);
    assert_eq!(addresses::parse(&only(&bytes)), None);
}

#[test]
fn an_unplugged_port_is_of_the_family_of_bridges() {
    let bytes = capture!("bridge_port_gone_event");
    let message = only(&bytes);
    assert_eq!((message.kind, message.payload[0]), (link::RTM_DELLINK, 7));
}

#[test]
fn a_refusal_says_why_with_and_without_the_request_in_it() {
    for (bytes, sequence) in [(capture!("refusal"), 9), (capture!("refusal_with_request"), 11)] {
        let message = only(&bytes);
        assert_eq!(message.sequence, sequence);
        let error = acknowledged("set address", Goal::Present, &message).unwrap_err();
        let NetlinkError::Refused { operation, errno, reason } = error else { panic!() };
        assert_eq!((operation, errno), ("set address", Errno::INVAL));
        assert_eq!(reason, "ipv6: address lifetime invalid");
    }
}

#[test]
fn an_acknowledgement_is_none() {
    let bytes = capture!("acknowledgement");
    acknowledged("set address", Goal::Answer, &only(&bytes)).unwrap();
    let bytes = capture!("link_dump_done");
    dumped("read links", &only(&bytes)).unwrap();
}

#[test]
fn a_dump_that_ends_in_an_error_is_one() {
    let mut bytes = capture!("link_dump_done");
    bytes[16..20].copy_from_slice(&(-Errno::INVAL.raw_os_error()).to_ne_bytes());
    let error = dumped("read links", &only(&bytes)).unwrap_err();
    assert!(matches!(&error, NetlinkError::Refused { errno: Errno::INVAL, reason, .. }
        if reason.is_empty()));
    // With a reason, as the kernel adds it where it has one.
    bytes.extend([8, 0, 1, 0, b'w', b'h', b'y', 0]);
    bytes[..4].copy_from_slice(&28u32.to_ne_bytes());
    bytes[7] |= 2;
    let error = dumped("read links", &only(&bytes)).unwrap_err();
    assert!(error.to_string().ends_with(": why"), "{error}");
}

#[test]
fn what_is_so_already_is_no_error() {
    let mut bytes = capture!("refusal");
    let mut outcome = |goal, errno: Errno| {
        bytes[16..20].copy_from_slice(&(-errno.raw_os_error()).to_ne_bytes());
        acknowledged("test", goal, &only(&bytes)).is_ok()
    };
    assert!(outcome(Goal::Present, Errno::EXIST) && !outcome(Goal::Absent, Errno::EXIST));
    for errno in [Errno::NODEV, Errno::SRCH, Errno::ADDRNOTAVAIL, Errno::NOENT] {
        assert!(outcome(Goal::Absent, errno) && !outcome(Goal::Present, errno));
        assert!(!outcome(Goal::Answer, errno));
    }
}
