//! The loop: deadlines are absolute and never early, descriptors and signals wake it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic fails the test, as it should"
)]

use std::time::Duration;

use clock::Instant;
use kernel::eventloop::{EventLoop, Signals, Token, boot_time, now};
use kernel::socket::Channel;
use nix::sys::signal::{Signal, raise};

const LONG: Duration = Duration::from_secs(20);

fn wait(events: &mut EventLoop, deadline: Option<Instant>) -> Vec<Token> {
    let mut ready = vec![Token(99)];
    events.wait(deadline, &mut ready).unwrap();
    ready
}

#[test]
fn a_deadline_is_never_early() {
    let mut events = EventLoop::new().unwrap();
    for step in 0..60 {
        let deadline = now() + Duration::from_nanos(step * 50_001);
        assert_eq!(wait(&mut events, Some(deadline)), []);
        assert!(now() >= deadline, "step {step}");
    }
}

#[test]
fn a_deadline_is_absolute() {
    let mut events = EventLoop::new().unwrap();
    let begin = now();
    let deadline = begin + Duration::from_millis(60);
    // Each wake-up on the way leaves it where it was.
    let (mut one, other) = Channel::pair().unwrap();
    events.add(&one, Token(1)).unwrap();
    for _ in 0..3 {
        other.send(b"x", None).unwrap();
        assert_eq!(wait(&mut events, Some(deadline)), [Token(1)]);
        one.receive().unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(wait(&mut events, Some(deadline)), []);
    let elapsed = now() - begin;
    assert!(elapsed >= Duration::from_millis(60) && elapsed < Duration::from_secs(2));
}

#[test]
fn a_deadline_in_the_past_wakes_at_once_every_time() {
    let mut events = EventLoop::new().unwrap();
    let begin = now();
    for deadline in [begin, begin, Instant::from_nanos(0), Instant::from_nanos(0), begin] {
        assert_eq!(wait(&mut events, Some(deadline)), []);
    }
    assert!(now() - begin < Duration::from_secs(2));
}

#[test]
fn the_last_deadline_counts() {
    let mut events = EventLoop::new().unwrap();
    let (mut one, other) = Channel::pair().unwrap();
    events.add(&one, Token(1)).unwrap();
    other.send(b"x", None).unwrap();
    let begin = now();
    // Set and over before it is looked at; then moved; then none at all.
    assert_eq!(wait(&mut events, Some(begin + Duration::from_millis(1))), [Token(1)]);
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(wait(&mut events, Some(begin + LONG)), [Token(1)]);
    assert_eq!(wait(&mut events, None), [Token(1)]);
    assert_eq!(wait(&mut events, Some(Instant::from_nanos(u64::MAX))), [Token(1)]);
    one.receive().unwrap();
    let soon = now() + Duration::from_millis(5);
    assert_eq!(wait(&mut events, Some(soon)), []);
    assert!(now() >= soon);
}

#[test]
fn a_descriptor_wakes_until_it_is_removed() {
    let mut events = EventLoop::new().unwrap();
    let (one, other) = Channel::pair().unwrap();
    events.add(&one, Token(7)).unwrap();
    assert!(events.add(&one, Token(8)).is_err(), "it is waited for already");
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(10));
        other.send(b"x", None).unwrap();
        other
    });
    assert_eq!(wait(&mut events, None), [Token(7)]);
    let other = thread.join().unwrap();
    events.remove(&one).unwrap();
    assert!(events.remove(&one).is_err(), "it is not waited for");
    assert_eq!(wait(&mut events, Some(now() + Duration::from_millis(5))), []);
    drop(other);
}

#[test]
fn more_descriptors_than_one_call_shows_are_all_served() {
    let mut events = EventLoop::new().unwrap();
    let mut pairs: Vec<(Channel, Channel)> = (0..150).map(|_| Channel::pair().unwrap()).collect();
    for (number, (one, other)) in (0..).zip(&pairs) {
        events.add(one, Token(number)).unwrap();
        other.send(b"x", None).unwrap();
    }
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..10 {
        for token in wait(&mut events, Some(now())) {
            pairs
                .iter_mut()
                .zip(0..)
                .find(|(_, n)| Token(*n) == token)
                .unwrap()
                .0
                .0
                .receive()
                .unwrap();
            assert!(seen.insert(token));
        }
    }
    assert_eq!(seen.len(), 150);
}

#[test]
fn signals_are_read_in_the_loop() {
    let mut signals = Signals::open(&[Signal::SIGUSR1, Signal::SIGHUP]).unwrap();
    let mut events = EventLoop::new().unwrap();
    events.add(&signals, Token(1)).unwrap();
    assert_eq!(signals.take(), None);
    for signal in [Signal::SIGUSR1, Signal::SIGHUP, Signal::SIGUSR1] {
        raise(signal).unwrap();
    }
    assert_eq!(wait(&mut events, Some(now() + LONG)), [Token(1)]);
    let mut taken = [signals.take(), signals.take()];
    taken.sort_unstable();
    assert_eq!(taken, [Some(Signal::SIGHUP), Some(Signal::SIGUSR1)]);
    assert_eq!(signals.take(), None);
    assert_eq!(wait(&mut events, Some(now() + Duration::from_millis(5))), []);
}

#[test]
fn the_clocks_go_forward() {
    let (first, boot) = (now(), boot_time());
    assert!(now() >= first);
    assert!(boot >= first);
}
