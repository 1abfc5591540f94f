//! One turn of the loop: wait, take in the news, packets before timers, perform, arm again.

use std::time::Duration;

use clock::Instant;
use config::model::Instance;
use control::{Severity, Summary};
use kernel::eventloop::{LoopError, Token, boot_time, now, wall_clock};
use kernel::socket::Framing;
use vrrp::{Input, Mode, Parameters, Role};
use wire::Priority;

use super::ports::PortId;
use super::report::Telling;
use super::{NEWS, PARENT, PATHS, RELOAD, SIGNALS, Shell};
use crate::child::{Orphaned, Request};
use crate::compat::narration::span;

/// Why the loop ended.
pub(super) enum Ended {
    /// The parent said so, or a signal did.
    Told,
    /// The parent is gone.
    Orphaned,
    /// The kernel refuses to let us wait.
    Failed(LoopError),
}

impl From<Orphaned> for Ended {
    fn from(_: Orphaned) -> Self {
        Self::Orphaned
    }
}

/// Whether the loop goes on.
enum Next {
    Turn,
    End,
}

impl Shell {
    /// Turns until told to end.
    pub(super) fn serve(&mut self) -> Ended {
        let mut ready = Vec::new();
        let mut suspended = suspended_so_far();
        loop {
            let at = now();
            if let Err(Orphaned) = self.end_turn(at) {
                return Ended::Orphaned;
            }
            let mut deadline = self.deadline();
            let is_blocked = self.telling.as_ref().is_some_and(Telling::is_blocked);
            if is_blocked || self.startup.log.is_waiting() || self.startup.parent.is_behind() {
                deadline = deadline.min(at + LOG_PAUSE);
            }
            let slice = self.slice();
            let is_sliced = self.is_flooded && deadline > at;
            let waited = if is_sliced {
                self.events.sleep(deadline.min(at + slice), &mut ready)
            } else {
                self.events.wait(Some(deadline), &mut ready)
            };
            if let Err(error) = waited {
                return Ended::Failed(error);
            }
            let woken = now();
            self.slept = if is_sliced { Slept::of(woken.since(at).min(slice)) } else { Slept::NOT };
            let slept = suspended_so_far();
            // A stopped process is late for its deadline; a suspended machine's monotonic clock stood still.
            // Work that was left over is not lateness.
            let stall = woken.since(deadline.max(at)).max(slept.saturating_sub(suspended));
            suspended = slept;
            let heard = self.heard;
            match self.turn(woken, stall, &ready) {
                Ok(Next::Turn) => {
                    // A second turn with packets so soon after another: more are to come.
                    let soon = if self.is_flooded { slice * 2 } else { slice };
                    self.is_flooded = self.heard > heard && woken.since(self.heard_at) < soon;
                    if self.heard > heard {
                        self.heard_at = woken;
                    }
                    self.is_crowded = self.heard.saturating_sub(heard) >= CROWD;
                }
                Ok(Next::End) => return Ended::Told,
                Err(Orphaned) => return Ended::Orphaned,
            }
        }
    }

    fn turn(&mut self, now: Instant, stall: Duration, ready: &[Token]) -> Result<Next, Orphaned> {
        let mut next = Next::Turn;
        self.watch_clock();
        if ready.contains(&NEWS) {
            self.read_news(now);
        }
        if ready.contains(&PATHS) {
            self.read_path_news(now);
        }
        let ports_due = self.retry_ports_at.is_some_and(|at| at <= now);
        let links_due = self.links_due().is_some_and(|at| at <= now);
        if ports_due || links_due || self.looked.is_due(now) {
            self.look_around(now);
        }
        // Before their timers, as with advertisements.
        let hearing = self.hear_sessions(now);
        self.tend_sessions(now, stall, hearing);
        if stall >= STALL {
            // Whatever waits anywhere is older than the timers that are due.
            let ports: Vec<PortId> = self.ports.iter().map(|(id, _)| id).collect();
            for port in ports {
                for framing in [Framing::Plain, Framing::Authenticated] {
                    self.receive(now, port, framing);
                }
            }
            if stall >= WORTH_A_LINE {
                let text = format!("this process was late by {}", span(stall));
                self.startup.log.push(Severity::Warning, text);
            }
            self.feed(now, Input::Stalled { span: stall });
        } else {
            for token in ready {
                if let Some((port, framing)) = PortId::of_token(*token) {
                    self.receive(now, port, framing);
                }
            }
        }
        if self.start_at.is_some_and(|at| at <= now) {
            self.start_at = None;
            self.feed(now, Input::Startup);
        }
        if self.election.deadline().is_some_and(|deadline| deadline.at <= now) {
            self.feed(now, Input::Timeout);
        }
        self.announcer.send_due(now);
        self.renew_leases(now);
        self.check_paths(now);
        self.go_on_working(now);
        self.hear_conflicts(now, ready);
        self.hear_walls();
        self.follow_rivals(now);
        if ready.contains(&RELOAD) {
            self.take_reload(now)?;
        }
        if ready.contains(&SIGNALS) {
            while let Some(signal) = self.signals.take() {
                if signal == nix::sys::signal::Signal::SIGTERM {
                    next = Next::End;
                }
            }
        }
        self.go_on_telling()?;
        if ready.contains(&PARENT) {
            while let Some(request) = self.startup.parent.request(&mut self.startup.log)? {
                match request {
                    Request::Stop => next = Next::End,
                    Request::Reload(memory) => self.begin_reload(memory)?,
                    Request::Found(findings) => self.take_findings(now, findings),
                    // Programs of checks are not run for this process, and it has no real servers.
                    Request::Ran(..) | Request::Steer { .. } => {}
                    Request::Report { serial, clear, about: _ } => {
                        self.telling = Some(Telling::new(serial, clear));
                    }
                }
            }
        }
        Ok(next)
    }

    /// How long packets wait for others where many come one by one: each wake-up costs more than many packets.
    ///
    /// A process of Backups alone has time: what it learns late changes nothing but timers that count from the arrival.
    /// But no more may come meanwhile than a turn reads: what strangers send would push out what peers say.
    fn slice(&self) -> Duration {
        let is_calm = self.summary.is_some_and(|summary| summary.active == 0) && !self.is_crowded;
        if is_calm && self.settled.sessions.is_empty() { self.patience } else { SLICE }
    }

    /// The earliest time at which something is to be done.
    fn deadline(&self) -> Instant {
        [
            self.election.deadline().map(|deadline| deadline.at),
            self.announcer.deadline(),
            self.holdings.deadline(),
            self.paths.deadline(),
            self.rivals.deadline(),
            self.start_at,
            self.retry_ports_at,
            self.links_due(),
            self.sessions.deadline(),
            self.looked.again_at(),
            self.work.is_waiting().then_some(Instant::ZERO),
            self.telling.as_ref().filter(|it| !it.is_blocked()).map(|_| Instant::ZERO),
        ]
        .into_iter()
        .flatten()
        .fold(self.startup.parent.beat_due(), Instant::min)
    }

    fn end_turn(&mut self, now: Instant) -> Result<(), Orphaned> {
        if self.startup.parent.beats(now) {
            self.tell_numbers()?;
            self.tell_tally()?;
        }
        let Self { startup, election, settled, summary, .. } = self;
        startup.parent.end_turn(now, &mut startup.log, || {
            // Counted again only after a change: thousands of roles are many to count at each beat.
            *summary.get_or_insert_with(|| {
                let mut summary = Summary::default();
                for id in settled.instances.keys() {
                    match election.role(*id) {
                        Some(Role::Active) => summary.active += 1,
                        Some(Role::Backup) => summary.backup += 1,
                        Some(Role::Fault) => summary.fault += 1,
                        Some(Role::Initialize) | None => {}
                    }
                }
                summary
            })
        })
    }
}

/// How long the loop slept although packets may have come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slept {
    span: Duration,
    /// The time since 1970 when it woke.
    until: Duration,
}

impl Slept {
    /// It waited for what comes.
    pub(super) const NOT: Self = Self { span: Duration::ZERO, until: Duration::ZERO };

    fn of(span: Duration) -> Self {
        Self { span, until: wall_clock() }
    }

    /// How long a packet of this time waited for the loop to wake. The clock may have been set meanwhile: never longer
    /// than it slept.
    pub(super) fn since(self, stamp: Option<Duration>) -> Duration {
        stamp.map_or(Duration::ZERO, |stamp| self.until.saturating_sub(stamp).min(self.span))
    }
}

/// How long a Backup of each of these instances may let packets wait: no resignation is to be read after the skew time
/// that it starts.
pub(super) fn patience<'i>(instances: impl Iterator<Item = &'i Instance>) -> Duration {
    let allowed = instances.map(|instance| {
        let Parameters { version, advertisement_interval: interval, mode, .. } =
            &*instance.parameters;
        let priority = match mode {
            Mode::Owner => Priority::OWNER,
            Mode::Contender { priority, .. } => *priority,
        };
        (*interval / SLICES).min(vrrp::skew_time(*version, *interval, priority))
    });
    allowed.min().unwrap_or(SLICE).clamp(SLICE, LONGEST_SLICE)
}

/// How long the machine has been suspended since it started: what its two clocks differ by.
fn suspended_so_far() -> Duration {
    let running = now();
    boot_time().since(running)
}

const SLICE: Duration = Duration::from_millis(4);
const LONGEST_SLICE: Duration = Duration::from_millis(20);
/// Packets of one turn; half of what it reads at most from one socket.
const CROWD: u64 = 128;
/// How many slices an advertisement interval has at least.
const SLICES: u32 = 50;
/// How long lines wait for a parent that was busy.
const LOG_PAUSE: Duration = Duration::from_millis(2);
/// A wake-up that is this late is told to the election, which weighs it against each instance's timers.
const STALL: Duration = Duration::from_millis(30);
/// Less is the work of a turn in which much happened.
const WORTH_A_LINE: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    fn slept(span: u64, until: u64) -> Slept {
        Slept { span: Duration::from_millis(span), until: Duration::from_millis(until) }
    }

    #[test]
    fn a_packet_has_waited_no_longer_than_the_loop_slept() {
        let stamp = |ms| Some(Duration::from_millis(ms));
        let waited = |slept: Slept, stamp| slept.since(stamp).as_millis();
        assert_eq!(waited(slept(20, 1_000), stamp(987)), 13);
        // It came before, or after; the clock was set; nobody knows.
        assert_eq!(waited(slept(20, 1_000), stamp(979)), 20);
        assert_eq!(waited(slept(20, 1_000), stamp(1_001)), 0);
        assert_eq!(waited(slept(20, 1_000), stamp(5)), 20);
        assert_eq!(waited(slept(20, 1_000), None), 0);
        assert_eq!(waited(Slept::NOT, stamp(5)), 0);
    }

    #[test]
    fn backups_let_packets_wait_no_longer_than_their_shortest_skew_and_interval_allow() {
        let patience = |lines: &[&str]| {
            let blocks = lines.iter().enumerate().map(|(index, line)| {
                format!(
                    "vrrp_instance V{index} {{\ninterface eth0\nvirtual_router_id {}\n{line}\n\
                     virtual_ipaddress {{\n10.0.0.1\n}}\n}}\n",
                    index + 1
                )
            });
            let text: String = blocks.collect();
            let sources = config::source::SourceSet::single("x.conf", text);
            let environment = config::syntax::Environment::of_host("x");
            let model = config::check(&sources, &environment).model;
            super::patience(model.instances.iter()).as_micros()
        };
        let usual = "version 2\npriority 100\nadvert_int 1";
        assert_eq!(patience(&[usual]), 20_000);
        // 2/256 s.
        assert_eq!(patience(&[usual, "version 2\npriority 254\nadvert_int 1"]), 7_812);
        assert_eq!(patience(&[usual, "version 3\npriority 100\nadvert_int 0.5"]), 10_000);
        // 1/256 s: no shorter than where somebody is Active.
        assert_eq!(patience(&[usual, "version 2\npriority 255\nadvert_int 1"]), 4_000);
        assert_eq!(patience(&[]), 4_000);
    }
}
