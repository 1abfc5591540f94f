//! What a process may do inside its namespaces, giving it up, and children in other namespaces.

use std::io::Read;
use std::os::fd::AsFd;
use std::time::Duration;

use kernel::namespace::{Namespace, mount_proc};
use kernel::netlink::RequestSocket;
use kernel::process::{Heirs, forbid_new_privileges, lock_memory, set_nice, set_realtime};
use kernel::process::{Privilege, Spawn, Stdio, drop_to, may};
use kernel::socket::{AnnounceSocket, Framing, ReceiveSocket};
use nix::sched::CloneFlags;
use rustix::io::Errno;
use wire::Family;

use crate::Test;
use crate::world::{Cable, FAR, NEAR, address};

pub const TESTS: &[Test] = &[
    ("only_named_capabilities_are_left", only_named),
    ("without_capabilities_everything_is_refused_with_a_reason", nothing_left),
    ("what_is_given_up_does_not_come_back_by_executing", no_way_back),
    ("work_within_a_namespace_comes_back", within),
    ("a_child_starts_in_the_namespace_it_is_given", child_elsewhere),
    ("proc_shows_the_processes_of_this_namespace", proc),
];

/// The lines of a status file that tell of capabilities, without their names' colon.
fn capabilities() -> Vec<(String, u64)> {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let lines = status.lines().filter_map(|line| line.strip_prefix("Cap")?.split_once(":\t"));
    lines.map(|(name, bits)| (name.to_owned(), u64::from_str_radix(bits, 16).unwrap())).collect()
}

fn only_named() {
    const NET_ADMIN: u64 = 1 << 12;
    const NET_RAW: u64 = 1 << 13;
    let mut cable = Cable::new();
    assert!(may(Privilege::NetAdmin) && may(Privilege::NetRaw));
    drop_to(&[Privilege::NetAdmin, Privilege::NetRaw]).unwrap();
    let kept = NET_ADMIN | NET_RAW;
    let expected = [("Inh", 0), ("Prm", kept), ("Eff", kept), ("Bnd", kept), ("Amb", 0)];
    assert_eq!(capabilities(), expected.map(|(name, bits)| (name.to_owned(), bits)));
    // What is kept works.
    let wanted = address(cable.near, [192, 0, 2, 1], 24);
    cable.requests.set_addresses(&[wanted]).remove(0).unwrap();
    AnnounceSocket::open().unwrap();
    // Less is possible, more is not.
    drop_to(&[Privilege::NetAdmin]).unwrap();
    assert!(may(Privilege::NetAdmin) && !may(Privilege::NetRaw));
    drop_to(&[Privilege::NetAdmin, Privilege::NetRaw]).unwrap();
    assert!(!may(Privilege::NetRaw));
}

fn nothing_left() {
    let mut cable = Cable::new();
    drop_to(&[]).unwrap();
    assert!(!may(Privilege::NetAdmin) && !may(Privilege::NetRaw));
    let wanted = address(cable.near, [192, 0, 2, 1], 24);
    // The socket was opened with the privilege, which is asked for again with every request.
    let error = cable.requests.set_addresses(&[wanted]).remove(0).unwrap_err();
    assert!(error.to_string().starts_with("set address: Operation not permitted"), "{error}");
    let error = ReceiveSocket::open(NEAR, Family::Ipv4, Framing::Plain, None, None).unwrap_err();
    assert_eq!((error.operation, error.source), ("open VRRP socket", Errno::PERM));
    assert_eq!(AnnounceSocket::open().unwrap_err().source, Errno::PERM);
    let error = set_realtime(10, Duration::from_millis(500), Heirs::Nobody).unwrap_err();
    assert_eq!((error.operation, error.source), ("set real-time scheduling", Errno::PERM));
    // The limit of a process that may not lift it is lower than all memory, or there is none.
    if let Err(error) = lock_memory() {
        assert_eq!((error.operation, error.source), ("lift limit of locked memory", Errno::PERM));
    }
    assert!([Errno::PERM, Errno::ACCESS].contains(&set_nice(-5).unwrap_err().source));
    assert_eq!(Namespace::create().unwrap_err().source, Errno::PERM);
    // Looking needs no privilege.
    assert!(RequestSocket::open().unwrap().index_of(NEAR).unwrap().is_some());
}

fn output(script: &str, namespace: Option<&Namespace>) -> String {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let namespace = namespace.map(|space| space.descriptor().unwrap());
    let spawn = Spawn {
        program: "/bin/sh".into(),
        arg0: "sh".into(),
        arguments: vec!["-c".into(), script.into()],
        without: vec![],
        descriptors: vec![writer.into()],
        stdio: Stdio::Inherited,
        namespace,
    };
    let mut child = spawn.start().unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    while child.ended().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    text
}

fn no_way_back() {
    drop_to(&[Privilege::NetAdmin]).unwrap();
    forbid_new_privileges().unwrap();
    let text = output("grep -E 'CapEff|NoNewPrivs' /proc/self/status >&3", None);
    assert_eq!(text, "CapEff:\t0000000000001000\nNoNewPrivs:\t1\n");
}

fn names() -> Vec<String> {
    let links = RequestSocket::open().unwrap().links().unwrap();
    links.into_iter().map(|link| link.name).collect()
}

fn within() {
    let cable = Cable::new();
    assert!(names().contains(&NEAR.to_owned()));
    let there = cable.there.within(names).unwrap();
    assert!(there.contains(&FAR.to_owned()) && !there.contains(&NEAR.to_owned()));
    assert!(names().contains(&NEAR.to_owned()));
    let elsewhere = Namespace::create().unwrap();
    assert!(names().contains(&NEAR.to_owned()), "creating one does not move us");
    assert_eq!(elsewhere.within(names).unwrap(), ["lo"]);
    assert!(elsewhere.as_fd().try_clone_to_owned().is_ok());
}

fn child_elsewhere() {
    let cable = Cable::new();
    let script = "grep -o '[a-z0-9]*:' /proc/self/net/dev | tr '\\n' ' ' >&3";
    let here = output(script, None);
    assert!(here.contains(NEAR) && !here.contains(FAR), "{here}");
    let there = output(script, Some(&cable.there));
    assert!(there.contains(FAR) && !there.contains(NEAR), "{there}");
}

fn proc() {
    // Refused where parts of the outer /proc are hidden, as in many containers.
    let mounted = std::thread::spawn(|| {
        // Mounts are the process's own here; the other tests look at the same files through it.
        nix::sched::unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS)?;
        Ok::<_, nix::Error>(mount_proc().map(|()| std::fs::read_link("/proc/self")))
    });
    match mounted.join().unwrap().unwrap() {
        Ok(own) => assert_eq!(own.unwrap().to_str(), Some("1"), "this process is the first one"),
        Err(error) => println!("SKIPPED: proc: {error}"),
    }
}
