//! The sessions that run: found by their name, by what their packets say, and by what is due.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU32;

use bfd::Output;
use clock::{Instant, Timers};
use config::model::BfdInstance;
use kernel::socket::BfdDatagram;
use wire::bfd::BfdControl;

use super::running::{Door, Running};

/// Our name of a session in its packets (RFC 5880 §6.3), which is no other session's.
pub(super) type Mine = NonZeroU32;

/// All sessions.
#[derive(Debug, Default)]
pub(super) struct Roll {
    running: BTreeMap<Mine, Running>,
    names: BTreeMap<String, Mine>,
    /// Who has the other end of which: several, where they differ by our own address.
    neighbors: BTreeMap<(Door, IpAddr), Vec<Mine>>,
    timers: Timers<Mine>,
}

impl Roll {
    /// Takes a session in, whose name and number are those of no other.
    pub(super) fn insert(&mut self, running: Running) {
        let mine = running.session.mine();
        self.names.insert(running.instance.name.clone(), mine);
        self.neighbors.entry(neighbor(&running.instance)).or_default().push(mine);
        self.running.insert(mine, running);
        self.arm(mine);
    }

    /// Takes all out.
    pub(super) fn take(&mut self) -> BTreeMap<String, Running> {
        let running = std::mem::take(self).running;
        running.into_values().map(|it| (it.instance.name.clone(), it)).collect()
    }

    pub(super) fn get(&self, mine: Mine) -> Option<&Running> {
        self.running.get(&mine)
    }

    pub(super) fn get_mut(&mut self, mine: Mine) -> Option<&mut Running> {
        self.running.get_mut(&mine)
    }

    pub(super) fn named(&self, name: &str) -> Option<&Running> {
        self.running.get(self.names.get(name)?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Running> {
        self.running.values()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Running> {
        self.running.values_mut()
    }

    /// The session that a packet is for: by our name of it, or by who sent it to whom.
    pub(super) fn find(
        &self,
        door: Door,
        datagram: &BfdDatagram,
        control: &BfdControl,
    ) -> Option<Mine> {
        let key = (door, datagram.source);
        if let Some(mine) = control.yours {
            let running = self.running.get(&mine)?;
            return (neighbor(&running.instance) == key).then_some(mine);
        }
        let source = |mine: &Mine| self.running.get(mine).and_then(|it| it.instance.source);
        let candidates = self.neighbors.get(&key)?;
        let exact = candidates.iter().find(|it| {
            let source = source(it);
            source.is_some() && source == datagram.destination
        });
        let any = || candidates.iter().find(|it| source(it).is_none());
        exact.or_else(any).or_else(|| candidates.first()).copied()
    }

    /// Hands a session to `act`, which fills `outputs`, and arms its timer again.
    pub(super) fn drive(
        &mut self,
        mine: Mine,
        outputs: &mut Vec<Output>,
        act: impl FnOnce(&mut Running, &mut Vec<Output>),
    ) {
        if let Some(running) = self.running.get_mut(&mine) {
            act(running, outputs);
            self.arm(mine);
        }
    }

    fn arm(&mut self, mine: Mine) {
        match self.running.get(&mine).and_then(|it| it.session.deadline()) {
            Some(at) => self.timers.set(mine, at),
            None => self.timers.cancel(&mine),
        }
    }

    /// When something is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// A session of which something is due; it is to be [driven](Self::drive).
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Mine> {
        self.timers.pop_due(now)
    }

    /// A number that no session has.
    pub(super) fn fresh(&self) -> Mine {
        loop {
            let mut bytes = [0; 4];
            let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
            let number = Mine::new(u32::from_ne_bytes(bytes));
            if let Some(mine) = number.filter(|it| !self.running.contains_key(it)) {
                return mine;
            }
        }
    }
}

fn neighbor(instance: &BfdInstance) -> (Door, IpAddr) {
    (Door::of(instance), instance.neighbor)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::num::NonZeroU8;
    use std::time::Duration;

    use bfd::{Parameters, Part, Session};
    use config::model::BfdUsers;
    use vrrp::Weight;
    use wire::bfd::{BfdDiagnostic, BfdState};

    use super::*;

    const NEIGHBOR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9));

    fn ours(last: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, last).into()
    }

    /// A session with the neighbor from this address of ours, with this number.
    fn running(number: u32, source: Option<IpAddr>) -> Running {
        let parameters = Parameters {
            min_tx: Duration::from_millis(10),
            min_rx: Duration::from_millis(10),
            idle_tx: Duration::from_secs(1),
            multiplier: NonZeroU8::MIN,
            part: Part::Active,
        };
        let instance = BfdInstance {
            name: format!("s{number}"),
            at: config::source::Span::default(),
            neighbor: NEIGHBOR,
            source,
            parameters,
            ttl: None,
            max_hops: None,
            multihop: false,
            weight: Weight::Fault { reverse: false },
            users: BfdUsers::Both,
        };
        let session = Session::new(Instant::ZERO, parameters, Mine::new(number).unwrap());
        Running::new(instance, session)
    }

    /// Which session a packet of the neighbor is for.
    fn found(roll: &Roll, door: Door, to: IpAddr, yours: Option<u32>) -> Option<u32> {
        let control = BfdControl {
            diagnostic: BfdDiagnostic::None,
            state: BfdState::Down,
            poll: false,
            is_final: false,
            independent: false,
            demand: false,
            multiplier: NonZeroU8::MIN,
            mine: Mine::MIN,
            yours: yours.and_then(Mine::new),
            desired_min_tx: 1,
            required_min_rx: 1,
            required_min_echo_rx: 0,
        };
        let (bytes, length) = ([0; 64], 24);
        let datagram =
            BfdDatagram { source: NEIGHBOR, destination: Some(to), ttl: 255, bytes, length };
        roll.find(door, &datagram, &control).map(Mine::get)
    }

    #[test]
    fn a_packet_finds_its_session_by_number_or_by_both_addresses() {
        let mut roll = Roll::default();
        for (number, source) in [(1, None), (2, Some(ours(2))), (3, Some(ours(3)))] {
            roll.insert(running(number, source));
        }
        let [door, over_hops, ..] = Door::ALL;
        assert_eq!(found(&roll, door, ours(2), Some(3)), Some(3));
        assert_eq!(found(&roll, door, ours(2), Some(4)), None);
        assert_eq!(found(&roll, over_hops, ours(2), Some(3)), None);
        assert_eq!(found(&roll, door, ours(2), None), Some(2));
        assert_eq!(found(&roll, door, ours(3), None), Some(3));
        assert_eq!(found(&roll, door, ours(4), None), Some(1));
        assert_eq!(found(&roll, over_hops, ours(2), None), None);
    }
}
