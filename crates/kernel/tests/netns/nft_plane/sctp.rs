//! SCTP, whose beginning is told apart by its protocol and ports alone: no kernel here needs to speak it.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use intent::service::{Front, Scheduling, Transport};
use kernel::namespace::Namespace;
use socket2::{Domain, Protocol, Socket, Type};

use super::farm::{Farm, VIP, inside, server};
use super::{DIRECT, NAT, back, plane, service};

fn front(port: u16) -> Front {
    Front::Address { protocol: Transport::Sctp, address: VIP.parse().unwrap(), port }
}

pub fn rewritten() {
    let farm = Farm::routed();
    let servers = [1, 2].map(|number| (back(&server(number), 8080), NAT));
    let _plane = plane(&[(front(5060), service(Scheduling::new("rr"), &servers))].into());
    let mut associations = Associations::begin(&farm, 5060);
    let first = associations.next();
    let other = associations.next();
    assert_eq!(first.port, 8080);
    assert_eq!(first.address.to_string(), server(first.server));
    assert_ne!(first.server, other.server);
}

pub fn as_they_are() {
    let farm = Farm::on_one_segment();
    let servers = [11, 12].map(|last| (back(&format!("10.3.0.{last}"), 8080), DIRECT));
    let _plane = plane(&[(front(8080), service(Scheduling::new("rr"), &servers))].into());
    let mut associations = Associations::begin(&farm, 8080);
    let first = associations.next();
    let other = associations.next();
    assert_eq!((first.address.to_string().as_str(), first.port), (VIP, 8080));
    assert_ne!(first.server, other.server);
}

/// Beginnings of associations from ever other ports, and who hears them.
struct Associations {
    client: Socket,
    servers: Vec<Socket>,
    asked: u16,
    source: u16,
}

/// A beginning as a server heard it.
struct Heard {
    server: usize,
    address: Ipv4Addr,
    port: u16,
}

impl Associations {
    fn begin(farm: &Farm, asked: u16) -> Self {
        let open = |space: &Namespace| {
            let open = || Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(PROTOCOL)));
            let socket = inside(space, open).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
            socket
        };
        let servers = farm.servers.iter().map(open).collect();
        Self { client: open(&farm.client), servers, asked, source: 40_000 }
    }

    fn next(&mut self) -> Heard {
        self.source += 1;
        let to: SocketAddr = format!("{VIP}:0").parse().unwrap();
        self.client.send_to(&beginning(self.source, self.asked), &to.into()).unwrap();
        for _ in 0..4 {
            for (server, socket) in (1..).zip(&mut self.servers) {
                socket.set_read_timeout(Some(Duration::from_millis(250))).unwrap();
                let mut packet = [0; 256];
                let Ok(length) = socket.read(&mut packet) else { continue };
                let (header, sctp) = packet[..length].split_at(20);
                assert_eq!(sctp[..2], self.source.to_be_bytes());
                let mut unsigned = sctp.to_vec();
                unsigned[8..12].fill(0);
                assert_eq!(sctp[8..12], crc32c(&unsigned).to_le_bytes());
                let address = <[u8; 4]>::try_from(&header[16..20]).unwrap().into();
                return Heard { server, address, port: u16::from_be_bytes([sctp[2], sctp[3]]) };
            }
        }
        panic!("no server heard of it");
    }
}

/// A packet with INIT: RFC 9260 §3.1, §3.3.2.
fn beginning(source: u16, target: u16) -> Vec<u8> {
    let mut packet = [source.to_be_bytes(), target.to_be_bytes()].concat();
    // No verification tag yet, and the checksum.
    packet.extend([0; 8]);
    // INIT of 20 bytes: tag, window, streams out and in, first number.
    packet.extend([1, 0, 0, 20, 0, 0, 0, 7, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1]);
    let checksum = crc32c(&packet);
    packet[8..12].copy_from_slice(&checksum.to_le_bytes());
    packet
}

/// RFC 9260 appendix A.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// `IPPROTO_SCTP`.
const PROTOCOL: i32 = 132;
