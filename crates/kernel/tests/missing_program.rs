//! A program of its own: the test needs the lowest descriptors to be free, which other tests would take.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic fails the test, as it should"
)]

use std::io::Read;

use kernel::process::{Spawn, Stdio};
use rustix::io::{Errno, fcntl_dupfd_cloexec};

#[test]
fn a_missing_program_is_the_parents_error_and_no_message_to_it() {
    // The runtime's own pipe, through which the child tells of a failure, takes the lowest free numbers: those at
    // which the child finds what it is given.
    let (mut reader, writer) = {
        let (reader, writer) = std::io::pipe().unwrap();
        let reader = fcntl_dupfd_cloexec(&reader, 100).unwrap();
        (std::fs::File::from(reader), fcntl_dupfd_cloexec(&writer, 100).unwrap())
    };
    let spawn = Spawn {
        program: "/nowhere/at/all".into(),
        arg0: "nothing".into(),
        arguments: vec![],
        without: vec![],
        descriptors: vec![
            fcntl_dupfd_cloexec(&writer, 100).unwrap(),
            fcntl_dupfd_cloexec(&writer, 100).unwrap(),
            fcntl_dupfd_cloexec(&writer, 100).unwrap(),
            writer,
        ],
        stdio: Stdio::Inherited,
        namespace: None,
    };
    assert_eq!(spawn.start().unwrap_err().source, Errno::NOENT);
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"");
}
