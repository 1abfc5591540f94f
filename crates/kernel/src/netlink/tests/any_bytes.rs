//! Bytes from anywhere: no panic, no endless loop, and what we write is what we read.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use bolero::check;
use intent::{Address, Flags, IfIndex, Lifetime};

use super::only;
use crate::address;
use crate::link;
use crate::netlink::message::{Attributes, HEADER_LEN, Message, Messages, number, text};
use crate::netlink::outcome::Goal;
use crate::netlink::socket::{acknowledged, dumped};

const BOUND: Duration = Duration::from_millis(700);

/// Everything that is ever read out of a message.
fn read(message: &Message<'_>) {
    let _ = (address::parse(message), link::parse(message));
    let _ = (address::is_tentative(message), address::is_secondary(message));
    for goal in [Goal::Present, Goal::Absent, Goal::Answer] {
        let _ = acknowledged("read", goal, message).map_err(|error| error.to_string());
    }
    let _ = dumped("read", message).map_err(|error| error.to_string());
}

#[test]
fn any_bytes_as_a_datagram() {
    check!().with_test_time(BOUND).for_each(|bytes| {
        let mut rest = bytes.len();
        for message in Messages(bytes) {
            // Each takes its header at least, so that there is an end.
            rest = rest.checked_sub(HEADER_LEN + message.payload.len()).unwrap();
            read(&message);
        }
        let mut rest = bytes.len();
        for (_, value) in Attributes(bytes) {
            rest = rest.checked_sub(4 + value.len()).unwrap();
            let _ = (number(value), text(value));
        }
    });
}

#[test]
fn any_bytes_as_a_message_of_a_kind_that_is_read() {
    check!().with_test_time(BOUND).for_each(|bytes| {
        let Some((choice, payload)) = bytes.split_first() else { return };
        let kinds = [2, 3, link::RTM_NEWLINK, link::RTM_DELLINK, address::RTM_NEWADDR];
        let kind = kinds[usize::from(*choice) % kinds.len()];
        let flags = u16::from(*choice) << 4;
        let mut payload = payload.to_vec();
        // The families that are read, or hardly any input would get past them.
        if let Some(family) = payload.first_mut().filter(|_| kind == address::RTM_NEWADDR) {
            *family = if *family & 1 == 0 { 2 } else { 10 };
        }
        read(&Message { kind, flags, sequence: 0, payload: &payload });
    });
}

/// A value made of bytes: any prefix, scope and lifetimes that a message can carry.
fn value(bytes: &[u8; 32]) -> Address {
    let [choice, prefix, scope, protocol, i0, i1, i2, i3, rest @ ..] = *bytes;
    let number = |at: usize| u32::from_ne_bytes(*rest[at..].first_chunk().unwrap());
    let ip = |at: usize| match choice & 1 {
        0 => Ipv4Addr::from(*rest[at..].first_chunk::<4>().unwrap()).into(),
        _ => Ipv6Addr::from(*rest[at..].first_chunk::<16>().unwrap()).into(),
    };
    let own = ip(0);
    let flag = |bit: u8| scope >> bit & 1 == 1;
    Address {
        interface: IfIndex(u32::from_ne_bytes([i0, i1, i2, i3])),
        address: own,
        prefix,
        peer: Some(ip(8)).filter(|peer| choice & 2 != 0 && *peer != own),
        broadcast: (choice & 4 != 0).then(|| Ipv4Addr::from(number(16))),
        scope,
        label: (choice & 8 != 0).then(|| format!("{:x}", number(16))),
        lifetime: Lifetime::from_raw(number(16)),
        preferred: Lifetime::from_raw(number(20)),
        flags: Flags {
            no_dad: flag(0),
            no_prefix_route: flag(1),
            home: flag(2),
            manage_temporary: flag(3),
            auto_join: flag(4),
        },
        protocol,
    }
}

#[test]
fn any_address_is_read_as_it_was_written() {
    check!().with_type::<[u8; 32]>().with_test_time(BOUND).for_each(|bytes| {
        let written = value(bytes);
        let bytes = address::set_request(&written).finish(7);
        let message = only(&bytes);
        assert_eq!((message.kind, message.sequence), (address::RTM_NEWADDR, 7));
        assert_eq!(address::parse(&message), Some(written));
        // Cut anywhere it is something else or nothing, and no panic.
        for length in 0..bytes.len() {
            Messages(&bytes[..length]).for_each(|message| read(&message));
        }
        for length in 0..message.payload.len() {
            let payload = &message.payload[..length];
            read(&Message { payload, ..message });
        }
    });
}
