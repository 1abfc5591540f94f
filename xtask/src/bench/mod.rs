//! `cargo xtask bench`: ours against the packaged keepalived, side by side.
//!
//! The measuring itself is the program `bench` of the `conformance` crate, since it needs that crate's lab; this command
//! builds everything in the release profile, runs it, and lets a complete run write `docs/benchmarks.md`. What takes IPVS
//! is measured in the lab's machine first.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use crate::lab::{self, Ended, Lab, Script};
use crate::metadata;
use crate::process::Guard;

/// Runs the command: `[--quick] [--only NAME].. [--list] [--write FILE]`.
///
/// Only a complete run replaces the page; what is quick or partial is printed.
///
/// **Errors**: the build fails, or the program that measures cannot be started.
#[expect(clippy::print_stdout, reason = "a program for a terminal")]
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<ExitCode> {
    let guard = Guard::new()?;
    let mut cargo = metadata::cargo();
    cargo.args(["build", "--release", "--quiet", "--bins"]);
    cargo.args(["--package", "steadfast", "--package", "conformance"]);
    let built = guard.run(cargo, LIMIT, |line| println!("{line}"))?;
    ensure!(built.is_some_and(|status| status.success()), "the release build failed");
    let root = metadata::root()?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let program = std::path::absolute(target.join("release/bench"))?;
    let mut bench = Command::new(&program);
    if arguments.is_empty() {
        bench.args(["--write", PAGE]);
    }
    bench.args(arguments);
    if takes_lab(&program, arguments)? {
        match measure_in_lab(&guard, &root, &program, arguments) {
            Ok(file) => {
                bench.arg("--lab").arg(file);
            }
            Err(reason) => println!("not measured in the lab's machine: {reason:#}"),
        }
    }
    let status = guard.run(bench, LIMIT, |line| println!("{line}"))?;
    let code = status.and_then(|status| status.code()).and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Whether anything is asked for that takes the lab's machine.
fn takes_lab(program: &Path, arguments: &[String]) -> anyhow::Result<bool> {
    if arguments.iter().any(|argument| argument == "--list") {
        return Ok(false);
    }
    let list = Command::new(program).args(arguments).args(["--in-lab", "--list"]).output();
    let list = list.with_context(|| format!("start {}", program.display()))?;
    // What is wrong with the arguments says the run itself.
    Ok(list.status.success() && !list.stdout.is_empty())
}

/// Measures there; the file with what came of it.
#[expect(clippy::print_stdout, reason = "a program for a terminal")]
fn measure_in_lab(
    guard: &Guard,
    root: &Path,
    program: &Path,
    arguments: &[String],
) -> anyhow::Result<PathBuf> {
    let folder = metadata::of_workspace()?.target_directory.join(lab::FOLDER);
    let lab = Lab::provide(guard, &folder, true, |line| println!("{line}"))?;
    let mut fetch = Command::new(program);
    fetch.args(["agent", "fetch-nginx"]);
    let fetched = guard.run(fetch, FETCH_LIMIT, |line| println!("{line}"))?;
    ensure!(fetched.is_some_and(|status| status.success()), "nginx cannot be had");
    let mut command = vec![program.display().to_string(), "--in-lab".to_owned()];
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if word == "--write" {
            words.next();
        } else {
            command.push(word.clone());
        }
    }
    let script = Script::of_command(root, env::vars_os(), &command);
    let mut lines = String::new();
    let ended = lab.play(
        &script,
        LAB_LIMIT,
        |line| println!("lab: {line}"),
        |line| {
            // Progress is for people, all else for the page.
            if line.starts_with('[') {
                println!("lab: {line}");
            }
            lines.push_str(line);
            lines.push('\n');
        },
    )?;
    let file = folder.join("bench.txt");
    fs::write(&file, &lines).with_context(|| format!("write {}", file.display()))?;
    match ended {
        Ended::With(0) => Ok(file),
        Ended::With(_) => bail!("{}", lines.lines().last().unwrap_or_default()),
        Ended::TooLate => bail!("it took more than {} minutes", LAB_LIMIT.as_secs() / 60),
        Ended::Died(reason) => bail!("{reason}"),
    }
}

const PAGE: &str = "docs/benchmarks.md";
const LIMIT: Duration = Duration::from_secs(2 * 3600);
const LAB_LIMIT: Duration = Duration::from_secs(3600);
const FETCH_LIMIT: Duration = Duration::from_secs(120);
