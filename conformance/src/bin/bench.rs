//! Measures ours against the packaged keepalived and writes the page of the results. See `cargo xtask bench`.
//!
//! `bench [--quick] [--only NAME].. [--write FILE] [--list]`; `bench agent ...` are its own jobs inside the namespaces.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use conformance::agent::ping;
use conformance::bench::agent::{addresses, flock, measure, spin};
use conformance::bench::session::{Session, TURNS};
use conformance::bench::study::STUDIES;
use conformance::bench::{interruption, machine, report};
use conformance::lab;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.split_first() {
        Some((first, rest)) if first == "agent" => agent(rest),
        _ => measure_all(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(io::stderr(), "bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// One of the jobs inside a lab. Each ends with the process that carried it inside.
fn agent(arguments: &[String]) -> Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .context("ask for the parent's end")?;
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["ping", address, micros, identifier] => ping::run(
            address.parse()?,
            Duration::from_micros(micros.parse()?),
            identifier.parse()?,
            false,
        ),
        ["flock", count, priority, pacing, rounds] => {
            flock::run(count.parse()?, priority.parse()?, pacing, rounds.parse()?)
        }
        ["addresses"] => addresses::run(),
        ["spin"] => spin::run(),
        ["measure", ..] => measure::run(arguments.get(1..).unwrap_or_default()),
        _ => bail!("no such job: {words:?}"),
    }
}

/// What the user asked for.
#[derive(Default)]
struct Wishes {
    quick: bool,
    list: bool,
    only: Vec<String>,
    write: Option<PathBuf>,
}

fn wishes(arguments: &[String]) -> Result<Wishes> {
    let mut wishes = Wishes::default();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => wishes.quick = true,
            "--list" => wishes.list = true,
            "--only" => wishes.only.push(words.next().context("--only needs a name")?.clone()),
            "--write" => {
                wishes.write = Some(words.next().context("--write needs a file")?.into());
            }
            other => bail!("unknown argument {other}: --quick, --only NAME, --write FILE, --list"),
        }
    }
    for name in &wishes.only {
        if !STUDIES.iter().any(|study| study.name == name) {
            bail!("no study {name}: --list names them");
        }
    }
    Ok(wishes)
}

fn measure_all(arguments: &[String]) -> Result<()> {
    let wishes = wishes(arguments)?;
    if wishes.list {
        for study in STUDIES {
            writeln!(io::stdout(), "{:<10} {}", study.name, study.summary)?;
        }
        return Ok(());
    }
    interruption::prepare()?;
    if let Some(reason) = lab::missing() {
        bail!("nothing can be measured here: {reason}");
    }
    for subject in TURNS {
        machine::settle(&subject.program().map_err(anyhow::Error::msg)?)?;
    }
    let facts = machine::facts();
    let mut session = Session::new(wishes.quick);
    for study in STUDIES {
        if !wishes.only.is_empty() && !wishes.only.iter().any(|name| name == study.name) {
            continue;
        }
        session.say(&format!("{}: {}", study.name, study.summary));
        if let Err(error) = (study.run)(&mut session) {
            session.say(&format!("  {} broke off: {error:#}", study.name));
            session.failures.push((study.name, format!("{error:#}")));
        }
    }
    interruption::tidy();
    let page = report::page(&session, &facts);
    match &wishes.write {
        None => io::stdout().write_all(page.as_bytes())?,
        Some(path) => {
            fs::write(path, page).with_context(|| format!("write {}", path.display()))?;
            session.say(&format!("written: {}", path.display()));
        }
    }
    Ok(())
}
