//! nftables around the virtual addresses: the fence, which silences a corpse, and the refusal of `no_accept`.
//!
//! The loop says who holds which addresses and when it advertised; a thread of its own writes that into the kernel,
//! because a transaction of nftables waits for those of everybody else on the host. What the thread has not written
//! yet is kept as what is wanted, not as a list of steps, so that it is bounded.

mod answer;
mod fence;
mod refusal;
mod writer;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clock::Instant;
use config::model::{Acceptance, AddressLifetime, Instance, Served};
use control::Severity;
use intent::IfIndex;
use kernel::nft::Nftables;
use vrrp::{InstanceId, Parameters};
use wire::Family;

use super::Shell;
use super::holdings::{self, Holding, Origin};
use super::roster::Settled;

/// What of an instance's addresses the kernel is to know.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hold {
    addresses: Vec<(IpAddr, IfIndex)>,
    /// None where the addresses are not leased: whoever wants them to outlive the daemon wants them answered.
    term: Option<Term>,
    acceptance: Acceptance,
}

/// How long addresses are answered after an advertisement, and how long they stand after the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Term {
    /// In milliseconds: intervals are whole centiseconds.
    silence: u32,
    /// In seconds, as the kernel counts lifetimes.
    lease: u32,
}

impl Term {
    fn of(silence: Duration, lease: Duration) -> Self {
        Self {
            silence: u32::try_from(silence.as_millis()).unwrap_or(u32::MAX),
            lease: u32::try_from(lease.as_secs()).unwrap_or(u32::MAX),
        }
    }

    fn silence(self) -> Duration {
        Duration::from_millis(self.silence.into())
    }

    fn lease(self) -> Duration {
        Duration::from_secs(self.lease.into())
    }
}

/// What all tables have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Settings {
    /// Name of the fence's tables; none without a fence.
    fence: Option<String>,
    /// Families that have addresses to guard, whoever holds them now.
    fenced: Vec<Family>,
    /// Name of the tables that refuse.
    refusal: String,
    /// The name was chosen by the administrator: whatever stands under it may be his.
    is_named: bool,
    priority: i32,
    counters: bool,
    /// What is let through although its address refuses.
    served: Vec<Served>,
}

/// The loop's side.
#[derive(Debug)]
pub(super) struct Walls {
    shared: Arc<Shared>,
    /// Of each instance that holds leased addresses.
    terms: BTreeMap<InstanceId, Term>,
    /// When the writer was told last of an advertisement.
    told: BTreeMap<Term, Instant>,
    /// Ends the names of tables, where several daemons share a host.
    suffix: String,
    /// When to wait for the writer again, after it took too long.
    patient_again: Instant,
}

/// Something that the writer was asked for, by its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walled(u64);

/// Between the loop and the writer.
#[derive(Debug, Default)]
struct Shared {
    pending: Mutex<Pending>,
    /// Something is to be written.
    wanted: Condvar,
    /// Something was written.
    written: Condvar,
    /// There are lines for the log.
    has_lines: AtomicBool,
}

/// What the writer has not taken yet.
#[derive(Debug, Default)]
struct Pending {
    settings: Option<Settings>,
    holds: BTreeMap<InstanceId, Option<Hold>>,
    advertised: BTreeMap<Term, Instant>,
    /// Changes that the loop asked for, and those that are written.
    asked: u64,
    done: u64,
    /// Whether tables that nobody wants may be removed.
    has_begun: bool,
    is_ending: bool,
    lines: Vec<(Severity, String)>,
}

impl Shared {
    /// Has the loop log something.
    fn say(&self, severity: Severity, line: String) {
        self.pending().lines.push((severity, line));
        self.has_lines.store(true, Ordering::Release);
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Walls {
    /// Starts the writer.
    ///
    /// **Errors**: the system has no thread for it.
    pub(super) fn start(suffix: String) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let writers = Arc::clone(&shared);
        // A system without it is asked again when tables are wanted.
        let nftables = Nftables::open().ok();
        // As urgent as the loop, which starts nobody else so: renewals that come late silence a router that advertises.
        std::thread::Builder::new()
            .name("nftables".to_owned())
            .stack_size(STACK)
            .spawn(move || writer::run(&writers, nftables))?;
        if let Err(error) = kernel::process::keep_realtime() {
            shared.say(Severity::Warning, error.to_string());
        }
        Ok(Self {
            shared,
            terms: BTreeMap::new(),
            told: BTreeMap::new(),
            suffix,
            patient_again: Instant::ZERO,
        })
    }

    /// Takes a configuration over.
    pub(super) fn configure(&self, settled: &Settled) {
        let named = |name: &str| format!("{name}{}", self.suffix);
        let nftables = &settled.global.nftables;
        let settings = Settings {
            fence: settled.global.is_fenced.then(|| named(FENCE)),
            fenced: fenced(settled),
            refusal: nftables.table.clone().unwrap_or_else(|| named(REFUSAL)),
            is_named: nftables.table.is_some(),
            priority: nftables.priority,
            counters: nftables.counters,
            served: settled.served.clone(),
        };
        self.ask(|pending| pending.settings = Some(settings));
    }

    /// An instance holds these addresses from now on. Those that refuse packets are to wait for the walls, so that
    /// none is accepted before.
    pub(super) fn hold(
        &mut self,
        id: InstanceId,
        instance: &Instance,
        holdings: &[Holding],
    ) -> Option<Walled> {
        let ours = holdings.iter().filter(|holding| holding.origin == Origin::Ours);
        let mut addresses: Vec<(IpAddr, IfIndex)> =
            ours.map(|it| (it.address.address, it.address.interface)).collect();
        // Most hold one.
        addresses.shrink_to_fit();
        let term = holdings::lease(instance, holdings::active_down(&instance.parameters))
            .map(|lease| Term::of(silence(&instance.parameters), lease));
        let acceptance = instance.acceptance;
        match term {
            Some(term) => self.terms.insert(id, term),
            None => self.terms.remove(&id),
        };
        let walled = self.ask(|pending| {
            pending.holds.insert(id, Some(Hold { addresses, term, acceptance }));
        });
        (acceptance == Acceptance::Refuse).then_some(walled)
    }

    /// Waits for walls, but not for long, and not again soon where that was in vain.
    pub(super) fn wait(&mut self, now: Instant, walled: Walled) {
        if now >= self.patient_again && !self.wait_for(walled, PATIENCE) {
            self.patient_again = now + IMPATIENT;
        }
    }

    /// The first instances hold what they go on with: what is not wanted by now was left by a daemon before.
    pub(super) fn begin(&self) {
        self.ask(|pending| pending.has_begun = true);
    }

    /// An instance holds nothing any more.
    pub(super) fn release(&mut self, id: InstanceId) {
        self.terms.remove(&id);
        self.ask(|pending| {
            pending.holds.insert(id, None);
        });
    }

    /// An instance has advertised.
    pub(super) fn advertised(&mut self, now: Instant, id: InstanceId) {
        let Some(term) = self.terms.get(&id) else { return };
        let told = self.told.entry(*term).or_insert(Instant::ZERO);
        if now.since(*told) < term.silence() / RENEWALS {
            return;
        }
        *told = now;
        let term = *term;
        self.ask(|pending| {
            pending.advertised.insert(term, now);
        });
    }

    /// Lines for the log.
    pub(super) fn lines(&self) -> Vec<(Severity, String)> {
        if self.shared.has_lines.swap(false, Ordering::Acquire) {
            std::mem::take(&mut self.shared.pending().lines)
        } else {
            Vec::new()
        }
    }

    /// Takes everything away.
    pub(super) fn end(&self) {
        let number = self.ask(|pending| pending.is_ending = true);
        let _ = self.wait_for(number, PATIENCE_AT_END);
    }

    fn ask(&self, change: impl FnOnce(&mut Pending)) -> Walled {
        let mut pending = self.shared.pending();
        change(&mut pending);
        pending.asked += 1;
        self.shared.wanted.notify_one();
        Walled(pending.asked)
    }

    /// Whether it was written in time.
    fn wait_for(&self, walled: Walled, patience: Duration) -> bool {
        let pending = self.shared.pending();
        let unwritten = |pending: &mut Pending| pending.done < walled.0;
        let waited = self.shared.written.wait_timeout_while(pending, patience, unwritten);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Shell {
    /// Logs what the writer has to say.
    pub(super) fn hear_walls(&mut self) {
        for (severity, line) in self.walls.lines() {
            self.startup.log.push(severity, line);
        }
    }
}

/// Families with virtual addresses whose leases end.
fn fenced(settled: &Settled) -> Vec<Family> {
    let leased = |it: &&Instance| it.lifetime != AddressLifetime::Forever;
    let has = |family: &Family| {
        let mut instances = settled.instances.values().filter(leased);
        instances.any(|it| {
            it.addresses.iter().chain(&it.excluded).any(|held| Family::of(held.address) == *family)
        })
    };
    [Family::Ipv4, Family::Ipv6].into_iter().filter(has).collect()
}

/// The shortest Active_Down_Interval that another router can have: whatever its priority, it takes over no earlier
/// after the last advertisement (RFC 9568 §6.1).
fn silence(parameters: &Parameters) -> Duration {
    parameters.advertisement_interval.saturating_mul(u32::from(parameters.down_timer_adverts))
}

const FENCE: &str = "steadfast_fence";
/// keepalived's name, so that what a keepalived before us left behind is replaced.
const REFUSAL: &str = "keepalived";
/// How often the time of silence is renewed while it lasts.
const RENEWALS: u32 = 6;
/// Addresses are set after so long, although packets to them may be accepted a moment more.
const PATIENCE: Duration = Duration::from_millis(20);
/// How long the loop does not wait after it waited in vain: others hold the lock of nftables.
const IMPATIENT: Duration = Duration::from_secs(1);
const PATIENCE_AT_END: Duration = Duration::from_millis(500);
/// It is locked into memory.
const STACK: usize = 256 * 1024;
