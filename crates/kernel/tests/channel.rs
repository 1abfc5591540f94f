//! Messages between processes keep their boundaries, their descriptors and their last words.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic fails the test, as it should"
)]

use std::os::fd::AsFd;

use kernel::eventloop::{EventLoop, Token, now};
use kernel::process::MemoryFile;
use kernel::socket::{Channel, ChannelError};

fn bytes(channel: &mut Channel) -> Option<Vec<u8>> {
    channel.receive().unwrap().map(|message| message.bytes)
}

#[test]
fn messages_keep_their_boundaries_and_their_order() {
    let (mut one, mut other) = Channel::pair().unwrap();
    assert!(other.receive().unwrap().is_none());
    for length in [1usize, 2, 4096, 1, 65_535, 65_536] {
        one.send(&vec![7; length], None).unwrap();
        assert_eq!(bytes(&mut other), Some(vec![7; length]));
    }
    one.send(b"first", None).unwrap();
    one.send(b"second", None).unwrap();
    other.send(b"back", None).unwrap();
    assert_eq!(bytes(&mut other).as_deref(), Some(b"first".as_slice()));
    assert_eq!(bytes(&mut other).as_deref(), Some(b"second".as_slice()));
    assert_eq!(bytes(&mut other), None);
    assert_eq!(bytes(&mut one).as_deref(), Some(b"back".as_slice()));
}

#[test]
fn a_message_that_is_too_long_or_empty_is_refused_and_the_channel_goes_on() {
    let (one, mut other) = Channel::pair().unwrap();
    assert!(matches!(one.send(&vec![0; 65_537], None), Err(ChannelError::TooLong)));
    assert!(matches!(one.send(b"", None), Err(ChannelError::Socket { .. })));
    assert!(other.receive().unwrap().is_none());
    one.send(b"x", None).unwrap();
    assert_eq!(bytes(&mut other).as_deref(), Some(b"x".as_slice()));
}

#[test]
fn a_stranger_s_long_message_is_an_error() {
    let (one, mut other) = Channel::pair().unwrap();
    rustix::net::send(&one, &vec![0; 70_000], rustix::net::SendFlags::empty()).unwrap();
    assert!(matches!(other.receive(), Err(ChannelError::TooLong)));
}

#[test]
fn a_descriptor_travels_with_its_message() {
    let (one, mut other) = Channel::pair().unwrap();
    let file = MemoryFile::seal("travels", b"content").unwrap();
    one.send(b"with", Some(file.as_fd())).unwrap();
    one.send(b"without", None).unwrap();
    drop(file);
    let message = other.receive().unwrap().unwrap();
    assert_eq!(message.bytes, b"with");
    let descriptor = message.descriptor.unwrap();
    assert_eq!(MemoryFile::read(descriptor.as_fd()).unwrap(), b"content");
    let flags = rustix::io::fcntl_getfd(&descriptor).unwrap();
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    assert!(other.receive().unwrap().unwrap().descriptor.is_none());
}

#[test]
fn a_peer_that_does_not_read_fills_the_channel_and_loses_nothing() {
    let (one, mut other) = Channel::pair().unwrap();
    let mut sent = 0u32;
    let refusal = loop {
        match one.send(&sent.to_ne_bytes(), None) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        assert!(sent < 1_000_000);
    };
    assert!(matches!(refusal, ChannelError::Full));
    for number in 0..sent {
        assert_eq!(bytes(&mut other), Some(number.to_ne_bytes().to_vec()));
    }
    one.send(b"again", None).unwrap();
    assert_eq!(bytes(&mut other).as_deref(), Some(b"again".as_slice()));
}

#[test]
fn a_closed_peer_is_noticed_by_waiting_reading_and_sending() {
    let (mut one, other) = Channel::pair().unwrap();
    let mut events = EventLoop::new().unwrap();
    events.add(&one, Token(1)).unwrap();
    drop(other);
    let mut ready = Vec::new();
    events.wait(Some(now() + std::time::Duration::from_secs(5)), &mut ready).unwrap();
    assert_eq!(ready, [Token(1)]);
    assert!(matches!(one.send(b"x", None), Err(ChannelError::Closed)));
    assert!(matches!(one.receive(), Err(ChannelError::Closed)));
}

#[test]
fn the_last_words_of_a_peer_that_left_messages_unread_are_heard() {
    let (mut one, other) = Channel::pair().unwrap();
    one.send(b"unread", None).unwrap();
    other.send(b"last", None).unwrap();
    other.send(b"words", None).unwrap();
    drop(other);
    assert_eq!(bytes(&mut one).as_deref(), Some(b"last".as_slice()));
    assert_eq!(bytes(&mut one).as_deref(), Some(b"words".as_slice()));
    assert!(matches!(one.receive(), Err(ChannelError::Closed)));

    let (one, other) = Channel::pair().unwrap();
    one.send(b"unread", None).unwrap();
    drop(other);
    assert!(matches!(one.send(b"x", None), Err(ChannelError::Closed)));
}
