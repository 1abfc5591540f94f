//! A load balancer made of nftables: what stands is read, and changes are made, in the network namespace of the caller.
//!
//! The same values as for IPVS, and the same steps between them. NAT is done by connection tracking; servers on a link
//! of this host can have packets as they are (DR), which are not tracked: a map remembers which flow is whose. All that
//! a service is stands in one table for each family, in the words that `nft list ruleset` shows; a successor reads it
//! from there. What nftables cannot do says `intent::service::nftables`.

mod error;
mod frame;
mod label;
mod learned;
mod memory;
mod names;
mod observed;
mod program;

use std::collections::{BTreeMap, BTreeSet};

use intent::service::nftables::{Method, method};
use intent::service::{Front, Service, ServiceChange, Services, Timeouts};
use wire::Family;

pub use error::NftPlaneError;

use self::error::Failure;
use self::frame::Way;
use self::memory::Debts;
use self::program::Program;
use crate::conntrack::Conntrack;
use crate::nft::{Nftables, Reader, Table, Transaction};

/// Balances by nftables.
#[derive(Debug)]
pub struct NftPlane {
    nftables: Nftables,
    reader: Reader,
    conntrack: Conntrack,
    /// What the tables are called.
    name: String,
    /// What stands, as far as is known.
    standing: Services,
    /// How long flows are remembered.
    timeouts: Timeouts,
    /// Tables of ours in which something stands that is not understood, or something is missing.
    broken: BTreeSet<Family>,
    /// Tables and ways through the kernel that stand as this process writes them.
    framed: BTreeSet<(Family, Option<Way>)>,
    /// Tracked connections that follow from changes and are not forgotten yet.
    debts: Debts,
}

impl NftPlane {
    /// Opens what it takes; nothing is changed. `name` is that of the tables, one for each family.
    ///
    /// **Errors**: the kernel has no nftables.
    pub fn open(name: &str) -> Result<Self, NftPlaneError> {
        let failed = NftPlaneError::of("open nftables");
        let (nftables, reader) =
            (Nftables::open().map_err(&failed)?, Reader::open().map_err(&failed)?);
        let mut this = Self {
            nftables,
            reader,
            conntrack: Conntrack::open().map_err(&failed)?,
            name: name.to_owned(),
            standing: Services::new(),
            timeouts: Timeouts::default(),
            broken: BTreeSet::new(),
            framed: BTreeSet::new(),
            debts: Debts::default(),
        };
        for (front, service) in this.services()? {
            if method(&front, &service) == Ok(Method::Nat) {
                this.debts.inherit(front.family());
            }
        }
        Ok(this)
    }

    /// Everything that is balanced by tables of this name. A table that somebody else changed counts as empty, and is
    /// made anew with the next change.
    ///
    /// **Errors**: the kernel refuses to be read (`CAP_NET_ADMIN`).
    pub fn services(&mut self) -> Result<Services, NftPlaneError> {
        let mut standing = Services::new();
        for family in FAMILIES {
            let table = self.table(family);
            let seen = observed::read(&mut self.reader, &table, family)
                .map_err(NftPlaneError::of("read services"))?;
            match seen {
                observed::Seen::Nothing => {
                    self.broken.remove(&family);
                    self.framed.retain(|(framed, _)| *framed != family);
                }
                observed::Seen::Services(services) => {
                    self.broken.remove(&family);
                    standing.extend(services);
                }
                observed::Seen::Damage => {
                    self.broken.insert(family);
                    self.framed.retain(|(framed, _)| *framed != family);
                }
            }
        }
        self.standing.clone_from(&standing);
        Ok(standing)
    }

    /// Makes changes, each service's at once; what became of each. If the kernel refuses none, all happen at once, but
    /// for thousands of services. What is gone already counts as removed. [`Self::forget`] is due behind it.
    pub fn apply(&mut self, changes: &[ServiceChange]) -> Vec<Result<(), NftPlaneError>> {
        let mut results: Vec<Result<(), NftPlaneError>> = changes.iter().map(|_| Ok(())).collect();
        let mut wanted: BTreeMap<Front, Option<Service>> = BTreeMap::new();
        for (change, result) in changes.iter().zip(&mut results) {
            let front = change.front();
            let service = wanted.entry(front).or_insert_with(|| self.standing.get(&front).cloned());
            *result = step(service, change);
        }
        let mut refused = BTreeMap::new();
        let mut steps = Vec::new();
        for (front, service) in wanted {
            match Step::new(front, self.standing.get(&front), service) {
                Ok(Some(step)) => steps.push(step),
                Ok(None) => {}
                Err(refusal) => {
                    refused.insert(front, Failure::Refusal(refusal));
                }
            }
        }
        self.take(steps, &mut refused);
        for (change, result) in changes.iter().zip(&mut results) {
            if let (Ok(()), Some(failure)) = (&result, refused.get(&change.front())) {
                *result = Err(failure.of_change(change));
            }
        }
        results
    }

    /// Whether tracked connections of what is gone are left.
    pub fn is_to_forget(&self) -> bool {
        !self.debts.is_empty()
    }

    /// Has the kernel forget connections to servers that are gone, some of them: to be called until
    /// [`Self::is_to_forget`] says that none are left, with what others wait for in between.
    ///
    /// **Errors**: the kernel refuses; what is left is tried again with the next call.
    pub fn forget(&mut self) -> Result<(), NftPlaneError> {
        let settled = self.debts.settle(&mut self.conntrack, &self.standing);
        settled.map_err(NftPlaneError::of("forget connections of servers that are gone"))
    }

    /// Changes how long flows of servers that get packets as they are are remembered; what is not said is as IPVS has it.
    /// With NAT connection tracking has its own times.
    ///
    /// **Errors**: the kernel refuses; then some may be as before.
    pub fn set_timeouts(&mut self, timeouts: &Timeouts) -> Result<(), NftPlaneError> {
        if self.timeouts == *timeouts {
            return Ok(());
        }
        let mut transaction = Transaction::default();
        for (front, service) in &self.standing {
            if let Ok(method @ Method::DirectRoute) = method(front, service) {
                let program = Program { front, service, method, timeouts: *timeouts };
                program.renew_servers(&mut transaction, &self.table(front.family()));
            }
            if transaction.len() >= MOST_AT_ONCE {
                let full = std::mem::take(&mut transaction);
                self.nftables
                    .commit(SET_TIMEOUTS, full)
                    .map_err(NftPlaneError::of(SET_TIMEOUTS))?;
            }
        }
        self.nftables.commit(SET_TIMEOUTS, transaction).map_err(NftPlaneError::of(SET_TIMEOUTS))?;
        self.timeouts = *timeouts;
        Ok(())
    }

    /// Takes all services away, and the tables.
    ///
    /// **Errors**: the kernel refuses.
    pub fn flush(&mut self) -> Result<(), NftPlaneError> {
        let standing = self.services()?;
        let changes: Vec<ServiceChange> =
            standing.keys().map(|front| ServiceChange::Remove(*front)).collect();
        self.apply(&changes).into_iter().collect::<Result<(), _>>()?;
        let mut transaction = Transaction::default();
        for family in self.broken.clone() {
            transaction.remove_table(&self.table(family));
        }
        self.nftables
            .commit("flush services", transaction)
            .map_err(NftPlaneError::of("flush services"))?;
        self.broken.clear();
        while self.is_to_forget() {
            self.forget()?;
        }
        Ok(())
    }

    /// Takes steps, as many at once as is sensible; where the kernel refuses, one by one.
    fn take(&mut self, steps: Vec<Step>, refused: &mut BTreeMap<Front, Failure>) {
        let mut steps = steps.into_iter().peekable();
        while steps.peek().is_some() {
            let mut transaction = Transaction::default();
            let mut ways = BTreeSet::new();
            let mut together = Vec::new();
            while transaction.len() < MOST_AT_ONCE
                && let Some(step) = steps.next()
            {
                self.write(&mut transaction, &mut ways, &step);
                together.push(step);
            }
            let last = steps.peek().is_none() && refused.is_empty();
            let doomed = if last { self.doomed(&together) } else { Vec::new() };
            for family in &doomed {
                transaction.remove_table(&self.table(*family));
            }
            match self.nftables.commit(CHANGE, transaction) {
                Ok(()) => {
                    self.framed.extend(ways);
                    self.framed.retain(|(family, _)| !doomed.contains(family));
                    self.taken(together);
                }
                Err(error) if together.len() == 1 => {
                    refused.extend(together.iter().map(|it| (it.front, Failure::of(&error))));
                }
                Err(_) => {
                    for step in together {
                        self.take(vec![step], refused);
                    }
                }
            }
        }
    }

    /// Writes what a step takes into a transaction.
    fn write(
        &self,
        transaction: &mut Transaction,
        ways: &mut BTreeSet<(Family, Option<Way>)>,
        step: &Step,
    ) {
        let family = step.front.family();
        let table = self.table(family);
        let is_new = |ways: &mut BTreeSet<_>, part| {
            !self.framed.contains(&(family, part)) && ways.insert((family, part))
        };
        if is_new(ways, None) {
            if self.broken.contains(&family) {
                transaction.renew_table(&table);
            }
            frame::add_table(transaction, &table, family);
        }
        let wanted = step.wanted.as_ref().map(|it| it.program(&step.front, self.timeouts));
        for (way, verdict) in wanted.iter().flat_map(Program::ways) {
            let leads_on = verdict != crate::nft::Verdict::Return;
            if leads_on && is_new(ways, Some(way)) {
                frame::add_way(transaction, &table, family, way);
            }
        }
        let standing = step.standing.as_ref().map(|it| it.program(&step.front, self.timeouts));
        program::change(transaction, &table, standing.as_ref(), wanted.as_ref());
    }

    /// The families that have no service any more after these steps.
    fn doomed(&self, steps: &[Step]) -> Vec<Family> {
        let gone: BTreeSet<&Front> =
            steps.iter().filter(|step| step.wanted.is_none()).map(|step| &step.front).collect();
        let is_left = |family| {
            let of_family = |front: &&Front| front.family() == family;
            self.standing.keys().filter(of_family).any(|front| !gone.contains(front))
                || steps.iter().any(|it| it.front.family() == family && it.wanted.is_some())
        };
        let touched: BTreeSet<Family> = gone.iter().map(|front| front.family()).collect();
        touched.into_iter().filter(|family| !is_left(*family)).collect()
    }

    /// What follows when steps were taken.
    fn taken(&mut self, steps: Vec<Step>) {
        for step in steps {
            self.broken.remove(&step.front.family());
            self.debts.note(&step);
            match step.wanted {
                Some(it) => self.standing.insert(step.front, it.service),
                None => self.standing.remove(&step.front),
            };
        }
    }

    fn table(&self, family: Family) -> Table {
        Table { family: names::table_family(family), name: self.name.clone() }
    }
}

/// From what stands of a front to what is wanted there.
#[derive(Debug)]
struct Step {
    front: Front,
    standing: Option<Planned>,
    wanted: Option<Planned>,
}

/// A service that nftables can do.
#[derive(Debug)]
struct Planned {
    service: Service,
    method: Method,
}

impl Planned {
    const fn program<'a>(&'a self, front: &'a Front, timeouts: Timeouts) -> Program<'a> {
        Program { front, service: &self.service, method: self.method, timeouts }
    }
}

impl Step {
    /// Nothing where there is nothing to do.
    fn new(
        front: Front,
        standing: Option<&Service>,
        wanted: Option<Service>,
    ) -> Result<Option<Self>, intent::service::nftables::Refusal> {
        if standing == wanted.as_ref() {
            return Ok(None);
        }
        let plan =
            |service: Service| method(&front, &service).map(|method| Planned { service, method });
        let wanted = wanted.map(plan).transpose()?;
        // What stands was written by us.
        let standing = standing.cloned().map(plan).transpose()?;
        Ok(Some(Self { front, standing, wanted }))
    }
}

/// Makes one change to a service, as IPVS would.
///
/// **Errors**: it is there already, or not there.
fn step(service: &mut Option<Service>, change: &ServiceChange) -> Result<(), NftPlaneError> {
    let missing = || Err(NftPlaneError::Missing { change: change.to_string() });
    let exists = || Err(NftPlaneError::Exists { change: change.to_string() });
    match (service, change) {
        (Some(_), ServiceChange::Add(..)) => return exists(),
        (service @ None, ServiceChange::Add(_, scheduling)) => {
            *service = Some(Service::new(scheduling.clone()));
        }
        (Some(service), ServiceChange::Set(_, scheduling)) => {
            service.scheduling.clone_from(scheduling);
        }
        (Some(service), ServiceChange::AddDestination(_, back, destination)) => {
            if service.destinations.contains_key(back) {
                return exists();
            }
            service.destinations.insert(*back, *destination);
        }
        (Some(service), ServiceChange::SetDestination(_, back, destination)) => {
            let Some(it) = service.destinations.get_mut(back) else { return missing() };
            *it = *destination;
        }
        (Some(service), ServiceChange::RemoveDestination(_, back)) => {
            service.destinations.remove(back);
        }
        (service, ServiceChange::Remove(_)) => *service = None,
        (None, ServiceChange::RemoveDestination(..)) => {}
        (
            None,
            ServiceChange::Set(..)
            | ServiceChange::AddDestination(..)
            | ServiceChange::SetDestination(..),
        ) => return missing(),
    }
    Ok(())
}

const FAMILIES: [Family; 2] = [Family::Ipv4, Family::Ipv6];
const CHANGE: &str = "change nftables";
const SET_TIMEOUTS: &str = "set timeouts";
/// Messages in a transaction: a service of ten servers takes about fifty.
const MOST_AT_ONCE: usize = 10_000;
