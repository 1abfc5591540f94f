//! Two routers that both stay Active: noticed by signs that last, and explained by what the signs are.
//!
//! RFC 9568 knows no such state: of two Active routers one hears the other and yields. Where both stay, one does not
//! hear the other or refuses what it hears, and neither protocol nor counters say so. Nothing is decided here about
//! roles.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use clock::{Instant, Timers};
use wire::MacAddr;
use wire::vrrp::Discard;

use crate::{InstanceId, Peer};

/// A sign that another router is Active beside us, and so what is wrong between the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It advertises although it would have to yield to ours: it does not hear us, or refuses what it hears.
    Unyielding {
        /// Who.
        peer: Peer,
        /// Its addresses are not ours, for which some routers refuse an advertisement (RFC 3768 §7.1).
        addresses_differ: bool,
    },
    /// Its advertisements are refused.
    Refused {
        /// Who.
        peer: IpAddr,
        /// Why.
        why: Discard,
    },
    /// Its advertisements arrive at the interface, and this host keeps them from us.
    Withheld {
        /// Who.
        peer: IpAddr,
    },
    /// It advertises although it would have to yield to ours, which do not leave this host.
    Unsent {
        /// Who.
        peer: Peer,
    },
    /// It claims an address of ours, and none of its advertisements arrives.
    Unheard {
        /// Which address.
        address: IpAddr,
        /// Who.
        mac: MacAddr,
    },
}

/// Which instances are contested, and why.
#[derive(Clone, Debug, Default)]
pub struct Contests {
    contests: BTreeMap<InstanceId, Contest>,
    looks: Timers<InstanceId>,
}

#[derive(Clone, Debug)]
struct Contest {
    /// When it was said, and by which sign it was explained.
    said: Option<(Instant, Sign)>,
    /// The signs of each kind, the best explanation first.
    signs: [Option<Lasting>; KINDS],
}

/// Signs of one kind that followed each other.
#[derive(Clone, Copy, Debug)]
struct Lasting {
    first: Instant,
    last: Instant,
    /// How long it takes until no further sign is expected.
    silence: Duration,
}

impl Contests {
    /// Takes in a sign for an Active instance that advertises each `interval`. Returns it where the instance is
    /// contested from now on, or is explained better than before.
    ///
    /// A router that is about to yield gives signs for a moment: advertisements that go on for three intervals
    /// mean something. The other kinds were looked into before they became a sign.
    pub fn take(
        &mut self,
        now: Instant,
        instance: InstanceId,
        interval: Duration,
        sign: Sign,
    ) -> Option<Sign> {
        let contest = self
            .contests
            .entry(instance)
            .or_insert_with(|| Contest { said: None, signs: [None; KINDS] });
        let patience = interval.saturating_mul(INTERVALS);
        let silence = if sign.is_advertised() { patience.max(A_MOMENT) } else { A_WHILE };
        let lasting = contest.signs.get_mut(sign.kind())?;
        // Adverts that are farther apart than a router waits are of another incident.
        let gap = if sign.is_advertised() { patience } else { silence };
        let first = lasting.filter(|it| now.since(it.last) <= gap).map_or(now, |it| it.first);
        *lasting = Some(Lasting { first, last: now, silence });
        self.looks.set(instance, now + silence);
        if sign.is_advertised() && now.since(first) < patience {
            return None;
        }
        // A worse explanation says nothing while a better one holds.
        let (_, said) = contest.said.unzip();
        if said.is_some_and(|said| said.kind() <= sign.kind() && contest.holds(now, said)) {
            return None;
        }
        let since = contest.said.map_or(first, |(since, _)| since);
        contest.said = Some((since, sign));
        Some(sign)
    }

    /// The instance is Active no longer.
    pub fn forget(&mut self, instance: InstanceId) {
        self.contests.remove(&instance);
        self.looks.cancel(&instance);
    }

    /// An instance that is contested no longer, and how long it was; to be asked until there is none.
    pub fn pop_ended(&mut self, now: Instant) -> Option<(InstanceId, Duration)> {
        while let Some(instance) = self.looks.pop_due(now) {
            let Some(contest) = self.contests.get(&instance) else { continue };
            let lasting = contest.signs.iter().flatten();
            if let Some(end) = lasting.map(Lasting::end).max().filter(|end| *end > now) {
                self.looks.set(instance, end);
                continue;
            }
            let last = contest.signs.iter().flatten().map(|lasting| lasting.last).max();
            let said = contest.said;
            self.contests.remove(&instance);
            if let (Some((since, _)), Some(last)) = (said, last) {
                return Some((instance, last.since(since)));
            }
        }
        None
    }

    /// When a contest may have ended.
    pub fn deadline(&self) -> Option<Instant> {
        self.looks.next()
    }

    /// Since when an instance is contested, and by what that is explained.
    pub fn of(&self, instance: InstanceId) -> Option<(Instant, Sign)> {
        self.contests.get(&instance)?.said
    }
}

impl Contest {
    /// Whether a sign of this kind still holds.
    fn holds(&self, now: Instant, sign: Sign) -> bool {
        self.signs.get(sign.kind()).copied().flatten().is_some_and(|lasting| !lasting.is_over(now))
    }
}

impl Lasting {
    fn end(&self) -> Instant {
        self.last + self.silence
    }

    fn is_over(&self, now: Instant) -> bool {
        self.end() <= now
    }
}

impl Sign {
    const fn kind(&self) -> usize {
        match self {
            Self::Refused { .. } => 0,
            Self::Withheld { .. } => 1,
            Self::Unsent { .. } => 2,
            Self::Unyielding { .. } => 3,
            Self::Unheard { .. } => 4,
        }
    }

    /// Whether it is an advertisement, which comes each interval.
    const fn is_advertised(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::Unsent { .. } | Self::Unyielding { .. } => true,
            Self::Withheld { .. } | Self::Unheard { .. } => false,
        }
    }
}

const KINDS: usize = 5;
/// Advertisements that another router has heard of us, before it is said not to.
const INTERVALS: u32 = 3;
const A_MOMENT: Duration = Duration::from_secs(1);
/// Claims come when somebody asks.
const A_WHILE: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use wire::Priority;

    use super::*;

    const ID: InstanceId = InstanceId(1);
    const SECOND: Duration = Duration::from_secs(1);
    const PEER: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 2));

    fn at(milliseconds: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(milliseconds)
    }

    fn unyielding() -> Sign {
        let peer = Peer { address: PEER, priority: Priority(100) };
        Sign::Unyielding { peer, addresses_differ: false }
    }

    fn refused() -> Sign {
        Sign::Refused { peer: PEER, why: Discard::Checksum }
    }

    fn unheard() -> Sign {
        let address = IpAddr::from([192, 0, 2, 10]);
        Sign::Unheard { address, mac: MacAddr([2, 0, 0, 0, 0, 2]) }
    }

    fn take(contests: &mut Contests, milliseconds: u64, sign: Sign) -> Option<Sign> {
        contests.take(at(milliseconds), ID, SECOND, sign)
    }

    #[test]
    fn a_router_that_yields_after_a_moment_is_no_contest() {
        let mut contests = Contests::default();
        assert_eq!(take(&mut contests, 0, unyielding()), None);
        assert_eq!(take(&mut contests, 1000, unyielding()), None);
        assert_eq!(take(&mut contests, 2000, unyielding()), None);
        assert_eq!(contests.deadline(), Some(at(5000)));
        assert_eq!(contests.pop_ended(at(5000)), None, "nothing was said, nothing ends");
        assert_eq!(contests.deadline(), None);
        // What came before does not count.
        assert_eq!(take(&mut contests, 9000, unyielding()), None);
    }

    #[test]
    fn single_adverts_far_apart_are_no_contest() {
        let mut contests = Contests::default();
        let interval = Duration::from_millis(10);
        for milliseconds in [0, 500, 1000, 1500] {
            let taken = contests.take(at(milliseconds), ID, interval, unyielding());
            assert_eq!(taken, None, "{milliseconds}");
        }
    }

    #[test]
    fn one_that_goes_on_for_three_intervals_is_said_once_and_ends_three_later() {
        let mut contests = Contests::default();
        for milliseconds in [0, 1000, 2000] {
            assert_eq!(take(&mut contests, milliseconds, unyielding()), None);
        }
        assert_eq!(take(&mut contests, 3000, unyielding()), Some(unyielding()));
        assert_eq!(take(&mut contests, 4000, unyielding()), None);
        assert_eq!(contests.of(ID), Some((at(0), unyielding())));
        assert_eq!(contests.pop_ended(at(6900)), None);
        assert_eq!(contests.pop_ended(at(7000)), Some((ID, Duration::from_secs(4))));
        assert_eq!(contests.of(ID), None);
    }

    #[test]
    fn a_better_explanation_is_said_a_worse_one_is_not() {
        let mut contests = Contests::default();
        assert_eq!(take(&mut contests, 0, unheard()), Some(unheard()));
        for milliseconds in [0, 1000, 2000] {
            assert_eq!(take(&mut contests, milliseconds, refused()), None);
        }
        assert_eq!(take(&mut contests, 3000, refused()), Some(refused()));
        assert_eq!(take(&mut contests, 3100, unheard()), None);
        // Once they come no longer, what is left explains it.
        assert_eq!(take(&mut contests, 6000, unheard()), Some(unheard()));
        assert_eq!(contests.of(ID), Some((at(0), unheard())));
        assert_eq!(contests.pop_ended(at(26_000)), Some((ID, Duration::from_secs(6))));
    }

    #[test]
    fn a_router_that_is_active_no_longer_is_not_contested() {
        let mut contests = Contests::default();
        assert_eq!(take(&mut contests, 0, unheard()), Some(unheard()));
        contests.forget(ID);
        assert_eq!(contests.of(ID), None);
        assert_eq!(contests.deadline(), None);
    }
}
