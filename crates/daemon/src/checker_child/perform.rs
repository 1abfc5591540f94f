//! Performs what the roster puts out, in its order.

use clock::Instant;
use control::Severity;
use health::{
    CheckId, DestinationId, Failure, FailureKind, Input, Notice, Outcome, Output, ServiceId,
};

use super::catalogue::{Catalogue, Check};
use super::probes::Job;
use super::{Shell, specs};
use crate::compat::narration::Line;
use crate::compat::verdicts::{self, Asked, Names};

impl Shell {
    /// Performs everything that waits, and what follows from it.
    pub(super) fn perform(&mut self, now: Instant) {
        let mut unmade = Vec::new();
        for output in self.outputs.drain().collect::<Vec<_>>() {
            match output {
                Output::Probe { check, run, step } => {
                    if !self.ask(check, run, step) {
                        unmade.push((check, run));
                    }
                }
                Output::Cancel { check, run } => self.probes.cancel(check, run),
                Output::Change { service, change } => {
                    self.pool.follow(service, change, &self.catalogue);
                }
                Output::Noticed { service, notice } => self.narrate(service, &notice),
                Output::Notify { .. } | Output::Alert { .. } => {}
            }
        }
        for (check, run) in unmade {
            let why = "this process does not know what to ask".to_owned();
            let outcome = Outcome::Failed(Failure { kind: FailureKind::NotMade, why });
            self.roster.handle(now, Input::Finished { check, run, outcome }, &mut self.outputs);
        }
        if !self.outputs.is_empty() {
            self.perform(now);
        }
    }

    /// Has a conversation; says whether there is one to have.
    fn ask(&mut self, id: CheckId, run: u32, step: u16) -> bool {
        let Some(check) = self.catalogue.checks.get(&id) else { return false };
        // Another number for each: what answers an earlier one is no answer to this.
        let [low, high, ..] = run.wrapping_add(id.0.wrapping_mul(257)).to_le_bytes();
        let number = u16::from_le_bytes([low, high]);
        let Some(spec) = specs::spec(&check.kind, step, number) else { return false };
        self.probes.ask(Job { check: id, run, spec, timeout: check.timeout });
        true
    }

    fn narrate(&mut self, service: ServiceId, notice: &Notice) {
        let names = Known { present: &self.catalogue, former: self.former.as_ref() };
        let Some(line) = verdicts::line(service, notice, &names) else { return };
        let Line { severity, detail, text } = line;
        if detail {
            self.startup.log.detail(|| text);
        } else {
            self.startup.log.push(severity, text);
        }
    }

    /// Says for each check that it runs, as the incumbent does.
    pub(super) fn say_who_is_checked(&mut self) {
        for check in self.catalogue.checks.keys() {
            let Some((service, server)) = self.roster.place(*check) else { continue };
            let (Some(service), Some(server)) =
                (self.catalogue.services.get(&service), self.catalogue.servers.get(&server))
            else {
                continue;
            };
            let text = verdicts::activating(&server.name, &service.name);
            self.startup.log.push(Severity::Info, text);
        }
    }
}

/// Names by numbers, also of what a reload has just taken away.
struct Known<'a> {
    present: &'a Catalogue,
    former: Option<&'a Catalogue>,
}

impl Known<'_> {
    fn find<T>(&self, find: impl Fn(&Catalogue) -> Option<&T>) -> Option<&T> {
        find(self.present).or_else(|| self.former.and_then(find))
    }
}

impl Names for Known<'_> {
    fn service(&self, id: ServiceId) -> &str {
        self.find(|catalogue| catalogue.services.get(&id)).map_or("", |it| it.name.as_str())
    }

    fn quorum(&self, id: ServiceId) -> (u32, u32) {
        let service = self.find(|catalogue| catalogue.services.get(&id));
        service.map_or((1, 0), |it| (it.quorum, it.hysteresis))
    }

    fn server(&self, id: DestinationId) -> &str {
        self.find(|catalogue| catalogue.servers.get(&id)).map_or("", |it| it.name.as_str())
    }

    fn is_inhibited(&self, id: DestinationId) -> bool {
        self.find(|catalogue| catalogue.servers.get(&id)).is_some_and(|it| it.is_inhibited)
    }

    fn check(&self, id: CheckId) -> Option<Asked<'_>> {
        let check = self.find(|catalogue| catalogue.checks.get(&id))?;
        let Check { kind, target, tells_failures, .. } = check;
        Some(Asked { kind, target, tells_failures: *tells_failures })
    }
}
