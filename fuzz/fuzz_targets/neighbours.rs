//! Any bytes as a frame, an IP datagram, ARP, a neighbour message or an echo.
#![no_main]

use std::net::Ipv6Addr;

use libfuzzer_sys::fuzz_target;
use wire::arp::{Arp, ArpPacket};
use wire::ethernet::EthernetHeader;
use wire::icmp::{Carrier, Echo, EchoPacket};
use wire::ip::{Ipv4Header, Ipv4Packet, Ipv6Header};
use wire::ndisc::{ALL_NODES, Arrival, Neighbour, NeighbourPacket};

fuzz_target!(|bytes: &[u8]| {
    if let Ok((header, payload)) = EthernetHeader::parse(bytes) {
        assert_eq!([&header.emit(), payload].concat(), bytes);
        understand(payload);
    }
    understand(bytes);
});

fn understand(bytes: &[u8]) {
    if let Ok(packet) = Ipv4Packet::new_checked(bytes) {
        let _ = (Ipv4Header::parse(&packet), packet.is_checksum_right());
        messages(packet.payload(), Ipv6Addr::LOCALHOST, ALL_NODES);
    }
    if let Ok((header, payload)) = Ipv6Header::parse(bytes) {
        messages(payload, header.source, header.destination);
    }
    if let Ok(arp) = ArpPacket::new_checked(bytes).and_then(|packet| Arp::parse(&packet)) {
        assert_eq!(arp.emit(), bytes[..Arp::LEN]);
    }
}

fn messages(bytes: &[u8], source: Ipv6Addr, destination: Ipv6Addr) {
    if let Ok(packet) = NeighbourPacket::new_checked(bytes) {
        let _ = Neighbour::parse(&packet, &Arrival { source, destination, hop_limit: 255 });
    }
    if let Ok(packet) = EchoPacket::new_checked(bytes) {
        for carrier in
            [Carrier::Ipv4, Carrier::Ipv6KernelChecksum, Carrier::Ipv6 { source, destination }]
        {
            let _ = Echo::parse(&packet, carrier);
        }
    }
}
