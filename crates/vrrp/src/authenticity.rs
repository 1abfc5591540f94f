//! What authentication remembers: the numbers of our own packets, and those that were seen of others.
//!
//! Bytes are proved before (`wire`); here a packet that is genuine is told from one that is merely repeated.

mod stamps;

use core::net::IpAddr;
use core::time::Duration;

pub use stamps::{Skew, Stale, Stamps, Step, Steps, after, freshness, is_within};

/// Sequence numbers of authentication headers that one router sends.
///
/// They rise with every packet, and begin where the clock says, four a second: a router that is started again is above
/// all that it sent before, and needs no memory of it. keepalived counts for all routers of a VRID together: it sends
/// one more than the highest that it sent or heard, and refuses what is not above that. So does this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sequence(u32);

impl Sequence {
    /// The number of the next packet. `unix` is the time since 1970.
    ///
    /// Once all numbers are used, which takes until 2054 or a peer that counts there, the clock's are used again.
    pub fn advance(&mut self, unix: Duration) -> u32 {
        let since = unix.saturating_sub(EPOCH).as_millis() / PERIOD_MS;
        let clock = u32::try_from(since % u128::from(u32::MAX)).unwrap_or(0).max(1);
        self.0 = self.0.checked_add(1).map_or(clock, |next| next.max(clock));
        self.0
    }

    /// Takes in the number of a genuine packet of another router.
    pub fn heard(&mut self, number: u32) {
        self.0 = self.0.max(number);
    }
}

/// The last packet that was accepted of each sender.
///
/// **Shape**: the sender heard last comes first; a fixed number of them, so that strangers take no memory. Only genuine
/// packets come here, so that nobody without the key can drive a sender out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayGuard(Vec<(IpAddr, u64)>);

/// A packet whose number does not come after that of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed;

impl ReplayGuard {
    /// One that knows these numbers already.
    #[must_use]
    pub const fn resume(numbers: Vec<(IpAddr, u64)>) -> Self {
        Self(numbers)
    }

    /// The last number of each sender that is remembered.
    #[must_use]
    pub fn numbers(&self) -> &[(IpAddr, u64)] {
        &self.0
    }

    /// Takes in a packet with this number, if it comes after the last one of its sender. At most `room` senders are
    /// remembered.
    ///
    /// **Errors**: it does not.
    pub fn accept(
        &mut self,
        sender: IpAddr,
        number: u64,
        room: usize,
        is_after: fn(u64, u64) -> bool,
    ) -> Result<(), Replayed> {
        let known = self.0.iter().position(|(other, _)| *other == sender);
        if let Some((_, last)) = known.and_then(|at| self.0.get(at))
            && !is_after(number, *last)
        {
            return Err(Replayed);
        }
        match known {
            Some(at) => self.0.get_mut(..=at).unwrap_or_default().rotate_right(1),
            None => self.0.insert(0, (sender, number)),
        }
        if let Some(first) = self.0.first_mut() {
            *first = (sender, number);
        }
        self.0.truncate(room.max(1));
        Ok(())
    }

    /// Forgets senders of whom `is_kept` is not true.
    pub fn retain(&mut self, mut is_kept: impl FnMut(IpAddr, u64) -> bool) {
        self.0.retain(|(sender, number)| is_kept(*sender, *number));
    }
}

/// Whether a number is above another one: those of authentication headers do not begin again (RFC 2402 §3.3.2).
#[must_use]
pub const fn above(number: u64, last: u64) -> bool {
    number > last
}

/// Senders that are remembered where they are not named in the configuration.
pub const SENDERS: usize = 4;
/// 2020-01-01, before the first release.
const EPOCH: Duration = Duration::from_secs(1_577_836_800);
const PERIOD_MS: u128 = 250;

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 1));

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(1_577_836_800 + seconds)
    }

    #[test]
    fn a_router_that_starts_again_goes_on_above_what_it_sent() {
        let mut before = Sequence::default();
        // An advert a second for a minute, and as many answers to a lower priority.
        let last =
            (100..160).map(|second| (before.advance(at(second)), before.advance(at(second))));
        let (_, last) = last.last().expect("many");
        assert_eq!(last, 4 * 159 + 1);
        assert_eq!(Sequence::default().advance(at(160)), 640);
    }

    #[test]
    fn numbers_rise_though_the_clock_goes_back() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.advance(at(1_000)), 4_000);
        assert_eq!(sequence.advance(at(10)), 4_001);
        assert_eq!(sequence.advance(Duration::ZERO), 4_002);
        assert_eq!(sequence.advance(at(1_001)), 4_004);
    }

    #[test]
    fn the_next_number_is_above_what_was_heard() {
        let mut sequence = Sequence::default();
        sequence.heard(9_000);
        assert_eq!(sequence.advance(at(1)), 9_001);
        sequence.heard(5);
        assert_eq!(sequence.advance(at(1)), 9_002);
    }

    #[test]
    fn after_the_last_number_comes_that_of_the_clock() {
        let mut sequence = Sequence(u32::MAX);
        assert_eq!(sequence.advance(at(1)), 4);
    }

    #[test]
    fn each_sender_counts_for_itself() {
        let b = IpAddr::from([192, 0, 2, 2]);
        let mut guard = ReplayGuard::default();
        assert_eq!(guard.accept(A, 7, SENDERS, above), Ok(()));
        assert_eq!(guard.accept(A, 7, SENDERS, above), Err(Replayed));
        assert_eq!(guard.accept(A, 6, SENDERS, above), Err(Replayed));
        assert_eq!(guard.accept(b, 3, SENDERS, above), Ok(()));
        assert_eq!(guard.accept(A, 8, SENDERS, above), Ok(()));
        assert_eq!(guard.accept(b, 3, SENDERS, above), Err(Replayed));
    }

    #[test]
    fn a_successor_refuses_what_was_heard_before_it() {
        let mut before = ReplayGuard::default();
        assert_eq!(before.accept(A, 7, SENDERS, above), Ok(()));
        let mut guard = ReplayGuard::resume(before.numbers().to_vec());
        assert_eq!(guard.accept(A, 7, SENDERS, above), Err(Replayed));
        assert_eq!(guard.accept(A, 8, SENDERS, above), Ok(()));
    }

    #[test]
    fn the_sender_heard_longest_ago_is_forgotten_first() {
        let sender = |last: u8| IpAddr::from([192, 0, 2, last]);
        let mut guard = ReplayGuard::default();
        for last in 1..=4 {
            assert_eq!(guard.accept(sender(last), 10, SENDERS, above), Ok(()));
        }
        assert_eq!(guard.accept(sender(1), 11, SENDERS, above), Ok(()));
        assert_eq!(guard.accept(sender(5), 10, SENDERS, above), Ok(()));
        // The second was driven out and is new; the first and the others are not.
        assert_eq!(guard.accept(sender(1), 11, SENDERS, above), Err(Replayed));
        assert_eq!(guard.accept(sender(3), 10, SENDERS, above), Err(Replayed));
        assert_eq!(guard.accept(sender(2), 10, SENDERS, above), Ok(()));
    }
}
