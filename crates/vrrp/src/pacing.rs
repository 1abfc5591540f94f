//! A common phase for the Active instances of one process, so that one wake-up and one `sendmmsg` send
//! many advertisements.
//!
//! The first Active instance of an interval sets the phase by its own timer. The timer of each further
//! one moves to the latest point of the common grid that is not later than due; the grid has slots of at
//! most 64 instances, each 250 us before the other. No advertisement ever leaves later for it, and a lone
//! instance keeps its own phase.

use std::collections::BTreeMap;
use std::time::Duration;

use clock::Instant;

use crate::InstanceId;
use crate::timing::sane;

#[derive(Debug, Default)]
pub(crate) struct Pacing {
    grids: BTreeMap<Duration, Grid>,
    seats: BTreeMap<InstanceId, Seat>,
}

#[derive(Clone, Copy, Debug)]
struct Seat {
    interval: Duration,
    slot: u32,
}

#[derive(Debug)]
struct Grid {
    /// A point of slot 0.
    phase: Instant,
    /// Instances in each slot.
    load: Vec<u32>,
    members: usize,
}

impl Pacing {
    /// The deadline to use in place of `adver_timer`, at most one interval earlier and never later.
    pub(crate) fn align(
        &mut self,
        instance: InstanceId,
        interval: Duration,
        adver_timer: Instant,
    ) -> Instant {
        let interval = sane(interval);
        let seat = match self.seats.get(&instance) {
            Some(seat) if seat.interval == interval => *seat,
            Some(_) | None => {
                self.leave(instance);
                self.join(instance, interval, adver_timer)
            }
        };
        let Some(grid) = self.grids.get_mut(&interval) else { return adver_timer };
        if grid.members == 1 {
            grid.phase = adver_timer + offset(seat.slot);
        }
        grid.latest_not_after(adver_timer, seat.slot, interval)
    }

    /// The instance is Active no longer.
    pub(crate) fn leave(&mut self, instance: InstanceId) {
        let Some(seat) = self.seats.remove(&instance) else { return };
        let Some(grid) = self.grids.get_mut(&seat.interval) else { return };
        grid.members = grid.members.saturating_sub(1);
        if let Some(load) = usize::try_from(seat.slot).ok().and_then(|slot| grid.load.get_mut(slot))
        {
            *load = load.saturating_sub(1);
        }
        if grid.members == 0 {
            self.grids.remove(&seat.interval);
        }
    }

    fn join(&mut self, instance: InstanceId, interval: Duration, timer: Instant) -> Seat {
        let grid = self.grids.entry(interval).or_insert_with(|| Grid {
            phase: timer,
            load: Vec::new(),
            members: 0,
        });
        let seat = Seat { interval, slot: grid.take_slot(interval) };
        self.seats.insert(instance, seat);
        seat
    }
}

impl Grid {
    /// The first slot with room; the least loaded one where the interval has no room for more slots.
    fn take_slot(&mut self, interval: Duration) -> u32 {
        let most = usize::try_from(interval.as_nanos() / SLOT.as_nanos()).unwrap_or(usize::MAX);
        let free = self.load.iter().position(|load| *load < BURST);
        let slot = match free {
            Some(slot) => slot,
            None if self.load.len() < most.max(1) => {
                self.load.push(0);
                self.load.len() - 1
            }
            None => {
                let least = self.load.iter().enumerate().min_by_key(|(_, load)| **load);
                least.map_or(0, |(slot, _)| slot)
            }
        };
        if let Some(load) = self.load.get_mut(slot) {
            *load += 1;
        }
        self.members += 1;
        u32::try_from(slot).unwrap_or(u32::MAX)
    }

    /// The latest point of `slot` that is not after `timer`.
    fn latest_not_after(&self, timer: Instant, slot: u32, interval: Duration) -> Instant {
        let interval = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX).max(1);
        let point = (self.phase - offset(slot)).as_nanos();
        let timer = timer.as_nanos();
        let early = if timer >= point {
            (timer - point) % interval
        } else {
            (interval - (point - timer) % interval) % interval
        };
        Instant::from_nanos(timer.saturating_sub(early))
    }
}

fn offset(slot: u32) -> Duration {
    SLOT.saturating_mul(slot)
}

/// Most instances in one slot.
const BURST: u32 = 64;
/// Time between two slots.
const SLOT: Duration = Duration::from_micros(250);

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(nanoseconds: u64) -> Instant {
        Instant::from_nanos(nanoseconds)
    }

    #[test]
    fn a_lone_instance_keeps_its_phase_and_may_change_it() {
        let mut pacing = Pacing::default();
        assert_eq!(pacing.align(InstanceId(0), SECOND, at(4_414_062_500)), at(4_414_062_500));
        assert_eq!(pacing.align(InstanceId(0), SECOND, at(5_414_062_500)), at(5_414_062_500));
        assert_eq!(pacing.align(InstanceId(0), SECOND, at(6_000_000_000)), at(6_000_000_000));
    }

    #[test]
    fn a_second_instance_is_laid_on_the_first_one_s_grid_and_never_later_than_due() {
        let mut pacing = Pacing::default();
        pacing.align(InstanceId(0), SECOND, at(4_400_000_000));
        assert_eq!(pacing.align(InstanceId(1), SECOND, at(6_300_000_000)), at(5_400_000_000));
        assert_eq!(pacing.align(InstanceId(1), SECOND, at(6_400_000_000)), at(6_400_000_000));
        assert_eq!(pacing.align(InstanceId(2), SECOND, at(3_500_000_000)), at(3_400_000_000));
    }

    #[test]
    fn other_intervals_have_other_grids() {
        let mut pacing = Pacing::default();
        pacing.align(InstanceId(0), SECOND, at(4_400_000_000));
        let other = Duration::from_millis(500);
        assert_eq!(pacing.align(InstanceId(1), other, at(6_300_000_000)), at(6_300_000_000));
    }

    #[test]
    fn the_sixty_fifth_instance_opens_a_slot_250_us_earlier() {
        let mut pacing = Pacing::default();
        for number in 0..64 {
            assert_eq!(
                pacing.align(InstanceId(number), SECOND, at(2_000_000_000)),
                at(2_000_000_000)
            );
        }
        assert_eq!(pacing.align(InstanceId(64), SECOND, at(2_000_000_000)), at(1_999_750_000));
        pacing.leave(InstanceId(7));
        assert_eq!(pacing.align(InstanceId(65), SECOND, at(2_000_000_000)), at(2_000_000_000));
    }

    #[test]
    fn an_interval_full_of_slots_shares_them() {
        let mut pacing = Pacing::default();
        let interval = Duration::from_millis(10);
        for number in 0..64 * 40 {
            pacing.align(InstanceId(number), interval, at(1_000_000_000));
        }
        let due = at(1_000_000_000);
        assert_eq!(pacing.align(InstanceId(9_999), interval, due), due);
    }
}
