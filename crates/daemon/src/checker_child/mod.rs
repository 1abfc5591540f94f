//! The checker process: probes, verdicts and the kernel's load balancer.
//!
//! It decides nothing: how probes end becomes inputs of [`health::Roster`], and what the roster puts out is performed.
//! [`turn`] is the loop, [`perform`] does what was decided, [`pool`] knows what the load balancer shall hold and
//! [`tending`] leads it there, [`reload`] takes a new configuration over, [`difference`] says what that changes. One thread; conversations are tasks of it.

mod alike;
mod catalogue;
mod difference;
mod numbering;
mod perform;
mod plan;
mod plane;
mod pool;
mod presence;
mod probes;
mod programs;
mod question;
mod reload;
mod report;
mod specs;
mod steering;
mod sync;
mod tending;
mod told;
mod turn;

use std::collections::BTreeMap;
use std::process::ExitCode;

use config::RealServers;
use config::model::{Balancing, DataPlane};
use control::{Finding, Ordered, Severity, Watched};
use health::{DestinationId, Input, Outputs, Roster, ServiceId, Subject};
use kernel::eventloop::now;
use kernel::process::{self, Heirs, Privilege};

use self::catalogue::Catalogue;
pub(crate) use self::difference::compare;
use self::numbering::Numbering;
use self::pool::Pool;
use self::presence::Presence;
use self::probes::Probes;
use self::tending::Tending;
use self::turn::Ended;
use crate::child::{self, Needs, Startup};
use crate::compat::exit;
use crate::webs::Webs;

/// The process and everything that it keeps.
struct Shell {
    startup: Startup,
    numbering: Numbering,
    catalogue: Catalogue,
    /// The one before a reload, while outputs about it are performed.
    former: Option<Catalogue>,
    /// Settings of all virtual servers.
    balancing: Balancing,
    /// What the parent found out.
    findings: BTreeMap<Watched, Finding>,
    presence: Option<Presence>,
    /// The last words about a quorum, for a letter about it.
    quorum_words: String,
    /// The last words about a check.
    check_words: String,
    /// Those about an order.
    order_words: String,
    /// Orders that are in force.
    orders: BTreeMap<DestinationId, Ordered>,
    /// Whether somebody watches who is told of the end.
    is_watched: bool,
    /// Why servers have moved, until it is told that they have.
    causes: BTreeMap<(ServiceId, Subject), String>,
    /// A report that is being told.
    telling: Option<report::Telling>,
    /// Spreads the first looks.
    seed: u64,
    roster: Roster,
    outputs: Outputs,
    probes: Probes,
    /// What those of web servers need.
    webs: Webs,
    pool: Pool,
    data_plane: DataPlane,
    /// Whether there were virtual servers at any time.
    has_balanced: bool,
    tending: Tending,
    reading: reload::Reading,
}

/// Runs until the parent says otherwise, or is gone.
pub(crate) fn run() -> ExitCode {
    let mut startup = match child::take_over(RealServers::Kept) {
        Ok(startup) => startup,
        Err(code) => return code,
    };
    let needs = Needs {
        realtime_priority: None,
        heirs: Heirs::Nobody,
        lock_memory: false,
        privileges: &[Privilege::NetAdmin, Privilege::NetRaw],
    };
    let options = &startup.options;
    child::settle(&options.invoked_name, &startup.model.global.checker, needs, &mut startup.log);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            startup.log.push(Severity::Error, format!("cannot start: {error}"));
            let _ = startup.parent.flush(&mut startup.log);
            return ExitCode::from(exit::FATAL);
        }
    };
    let mut shell = Shell::new(startup);
    // As a task: each wake-up of what the runtime blocks on is a message to itself through the kernel.
    let served = runtime.block_on(runtime.spawn(async move {
        let ended = shell.serve().await;
        (shell, ended)
    }));
    // Only a panic would end the task otherwise, and that ends the process.
    let Ok((mut shell, ended)) = served else { return ExitCode::from(exit::FATAL) };
    match ended {
        // Whoever comes after a parent that was killed finds what serves.
        Ended::Orphaned => ExitCode::SUCCESS,
        Ended::Told => {
            shell.end();
            ExitCode::SUCCESS
        }
        Ended::Failed(error) => {
            shell.startup.log.push(Severity::Error, format!("cannot go on: {error}"));
            let _ = shell.startup.parent.flush(&mut shell.startup.log);
            ExitCode::from(exit::FATAL)
        }
    }
}

impl Shell {
    fn new(mut startup: Startup) -> Self {
        let descriptors = process::raise_descriptor_limit();
        let conversations = descriptors.saturating_sub(OTHER_DESCRIPTORS).min(CONVERSATIONS);
        Self {
            seed: startup.options.seed,
            findings: std::mem::take(&mut startup.options.handover.findings),
            balancing: Balancing::default(),
            presence: None,
            quorum_words: String::new(),
            check_words: String::new(),
            order_words: String::new(),
            orders: BTreeMap::new(),
            is_watched: false,
            causes: BTreeMap::new(),
            telling: None,
            startup,
            numbering: Numbering::default(),
            catalogue: Catalogue::default(),
            former: None,
            roster: Roster::new(),
            outputs: Outputs::new(),
            probes: Probes::new(usize::try_from(conversations).unwrap_or(usize::MAX)),
            webs: Webs::default(),
            pool: Pool::default(),
            data_plane: DataPlane::default(),
            has_balanced: false,
            tending: Tending::default(),
            reading: reload::Reading::default(),
        }
    }

    /// Takes over what stands, and starts.
    fn begin(&mut self) {
        let now = now();
        self.data_plane = self.startup.model.global.data_plane;
        let model = std::mem::take(&mut self.startup.model);
        let is_successor = self.startup.options.generation > 0;
        self.balancing = model.global.balancing.clone();
        let mut seen = self.look(now);
        // One that has no virtual servers leaves those of others alone.
        let balances = !model.virtual_servers.is_empty();
        if self.balancing.flushes && balances && !is_successor && seen.is_some() {
            self.flush();
            seen = self.look(now);
        }
        if let Some(seen) = seen {
            self.pool.see(seen);
        }
        let orders = std::mem::take(&mut self.startup.options.handover.orders);
        self.put_in_force(now, &model, orders, is_successor);
        self.claim(is_successor);
        self.roster.handle(now, Input::Startup, &mut self.outputs);
        self.perform(now);
        if !is_successor {
            self.say_who_is_checked();
        }
    }

    /// Takes everything of ours away: nobody is there any longer to say who serves.
    fn end(&mut self) {
        let now = now();
        self.roster.handle(now, Input::Shutdown, &mut self.outputs);
        // Programs and pipes first: of those who only watch there may be thousands of messages, and the time is short.
        self.outputs.put_last(|output| {
            matches!(output, health::Output::Notify { audience: health::Audience::Watchers, .. })
        });
        self.perform(now);
        self.release(now);
        let _ = self.startup.parent.flush(&mut self.startup.log);
    }
}

/// Conversations at a time: more would only wait for each other.
const CONVERSATIONS: u64 = 8192;
/// Descriptors that are no conversations.
const OTHER_DESCRIPTORS: u64 = 64;
