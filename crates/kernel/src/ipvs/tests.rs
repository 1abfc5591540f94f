//! The codec against what ipvsadm says to the kernel, and what the kernel says to it.

use std::net::IpAddr;

use bolero::check;
use intent::service::{
    Back, Destination, Forwarding, Granularity, Persistence, SchedulerFlags, Scheduling, Transport,
    Tunnel, TunnelChecksum,
};
use rustix::io::Errno;
use wire::Family;

use super::*;
use crate::netlink::message::{Message, Messages};

macro_rules! capture {
    ($name:literal) => {
        bytes(include_str!(concat!("../../tests/captures/ipvs/", $name, ".hex")))
    };
}

/// The bytes of a capture: hexadecimal pairs; lines that begin with `#` say what it is.
fn bytes(text: &str) -> Vec<u8> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.flat_map(str::split_whitespace);
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal")).collect()
}

fn only(bytes: &[u8]) -> Message<'_> {
    let mut messages = Messages(bytes);
    let message = messages.next().expect("a message");
    assert!(messages.next().is_none(), "one message only");
    message
}

/// The number of IPVS where the captures come from.
const FAMILY: u16 = 0x20;

fn web() -> Front {
    Front::Address { protocol: Transport::Tcp, address: [192, 0, 2, 1].into(), port: 80 }
}

fn web_v6() -> Front {
    let address = "2001:db8::1".parse().unwrap();
    Front::Address { protocol: Transport::Tcp, address, port: 443 }
}

fn telephony() -> Front {
    Front::Address { protocol: Transport::Udp, address: [192, 0, 2, 1].into(), port: 5060 }
}

fn cellular() -> Front {
    Front::Address { protocol: Transport::Sctp, address: [192, 0, 2, 1].into(), port: 36412 }
}

fn mark(mark: u32, family: Family) -> Front {
    Front::Mark { mark, family }
}

/// What `-s mh -b mh-port,mh-fallback -p 300 -M 64` means.
fn hashed() -> Scheduling {
    Scheduling {
        flags: SchedulerFlags { first: true, second: true, third: false },
        persistence: Some(Persistence {
            seconds: 300,
            granularity: Granularity::Prefix(64),
            engine: None,
        }),
        ..Scheduling::new("mh")
    }
}

/// What `-s wlc --ops -p 60 -M 255.255.255.0 --pe sip` means.
fn by_call() -> Scheduling {
    Scheduling {
        one_packet: true,
        persistence: Some(Persistence {
            seconds: 60,
            granularity: Granularity::Mask([255, 255, 255, 0].into()),
            engine: Some("sip".to_owned()),
        }),
        ..Scheduling::new("wlc")
    }
}

/// What `-s wrr -p 50` means.
fn returning() -> Scheduling {
    let granularity = Granularity::finest(Family::Ipv4);
    let persistence = Persistence { seconds: 50, granularity, engine: None };
    Scheduling { persistence: Some(persistence), ..Scheduling::new("wrr") }
}

fn back(address: &str, port: u16) -> Back {
    Back { address: address.parse::<IpAddr>().unwrap(), port }
}

const GUE: Forwarding =
    Forwarding::Tunnel(Tunnel::Gue { port: 6080, checksum: TunnelChecksum::Remote });
const GRE: Forwarding = Forwarding::Tunnel(Tunnel::Gre { checksum: TunnelChecksum::Full });
const IPIP: Forwarding = Forwarding::Tunnel(Tunnel::IpIp);

fn bounded() -> Destination {
    Destination {
        upper_threshold: 1000,
        lower_threshold: 10,
        ..Destination::new(Forwarding::Nat, 5)
    }
}

#[test]
fn the_family_is_found_in_what_generic_netlink_says() {
    let bytes = capture!("family");
    assert_eq!(family::parse(only(&bytes).payload), Some(FAMILY));
    assert_eq!(
        family::request().finish(7)[16..],
        [3, 1, 0, 0, 9, 0, 2, 0, b'I', b'P', b'V', b'S', 0, 0, 0, 0]
    );
}

#[test]
fn services_are_added_in_the_words_of_ipvsadm() {
    let sh_port = SchedulerFlags { first: false, second: true, third: false };
    for (capture, front, scheduling) in [
        (capture!("add_tcp"), web(), Scheduling::new("rr")),
        (capture!("add_tcp_v6"), web_v6(), hashed()),
        (capture!("add_udp"), telephony(), by_call()),
        (capture!("add_sctp"), cellular(), Scheduling::new("lc")),
        (capture!("add_mark_v6"), mark(7, Family::Ipv6), Scheduling::new("wrr")),
        (
            capture!("add_mark"),
            mark(8, Family::Ipv4),
            Scheduling { flags: sh_port, ..Scheduling::new("sh") },
        ),
    ] {
        let ours = request(FAMILY, &ServiceChange::Add(front, scheduling)).finish(7);
        assert_same(&ours, &capture);
    }
    let ours = request(FAMILY, &ServiceChange::Set(web(), returning())).finish(7);
    assert_same(&ours, &capture!("set_tcp"));
}

/// All but who sent it and when.
fn assert_same(ours: &[u8], theirs: &[u8]) {
    let (ours, theirs) = (only(ours), only(theirs));
    assert_eq!((ours.kind, ours.flags), (theirs.kind, theirs.flags));
    assert_eq!(ours.payload, theirs.payload);
}

#[test]
fn destinations_are_added_in_the_words_of_ipvsadm() {
    let add = |back, wanted| ServiceChange::AddDestination(web(), back, wanted);
    for (capture, change) in [
        (capture!("add_nat"), add(back("10.0.0.1", 8080), bounded())),
        (
            capture!("add_direct_route"),
            add(back("10.0.0.2", 80), Destination::new(Forwarding::DirectRoute, 0)),
        ),
        (capture!("add_gue"), add(back("10.0.0.4", 80), Destination::new(GUE, 1))),
        (capture!("add_gre"), add(back("10.0.0.5", 80), Destination::new(GRE, 1))),
        (capture!("add_ipip_v6"), add(back("2001:db8::5", 80), Destination::new(IPIP, 1))),
        (
            capture!("set_direct_route"),
            ServiceChange::SetDestination(
                web(),
                back("10.0.0.2", 80),
                Destination::new(Forwarding::DirectRoute, 9),
            ),
        ),
    ] {
        let ours = request(FAMILY, &change).finish(7);
        let (ours, theirs) = (only(&ours), only(&capture));
        assert_eq!((ours.kind, ours.flags), (theirs.kind, theirs.flags), "{change}");
        assert_eq!(ours.payload[..4], theirs.payload[..4], "{change}");
        // ipvsadm says more of the service than its name.
        let [own, their] = [ours, theirs].map(|message| {
            let service = nested(message.payload, attribute::SERVICE).and_then(front::parse);
            (service, nested(message.payload, attribute::DESTINATION).map(|it| it.0.to_vec()))
        });
        assert_eq!(own.0, Some(web()), "{change}");
        assert_eq!(own, their, "{change}");
    }
}

#[test]
fn an_entry_is_removed_by_its_name_alone() {
    let ours = request(FAMILY, &ServiceChange::Remove(mark(8, Family::Ipv4))).finish(7);
    let expected = [3, 1, 0, 0, 20, 0, 1, 0x80, 6, 0, 1, 0, 2, 0, 0, 0, 8, 0, 5, 0, 8, 0, 0, 0];
    assert_eq!(only(&ours).payload, expected);
    let change = ServiceChange::RemoveDestination(mark(8, Family::Ipv4), back("10.0.0.3", 80));
    let ours = request(FAMILY, &change).finish(7);
    let mut expected = expected.to_vec();
    expected[0] = 7;
    expected.extend([40, 0, 2, 0x80, 6, 0, 11, 0, 2, 0, 0, 0, 20, 0, 1, 0, 10, 0, 0, 3]);
    expected.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 2, 0, 0, 80, 0, 0]);
    assert_eq!(only(&ours).payload, expected);
}

#[test]
fn services_of_a_dump_are_what_they_were_made_as() {
    for (bytes, expected) in [
        (capture!("service_1"), (telephony(), by_call())),
        (capture!("service_2"), (web(), returning())),
        (capture!("service_3"), (web_v6(), hashed())),
        (capture!("service_4"), (cellular(), Scheduling::new("lc"))),
        (capture!("service_5"), (mark(7, Family::Ipv6), Scheduling::new("wrr"))),
    ] {
        let attributes = nested(only(&bytes).payload, attribute::SERVICE).unwrap();
        let seen = (front::parse(attributes).unwrap(), scheduling::parse(attributes).unwrap());
        assert_eq!(seen, expected);
        assert_eq!(statistics::of_service(attributes), Statistics::default());
    }
}

#[test]
fn destinations_of_a_dump_are_what_they_were_made_as() {
    for (bytes, expected) in [
        (capture!("destination_1"), (back("10.0.0.5", 80), Destination::new(GRE, 1))),
        (capture!("destination_2"), (back("10.0.0.4", 80), Destination::new(GUE, 1))),
        (
            capture!("destination_3"),
            (back("10.0.0.2", 80), Destination::new(Forwarding::DirectRoute, 9)),
        ),
        (capture!("destination_4"), (back("10.0.0.1", 8080), bounded())),
    ] {
        let attributes = nested(only(&bytes).payload, attribute::DESTINATION).unwrap();
        assert_eq!(destination::parse(attributes, Family::Ipv4), Some(expected));
        assert_eq!(statistics::of_destination(attributes), Load::default());
    }
}

#[test]
fn the_wide_counters_are_read_where_there_are_both() {
    let narrow =
        |builder: Builder| builder.open(10).number(1, 7).attribute(4, &8u64.to_ne_bytes()).close();
    let wide = |builder: Builder| {
        let builder = builder.open(12).attribute(1, &(5 << 32 | 7u64).to_ne_bytes());
        builder.attribute(2, &2u64.to_ne_bytes()).attribute(9, &(1u64 << 40).to_ne_bytes()).close()
    };
    let load = |builder: Builder| {
        let bytes = builder.number(7, 3).number(8, 4).number(9, 5).finish(1);
        statistics::of_destination(Attributes(&bytes[16..]))
    };
    let old = load(narrow(Builder::new(FAMILY, 0)));
    assert_eq!((old.active, old.inactive, old.persistent), (3, 4, 5));
    assert_eq!((old.statistics.connections, old.statistics.bytes_in), (7, 8));
    let new = load(wide(narrow(Builder::new(FAMILY, 0)))).statistics;
    assert_eq!((new.connections, new.packets_in, new.bytes_in), (0x5_0000_0007, 2, 0));
    assert_eq!(new.byte_rate_in, 1 << 40);
}

fn sender() -> SyncDaemon {
    SyncDaemon {
        role: SyncRole::Sender,
        interface: "d0".to_owned(),
        id: 7,
        max_length: None,
        group: None,
        port: None,
        ttl: None,
    }
}

fn receiver() -> SyncDaemon {
    SyncDaemon {
        role: SyncRole::Receiver,
        id: 9,
        max_length: Some(1000),
        group: Some([239, 1, 2, 3].into()),
        port: Some(9000),
        ttl: Some(3),
        ..sender()
    }
}

#[test]
fn synchronisation_is_spoken_of_in_the_words_of_ipvsadm() {
    let start = |daemon: &SyncDaemon| {
        let builder = Builder::new(FAMILY, REQUEST | ACK).body(&header(command::NEW_DAEMON));
        sync::emit(builder, daemon).finish(7)
    };
    assert_same(&start(&sender()), &capture!("start_sender"));
    assert_same(&start(&receiver()), &capture!("start_receiver"));
    let read = |bytes: &[u8]| {
        sync::parse(nested(only(bytes).payload, attribute::DAEMON).unwrap()).unwrap()
    };
    let (seen_sender, seen_receiver) = (read(&capture!("daemon_1")), read(&capture!("daemon_2")));
    assert_eq!(
        seen_sender,
        SyncDaemon {
            max_length: Some(1472),
            group: Some([224, 0, 0, 81].into()),
            port: Some(8848),
            ttl: Some(1),
            ..sender()
        }
    );
    assert_eq!(seen_receiver, SyncDaemon { max_length: Some(1024), ..receiver() });
    assert!(sender().is_seen_as(&seen_sender) && receiver().is_seen_as(&seen_receiver));
}

#[test]
fn timeouts_are_spoken_of_in_the_words_of_ipvsadm() {
    let timeouts = Timeouts { tcp: Some(900), tcp_fin: Some(120), udp: Some(300) };
    let builder = Builder::new(FAMILY, REQUEST | ACK).body(&header(command::SET_CONFIG));
    assert_same(&sync::emit_timeouts(builder, &timeouts).finish(7), &capture!("set_timeouts"));
    let bytes = capture!("timeouts");
    assert_eq!(sync::parse_timeouts(attributes(only(&bytes).payload)), timeouts);
}

#[test]
fn a_refusal_names_what_was_to_be_done_and_the_module_that_helps() {
    let refused = |errno| {
        Err(NetlinkError::Refused { operation: "change IPVS", errno, reason: String::new() })
    };
    let text = |change: &ServiceChange, errno| {
        outcome(change, refused(errno)).err().map(|error| error.to_string())
    };
    let add = ServiceChange::Add(web(), Scheduling::new("mh"));
    assert_eq!(
        text(&add, Errno::NOENT).unwrap(),
        "add service TCP 192.0.2.1:80: the kernel has no scheduler mh; load its module (modprobe ip_vs_mh)"
    );
    let set = ServiceChange::Set(telephony(), by_call());
    assert_eq!(
        text(&set, Errno::NOENT).unwrap(),
        "change service UDP 192.0.2.1:5060: the kernel has no scheduler wlc or no persistence engine sip; \
         load its module (modprobe ip_vs_wlc ip_vs_pe_sip)"
    );
    assert_eq!(text(&add, Errno::EXIST).unwrap(), "add service TCP 192.0.2.1:80");
    assert_eq!(
        IpvsError::Missing.to_string(),
        "the kernel has no IPVS; load its module (modprobe ip_vs)"
    );
    // What is gone already was to go.
    let gone = ServiceChange::RemoveDestination(web(), back("10.0.0.1", 80));
    for change in [gone, ServiceChange::Remove(web())] {
        assert_eq!(text(&change, Errno::NOENT), None);
        assert_eq!(text(&change, Errno::SRCH), None);
        assert!(text(&change, Errno::PERM).is_some());
    }
}

#[test]
fn any_bytes_are_read_without_harm() {
    check!().with_test_time(BOUND).for_each(|bytes: &[u8]| {
        family::parse(bytes);
        sync::parse_timeouts(attributes(bytes));
        let attributes = Attributes(bytes);
        front::parse(attributes);
        scheduling::parse(attributes);
        destination::parse(attributes, Family::Ipv6);
        sync::parse(attributes);
        statistics::of_service(attributes);
        statistics::of_destination(attributes);
    });
}

const BOUND: std::time::Duration = std::time::Duration::from_millis(700);
