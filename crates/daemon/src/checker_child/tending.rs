//! Leads the load balancer to what it shall hold, and looks from time to time whether it still does.

use std::collections::BTreeSet;
use std::time::Duration;

use clock::Instant;
use config::model::{AtStop, DataPlane};
use control::Severity;
use intent::service::{ServiceChange, Services, SyncRole, Timeouts};

use super::Shell;
use super::plane::Plane;
use super::pool::Word;
use crate::compat::verdicts;

/// The load balancer, and when to look at it.
#[derive(Debug, Default)]
pub(super) struct Tending {
    pub(super) plane: Option<Plane>,
    /// Why there is none, as it was told.
    missing: Option<String>,
    /// When it is looked at next, or looked for.
    look_at: Instant,
    /// Whether the synchronisation daemons may not be those that are wanted.
    pub(super) sync_is_due: bool,
    /// Whether they were refused.
    pub(super) sync_is_late: bool,
    pub(super) sync_problem: Option<String>,
    /// Roles that this process has started or found as wanted.
    pub(super) synced: BTreeSet<SyncRole>,
}

impl Shell {
    /// When something of this is due.
    pub(super) fn tending_due(&self) -> Option<Instant> {
        let pool = self.pool.deadline().filter(|_| self.tending.plane.is_some());
        [pool, Some(self.tending.look_at)].into_iter().flatten().min()
    }

    /// Looks if it is time, and takes the steps that are due.
    pub(super) fn tend(&mut self, now: Instant) {
        if now >= self.tending.look_at && self.look_again(now).is_none() {
            return;
        }
        self.tend_sync();
        let Some(plane) = &mut self.tending.plane else { return };
        let steps = self.pool.steps(now);
        if steps.is_empty() {
            return;
        }
        let results = plane.apply(&steps);
        let results = steps.into_iter().zip(results);
        let results = results.map(|(step, result)| (step, result.map_err(|error| error.line())));
        let words = self.pool.took(now, results.collect());
        self.tell_words(words);
        if self.pool.is_refused() {
            // What stands may be other than was thought.
            self.tending.look_at = self.tending.look_at.min(now + AFTER_A_REFUSAL);
        }
    }

    /// What stands now; nothing where there is no load balancer, which is said once.
    pub(super) fn look(&mut self, now: Instant) -> Option<Services> {
        let is_new = self.tending.plane.is_none();
        let seen = match &mut self.tending.plane {
            Some(plane) => plane.services(),
            None => Plane::open(self.data_plane, &self.table()).and_then(|mut plane| {
                let services = plane.services()?;
                self.tending.plane = Some(plane);
                Ok(services)
            }),
        };
        if is_new {
            self.set_timeouts();
        }
        self.tending.sync_is_due |= is_new | std::mem::take(&mut self.tending.sync_is_late);
        match seen {
            Ok(services) => {
                if self.tending.missing.take().is_some() {
                    self.startup.log.push(Severity::Info, "the load balancer is there now");
                }
                let took = kernel::eventloop::now().since(now);
                self.tending.look_at = now + PERIOD.max(took.saturating_mul(PATIENCE));
                Some(services)
            }
            Err(error) => {
                self.tending.plane = None;
                self.tending.look_at = now + PERIOD;
                let why = error.line();
                if self.tending.missing.as_ref() != Some(&why) {
                    let text = format!("nothing is balanced: {why}");
                    self.startup.log.push(Severity::Error, text);
                    self.tending.missing = Some(why);
                }
                None
            }
        }
    }

    fn look_again(&mut self, now: Instant) -> Option<()> {
        let was_missing = self.tending.plane.is_none();
        let seen = self.look(now)?;
        let words = self.pool.see(seen);
        // Nobody has taken away what could not be there.
        if !was_missing {
            self.tell_words(words);
        }
        Some(())
    }

    pub(super) fn tell_words(&mut self, words: Vec<Word>) {
        let name = self.tending.plane.as_ref().map_or("load balancer", Plane::name);
        for word in words {
            let (severity, text) = match word {
                Word::Refused(why) => {
                    (Severity::Error, format!("{name}: {why}; it is tried again"))
                }
                Word::Accepted(front) => {
                    (Severity::Info, format!("{name}: {front} is as configured now"))
                }
                Word::Disturbed(what) => (
                    Severity::Warning,
                    format!("{name} was changed by someone else ({what}): it is put right"),
                ),
            };
            self.startup.log.push(severity, text);
        }
    }

    /// Sets how long connections are remembered, where that is said.
    pub(super) fn set_timeouts(&mut self) {
        let Some(plane) = &mut self.tending.plane else { return };
        if self.balancing.timeouts != Timeouts::default()
            && let Err(error) = plane.set_timeouts(&self.balancing.timeouts)
        {
            let text = format!("{}: {}", plane.name(), error.line());
            self.startup.log.push(Severity::Error, text);
        }
    }

    /// Takes away what stands, whoever made it (`lvs_flush`); a process before this one has kept what is ours.
    pub(super) fn flush(&mut self) {
        let Some(plane) = &mut self.tending.plane else { return };
        if let Err(error) = plane.flush() {
            let text = format!("{}: {}", plane.name(), error.line());
            self.startup.log.push(Severity::Error, text);
        }
    }

    /// Takes away everything of ours.
    pub(super) fn release(&mut self) {
        for server in self.catalogue.servers.values().filter(|server| !server.is_last_resort) {
            let Some(service) = self.catalogue.services.get(&server.service) else { continue };
            let text = verdicts::shutting_down(&server.name, server.is_inhibited, &service.name);
            self.startup.log.push(Severity::Info, text);
        }
        if self.startup.options.keep_services {
            return;
        }
        if self.balancing.at_stop == AtStop::All {
            self.flush();
        }
        self.clear();
    }

    /// Goes over to another load balancer: what is ours in the one before goes first, so that no packet meets both.
    pub(super) fn change_plane(&mut self, wanted: DataPlane) {
        if self.data_plane == wanted {
            return;
        }
        self.data_plane = wanted;
        self.clear();
        self.tending = Tending::default();
        // Nobody has changed anything behind our back.
        let _ = self.pool.see(Services::new());
    }

    /// Takes everything of ours out of the load balancer.
    fn clear(&mut self) {
        let roles = std::mem::take(&mut self.tending.synced);
        let Some(plane) = &mut self.tending.plane else { return };
        for role in roles {
            let _ = plane.stop_sync(role);
        }
        let steps: Vec<ServiceChange> = self.pool.release();
        for result in plane.apply(&steps) {
            if let Err(error) = result {
                let text = format!("{}: {}", plane.name(), error.line());
                self.startup.log.push(Severity::Error, text);
            }
        }
    }

    /// The name of tables of nftables, where these balance.
    fn table(&self) -> String {
        format!("steadfast_lvs{}", self.startup.options.table_suffix)
    }
}

/// From one look to the next.
const PERIOD: Duration = Duration::from_secs(10);
/// So many times what a look takes is waited before the next one.
const PATIENCE: u32 = 100;
/// A refusal may come of what others did.
const AFTER_A_REFUSAL: Duration = Duration::from_millis(900);
