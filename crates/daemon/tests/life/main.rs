//! The daemon's life, tried on the real program: starting and stopping, supervision, reload, systemd, faults.
//!
//! Creating a user namespace needs a process of one thread, so this program brings its own `main`: it isolates
//! itself, runs itself again as process 1 of namespaces for processes, mounts and networks, and gives every test a
//! network namespace and a thread of its own. Whatever a test leaves behind ends with process 1. Where the system
//! refuses namespaces it says `SKIPPED` with the reason; with `STEADFAST_NO_SKIP` in the environment that is a
//! failure.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a panic fails the test, as it should"
)]

mod asking;
mod authentication;
mod balancing;
mod balancing_told;
mod children;
mod daemon;
mod demo;
mod dumps;
mod ear;
mod faults;
mod forwarding;
mod health;
mod logging;
mod mail;
mod master_agent;
mod nft_plane;
mod once;
mod place;
mod postmaster;
mod processes;
mod real_server;
mod reload;
mod routes;
mod servers;
mod sessions;
mod snmp;
mod starting;
mod steering;
mod supervision;
mod systemd;
mod tracked_processes;
mod tracking;
mod upgrade;
mod upkeep;
mod virtual_mac;
mod walls;
mod webs;
mod world;

use std::process::{Command, ExitCode};

use kernel::namespace::{self, Namespace};
use libtest_mimic::{Arguments, Failed, Trial};
use nix::mount::{MsFlags, mount};

/// A sentence, and what proves it.
pub type Test = (&'static str, fn());

const AREAS: &[(&str, &[Test])] = &[
    ("starting", starting::TESTS),
    ("reload", reload::TESTS),
    ("routes", routes::TESTS),
    ("servers", servers::TESTS),
    ("steering", steering::TESTS),
    ("real_server", real_server::TESTS),
    ("children", children::TESTS),
    ("demo", demo::TESTS),
    ("balancing", balancing::TESTS),
    ("balancing_told", balancing_told::TESTS),
    ("supervision", supervision::TESTS),
    ("systemd", systemd::TESTS),
    ("faults", faults::TESTS),
    ("forwarding", forwarding::TESTS),
    ("logging", logging::TESTS),
    ("mail", mail::TESTS),
    ("nft_plane", nft_plane::TESTS),
    ("once", once::TESTS),
    ("place", place::TESTS),
    ("upgrade", upgrade::TESTS),
    ("walls", walls::TESTS),
    ("health", health::TESTS),
    ("webs", webs::TESTS),
    ("asking", asking::TESTS),
    ("dumps", dumps::TESTS),
    ("tracking", tracking::TESTS),
    ("upkeep", upkeep::TESTS),
    ("sessions", sessions::TESTS),
    ("snmp", snmp::TESTS),
    ("authentication", authentication::TESTS),
    ("tracked_processes", tracked_processes::TESTS),
    ("virtual_mac", virtual_mac::TESTS),
];

/// Set in the process that runs inside the namespaces.
const INSIDE: &str = "STEADFAST_LIFE_TEST_INSIDE";

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    if std::env::var_os(INSIDE).is_some() {
        // Nothing outlives the program that was started from outside.
        let kill = Some(rustix::process::Signal::KILL);
        rustix::process::set_parent_process_death_signal(kill).expect("a death signal");
        furnish().expect("file systems of our own");
        // They wait more than they work.
        arguments.test_threads.get_or_insert(8);
        return libtest_mimic::run(&arguments, trials()).exit_code();
    }
    if arguments.list {
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

/// `/proc` shows the processes of these namespaces, and `/run` is ours: the program, pid files and directories of
/// tests are there, and end with the namespaces.
fn furnish() -> Result<(), Box<dyn std::error::Error>> {
    namespace::mount_proc()?;
    mount(Some("run"), "/run", Some("tmpfs"), MsFlags::empty(), None::<&str>)?;
    devices("/run/dev")?;
    std::fs::copy(env!("CARGO_BIN_EXE_steadfast"), daemon::PROGRAM)?;
    Ok(())
}

/// A `/dev` of our own, where a test can be syslog. `fuse` is not everywhere.
fn devices(directory: &str) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir(directory)?;
    let has_fuse = std::path::Path::new("/dev/fuse").exists();
    for name in ["null", "zero", "urandom"].into_iter().chain(has_fuse.then_some("fuse")) {
        let file = format!("{directory}/{name}");
        std::fs::write(&file, "")?;
        mount(
            Some(&*format!("/dev/{name}")),
            &*file,
            None::<&str>,
            MsFlags::MS_BIND,
            None::<&str>,
        )?;
    }
    let bind = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(directory), "/dev", None::<&str>, bind, None::<&str>)?;
    Ok(())
}

fn trials() -> Vec<Trial> {
    let rows = AREAS.iter().flat_map(|(area, tests)| tests.iter().map(move |test| (area, test)));
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
