//! `disable_local_igmp`: while the daemon runs, the kernel tells switches nothing of the groups of adverts.
//!
//! It is a setting of the whole network namespace, so the parent makes it, which outlives its children, and the last daemon
//! that wants it puts it back. Each of these has a file under `/run`, which lives as long as the setting: for the others,
//! and for a daemon that follows one that was killed. A file bears the number of the network namespace, which the kernel
//! never gives twice, and the name of its owner.

use std::path::PathBuf;

use control::Severity;
use kernel::{namespace, sysctl};

use super::Parent;
use crate::presence;

/// What was done to the setting.
#[derive(Debug, Default)]
pub(super) struct LocalGroups {
    /// It is off because we want it, we or other daemons besides.
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

    /// What daemons that were killed have left. Without a record, as where `/run` cannot be written to, nothing is ours.
    fn found(dead: &[Record]) -> Self {
        let is_off = || sysctl::reports_local_groups().is_ok_and(|is_on| !is_on);
        Self::left(!dead.is_empty() && is_off())
    }
}

impl Parent {
    /// Brings the setting in line with the configuration in force.
    pub(super) fn arrange_local_groups(&mut self) {
        if !self.local_groups.is_looked_for {
            let dead: Vec<Record> = records().filter(|it| !presence::is_alive(&it.owner)).collect();
            self.local_groups = LocalGroups::found(&dead);
            if self.local_groups.is_silenced {
                self.record_local_groups();
            }
            for record in dead {
                let _ = std::fs::remove_file(record.path);
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
        let outcome = if off { self.switch_off() } else { self.switch_on() };
        match outcome {
            Ok(is_silenced) => {
                self.local_groups = LocalGroups::left(is_silenced);
                self.record_local_groups();
            }
            Err(error) if !self.local_groups.is_refused => {
                self.local_groups.is_refused = true;
                let text = "cannot change whether IGMP reports groups of the local network";
                self.log(Severity::Warning, &format!("{text}: {error}"));
            }
            Err(_) => {}
        }
    }

    /// Switches it off; whether it is off because of us, too.
    fn switch_off(&self) -> std::io::Result<bool> {
        if sysctl::reports_local_groups()? {
            sysctl::report_local_groups(false)?;
            return Ok(true);
        }
        // Off already: the wish of other daemons, which is ours as well, or that of somebody else, who is left alone.
        Ok(self.is_wanted_by_others())
    }

    /// Switches it on again, unless somebody still wants it off.
    fn switch_on(&self) -> std::io::Result<bool> {
        if !self.is_wanted_by_others() && !sysctl::reports_local_groups()? {
            sysctl::report_local_groups(true)?;
        }
        Ok(false)
    }

    /// Whether another daemon that lives wants it off.
    fn is_wanted_by_others(&self) -> bool {
        let mut others = records().filter(|record| record.owner != self.presence.name());
        others.any(|record| presence::is_alive(&record.owner))
    }

    /// Writes the record of what was done, or removes it.
    fn record_local_groups(&self) {
        let Some(beginning) = beginning() else { return };
        let path = format!("{beginning}{}", self.presence.name());
        let _ = if self.local_groups.is_silenced {
            std::fs::write(path, "")
        } else {
            std::fs::remove_file(path)
        };
    }
}

/// The file of a daemon that wants it off.
struct Record {
    path: PathBuf,
    /// Its name.
    owner: String,
}

/// The files of all daemons in this network namespace, of dead ones too.
fn records() -> impl Iterator<Item = Record> {
    let found = beginning().and_then(|beginning| {
        let found = glob::glob(&format!("{beginning}*")).ok()?;
        Some(found.filter_map(Result::ok).filter_map(move |path| {
            let owner = path.to_str()?.strip_prefix(&beginning)?.to_owned();
            presence::is_name(&owner).then_some(Record { path, owner })
        }))
    });
    found.into_iter().flatten()
}

/// What their paths begin with.
fn beginning() -> Option<String> {
    let number = namespace::number().ok()?;
    Some(format!("/run/steadfast-local-groups.{number}."))
}
