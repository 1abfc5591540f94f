//! Leads the load balancer to what it shall hold, and looks from time to time whether it still does.

use std::collections::BTreeSet;
use std::time::Duration;

use clock::Instant;
use config::model::{AtStop, DataPlane};
use control::{Severity, Summary};
use intent::service::{Services, SyncRole};

use super::Shell;
use super::plane::{Plane, PlaneError};
use super::pool::Word;
use crate::child::Startup;
use crate::compat::verdicts;
use crate::log::Ring;

/// The load balancer, and when to look at it.
#[derive(Debug, Default)]
pub(super) struct Tending {
    pub(super) plane: Option<Plane>,
    /// Why there is none, as it was told.
    pub(super) missing: Option<String>,
    /// When it is looked at next, or looked for.
    look_at: Instant,
    /// Whether connections of servers that are gone could not be forgotten: tried again at the next look.
    forgetting_is_late: bool,
    forgetting_problem: Option<String>,
    /// Whether times that connections are remembered for were refused: the same.
    times_are_late: bool,
    /// Why that is so, as it was told last.
    times_problem: Option<String>,
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
        let forgetting = self.is_to_forget().then_some(Instant::ZERO);
        [pool, forgetting, Some(self.tending.look_at)].into_iter().flatten().min()
    }

    fn is_to_forget(&self) -> bool {
        !self.tending.forgetting_is_late
            && self.tending.plane.as_ref().is_some_and(Plane::is_to_forget)
    }

    /// Looks if it is time, and takes the steps that are due.
    pub(super) fn tend(&mut self, now: Instant) {
        if now >= self.tending.look_at && self.look_again(now).is_none() {
            return;
        }
        self.tend_sync();
        self.take_steps(now);
        self.forget();
    }

    fn take_steps(&mut self, now: Instant) {
        let Some(plane) = &mut self.tending.plane else { return };
        let steps = self.pool.steps(now);
        if steps.is_empty() {
            return;
        }
        let results = plane.apply(&steps);
        let results = steps.into_iter().zip(results);
        let results = results.map(|(step, result)| (step, result.map_err(|error| error.line())));
        let taken = self.pool.took(now, results.collect());
        self.tell_words(taken.words);
        if taken.is_refused {
            // What stands may be other than was thought.
            self.tending.look_at = self.tending.look_at.min(now + AFTER_A_REFUSAL);
        }
    }

    /// Has some connections of servers that are gone forgotten, if there are any; more with the next turn.
    fn forget(&mut self) {
        if !self.is_to_forget() {
            return;
        }
        let Some(plane) = &mut self.tending.plane else { return };
        let problem = plane
            .forget()
            .err()
            .map(|error| format!("{}: {}; it is tried again", plane.name(), error.line()));
        self.tending.forgetting_is_late = problem.is_some();
        if let Some(text) =
            problem.clone().filter(|it| Some(it) != self.tending.forgetting_problem.as_ref())
        {
            self.startup.log.push(Severity::Error, text);
        }
        self.tending.forgetting_problem = problem;
    }

    /// What stands now; nothing where there is no load balancer, which is said once.
    pub(super) fn look(&mut self, now: Instant) -> Option<Services> {
        if std::mem::take(&mut self.tending.times_are_late) {
            self.set_timeouts();
        }
        match self.observe() {
            Ok(services) => {
                if self.tending.missing.take().is_some() {
                    self.startup.log.push(Severity::Info, "the load balancer is there now");
                }
                self.tending.forgetting_is_late = false;
                self.tending.sync_is_due |= std::mem::take(&mut self.tending.sync_is_late);
                let took = kernel::eventloop::now().since(now);
                self.tending.look_at = now + PERIOD.max(took.saturating_mul(PATIENCE));
                Some(services)
            }
            Err(error) => {
                // What cannot be read may stand all the same.
                let what = match &self.tending.plane {
                    Some(plane) if !error.is_absence() => plane.name(),
                    _ => {
                        self.tending.plane = None;
                        "nothing is balanced"
                    }
                };
                self.tending.look_at = now + PERIOD;
                let text = format!("{what}: {}", error.line());
                if self.tending.missing.as_ref() != Some(&text) {
                    self.startup.log.push(Severity::Error, text.clone());
                    self.tending.missing = Some(text);
                }
                None
            }
        }
    }

    /// Reads what stands, after opening the load balancer if it is not open or not to be read.
    fn observe(&mut self) -> Result<Services, PlaneError> {
        if let Some(plane) = &mut self.tending.plane
            && let Ok(services) = plane.services()
        {
            return Ok(services);
        }
        let mut plane = Plane::open(self.data_plane, &self.table())?;
        plane.clear_other(&self.table())?;
        let services = plane.services()?;
        self.install(plane);
        Ok(services)
    }

    /// Works with this load balancer from now on.
    fn install(&mut self, plane: Plane) {
        self.tending.plane = Some(plane);
        self.tending.sync_is_due = true;
        self.set_timeouts();
    }

    fn look_again(&mut self, now: Instant) -> Option<()> {
        let was_missing = self.tending.missing.is_some() || self.tending.plane.is_none();
        let seen = self.look(now)?;
        let words = self.pool.see(seen);
        // Nobody has taken away what could not be there.
        if !was_missing {
            self.tell_words(words);
        }
        Some(())
    }

    /// Makes ours what a daemon that is gone has left. A process that takes the place of another finds only what that
    /// one kept, and what others made meanwhile; in tables of our name there is nothing of others.
    pub(super) fn claim(&mut self, is_successor: bool) {
        let Some(plane) = &self.tending.plane else { return };
        let is_ours_alone = plane.is_ours_alone();
        if is_ours_alone || !is_successor {
            let words = self.pool.claim(is_ours_alone);
            self.tell_words(words);
        }
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
                Word::Left(what) => (
                    Severity::Info,
                    format!(
                        "{name}: {what} was left there and is not configured: it is taken away"
                    ),
                ),
            };
            self.startup.log.push(severity, text);
        }
    }

    /// Sets how long connections are remembered.
    pub(super) fn set_timeouts(&mut self) {
        let Some(plane) = &mut self.tending.plane else { return };
        let set = plane.set_timeouts(&self.balancing.timeouts);
        self.tending.times_are_late = set.is_err();
        let problem = set.err().map(|error| format!("{}: {}", plane.name(), error.line()));
        if let Some(problem) =
            problem.as_ref().filter(|it| self.tending.times_problem.as_ref() != Some(*it))
        {
            let text = format!("{problem}; it is tried again");
            self.startup.log.push(Severity::Error, text);
        }
        self.tending.times_problem = problem;
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
    pub(super) fn release(&mut self, now: Instant) {
        for server in self.catalogue.servers.values().filter(|server| !server.is_last_resort) {
            let Some(service) = self.catalogue.services.get(&server.service) else { continue };
            let text = verdicts::shutting_down(&server.name(), server.is_inhibited, &service.name);
            self.startup.log.push(Severity::Info, text);
        }
        if self.startup.options.keep_services {
            return;
        }
        // What could not be read at the last look may stand.
        if self.tending.missing.is_some()
            && let Some(seen) = self.look(now)
        {
            let _ = self.pool.see(seen);
        }
        if self.balancing.at_stop == AtStop::All && self.has_balanced {
            self.flush();
        }
        self.clear();
    }

    /// Goes over to another load balancer: what is ours in the one before goes first, so that no packet meets both.
    ///
    /// **Errors**: there is no such one. Nothing has changed then.
    pub(super) fn change_plane(&mut self, now: Instant, wanted: DataPlane) -> Result<(), String> {
        if self.data_plane == wanted {
            return Ok(());
        }
        let table = self.table();
        let opened = Plane::open(wanted, &table).and_then(|mut plane| {
            plane.services()?;
            Ok(plane)
        });
        let plane = opened.map_err(|error| error.line())?;
        // Ours may stand in one that could not be read lately.
        if (self.tending.plane.is_none() || self.tending.missing.is_some())
            && let Some(seen) = self.look(now)
        {
            let _ = self.pool.see(seen);
        }
        self.data_plane = wanted;
        if self.tending.plane.as_ref().is_some_and(|former| former.is_same(&plane)) {
            return Ok(());
        }
        self.clear();
        // Nobody has changed anything behind our back.
        let _ = self.pool.see(Services::new());
        self.tending = Tending::default();
        if let Err(error) = plane.clear_other(&table) {
            let text = format!("{}: {}", plane.name(), error.line());
            self.startup.log.push(Severity::Error, text);
        }
        self.install(plane);
        Ok(())
    }

    /// Takes everything of ours out of the load balancer. Thousands of services take their time, in which the parent is to
    /// hear that this process lives.
    fn clear(&mut self) {
        let roles = std::mem::take(&mut self.tending.synced);
        let Some(plane) = &mut self.tending.plane else { return };
        for role in roles {
            let _ = plane.stop_sync(role);
        }
        let Startup { parent, log, .. } = &mut self.startup;
        // A parent that is gone is found out elsewhere.
        let mut beat = |log: &mut Ring| {
            let _ = parent.end_turn(kernel::eventloop::now(), log, Summary::default);
        };
        for steps in self.pool.release().chunks(STEPS) {
            for error in plane.apply(steps).into_iter().filter_map(Result::err) {
                log.push(Severity::Error, format!("{}: {}", plane.name(), error.line()));
            }
            beat(log);
        }
        while plane.is_to_forget() {
            if let Err(error) = plane.forget() {
                log.push(Severity::Error, format!("{}: {}", plane.name(), error.line()));
                break;
            }
            beat(log);
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
/// Steps between two beats.
const STEPS: usize = 1000;
/// A refusal may come of what others did.
const AFTER_A_REFUSAL: Duration = Duration::from_millis(900);
