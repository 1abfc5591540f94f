//! `disable_local_igmp`: while the daemon runs, the kernel tells switches nothing of the groups of adverts.
//!
//! It is a setting of the whole network namespace, so the parent makes it, which outlives its children, and puts it back.
//! That it did so stands in a file under `/run`, which lives as long as the setting: for a daemon that follows one that
//! was killed. The file is that of a network namespace, by the number that the kernel never gives twice.

use std::path::PathBuf;

use control::Severity;
use kernel::{namespace, sysctl};

use super::Parent;
use crate::presence;

/// What was done to the setting.
#[derive(Debug, Default)]
pub(super) struct LocalGroups {
    /// It was on, and we have switched it off.
    is_silenced: bool,
    /// That it cannot be changed was said.
    is_refused: bool,
    /// What a daemon before has left was looked for.
    is_looked_for: bool,
}

impl LocalGroups {
    /// What another program has to know to put the setting back.
    pub(super) const fn leave(&self) -> bool {
        self.is_silenced
    }

    /// As a program before has left it.
    pub(super) const fn left(is_silenced: bool) -> Self {
        Self { is_silenced, is_refused: false, is_looked_for: true }
    }

    /// What a daemon that was killed has left. Without a record, as where `/run` cannot be written to, nothing is ours.
    fn found() -> Self {
        let owner = record().and_then(|path| std::fs::read_to_string(path).ok());
        let is_orphaned = owner.is_some_and(|owner| !presence::is_alive(&owner));
        let is_off = || sysctl::reports_local_groups().is_ok_and(|is_on| !is_on);
        Self::left(is_orphaned && is_off())
    }
}

impl Parent {
    /// Brings the setting in line with the configuration in force.
    pub(super) fn arrange_local_groups(&mut self) {
        if !self.local_groups.is_looked_for {
            self.local_groups = LocalGroups::found();
            if self.local_groups.is_silenced {
                self.record_local_groups();
            }
        }
        self.silence_local_groups(self.loaded.global.is_local_igmp_off);
    }

    /// Puts the setting back as it was.
    pub(super) fn release_local_groups(&mut self) {
        self.silence_local_groups(false);
    }

    fn silence_local_groups(&mut self, off: bool) {
        if off == self.local_groups.is_silenced {
            return;
        }
        // Off already: somebody else's wish, and left to him.
        let outcome = sysctl::reports_local_groups().and_then(|is_on| {
            if is_on == off {
                sysctl::report_local_groups(!off)?;
            }
            Ok(off && is_on)
        });
        match outcome {
            Ok(is_silenced) => {
                let was_silenced = self.local_groups.is_silenced;
                self.local_groups = LocalGroups::left(is_silenced);
                // Another daemon here has a record of its own.
                if is_silenced || was_silenced {
                    self.record_local_groups();
                }
            }
            Err(error) if !self.local_groups.is_refused => {
                self.local_groups.is_refused = true;
                let text = "cannot change whether IGMP reports groups of the local network";
                self.log(Severity::Warning, &format!("{text}: {error}"));
            }
            Err(_) => {}
        }
    }

    /// Writes the record of what was done, or removes it.
    fn record_local_groups(&self) {
        let Some(path) = record() else { return };
        let _ = if self.local_groups.is_silenced {
            std::fs::write(path, self.presence.name())
        } else {
            std::fs::remove_file(path)
        };
    }
}

/// Where the record is.
fn record() -> Option<PathBuf> {
    let number = namespace::number().ok()?;
    Some(PathBuf::from(format!("/run/steadfast-local-groups.{number}")))
}
