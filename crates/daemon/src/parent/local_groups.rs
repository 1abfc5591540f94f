//! `disable_local_igmp`: while the daemon runs, the kernel tells switches nothing of the groups of adverts.
//!
//! It is a setting of the whole network namespace, so the parent makes it, which outlives its children, and puts it back.

use control::Severity;
use kernel::sysctl;

use super::Parent;

/// What was done to the setting.
#[derive(Debug, Default)]
pub(super) struct LocalGroups {
    /// It was on, and we have switched it off.
    is_silenced: bool,
    /// That it cannot be changed was said.
    is_refused: bool,
}

impl LocalGroups {
    /// What another program has to know to put the setting back.
    pub(super) const fn leave(&self) -> bool {
        self.is_silenced
    }

    /// As a program before has left it.
    pub(super) const fn left(is_silenced: bool) -> Self {
        Self { is_silenced, is_refused: false }
    }
}

impl Parent {
    /// Brings the setting in line with the configuration in force.
    pub(super) fn arrange_local_groups(&mut self) {
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
            Ok(is_silenced) => self.local_groups = LocalGroups { is_silenced, is_refused: false },
            Err(error) if !self.local_groups.is_refused => {
                self.local_groups.is_refused = true;
                let text = "cannot change whether IGMP reports groups of the local network";
                self.log(Severity::Warning, &format!("{text}: {error}"));
            }
            Err(_) => {}
        }
    }
}
