//! Our packets in the eyes of others: the etherparse crate, and tshark where it is installed.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic fails the test, as it should"
)]
#![allow(clippy::disallowed_methods, reason = "tshark reads a file; the crate under test does not")]

mod frames;

use std::io;
use std::net::IpAddr;
use std::process::Command;

use etherparse::{LinkSlice, NetSlice, SlicedPacket};
use frames::{addresses, v4, v6};
use wire::arp::Arp;
use wire::ethernet::{EtherType, EthernetHeader};
use wire::icmp::{self, Carrier, Echo, EchoKind};
use wire::ip::{Ipv4Header, Ipv6Header};
use wire::ndisc;
use wire::vrrp::{
    Addresses, Advertisement, Authentication, Checksum, HOP_LIMIT, MULTICAST_V4, MULTICAST_V6,
    PROTOCOL, Prepared,
};
use wire::{Family, MacAddr, MaxAdvertiseInterval, Priority, Version, Vrid};

const OURS: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

fn framed(destination: MacAddr, ether_type: EtherType, parts: &[&[u8]]) -> Vec<u8> {
    let ethernet = EthernetHeader { destination, source: OURS, ether_type };
    [ethernet.emit().as_slice(), &parts.concat()].concat()
}

/// One frame with each kind of advertisement, by name.
fn advertisements() -> Vec<(&'static str, Vec<u8>)> {
    let ipv4 = addresses(&["192.0.2.100", "192.0.2.101", "192.0.2.102"]);
    let ipv6 = addresses(&["fe80::100", "2001:db8::100"]);
    let v2 = Advertisement {
        version: Version::V2,
        vrid: Vrid::new(51).unwrap(),
        priority: Priority(150),
        interval: MaxAdvertiseInterval::Seconds(1),
        authentication: Authentication::None,
        addresses: Addresses::new(Family::Ipv4, &ipv4).unwrap(),
    };
    let pass = Advertisement { authentication: Authentication::pass(b"secret"), ..v2 };
    let interval = MaxAdvertiseInterval::Centiseconds(10);
    let v3 = Advertisement { version: Version::V3, interval, ..v2 };
    let v3_ipv6 = Advertisement { addresses: Addresses::new(Family::Ipv6, &ipv6).unwrap(), ..v3 };

    let group = MacAddr::of_multicast(MULTICAST_V4.into());
    let over_ipv4 = |advertisement| {
        let mut prepared =
            Prepared::ipv4(advertisement, v4("192.0.2.1"), MULTICAST_V4, HOP_LIMIT).unwrap();
        let fresh = framed(group, EtherType::IPV4, &[prepared.as_bytes()]);
        prepared.set_priority(Priority::RESIGN);
        prepared.set_identification(0xfffe);
        (fresh, framed(group, EtherType::IPV4, &[prepared.as_bytes()]))
    };
    let (v2, v2_resign) = over_ipv4(&v2);
    let (pass, pass_resign) = over_ipv4(&pass);
    let (v3, v3_resign) = over_ipv4(&v3);

    let (source, destination) = (v6("fe80::1"), MULTICAST_V6);
    let checksum =
        Checksum::PseudoHeader { source: source.into(), destination: destination.into() };
    let prepared = Prepared::payload(&v3_ipv6, checksum).unwrap();
    let header = Ipv6Header {
        traffic_class: 0xc0,
        next_header: PROTOCOL,
        hop_limit: HOP_LIMIT,
        source,
        destination,
    };
    let header = header.emit(prepared.as_bytes().len());
    let group = MacAddr::of_multicast(IpAddr::V6(destination));
    let v3_ipv6 = framed(group, EtherType::IPV6, &[&header, prepared.as_bytes()]);
    vec![
        ("v2", v2),
        ("v2 resign", v2_resign),
        ("v2 pass", pass),
        ("v2 pass resign", pass_resign),
        ("v3", v3),
        ("v3 resign", v3_resign),
        ("v3 ipv6", v3_ipv6),
    ]
}

/// One frame of everything else, by name.
fn neighbours() -> Vec<(&'static str, Vec<u8>)> {
    let question = Arp::request(OURS, v4("192.0.2.1"), v4("192.0.2.2"));
    let target = v6("2001:db8::100");
    let na = ndisc::Advertisement::unsolicited_frame(OURS, target, true);

    let group = ndisc::solicited_node(target);
    let source = v6("fe80::1");
    let ns = ndisc::Solicitation { target, source_mac: Some(OURS) }.emit(source, group);
    let mut header = Ipv6Header {
        traffic_class: 0,
        next_header: icmp::PROTOCOL_V6,
        hop_limit: ndisc::HOP_LIMIT,
        source,
        destination: group,
    };
    let ns = framed(
        MacAddr::of_multicast(group.into()),
        EtherType::IPV6,
        &[&header.emit(ns.as_bytes().len()), ns.as_bytes()],
    );

    let echo = Echo { kind: EchoKind::Request, identifier: 7, sequence: 1, data: b"steadfast" };
    let mut buffer = [0; 64];
    header.destination = target;
    let carrier = Carrier::Ipv6 { source, destination: target };
    let length = echo.emit(&mut buffer, carrier).unwrap();
    let echo_v6 = framed(
        MacAddr([2, 0, 0, 0, 0, 2]),
        EtherType::IPV6,
        &[&header.emit(length), &buffer[..length]],
    );
    let length = echo.emit(&mut buffer, Carrier::Ipv4).unwrap();
    let header = Ipv4Header {
        tos: 0,
        identification: 1,
        ttl: 64,
        protocol: icmp::PROTOCOL_V4,
        source: v4("192.0.2.1"),
        destination: v4("192.0.2.2"),
    };
    let echo_v4 = framed(
        MacAddr([2, 0, 0, 0, 0, 2]),
        EtherType::IPV4,
        &[&header.emit(length), &buffer[..length]],
    );
    vec![
        ("gratuitous arp", Arp::gratuitous(OURS, v4("192.0.2.100")).emit_frame().to_vec()),
        ("arp request", question.emit_frame().to_vec()),
        ("unsolicited na", na.to_vec()),
        ("ns", ns),
        ("echo v4", echo_v4),
        ("echo v6", echo_v6),
    ]
}

#[test]
fn etherparse_finds_the_headers_of_every_advertisement_right() {
    for (name, frame) in advertisements() {
        let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
        let Some(LinkSlice::Ethernet2(ethernet)) = sliced.link else {
            panic!("{name}: no Ethernet")
        };
        match sliced.net.unwrap() {
            NetSlice::Ipv4(ip) => {
                let header = ip.header();
                assert_eq!(ethernet.destination(), [0x01, 0x00, 0x5e, 0x00, 0x00, 0x12], "{name}");
                assert_eq!(header.ttl(), 255, "{name}");
                assert_eq!(header.protocol().0, 112, "{name}");
                assert_eq!(header.dcp().value(), 48, "{name}: 0xc0 is DSCP 48");
                assert_eq!(header.destination_addr().to_string(), "224.0.0.18", "{name}");
                let right = header.to_header().calc_header_checksum();
                assert_eq!(header.header_checksum(), right, "{name}");
                assert_eq!(usize::from(header.total_len()) + 14, frame.len(), "{name}");
            }
            NetSlice::Ipv6(ip) => {
                let header = ip.header();
                assert_eq!(ethernet.destination(), [0x33, 0x33, 0x00, 0x00, 0x00, 0x12], "{name}");
                assert_eq!(header.hop_limit(), 255, "{name}");
                assert_eq!(header.next_header().0, 112, "{name}");
                assert_eq!(header.traffic_class(), 0xc0, "{name}");
                assert_eq!(usize::from(header.payload_length()) + 54, frame.len(), "{name}");
            }
            NetSlice::Arp(_) => panic!("{name}: ARP"),
        }
    }
}

#[test]
fn etherparse_finds_the_checksums_of_neighbour_messages_and_echoes_right() {
    use etherparse::TransportSlice::{Icmpv4, Icmpv6, Tcp, Udp};
    let mut seen = 0;
    for (name, frame) in neighbours() {
        let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
        match (sliced.transport, sliced.net) {
            (Some(Icmpv6(message)), Some(NetSlice::Ipv6(ip))) => {
                let header = ip.header();
                assert!(message.is_checksum_valid(header.source(), header.destination()), "{name}");
                seen += 1;
            }
            (Some(Icmpv4(message)), _) => {
                let payload = message.payload();
                let right = message.header().icmp_type.calc_checksum(payload);
                assert_eq!(message.checksum(), right, "{name}");
                seen += 1;
            }
            (Some(Icmpv6(_) | Tcp(_) | Udp(_)), _) => panic!("{name}: something else"),
            (None, _) => {}
        }
    }
    assert_eq!(seen, 4);
}

#[test]
fn tshark_has_no_remark_about_any_packet() {
    let packets = [advertisements(), neighbours()].concat();
    let path = std::env::temp_dir().join(format!("wire-{}.pcap", std::process::id()));
    std::fs::write(&path, capture(packets.iter().map(|(_, frame)| frame.as_slice()))).unwrap();
    let ran = Command::new("tshark")
        .arg("-r")
        .arg(&path)
        .args(["-n", "-o", "ip.check_checksum:TRUE", "-T", "fields", "-E", "separator=|"])
        .args(
            ["frame.protocols", "vrrp.checksum.status", "ip.checksum.status"]
                .map(|f| ["-e", f])
                .concat(),
        )
        .args(["icmp.checksum.status", "icmpv6.checksum.status"].map(|f| ["-e", f]).concat())
        .args(["-e", "_ws.expert.message", "-e", "_ws.malformed"])
        .output();
    std::fs::remove_file(&path).unwrap();
    let output = match ran {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            println!("SKIPPED: tshark is not installed");
            return;
        }
        Err(error) => panic!("tshark: {error}"),
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen = String::from_utf8(output.stdout).unwrap();
    // Protocols, then the state of four checksums (1 is good), then remarks and what is malformed: nothing.
    let wanted = "\
eth:ethertype:ip:vrrp|1|1||||
eth:ethertype:ip:vrrp|1|1||||
eth:ethertype:ip:vrrp|1|1||||
eth:ethertype:ip:vrrp|1|1||||
eth:ethertype:ip:vrrp|1|1||||
eth:ethertype:ip:vrrp|1|1||||
eth:ethertype:ipv6:vrrp|1|||||
eth:ethertype:arp||||||
eth:ethertype:arp||||||
eth:ethertype:ipv6:icmpv6||||1||
eth:ethertype:ipv6:icmpv6||||1||
eth:ethertype:ip:icmp:data||1|1|||
eth:ethertype:ipv6:icmpv6:data||||1||
";
    assert_eq!(seen, wanted);
}

/// A capture file with `frames`: magic of microseconds, version 2.4, link type Ethernet.
fn capture<'a>(frames: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4, 0x0002_0004, 0, 0, 0xffff, 1_u32] {
        file.extend(word.to_be_bytes());
    }
    for frame in frames {
        let length = u32::try_from(frame.len()).unwrap();
        for word in [0, 0, length, length] {
            file.extend(word.to_be_bytes());
        }
        file.extend(frame);
    }
    file
}
