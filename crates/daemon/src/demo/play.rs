//! The play's one loop: waits, pings, receives, listens to the daemons.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use clock::Instant;
use kernel::eventloop::{EventLoop, Signals, Token, now};
use wire::{MacAddr, Vrid};

use super::client::Client;
use super::directory::Directory;
use super::isolation::INTERRUPTS;
use super::ledger::{Ledger, Sighting};
use super::nodes::{self, Daemon};
use super::timeline::Timeline;
use super::topology::{PAGE, Router, Topology};
use super::visitor::Visitor;
use super::visits::Visits;
use super::web::{Server, Web};

/// Everything that acts.
pub(super) struct Play {
    pub(super) timeline: Timeline,
    pub(super) ledger: Ledger,
    pub(super) visits: Visits,
    events: EventLoop,
    signals: Signals,
    topology: Topology,
    client: Client,
    daemons: [Daemon; 2],
    servers: [Server; 2],
    visitor: Visitor,
    /// Who answered for an address last.
    answering: BTreeMap<Ipv4Addr, MacAddr>,
    ready: Vec<Token>,
    /// Everything is over then, whatever has happened.
    end: Instant,
    /// Removed last.
    _directory: Directory,
}

/// Somebody wants the demonstration to end.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("interrupted")]
pub(super) struct Interrupted;

impl Play {
    /// Builds the network and opens the client's eyes; no daemon runs yet.
    ///
    /// **Errors**: the kernel refuses something.
    pub(super) fn set_up(timeline: Timeline, addresses: Vec<Ipv4Addr>) -> anyhow::Result<Self> {
        let signals = Signals::open(&INTERRUPTS)?;
        let directory = Directory::create()?;
        let (topology, link) = Topology::build()?;
        let client = Client::open(&topology, link, addresses)?;
        let [a, b] = Router::ALL;
        let daemons = [Daemon::prepare(a, &directory)?, Daemon::prepare(b, &directory)?];
        let visitor = Visitor::start(topology.client(), PAGE)?;
        let events = EventLoop::new()?;
        events.add(&signals, SIGNALS)?;
        events.add(&client, CLIENT)?;
        Ok(Self {
            end: timeline.begun() + LONGEST,
            timeline,
            ledger: Ledger::default(),
            visits: Visits::default(),
            events,
            signals,
            topology,
            client,
            daemons,
            servers: Web::ALL.map(Server::new),
            visitor,
            answering: BTreeMap::new(),
            ready: Vec::new(),
            _directory: directory,
        })
    }

    /// Notes what the demonstration itself does.
    pub(super) fn announce(&self, what: &str) {
        self.timeline.note(now(), "demo", what);
    }

    /// Goes on until `done` or the deadline, whichever is first; says whether `done` it is.
    ///
    /// **Errors**: an interrupt, a daemon that ended unasked, a system call that failed.
    pub(super) fn until(
        &mut self,
        deadline: Instant,
        mut done: impl FnMut(&Self, Instant) -> bool,
    ) -> anyhow::Result<bool> {
        let deadline = deadline.min(self.end);
        loop {
            let now = now();
            if done(self, now) {
                return Ok(true);
            }
            if now >= deadline {
                return Ok(false);
            }
            self.turn()?;
        }
    }

    fn turn(&mut self) -> anyhow::Result<()> {
        self.events.wait(Some(self.client.due()), &mut self.ready)?;
        let now = now();
        // First: an interrupt of the terminal may be behind whatever else has happened.
        if self.signals.take().is_some() {
            return Err(Interrupted.into());
        }
        self.ledger.look(now);
        if self.ready.contains(&CLIENT) {
            self.hear(now)?;
        }
        self.client.ask(now);
        self.visitor.heard().for_each(|visit| self.visits.saw(visit));
        for server in &mut self.servers {
            if self.ready.contains(&server.token())
                && let Some(ended) = server.tend(&self.events)?
            {
                self.timeline.note(now, server.web().name(), &ended.to_string());
            }
        }
        for daemon in &mut self.daemons {
            let name = daemon.router().name();
            if self.ready.contains(&daemon.log_token()) {
                daemon.read_log(&self.events, |line| {
                    if nodes::is_transition(line) || nodes::is_about_servers(line) {
                        self.timeline.note(now, name, line);
                    }
                });
            }
            if (daemon.lingers() || self.ready.contains(&daemon.process_token()))
                && let Some(ended) = daemon.tend(&self.events)?
            {
                self.timeline.note(now, name, &format!("daemon {ended}"));
            }
        }
        Ok(())
    }

    fn hear(&mut self, now: Instant) -> anyhow::Result<()> {
        let Self { client, ledger, answering, timeline, .. } = self;
        for _ in 0..BATCHES_A_TURN {
            let more = client.hear(|sighting| {
                ledger.saw(now, sighting);
                if let Sighting::Reply { address, from } = sighting
                    && answering.insert(address, from) != Some(from)
                {
                    let who = Router::of(from).map_or("a stranger", Router::name);
                    timeline.note(now, "client", &format!("{address} is answered by {who}"));
                }
            })?;
            if !more {
                break;
            }
        }
        Ok(())
    }

    /// Whether a router advertises this virtual router and answers for its addresses.
    pub(super) fn holds(
        &self,
        now: Instant,
        router: Router,
        vrid: Vrid,
        addresses: &[Ipv4Addr],
    ) -> bool {
        let mac = Some(router.mac());
        self.ledger.holder(vrid) == mac
            && addresses.iter().all(|address| {
                let last = self.ledger.last_reply(*address);
                self.answering.get(address).copied() == mac
                    && last.is_some_and(|last| now.since(last) < FRESH)
            })
    }

    /// Starts a router's daemon.
    pub(super) fn start(&mut self, router: Router) -> anyhow::Result<()> {
        let (home, events) = (self.topology.router(router), &self.events);
        match self.daemons.iter_mut().find(|daemon| daemon.router() == router) {
            Some(daemon) => daemon.start(home, events),
            None => Ok(()),
        }
    }

    /// Kills a router's daemon with all its processes.
    pub(super) fn kill(&mut self, router: Router) -> anyhow::Result<()> {
        self.daemons
            .iter_mut()
            .filter(|daemon| daemon.router() == router)
            .try_for_each(Daemon::kill)
    }

    /// Asks a router's daemon to end in order.
    pub(super) fn stop(&mut self, router: Router) -> anyhow::Result<()> {
        self.daemons
            .iter_mut()
            .filter(|daemon| daemon.router() == router)
            .try_for_each(Daemon::stop)
    }

    /// Starts a web server.
    pub(super) fn start_web(&mut self, web: Web) -> anyhow::Result<()> {
        let (home, events) = (self.topology.web(web), &self.events);
        match self.servers.iter_mut().find(|server| server.web() == web) {
            Some(server) => server.start(home, events),
            None => Ok(()),
        }
    }

    /// Kills a web server.
    pub(super) fn kill_web(&mut self, web: Web) -> anyhow::Result<()> {
        self.servers.iter_mut().filter(|server| server.web() == web).try_for_each(Server::kill)
    }

    /// Whether a web server has not ended.
    pub(super) fn runs_web(&self, web: Web) -> bool {
        self.servers.iter().any(|server| server.web() == web && server.runs())
    }

    /// Whether a router's daemon has not ended.
    pub(super) fn runs(&self, router: Router) -> bool {
        self.daemons.iter().any(|daemon| daemon.router() == router && daemon.runs())
    }

    /// Pulls a router's cable, or plugs it in again.
    pub(super) fn set_cable(&mut self, router: Router, plugged: bool) -> anyhow::Result<()> {
        self.topology.set_cable(router, plugged)
    }

    /// What the daemons said last.
    pub(super) fn logs(&self) -> String {
        let of = |daemon: &Daemon| {
            let lines: Vec<&str> = daemon.recent().collect();
            format!("{} said last:\n  {}\n", daemon.router().name(), lines.join("\n  "))
        };
        self.daemons.iter().map(of).collect()
    }

    /// Ends the daemons in order and waits for them, for a while.
    pub(super) fn finish(&mut self) {
        let deadline = now() + PATIENCE;
        for daemon in &mut self.daemons {
            let _ = daemon.stop();
        }
        for server in &mut self.servers {
            let _ = server.kill();
        }
        while self.daemons.iter().any(Daemon::runs) && now() < deadline {
            match self.turn() {
                Err(error) if !error.is::<Interrupted>() => break,
                _ => {}
            }
        }
    }
}

const SIGNALS: Token = Token(1);
const CLIENT: Token = Token(2);
/// Frames of a burst that are taken in before others have their turn, in calls.
const BATCHES_A_TURN: usize = 8;
/// An answer that is older is none.
const FRESH: Duration = Duration::from_millis(100);
/// The whole play, whatever goes wrong.
const LONGEST: Duration = Duration::from_secs(66);
/// Time for the daemons to end.
const PATIENCE: Duration = Duration::from_secs(3);
