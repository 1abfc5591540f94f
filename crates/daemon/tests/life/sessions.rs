//! BFD sessions between two daemons on the two ends of a cable.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::Test;
use crate::daemon::{Daemon, Start};
use crate::world::{
    Cable, FAR, GLOBAL, NEAR_ADDRESS, RESUMABLE, VIRTUAL, eventually, instance, never, permanent,
};

pub const TESTS: &[Test] = &[
    ("a_session_comes_up_and_its_end_is_a_fault_at_once", comes_and_goes),
    ("an_orderly_end_of_the_other_end_is_no_fault", ends_in_order),
    ("a_successor_goes_on_with_a_session_unnoticed", succeeds),
    ("a_reload_changes_intervals_without_a_word_and_drops_what_is_gone", reloads),
    ("a_pause_of_ours_ends_none_of_many_sessions", pauses),
    ("a_packet_that_cannot_be_sent_is_said_once", unsendable),
    ("a_session_for_checks_alone_is_told_to_them_and_is_no_fault", for_checks_alone),
];

const FAR_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);

/// One that ends after 200 ms of silence where nothing `more` is said of `multiplier`.
fn session(neighbor: Ipv4Addr, more: &str) -> String {
    let multiplier = if more.contains("multiplier") { "" } else { "multiplier 4" };
    format!(
        "bfd_instance peer {{\n neighbor_ip {neighbor}\n min_rx 50\n min_tx 50\n {multiplier}\n {more}\n}}\n"
    )
}

/// The near daemon tracks the session without weight; the far one has nothing else.
fn near(more: &str) -> String {
    let lines = format!("{RESUMABLE}track_bfd {{\n peer\n}}\n");
    let session = session(FAR_ADDRESS, more);
    format!("{GLOBAL}{session}{}", instance("VI_1", 51, 150, &[VIRTUAL], &lines))
}

fn pair(more: &str) -> (Cable, Daemon, Daemon) {
    let cable = Cable::new();
    let far = cable.there.within(|| {
        let mut requests = kernel::netlink::RequestSocket::open().unwrap();
        let far = requests.index_of(FAR).unwrap().expect("far end");
        let results = requests.set_addresses(&[permanent(far, FAR_ADDRESS)]);
        results.into_iter().for_each(|result| result.unwrap());
        Start::with(&session(NEAR_ADDRESS, more)).go()
    });
    let far = far.unwrap();
    let near = Start::with(&near(more)).go();
    (cable, near, far)
}

fn comes_and_goes() {
    let (mut cable, mut near, mut far) = pair("");
    near.wait_for("Entering FAULT STATE (init) (BFD session peer down)");
    near.wait_for("(peer) Entering Up state");
    far.wait_for("(peer) Entering Up state");
    cable.wait_until_held(VIRTUAL);
    near.mark();
    let vrrp = far.vrrp();
    let stopped = Instant::now();
    vrrp.signal(Signal::STOP);
    near.wait_for("(peer) Expired after 200 ms");
    near.wait_for("Entering FAULT STATE (BFD session peer down)");
    let took = stopped.elapsed();
    assert!(took >= Duration::from_millis(150), "{took:?}");
    cable.wait_until_gone(VIRTUAL);
    near.mark();
    vrrp.signal(Signal::CONT);
    near.wait_for("(peer) Entering Up state");
    cable.wait_until_held(VIRTUAL);
}

fn ends_in_order() {
    let (mut cable, mut near, mut far) = pair("multihop");
    near.wait_for("(peer) Entering Up state");
    cable.wait_until_held(VIRTUAL);
    near.mark();
    assert_eq!(far.stop().0, Some(0));
    near.wait_for("(peer) Entering Down state (the other end is AdminDown)");
    never(Duration::from_millis(600), "a fault", || near.news().contains("FAULT").then_some(()));
    assert!(cable.holds(VIRTUAL));
}

fn succeeds() {
    // As long as a busy machine may take to start a process.
    let (mut cable, mut near, mut far) = pair("multiplier 40");
    far.wait_for("(peer) Entering Up state");
    cable.wait_until_held(VIRTUAL);
    // What was said of it has reached the parent with the first beat.
    near.wait_for("Entering MASTER STATE");
    near.mark();
    far.mark();
    near.vrrp().signal(Signal::KILL);
    near.wait_for("resumed from the process before");
    never(Duration::from_millis(800), "a word of the session", || {
        (near.news().contains("(peer)") || far.news().contains("(peer)")).then_some(())
    });
    assert!(cable.holds(VIRTUAL));
}

fn reloads() {
    let (mut cable, mut near_end, mut far) = pair("");
    far.wait_for("(peer) Entering Up state");
    near_end.wait_for("Entering MASTER STATE");
    far.mark();
    near_end.reload(&near("idle_tx 2000\n min_tx 100"));
    near_end.wait_for("Reload finished");
    never(Duration::from_millis(600), "a word of the session", || {
        (near_end.news().contains("(peer)") || far.news().contains("(peer)")).then_some(())
    });
    assert!(cable.holds(VIRTUAL));
    let without = format!("{GLOBAL}{}", instance("VI_1", 51, 150, &[VIRTUAL], ""));
    near_end.reload(&without);
    far.wait_for("(peer) Entering Down state (the other end is AdminDown)");
    near_end.wait_for("Reload finished");
    assert!(cable.holds(VIRTUAL));
}

/// Sessions of two daemons, as many as a few switches have routers behind them.
const MANY: u8 = 250;
/// Where the near ends of all of them are.
const HERE: Ipv4Addr = Ipv4Addr::new(10, 9, 1, 254);

/// One of the far ends: each has an address of its own, and one neighbor.
const fn there(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 9, 1, number)
}

/// The near process stands still for longer than it waits for its neighbors, whose packets fill its socket meanwhile.
fn pauses() {
    let mut cable = Cable::new();
    cable.add(HERE);
    let far = cable.there.within(|| {
        let mut requests = kernel::netlink::RequestSocket::open().unwrap();
        let far = requests.index_of(FAR).unwrap().expect("far end");
        let addresses: Vec<_> = (1..=MANY).map(|number| permanent(far, there(number))).collect();
        requests.set_addresses(&addresses).into_iter().for_each(|result| result.unwrap());
        let session = |number| {
            let lines = format!("source_ip {}\n min_tx 100\n multiplier 3", there(number));
            format!("bfd_instance s{number} {{\n neighbor_ip {HERE}\n {lines}\n}}\n")
        };
        Start::with(&(1..=MANY).map(session).collect::<String>()).go()
    });
    let _far = far.unwrap();
    let session = |number| {
        let lines = format!("neighbor_ip {}\n min_tx 1000\n multiplier 20", there(number));
        format!("bfd_instance s{number} {{\n {lines}\n}}\n")
    };
    let mut near = Start::with(&(1..=MANY).map(session).collect::<String>()).go();
    let up = |near: &Daemon| near.log().matches("Entering Up state").count();
    eventually("all sessions are up", || (up(&near) == usize::from(MANY)).then_some(()));
    near.mark();
    let vrrp = near.vrrp();
    vrrp.signal(Signal::STOP);
    std::thread::sleep(Duration::from_millis(800));
    vrrp.signal(Signal::CONT);
    never(Duration::from_millis(500), "an end", || near.news().contains("Down").then_some(()));
}

fn unsendable() {
    let _cable = Cable::new();
    let nowhere = Ipv4Addr::new(203, 0, 113, 9);
    let mut near = Start::with(&session(nowhere, "")).go();
    near.wait_for("(peer) send BFD packet on 203.0.113.9: Network is unreachable");
    near.mark();
    never(Duration::from_millis(1500), "it again", || near.news().contains("send").then_some(()));
}

fn for_checks_alone() {
    let (_cable, mut near, mut far) = pair("checker");
    near.wait_for("Entering MASTER STATE");
    assert!(!near.log().contains("FAULT"), "{}", near.log());
    let served = format!(
        "{}global_defs {{\n lvs_data_plane nftables\n}}\nvirtual_server 10.9.0.100 80 {{\n protocol TCP\n \
         lb_algo rr\n lb_kind NAT\n real_server {FAR_ADDRESS} 80 {{\n BFD_CHECK {{\n name peer\n }}\n }}\n}}\n",
        self::near("checker")
    );
    near.reload(&served);
    near.wait_for("Activating healthchecker for service [10.9.0.2]:tcp:80");
    far.kill_all();
    near.wait_for("BFD check of [peer] RS([10.9.0.2]:tcp:80) is DOWN");
    assert!(!near.log().contains("FAULT"), "{}", near.log());
}
