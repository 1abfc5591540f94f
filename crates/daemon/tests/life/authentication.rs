//! Authenticated adverts: what one process has heard, its successor refuses.

use std::net::Ipv4Addr;
use std::time::Duration;

use kernel::netlink::RequestSocket;
use kernel::socket::AnnounceSocket;
use rustix::process::Signal;
use wire::ethernet::{EtherType, EthernetHeader};
use wire::vrrp::{
    Addresses, Advertisement, Authentication, HeaderKey, MULTICAST_V4, Prepared, sign,
};
use wire::{Family, MacAddr, MaxAdvertiseInterval, Priority, Version, Vrid};

use crate::Test;
use crate::daemon::Start;
use crate::world::{Cable, FAR, VIRTUAL, eventually, instance};

pub const TESTS: &[Test] = &[("a_successor_refuses_an_advert_that_was_heard_before_it", refuses)];

const PEER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);

/// A genuine advert of a better router in a frame, with this number.
fn advert(number: u32) -> Vec<u8> {
    let virtual_address = [VIRTUAL.into()];
    let advertisement = Advertisement {
        version: Version::V2,
        vrid: Vrid::new(51).unwrap(),
        priority: Priority(200),
        interval: MaxAdvertiseInterval::Seconds(1),
        authentication: Authentication::Header,
        addresses: Addresses::new(Family::Ipv4, &virtual_address).unwrap(),
    };
    let prepared = Prepared::ipv4_with_header(&advertisement, PEER, MULTICAST_V4, 255).unwrap();
    let mut datagram = prepared.as_bytes().to_vec();
    sign(&mut datagram, &HeaderKey::new(b"s3cret"), number);
    let ethernet = EthernetHeader {
        destination: MacAddr::of_multicast(MULTICAST_V4.into()),
        source: MacAddr([2, 0, 0, 0, 0, 2]),
        ether_type: EtherType::IPV4,
    };
    [ethernet.emit().as_slice(), &datagram].concat()
}

fn refuses() {
    let cable = Cable::new();
    let (mouth, far) = cable
        .there
        .within(|| {
            let far = RequestSocket::open().unwrap().index_of(FAR).unwrap().unwrap();
            (AnnounceSocket::open().unwrap(), far)
        })
        .unwrap();
    let frame = advert(4_000_000_000);
    let group = MacAddr::of_multicast(MULTICAST_V4.into());
    let send = || {
        let _ = mouth.send(&[(far, group, &frame)]);
    };
    let lines = "  version 2\n  authentication {\n    auth_type AH\n    auth_pass s3cret\n  }\n";
    let text =
        instance("VI_1", 51, 100, &[VIRTUAL], lines).replace("advert_int 0.1", "advert_int 1");
    let mut near = Start::with(&text).until("Entering BACKUP STATE");
    let repeated = "discarded advert from 10.9.0.2 on near0: already processed";
    // The first is heard, the second is a repetition.
    eventually("the second is refused", || {
        send();
        near.news().contains(repeated).then_some(())
    });
    // The parent is told with the next beat.
    std::thread::sleep(Duration::from_millis(1200));
    near.mark();
    near.vrrp().signal(Signal::KILL);
    near.wait_for("Entering BACKUP STATE");
    // By itself it could not know: to one that knows nothing the first is new.
    send();
    let line = near.wait_for("10.9.0.2");
    assert!(line.contains(repeated), "{line}");
}
