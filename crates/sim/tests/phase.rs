//! Active instances of one process share a phase: many advertisements leave at one wake-up, none of them
//! later than due, and the mean interval is exact.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "what is missing fails the test")]

use std::collections::BTreeMap;

use clock::Instant;
use sim::{Host, Lan, at, router};
use vrrp::{Parameters, Role};

fn crowd(priority_of: impl Fn(u8) -> u8) -> Host {
    (1..=255_u8)
        .fold(Host::new("a", 1), |host, vrid| host.instance(router(vrid, priority_of(vrid))))
}

/// Times of each instance's advertisements.
fn sent_by_instance(lan: &Lan) -> BTreeMap<u32, Vec<Instant>> {
    let mut times: BTreeMap<u32, Vec<Instant>> = BTreeMap::new();
    for sent in lan.sent() {
        times.entry(sent.instance.0).or_default().push(sent.at);
    }
    times
}

fn check_crowd(lan: &Lan) {
    let times = sent_by_instance(lan);
    assert_eq!(times.len(), 255);
    for (instance, times) in &times {
        for pair in times.windows(2) {
            let gap = pair[1].since(pair[0]).as_nanos();
            assert!(gap <= 1_000_000_000, "instance {instance} was late: {gap} ns");
        }
        for pair in times[1..].windows(2) {
            let gap = pair[1].since(pair[0]).as_nanos();
            assert_eq!(gap, 1_000_000_000, "instance {instance} left its phase");
        }
    }
    let mut bursts: BTreeMap<Instant, usize> = BTreeMap::new();
    for sent in lan.sent().iter().filter(|sent| sent.at > at(18.5) && sent.at <= at(19.5)) {
        *bursts.entry(sent.at).or_default() += 1;
    }
    let (first, last) = (bursts.keys().next().unwrap(), bursts.keys().next_back().unwrap());
    assert_eq!(bursts.values().copied().collect::<Vec<_>>(), [63, 64, 64, 64]);
    assert_eq!(last.since(*first).as_micros(), 750);
}

#[test]
fn instances_that_start_together_send_in_four_bursts_250_us_apart() {
    let mut lan = Lan::new([crowd(|_| 100)]);
    lan.run_until(at(20.0));
    check_crowd(&lan);
}

#[test]
fn instances_that_become_active_one_by_one_come_to_one_phase() {
    let mut lan = Lan::new([crowd(|vrid| vrid.min(254))]);
    lan.run_until(at(20.0));
    check_crowd(&lan);
}

#[test]
fn a_late_comer_is_laid_on_the_grid_and_the_first_one_is_not_moved() {
    let mut lan = Lan::new([Host::new("a", 1).instance(router(1, 150))]);
    lan.run_until(at(10.2));
    lan.reload("a", Host::new("a", 1).instance(router(1, 150)).instance(router(2, 100)));
    lan.run_until(at(16.0));
    let times = sent_by_instance(&lan);
    // Active at 10.2 + 3.609375; on the grid of x.4140625 from then on.
    let expected = [13_809_375_000, 14_414_062_500, 15_414_062_500];
    assert_eq!(times[&2], expected.map(Instant::from_nanos));
    assert!(times[&1].iter().all(|time| time.as_nanos() % 1_000_000_000 == 414_062_500));
}

#[test]
fn other_intervals_keep_their_own_phase() {
    let fast = Parameters { advertisement_interval: sim::seconds(0.3), ..router(2, 100) };
    let mut lan = Lan::new([Host::new("a", 1).instance(router(1, 150)).instance(fast)]);
    lan.run_until(at(2.0));
    assert_eq!(lan.role_of("a", 2), Some(Role::Active));
    let times = sent_by_instance(&lan);
    // 0.9 + 0.3 * 156/256, then each 0.3 s
    let expected = [1_082_812_500, 1_382_812_500, 1_682_812_500, 1_982_812_500];
    assert_eq!(times[&2], expected.map(Instant::from_nanos));
}
