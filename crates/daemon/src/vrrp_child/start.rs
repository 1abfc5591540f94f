//! The first and the last moments of the process.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use clock::Instant;
use config::model::Instance;
use control::{Severity, Subject, What};
use intent::Address;
use kernel::eventloop::{EventLoop, Signals};
use kernel::netlink::RequestSocket;
use kernel::observer::Observer;
use kernel::socket::{AnnounceSocket, Packet};
use nix::sys::signal::Signal;
use vrrp::{Change, Election, Former, Input, InstanceId, Outputs, Plan, Role};

use super::announcer::Announcer;
use super::conflict::Conflicts;
use super::holdings::{self, Holdings};
use super::ports::Ports;
use super::rivals::Rivals;
use super::roster::{Roster, Settled, plan};
use super::walls::Walls;
use super::{NEWS, PARENT, SIGNALS, Shell, paths, perform, reload, turn, vmac, watch, work};
use crate::child::Startup;
use crate::compat::exit;
use crate::log::RateLimit;

impl Shell {
    /// Opens what every configuration needs.
    ///
    /// **Errors**: the exit code, after the reason was told to the parent. Without netlink no instance could ever
    /// work, so that is final; a missing privilege or interface is not.
    pub(super) fn open(mut startup: Startup) -> Result<Self, ExitCode> {
        match Self::pieces(&mut startup) {
            Ok((events, signals, observer, holdings, announcer, walls)) => Ok(Self {
                startup,
                roster: Roster::default(),
                settled: Settled::default(),
                former: None,
                election: Election::new(),
                outputs: Outputs::new(),
                bindings: std::collections::BTreeMap::new(),
                floating: std::collections::BTreeSet::new(),
                trackers: std::collections::BTreeMap::new(),
                findings: std::collections::BTreeMap::new(),
                resuming: BTreeSet::new(),
                withheld: None,
                tallied: None,
                contested: std::collections::BTreeMap::new(),
                events,
                signals,
                observer,
                debounced: std::collections::BTreeMap::new(),
                ports: Ports::default(),
                packet: Packet::new(),
                holdings,
                walls,
                paths: paths::Paths::default(),
                promoted: std::collections::BTreeMap::new(),
                fixed: Vec::new(),
                announcer,
                sessions: super::sessions::Sessions::default(),
                conflicts: Conflicts::default(),
                rivals: Rivals::default(),
                discards: std::collections::BTreeMap::new(),
                vmacs: vmac::Vmacs::default(),
                complaints: RateLimit::with_room(CAUSES),
                discarded: RateLimit::of_at_most(LINES_ABOUT_PACKETS),
                reload: reload::Progress::default(),
                telling: None,
                start_at: None,
                retry_ports_at: None,
                scratch: perform::Scratch::default(),
                batch: Vec::new(),
                proved: BTreeSet::new(),
                summary: None,
                heard: 0,
                heard_at: Instant::ZERO,
                is_flooded: false,
                is_crowded: false,
                patience: Duration::ZERO,
                slept: turn::Slept::NOT,
                work: work::Work::default(),
                looked: watch::Looked::default(),
                is_timed: false,
                steps: vrrp::Steps::default(),
                ending: false,
            }),
            Err(error) => {
                startup.log.push(Severity::Error, format!("cannot start: {error:#}"));
                let _ = startup.parent.flush(&mut startup.log);
                let denied = error.chain().any(|cause| {
                    cause.downcast_ref::<rustix::io::Errno>() == Some(&rustix::io::Errno::PERM)
                });
                Err(ExitCode::from(if denied { exit::PERMISSION } else { exit::FATAL }))
            }
        }
    }

    fn pieces(
        startup: &mut Startup,
    ) -> anyhow::Result<(EventLoop, Signals, Observer, Holdings, Announcer, Walls)> {
        let events = EventLoop::new()?;
        let signals = Signals::open(&[
            Signal::SIGTERM,
            // The parent answers these; a terminal sends them to every process.
            Signal::SIGINT,
            Signal::SIGHUP,
            Signal::SIGUSR1,
            Signal::SIGUSR2,
        ])?;
        let observer = Observer::open()?;
        events.add(startup.parent.channel(), PARENT)?;
        events.add(&signals, SIGNALS)?;
        events.add(&observer, NEWS)?;
        let holdings = Holdings::new(RequestSocket::open()?);
        // Without the privilege for it instances are in Fault, and say so.
        let announcer = Announcer::new(AnnounceSocket::open().ok());
        let walls = Walls::start(startup.options.table_suffix.clone())?;
        Ok((events, signals, observer, holdings, announcer, walls))
    }

    /// Brings the instances in, clears what a daemon before us left behind, and starts the election.
    pub(super) fn begin(&mut self, now: Instant) {
        let model = std::mem::take(&mut self.startup.model);
        let mut settled = self.roster.settle(model);
        self.name_vmacs(&mut settled);
        self.resuming = self.resumable(now, &settled);
        self.tell_addresses();
        self.findings = std::mem::take(&mut self.startup.options.handover.findings);
        let stays = |id: &InstanceId| self.resuming.contains(id);
        let stale = settled.instances.iter().filter(|(id, _)| !stays(id)).map(|(_, it)| it);
        let stale: Vec<Instance> = stale.cloned().collect();
        self.clear_leftovers(&stale);
        let former = std::mem::replace(&mut self.settled, settled);
        self.walls.configure(&self.settled);
        let resuming: Vec<InstanceId> = self.resuming.iter().copied().collect();
        self.clear_left_paths(&resuming);
        // Instances may follow what is static.
        self.add_fixed(now);
        self.reconcile_static(now);
        self.finish_work(now);
        self.arrange_promotion(now);
        self.adopt();
        let mut plan = Plan {
            trackers: Some(self.trackers.clone()),
            ..plan(&former, &self.settled, |id| self.known(id))
        };
        for (id, change) in &mut plan.instances {
            if let Change::Add(addition) = change {
                addition.former = self.former_of(*id);
            }
        }
        let goes_on = self.goes_on();
        self.withheld = goes_on.then(std::collections::BTreeMap::new);
        self.feed(now, Input::Reconfigure(plan));
        self.drop_surplus_vmacs();
        let global = &self.settled.global;
        let until_boot =
            global.boot_delay.saturating_sub(kernel::eventloop::boot_time().since(Instant::ZERO));
        let delay = global.startup_delay.max(until_boot);
        if delay.is_zero() || goes_on {
            self.feed(now, Input::Startup);
            self.resume(now);
            self.tell_withheld();
            self.walls.begin();
        } else {
            self.walls.begin();
            // From here on: what came before took its time, which the look at the clock above has counted.
            self.start_at = Some(kernel::eventloop::now() + delay);
            self.startup.log.push(
                Severity::Info,
                format!("Delaying startup for {}", crate::compat::narration::span(delay)),
            );
        }
    }

    /// Whether a process before this one has told of instances, so that this is no start for those who watch them.
    fn goes_on(&self) -> bool {
        let options = &self.startup.options;
        options.generation > 0 && !options.handover.roles.is_empty()
    }

    /// What an instance was under a process before this one.
    fn former_of(&self, id: InstanceId) -> Former {
        if self.resuming.contains(&id) {
            return Former::Active;
        }
        let instance = self.settled.instances.get(&id).filter(|_| self.goes_on());
        let told = instance.and_then(|instance| self.told_of(instance));
        if matches!(told, Some(What::Backup | What::Fault)) {
            Former::Inactive
        } else {
            Former::None
        }
    }

    /// What a process before this one told last of an instance.
    fn told_of(&self, instance: &Instance) -> Option<What> {
        let subject = Subject::Instance(instance.name.clone());
        self.startup.options.handover.roles.get(&subject).copied()
    }

    /// The instances that were Active under a process before this one, so short a time ago that nobody can have
    /// taken over: its last advert came an interval before its end at most, and others wait for three.
    fn resumable(&self, now: Instant, settled: &Settled) -> BTreeSet<InstanceId> {
        let options = &self.startup.options;
        if options.generation == 0 {
            return BTreeSet::new();
        }
        let gone = now.since(Instant::from_nanos(options.handover.alive_until));
        let was_active = |instance: &Instance| {
            let interval = instance.parameters.advertisement_interval;
            let spare = u32::from(instance.parameters.down_timer_adverts).saturating_sub(1);
            self.told_of(instance) == Some(What::Active) && gone < interval * spare
        };
        let resumable = settled.instances.iter().filter(|(_, instance)| was_active(instance));
        resumable.map(|(id, _)| *id).collect()
    }

    /// Goes on where the process before ended; what cannot go on gives its addresses up.
    fn resume(&mut self, now: Instant) {
        if self.resuming.is_empty() {
            return;
        }
        self.feed(now, Input::Timeout);
        let active = |id: &InstanceId| self.election.role(*id) == Some(Role::Active);
        let lost: Vec<Instance> = self
            .resuming
            .iter()
            .filter(|id| !active(id))
            .filter_map(|id| self.settled.instances.get(id).cloned())
            .collect();
        let lost_ids: Vec<InstanceId> =
            self.resuming.iter().copied().filter(|id| !active(id)).collect();
        self.resuming.clear();
        self.clear_paths_of(now, &lost_ids);
        self.clear_leftovers(&lost);
    }

    /// Resigns, and takes away what was added.
    pub(super) fn end(&mut self, now: Instant, told: bool) {
        // Whoever was not told to end keeps no address: nobody would remove it.
        self.ending = told;
        if told && self.startup.options.keep_addresses {
            self.holdings.make_permanent();
        }
        self.feed(now, Input::Shutdown);
        self.end_sessions(now);
        self.finish_work(now);
        self.drop_static_paths(now, told && self.startup.options.keep_addresses);
        let fixed = std::mem::take(&mut self.fixed);
        self.report_removals(&fixed);
        self.end_promotion();
        // Addresses that are to stay stand on them.
        if !(told && self.startup.options.keep_addresses) {
            self.drop_vmacs();
        }
        self.walls.end();
        self.hear_walls();
        let _ = self.startup.parent.flush(&mut self.startup.log);
    }

    /// Virtual addresses that stand before any instance is Active were left by a daemon that died.
    fn clear_leftovers(&mut self, instances: &[Instance]) {
        let mut surplus = Vec::new();
        for instance in instances {
            let (wanted, _) = holdings::wanted(instance, None, &self.observer);
            for holding in wanted {
                if holding.origin == holdings::Origin::Ours {
                    let Address { interface, address, .. } = holding.address;
                    // With whatever prefix: it may have been written otherwise then.
                    let standing = self.observer.standing(interface, address);
                    surplus.extend(standing.map(Address::key));
                }
            }
        }
        if surplus.is_empty() {
            return;
        }
        self.startup.log.push(
            Severity::Warning,
            match surplus.len() {
                1 => "removing 1 virtual address that was left behind".to_owned(),
                many => format!("removing {many} virtual addresses that were left behind"),
            },
        );
        self.report_removals(&surplus);
        // The mirror forgets them before sources are chosen.
        let mut changes = Vec::new();
        if let Err(error) = self.observer.resynchronise(&mut changes) {
            self.startup.log.push(Severity::Warning, format!("{error}"));
        }
    }
}

/// Log lines a minute about packets that are not understood, whoever sends them.
const LINES_ABOUT_PACKETS: u32 = 100;
/// Causes for complaint about ourselves: some for each of thousands of instances.
const CAUSES: usize = 64 * 1024;
