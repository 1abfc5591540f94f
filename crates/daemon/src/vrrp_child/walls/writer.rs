//! The thread that writes tables: it takes what is wanted, makes one transaction for each family, and makes tables
//! anew that somebody removed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clock::Instant;
use config::model::Acceptance;
use control::Severity;
use kernel::eventloop::now;
use kernel::netlink::NetlinkError;
use kernel::nft::{Nftables, Table, Transaction};
use kernel::packing::Packing;
use vrrp::InstanceId;
use wire::Family;

use super::answer::{is_impossible, is_missing};
use super::fence::Fence;
use super::refusal::Refusal;
use super::{Hold, Pending, Settings, Shared, Term};

/// Writes until the loop is done.
pub(super) fn run(shared: &Shared, nftables: Option<Nftables>) {
    let mut writer = Writer { nftables, ..Writer::default() };
    loop {
        let Taken { pending, number } = take(shared, writer.look_again());
        writer.work(now(), pending);
        let ended = writer.ended;
        let mut pending = shared.pending();
        pending.done = number;
        if !writer.lines.is_empty() {
            pending.lines.append(&mut writer.lines);
            pending.lines.truncate(LINES);
            shared.has_lines.store(true, Ordering::Release);
        }
        shared.written.notify_all();
        if ended {
            return;
        }
    }
}

struct Taken {
    pending: Pending,
    number: u64,
}

/// Waits until something is asked for, or `longest`, and takes it.
fn take(shared: &Shared, longest: Option<Duration>) -> Taken {
    let idle = |pending: &mut Pending| pending.asked == pending.done;
    let pending = shared.pending();
    let mut pending = match longest {
        Some(longest) => {
            let waited = shared.wanted.wait_timeout_while(pending, longest, idle);
            waited.unwrap_or_else(PoisonError::into_inner).0
        }
        None => shared.wanted.wait_while(pending, idle).unwrap_or_else(PoisonError::into_inner),
    };
    let (number, done) = (pending.asked, pending.done);
    let lines = std::mem::take(&mut pending.lines);
    let taken =
        std::mem::replace(&mut *pending, Pending { asked: number, done, ..Pending::default() });
    pending.lines = lines;
    Taken { pending: taken, number }
}

/// What stands, and what is wanted.
#[derive(Debug, Default)]
struct Writer {
    /// None where the system has no nftables.
    nftables: Option<Nftables>,
    holds: BTreeMap<InstanceId, Hold>,
    /// Which instances want each address guarded.
    guards: BTreeMap<IpAddr, Vec<(InstanceId, Term)>>,
    packing: [Packing; 2],
    advertised: BTreeMap<Term, Instant>,
    fences: Vec<Part<Fence>>,
    refusals: Vec<Part<Refusal>>,
    lines: Vec<(Severity, String)>,
    /// What was complained of last, which is not said again.
    complaint: Option<String>,
    has_begun: bool,
    ended: bool,
}

/// The tables of one family.
#[derive(Debug)]
struct Part<T> {
    wanted: T,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Whatever stands was left by a daemon before us.
    Unknown,
    /// There is none.
    Absent,
    /// It is as it was written.
    Built,
    /// It could not be written: to be tried again then.
    Failed(Instant),
}

impl Writer {
    /// When to look whether somebody removed something; never where nothing is wanted.
    fn look_again(&self) -> Option<Duration> {
        let needed =
            self.fences.iter().any(|part| part.wanted.is_needed() || part.state == State::Built)
                || self.refusals.iter().any(|part| part.wanted.is_needed());
        needed.then_some(LOOK_AGAIN)
    }

    fn work(&mut self, now: Instant, pending: Pending) {
        if pending.is_ending {
            self.end();
            return;
        }
        if let Some(settings) = pending.settings {
            self.settle(&settings);
        }
        self.has_begun |= pending.has_begun;
        self.advertised.extend(pending.advertised.iter());
        let mut changes: Vec<Transaction> = Vec::new();
        changes.resize_with(self.fences.len() + self.refusals.len(), Transaction::default);
        let (fencing, refusing) = changes.split_at_mut(self.fences.len());
        let mut guarded: BTreeSet<IpAddr> = BTreeSet::new();
        for (id, hold) in pending.holds {
            self.change(id, hold, &mut guarded, refusing);
        }
        for address in guarded {
            let term = self.guards.get(&address).and_then(|terms| longest(terms));
            for (part, transaction) in self.fences.iter_mut().zip(&mut *fencing) {
                part.wanted.guard(transaction, address, term);
            }
        }
        let [holds, guards] = &mut self.packing;
        holds.pack(&mut self.holds);
        guards.pack(&mut self.guards);
        self.fences.iter_mut().for_each(|part| part.wanted.pack());
        for (part, transaction) in self.fences.iter_mut().zip(fencing) {
            if part.wanted.is_needed() {
                for (term, advertised) in &pending.advertised {
                    part.wanted.renew(transaction, now, *term, *advertised);
                }
            }
        }
        for (part, transaction) in self.fences.iter().zip(&mut changes) {
            // One that guards nothing yet is to be there when it does.
            if transaction.is_empty() && !part.wanted.is_needed() {
                part.wanted.touch(transaction);
            }
        }
        let (_, refusing) = changes.split_at_mut(self.fences.len());
        for (part, transaction) in self.refusals.iter().zip(refusing) {
            if transaction.is_empty() {
                part.wanted.touch(transaction);
            }
        }
        self.write(now, changes);
    }

    /// Takes settings over; what they change is written anew.
    fn settle(&mut self, settings: &Settings) {
        let mut former: Vec<Table> = Vec::new();
        let fences = settings.fence.as_deref();
        if self.fences.first().map(|part| part.wanted.table().name.as_str()) != fences {
            former.extend(self.fences.drain(..).map(|part| part.wanted.table().clone()));
            for family in FAMILIES.iter().filter(|_| fences.is_some()) {
                let mut fence = Fence::new(*family, fences.unwrap_or_default());
                for (address, terms) in &self.guards {
                    fence.guard(&mut Transaction::default(), *address, longest(terms));
                }
                self.fences.push(Part { wanted: fence, state: State::Unknown });
            }
        }
        for part in &mut self.fences {
            let is_expected = settings.fenced.contains(&part.wanted.family());
            part.wanted.expect(is_expected);
        }
        let refusals: Vec<Refusal> =
            FAMILIES.iter().map(|family| Refusal::new(*family, settings)).collect();
        let is_same = refusals.len() == self.refusals.len()
            && refusals.iter().zip(&self.refusals).all(|(new, old)| old.wanted.is_like(new));
        if !is_same {
            let written: Vec<Table> = self
                .refusals
                .drain(..)
                .filter(|part| part.state != State::Absent)
                .map(|part| part.wanted.table().clone())
                .collect();
            let stays = |table: &&Table| refusals.iter().any(|it| it.table() == *table);
            former.extend(written.iter().filter(|table| !stays(table)).cloned());
            for mut refusal in refusals {
                for hold in self.holds.values().filter(|it| it.acceptance == Acceptance::Refuse) {
                    for address in &hold.addresses {
                        refusal.refuse(&mut Transaction::default(), *address);
                    }
                }
                // Under a name that the administrator chose there may be something of his.
                let is_ours = !settings.is_named || written.contains(refusal.table());
                let state = if is_ours { State::Unknown } else { State::Absent };
                self.refusals.push(Part { wanted: refusal, state });
            }
        }
        for table in former {
            let _ = self.remove(&table);
        }
    }

    fn change(
        &mut self,
        id: InstanceId,
        hold: Option<Hold>,
        guarded: &mut BTreeSet<IpAddr>,
        refusing: &mut [Transaction],
    ) {
        let former = self.holds.remove(&id);
        if former == hold {
            self.holds.extend(hold.map(|hold| (id, hold)));
            return;
        }
        let refused = |hold: &Option<Hold>| {
            let refused = hold.iter().filter(|hold| hold.acceptance == Acceptance::Refuse);
            refused.flat_map(|hold| hold.addresses.clone()).collect::<Vec<_>>()
        };
        for (part, transaction) in self.refusals.iter_mut().zip(refusing) {
            // What stays is counted up before it is counted down: it is not written.
            for address in refused(&hold) {
                part.wanted.refuse(transaction, address);
            }
            for address in refused(&former) {
                part.wanted.accept(transaction, address);
            }
        }
        for (address, _) in former.iter().flat_map(|hold| &hold.addresses) {
            guarded.insert(*address);
            if let Some(terms) = self.guards.get_mut(address) {
                terms.retain(|(other, _)| *other != id);
                if terms.is_empty() {
                    self.guards.remove(address);
                }
            }
        }
        let Some(hold) = hold else { return };
        for (address, _) in hold.addresses.iter().filter(|_| hold.term.is_some()) {
            guarded.insert(*address);
            let terms = self.guards.entry(*address).or_insert_with(|| Vec::with_capacity(1));
            terms.extend(hold.term.map(|term| (id, term)));
        }
        self.holds.insert(id, hold);
    }

    fn write(&mut self, now: Instant, changes: Vec<Transaction>) {
        let mut fences = std::mem::take(&mut self.fences);
        let mut refusals = std::mem::take(&mut self.refusals);
        let mut changes = changes.into_iter();
        let advertised: Vec<(Term, Instant)> =
            self.advertised.iter().map(|(term, at)| (*term, *at)).collect();
        for (part, change) in fences.iter_mut().zip(&mut changes) {
            let table = part.wanted.table().clone();
            let needed = part.wanted.is_needed() || self.has_begun && part.wanted.is_expected();
            part.state = self.bring(now, part.state, &table, needed, change, &mut |transaction| {
                part.wanted.build(transaction);
                for (term, advertised) in &advertised {
                    part.wanted.renew(transaction, now, *term, *advertised);
                }
            });
        }
        for (part, change) in refusals.iter_mut().zip(&mut changes) {
            let (table, needed) = (part.wanted.table().clone(), part.wanted.is_needed());
            part.state = self.bring(now, part.state, &table, needed, change, &mut |transaction| {
                part.wanted.build(transaction);
            });
        }
        self.fences = fences;
        self.refusals = refusals;
    }

    /// Brings one table to what is wanted.
    fn bring(
        &mut self,
        now: Instant,
        state: State,
        table: &Table,
        is_needed: bool,
        change: Transaction,
        build: &mut dyn FnMut(&mut Transaction),
    ) -> State {
        match state {
            State::Unknown if !is_needed && !self.has_begun => return State::Unknown,
            State::Unknown if !is_needed => {
                // Without nftables nothing can have been left behind.
                let _ = self.remove(table);
                return State::Absent;
            }
            State::Absent if !is_needed => return State::Absent,
            State::Failed(until) if now < until => return state,
            State::Built => {
                let Err(error) = self.commit("change nftables", change) else {
                    return State::Built;
                };
                if is_missing(&error) {
                    let line = format!(
                        "nftables table {} {} was removed by somebody else: it is made again",
                        family(table),
                        table.name
                    );
                    self.lines.push((Severity::Warning, line));
                } else {
                    self.complain(&error);
                }
            }
            State::Unknown | State::Absent | State::Failed(_) => {}
        }
        let mut transaction = Transaction::default();
        build(&mut transaction);
        match self.commit("write nftables", transaction) {
            Ok(()) => {
                self.complaint = None;
                State::Built
            }
            Err(error) => {
                self.complain(&error);
                // What cannot be is not tried often; what went wrong once may stand, and is to be renewed in time.
                State::Failed(now + if is_impossible(&error) { PAUSE } else { SOON })
            }
        }
    }

    fn commit(
        &mut self,
        operation: &'static str,
        transaction: Transaction,
    ) -> Result<(), NetlinkError> {
        if self.nftables.is_none() {
            self.nftables = Some(Nftables::open()?);
        }
        let Some(nftables) = self.nftables.as_mut() else { return Ok(()) };
        let outcome = nftables.commit(operation, transaction);
        if matches!(outcome, Err(NetlinkError::Socket { .. })) {
            // Answers were lost: what follows must not be taken for them.
            self.nftables = None;
        }
        outcome
    }

    fn remove(&mut self, table: &Table) -> Result<(), NetlinkError> {
        let mut transaction = Transaction::default();
        transaction.remove_table(table);
        match self.commit("remove nftables table", transaction) {
            Err(error) if is_missing(&error) => Ok(()),
            other => other,
        }
    }

    fn complain(&mut self, error: &NetlinkError) {
        let text = error.to_string();
        if self.complaint.as_ref() == Some(&text) {
            return;
        }
        self.complaint = Some(text.clone());
        self.lines.push((
            Severity::Warning,
            format!(
                "no nftables: a dead daemon's addresses are answered until their leases end, and no_accept refuses \
                 nothing ({text})"
            ),
        ));
    }

    fn end(&mut self) {
        self.ended = true;
        let fences = self.fences.iter().map(|part| (part.state, part.wanted.table()));
        let refusals = self.refusals.iter().map(|part| (part.state, part.wanted.table()));
        let standing: Vec<Table> = fences
            .chain(refusals)
            .filter(|(state, _)| matches!(state, State::Built | State::Failed(_)))
            .map(|(_, table)| table.clone())
            .collect();
        for table in standing {
            if let Err(error) = self.remove(&table) {
                self.lines.push((Severity::Warning, error.to_string()));
            }
        }
    }
}

const fn family(table: &Table) -> &'static str {
    match table.family {
        kernel::nft::TableFamily::Ipv4 => "ip",
        kernel::nft::TableFamily::Arp => "arp",
        kernel::nft::TableFamily::Ipv6 => "ip6",
    }
}

const FAMILIES: [Family; 2] = [Family::Ipv4, Family::Ipv6];
/// Lines that wait for the loop at most.
const LINES: usize = 64;
/// How often tables that are not changed are looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// A system without nftables is asked again after so long.
const PAUSE: Duration = Duration::from_secs(30);
const SOON: Duration = Duration::from_millis(100);

/// How long an address that several instances guard is answered.
fn longest(terms: &[(InstanceId, Term)]) -> Option<Term> {
    terms.iter().map(|(_, term)| *term).max()
}
