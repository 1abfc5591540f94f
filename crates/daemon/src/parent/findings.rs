//! What is found out about watched things, on its way to the VRRP process.
//!
//! The last word about each is kept for a successor of that process. What a running one is to hear is collected for a
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
    untold: BTreeSet<Watched>,
    /// When the process is asked again whether it reads.
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
        let is_new = self.handover.findings.insert(watched.clone(), finding) != Some(finding);
        if is_new {
            self.findings.untold.insert(watched);
        }
        is_new
    }

    /// A thing is watched no longer.
    pub(super) fn lose(&mut self, watched: &Watched) {
        self.handover.findings.remove(watched);
        self.findings.untold.remove(watched);
    }

    /// Tells what is new.
    pub(super) fn tell_findings(&mut self) {
        if self.findings.untold.is_empty() || self.findings.again.is_some_and(|at| at > now()) {
            return;
        }
        self.findings.again = None;
        while !self.findings.untold.is_empty() {
            let mut room = BYTES;
            let mut batch = BTreeMap::new();
            for watched in &self.findings.untold {
                let Some(finding) = self.handover.findings.get(watched) else { continue };
                room = room.saturating_sub(watched.name().len() + OVERHEAD);
                if room == 0 && !batch.is_empty() {
                    break;
                }
                batch.insert(watched.clone(), *finding);
            }
            let told: Vec<Watched> = batch.keys().cloned().collect();
            let message = ToChild::Found(batch);
            let vrrp = self.children.iter().find(|child| child.role == Role::Vrrp);
            if vrrp.is_some_and(|child| !child.offer(&message)) {
                self.findings.again = Some(now() + PAUSE);
                return;
            }
            for watched in told {
                self.findings.untold.remove(&watched);
            }
        }
    }
}

/// Bytes of one message: half of what a message may have.
const BYTES: usize = 32 * 1024;
/// What each of them takes beside its name.
const OVERHEAD: usize = 16;
const PAUSE: Duration = Duration::from_millis(50);
