//! What the measurements run inside the namespaces: small jobs of the `bench` program started again there.

use std::path::PathBuf;
use std::process::{Child, Stdio};

use anyhow::{Context, Result};

use crate::lab::{Space, reap};
use crate::subject::pinned;

pub mod addresses;
pub mod flock;
pub mod measure;
pub mod servers;
pub mod spin;

/// A job that runs until this value is dropped.
#[derive(Debug)]
pub struct Job {
    /// Its process.
    pub child: Child,
}

impl Job {
    /// Starts the job `words` in `space`, its output to be read.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(space: &Space, words: &[&str]) -> Result<Self> {
        let mut command = space.command(&own_program()?);
        command.arg("agent").args(words).stdin(Stdio::null()).stdout(Stdio::piped());
        let child = command.spawn().with_context(|| format!("start {words:?}"))?;
        Ok(Self { child })
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        // The carrier is stopped and waited for; the job itself ends with it, since it asked to.
        reap(&mut self.child);
    }
}

/// A copy of the program that runs now, which a build beside the run leaves alone.
///
/// # Errors
/// When it cannot be copied.
pub fn own_program() -> Result<PathBuf> {
    pinned(&std::env::current_exe().context("find own program")?).context("copy own program")
}
