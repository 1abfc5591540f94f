//! The client: pings every virtual address each millisecond, and notes what its interface receives.
//!
//! Its questions go the way of any program's: through the kernel's routes and neighbour table, so that a stale
//! neighbour entry is an outage here as it would be anywhere.

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use anyhow::Context as _;
use clock::Instant;
use kernel::socket::{FrameSocket, Heard, Packet, SendSocket, Sending, SocketError};
use wire::arp::{Arp, ArpPacket};
use wire::ethernet::{EtherType, EthernetHeader};
use wire::icmp::{self, Carrier, Echo, EchoKind, EchoPacket};
use wire::ip::{Ipv4Header, Ipv4Packet};
use wire::vrrp::AdvertisementPacket;
use wire::{Family, MacAddr};

use super::ledger::Sighting;
use super::topology::{CLIENT, ClientLink, LINK, Topology};

/// The pinging client.
#[derive(Debug)]
pub(super) struct Client {
    questions: SendSocket,
    frames: FrameSocket,
    buffers: Packet,
    addresses: Vec<Ipv4Addr>,
    sequence: u16,
    due: Instant,
}

impl Client {
    /// Opens its sockets in its namespace.
    ///
    /// **Errors**: the kernel refuses.
    pub(super) fn open(
        topology: &Topology,
        ClientLink(link): ClientLink,
        addresses: Vec<Ipv4Addr>,
    ) -> anyhow::Result<Self> {
        let open = || {
            let questions = SendSocket::open(LINK, link, Family::Ipv4)?;
            Ok::<_, SocketError>((questions, FrameSocket::open(LINK, link, Heard::Everything)?))
        };
        let (questions, frames) = topology.client().within(open)?.context("sockets of client")?;
        let (sequence, due) = (0, Instant::ZERO);
        Ok(Self { questions, frames, buffers: Packet::new(), addresses, sequence, due })
    }

    /// When the next questions are due.
    pub(super) const fn due(&self) -> Instant {
        self.due
    }

    /// Pings every address if it is time to. A beat that was missed is not made up for.
    pub(super) fn ask(&mut self, now: Instant) {
        if now < self.due {
            return;
        }
        self.due = next_beat(self.due, now);
        self.sequence = self.sequence.wrapping_add(1);
        for address in &self.addresses {
            let datagram = question(*address, self.sequence);
            let (source, destination) = (IpAddr::V4(CLIENT), IpAddr::V4(*address));
            // What the kernel refuses is a ping without an answer, as for any program.
            let _ = self.questions.send([Sending {
                bytes: &datagram,
                source,
                destination,
                hop_limit: wire::vrrp::HOP_LIMIT,
            }]);
        }
    }

    /// Takes in what waits, one call's worth; says whether there may be more.
    ///
    /// **Errors**: the socket fails.
    pub(super) fn hear(&mut self, mut each: impl FnMut(Sighting)) -> Result<bool, SocketError> {
        let mut one = |frame: &[u8]| {
            if let Some(sighting) = sighting(frame) {
                each(sighting);
            }
        };
        self.frames.receive(&mut self.buffers, &mut one).map(|(_, more)| more)
    }
}

impl AsFd for Client {
    /// Readable when frames have arrived.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.frames.as_fd()
    }
}

/// The beat after `due`; one that is past already is left out.
fn next_beat(due: Instant, now: Instant) -> Instant {
    let next = due + BEAT;
    if next > now { next } else { now + BEAT }
}

/// A whole datagram that asks `address` to answer.
fn question(address: Ipv4Addr, sequence: u16) -> [u8; QUESTION_LEN] {
    let echo = Echo { kind: EchoKind::Request, identifier: IDENTIFIER, sequence, data: &[] };
    let header = Ipv4Header {
        tos: 0,
        identification: 0,
        ttl: 64,
        protocol: icmp::PROTOCOL_V4,
        source: CLIENT,
        destination: address,
    };
    let mut datagram = [0; QUESTION_LEN];
    let (head, body) = datagram.split_at_mut(Ipv4Header::LEN);
    head.copy_from_slice(&header.emit(body.len()));
    // There is room for exactly this.
    let _ = echo.emit(body, Carrier::Ipv4);
    datagram
}

/// What a frame means to the ledger; nothing for other traffic.
fn sighting(frame: &[u8]) -> Option<Sighting> {
    let (ethernet, payload) = EthernetHeader::parse(frame).ok()?;
    match ethernet.ether_type {
        EtherType::ARP => {
            let arp = Arp::parse(&ArpPacket::new_checked(payload).ok()?).ok()?;
            (arp.sender == arp.target)
                .then_some(Sighting::Announcement { address: arp.sender, from: ethernet.source })
        }
        EtherType::IPV4 => in_datagram(ethernet.source, payload),
        _ => None,
    }
}

fn in_datagram(from: MacAddr, bytes: &[u8]) -> Option<Sighting> {
    let packet = Ipv4Packet::new_checked(bytes).ok()?;
    let header = Ipv4Header::parse(&packet).ok()?;
    match header.protocol {
        icmp::PROTOCOL_V4 => {
            let echo = EchoPacket::new_checked(packet.payload()).ok()?;
            let echo = Echo::parse(&echo, Carrier::Ipv4).ok()?;
            (echo.kind == EchoKind::Reply && echo.identifier == IDENTIFIER)
                .then_some(Sighting::Reply { address: header.source, from })
        }
        wire::vrrp::PROTOCOL => {
            let (advert, _) = AdvertisementPacket::from_ipv4(bytes).ok()?;
            let (vrid, priority) = (advert.vrid()?, advert.priority());
            Some(Sighting::Advertisement { vrid, from, priority })
        }
        _ => None,
    }
}

/// Time between two pings of one address.
const BEAT: Duration = Duration::from_millis(1);
/// Tells our echoes from others'; "SF".
const IDENTIFIER: u16 = 0x5346;
const QUESTION_LEN: usize = Ipv4Header::LEN + Echo::HEADER_LEN;

#[cfg(test)]
mod tests {
    use wire::Vrid;

    use super::*;

    const A: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x0a]);
    const VIP: Ipv4Addr = Ipv4Addr::new(10, 101, 0, 101);

    fn frame(ether_type: EtherType, payload: &[u8]) -> Vec<u8> {
        let header = EthernetHeader { destination: MacAddr::BROADCAST, source: A, ether_type };
        [&header.emit(), payload].concat()
    }

    fn datagram(protocol: u8, payload: &[u8]) -> Vec<u8> {
        let (source, destination) = (VIP, CLIENT);
        let header =
            Ipv4Header { tos: 0, identification: 0, ttl: 255, protocol, source, destination };
        [&header.emit(payload.len())[..], payload].concat()
    }

    fn echo(kind: EchoKind, identifier: u16) -> Vec<u8> {
        let mut bytes = vec![0; Echo::HEADER_LEN];
        let echo = Echo { kind, identifier, sequence: 7, data: &[] };
        echo.emit(&mut bytes, Carrier::Ipv4).expect("room");
        datagram(icmp::PROTOCOL_V4, &bytes)
    }

    #[test]
    fn a_reply_to_our_ping_is_seen_with_the_sender_of_its_frame() {
        let reply = frame(EtherType::IPV4, &echo(EchoKind::Reply, IDENTIFIER));
        assert_eq!(sighting(&reply), Some(Sighting::Reply { address: VIP, from: A }));
    }

    #[test]
    fn questions_and_replies_to_others_are_not_seen() {
        for (kind, identifier) in
            [(EchoKind::Request, IDENTIFIER), (EchoKind::Reply, IDENTIFIER + 1)]
        {
            assert_eq!(sighting(&frame(EtherType::IPV4, &echo(kind, identifier))), None);
        }
    }

    #[test]
    fn a_question_for_another_host_is_no_announcement_and_a_gratuitous_one_is() {
        let seen = |arp: &Arp| sighting(&frame(EtherType::ARP, &arp.emit()));
        assert_eq!(seen(&Arp::request(A, VIP, CLIENT)), None);
        let expected = Some(Sighting::Announcement { address: VIP, from: A });
        assert_eq!(seen(&Arp::gratuitous(A, VIP)), expected);
    }

    #[test]
    fn an_advertisement_is_seen_with_its_priority() {
        let bytes = datagram(wire::vrrp::PROTOCOL, &[0x21, 1, 100, 0, 0, 1, 0, 0]);
        let vrid = Vrid::new(1).expect("not zero");
        let expected = Some(Sighting::Advertisement { vrid, from: A, priority: 100 });
        assert_eq!(sighting(&frame(EtherType::IPV4, &bytes)), expected);
    }

    #[test]
    fn a_question_can_be_read_by_its_receiver() {
        let bytes = question(VIP, 7);
        let packet = Ipv4Packet::new_checked(&bytes).expect("whole");
        assert!(packet.is_checksum_right());
        let packet = EchoPacket::new_checked(packet.payload()).expect("whole");
        let echo = Echo::parse(&packet, Carrier::Ipv4).expect("checksum");
        assert_eq!((echo.kind, echo.identifier, echo.sequence), (EchoKind::Request, IDENTIFIER, 7));
    }

    #[test]
    fn a_beat_that_was_missed_is_not_made_up_for() {
        let at = |microseconds: u64| Instant::from_nanos(microseconds * 1000);
        assert_eq!(next_beat(at(4000), at(4050)), at(5000));
        assert_eq!(next_beat(at(4000), at(9500)), at(10_500));
    }
}
