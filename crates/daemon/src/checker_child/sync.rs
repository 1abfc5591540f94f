//! `lvs_sync_daemon`: copies connections to other balancers while its instance is Active, and takes theirs in otherwise.

use control::{Finding, Severity, Watched};
use intent::service::{SyncDaemon, SyncRole};

use super::Shell;

impl Shell {
    /// The instance that it follows may have changed its role.
    pub(super) fn follow_instance(&mut self) {
        self.tending.sync_is_due = true;
    }

    /// Leads the synchronisation daemons to what the configuration and the instance want.
    pub(super) fn tend_sync(&mut self) {
        if !std::mem::take(&mut self.tending.sync_is_due) {
            return;
        }
        let wanted = self.wanted_sync();
        if wanted.is_empty() && self.tending.synced.is_empty() {
            return;
        }
        if let Err(why) = self.lead_sync(&wanted) {
            // Tried again at the next look.
            self.tending.sync_is_late = true;
            if self.tending.sync_problem.as_ref() != Some(&why) {
                self.startup.log.push(Severity::Error, format!("IPVS: {why}; it is tried again"));
                self.tending.sync_problem = Some(why);
            }
        } else {
            self.tending.sync_problem = None;
        }
    }

    fn wanted_sync(&self) -> Vec<SyncDaemon> {
        let Some(sync) = &self.balancing.sync else { return Vec::new() };
        let of = |role| SyncDaemon { role, ..sync.daemon.clone() };
        let Some(instance) = &sync.instance else {
            return vec![of(SyncRole::Sender), of(SyncRole::Receiver)];
        };
        let known = self.findings.get(&Watched::Instance(instance.clone()));
        let is_active = known == Some(&Finding::Good);
        vec![of(if is_active { SyncRole::Sender } else { SyncRole::Receiver })]
    }

    fn lead_sync(&mut self, wanted: &[SyncDaemon]) -> Result<(), String> {
        let Some(plane) = &mut self.tending.plane else { return Ok(()) };
        let standing = plane.sync_daemons().map_err(|error| error.line())?;
        let is_wanted = |seen: &SyncDaemon| wanted.iter().any(|it| it.is_seen_as(seen));
        for seen in &standing {
            let ours = self.tending.synced.contains(&seen.role)
                || wanted.iter().any(|it| it.role == seen.role);
            if ours && !is_wanted(seen) {
                plane.stop_sync(seen.role).map_err(|error| error.line())?;
                self.tending.synced.remove(&seen.role);
            }
        }
        for daemon in wanted.iter().filter(|it| !standing.iter().any(|seen| it.is_seen_as(seen))) {
            plane.start_sync(daemon).map_err(|error| error.line())?;
        }
        self.tending.synced.extend(wanted.iter().map(|daemon| daemon.role));
        Ok(())
    }
}
