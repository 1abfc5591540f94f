//! Transactions of nftables on a real kernel.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use kernel::netlink::{NetlinkError, RequestSocket};
use kernel::nft::{Element, Field, Hook, Nftables, Set, SetKind, Table, TableFamily, Transaction};
use rustix::io::Errno;

use crate::Test;
use crate::world::{address, eventually};

pub const TESTS: &[Test] = &[
    ("what_a_set_holds_is_dropped_until_it_is_taken_out", drops),
    ("an_element_ends_and_is_renewed", expires),
    ("a_transaction_that_is_refused_changes_nothing", all_or_nothing),
    ("a_table_is_renewed_whether_it_is_there_or_not", renews),
    ("twenty_thousand_elements_go_in_one_transaction", many),
];

const HOST: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const HELD: &str = "held";
const CHAIN: &str = "in";

fn table() -> Table {
    Table { family: TableFamily::Ipv4, name: "test".to_owned() }
}

/// A table that drops what goes to an address of its set.
fn build(transaction: &mut Transaction) {
    let table = table();
    transaction.renew_table(&table);
    let set = Set { expires: true, ..Set::new(HELD, &[SetKind::Ipv4]) };
    transaction.add_set(&table, &set);
    transaction.add_chain(&table, CHAIN, Hook::Input, -1);
    transaction.add_rule(&table, CHAIN, |rule| rule.is_in(&[Field::Network(16, 4)], HELD).drop());
}

fn commit(change: impl FnOnce(&mut Transaction)) -> Result<(), NetlinkError> {
    let mut transaction = Transaction::default();
    change(&mut transaction);
    Nftables::open().unwrap().commit("change", transaction)
}

fn element(timeout: Option<Duration>) -> Element {
    Element { timeout, ..Element::key(HOST.octets()) }
}

/// Gives this host an address, and asks whether it hears what is sent there.
fn host() -> impl Fn() -> bool {
    let mut requests = RequestSocket::open().unwrap();
    let lo = requests.index_of("lo").unwrap().expect("lo");
    requests.set_link_up(lo, true).unwrap();
    requests.set_addresses(&[address(lo, HOST, 32)]).pop().unwrap().unwrap();
    let ear = UdpSocket::bind((HOST, 7)).unwrap();
    ear.set_nonblocking(true).unwrap();
    let mouth = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    move || {
        // On the loopback interface it has arrived when `send_to` returns.
        mouth.send_to(b"x", (HOST, 7)).unwrap();
        ear.recv(&mut [0; 4]).is_ok()
    }
}

fn drops() {
    let hears = host();
    commit(build).unwrap();
    assert!(hears());
    commit(|it| it.add_elements(&table(), HELD, &[element(None)])).unwrap();
    assert!(!hears());
    commit(|it| it.remove_elements(&table(), HELD, &[element(None)])).unwrap();
    assert!(hears());
}

fn expires() {
    let hears = host();
    commit(build).unwrap();
    // Long enough for a machine that is busy between two renewals.
    let short = element(Some(Duration::from_millis(1500)));
    commit(|it| it.renew_element(&table(), HELD, &short)).unwrap();
    // It outlives its first time by being renewed, and ends then.
    for _ in 0..6 {
        std::thread::sleep(Duration::from_millis(300));
        assert!(!hears());
        commit(|it| it.renew_element(&table(), HELD, &short)).unwrap();
    }
    eventually("the end of the element", || hears().then_some(()));
    commit(|it| it.renew_element(&table(), HELD, &short)).unwrap();
    assert!(!hears());
}

fn all_or_nothing() {
    let hears = host();
    commit(build).unwrap();
    let refused = commit(|it| {
        it.add_elements(&table(), HELD, &[element(None)]);
        it.remove_elements(&table(), "no such set", &[element(None)]);
        it.add_elements(&table(), HELD, &[element(None)]);
    });
    let refused = refused.expect_err("there is no such set");
    assert!(matches!(refused, NetlinkError::Refused { errno: Errno::NOENT, .. }), "{refused:?}");
    assert!(hears());
}

fn renews() {
    let hears = host();
    commit(|it| it.remove_table(&table())).expect_err("there is none");
    commit(build).unwrap();
    commit(|it| it.add_elements(&table(), HELD, &[element(None)])).unwrap();
    commit(build).unwrap();
    assert!(hears());
    commit(|it| it.remove_table(&table())).unwrap();
    commit(|_| {}).unwrap();
}

fn many() {
    commit(build).unwrap();
    let elements: Vec<Element> =
        (0..20_000u32).map(|number| Element::key(number.to_be_bytes())).collect();
    commit(|it| it.add_elements(&table(), HELD, &elements)).unwrap();
    commit(|it| it.remove_elements(&table(), HELD, &elements)).unwrap();
    commit(|it| it.remove_elements(&table(), HELD, &elements[..1])).expect_err("it is gone");
}
