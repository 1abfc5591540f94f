//! What the tests stand on: a cable between two namespaces, and waiting with a bound.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use intent::{Address, Flags, IfIndex, Lifetime, PROTOCOL_KEEPALIVED};
use kernel::namespace::Namespace;
use kernel::netlink::RequestSocket;
use kernel::socket::{AnnounceSocket, FrameSocket, Heard, Packet};
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkMessage};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};
use std::os::fd::{AsFd, AsRawFd};
use wire::MacAddr;

pub const NEAR: &str = "near0";
pub const FAR: &str = "far0";
pub const NEAR_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
pub const FAR_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

/// A cable from this thread's namespace into another; both ends are up.
pub struct Cable {
    pub near: IfIndex,
    pub far: IfIndex,
    pub there: Namespace,
    pub requests: RequestSocket,
}

impl Cable {
    pub fn new() -> Self {
        let there = Namespace::create().unwrap();
        let mut requests = RequestSocket::open().unwrap();
        requests.create_veth((NEAR, NEAR_MAC), (FAR, FAR_MAC), there.as_fd()).unwrap();
        let near = requests.index_of(NEAR).unwrap().expect("near end");
        requests.set_link_up(near, true).unwrap();
        let far = there
            .within(|| {
                let mut requests = RequestSocket::open().unwrap();
                let far = requests.index_of(FAR).unwrap().expect("far end");
                requests.set_link_up(far, true).unwrap();
                far
            })
            .unwrap();
        until_passing(near, (FAR, far), &there);
        Self { near, far, there, requests }
    }
}

/// Sends probes until one arrives: a link that has just come up drops what is sent for a moment, although the
/// kernel calls it running.
pub fn until_passing(near: IfIndex, far: (&str, IfIndex), there: &Namespace) {
    let open = || FrameSocket::open(far.0, far.1, Heard::Everything).unwrap();
    let ears = there.within(open).unwrap();
    let mouth = AnnounceSocket::open().unwrap();
    let mut probe = [0; 60];
    probe[..6].fill(0xff);
    probe[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 0xff]);
    probe[12..14].copy_from_slice(&[0x88, 0xb6]);
    let mut buffers = Packet::new();
    eventually("a frame through the cable", || {
        let _ = mouth.send(&[(near, MacAddr::BROADCAST, &probe)]);
        std::thread::sleep(Duration::from_millis(10));
        let mut heard = false;
        // The link may have been down: that is said once.
        let _ = ears.receive(&mut buffers, |frame| heard |= frame[12..14] == probe[12..14]);
        heard.then_some(())
    });
}

/// An address as the daemon sets it, without end.
pub fn address(interface: IfIndex, address: impl Into<IpAddr>, prefix: u8) -> Address {
    Address {
        interface,
        address: address.into(),
        prefix,
        peer: None,
        broadcast: None,
        scope: 0,
        label: None,
        lifetime: Lifetime::Forever,
        preferred: Lifetime::Forever,
        flags: Flags { no_dad: true, ..Flags::default() },
        protocol: PROTOCOL_KEEPALIVED,
    }
}

/// Asks again and again until there is an answer.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Deletes a link, by someone else's netlink library.
pub fn delete_link(index: IfIndex) {
    let mut message = LinkMessage::default();
    message.header.index = index.0;
    request(RouteNetlinkMessage::DelLink(message));
}

/// Renames a link, by someone else's netlink library.
pub fn rename_link(index: IfIndex, name: &str) {
    let mut message = LinkMessage::default();
    message.header.index = index.0;
    message.attributes.push(LinkAttribute::IfName(name.to_owned()));
    request(RouteNetlinkMessage::SetLink(message));
}

fn request(message: RouteNetlinkMessage) {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_ACK;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    let kind = (AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC);
    let socket = socket(kind.0, kind.1, kind.2, SockProtocol::NetlinkRoute).unwrap();
    sendto(socket.as_raw_fd(), &bytes, &NetlinkAddr::new(0, 0), MsgFlags::empty()).unwrap();
    let mut answer = [0; 4096];
    let length = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty()).unwrap();
    let answer = NetlinkBuffer::new_checked(&answer[..length]).unwrap();
    let errno = i32::from_ne_bytes(answer.payload()[..4].try_into().unwrap());
    assert_eq!((answer.message_type(), errno), (2, 0), "the kernel refused");
}
