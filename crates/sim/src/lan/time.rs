//! The clock of the LAN. Time jumps from one thing due to the next; at equal times packets come before
//! timers, earlier ones first, and hosts in the order in which they were added.

use std::time::Duration;

use clock::Instant;
use vrrp::{Input, InstanceId};

use super::{Lan, Packet};
use crate::host::Host;

impl Lan {
    /// Runs until `end`, everything due at `end` included.
    pub fn run_until(&mut self, end: Instant) {
        self.run(end, |_| false);
    }

    /// Runs for `span`.
    pub fn run_for(&mut self, span: Duration) {
        self.run_until(self.now + span);
    }

    /// Runs until `done`, looked at after each input, or until `end`.
    pub fn run_until_that(&mut self, end: Instant, done: impl Fn(&Self) -> bool) {
        self.run(end, done);
    }

    fn run(&mut self, end: Instant, done: impl Fn(&Self) -> bool) {
        let mut same = 0_u32;
        while let Some(next) = self.next_event().filter(|next| *next <= end) {
            same = if next > self.now { 0 } else { same + 1 };
            assert!(same < 1_000, "time stands still at {next}:\n{}", self.timeline());
            self.now = self.now.max(next);
            if self.step(&done) {
                return;
            }
        }
        self.now = self.now.max(end);
    }

    fn next_event(&self) -> Option<Instant> {
        let packet = self.air.keys().next().map(|(at, _)| *at);
        let wake_up = self.hosts.iter().filter_map(Host::wake_up).min();
        packet.into_iter().chain(wake_up).min()
    }

    /// Everything due now: packets, then hosts. Says whether the story is done.
    fn step(&mut self, done: &impl Fn(&Self) -> bool) -> bool {
        while let Some(entry) = self.air.first_entry()
            && entry.key().0 <= self.now
        {
            let packet = entry.remove();
            self.deliver(&packet);
            if done(self) {
                return true;
            }
        }
        for place in 0..self.hosts.len() {
            if self.hosts.get(place).and_then(Host::wake_up).is_some_and(|at| at <= self.now) {
                self.wake(place);
                if done(self) {
                    return true;
                }
            }
        }
        false
    }

    fn wake(&mut self, place: usize) {
        let Some(host) = self.hosts.get_mut(place) else { return };
        if let Some(sleep) = host.asleep.take() {
            for (instance, advertisement) in sleep.backlog {
                self.input(place, Input::Received { instance, advertisement });
            }
            self.input(place, Input::Stalled { span: self.now.since(sleep.since) });
        }
        self.input(place, Input::Timeout);
        let next = self.hosts.get(place).and_then(Host::wake_up);
        assert!(next.is_none_or(|at| at >= self.now), "a deadline is left behind: {next:?}");
    }

    fn deliver(&mut self, packet: &Packet) {
        if !self.reaches(packet.from, packet.to) {
            return;
        }
        let Some(host) = self.hosts.get_mut(packet.to) else { return };
        let concerned: Vec<InstanceId> = host
            .instances
            .iter()
            .filter(|(_, parameters)| parameters.vrid == packet.vrid)
            .map(|(id, _)| *id)
            .collect();
        for instance in concerned {
            let advertisement = packet.advertisement.clone();
            let Some(host) = self.hosts.get_mut(packet.to) else { return };
            match &mut host.asleep {
                Some(sleep) if sleep.hears => sleep.backlog.push_back((instance, advertisement)),
                Some(_) => {}
                None => self.input(packet.to, Input::Received { instance, advertisement }),
            }
        }
    }

    pub(super) fn reaches(&self, from: usize, to: usize) -> bool {
        let (Some(from), Some(to)) = (self.hosts.get(from), self.hosts.get(to)) else {
            return false;
        };
        from.plugged && to.plugged && from.side == to.side
    }
}
