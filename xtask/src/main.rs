//! Tasks of the project: `cargo xtask COMMAND`.
//!
//! One file (or folder) per command, listed in [`COMMANDS`]; a command gets the arguments after its name and says by its
//! result whether all is well. This program is for developers and CI: the daemon knows nothing of it.
#![forbid(unsafe_code)]

mod bench;
mod docs;
mod lab;
mod layers;
mod ledger;
mod metadata;
mod packages;
mod process;
mod sources;
mod test;

use std::env;
use std::process::ExitCode;

/// One thing that `cargo xtask` can do.
struct Command {
    name: &'static str,
    summary: &'static str,
    run: fn(&[String]) -> anyhow::Result<ExitCode>,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]
fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        println!("usage: cargo xtask COMMAND [ARGUMENT..]\n");
        for Command { name, summary, .. } in COMMANDS {
            println!("  {name:<8} {summary}");
        }
        return if matches!(name.as_str(), "help" | "--help" | "-h") {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(2)
        };
    };
    let arguments: Vec<String> = arguments.collect();
    // Every path that a command names is one of the workspace, wherever it was typed.
    let at_root = metadata::root().and_then(|root| Ok(env::set_current_dir(root)?));
    at_root.and_then(|()| (command.run)(&arguments)).unwrap_or_else(|error| {
        eprintln!("cargo xtask {name}: {error:#}");
        ExitCode::FAILURE
    })
}

const COMMANDS: &[Command] = &[
    Command {
        name: "bench",
        summary: "measure ours against keepalived; [--quick] [--only NAME].. [--list]",
        run: bench::run,
    },
    Command {
        name: "test",
        summary: "check and test everything; [--no-install] [FILTER..] runs the tests whose name has FILTER",
        run: test::run,
    },
    Command {
        name: "docs",
        summary: "write what follows from the keyword table; [--check] only compares",
        run: docs::run,
    },
    Command {
        name: "lab",
        summary: "run COMMAND on a virtual machine with Debian's kernel; [--minutes N] COMMAND [ARGUMENT..]",
        run: lab::run,
    },
    Command { name: "layers", summary: "check which crate may depend on which", run: layers::run },
    Command {
        name: "ledger",
        summary: "check that the tests exist that docs/conformance names",
        run: ledger::run,
    },
];
