//! What a host that forwards does with packets to the virtual MAC address: as RFC 9568 §6.4.2 and §6.4.3 say, whoever is
//! Active passes them on, and nobody else.

use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

use kernel::netlink::RequestSocket;
use kernel::socket::{AnnounceSocket, FrameSocket, Heard, Packet};
use kernel::sysctl::{self, Setting};
use rustix::process::Signal;
use wire::MacAddr;
use wire::ip::Ipv4Header;

use crate::Test;
use crate::daemon::Start;
use crate::world::{Cable, FAR, GLOBAL, NEAR, VIRTUAL, eventually, never, steady_instance};

pub const TESTS: &[Test] = &[
    ("only_an_active_router_passes_on_what_came_to_the_virtual_address", by_role),
    ("a_backup_passes_nothing_on_when_somebody_switches_forwarding_on", switched_on),
    ("a_link_of_somebody_else_passes_on_afterwards_what_it_did_before", put_back),
];

const VMAC: MacAddr = MacAddr([0, 0, 0x5e, 0, 1, 51]);
const NEAR_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const FAR_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);
const NAME: &str = "vrrp.51";
/// A host behind the far end, which the near one reaches through it.
const BEYOND: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 9);

fn active() -> String {
    format!("{GLOBAL}{}", steady_instance(&[VIRTUAL], "  use_vmac\n"))
}

/// One that waits for longer than a test lasts.
fn backup() -> String {
    active().replace("advert_int 0.1", "advert_int 40").replace("priority 255", "priority 100")
}

/// Where the host beyond is: behind the far end, which answers nobody.
fn lead_beyond() {
    run("neigh replace 10.9.0.2 lladdr 02:00:00:00:00:02 dev near0");
    run("route replace 198.51.100.0/24 via 10.9.0.2 dev near0");
}

/// A cable with a router on the near end.
struct Router {
    cable: Cable,
    mouth: AnnounceSocket,
    ear: FrameSocket,
    buffers: Packet,
    far: intent::IfIndex,
    /// Of the packets sent so far: each question has a number of its own, for the answer to one may come during the next.
    sent: u16,
}

impl Router {
    fn new() -> Self {
        let cable = Cable::new();
        sysctl::write("all", Setting::Forwarding, 1).unwrap();
        lead_beyond();
        let open = || {
            let far = RequestSocket::open().unwrap().index_of(FAR).unwrap().expect("far end");
            let ear = FrameSocket::open(FAR, far, Heard::Everything).unwrap();
            (AnnounceSocket::open().unwrap(), ear, far)
        };
        let (mouth, ear, far) = cable.there.within(open).unwrap();
        Self { cable, mouth, ear, buffers: Packet::new(), far, sent: 0 }
    }

    /// Sends a packet for the host beyond to an Ethernet address of the near end; whether one of number `since` or later
    /// has come back meanwhile.
    fn passes_on(&mut self, to: MacAddr, since: u16) -> Option<()> {
        self.sent += 1;
        let header = Ipv4Header {
            tos: 0,
            identification: self.sent,
            ttl: 9,
            protocol: 253,
            source: Ipv4Addr::new(10, 9, 0, 9),
            destination: BEYOND,
        };
        let frame = [&to.0[..], &FAR_MAC.0, &[8, 0], &header.emit(8), &[0; 8]].concat();
        self.mouth.send(&[(self.far, to, frame.as_slice())]);
        let mut heard = false;
        loop {
            let outcome = self.ear.receive(&mut self.buffers, |frame| {
                let number = |it: &[u8]| u16::from_be_bytes([it[18], it[19]]);
                heard |= frame.get(30..34) == Some(&BEYOND.octets())
                    && frame[22] == 8
                    && number(frame) >= since;
            });
            if !outcome.is_ok_and(|(count, more)| more && count > 0) {
                return heard.then_some(());
            }
        }
    }

    /// The number of the next packet.
    const fn next(&self) -> u16 {
        self.sent + 1
    }

    fn eventually_passes_on(&mut self, to: MacAddr) {
        let since = self.next();
        eventually("passed on", || self.passes_on(to, since));
    }

    fn never_passes_on(&mut self) {
        self.eventually_passes_on(NEAR_MAC);
        let since = self.next();
        never(Duration::from_millis(300), "passed on", || self.passes_on(VMAC, since));
    }
}

fn run(line: &str) {
    let done = Command::new("ip").args(line.split(' ')).status().unwrap();
    assert!(done.success(), "ip {line}");
}

fn forwarding() -> i32 {
    sysctl::read(NAME, Setting::Forwarding).unwrap()
}

fn by_role() {
    let mut router = Router::new();
    let mut daemon = Start::with(&backup()).until("Entering BACKUP STATE");
    router.never_passes_on();
    daemon.reload(&active());
    daemon.wait_for("Entering MASTER STATE");
    router.eventually_passes_on(VMAC);
    // A successor finds it so, and leaves it.
    daemon.mark();
    daemon.vrrp().signal(Signal::KILL);
    daemon.wait_for("Starting VRRP child process");
    daemon.wait_for("Entering MASTER STATE");
    assert_eq!(forwarding(), 1);
    daemon.reload(&backup());
    // Until then it is the owner, who is Active again at once.
    daemon.wait_for("Reload finished");
    let near = router.cable.near;
    router.cable.requests.set_link_up(near, false).unwrap();
    daemon.wait_for("Entering FAULT STATE");
    router.cable.requests.set_link_up(near, true).unwrap();
    daemon.wait_for("Entering BACKUP STATE (recovered");
    lead_beyond();
    router.never_passes_on();
    // One that begins anew where all were killed as Active.
    daemon.reload(&active());
    daemon.wait_for("Entering MASTER STATE");
    eventually("it is on", || (forwarding() == 1).then_some(()));
    daemon.kill_all();
    assert_eq!(forwarding(), 1);
    let mut daemon = Start::with(&backup()).until("Entering BACKUP STATE");
    router.never_passes_on();
    assert_eq!(daemon.stop().0, Some(0));
}

fn switched_on() {
    let mut router = Router::new();
    sysctl::write("all", Setting::Forwarding, 0).unwrap();
    let mut daemon = Start::with(&backup()).until("Entering BACKUP STATE");
    sysctl::write("all", Setting::Forwarding, 1).unwrap();
    eventually("it is off again on the link", || (forwarding() == 0).then_some(()));
    router.never_passes_on();
    daemon.reload(&active());
    daemon.wait_for("Entering MASTER STATE");
    eventually("it is on", || (forwarding() == 1).then_some(()));
    // What the host says of the parent holds for the link too.
    sysctl::write(NEAR, Setting::Forwarding, 0).unwrap();
    eventually("it is off again", || (forwarding() == 0).then_some(()));
    assert_eq!(daemon.stop().0, Some(0));
    drop(router.cable);
}

fn put_back() {
    let _router = Router::new();
    run("link add vrrp.51 link near0 address 00:00:5e:00:01:33 type macvlan mode private");
    assert_eq!(forwarding(), 1);
    let mut daemon = Start::with(&backup()).until("Entering BACKUP STATE");
    assert_eq!(forwarding(), 0);
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!(forwarding(), 1);
}
