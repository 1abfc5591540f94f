//! ARP, neighbour discovery and ping: what is understood, and what is refused.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic fails the test, as it should"
)]

mod frames;

use frames::{bytes, datagram, v4, v6};
use wire::arp::{Arp, ArpPacket, Operation};
use wire::ethernet::{EtherType, EthernetHeader};
use wire::icmp::{Carrier, Echo, EchoKind, EchoPacket};
use wire::ip::{Ipv4Header, Ipv4Packet, Ipv6Header};
use wire::ndisc::{self, Neighbour, NeighbourPacket, Solicitation};
use wire::{EmitError, Family, MacAddr, Malformed, Vrid};

const OURS: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const THEIRS: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

#[test]
fn a_virtual_router_has_the_hardware_address_of_its_family_and_number() {
    let vrid = Vrid::new(0x33).unwrap();
    let of = |family| MacAddr::virtual_router(family, vrid).to_string();
    assert_eq!(of(Family::Ipv4), "00:00:5e:00:01:33");
    assert_eq!(of(Family::Ipv6), "00:00:5e:00:02:33");
}

#[test]
fn a_multicast_group_has_its_hardware_address() {
    let of = |group: &str| MacAddr::of_multicast(group.parse().unwrap()).to_string();
    assert_eq!(of("224.0.0.18"), "01:00:5e:00:00:12");
    assert_eq!(of("239.255.1.2"), "01:00:5e:7f:01:02");
    assert_eq!(of("ff02::12"), "33:33:00:00:00:12");
}

#[test]
fn an_arp_question_and_its_answer() {
    let question = Arp::request(OURS, v4("192.0.2.1"), v4("192.0.2.100"));
    let bytes = question.emit();
    #[rustfmt::skip]
    assert_eq!(bytes, [
        0, 1, 8, 0, 6, 4, 0, 1,
        2, 0, 0, 0, 0, 1, 192, 0, 2, 1,
        0, 0, 0, 0, 0, 0, 192, 0, 2, 100,
    ]);
    assert_eq!(Arp::parse(&ArpPacket::new_checked(&bytes).unwrap()), Ok(question));

    let frame = question.reply(THEIRS).emit_frame();
    let (ethernet, payload) = EthernetHeader::parse(&frame).unwrap();
    let wanted = EthernetHeader { destination: OURS, source: THEIRS, ether_type: EtherType::ARP };
    assert_eq!(ethernet, wanted);
    let answer = Arp::parse(&ArpPacket::new_checked(payload).unwrap()).unwrap();
    assert_eq!(answer.operation, Operation::Reply);
    assert_eq!(answer.claims(v4("192.0.2.100")), Some(THEIRS));
    assert_eq!(answer.claims(v4("192.0.2.1")), None);
}

#[test]
fn arp_for_other_hardware_or_protocols_is_refused() {
    let right = Arp::request(OURS, v4("192.0.2.1"), v4("192.0.2.100")).emit();
    assert_eq!(ArpPacket::new_checked(&right[..27]).unwrap_err(), Malformed::Truncated);
    for position in 0..6 {
        let mut wrong = right;
        wrong[position] ^= 0x20;
        let packet = ArpPacket::new_checked(&wrong).unwrap();
        assert_eq!(Arp::parse(&packet), Err(Malformed::Kind), "byte {position}");
    }
    let mut other = right;
    other[7] = 9;
    let packet = ArpPacket::new_checked(&other).unwrap();
    let parsed = Arp::parse(&packet).unwrap();
    assert_eq!(parsed.operation, Operation::Other(9));
    assert_eq!(parsed.emit(), other);
}

#[test]
fn a_neighbour_solicitation_both_ways() {
    let target = v6("fe80::12:3456");
    let group = ndisc::solicited_node(target);
    assert_eq!(group, v6("ff02::1:ff12:3456"));
    for (source, source_mac, length) in [(v6("fe80::1"), Some(OURS), 32), (v6("::"), None, 24)] {
        let question = Solicitation { target, source_mac };
        let message = question.emit(source, group);
        assert_eq!(message.as_bytes().len(), length);
        let packet = NeighbourPacket::new_checked(message.as_bytes()).unwrap();
        let arrival = ndisc::Arrival { source, destination: group, hop_limit: 255 };
        assert_eq!(Neighbour::parse(&packet, &arrival), Ok(Neighbour::Solicitation(question)));
    }
}

#[test]
fn a_question_is_a_whole_frame_to_the_group_of_its_target() {
    let (source, target) = (v6("fe80::1"), v6("2001:db8::12:3456"));
    let frame = Solicitation::frame(OURS, source, target);
    // RFC 2464 §7: the last four bytes of ff02::1:ff12:3456.
    assert_eq!(frame[..14], [0x33, 0x33, 0xff, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 1, 0x86, 0xdd]);
    // Traffic class 0, 32 bytes of ICMPv6, hop limit 255.
    assert_eq!(frame[14..22], [0x60, 0, 0, 0, 0, 32, 58, 255]);
    let group = v6("ff02::1:ff12:3456");
    let arrival = ndisc::Arrival { source, destination: group, hop_limit: frame[21] };
    let packet = NeighbourPacket::new_checked(&frame[54..]).unwrap();
    let question = Solicitation { target, source_mac: Some(OURS) };
    assert_eq!(Neighbour::parse(&packet, &arrival), Ok(Neighbour::Solicitation(question)));
}

/// The verdict on the captured advertisement after `change`, with its checksum made right again.
fn changed(change: impl FnOnce(&mut Vec<u8>, &mut ndisc::Arrival)) -> Result<Neighbour, Malformed> {
    let frame = bytes(frames::UNSOLICITED_NA);
    let (ip, payload) = Ipv6Header::parse(datagram(&frame)).unwrap();
    let mut arrival =
        ndisc::Arrival { source: ip.source, destination: ip.destination, hop_limit: ip.hop_limit };
    let mut message = payload.to_vec();
    message[2..4].fill(0);
    change(&mut message, &mut arrival);
    let mut sum: u32 = u32::try_from(message.len()).unwrap() + 58;
    let pseudo = [arrival.source.octets(), arrival.destination.octets()].concat();
    for pair in pseudo.chunks(2).chain(message.chunks(2)) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    let checksum = !u16::try_from(sum).unwrap();
    if message[2..4] == [0, 0] {
        message[2..4].copy_from_slice(&checksum.to_be_bytes());
    }
    Neighbour::parse(&NeighbourPacket::new_checked(&message)?, &arrival)
}

#[test]
fn neighbour_messages_that_rfc_4861_refuses() {
    assert!(changed(|_, _| ()).is_ok());
    assert_eq!(changed(|_, arrival| arrival.hop_limit = 254), Err(Malformed::HopLimit));
    assert_eq!(changed(|bytes, _| bytes[0] = 134), Err(Malformed::Kind));
    assert_eq!(changed(|bytes, _| bytes[1] = 1), Err(Malformed::Value), "code");
    assert_eq!(changed(|bytes, _| bytes[8] = 0xff), Err(Malformed::Value), "group as target");
    assert_eq!(changed(|bytes, _| bytes[25] = 0), Err(Malformed::Value), "option of no length");
    assert_eq!(changed(|bytes, _| bytes[25] = 2), Err(Malformed::Truncated), "long option");
    assert_eq!(changed(|bytes, _| bytes.truncate(25)), Err(Malformed::Truncated), "half option");
    assert_eq!(changed(|bytes, _| bytes[3] = 1), Err(Malformed::Checksum));
    assert_eq!(NeighbourPacket::new_checked(&[136; 23]).unwrap_err(), Malformed::Truncated);
}

#[test]
fn options_of_other_kinds_are_stepped_over() {
    let parsed = changed(|bytes, _| {
        let option = bytes.split_off(24);
        bytes.extend([14, 1, 1, 2, 3, 4, 5, 6]);
        bytes.extend(option);
    });
    let Ok(Neighbour::Advertisement(advertisement)) = parsed else { panic!("{parsed:?}") };
    assert_eq!(advertisement.target_mac, Some(MacAddr([2, 0, 0, 0, 0, 0x0a])));
    let parsed = changed(|bytes, _| bytes.truncate(24));
    let Ok(Neighbour::Advertisement(advertisement)) = parsed else { panic!("{parsed:?}") };
    assert_eq!(advertisement.target_mac, None);
}

#[test]
fn the_flags_of_an_advertisement() {
    let (source, group) = (v6("fe80::1"), ndisc::ALL_NODES);
    for (router, solicited, r#override, byte) in [
        (true, false, true, 0xa0),
        (false, false, true, 0x20),
        (false, true, false, 0x40),
        (false, false, false, 0x00),
    ] {
        let wanted = ndisc::Advertisement {
            target: source,
            router,
            solicited,
            r#override,
            target_mac: None,
        };
        let message = wanted.emit(source, group);
        assert_eq!(message.as_bytes()[4], byte);
        let packet = NeighbourPacket::new_checked(message.as_bytes()).unwrap();
        let arrival = ndisc::Arrival { source, destination: group, hop_limit: 255 };
        assert_eq!(Neighbour::parse(&packet, &arrival), Ok(Neighbour::Advertisement(wanted)));
    }
}

#[test]
fn an_echo_request_over_ipv4() {
    let echo = Echo { kind: EchoKind::Request, identifier: 0x1234, sequence: 7, data: b"abc" };
    let mut buffer = [0xff; 11];
    assert_eq!(echo.emit(&mut buffer, Carrier::Ipv4), Ok(11));
    assert_eq!(buffer, [8, 0, 0x21, 0x62, 0x12, 0x34, 0, 7, b'a', b'b', b'c']);
    let packet = EchoPacket::new_checked(&buffer).unwrap();
    assert_eq!(Echo::parse(&packet, Carrier::Ipv4), Ok(echo));
    assert_eq!(Echo::parse(&packet, Carrier::Ipv6KernelChecksum), Err(Malformed::Kind));
    assert_eq!(
        echo.emit(&mut [0; 10], Carrier::Ipv4),
        Err(EmitError::NoRoom { needed: 11, room: 10 })
    );
    buffer[10] = b'd';
    let packet = EchoPacket::new_checked(&buffer).unwrap();
    assert_eq!(Echo::parse(&packet, Carrier::Ipv4), Err(Malformed::Checksum));
    assert_eq!(EchoPacket::new_checked(&buffer[..7]).unwrap_err(), Malformed::Truncated);
}

#[test]
fn an_echo_reply_over_ipv6() {
    let carrier = Carrier::Ipv6 { source: v6("fe80::1"), destination: v6("fe80::2") };
    let echo = Echo { kind: EchoKind::Reply, identifier: 1, sequence: 2, data: &[] };
    let mut buffer = [0; 8];
    assert_eq!(echo.emit(&mut buffer, carrier), Ok(8));
    assert_eq!(buffer, [129, 0, 0x81, 0xb5, 0, 1, 0, 2]);
    let packet = EchoPacket::new_checked(&buffer).unwrap();
    assert_eq!(Echo::parse(&packet, carrier), Ok(echo));
    let elsewhere = Carrier::Ipv6 { source: v6("fe80::1"), destination: v6("fe80::3") };
    assert_eq!(Echo::parse(&packet, elsewhere), Err(Malformed::Checksum));
    assert_eq!(Echo::parse(&packet, Carrier::Ipv6KernelChecksum), Ok(echo));
}

#[test]
fn an_ipv6_header_both_ways() {
    let header = Ipv6Header {
        traffic_class: 0xc0,
        next_header: 112,
        hop_limit: 255,
        source: v6("fe80::1"),
        destination: v6("ff02::12"),
    };
    let mut datagram = header.emit(3).to_vec();
    assert_eq!(datagram[..8], [0x6c, 0, 0, 0, 0, 3, 112, 255]);
    assert_eq!(Ipv6Header::parse(&datagram), Err(Malformed::Truncated));
    datagram.extend([1, 2, 3, 0, 0]);
    assert_eq!(Ipv6Header::parse(&datagram), Ok((header, [1, 2, 3].as_slice())));
    datagram[0] = 0x45;
    assert_eq!(Ipv6Header::parse(&datagram), Err(Malformed::Kind));
}

#[test]
fn the_options_of_an_ipv4_header_are_stepped_over() {
    let header = Ipv4Header {
        tos: 0,
        identification: 3,
        ttl: 9,
        protocol: 1,
        source: v4("192.0.2.1"),
        destination: v4("192.0.2.2"),
    };
    let mut datagram = header.emit(5).to_vec();
    datagram[0] = 0x46;
    datagram.extend([1, 1, 1, 1, 0xaa]);
    let packet = Ipv4Packet::new_checked(&datagram).unwrap();
    assert_eq!(packet.payload(), [0xaa]);
    assert_eq!(Ipv4Header::parse(&packet), Ok(header));
}
