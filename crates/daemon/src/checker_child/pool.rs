//! What the load balancer should hold, what it holds as far as is known, and the steps between the two.
//!
//! Whoever drives this performs the steps and says what became of them. What was refused stays wanted and is tried again
//! after a pause, for which other steps of its service do not wait; what others change is found by looking, and put
//! right. Their own entries are left alone.

mod refusal;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clock::{Instant, Timers};
use health::{Change, DestinationId, ServiceId};
use intent::service::{
    Back, Destination, Front, Service, ServiceChange, ServiceNames, Services, diff_services,
};

use self::refusal::Refusal;
use super::catalogue::Catalogue;

/// The pools of all virtual servers.
#[derive(Debug, Default)]
pub(super) struct Pool {
    /// Weights by the verdicts of the roster.
    held: BTreeMap<ServiceId, BTreeMap<DestinationId, u32>>,
    wanted: Stock,
    /// What was seen, with what was changed since. Where that is as wanted, the two share it.
    standing: Stock,
    /// What is ours of what may stand: what is not wanted of it goes.
    ours: ServiceNames,
    /// Where what stands may not be what is wanted.
    untidy: BTreeSet<Front>,
    refused: BTreeMap<Front, Refusal>,
    /// When what was refused is tried again.
    again: Timers<Front>,
}

/// Services that several may hold.
pub(super) type Stock = BTreeMap<Front, Arc<Service>>;

/// What became of steps.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// What is worth telling of it.
    pub(super) words: Vec<Word>,
    /// Whether one was refused, so that a look may tell why.
    pub(super) is_refused: bool,
}

/// Something to tell of services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// A step was refused, and is tried again.
    Refused(String),
    /// What was refused stands now.
    Accepted(Front),
    /// Somebody else changed this, and it is put right.
    Disturbed(String),
    /// A process that is gone left this, which is not configured, and it is taken away.
    Left(String),
}

impl Pool {
    /// Takes over what is in the pool of a service that was not ours until now.
    pub(super) fn adopt(&mut self, service: ServiceId, held: BTreeMap<DestinationId, u32>) {
        self.held.insert(service, held);
    }

    /// Follows changes that the roster decided; what a service shall be is found once for all of its own.
    pub(super) fn follow(&mut self, changes: Vec<(ServiceId, Change)>, catalogue: &Catalogue) {
        let mut changed = BTreeSet::new();
        for (service, change) in changes {
            let held = self.held.entry(service).or_default();
            match change {
                Change::Add { destination, weight } | Change::SetWeight { destination, weight } => {
                    held.insert(destination, weight);
                }
                Change::Remove { destination } => {
                    held.remove(&destination);
                }
            }
            changed.insert(service);
        }
        for service in changed {
            let (Some(held), Some(entry)) =
                (self.held.get(&service), catalogue.services.get(&service))
            else {
                continue;
            };
            for front in &entry.fronts {
                let wanted = wanted_at(front, entry.scheduling.clone(), held, catalogue);
                self.wanted.insert(*front, Arc::new(wanted));
                self.untidy.insert(*front);
            }
        }
    }

    /// Follows another configuration: services that it does not have go, others may be other ones. What was refused is
    /// tried again at once: who reloads may have mended it.
    pub(super) fn follow_all(&mut self, catalogue: &Catalogue) {
        self.held.retain(|service, _| catalogue.services.contains_key(service));
        let mut wanted = Stock::new();
        let none = BTreeMap::new();
        for (id, entry) in &catalogue.services {
            let held = self.held.get(id).unwrap_or(&none);
            for front in &entry.fronts {
                let service = wanted_at(front, entry.scheduling.clone(), held, catalogue);
                wanted.insert(*front, self.shared(front, service));
            }
        }
        for (front, backs) in catalogue.names() {
            self.ours.entry(front).or_default().extend(backs);
        }
        self.wanted = wanted;
        self.untidy = self.ours.keys().copied().collect();
        self.refused.values_mut().for_each(Refusal::forgive);
        self.again = Timers::new();
    }

    /// Makes ours what stands behind our fronts, and with `everything` other services too: whoever made it is gone.
    /// What of it is not configured goes; that is named.
    pub(super) fn claim(&mut self, everything: bool) -> Vec<Word> {
        let mut words = Vec::new();
        for (front, service) in &self.standing {
            let is_configured = self.ours.contains_key(front);
            if !is_configured && !everything {
                continue;
            }
            let backs = self.ours.entry(*front).or_default();
            let left = service.destinations.keys().filter(|back| !backs.contains(back));
            let left: Vec<Back> = left.copied().collect();
            if is_configured {
                let named = left.iter().take(TOLD);
                words.extend(named.map(|back| Word::Left(format!("server {back} of {front}"))));
            } else {
                words.push(Word::Left(format!("service {front}")));
            }
            backs.extend(left);
            self.untidy.insert(*front);
        }
        words
    }

    /// Steps to take now, some at a time; nothing while all is as wanted, or pauses.
    pub(super) fn steps(&mut self, now: Instant) -> Vec<ServiceChange> {
        while let Some(front) = self.again.pop_due(now) {
            if let Some(refusal) = self.refused.get_mut(&front) {
                refusal.try_again();
            }
            self.untidy.insert(front);
        }
        let mut steps = Vec::new();
        let mut idle = Vec::new();
        for front in &self.untidy {
            let mut here = self.steps_at(front);
            let is_tidy = here.is_empty();
            if let Some(refusal) = self.refused.get(front) {
                refusal.hold_back(&mut here);
            }
            if here.is_empty() {
                idle.push((*front, is_tidy));
            }
            steps.extend(here);
            if steps.len() >= STEPS {
                break;
            }
        }
        for (front, is_tidy) in idle {
            self.untidy.remove(&front);
            if is_tidy {
                self.pardon(&front);
                self.disown(&front);
                self.share(&front);
            }
        }
        steps
    }

    /// Takes in what became of steps, all that there were of their services.
    pub(super) fn took(
        &mut self,
        now: Instant,
        steps: Vec<(ServiceChange, Result<(), String>)>,
    ) -> Taken {
        let mut refused: BTreeMap<Front, Vec<(ServiceChange, String)>> = BTreeMap::new();
        let mut worked = BTreeSet::new();
        for (step, result) in steps {
            let front = step.front();
            match result {
                Ok(()) => {
                    worked.insert(front);
                    perform(&mut self.standing, step);
                }
                Err(why) => refused.entry(front).or_default().push((step, why)),
            }
        }
        let is_refused = !refused.is_empty();
        let mut words = Vec::new();
        for front in worked.iter().filter(|front| !refused.contains_key(front)) {
            if self.refused.get(front).is_some_and(|refusal| !refusal.is_waiting()) {
                self.pardon(front);
                words.push(Word::Accepted(*front));
            }
            self.untidy.remove(front);
            self.disown(front);
            self.share(front);
        }
        for (front, steps) in refused {
            let mut rest = self.steps_at(&front);
            let refusal = self.refused.entry(front).or_default();
            words.extend(refusal.add(now, steps, worked.contains(&front)).map(Word::Refused));
            self.again.set(front, refusal.again());
            refusal.hold_back(&mut rest);
            if rest.is_empty() {
                self.untidy.remove(&front);
            }
        }
        Taken { words, is_refused }
    }

    /// What stands, as it was seen now; what others have changed of it.
    pub(super) fn see(&mut self, seen: Services) -> Vec<Word> {
        let mut words = Vec::new();
        for (front, backs) in &self.ours {
            let (believed, found) = (self.standing.get(front).map(|it| &**it), seen.get(front));
            if believed == found {
                continue;
            }
            let of_ours = |service: Option<&Service>| {
                let mut service = service?.clone();
                service.destinations.retain(|back, _| backs.contains(back));
                Some(service)
            };
            let (believed, found) = (of_ours(believed), of_ours(found));
            if believed != found {
                self.untidy.insert(*front);
                let done = diff_services(
                    &only(front, found.as_ref()),
                    &only(front, believed.as_ref()),
                    &ServiceNames::from([(*front, backs.clone())]),
                );
                words.extend(done.iter().take(TOLD).map(|it| Word::Disturbed(it.to_string())));
            }
        }
        let kept = seen.into_iter().map(|(front, it)| (front, self.shared(&front, it)));
        self.standing = kept.collect();
        words
    }

    /// What stands, as far as is known.
    pub(super) const fn standing(&self) -> &Stock {
        &self.standing
    }

    /// When there are steps to take: at once, or when one that was refused is due again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.untidy.is_empty() { self.again.next() } else { Some(Instant::ZERO) }
    }

    /// Why a step at a front was refused last, until one was taken.
    pub(super) fn refusal(&self, front: &Front) -> Option<&str> {
        self.refused.get(front).map(Refusal::why)
    }

    /// Gives up everything: the steps that take all of ours away.
    pub(super) fn release(&self) -> Vec<ServiceChange> {
        let standing = self.standing.iter().map(|(front, it)| (*front, Service::clone(it)));
        diff_services(&Services::new(), &standing.collect(), &self.ours)
    }

    fn steps_at(&self, front: &Front) -> Vec<ServiceChange> {
        let none = BTreeSet::new();
        let backs = self.ours.get(front).unwrap_or(&none).clone();
        diff_services(
            &only(front, self.wanted.get(front).map(|it| &**it)),
            &only(front, self.standing.get(front).map(|it| &**it)),
            &ServiceNames::from([(*front, backs)]),
        )
    }

    /// A service of a front, or the same one of those that are held already.
    fn shared(&self, front: &Front, service: Service) -> Arc<Service> {
        let held = [self.wanted.get(front), self.standing.get(front)];
        let equal = held.into_iter().flatten().find(|held| ***held == service);
        equal.map_or_else(|| Arc::new(service), Arc::clone)
    }

    /// Lets what stands be what is wanted, where they are equal.
    fn share(&mut self, front: &Front) {
        if let Some(standing) = self.standing.get_mut(front)
            && let Some(wanted) = self.wanted.get(front)
            && standing == wanted
        {
            *standing = Arc::clone(wanted);
        }
    }

    /// Forgets names that are neither wanted nor there.
    fn disown(&mut self, front: &Front) {
        if !self.wanted.contains_key(front) && !self.standing.contains_key(front) {
            self.ours.remove(front);
        }
    }

    /// Nothing of it is refused any more.
    fn pardon(&mut self, front: &Front) {
        self.refused.remove(front);
        self.again.cancel(front);
    }
}

fn only(front: &Front, service: Option<&Service>) -> Services {
    service.map(|service| (*front, service.clone())).into_iter().collect()
}

/// What shall stand at a front. Of two servers at one place, such as a real server that is also the last resort, the
/// larger weight counts.
fn wanted_at(
    front: &Front,
    scheduling: intent::service::Scheduling,
    held: &BTreeMap<DestinationId, u32>,
    catalogue: &Catalogue,
) -> Service {
    let mut service = Service::new(scheduling.of_family(front.family()));
    for (id, weight) in held {
        let Some(server) = catalogue.servers.get(id) else { continue };
        let forwarding = server.destination.forwarding;
        let back = config::model::place(server.back, forwarding, front);
        let destination = Destination { weight: *weight, ..server.destination };
        let other = service.destinations.get(&back).map(|other| other.weight);
        if other.is_none_or(|other| other < *weight) {
            service.destinations.insert(back, destination);
        }
    }
    service
}

/// Brings what stands up to a step that was taken.
fn perform(standing: &mut Stock, step: ServiceChange) {
    match step {
        ServiceChange::Add(front, scheduling) => {
            standing.insert(front, Arc::new(Service::new(scheduling)));
        }
        ServiceChange::Set(front, scheduling) => {
            if let Some(service) = standing.get_mut(&front) {
                Arc::make_mut(service).scheduling = scheduling;
            }
        }
        ServiceChange::AddDestination(front, back, destination)
        | ServiceChange::SetDestination(front, back, destination) => {
            if let Some(service) = standing.get_mut(&front) {
                Arc::make_mut(service).destinations.insert(back, destination);
            }
        }
        ServiceChange::RemoveDestination(front, back) => {
            if let Some(service) = standing.get_mut(&front) {
                Arc::make_mut(service).destinations.remove(&back);
            }
        }
        ServiceChange::Remove(front) => {
            standing.remove(&front);
        }
    }
}

/// Steps of one turn: others wait meanwhile.
const STEPS: usize = 1000;
/// Changes of others, and servers that were left, that are named for one service.
const TOLD: usize = 5;

#[cfg(test)]
mod tests;
