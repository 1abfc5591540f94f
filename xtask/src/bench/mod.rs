//! `cargo xtask bench`: ours against the packaged keepalived, side by side.
//!
//! The measuring itself is the program `bench` of the `conformance` crate, since it needs that crate's lab; this command
//! builds everything in the release profile, runs it, and lets a complete run write `docs/benchmarks.md`.

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, ensure};

/// Runs the command: `[--quick] [--only NAME].. [--list] [--write FILE]`.
///
/// Only a complete run replaces the page; what is quick or partial is printed.
///
/// **Errors**: the build fails, or the program that measures cannot be started.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<ExitCode> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--quiet", "--bins"]);
    cargo.args(["--package", "steadfast", "--package", "conformance"]);
    ensure!(cargo.status().context("start cargo")?.success(), "the release build failed");
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), Into::into);
    let program = target.join("release/bench");
    let mut bench = Command::new(&program);
    if arguments.is_empty() {
        bench.args(["--write", PAGE]);
    }
    // Ctrl-C reaches it as it reaches us, and it ends with us in any case.
    let status = bench.args(arguments).status();
    let status = status.with_context(|| format!("start {}", program.display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

const PAGE: &str = "docs/benchmarks.md";
