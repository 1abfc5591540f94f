//! SNMP: that what is notified arrives, whatever the master agent does and however the daemon ends.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use agentx::{Oid, Value, VarBind};
use rustix::process::Signal;

use crate::Test;
use crate::balancing::{listen, web};
use crate::daemon::Start;
use crate::master_agent::{Manner, MasterAgent};
use crate::world::{Cable, VIRTUAL, eventually, instance, steady_instance};

pub const TESTS: &[Test] = &[
    ("what_ends_all_processes_at_once_is_notified", ends),
    ("each_new_active_router_is_notified_however_many_there_are_at_once", tells_of_many),
    ("what_a_master_that_dies_has_not_answered_is_told_to_the_next", tells_again),
    ("real_servers_and_quorums_are_notified", tells_servers),
    ("a_master_that_ends_each_session_does_not_fill_the_log", is_quiet),
];

fn steady(master: &MasterAgent, more: &str) -> String {
    let settings = master.settings();
    format!(
        "global_defs {{\n  vrrp_version 3\n{settings}{more}}}\n{}",
        steady_instance(&[VIRTUAL], "")
    )
}

/// Whether a notification of KEEPALIVED-MIB says that an instance is in this state.
fn tells_state(note: &[VarBind], state: i32) -> bool {
    let name = Oid::new(&[1, 3, 6, 1, 4, 1, 9586, 100, 5, 2, 3, 1, 4]);
    note.contains(&VarBind { name, value: Value::Integer(state) })
}

const ACTIVE: i32 = 2;
const STOPPED: i32 = 5;

fn ends() {
    let _cable = Cable::new();
    let master = MasterAgent::open(Manner::Kind);
    let mut daemon = Start::with(&steady(&master, "  enable_snmp_vrrp\n")).until("Entering MASTER");
    master.wait_for("the start", |note| tells_state(note, ACTIVE));
    // As a terminal does it; the children first.
    daemon.all().iter().for_each(|process| process.signal(Signal::INT));
    assert_eq!(daemon.wait_for_end(), Some(0));
    assert!(master.notes().iter().any(|note| tells_state(note, STOPPED)), "{:?}", master.notes());
    assert!(!daemon.log().contains("SNMP process"), "{}", daemon.log());
}

fn tells_of_many() {
    const COUNT: u8 = 40;
    let _cable = Cable::new();
    let master = MasterAgent::open(Manner::Kind);
    let settings = master.settings();
    let mut text = format!("global_defs {{\n  vrrp_version 3\n  enable_snmp_rfcv3\n{settings}}}\n");
    for number in 1..=COUNT {
        let address = Ipv4Addr::new(10, 9, 1, number);
        // Some take over later than others, while the first are asked about.
        let more = format!("  down_timer_adverts {}\n", 3 + number % 5);
        let name = format!("VI_{number}");
        write!(text, "{}", instance(&name, number, 150, &[address], &more)).unwrap();
    }
    let mut daemon = Start::with(&text).go();
    let new_active = Value::Name(Oid::new(&[1, 3, 6, 1, 2, 1, 207, 0, 1]));
    let told = || master.notes().iter().filter(|note| note[0].value == new_active).count();
    eventually("all are told of", || (told() >= usize::from(COUNT)).then_some(()));
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!(told(), usize::from(COUNT), "each once");
}

fn tells_again() {
    let _cable = Cable::new();
    let master = MasterAgent::open(Manner::DiesOnce);
    let mut daemon = Start::with(&steady(&master, "  enable_snmp_vrrp\n")).until("Entering MASTER");
    master.wait_for("the role", |note| tells_state(note, ACTIVE));
    assert_eq!(master.sessions(), 2);
    assert_eq!(daemon.stop().0, Some(0));
}

/// Whether a notification says this of a virtual server (table 3) or real server (table 4).
fn tells_server(note: &[VarBind], [table, column]: [u32; 2], value: i32) -> bool {
    let name = Oid::new(&[1, 3, 6, 1, 4, 1, 9586, 100, 5, 3, table, 1, column]);
    note.contains(&VarBind { name, value: Value::Integer(value) })
}

fn tells_servers() {
    const STATUS: [u32; 2] = [4, 6];
    const QUORUM: [u32; 2] = [3, 23];
    let master = MasterAgent::open(Manner::Kind);
    let server = listen(81);
    let settings = format!("global_defs {{\n{}  enable_snmp_checker\n}}\n", master.settings());
    let daemon = Start::with(&format!("{settings}{}", web("", &[81])));
    let mut daemon = daemon.until("connection to [127.0.0.1]:tcp:81 success.");
    master.wait_for("the quorum", |note| tells_server(note, QUORUM, 1));
    drop(server);
    master.wait_for("the server that is down", |note| tells_server(note, STATUS, 2));
    master.wait_for("the quorum that is lost", |note| tells_server(note, QUORUM, 2));
    assert_eq!(daemon.stop().0, Some(0));
    let notes = master.notes();
    assert!(notes.iter().any(|note| tells_server(note, QUORUM, 3)), "{notes:?}");
}

fn is_quiet() {
    let _cable = Cable::new();
    let master = MasterAgent::open(Manner::Ends);
    let mut daemon = Start::with(&steady(&master, "  enable_snmp_vrrp\n")).until("Entering MASTER");
    eventually("another session", || (master.sessions() >= 4).then_some(()));
    let log = daemon.log();
    assert_eq!(log.matches("is open").count(), 1, "{log}");
    assert_eq!(log.matches("no session with the master agent").count(), 1, "{log}");
    assert_eq!(daemon.stop().0, Some(0));
}
