//! What the client saw, and what it means: outage and takeover of each event.
//!
//! Pure: sightings with their instants go in, a [`Row`] comes out. *Outage* is the longest time without an
//! echo reply that the client saw for any address of the event. *Takeover* is the time from the last
//! advertisement of the router that leaves to the first gratuitous ARP or echo reply from the one that comes.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use clock::Instant;
use wire::{MacAddr, Vrid};

/// Something that the client's interface received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sighting {
    /// An echo reply.
    Reply {
        /// The virtual address that answered.
        address: Ipv4Addr,
        /// Who sent the frame.
        from: MacAddr,
    },
    /// A gratuitous ARP.
    Announcement {
        /// The virtual address.
        address: Ipv4Addr,
        /// Who sent the frame.
        from: MacAddr,
    },
    /// A VRRP advertisement.
    Advertisement {
        /// Of which virtual router.
        vrid: Vrid,
        /// Who sent the frame.
        from: MacAddr,
        /// Priority in it; 0 resigns.
        priority: u8,
    },
}

/// One event of the demo as the client saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// What was done.
    pub(super) event: String,
    /// The addresses that moved.
    pub(super) addresses: Vec<Ipv4Addr>,
    /// Longest silence of any address concerned.
    pub(super) outage: Duration,
    /// Longest time for which the client itself did not run: a shorter outage may be its own.
    pub(super) pause: Duration,
    /// From the last advertisement to the first sign of the successor; none where no one took over.
    pub(super) takeover: Option<Duration>,
    /// What the protocol allows for it; none where it promises nothing, as when a router comes back.
    pub(super) bound: Option<Duration>,
}

/// What one event moves from whom, and how long the protocol gives it.
#[derive(Clone, Debug)]
pub(super) struct Expectation {
    /// For the table.
    pub(super) event: String,
    /// The virtual routers that move, with their addresses.
    pub(super) moves: BTreeMap<Vrid, Vec<Ipv4Addr>>,
    /// The interface of the router that leaves.
    pub(super) leaver: MacAddr,
    /// The time from the last advertisement to the takeover, where the protocol promises one.
    pub(super) bound: Option<Duration>,
}

/// Collects sightings.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    replies: BTreeMap<Ipv4Addr, Instant>,
    adverts: BTreeMap<(Vrid, MacAddr), Instant>,
    holders: BTreeMap<Vrid, MacAddr>,
    looked: Option<Instant>,
    current: Option<Watch>,
}

#[derive(Debug)]
struct Watch {
    expectation: Expectation,
    pause: Duration,
    gaps: BTreeMap<Ipv4Addr, Duration>,
    successors: BTreeMap<Ipv4Addr, Instant>,
    answered: BTreeMap<Ipv4Addr, Instant>,
    last_adverts: BTreeMap<Vrid, Instant>,
}

impl Ledger {
    /// Who advertised a virtual router last.
    pub(super) fn holder(&self, vrid: Vrid) -> Option<MacAddr> {
        self.holders.get(&vrid).copied()
    }

    /// When an address answered last.
    pub(super) fn last_reply(&self, address: Ipv4Addr) -> Option<Instant> {
        self.replies.get(&address).copied()
    }

    /// Starts to watch an event that is about to be made.
    pub(super) fn begin(&mut self, expectation: Expectation) {
        let leaver = expectation.leaver;
        let last_adverts = expectation
            .moves
            .keys()
            .filter_map(|vrid| Some((*vrid, *self.adverts.get(&(*vrid, leaver))?)))
            .collect();
        self.current = Some(Watch {
            expectation,
            pause: Duration::ZERO,
            gaps: BTreeMap::new(),
            successors: BTreeMap::new(),
            answered: BTreeMap::new(),
            last_adverts,
        });
    }

    /// Whether every address of the event has a successor that answers.
    pub(super) fn settled(&self) -> bool {
        self.current.as_ref().is_none_or(|watch| {
            watch
                .expectation
                .moves
                .values()
                .flatten()
                .all(|address| watch.answered.contains_key(address))
        })
    }

    /// Ends the event and says what came of it.
    pub(super) fn end(&mut self, now: Instant) -> Option<Row> {
        let mut watch = self.current.take()?;
        for address in watch.expectation.moves.values().flatten() {
            // A silence that has not ended counts as well.
            if let Some(last) = self.replies.get(address) {
                let gap = watch.gaps.entry(*address).or_default();
                *gap = (*gap).max(now.since(*last));
            }
        }
        let takeover = watch
            .expectation
            .moves
            .iter()
            .map(|(vrid, addresses)| {
                let last = watch.last_adverts.get(vrid)?;
                let first =
                    addresses.iter().filter_map(|address| watch.successors.get(address)).min()?;
                Some(first.since(*last))
            })
            .collect::<Option<Vec<_>>>()
            .and_then(|all| all.into_iter().max());
        Some(Row {
            addresses: watch.expectation.moves.values().flatten().copied().collect(),
            outage: watch.gaps.values().copied().max().unwrap_or_default(),
            pause: watch.pause,
            takeover,
            bound: watch.expectation.bound,
            event: watch.expectation.event,
        })
    }

    /// The client looks at its interface now, whether something is there or not.
    pub(super) fn look(&mut self, now: Instant) {
        let before = self.looked.replace(now).unwrap_or(now);
        if let Some(watch) = &mut self.current {
            watch.pause = watch.pause.max(now.since(before));
        }
    }

    /// Takes in one sighting.
    pub(super) fn saw(&mut self, now: Instant, sighting: Sighting) {
        match sighting {
            Sighting::Reply { address, from } => {
                let before = self.replies.insert(address, now);
                if let Some(watch) = &mut self.current {
                    watch.reply(now, before, address, from);
                }
            }
            Sighting::Announcement { address, from } => {
                if let Some(watch) = &mut self.current {
                    watch.successor(now, address, from);
                }
            }
            Sighting::Advertisement { vrid, from, priority } => {
                self.adverts.insert((vrid, from), now);
                if priority > 0 {
                    self.holders.insert(vrid, from);
                }
                if let Some(watch) = &mut self.current
                    && from == watch.expectation.leaver
                    && watch.expectation.moves.contains_key(&vrid)
                {
                    watch.last_adverts.insert(vrid, now);
                }
            }
        }
    }
}

impl Watch {
    fn reply(&mut self, now: Instant, before: Option<Instant>, address: Ipv4Addr, from: MacAddr) {
        if !self.concerns(address) {
            return;
        }
        if let Some(before) = before {
            let gap = self.gaps.entry(address).or_default();
            *gap = (*gap).max(now.since(before));
        }
        self.successor(now, address, from);
        if from != self.expectation.leaver {
            self.answered.entry(address).or_insert(now);
        }
    }

    fn successor(&mut self, now: Instant, address: Ipv4Addr, from: MacAddr) {
        if from != self.expectation.leaver && self.concerns(address) {
            self.successors.entry(address).or_insert(now);
        }
    }

    fn concerns(&self, address: Ipv4Addr) -> bool {
        self.expectation.moves.values().flatten().any(|moved| *moved == address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const B: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);
    const VIP: Ipv4Addr = Ipv4Addr::new(10, 101, 0, 101);

    fn at(milliseconds: u64) -> Instant {
        Instant::from_nanos(milliseconds * 1_000_000)
    }

    fn vrid() -> Vrid {
        Vrid::new(1).expect("not zero")
    }

    fn kill() -> Expectation {
        Expectation {
            event: "kill -9".to_owned(),
            moves: BTreeMap::from([(vrid(), vec![VIP])]),
            leaver: A,
            bound: Some(Duration::from_millis(3613)),
        }
    }

    #[test]
    fn a_takeover_counts_from_the_last_advertisement_to_the_first_sign_of_the_successor() {
        let mut ledger = Ledger::default();
        ledger.saw(at(1000), Sighting::Advertisement { vrid: vrid(), from: A, priority: 100 });
        ledger.saw(at(1200), Sighting::Reply { address: VIP, from: A });
        ledger.begin(kill());
        ledger.saw(at(1201), Sighting::Reply { address: VIP, from: A });
        assert!(!ledger.settled());
        ledger.saw(at(4614), Sighting::Announcement { address: VIP, from: B });
        ledger.saw(at(4615), Sighting::Reply { address: VIP, from: B });
        assert!(ledger.settled());
        let row = ledger.end(at(4616)).expect("an event was begun");
        assert_eq!(row.takeover, Some(Duration::from_millis(3614)));
        assert_eq!(row.outage, Duration::from_millis(3414));
    }

    #[test]
    fn a_dead_node_whose_kernel_still_answers_causes_no_outage() {
        let mut ledger = Ledger::default();
        ledger.saw(at(0), Sighting::Advertisement { vrid: vrid(), from: A, priority: 100 });
        ledger.begin(kill());
        for millisecond in 0..3614 {
            ledger.saw(at(millisecond), Sighting::Reply { address: VIP, from: A });
        }
        ledger.saw(at(3614), Sighting::Announcement { address: VIP, from: B });
        ledger.saw(at(3615), Sighting::Reply { address: VIP, from: B });
        let row = ledger.end(at(3615)).expect("an event was begun");
        assert_eq!(row.outage, Duration::from_millis(2));
        assert_eq!(row.takeover, Some(Duration::from_millis(3614)));
    }

    #[test]
    fn without_a_successor_there_is_no_takeover_and_the_silence_counts() {
        let mut ledger = Ledger::default();
        ledger.saw(at(0), Sighting::Advertisement { vrid: vrid(), from: A, priority: 100 });
        ledger.saw(at(10), Sighting::Reply { address: VIP, from: A });
        ledger.begin(kill());
        let row = ledger.end(at(9010)).expect("an event was begun");
        assert_eq!(row.takeover, None);
        assert_eq!(row.outage, Duration::from_millis(9000));
    }

    #[test]
    fn a_client_that_did_not_run_says_for_how_long() {
        let mut ledger = Ledger::default();
        ledger.look(at(0));
        ledger.begin(kill());
        for millisecond in [1, 2, 33, 34] {
            ledger.look(at(millisecond));
        }
        let row = ledger.end(at(35)).expect("an event was begun");
        assert_eq!(row.pause, Duration::from_millis(31));
    }
}
