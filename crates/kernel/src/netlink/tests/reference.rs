//! Both ways against netlink-packet-route, which shares no code with us.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use intent::{Address, Flags, IfIndex, Lifetime};
use netlink_packet_core::{NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressScope, CacheInfo,
};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use wire::MacAddr;

use super::{address, only};
use crate::address::{parse, remove_request, set_request};
use crate::link;

pub(super) fn read(bytes: &[u8]) -> (NetlinkHeader, RouteNetlinkMessage) {
    let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(bytes).expect("readable");
    let NetlinkPayload::InnerMessage(inner) = message.payload else { panic!() };
    (message.header, inner)
}

pub(super) fn written(message: RouteNetlinkMessage) -> Vec<u8> {
    let header = NetlinkHeader::default();
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// The attributes of a message by their place in the enumeration: their order means nothing.
fn by_kind(attributes: &[AddressAttribute]) -> BTreeMap<String, AddressAttribute> {
    let name = |attribute: &AddressAttribute| {
        let text = format!("{attribute:?}");
        text.split('(').next().unwrap_or_default().to_owned()
    };
    attributes.iter().map(|attribute| (name(attribute), attribute.clone())).collect()
}

/// One address with everything for each family.
fn full() -> [Address; 2] {
    let common = |address: Address| Address {
        lifetime: Lifetime::Seconds(30),
        preferred: Lifetime::Seconds(20),
        ..address
    };
    let v4 = Address {
        peer: Some([192, 0, 2, 9].into()),
        broadcast: Some([192, 0, 2, 255].into()),
        label: Some("eth0:vip".to_owned()),
        scope: 253,
        flags: Flags { no_prefix_route: true, ..Flags::default() },
        ..address(77, [192, 0, 2, 1], 24)
    };
    let v6 = Address {
        flags: Flags {
            no_dad: true,
            home: true,
            manage_temporary: true,
            auto_join: true,
            no_prefix_route: true,
        },
        ..address(77, Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 64)
    };
    [common(v4), common(v6)]
}

#[test]
fn what_we_ask_is_read_as_we_mean_it() {
    for wanted in full() {
        let bytes = set_request(&wanted).finish(42);
        let (header, RouteNetlinkMessage::NewAddress(message)) = read(&bytes) else { panic!() };
        // REQUEST, ACK, REPLACE, CREATE.
        assert_eq!((header.flags, header.sequence_number), (1 | 4 | 0x100 | 0x400, 42));
        assert_eq!(usize::try_from(header.length), Ok(bytes.len()));
        assert_eq!((message.header.prefix_len, message.header.index), (wanted.prefix, 77));
        assert_eq!(u8::from(message.header.scope), wanted.scope);
        let mut cache = CacheInfo::default();
        (cache.ifa_preferred, cache.ifa_valid) = (20, 30);
        let flags = match wanted.address {
            IpAddr::V4(_) => AddressFlags::Noprefixroute,
            IpAddr::V6(_) => {
                AddressFlags::Nodad
                    | AddressFlags::Homeaddress
                    | AddressFlags::Managetempaddr
                    | AddressFlags::Mcautojoin
                    | AddressFlags::Noprefixroute
            }
        };
        let mut expected = vec![
            AddressAttribute::Local(wanted.address),
            AddressAttribute::Address(wanted.peer.unwrap_or(wanted.address)),
            AddressAttribute::CacheInfo(cache),
            AddressAttribute::Flags(flags),
            AddressAttribute::Protocol(18.into()),
        ];
        expected.extend(wanted.broadcast.map(AddressAttribute::Broadcast));
        expected.extend(wanted.label.clone().map(AddressAttribute::Label));
        assert_eq!(by_kind(&message.attributes), by_kind(&expected));
        assert_eq!(message.attributes.len(), expected.len());

        let bytes = remove_request(&wanted.key(), wanted.peer).finish(43);
        let (header, RouteNetlinkMessage::DelAddress(message)) = read(&bytes) else { panic!() };
        assert_eq!(header.flags, 1 | 4);
        assert_eq!(message.header.prefix_len, wanted.prefix);
        let other = wanted.peer.unwrap_or(wanted.address);
        let expected = [AddressAttribute::Local(wanted.address), AddressAttribute::Address(other)];
        assert_eq!(by_kind(&message.attributes), by_kind(&expected));
    }
}

#[test]
fn what_others_write_is_read_by_us() {
    for wanted in full() {
        let mut message = AddressMessage::default();
        message.header.family = match wanted.address {
            IpAddr::V4(_) => AddressFamily::Inet,
            IpAddr::V6(_) => AddressFamily::Inet6,
        };
        message.header.prefix_len = wanted.prefix;
        message.header.index = 77;
        message.header.scope = AddressScope::from(wanted.scope);
        message.header.flags = AddressHeaderFlags::Secondary;
        let bytes = set_request(&wanted).finish(1);
        let (_, RouteNetlinkMessage::NewAddress(attributes)) = read(&bytes) else { panic!() };
        message.attributes = attributes.attributes;
        // The kernel's order is not ours.
        message.attributes.reverse();
        let bytes = written(RouteNetlinkMessage::NewAddress(message));
        assert_eq!(parse(&only(&bytes)), Some(wanted.clone()));
        let secondary = crate::address::is_secondary(&only(&bytes));
        assert_eq!(secondary, wanted.address.is_ipv4());
    }
}

#[test]
fn a_link_that_others_write_is_read_by_us() {
    let link = |flags, attributes: &[LinkAttribute]| {
        let mut message = LinkMessage::default();
        message.header.index = 5;
        message.header.flags = flags;
        message.attributes = attributes.to_vec();
        let bytes = written(RouteNetlinkMessage::NewLink(message));
        link::parse(&only(&bytes))
    };
    let name = LinkAttribute::IfName("eth0".to_owned());
    let mtu = LinkAttribute::Mtu(9000);
    let mac = LinkAttribute::Address(vec![2, 0, 0, 0, 0, 1]);
    let up = LinkFlags::Up | LinkFlags::Running | LinkFlags::LowerUp | LinkFlags::Multicast;
    let whole = link(up, &[mtu.clone(), name.clone(), mac]).expect("a link");
    assert_eq!((whole.index, whole.mtu), (IfIndex(5), 9000));
    assert_eq!((whole.name.as_str(), whole.mac), ("eth0", Some(MacAddr([2, 0, 0, 0, 0, 1]))));
    assert!(whole.running && whole.multicast && !whole.loopback);
    // Up without a carrier, and a carrier without being up.
    let dormant = LinkFlags::Up | LinkFlags::LowerUp;
    let unknown = LinkFlags::Up | LinkFlags::Running;
    for flags in [dormant, unknown, LinkFlags::LowerUp, LinkFlags::Loopback] {
        let part = link(flags, std::slice::from_ref(&name)).expect("a link");
        assert!(!part.running && !part.multicast && part.mac.is_none());
        assert_eq!(part.loopback, flags == LinkFlags::Loopback);
    }
    // An InfiniBand address is no Ethernet address; without a name it is no link.
    let long = LinkAttribute::Address(vec![1; 20]);
    assert_eq!(link(up, &[name, long]).and_then(|link| link.mac), None);
    assert_eq!(link(up, &[mtu]), None);
}
