//! Plays the scenarios: a test program like any other for cargo, but with more of them at a time.
//!
//! Each scenario becomes one test for every daemon, or pair of daemons, that `SUBJECT` asks for, and every kind of VRRP
//! that it is meant for.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a test program speaks to its user")]

mod acceptance;
mod addresses;
mod announcements;
mod authentication;
mod balancing;
mod chaos;
mod contested;
mod dumps;
mod election;
mod failure;
mod groups;
mod interference;
mod intervals;
mod ipv6;
mod language;
mod mail;
mod many_links;
mod modules;
mod monitoring;
mod names;
mod notification;
mod pages;
mod preemption;
mod process;
mod reception;
mod reload;
mod reload_values;
mod routes;
mod scripts;
mod sessions;
mod shutdown;
mod supervision;
mod three;
mod tracking;
mod unicast;
mod upgrade;
mod upkeep;
mod virtual_mac;

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use conformance::farm;
use conformance::flavour::Flavour;
use conformance::lab;
use conformance::pace::{longest_pause, watch};
use conformance::scenario::Scenario;
use conformance::subject::{Pair, Subject, beside_test, pinned, unpin};
use libtest_mimic::{Arguments, Failed, Trial};

const THEMES: &[(&str, &[Scenario])] = &[
    ("acceptance", acceptance::SCENARIOS),
    ("addresses", addresses::SCENARIOS),
    ("announcements", announcements::SCENARIOS),
    ("authentication", authentication::SCENARIOS),
    ("dumps", dumps::SCENARIOS),
    ("chaos", chaos::SCENARIOS),
    ("contested", contested::SCENARIOS),
    ("election", election::SCENARIOS),
    ("failure", failure::SCENARIOS),
    ("groups", groups::SCENARIOS),
    ("interference", interference::SCENARIOS),
    ("intervals", intervals::SCENARIOS),
    ("ipv6", ipv6::SCENARIOS),
    ("language", language::SCENARIOS),
    ("mail", mail::SCENARIOS),
    ("many_links", many_links::SCENARIOS),
    (MODULES, modules::SCENARIOS),
    ("monitoring", monitoring::SCENARIOS),
    ("names", names::SCENARIOS),
    ("notification", notification::SCENARIOS),
    ("pages", pages::SCENARIOS),
    ("preemption", preemption::SCENARIOS),
    ("process", process::SCENARIOS),
    ("reception", reception::SCENARIOS),
    ("reload", reload::SCENARIOS),
    ("reload_values", reload_values::SCENARIOS),
    ("routes", routes::SCENARIOS),
    ("scripts", scripts::SCENARIOS),
    ("sessions", sessions::SCENARIOS),
    ("shutdown", shutdown::SCENARIOS),
    ("supervision", supervision::SCENARIOS),
    ("three", three::SCENARIOS),
    ("tracking", tracking::SCENARIOS),
    ("unicast", unicast::SCENARIOS),
    ("upgrade", upgrade::SCENARIOS),
    ("upkeep", upkeep::SCENARIOS),
    ("virtual_mac", virtual_mac::SCENARIOS),
];

/// The theme of what needs a kernel with more than the usual. In the lab, where time is slow, nothing else is played, but for
/// what balances.
const MODULES: &str = "modules";
/// Scenarios at a time in the lab, whose emulated processors have enough to do with these.
const AT_A_TIME_IN_LAB: usize = 2;
/// Scenarios at a time, unless `--test-threads` says otherwise: they wait far more than they work.
const AT_A_TIME: usize = 12;
/// Times that a scenario is played again on a machine that does not keep pace.
const AGAIN: usize = 2;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let at_a_time = if farm::in_lab() { AT_A_TIME_IN_LAB } else { AT_A_TIME };
    arguments.test_threads.get_or_insert(at_a_time);
    let wanted = env::var("SUBJECT").unwrap_or_else(|_| "all".to_owned());
    let Some(pairs) = Pair::wanted(&wanted) else {
        eprintln!("SUBJECT={wanted}: expected keepalived, ours, mixed or all");
        return ExitCode::FAILURE;
    };
    if !arguments.list {
        watch();
        let ours = pairs.iter().any(|pair| pair.needs_ours());
        if ours && env::var_os("STEADFAST").is_none() && !farm::in_lab() {
            build_ours();
        }
        sweep();
        // Before there are threads that start programs: a file still open for writing cannot be started.
        if let Some(Err(error)) = beside_test("lab").map(|program| pinned(&program)) {
            eprintln!("copy the lab program: {error}");
        }
    }
    let obstacle = if arguments.list { None } else { lab::missing() };
    let mut trials = trials(&pairs, obstacle.as_deref());
    let unbalanced = if arguments.list { None } else { obstacle.or_else(farm::missing) };
    trials.extend(balancing::trials(&pairs, unbalanced.as_deref()));
    let conclusion = libtest_mimic::run(&arguments, trials);
    farm::disband();
    unpin();
    conclusion.exit_code()
}

fn trials(pairs: &[Pair], obstacle: Option<&str>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (theme, scenarios) in
        THEMES.iter().filter(|(theme, _)| !farm::in_lab() || *theme == MODULES)
    {
        for scenario in *scenarios {
            for pair in pairs {
                trials.extend(trials_of(theme, *scenario, *pair, obstacle));
            }
        }
    }
    if !farm::in_lab() {
        let name = "documentation::incumbent_names_scenarios_that_are_played";
        trials.push(Trial::test(name, documentation));
    }
    trials
}

/// Each `theme::scenario` of `docs/incumbent.md` is one of ours that is played by all that it is for, so that no entry
/// outlives what it rests on.
fn documentation() -> Result<(), Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/incumbent.md");
    let text = std::fs::read_to_string(path)?;
    let is_played = |name: &str| {
        name.split_once("::").is_some_and(|(theme, scenario)| {
            let mut scenarios = THEMES.iter().filter(|(t, _)| *t == theme).flat_map(|(_, s)| *s);
            let gap = match scenarios.find(|s| s.name == scenario) {
                Some(scenario) => Some(scenario.gap),
                None => balancing::find(theme, scenario).map(|story| story.gap),
            };
            gap == Some(None)
        })
    };
    let names = text.split('`').skip(1).step_by(2).filter(|code| code.contains("::"));
    let names = names.filter(|name| *name != "theme::scenario" && !is_played(name));
    let unplayed: Vec<_> = names.map(str::to_owned).chain(balancing::unplayed()).collect();
    if unplayed.is_empty() {
        return Ok(());
    }
    Err(format!("no such scenario, or one with a gap: {unplayed:?}").into())
}

fn trials_of(theme: &str, scenario: Scenario, pair: Pair, obstacle: Option<&str>) -> Vec<Trial> {
    let mixed = pair.is_mixed();
    if (mixed && !scenario.mixed) || scenario.only.is_some_and(|only| pair != Pair::both(only)) {
        return Vec::new();
    }
    let plays = |router: &str| if router == "a" { pair.a } else { pair.b };
    if scenario.ours.is_some_and(|router| plays(router) != Subject::Ours) {
        return Vec::new();
    }
    let gap = scenario.gap.filter(|_| pair.needs_ours());
    let mut trials = Vec::new();
    for flavour in scenario.flavours {
        let flavour = *flavour;
        if mixed && !Flavour::MATRIX.contains(&flavour) {
            continue;
        }
        let name = format!("{pair}::{theme}::{}::{flavour}", scenario.name);
        let obstacle = obstacle.map(str::to_owned).or_else(|| pair.missing());
        let obstacle = obstacle.or_else(|| unprivileged(scenario));
        let title = name.clone();
        // Looked for only when it is played: it may have to be fetched.
        let lacking = move || scenario.needs.and_then(|find| find().err());
        let trial = Trial::test(name, move || match obstacle.or_else(lacking) {
            Some(reason) => {
                println!("SKIPPED: {title}: {reason}");
                Ok(())
            }
            None => play(scenario, pair, flavour, &title),
        });
        let kind = gap.map(|gap| format!("gap: {gap}")).unwrap_or_default();
        trials.push(trial.with_ignored_flag(gap.is_some()).with_kind(kind));
    }
    trials
}

/// Plays it, and again when it fails while the machine stood still: then the times were not the daemon's. The incumbent
/// alone gets one try more: nothing of ours takes part, and what it does in every run but one of hundreds is still what
/// it does. So it is in the lab, whose time is emulated.
fn play(scenario: Scenario, pair: Pair, flavour: Flavour, title: &str) -> Result<(), Failed> {
    for _ in 0..AGAIN {
        let start = Instant::now();
        let Err(error) = scenario.run(pair, flavour) else { return Ok(()) };
        let Some(pause) = longest_pause(start) else {
            let in_lab = farm::in_lab();
            if pair.needs_ours() && !in_lab {
                return Err(format!("{error:#}").into());
            }
            let why = if in_lab { "in emulated time it" } else { "the incumbent alone" };
            eprintln!("again, since {why} failed ({}): {title}", error.root_cause());
            break;
        };
        eprintln!("again, since the machine stood still for {pause:?}: {title}");
    }
    scenario.run(pair, flavour).map_err(|error| format!("{error:#}").into())
}

/// What a scenario lacks without root.
fn unprivileged(scenario: Scenario) -> Option<String> {
    let lacking = scenario.privileged && !nix::unistd::geteuid().is_root();
    lacking.then(|| "a user namespace is not enough, root is needed".to_owned())
}

/// Brings our daemon up to date: it is no dependency that cargo would build for this package.
fn build_ours() {
    let release = beside_test("").is_some_and(|d| d.ends_with("release"));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "steadfast"]);
    cargo.args(release.then_some("--release"));
    // What cargo tells this program of its package would be news to build scripts, and much would be built anew.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).stdin(Stdio::null());
    match cargo.status() {
        Ok(status) if status.success() => {}
        other => eprintln!("building our daemon: {other:?}; playing with what is there"),
    }
}

/// Removes what a run that was killed left on disk.
fn sweep() {
    let Some(entries) = beside_test("lab-runs").and_then(|d| d.read_dir().ok()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_string_lossy().split('-').next().map(str::to_owned);
        let alive = owner.is_some_and(|pid| Path::new("/proc").join(pid).exists());
        if !alive {
            std::fs::remove_dir_all(entry.path()).ok();
        }
    }
}
