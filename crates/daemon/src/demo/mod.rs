//! `steadfast demo`: two real daemons hand addresses over in front of a pinging client, and balance requests for a web
//! page over two web servers, on a network of namespaces that vanishes with the process.
//!
//! The command makes namespaces and starts itself anew as process 1 of them ([`isolation`]). Inside, [`topology`]
//! builds a bridge with two routers, two web servers and a client, [`nodes`] runs the daemons and [`web`] the web servers,
//! [`client`] pings every virtual address each millisecond and notes what its interface receives, [`ledger`] computes
//! outages and takeovers from that, [`visitor`] asks for the page and [`visits`] counts who answered, [`stages`] makes
//! things fail and heals them, [`report`] says what came of it. No program but our own is started.

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
mod visitor;
mod visits;
mod web;

use std::process::ExitCode;

pub(crate) use self::web::Web;

/// How the demonstration is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// One JSON document on standard output, the time line on standard error.
    pub(crate) json: bool,
    /// This is process 1 of the namespaces already.
    pub(crate) inside: bool,
    /// This is a web server.
    pub(crate) web: Option<Web>,
}

/// Runs the demonstration. Exit code 0 if every takeover happened, 130 after an interrupt, else 1.
pub(crate) fn run(options: &Options) -> ExitCode {
    match options.web {
        Some(web) => web::serve(web),
        None if options.inside => stages::run(options.json),
        None => isolation::run(options.json),
    }
}

/// Exit code after SIGINT or SIGTERM, as shells have it.
const INTERRUPTED: u8 = 130;
