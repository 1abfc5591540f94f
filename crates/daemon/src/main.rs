//! steadfast: elects by VRRP who holds virtual addresses, and holds them.
//!
//! One binary, several roles: the parent starts it again for each child. What the command line means, `cli` says;
//! what a child does, its own folder.
#![forbid(unsafe_code)]

mod agent;
mod checker_child;
mod child;
mod cli;
mod compat;
mod courier;
mod demo;
mod genhash;
mod load;
mod log;
mod parent;
mod presence;
mod real_server;
mod signals;
mod terminal;
mod vrrp_child;
mod webs;

use std::ffi::OsString;
use std::process::ExitCode;

use control::Role;

fn main() -> ExitCode {
    end_with_a_panic();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if courier::is_wanted(&arguments) {
        return courier::run();
    }
    if agent::is_wanted(&arguments) {
        return agent::run();
    }
    if parent::rehearsal::is_wanted(&arguments) {
        return parent::rehearsal::run(arguments);
    }
    match child::role(&arguments) {
        Some(Role::Vrrp) => vrrp_child::run(),
        Some(Role::Checker) => checker_child::run(),
        None => cli::run(arguments),
    }
}

/// A half-dead daemon is worse than a dead one: a panic ends the process, on whatever thread, also in a build for tests,
/// whose threads would end alone.
fn end_with_a_panic() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        std::process::abort();
    }));
}
