//! The LAN: how it is built and what may be seen of it. What a story does to it is in
//! `lan/interventions.rs`, its clock in `lan/time.rs`, what hosts do in `lan/performance.rs`.

mod interventions;
mod performance;
mod time;

use std::collections::BTreeMap;
use std::time::Duration;

use clock::Instant;
use vrrp::{Effect, Election, InstanceId, Received, Role};
use wire::{Priority, Vrid};

use crate::Dice;
use crate::host::Host;
use crate::timeline::{Detail, Timeline};

/// A LAN.
#[derive(Debug)]
pub struct Lan {
    now: Instant,
    hosts: Vec<Host>,
    air: BTreeMap<(Instant, u64), Packet>,
    latency: Duration,
    jitter: Duration,
    /// Packets lost of a thousand, for each receiver by itself.
    loss: u64,
    dice: Dice,
    sequence: u64,
    timeline: Timeline,
    sent: Vec<Sent>,
    /// Outputs so far.
    performed: usize,
    failing: Option<(usize, Effect)>,
}

#[derive(Debug)]
struct Packet {
    from: usize,
    to: usize,
    vrid: Vrid,
    advertisement: Received,
}

/// One advertisement that a host sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// When.
    pub at: Instant,
    /// The host, by its place in the order of adding.
    pub host: usize,
    /// The instance.
    pub instance: InstanceId,
    /// The priority.
    pub priority: Priority,
}

// ===== Building =====
impl Lan {
    /// A LAN of these hosts with a latency of 100 us; everyone starts at 0.
    #[must_use]
    pub fn new(hosts: impl IntoIterator<Item = Host>) -> Self {
        let mut lan = Self::still(hosts);
        for host in 0..lan.hosts.len() {
            lan.boot(host);
        }
        lan
    }

    /// As [`Lan::new`], with all hosts switched off.
    #[must_use]
    pub fn still(hosts: impl IntoIterator<Item = Host>) -> Self {
        Self {
            now: Instant::ZERO,
            hosts: hosts.into_iter().collect(),
            air: BTreeMap::new(),
            latency: Duration::from_micros(100),
            jitter: Duration::ZERO,
            loss: 0,
            dice: Dice::new(0),
            sequence: 0,
            timeline: Timeline::default(),
            sent: Vec::new(),
            performed: 0,
            failing: None,
        }
    }

    /// Each packet takes `latency` and by chance up to `jitter` more.
    pub fn delay(&mut self, latency: Duration, jitter: Duration) {
        self.latency = latency.max(Duration::from_nanos(1));
        self.jitter = jitter;
    }

    /// Loses `per_mille` of a thousand packets from now on, by the chance of `seed`.
    pub fn lose(&mut self, per_mille: u64, seed: u64) {
        self.loss = per_mille;
        self.dice = Dice::new(seed);
    }
}

// ===== Looking =====
impl Lan {
    /// Simulated time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Changes of role.
    #[must_use]
    pub fn timeline(&self) -> String {
        self.timeline.render(Detail::Roles)
    }

    /// Changes of role with their causes.
    #[must_use]
    pub fn story(&self) -> String {
        self.timeline.render(Detail::Causes)
    }

    /// Everything that was said.
    #[must_use]
    pub fn chronicle(&self) -> String {
        self.timeline.render(Detail::Everything)
    }

    /// The role of the first instance of a host; None where it is off.
    #[must_use]
    pub fn role(&self, name: &str) -> Option<Role> {
        self.role_of(name, 1)
    }

    /// The role of an instance of a host.
    #[must_use]
    pub fn role_of(&self, name: &str, instance: u32) -> Option<Role> {
        self.election(name)?.role(InstanceId(instance))
    }

    /// Whether a host holds the addresses of an instance.
    #[must_use]
    pub fn holds(&self, name: &str, instance: u32) -> bool {
        let host = self.hosts.get(self.place(name));
        host.is_some_and(|host| host.held.contains(&InstanceId(instance)))
    }

    /// The election of a host that is on.
    #[must_use]
    pub fn election(&self, name: &str) -> Option<&Election> {
        self.hosts.get(self.place(name))?.election.as_ref()
    }

    /// Names of the hosts that are Active for `instance`, in the order of adding.
    #[must_use]
    pub fn active(&self, instance: u32) -> Vec<&str> {
        let active = |host: &&Host| {
            let election = host.election.as_ref();
            election.and_then(|election| election.role(InstanceId(instance))) == Some(Role::Active)
        };
        self.hosts.iter().filter(active).map(|host| host.name.as_str()).collect()
    }

    /// How many outputs all elections gave so far.
    #[must_use]
    pub const fn performed(&self) -> usize {
        self.performed
    }

    /// Every advertisement sent so far.
    #[must_use]
    pub fn sent(&self) -> &[Sent] {
        &self.sent
    }

    #[expect(clippy::panic, reason = "a story that names an unknown host is a broken test")]
    fn place(&self, name: &str) -> usize {
        match self.hosts.iter().position(|host| host.name == name) {
            Some(place) => place,
            None => panic!("no host named {name}"),
        }
    }
}
