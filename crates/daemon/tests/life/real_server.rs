//! A real server behind direct routing: it takes packets for the virtual address and keeps silent about it.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use intent::{Address, Flags};
use kernel::netlink::RequestSocket;
use kernel::sysctl::{self, Setting};

use crate::Test;
use crate::daemon::PROGRAM;
use crate::world::{Cable, FAR, NEAR, VIRTUAL, eventually, permanent};

pub const TESTS: &[Test] = &[
    ("a_real_server_takes_packets_and_keeps_silent", takes_and_keeps_silent),
    ("what_was_done_is_taken_back_exactly", takes_back),
    ("what_stood_before_stays", leaves_what_stood),
    ("check_names_what_is_lacking_and_changes_nothing", checks),
    ("a_setting_that_somebody_changed_since_is_left_alone", leaves_what_others_set),
    ("ipv6_addresses_are_held_without_a_setting", holds_ipv6),
];

const DIRECTOR: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);

/// Runs the command: exit code, output, errors.
fn run(words: &[&str]) -> (i32, String, String) {
    let output = Command::new(PROGRAM).arg("real-server").args(words).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

fn settings() -> (i32, i32) {
    let read = |setting| sysctl::read("all", setting).unwrap();
    (read(Setting::ArpIgnore), read(Setting::ArpAnnounce))
}

fn set(ignore: i32, announce: i32) {
    sysctl::write("all", Setting::ArpIgnore, ignore).unwrap();
    sysctl::write("all", Setting::ArpAnnounce, announce).unwrap();
}

/// A cable with a director at its far end, and a loopback that is up.
fn pool() -> Cable {
    let mut cable = Cable::new();
    let loopback = cable.requests.index_of("lo").unwrap().unwrap();
    cable.requests.set_link_up(loopback, true).unwrap();
    let there = || {
        let mut requests = RequestSocket::open().unwrap();
        let far = requests.index_of(FAR).unwrap().unwrap();
        requests.set_addresses(&[permanent(far, DIRECTOR)]).pop().unwrap().unwrap();
    };
    cable.there.within(there).unwrap();
    set(0, 0);
    cable
}

/// What the host holds besides 127.0.0.1 and the near end's own.
fn held(cable: &mut Cable) -> Vec<(IpAddr, u8)> {
    let loopback = cable.requests.index_of("lo").unwrap().unwrap();
    let mut held: Vec<(IpAddr, u8)> = cable
        .requests
        .addresses()
        .unwrap()
        .into_iter()
        .filter(|it| it.interface == loopback && !it.address.is_loopback())
        .map(|it| (it.address, it.prefix))
        .collect();
    held.sort();
    held
}

/// Whether ARP from the far end finds the address: a refused connection is an answer, too.
fn is_answered(cable: &Cable, address: IpAddr) -> bool {
    let ask = move || {
        let attempt =
            TcpStream::connect_timeout(&SocketAddr::new(address, 9), Duration::from_millis(900));
        attempt.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
    };
    cable.there.within(ask).unwrap()
}

fn takes_and_keeps_silent() {
    let mut cable = pool();
    let virtual_address = VIRTUAL.to_string();
    // Without the settings this host would answer: the measurement can tell.
    let loopback = cable.requests.index_of("lo").unwrap().unwrap();
    let by_hand = Address { prefix: 32, ..permanent(loopback, VIRTUAL) };
    cable.requests.set_addresses(std::slice::from_ref(&by_hand)).pop().unwrap().unwrap();
    eventually("the near end answers", || is_answered(&cable, VIRTUAL.into()).then_some(()));
    cable.requests.remove_addresses(&[by_hand.key()]).pop().unwrap().unwrap();
    forget_neighbours(&cable);

    let (code, output, errors) = run(&[&virtual_address]);
    assert_eq!((code, errors.as_str()), (0, ""));
    assert_eq!(
        output,
        "net.ipv4.conf.all.arp_ignore: 0 -> 1\nnet.ipv4.conf.all.arp_announce: 0 -> 2\n10.9.0.100/32 on lo: \
         added\nthis host takes packets for 10.9.0.100 and does not say so by ARP; `steadfast real-server --remove` \
         takes it back\n"
    );
    assert!(!is_answered(&cable, VIRTUAL.into()));

    // The director hands packets over by the server's own Ethernet address.
    let listener = TcpListener::bind((VIRTUAL, 80)).unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"here").unwrap();
    });
    let client = || {
        hand_over(VIRTUAL);
        let address = SocketAddr::new(VIRTUAL.into(), 80);
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(8)).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    assert_eq!(cable.there.within(client).unwrap(), "here");
    server.join().unwrap();
}

/// Sends packets for the address to the near end, as a director does.
fn hand_over(address: Ipv4Addr) {
    let done = Command::new("ip")
        .args(["neigh", "replace", &address.to_string(), "lladdr", "02:00:00:00:00:01", "dev", FAR])
        .status()
        .unwrap();
    assert!(done.success());
}

fn forget_neighbours(cable: &Cable) {
    let forget = || {
        let done = Command::new("ip").args(["neigh", "flush", "dev", FAR]).status().unwrap();
        assert!(done.success());
    };
    cable.there.within(forget).unwrap();
}

fn takes_back() {
    let mut cable = pool();
    set(0, 1);
    assert_eq!(run(&["10.9.0.100", "10.9.0.101"]).0, 0);
    assert_eq!(settings(), (1, 2));
    assert_eq!(held(&mut cable).len(), 2);
    // One of two: the settings are still needed.
    let (code, output, _) = run(&["--remove", "10.9.0.101"]);
    assert_eq!((code, output.as_str()), (0, "10.9.0.101/32 on lo: removed\n"));
    assert_eq!(settings(), (1, 2));
    let (code, output, _) = run(&["--remove"]);
    assert_eq!(
        (code, output.as_str()),
        (
            0,
            "10.9.0.100/32 on lo: removed\nnet.ipv4.conf.all.arp_ignore: 1 -> 0\nnet.ipv4.conf.all.arp_announce: 2 \
             -> 1\n"
        )
    );
    assert_eq!(settings(), (0, 1));
    assert_eq!(held(&mut cable), []);
    let (code, _, errors) = run(&["--remove"]);
    let nothing = "nothing was set by this command in this network namespace: there is nothing to take back\n";
    assert_eq!((code, errors.as_str()), (1, nothing));
    let (code, _, errors) = run(&["--check"]);
    let nameless = "no address was set by this command: name the addresses\n";
    assert_eq!((code, errors.as_str()), (1, nameless));
}

fn leaves_what_stood() {
    let mut cable = pool();
    let loopback = cable.requests.index_of("lo").unwrap().unwrap();
    let before = Address { prefix: 32, ..permanent(loopback, VIRTUAL) };
    cable.requests.set_addresses(&[before]).pop().unwrap().unwrap();
    set(2, 2);
    let (code, output, errors) = run(&["10.9.0.100", "10.9.0.101"]);
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(output.starts_with("10.9.0.101/32 on lo: added\n"), "{output}");
    assert_eq!(settings(), (2, 2));
    assert_eq!(run(&["--remove"]).0, 0);
    assert_eq!(held(&mut cable), [(VIRTUAL.into(), 32)]);
    assert_eq!(settings(), (2, 2));
}

fn checks() {
    let mut cable = pool();
    let near = cable.near;
    cable.requests.set_addresses(&[permanent(near, VIRTUAL)]).pop().unwrap().unwrap();
    let (code, output, errors) = run(&["--check", "10.9.0.100"]);
    assert_eq!((code, output.as_str()), (2, ""));
    assert_eq!(
        errors,
        format!(
            "{NEAR} answers ARP for addresses of other links: arp_ignore is 0, and must be 1\n{NEAR} may ask by ARP in \
             the name of an address of another link: arp_announce is 0, and must be 2\n10.9.0.100 is on {NEAR}, where \
             this host answers ARP for it and clients pass the director by: take it away there\n10.9.0.100 is not on \
             lo\n"
        )
    );
    assert_eq!(settings(), (0, 0));
    assert_eq!(held(&mut cable), []);
    // What it cannot mend it tells, and does the rest.
    let (code, _, errors) = run(&["10.9.0.100"]);
    assert_eq!(code, 2);
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.starts_with("10.9.0.100 is on near0"), "{errors}");
    let (code, _, errors) = run(&["10.9.0.100", "--dev", "nothere0"]);
    assert_eq!(code, 2);
    assert_eq!(errors, "there is no link nothere0; name another one with --dev\n");
    cable.requests.remove_addresses(&[permanent(near, VIRTUAL).key()]).pop().unwrap().unwrap();
    let (code, output, _) = run(&["--check"]);
    assert_eq!((code, output.as_str()), (0, "real server for 10.9.0.100: all stands\n"));
}

fn leaves_what_others_set() {
    let _cable = pool();
    assert_eq!(run(&["10.9.0.100"]).0, 0);
    set(8, 2);
    let (code, output, _) = run(&["--remove"]);
    assert_eq!(code, 0);
    assert!(output.contains("arp_ignore is 8 by somebody else's will: left alone\n"), "{output}");
    assert_eq!(settings(), (8, 0));
}

fn holds_ipv6() {
    let mut cable = pool();
    let (code, output, errors) = run(&["fd00:9::100"]);
    assert_eq!((code, errors.as_str()), (0, ""), "{output}");
    assert_eq!(settings(), (0, 0));
    let virtual_address: IpAddr = "fd00:9::100".parse().unwrap();
    assert_eq!(held(&mut cable), [(virtual_address, 128)]);
    // The kernel answers solicitations for addresses of the link alone.
    let on = |interface, text: &str| Address {
        prefix: 64,
        address: text.parse().unwrap(),
        flags: Flags { no_dad: true, ..Flags::default() },
        ..permanent(interface, VIRTUAL)
    };
    let near = on(cable.near, "fd00:9::1");
    cable.requests.set_addresses(std::slice::from_ref(&near)).pop().unwrap().unwrap();
    let there = || {
        let mut requests = RequestSocket::open().unwrap();
        let far = requests.index_of(FAR).unwrap().unwrap();
        requests.set_addresses(&[on(far, "fd00:9::2")]).pop().unwrap().unwrap();
    };
    cable.there.within(there).unwrap();
    eventually("the near end answers", || is_answered(&cable, near.address).then_some(()));
    assert!(!is_answered(&cable, virtual_address));
    assert_eq!(run(&["--remove"]).0, 0);
    assert_eq!(held(&mut cable), []);
}
