//! Connections that the daemon balances by nftables: from their client to the server that gets them.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use crate::Test;
use crate::balancing::checker;
use crate::daemon::Start;
use crate::world::eventually;

pub const TESTS: &[Test] = &[
    ("a_server_that_dies_gets_nothing_and_one_that_returns_its_share", follows_a_server),
    ("no_connection_is_lost_while_the_process_is_replaced", outlives_the_process),
    ("what_a_killed_daemon_left_goes_where_it_is_not_configured", clears),
    ("another_data_plane_takes_over_if_it_is_there", changes),
    ("what_nftables_cannot_do_starts_nothing", refuses),
];

const VIP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const TABLE: &str = "table ip steadfast_lvs";

/// Servers of this host, and the address that they serve, on this host too.
pub struct Servers(Vec<Option<TcpListener>>);

impl Servers {
    pub fn new() -> Self {
        ip("link set lo up");
        for address in ["192.0.2.1", "10.9.0.1", "10.9.0.2"] {
            ip(&format!("addr add {address}/32 dev lo"));
        }
        let mut this = Self(vec![None, None]);
        this.start(1);
        this.start(2);
        this
    }

    pub fn start(&mut self, number: u8) {
        let at = SocketAddr::from(([10, 9, 0, number], 80));
        let listener = eventually("an address", || TcpListener::bind(at).ok());
        listener.set_nonblocking(true).unwrap();
        self.0[usize::from(number) - 1] = Some(listener);
    }

    pub fn stop(&mut self, number: usize) {
        self.0[number - 1] = None;
    }

    /// Who gets a new connection of a client; nobody if it is refused.
    fn who(&self) -> Option<usize> {
        let at = SocketAddr::from((VIP, 80));
        let client = match TcpStream::connect_timeout(&at, Duration::from_secs(5)) {
            Ok(client) => client,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return None,
            Err(error) => panic!("{error}"),
        };
        let own = client.local_addr().unwrap();
        Some(eventually("a server that has the connection", || {
            let took = |listener: &TcpListener| {
                // Checks come from other addresses.
                std::iter::from_fn(|| listener.accept().ok()).any(|(_, peer)| peer == own)
            };
            let found = self.0.iter().position(|it| it.as_ref().is_some_and(took));
            found.map(|index| index + 1)
        }))
    }

    /// How many of so many connections each gets.
    pub fn shares(&self, connections: usize) -> (usize, usize) {
        let who: Vec<_> = (0..connections).map(|_| self.who()).collect();
        let of = |number| who.iter().filter(|it| **it == Some(number)).count();
        (of(1), of(2))
    }
}

pub fn web(plane: &str, scheduler: &str) -> String {
    let server = |number: u8| {
        format!(
            "  real_server 10.9.0.{number} 80 {{\n    TCP_CHECK {{\n      connect_timeout 1\n      warmup 0\n      \
             delay_before_retry 0.1\n    }}\n  }}\n"
        )
    };
    format!(
        "global_defs {{\n  lvs_data_plane {plane}\n}}\nvirtual_server {VIP} 80 {{\n  delay_loop 1\n  protocol TCP\n  \
         lb_algo {scheduler}\n{}{}}}\n",
        server(1),
        server(2)
    )
}

fn follows_a_server() {
    let mut servers = Servers::new();
    assert_eq!(servers.who(), None);
    let mut daemon =
        Start::with(&web("nftables", "rr")).until("connection to [10.9.0.2]:tcp:80 success.");
    assert_eq!(servers.shares(6), (3, 3));
    servers.stop(2);
    daemon.wait_for("Removing service [10.9.0.2]:tcp:80 from VS");
    assert_eq!(servers.shares(3), (3, 0));
    servers.start(2);
    daemon.wait_for("Adding service [10.9.0.2]:tcp:80 to VS");
    assert_eq!(servers.shares(6), (3, 3));
    daemon.reload(
        &web("nftables", "wrr").replace(
            "  real_server 10.9.0.2 80 {\n",
            "  real_server 10.9.0.2 80 {\n    weight 2\n",
        ),
    );
    daemon.wait_for("Reload finished");
    eventually("other shares", || (servers.shares(6) == (2, 4)).then_some(()));
    assert!(nft("list tables").contains(TABLE));
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!(nft("list tables"), "");
    assert_eq!(servers.who(), None);
}

fn outlives_the_process() {
    let servers = Servers::new();
    let mut daemon =
        Start::with(&web("nftables", "rr")).until("connection to [10.9.0.2]:tcp:80 success.");
    let before = nft("-s list ruleset");
    let child = checker(&daemon);
    let done = AtomicBool::new(false);
    daemon.mark();
    std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut count = 0;
            while !done.load(Ordering::Relaxed) {
                assert!(servers.who().is_some(), "refused after {count} connections");
                count += 1;
            }
            count
        });
        daemon.mark();
        child.signal(Signal::KILL);
        daemon.wait_for("Respawning");
        daemon.wait_for("connection to [10.9.0.1]:tcp:80 success.");
        done.store(true, Ordering::Relaxed);
        assert!(client.join().unwrap() > 0);
    });
    assert_ne!(checker(&daemon), child);
    assert_eq!(nft("-s list ruleset"), before);
    // What somebody else takes away is there again after the next look, which a reload has.
    nft("flush ruleset");
    daemon.reload(&web("nftables", "rr"));
    daemon.wait_for("nftables was changed by someone else");
    eventually("the rules", || (nft("-s list ruleset") == before).then_some(()));
    assert_eq!(servers.shares(4), (2, 2));
}

fn clears() {
    let servers = Servers::new();
    let mut daemon =
        Start::with(&web("nftables", "rr")).until("connection to [10.9.0.2]:tcp:80 success.");
    daemon.kill_all();
    assert_eq!(servers.shares(2), (1, 1), "nobody takes rules away that serve");
    let elsewhere = web("nftables", "rr").replace("192.0.2.1 80", "192.0.2.1 81");
    // The name of the tables comes of this file.
    let same = daemon.place.path("vrrp.pid").display().to_string();
    let mut daemon = Start::with(&elsewhere)
        .words(&["-r", &same])
        .until("nftables: service TCP 192.0.2.1:80 was left there and is not configured");
    eventually("nobody serves", || servers.who().is_none().then_some(()));
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!(nft("list tables"), "");
}

fn changes() {
    let servers = Servers::new();
    let mut daemon =
        Start::with(&web("nftables", "rr")).until("connection to [10.9.0.2]:tcp:80 success.");
    assert_eq!(servers.shares(2), (1, 1));
    let before = nft("list ruleset");
    if kernel::ipvs::Ipvs::open().is_ok() {
        daemon.reload(&web("ipvs", "rr"));
        daemon.wait_for("Reload finished");
        assert_eq!(nft("list tables"), "");
        daemon.reload(&web("auto", "rr"));
        daemon.wait_for("Reload finished");
        assert_eq!(nft("list tables"), "");
    } else {
        // What is not there takes nobody's place.
        daemon.reload(&web("ipvs", "rr"));
        daemon.wait_for("RELOAD FAILED");
        assert!(daemon.log().contains("or write `lvs_data_plane nftables` into global_defs"));
        assert_eq!(nft("list ruleset"), before);
        daemon.reload(&web("auto", "rr"));
        daemon.wait_for("Reload finished");
        assert_eq!(nft("list ruleset"), before);
    }
    assert_eq!(servers.shares(2), (1, 1));
}

fn refuses() {
    let (code, log) = Start::with(&web("nftables", "wlc")).run_to_end();
    assert_ne!(code, Some(0));
    assert!(log.contains("nftables has no scheduler wlc"), "{log}");
    assert!(log.contains("write `lb_algo wrr`"), "{log}");
}

fn ip(line: &str) {
    run("ip", line);
}

fn nft(line: &str) -> String {
    run("nft", line)
}

fn run(program: &str, line: &str) -> String {
    let output = Command::new(program).args(line.split(' ')).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {line}: {said}");
    String::from_utf8(output.stdout).unwrap()
}
