//! Ctrl-C and the like: nothing may be left behind.
//!
//! The processes of every lab end with this one, whatever ends it; the files of its labs are removed here.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process;
use std::thread;

use anyhow::{Context, Result};
use nix::sys::signal::{SigSet, Signal};

use crate::subject::beside_test;

/// From now on SIGINT, SIGTERM and SIGHUP end this process with status 130, cleaned up, and the end of its parent is as
/// good as SIGTERM. To be called before any other thread is there.
///
/// # Errors
/// When the kernel refuses.
pub fn prepare() -> Result<()> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    // Commands that are started have them unblocked again, the standard library sees to it.
    signals.thread_block().context("block signals")?;
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))
        .context("ask for the parent's end")?;
    sweep();
    thread::spawn(move || {
        if let Ok(signal) = signals.wait() {
            drop(writeln!(io::stderr(), "{signal}: cleaning up"));
            tidy();
            process::exit(130);
        }
    });
    Ok(())
}

/// Removes what this run left on disk: copies of programs, for its labs have removed their own files.
pub fn tidy() {
    remove(&process::id().to_string());
}

/// Removes what runs that were killed left on disk.
fn sweep() {
    for owner in owners() {
        if !Path::new("/proc").join(&owner).exists() {
            remove(&owner);
        }
    }
}

/// The processes that own directories of labs.
fn owners() -> Vec<String> {
    let Some(entries) = beside_test("lab-runs").and_then(|d| d.read_dir().ok()) else {
        return Vec::new();
    };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter_map(|name| name.split('-').next().map(str::to_owned)).collect()
}

/// Removes the directories of the labs of process `owner`.
fn remove(owner: &str) {
    let Some(entries) = beside_test("lab-runs").and_then(|d| d.read_dir().ok()) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().split('-').next() == Some(owner) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}
