//! What a child finds at descriptors 3 and 4, and that those of others are left alone.

use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;

use kernel::process::{Ended, MemoryFile, Spawn, Stdio};
use kernel::socket::Channel;

use crate::Test;
use crate::world::eventually;

pub const TESTS: &[Test] = &[
    ("a_child_takes_its_channel_and_its_memory_once", taken),
    ("descriptors_of_another_kind_are_left_open", strangers),
];

/// What this program does as a child, if its arguments say that it is one.
pub fn role() -> Option<ExitCode> {
    let code = match std::env::args().nth(1)?.as_str() {
        "role=child" => child(),
        "role=strangers" => kernel::inherited_pair().is_none() && open(3) && open(4),
        _ => return None,
    };
    Some(if code { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn open(number: u32) -> bool {
    std::fs::symlink_metadata(format!("/proc/self/fd/{number}")).is_ok()
}

fn child() -> bool {
    let Some((channel, memory)) = kernel::inherited_pair() else { return false };
    let cloexec = [&channel, &memory].iter().all(|descriptor| {
        rustix::io::fcntl_getfd(descriptor).unwrap().contains(rustix::io::FdFlags::CLOEXEC)
    });
    let bytes = MemoryFile::read(memory.as_fd()).unwrap();
    Channel::from_descriptor(channel).send(&bytes, None).unwrap();
    cloexec && kernel::inherited_pair().is_none()
}

fn run(role: &str, descriptors: Vec<OwnedFd>) -> Ended {
    let mut child = Spawn {
        program: "/proc/self/exe".into(),
        arg0: "child".into(),
        arguments: vec![role.into()],
        without: vec![],
        descriptors,
        stdio: Stdio::Inherited,
        namespace: None,
    }
    .start()
    .unwrap();
    eventually("the end of the child", || child.ended().unwrap())
}

fn taken() {
    let (mut ours, theirs) = Channel::pair().unwrap();
    let memory = MemoryFile::seal("configuration", b"what the parent read").unwrap();
    let theirs = theirs.as_fd().try_clone_to_owned().unwrap();
    let memory = memory.as_fd().try_clone_to_owned().unwrap();
    assert_eq!(run("role=child", vec![theirs, memory]), Ended::Exited(0));
    assert_eq!(ours.receive().unwrap().unwrap().bytes, b"what the parent read");
}

fn strangers() {
    let (one, other) = std::io::pipe().unwrap();
    assert_eq!(run("role=strangers", vec![one.into(), other.into()]), Ended::Exited(0));
    // The first alone is not enough.
    let (_ours, theirs) = Channel::pair().unwrap();
    let theirs = theirs.as_fd().try_clone_to_owned().unwrap();
    let (one, _other) = std::io::pipe().unwrap();
    assert_eq!(run("role=strangers", vec![theirs, one.into()]), Ended::Exited(0));
}
