//! Commands that steer real servers of a running daemon.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use clock::Instant;
use kernel::eventloop::{EventLoop, LoopError, Signals, Token, now};
use nix::sys::signal::Signal;
use status::{
    Ask, Condition, Line, LineError, Only, RealServer, Report, Request, Steer, Steered,
    VirtualServer,
};

use super::ask::{self, Failure, PATIENCE};
use crate::compat::exit;
use crate::terminal::eprint;

/// What is ordered.
#[derive(Debug, Subcommand)]
pub(super) enum Order {
    /// Give a server no new connections (weight 0), and wait until those that it has have ended.
    ///
    /// Whoever ends this command leaves the server drained. Clients that are remembered (persistence) may come back.
    Drain {
        #[command(flatten)]
        whom: Whom,
        /// How many seconds to wait at most; without it as long as it takes.
        #[arg(long, value_name = "SECONDS")]
        timeout: Option<u32>,
        /// Do not wait.
        #[arg(long, conflicts_with = "timeout")]
        no_wait: bool,
    },
    /// Take a server for down, whatever its checks say: it goes as one that failed.
    Disable {
        #[command(flatten)]
        whom: Whom,
    },
    /// Let a server follow its configuration and its checks again.
    Enable {
        #[command(flatten)]
        whom: Whom,
    },
    /// Give a server this weight, whatever its checks add.
    Weight {
        #[command(flatten)]
        whom: Whom,
        /// 0 to 65535.
        #[arg(value_parser = clap::value_parser!(u32).range(0..=65_535))]
        weight: u32,
    },
}

/// Of which daemon which servers.
#[derive(Debug, Args)]
pub(super) struct Whom {
    #[command(flatten)]
    daemon: ask::Where,
    /// The virtual server, or `all`.
    virtual_server: String,
    /// The real server.
    real_server: String,
}

/// Gives an order, and waits for what it leads to.
pub(super) fn run(order: Order) -> ExitCode {
    let (whom, what, wait) = match order {
        Order::Drain { whom, timeout, no_wait } => {
            let limit = timeout.map(|seconds| Duration::from_secs(seconds.into()));
            (whom, status::Order::Weight(0), (!no_wait).then_some(limit))
        }
        Order::Disable { whom } => (whom, status::Order::Disable, None),
        Order::Enable { whom } => (whom, status::Order::Enable, None),
        Order::Weight { whom, weight } => (whom, status::Order::Weight(weight), None),
    };
    let all = match give(&whom, what) {
        Ok(all) => all,
        Err(failure) => return failure.say(),
    };
    for Steered { virtual_server, real_server, state } in &all {
        let is_down = *state == Condition::Down;
        let effect = match what {
            status::Order::Weight(0) => "gets no new connections".to_owned(),
            status::Order::Weight(weight) => format!("has weight {weight}"),
            status::Order::Disable => "is taken for down".to_owned(),
            status::Order::Enable if is_down => "is down by its own checks".to_owned(),
            status::Order::Enable => "serves".to_owned(),
        };
        let down =
            if is_down && matches!(what, status::Order::Weight(_)) { "; it is down" } else { "" };
        let until = if what == status::Order::Enable { "" } else { ", until the next reload" };
        ask::show(&format!("{real_server} of {virtual_server} {effect}{until}{down}\n"));
    }
    match wait {
        None => ExitCode::SUCCESS,
        Some(limit) => wait_for_end(&whom, &all, limit).unwrap_or_else(|failure| failure.say()),
    }
}

fn give(whom: &Whom, order: status::Order) -> Result<Vec<Steered>, Failure> {
    let Whom { daemon, virtual_server, real_server } = whom;
    let (virtual_server, real_server) = (virtual_server.clone(), real_server.clone());
    let steer = Steer { virtual_server, real_server, order, by: caller() };
    let request = Request { steer: Some(steer), ..Request::new(Ask::Steer) };
    let mut report = Report::default();
    let end = ask::ask(daemon, &request, PATIENCE, |line| report.take(line))?;
    let Line::Steered(all) = end else {
        return Err(Failure::Broken("the daemon does not say of whom".to_owned()));
    };
    Ok(all)
}

/// Who calls: whoever became root for it, where that is known.
fn caller() -> String {
    let names = ["SUDO_USER", "DOAS_USER", "LOGNAME", "USER"].into_iter();
    names.filter_map(|name| std::env::var(name).ok()).find(|it| !it.is_empty()).unwrap_or_default()
}

/// Waits until no server of these has connections any more; says how many remain, whenever that is another number.
fn wait_for_end(
    whom: &Whom,
    all: &[Steered],
    limit: Option<Duration>,
) -> Result<ExitCode, Failure> {
    let broken = |error: LoopError| Failure::Broken(error.to_string());
    let mut events = EventLoop::new().map_err(broken)?;
    let signals = Signals::open(&[Signal::SIGINT, Signal::SIGTERM]).map_err(broken)?;
    events.add(&signals, Token(0)).map_err(broken)?;
    let until = limit.map(|limit| now() + limit);
    let (mut told, mut ready) = (None, Vec::new());
    loop {
        let remaining = match remain(whom, all)? {
            Remaining::Connections(0) => {
                ask::show("no connections remain\n");
                return Ok(ExitCode::SUCCESS);
            }
            Remaining::Connections(number) => Some(number),
            Remaining::Uncounted => {
                ask::show("this data plane counts no connections: nothing is waited for\n");
                return Ok(ExitCode::SUCCESS);
            }
            Remaining::Unread => None,
            Remaining::Ended(why) => {
                eprint(&format!("{why}\n"));
                return Ok(ExitCode::from(exit::NOT_DRAINED));
            }
        };
        if told != Some(remaining) {
            ask::show(&connections(remaining));
            told = Some(remaining);
        }
        let is_over = until.is_some_and(|until| now() >= until);
        let next = until.map_or_else(|| now() + PAUSE, |until| until.min(now() + PAUSE));
        if !is_over {
            sleep(&mut events, next, &mut ready).map_err(broken)?;
        }
        if is_over || !ready.is_empty() {
            let why = if is_over { "the time is over" } else { "interrupted" };
            eprint(&format!(
                "{why}: {}; what is drained stays so, `steadfast server enable` ends it\n",
                connections(remaining).trim_end()
            ));
            return Ok(ExitCode::from(exit::NOT_DRAINED));
        }
    }
}

/// Sleeps until then, or until a signal comes.
fn sleep(events: &mut EventLoop, until: Instant, ready: &mut Vec<Token>) -> Result<(), LoopError> {
    ready.clear();
    while ready.is_empty() && now() < until {
        events.wait(Some(until), ready)?;
    }
    Ok(())
}

fn connections(number: Option<u64>) -> String {
    match number {
        Some(1) => "1 connection remains\n".to_owned(),
        Some(number) => format!("{number} connections remain\n"),
        None => "how many connections remain cannot be read\n".to_owned(),
    }
}

/// What remains of the connections of drained servers.
enum Remaining {
    Connections(u64),
    /// Nobody counts them.
    Uncounted,
    /// The kernel did not say how many.
    Unread,
    /// A server is drained no longer; why.
    Ended(String),
}

fn remain(whom: &Whom, all: &[Steered]) -> Result<Remaining, Failure> {
    let mut report = Report::default();
    let instance = Some(whom.real_server.clone());
    let request = Request { instance, only: Some(Only::Servers), ..Request::new(Ask::Status) };
    match ask::ask(&whom.daemon, &request, PATIENCE, |line| report.take(line)) {
        Ok(_) => {}
        // Nothing is called so any more.
        Err(Failure::Refused(LineError::Instance(why))) => return Ok(Remaining::Ended(why)),
        Err(failure) => return Err(failure),
    }
    let mut sum = 0;
    for steered in all {
        let Some((of, server)) = find(&report, steered) else {
            return Ok(Remaining::Ended(format!(
                "{} is configured no longer",
                steered.real_server
            )));
        };
        if server.order.as_ref().map(|it| it.order) != Some(status::Order::Weight(0)) {
            let text = format!("{} is drained no longer: another order or a reload", server.name);
            return Ok(Remaining::Ended(text));
        }
        match (server.connections, server.installed) {
            (Some(connections), _) => sum += u64::from(connections.active),
            (None, None) => {}
            (None, Some(_)) if of.data_plane.as_deref() == Some(UNCOUNTED) => {
                return Ok(Remaining::Uncounted);
            }
            (None, Some(_)) => return Ok(Remaining::Unread),
        }
    }
    Ok(Remaining::Connections(sum))
}

fn find<'r>(report: &'r Report, steered: &Steered) -> Option<(&'r VirtualServer, &'r RealServer)> {
    let mut of = report.virtual_servers.iter().filter(|it| it.name == steered.virtual_server);
    of.find_map(|it| {
        let real = it.real_servers.iter().find(|real| real.name == steered.real_server)?;
        Some((it, real))
    })
}

/// The data plane that counts no connections, as `status` calls it.
const UNCOUNTED: &str = "nftables";
/// From one look to the next.
const PAUSE: Duration = Duration::from_secs(1);
