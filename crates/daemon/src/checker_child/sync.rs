//! `lvs_sync_daemon`: copies connections to other balancers while its instance is Active, and takes theirs in otherwise.

use std::collections::BTreeSet;

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
        let configured = self.balancing.sync.as_ref().map(|sync| &sync.daemon);
        for role in superfluous(&standing, wanted, configured, &self.tending.synced) {
            plane.stop_sync(role).map_err(|error| error.line())?;
            self.tending.synced.remove(&role);
        }
        for daemon in wanted.iter().filter(|it| !standing.iter().any(|seen| it.is_seen_as(seen))) {
            plane.start_sync(daemon).map_err(|error| error.line())?;
        }
        self.tending.synced.extend(wanted.iter().map(|daemon| daemon.role));
        Ok(())
    }
}

/// Roles whose daemons have to go: those that this process started, that are in the way of one that is wanted, or that
/// a process before this one started as `configured` says, for a role that the instance has no longer.
fn superfluous(
    standing: &[SyncDaemon],
    wanted: &[SyncDaemon],
    configured: Option<&SyncDaemon>,
    synced: &BTreeSet<SyncRole>,
) -> Vec<SyncRole> {
    let ours = |seen: &SyncDaemon| {
        let is_configured =
            |it: &SyncDaemon| SyncDaemon { role: seen.role, ..it.clone() }.is_seen_as(seen);
        synced.contains(&seen.role)
            || wanted.iter().any(|it| it.role == seen.role)
            || configured.is_some_and(is_configured)
    };
    let is_wanted = |seen: &SyncDaemon| wanted.iter().any(|it| it.is_seen_as(seen));
    let surplus = standing.iter().filter(|seen| ours(seen) && !is_wanted(seen));
    surplus.map(|seen| seen.role).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daemon(role: SyncRole, id: u8) -> SyncDaemon {
        let interface = "eth0".to_owned();
        SyncDaemon { role, interface, id, max_length: None, group: None, port: None, ttl: None }
    }

    #[test]
    fn a_successor_ends_what_a_process_before_it_started_for_another_role() {
        use SyncRole::{Receiver, Sender};
        let configured = daemon(Sender, 7);
        let wanted = [daemon(Receiver, 7)];
        let none = BTreeSet::new();
        let check =
            |standing: &[SyncDaemon], synced: &BTreeSet<SyncRole>, expected: &[SyncRole]| {
                assert_eq!(superfluous(standing, &wanted, Some(&configured), synced), expected);
            };
        check(&[daemon(Sender, 7)], &none, &[Sender]);
        check(&[daemon(Receiver, 7)], &none, &[]);
        // Somebody else's, until it is in the way or known to be ours.
        check(&[daemon(Sender, 9)], &none, &[]);
        check(&[daemon(Sender, 9)], &BTreeSet::from([Sender]), &[Sender]);
        check(&[daemon(Receiver, 9)], &none, &[Receiver]);
    }
}
