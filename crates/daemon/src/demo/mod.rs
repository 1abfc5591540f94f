//! `steadfast demo`: two real daemons hand addresses over in front of a pinging client, on a network of
//! namespaces that vanishes with the process.
//!
//! The command makes namespaces and starts itself anew as process 1 of them ([`isolation`]). Inside, [`topology`]
//! builds a bridge with two routers and a client, [`nodes`] runs the daemons, [`client`] pings every virtual
//! address each millisecond and notes what its interface receives, [`ledger`] computes outages and takeovers from
//! that, [`stages`] makes things fail and heals them, [`report`] says what came of it. No program but our own is
//! started.

mod client;
mod directory;
mod isolation;
mod ledger;
mod nodes;
mod play;
mod report;
mod stages;
mod timeline;
mod topology;

use std::process::ExitCode;

/// How the demonstration is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// One JSON document on standard output, the time line on standard error.
    pub(crate) json: bool,
    /// This is process 1 of the namespaces already.
    pub(crate) inside: bool,
}

/// Runs the demonstration. Exit code 0 if every takeover happened, 130 after an interrupt, else 1.
pub(crate) fn run(options: &Options) -> ExitCode {
    if options.inside { stages::run(options.json) } else { isolation::run(options.json) }
}

/// Exit code after SIGINT or SIGTERM, as shells have it.
const INTERRUPTED: u8 = 130;
