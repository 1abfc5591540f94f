//! The crate on a real kernel, in namespaces that end with the test.
//!
//! Creating a user namespace needs a process of one thread, so this program brings its own `main`: it isolates
//! itself, runs itself again as process 1 of the new namespaces, and gives every test a network namespace and a
//! thread of its own. Where the system refuses namespaces it says `SKIPPED` with the reason; with
//! `STEADFAST_NO_SKIP` in the environment that is a failure.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "a panic fails the test, as it should"
)]

mod addresses;
mod advertisements;
mod allocations;
mod balancing;
mod claims;
mod confinement;
mod frames;
mod inheritance;
mod links;
mod modules;
mod nft_plane;
mod nftables;
mod observing;
mod paths;
mod sources;
mod upper;
mod world;

use std::process::{Command, ExitCode};

use kernel::namespace::{self, Namespace};
use libtest_mimic::{Arguments, Failed, Trial};

/// A sentence, and what proves it.
pub type Test = (&'static str, fn());

const AREAS: &[(&str, &[Test])] = &[
    ("addresses", addresses::TESTS),
    ("advertisements", advertisements::TESTS),
    ("allocations", allocations::TESTS),
    ("claims", claims::TESTS),
    ("confinement", confinement::TESTS),
    ("frames", frames::TESTS),
    ("inheritance", inheritance::TESTS),
    ("links", links::TESTS),
    ("modules", modules::TESTS),
    ("modules::balancing", balancing::TESTS),
    ("nft_plane", nft_plane::TESTS),
    ("nftables", nftables::TESTS),
    ("observing", observing::TESTS),
    ("paths", paths::TESTS),
    ("sources", sources::TESTS),
    ("upper", upper::TESTS),
];

/// Set in the process that runs inside the namespaces.
const INSIDE: &str = "STEADFAST_KERNEL_TEST_INSIDE";

fn main() -> ExitCode {
    if let Some(code) = inheritance::role() {
        return code;
    }
    let mut arguments = Arguments::from_args();
    if arguments.list || std::env::var_os(INSIDE).is_some() {
        // They wait more than they work, but for the lab, whose emulated processors have enough to do with one.
        arguments.test_threads.get_or_insert(if modules::in_lab() { 1 } else { 8 });
        return libtest_mimic::run(&arguments, trials()).exit_code();
    }
    match inside() {
        Ok(code) => code,
        Err(reason) => {
            println!("SKIPPED: no namespaces here: {reason}");
            ExitCode::from(u8::from(std::env::var_os("STEADFAST_NO_SKIP").is_some()))
        }
    }
}

fn inside() -> Result<ExitCode, Box<dyn std::error::Error>> {
    namespace::isolate()?;
    Namespace::create()?;
    let program = std::env::current_exe()?;
    let status =
        Command::new(program).args(std::env::args_os().skip(1)).env(INSIDE, "1").status()?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

fn trials() -> Vec<Trial> {
    // What runs everywhere is not played a second time in the lab, where time is slow.
    let areas = AREAS.iter().filter(|(area, _)| !modules::in_lab() || area.starts_with("modules"));
    let rows = areas.flat_map(|(area, tests)| tests.iter().map(move |test| (area, test)));
    rows.map(|(area, (name, test))| Trial::test(format!("{area}::{name}"), || alone(*test)))
        .collect()
}

/// Runs a test in a thread that is in a network namespace of its own.
fn alone(test: fn()) -> Result<(), Failed> {
    let thread = std::thread::spawn(move || {
        Namespace::create().and_then(|space| space.enter()).expect("a network namespace");
        test();
    });
    thread.join().map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Failed::from(text.unwrap_or_else(|| "panicked".to_owned()))
    })
}
