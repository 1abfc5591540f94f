//! Children get what they are given and nothing else, and their end is noticed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic fails the test, as it should"
)]

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use kernel::eventloop::{EventLoop, Signals, Token, now};
use kernel::process::{Child, Ended, Spawn, Stdio};
use rustix::io::Errno;
use rustix::process::Signal;

fn shell(script: &str, descriptors: Vec<OwnedFd>) -> Spawn {
    Spawn {
        program: "/bin/sh".into(),
        arg0: "child-of-test".into(),
        arguments: ["-c", script].map(OsString::from).to_vec(),
        without: vec!["CARGO_MANIFEST_DIR"],
        descriptors,
        stdio: Stdio::Inherited,
        namespace: None,
    }
}

fn end(child: &mut Child) -> Ended {
    let mut events = EventLoop::new().unwrap();
    events.add(&*child, Token(1)).unwrap();
    let mut ready = Vec::new();
    events.wait(Some(now() + Duration::from_secs(20)), &mut ready).unwrap();
    assert_eq!(ready, [Token(1)], "the child goes on");
    let ended = child.ended().unwrap().expect("the pidfd says that it has ended");
    assert_eq!(child.ended().unwrap(), Some(ended), "it can be asked again");
    ended
}

/// What a script writes to descriptor 3.
fn said(script: &str) -> String {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut child = shell(script, vec![writer.into()]).start().unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(end(&mut child), Ended::Exited(0), "{text}");
    text
}

#[test]
fn descriptors_are_where_the_child_expects_them() {
    let (from_child, to_parent) = std::io::pipe().unwrap();
    let (from_parent, mut to_child) = std::io::pipe().unwrap();
    to_child.write_all(b"through both").unwrap();
    drop(to_child);
    let descriptors = vec![from_parent.into(), to_parent.into()];
    let mut child = shell("cat <&3 >&4", descriptors).start().unwrap();
    let mut text = String::new();
    (&from_child).read_to_string(&mut text).unwrap();
    assert_eq!(text, "through both");
    assert_eq!(end(&mut child), Ended::Exited(0));
}

#[test]
fn no_other_descriptor_is_inherited() {
    let leak = rustix::io::fcntl_dupfd_cloexec(std::io::stderr(), 40).unwrap();
    rustix::io::fcntl_setfd(&leak, rustix::io::FdFlags::empty()).unwrap();
    let number = leak.as_raw_fd();
    let script = "n=4; while [ $n -lt 200 ]; do [ -e /proc/self/fd/$n ] && echo $n >&3; n=$((n+1)); \
                  done; [ -e /proc/self/fd/3 ] && [ -e /proc/self/fd/2 ] && echo end >&3";
    // Whatever the shell itself keeps is at most one, and not ours.
    let text = said(script);
    assert!(text.lines().all(|line| line != number.to_string()), "{text}");
    assert!(text.ends_with("end\n") && text.lines().count() <= 2, "{text}");
}

#[test]
fn name_arguments_and_environment_are_as_given() {
    let script = "tr '\\0' '|' < /proc/$$/cmdline >&3; \
                  echo \" ${CARGO_MANIFEST_DIR-unset} ${PATH+set}\" >&3";
    let text = said(script);
    assert!(text.starts_with("child-of-test|-c|tr "), "{text}");
    assert!(text.ends_with("| unset set\n"), "{text}");
}

#[test]
fn exit_code_and_signal_are_told_apart() {
    let mut child = shell("exit 7", vec![]).start().unwrap();
    assert_eq!(end(&mut child), Ended::Exited(7));
    let mut child = shell("exec sleep 60", vec![]).start().unwrap();
    assert_eq!(child.ended().unwrap(), None);
    child.signal(Signal::KILL).unwrap();
    assert_eq!(end(&mut child), Ended::Signalled(9));
    child.signal(Signal::TERM).expect("one that has ended is no error");
    assert_eq!(Ended::Signalled(9).to_string(), "ended by signal 9");
}

#[test]
fn blocked_signals_are_not_inherited() {
    let _signals = Signals::open(&[nix::sys::signal::Signal::SIGTERM]).unwrap();
    let text = said("grep SigBlk /proc/self/status >&3");
    assert_eq!(text.split_whitespace().last(), Some("0000000000000000"));
}

#[test]
fn a_child_is_told_to_end_when_its_parent_does() {
    let spawn = || shell("exec sleep 60", vec![]).start().unwrap();
    // The kernel takes the thread that started it for the parent.
    let mut child = std::thread::spawn(spawn).join().unwrap();
    assert_eq!(end(&mut child), Ended::Signalled(15));
}

#[test]
fn errors_go_where_they_shall_and_nothing_else_goes_anywhere() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut spawn = shell("cat; echo out; echo err >&2", vec![]);
    spawn.stdio = Stdio::ErrorsTo(writer.into());
    let mut child = spawn.start().unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "err\n");
    assert_eq!(end(&mut child), Ended::Exited(0));
}

#[test]
fn more_descriptors_than_there_is_room_for_are_refused() {
    let many = (0..62).map(|_| std::io::pipe().unwrap().0.into()).collect();
    assert_eq!(shell("exit 0", many).start().unwrap_err().source, Errno::MFILE);
}
