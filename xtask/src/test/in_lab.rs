//! The tests that need a kernel which has everything: all in one start of the lab's machine, with the programs that were
//! built here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use super::Context;
use super::checks::cargo;
use super::report::{Log, Outcome};
use super::tally::{Remark, Tally};
use crate::lab::{Ended, Lab, Script, quoted};

/// A program of tests that knows by [`INSIDE`] which of them are for the lab.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    /// The folder of its package, where `cargo test` would run it.
    folder: PathBuf,
    /// Its source below the folder, as `cargo test` shows it.
    source: PathBuf,
    executable: PathBuf,
}

/// A line that cargo prints as JSON, as far as it says what was built.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    src_path: PathBuf,
}

/// Runs them; skipped when the machine cannot be had.
pub(crate) fn run(
    context: &Context,
    filter: Option<&str>,
    log: &mut Log,
) -> anyhow::Result<Outcome> {
    let lab = match Lab::provide(&context.guard, &context.lab, context.installs, |line| {
        log.keep(line);
        log.now_at(line);
    }) {
        Ok(lab) => lab,
        Err(reason) => return Ok(Outcome::Skipped(format!("{reason:#}"))),
    };
    let programs = PROGRAMS
        .iter()
        .map(|(name, told)| Ok((Program::built(context, name)?, *told)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let script = script(context, &programs, filter);
    let mut tally = Tally::default();
    let mut said = Vec::new();
    let ended = lab.play(
        &script,
        LIMIT,
        |line| said.push(line.to_owned()),
        |line| match tally.read(line) {
            Some(Remark::Started(program)) => {
                log.keep(line);
                log.now_at(&program);
            }
            Some(Remark::Failure) => log.show(line),
            Some(Remark::Finished) | None => log.keep(line),
        },
    )?;
    said.iter().for_each(|line| log.keep(line));
    match &ended {
        Ended::With(_) => {}
        Ended::TooLate => log.show(&format!("ended after {} minutes", LIMIT.as_secs() / 60)),
        Ended::Died(reason) => log.show(reason),
    }
    tally.end(ended == Ended::With(0));
    Ok(Outcome::Tests(tally))
}

/// Every program after the other, announced as cargo would; fails if one does.
fn script(context: &Context, programs: &[(Program, &[&str])], filter: Option<&str>) -> Script {
    // Nothing is built there.
    let daemon = context.lab.with_file_name("debug").join("steadfast");
    let inside = [
        (INSIDE.into(), "1".into()),
        ("STEADFAST".into(), daemon.into()),
        ("SUBJECT".into(), "all".into()),
    ];
    let mut script = Script::in_folder(&context.root, std::env::vars_os().chain(inside));
    script.line(b"code=0");
    for (Program { folder, source, executable }, told) in programs {
        let shown = executable.strip_prefix(&context.root).unwrap_or(executable);
        let announcement = format!("     Running {} ({})", source.display(), shown.display());
        script.line(&[b"echo ".to_vec(), quoted(announcement)].concat());
        let mut line = [b"cd ".to_vec(), quoted(folder), b" && ".to_vec()].concat();
        line.extend(quoted(executable));
        line.extend(b" --show-output");
        for argument in told.iter().copied().chain(filter) {
            line.push(b' ');
            line.extend(quoted(argument));
        }
        line.extend(b" || code=1");
        script.line(&line);
    }
    script.line(b"exit $code");
    script
}

impl Program {
    /// What cargo built for the target `name`.
    fn built(context: &Context, name: &str) -> anyhow::Result<Self> {
        let arguments =
            ["test", "--workspace", "--tests", "--no-run", "--message-format=json", "--quiet"];
        let mut found = None;
        let status = context.guard.run(cargo(&context.root, &arguments), BUILD_LIMIT, |line| {
            if let Some(program) = Self::of_message(line, name) {
                found = Some(program);
            }
        })?;
        ensure!(status.is_some_and(|status| status.success()), "the tests do not build");
        found.with_context(|| format!("cargo built no test program {name}"))
    }

    fn of_message(line: &str, name: &str) -> Option<Self> {
        let message: Message = serde_json::from_str(line).ok()?;
        let target = message.target.filter(|target| target.name == name)?;
        let folder = message.manifest_path?.parent()?.to_owned();
        let source = target.src_path.strip_prefix(&folder).map(Path::to_owned);
        let source = source.unwrap_or(target.src_path);
        Some(Self { folder, source, executable: message.executable? })
    }
}

/// The programs, by the names of their targets, and what each is told.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("netns", &[]),
    ("scenarios", &["--skip", "::lvs_"]),
    // They wait for events, however late these come, and have farms that are kept.
    ("scenarios", &["--skip", "modules::", "--test-threads", "4"]),
];
/// What is in the names of tests for the lab: elsewhere they may find that they cannot run.
pub(crate) const NAMES: &[&str] = &["modules::", "::lvs_"];
/// Set in the machine: only tests for it are played there, and none may find that it cannot run.
const INSIDE: &str = "STEADFAST_LAB";
/// Emulated time is slow: half of it is usual.
const LIMIT: Duration = Duration::from_secs(30 * 60);
/// Everything was built before.
const BUILD_LIMIT: Duration = Duration::from_secs(5 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_in_what_cargo_says() {
        let line = r#"{"reason":"compiler-artifact","manifest_path":"/w/crates/kernel/Cargo.toml","target":
            {"kind":["test"],"name":"netns","src_path":"/w/crates/kernel/tests/netns/main.rs"},
            "executable":"/w/target/debug/deps/netns-0f"}"#;
        let program = Program::of_message(line, "netns").unwrap();
        assert_eq!(
            program,
            Program {
                folder: "/w/crates/kernel".into(),
                source: "tests/netns/main.rs".into(),
                executable: "/w/target/debug/deps/netns-0f".into(),
            }
        );
        assert_eq!(Program::of_message(line, "other"), None);
        for other in ["", "Compiling x", r#"{"reason":"build-finished","success":true}"#] {
            assert_eq!(Program::of_message(other, "netns"), None, "{other}");
        }
    }
}
