//! A story of a farm, told once and played by every subject that it fits.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;

use super::Farm;
use crate::subject::{Pair, Subject};

/// A story and whom it is for.
#[derive(Clone, Copy, Debug)]
pub struct Story {
    /// A sentence, with underscores.
    pub name: &'static str,
    /// The story.
    pub play: fn(&mut Farm) -> Result<()>,
    /// Whether the two directors may also run different daemons.
    pub mixed: bool,
    /// Only for this one, where the two differ on purpose.
    pub only: Option<Subject>,
    /// Why ours cannot play it yet.
    pub gap: Option<&'static str>,
    /// Whether it changes addresses or routes, so that no other story can follow there.
    pub spoils: bool,
}

impl Story {
    /// A story for either daemon alone, which leaves the network as it finds it.
    #[must_use]
    pub const fn new(name: &'static str, play: fn(&mut Farm) -> Result<()>) -> Self {
        Self { name, play, mixed: false, only: None, gap: None, spoils: false }
    }

    /// Also with one daemon of each kind, in both arrangements.
    #[must_use]
    pub const fn mixed(mut self) -> Self {
        self.mixed = true;
        self
    }

    /// For one daemon alone.
    #[must_use]
    pub const fn only(mut self, subject: Subject) -> Self {
        self.only = Some(subject);
        self
    }

    /// Not played by ours, for this reason.
    #[must_use]
    pub const fn gap(mut self, reason: &'static str) -> Self {
        self.gap = Some(reason);
        self
    }

    /// On a farm of its own, since it changes addresses or routes.
    #[must_use]
    pub const fn spoils(mut self) -> Self {
        self.spoils = true;
        self
    }

    /// Plays it, and tells what happened if it fails. Whoever ended in order must have taken back his services.
    ///
    /// # Errors
    /// When the story does not go as told.
    pub fn run(&self, pair: Pair) -> Result<()> {
        let waiting = FARMS.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut farm = match waiting {
            Some(farm) => Farm { pair, ..farm },
            None => Farm::build(pair)?,
        };
        (self.play)(&mut farm).and_then(|()| farm.clear()).map_err(|error| {
            let report = farm.report();
            anyhow::anyhow!("{error:#}\n{report}")
        })?;
        if !self.spoils {
            FARMS.lock().unwrap_or_else(PoisonError::into_inner).push(farm);
        }
        Ok(())
    }
}

/// Farms that wait for their next story. One that a story failed on is not among them.
static FARMS: Mutex<Vec<Farm>> = Mutex::new(Vec::new());

/// Ends the farms that wait.
pub fn disband() {
    FARMS.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// Whether this is the lab's machine, where only stories are played: what runs everywhere is not played a second time
/// where time is slow.
#[must_use]
pub fn in_lab() -> bool {
    std::env::var_os("STEADFAST_LAB").is_some()
}

/// Why nothing can be balanced here, if so. Fit for a `SKIPPED:` line.
#[must_use]
pub fn missing() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("a user namespace is not enough for IPVS, root is needed".to_owned());
    }
    // It may be there and not loaded.
    Command::new("modprobe").args(["--quiet", "ip_vs"]).status().ok();
    if !Path::new("/proc/net/ip_vs").exists() {
        return Some("kernel has no IPVS (cargo xtask lab has one)".to_owned());
    }
    match Command::new("ipvsadm").arg("--version").output() {
        Ok(_) => None,
        Err(_) => Some("the program ipvsadm is missing (package ipvsadm)".to_owned()),
    }
}
