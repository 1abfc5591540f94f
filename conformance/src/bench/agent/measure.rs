//! Runs one command to its end and tells what it cost, by the kernel's accounting of finished children.
//!
//! A process of its own for each command: the peak of finished children is a maximum over all of them.

use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};
use nix::sys::resource::{UsageWho, getrusage};

/// Runs `words` and prints `WALL-MICROSECONDS CPU-MICROSECONDS PEAK-KILOBYTES EXIT-STATUS`.
///
/// # Errors
/// When it cannot be started.
pub fn run(words: &[String]) -> Result<()> {
    let (program, arguments) = words.split_first().context("measure what?")?;
    let started = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .with_context(|| format!("start {program}"))?;
    let wall = started.elapsed().as_micros();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let (user, system) = (usage.user_time(), usage.system_time());
    let cpu = (user.tv_sec() + system.tv_sec()) * 1_000_000 + user.tv_usec() + system.tv_usec();
    let code = status.code().unwrap_or(-1);
    writeln!(io::stdout(), "{wall} {cpu} {} {code}", usage.max_rss())?;
    Ok(())
}
