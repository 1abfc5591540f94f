//! What is found out about watched things, on its way to the processes that count on it.
//!
//! The last word about each is kept for their successors. What a running one is to hear is collected for a
//! turn of the loop and told at once; where it does not read for now, only the last word waits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clock::Instant;
use control::{Finding, Role, ToChild, Watched};
use kernel::eventloop::now;

use super::Parent;

/// What is yet to be told.
#[derive(Debug, Default)]
pub(super) struct Findings {
    untold: BTreeMap<Role, BTreeSet<Watched>>,
    /// When a process is asked again whether it reads.
    again: Option<Instant>,
}

impl Findings {
    /// When something is due.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.again
    }
}

impl Parent {
    /// Something was found out. Says whether it is new.
    pub(super) fn found(&mut self, watched: Watched, finding: Finding) -> bool {
        let is_new = self.handover.findings.get(&watched) != Some(&finding);
        if is_new {
            for role in audience(&watched) {
                self.findings.untold.entry(*role).or_default().insert(watched.clone());
            }
            self.handover.findings.insert(watched, finding);
        }
        is_new
    }

    /// A thing is watched no longer.
    pub(super) fn lose(&mut self, watched: &Watched) {
        self.handover.findings.remove(watched);
        for untold in self.findings.untold.values_mut() {
            untold.remove(watched);
        }
    }

    /// Tells what is new.
    pub(super) fn tell_findings(&mut self) {
        if self.findings.untold.is_empty() || self.findings.again.is_some_and(|at| at > now()) {
            return;
        }
        self.findings.again = None;
        for (role, mut untold) in std::mem::take(&mut self.findings.untold) {
            self.tell_findings_to(role, &mut untold);
            if !untold.is_empty() {
                self.findings.again = Some(now() + PAUSE);
                self.findings.untold.insert(role, untold);
            }
        }
    }

    /// Tells one process, until it does not read; what is left is not told.
    fn tell_findings_to(&self, role: Role, untold: &mut BTreeSet<Watched>) {
        while !untold.is_empty() {
            let mut room = BYTES;
            let mut batch = BTreeMap::new();
            for watched in &*untold {
                let Some(finding) = self.handover.findings.get(watched) else { continue };
                room = room.saturating_sub(watched.name().len() + OVERHEAD);
                if room == 0 && !batch.is_empty() {
                    break;
                }
                batch.insert(watched.clone(), *finding);
            }
            let told: Vec<Watched> = batch.keys().cloned().collect();
            let message = ToChild::Found(batch);
            let child = self.children.iter().find(|child| child.role == role);
            if child.is_some_and(|child| !child.offer(&message)) {
                return;
            }
            for watched in told {
                untold.remove(&watched);
            }
        }
    }
}

/// Who counts on it.
const fn audience(watched: &Watched) -> &'static [Role] {
    match watched {
        Watched::Script(_) | Watched::Process(_) => &[Role::Vrrp],
        Watched::File(_) => &[Role::Vrrp, Role::Checker],
        Watched::Session(_) | Watched::Instance(_) => &[Role::Checker],
    }
}

/// Bytes of one message: half of what a message may have.
const BYTES: usize = 32 * 1024;
/// What each of them takes beside its name.
const OVERHEAD: usize = 16;
const PAUSE: Duration = Duration::from_millis(50);
