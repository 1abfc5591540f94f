//! One session: the states of RFC 5880 §6.2, its timers, and what it says.
//!
//! ```text
//!                    heard: Down                heard: Init or Up
//!          Down ------------------> Init --------------------------> Up
//!           |  heard: Init                                           ^
//!           +--------------------------------------------------------+
//!  Init, Up ---- detection time over; heard: AdminDown --> Down
//!        Up ---- heard: Down ----------------------------> Down
//! ```

use core::num::{NonZeroU8, NonZeroU32};
use core::time::Duration;

use clock::Instant;
use wire::bfd::{BfdControl, BfdDiagnostic, BfdState};

use crate::jitter::Jitter;
use crate::parameters::{Parameters, Part, microseconds, span};

/// One session.
#[derive(Clone, Debug)]
pub struct Session {
    parameters: Parameters,
    mine: NonZeroU32,
    yours: Option<NonZeroU32>,
    state: BfdState,
    diagnostic: BfdDiagnostic,
    remote: Remote,
    /// A change of ours that the other end has not confirmed (RFC 5880 §6.5).
    poll: bool,
    /// What counts until then: the shorter interval to send, the longer one to expect (RFC 5880 §6.8.3).
    tx: Duration,
    rx: Duration,
    sent: Instant,
    send_at: Option<Instant>,
    heard: Instant,
    expires_at: Option<Instant>,
    /// To when the end of the detection time can be put off at most; none while it was not.
    patience: Option<Instant>,
    /// What was told last of whether the other end is reached.
    reached: bool,
    jitter: Jitter,
}

/// What the other end said last.
#[derive(Clone, Copy, Debug)]
struct Remote {
    state: BfdState,
    demand: bool,
    multiplier: NonZeroU8,
    min_tx: u32,
    min_rx: u32,
}

/// What to do or to report, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this packet.
    Send(BfdControl),
    /// The state changed.
    Changed {
        /// To this.
        to: BfdState,
        /// Why.
        cause: Cause,
    },
    /// The other end is reached, or is not any more. That an administrator took it down is not told: it is no failure.
    Reached(bool),
}

/// Why the state changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The other end is in this state.
    Heard(BfdState),
    /// Nothing was heard.
    Expired {
        /// The detection time.
        after: Duration,
        /// How late we noticed.
        overdue: Duration,
    },
    /// We stop.
    Shutdown,
}

/// What a successor needs to go on with a session that is Up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Our name of the session.
    pub mine: NonZeroU32,
    /// The other end's name of it.
    pub yours: NonZeroU32,
    /// The other end's multiplier.
    pub multiplier: NonZeroU8,
    /// Its Desired Min TX Interval, in microseconds.
    pub min_tx: u32,
    /// Its Required Min RX Interval, in microseconds.
    pub min_rx: u32,
}

impl Session {
    /// A session that begins: Down, and at once where the active part is ours. `mine` must be no other session's.
    #[must_use]
    pub fn new(now: Instant, parameters: Parameters, mine: NonZeroU32) -> Self {
        let mut session = Self {
            parameters,
            mine,
            yours: None,
            state: BfdState::Down,
            diagnostic: BfdDiagnostic::None,
            remote: Remote::UNKNOWN,
            poll: false,
            tx: parameters.idle_tx,
            rx: parameters.min_rx,
            sent: now,
            send_at: None,
            heard: now,
            expires_at: None,
            patience: None,
            reached: false,
            jitter: Jitter::new(mine.get().into()),
        };
        session.send_at = session.may_send().then_some(now);
        session
    }

    /// One that goes on where a process before this one ended: the other end has not noticed.
    #[must_use]
    pub fn resume(now: Instant, parameters: Parameters, memory: Memory) -> Self {
        let mut session = Self::new(now, parameters, memory.mine);
        session.yours = Some(memory.yours);
        session.state = BfdState::Up;
        session.reached = true;
        session.remote = Remote {
            state: BfdState::Up,
            demand: false,
            multiplier: memory.multiplier,
            min_tx: memory.min_tx,
            min_rx: memory.min_rx,
        };
        session.poll = true;
        session.tx = parameters.min_tx;
        session.send_at = Some(now);
        session.expires_at = Some(now + session.detection());
        session
    }

    /// What a successor needs; none while the session is not Up.
    #[must_use]
    pub fn memory(&self) -> Option<Memory> {
        let Remote { multiplier, min_tx, min_rx, .. } = self.remote;
        let yours = self.yours.filter(|_| self.state == BfdState::Up)?;
        Some(Memory { mine: self.mine, yours, multiplier, min_tx, min_rx })
    }

    /// Our name of the session.
    #[must_use]
    pub const fn mine(&self) -> NonZeroU32 {
        self.mine
    }

    /// Whether the other end is reached, as told last.
    #[must_use]
    pub const fn is_reached(&self) -> bool {
        self.reached
    }

    /// When [`Self::timeout`] is to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        [self.send_at, self.expires_at].into_iter().flatten().min()
    }

    /// A packet of the other end, as RFC 5880 §6.8.6 says from where its checks end.
    pub fn receive(&mut self, now: Instant, control: &BfdControl, outputs: &mut Vec<Output>) {
        if self.state == BfdState::AdminDown {
            return;
        }
        self.yours = Some(control.mine);
        self.remote = Remote {
            state: control.state,
            demand: control.demand,
            multiplier: control.multiplier,
            min_tx: control.desired_min_tx,
            min_rx: control.required_min_rx,
        };
        if control.is_final && self.poll {
            self.poll = false;
            (self.tx, self.rx) = (self.wanted_tx(), self.parameters.min_rx);
        }
        self.heard = now;
        self.expires_at = Some(now + self.detection());
        self.patience = None;
        let before = self.state;
        match (self.state, control.state) {
            (BfdState::AdminDown, _)
            | (BfdState::Down, BfdState::AdminDown | BfdState::Up)
            | (BfdState::Init, BfdState::Down)
            | (BfdState::Up, BfdState::Init | BfdState::Up) => {}
            (BfdState::Down, BfdState::Down) => {
                self.enter(BfdState::Init, Cause::Heard(control.state), outputs);
            }
            (BfdState::Down, BfdState::Init) | (BfdState::Init, BfdState::Init | BfdState::Up) => {
                self.enter(BfdState::Up, Cause::Heard(control.state), outputs);
            }
            (BfdState::Init | BfdState::Up, BfdState::AdminDown)
            | (BfdState::Up, BfdState::Down) => {
                self.diagnostic = BfdDiagnostic::NeighborDown;
                self.enter(BfdState::Down, Cause::Heard(control.state), outputs);
            }
        }
        if control.poll {
            // Whatever the timer says (RFC 5880 §6.5).
            let answer = BfdControl { poll: false, is_final: true, ..self.control() };
            outputs.push(Output::Send(answer));
        } else if self.state != before {
            self.send(now, outputs);
        }
        self.schedule(now);
    }

    /// More packets wait than were read, of whichever sessions: silence is not judged before they were.
    pub fn behind(&mut self, now: Instant) {
        self.put_off(now, BACKLOG);
    }

    /// We come this much late to [`Self::deadline`], and all that waits was read. What was not there may have been
    /// lost with our own time: after an interval or more of it, the other end gets another interval to be heard in.
    pub fn stalled(&mut self, now: Instant, span: Duration) {
        let interval = self.detection() / u32::from(self.remote.multiplier.get());
        if span >= interval {
            self.put_off(now, interval);
        }
    }

    /// Puts off the end of the detection time where it has come; all in all by no more than another one.
    fn put_off(&mut self, now: Instant, span: Duration) {
        if self.expires_at.is_some_and(|at| at <= now) {
            let latest = now + self.detection();
            let latest = *self.patience.get_or_insert(latest);
            self.expires_at = self.expires_at.max(Some(latest.min(now + span)));
        }
    }

    /// Does what is due.
    pub fn timeout(&mut self, now: Instant, outputs: &mut Vec<Output>) {
        if let Some(at) = self.expires_at.filter(|at| *at <= now) {
            let cause = Cause::Expired { after: at.since(self.heard), overdue: now.since(at) };
            // RFC 5880 §6.8.1: whoever was not heard for so long may be another one.
            self.yours = None;
            self.remote = Remote::UNKNOWN;
            (self.expires_at, self.patience) = (None, None);
            if matches!(self.state, BfdState::Init | BfdState::Up) {
                self.diagnostic = BfdDiagnostic::DetectionExpired;
                self.enter(BfdState::Down, cause, outputs);
                if self.may_send() {
                    self.send(now, outputs);
                }
            }
            self.schedule(now);
        }
        if self.send_at.is_some_and(|at| at <= now) {
            self.send(now, outputs);
            self.schedule(now);
        }
    }

    /// Other parameters, without leaving the state; the other end is asked to confirm them.
    pub fn adjust(&mut self, now: Instant, parameters: Parameters) {
        if self.parameters == parameters {
            return;
        }
        self.parameters = parameters;
        if self.state == BfdState::Up {
            self.poll = true;
            self.tx = self.tx.min(parameters.min_tx);
            self.rx = self.rx.max(parameters.min_rx);
            self.send_at = Some(now);
        } else {
            (self.tx, self.rx) = (parameters.idle_tx, parameters.min_rx);
            self.schedule(now);
        }
    }

    /// Ends the session: the other end is told that this is meant.
    pub fn shutdown(&mut self, now: Instant, outputs: &mut Vec<Output>) {
        self.diagnostic = BfdDiagnostic::AdministrativelyDown;
        if self.state != BfdState::AdminDown {
            self.enter(BfdState::AdminDown, Cause::Shutdown, outputs);
            if self.may_send() {
                self.send(now, outputs);
            }
        }
        (self.send_at, self.expires_at) = (None, None);
    }

    /// The one way to change the state.
    fn enter(&mut self, to: BfdState, cause: Cause, outputs: &mut Vec<Output>) {
        let from = core::mem::replace(&mut self.state, to);
        self.poll = false;
        (self.tx, self.rx) = (self.parameters.idle_tx, self.parameters.min_rx);
        if to == BfdState::Up {
            // From the idle interval to the wanted one, which the other end shall know.
            self.diagnostic = BfdDiagnostic::None;
            self.poll = true;
            self.tx = self.tx.min(self.parameters.min_tx);
        }
        outputs.push(Output::Changed { to, cause });
        let is_meant = matches!(cause, Cause::Heard(BfdState::AdminDown) | Cause::Shutdown);
        let reached = match to {
            BfdState::Up => true,
            BfdState::Init => self.reached,
            BfdState::Down | BfdState::AdminDown => {
                self.reached && (is_meant || from != BfdState::Up)
            }
        };
        if core::mem::replace(&mut self.reached, reached) != reached {
            outputs.push(Output::Reached(reached));
        }
    }

    fn send(&mut self, now: Instant, outputs: &mut Vec<Output>) {
        self.sent = now;
        self.jitter.draw();
        outputs.push(Output::Send(self.control()));
    }

    /// When the next packet goes, from the last one on (RFC 5880 §6.8.7).
    fn schedule(&mut self, now: Instant) {
        let wanted = self.may_send() && self.remote.min_rx != 0;
        let demanded = self.remote.demand
            && !self.poll
            && (self.state, self.remote.state) == (BfdState::Up, BfdState::Up);
        if !wanted || demanded {
            self.send_at = None;
            return;
        }
        let interval = self.tx.max(span(self.remote.min_rx));
        let next = self.sent + self.jitter.shorten(interval, self.parameters.multiplier);
        let sooner = self.send_at.is_some_and(|at| at > self.sent && at <= next);
        if !sooner {
            self.send_at = Some(next.max(now));
        }
    }

    /// A passive one speaks to whom it has heard.
    fn may_send(&self) -> bool {
        self.parameters.part == Part::Active || self.yours.is_some()
    }

    fn wanted_tx(&self) -> Duration {
        match self.state {
            BfdState::Up => self.parameters.min_tx,
            BfdState::AdminDown | BfdState::Down | BfdState::Init => self.parameters.idle_tx,
        }
    }

    /// RFC 5880 §6.8.4, asynchronous mode.
    fn detection(&self) -> Duration {
        self.rx.max(span(self.remote.min_tx)) * u32::from(self.remote.multiplier.get())
    }

    fn control(&self) -> BfdControl {
        BfdControl {
            diagnostic: self.diagnostic,
            state: self.state,
            poll: self.poll,
            is_final: false,
            independent: false,
            demand: false,
            multiplier: self.parameters.multiplier,
            mine: self.mine,
            yours: self.yours,
            desired_min_tx: microseconds(self.wanted_tx()),
            required_min_rx: microseconds(self.parameters.min_rx),
            required_min_echo_rx: 0,
        }
    }
}

impl Remote {
    /// Nothing was said (RFC 5880 §6.8.1).
    const UNKNOWN: Self = Self {
        state: BfdState::Down,
        demand: false,
        multiplier: NonZeroU8::MIN,
        min_tx: 0,
        min_rx: 1,
    };
}

/// How long packets that wait to be read are waited for at a time.
const BACKLOG: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests;
