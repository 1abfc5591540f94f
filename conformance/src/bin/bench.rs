//! Measures ours against the packaged keepalived and writes the page of the results. See `cargo xtask bench`.
//!
//! `bench [--quick] [--only NAME].. [--write FILE] [--list]`; `bench agent ...` are its own jobs inside the namespaces.
//! What takes the lab's machine is measured there by `bench --in-lab`, which writes lines that `--lab FILE` takes in.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use conformance::agent::ping;
use conformance::bench::agent::{addresses, flock, measure, servers, spin};
use conformance::bench::session::{Session, TURNS};
use conformance::bench::study::{STUDIES, Study};
use conformance::bench::{carry, interruption, machine, nginx, report};
use conformance::{farm, lab};

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
        ["servers", address, micros] => {
            servers::run(address.parse()?, Duration::from_micros(micros.parse()?))
        }
        ["spin"] => spin::run(),
        // What comes over the network comes before the lab's machine, which has none.
        ["fetch-nginx"] => nginx::PACKAGE.provide().map(drop).map_err(anyhow::Error::msg),
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
    /// Whether this is the lab's machine.
    in_lab: bool,
    /// Lines that were written there.
    lab: Option<PathBuf>,
}

impl Wishes {
    fn of(arguments: &[String]) -> Result<Self> {
        let mut wishes = Self::default();
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => wishes.quick = true,
                "--list" => wishes.list = true,
                "--only" => wishes.only.push(words.next().context("--only needs a name")?.clone()),
                "--write" => {
                    wishes.write = Some(words.next().context("--write needs a file")?.into());
                }
                "--in-lab" => wishes.in_lab = true,
                "--lab" => wishes.lab = Some(words.next().context("--lab needs a file")?.into()),
                other => {
                    bail!("unknown argument {other}: --quick, --only NAME, --write FILE, --list")
                }
            }
        }
        for name in &wishes.only {
            if !STUDIES.iter().any(|study| study.name == name) {
                bail!("no study {name}: --list names them");
            }
        }
        Ok(wishes)
    }

    /// Whether a study is to be made; in the lab's machine only what takes it.
    fn wants(&self, study: &Study) -> bool {
        (study.in_lab || !self.in_lab)
            && (self.only.is_empty() || self.only.iter().any(|name| name == study.name))
    }
}

fn measure_all(arguments: &[String]) -> Result<()> {
    let wishes = Wishes::of(arguments)?;
    if wishes.list {
        for study in STUDIES.iter().filter(|study| wishes.wants(study)) {
            writeln!(io::stdout(), "{:<10} {}", study.name, study.summary)?;
        }
        return Ok(());
    }
    interruption::prepare()?;
    let missing = lab::missing().or_else(|| farm::missing().filter(|_| wishes.in_lab));
    if let Some(reason) = missing {
        bail!("nothing can be measured here: {reason}");
    }
    for subject in TURNS {
        machine::settle(&subject.program().map_err(anyhow::Error::msg)?)?;
    }
    let mut facts = machine::facts();
    let mut session = Session::new(wishes.quick);
    for study in STUDIES.iter().filter(|study| wishes.wants(study)) {
        if study.in_lab && !wishes.in_lab {
            continue;
        }
        session.say(&format!("{}: {}", study.name, study.summary));
        if let Err(error) = (study.run)(&mut session) {
            session.say(&format!("  {} broke off: {error:#}", study.name));
            session.failures.push((study.name, format!("{error:#}")));
        }
    }
    interruption::tidy();
    if wishes.in_lab {
        for line in carry::lines(&session, &machine::lab_facts(&session)) {
            writeln!(io::stdout(), "{line}")?;
        }
        return Ok(());
    }
    if let Some(path) = &wishes.lab {
        let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        facts.extend(carry::take(&mut session, &text)?);
    }
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
