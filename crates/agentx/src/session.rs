//! A session with the master agent, from nothing to being asked, and back after every loss.
//!
//! ```text
//!   Apart --until--> Connecting --Connected--> Opening --Response--> Serving
//!     ^                  |                        |                     |
//!     +------------------+-- Closed, silence, refusal, nonsense --------+
//! ```
//!
//! Whatever goes wrong, the connection is given up and tried again, each time a little later up to [`LONGEST_PAUSE`], until
//! one has lasted for a while. What shall be notified meanwhile is kept, as far as it fits, and so is what the master has
//! not answered: it may be told twice, and is not lost. **Source**: RFC 2741 §7.1.

mod notes;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use clock::Instant;

use self::notes::{Note, Notes};
use crate::answer::{answer, failure};
use crate::pdu::{Asked, Body, Header, Pdu, Reason, Response};
use crate::{Frames, Malformed, Oid, VarBind, View};

/// What a session is begun with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What kind of agent it is.
    pub id: Oid,
    /// The same for people.
    pub description: String,
    /// What requests are wanted for.
    pub subtrees: Vec<Subtree>,
}

/// A part of all names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subtree {
    /// Where it begins.
    pub root: Oid,
    /// What it is, for the list of what the agent can do.
    pub description: String,
}

/// What happens to the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<'b> {
    /// It was made.
    Connected,
    /// It ended, or could not be made.
    Closed,
    /// Bytes came.
    Received(&'b [u8]),
    /// Time has passed.
    Timeout,
}

/// What is to be done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Make a connection; say [`Input::Connected`] or [`Input::Closed`].
    Connect,
    /// Send these bytes.
    Send(Vec<u8>),
    /// End the connection; nothing is to be said of it.
    Disconnect,
    /// Requests are answered and notifications sent from now on.
    Opened,
    /// A subtree is not ours, with the error of the master; it is asked for again. Said once until it is given.
    Refused(Oid, u16),
    /// The session has lasted for a while, and the master lives.
    Steady,
    /// Notifications begin to be lost: too many wait, or the master answers none of them.
    Missing,
    /// So many were lost until now, when all others are told, or nothing more will be.
    Missed(u64),
    /// The session that was open, or was about to be, is over.
    Lost(Lost),
    /// The master asks something: say [`Session::answer`].
    Asked(Request),
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// The connection ended, or could not be made.
    #[error("no connection")]
    Connection,
    /// The master does not answer.
    #[error("it does not answer")]
    Silent,
    /// The master wants no session.
    #[error("it refuses a session (error {0})")]
    Refused(u16),
    /// The master ended it.
    #[error("it ended the session {}", .0.words())]
    Closed(Reason),
    /// The master says what cannot be understood.
    #[error("it sent a {0}")]
    Malformed(#[from] Malformed),
}

/// What the master asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    header: Header,
    body: Body,
    /// Of which connection.
    connection: u32,
}

impl Request {
    /// Whether its answer may tell something that is `root` or below it.
    #[must_use]
    pub fn reaches(&self, root: &[u32]) -> bool {
        let is_within = |asked: &Asked| asked.start.is_within(root);
        let passes = |asked: &Asked| {
            let is_before = asked.start.parts() < root;
            is_within(asked) || (is_before && (asked.end.is_null() || asked.end.parts() > root))
        };
        match &self.body {
            Body::Get(asked) => asked.iter().any(is_within),
            Body::GetNext(asked) | Body::GetBulk { asked, .. } => asked.iter().any(passes),
            Body::TestSet(_)
            | Body::CommitSet
            | Body::UndoSet
            | Body::CleanupSet
            | Body::Open { .. }
            | Body::Close(_)
            | Body::Register { .. }
            | Body::Notify(_)
            | Body::Ping
            | Body::AddCapabilities { .. }
            | Body::Response(_) => false,
        }
    }
}

/// The agent's end of a session.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    state: State,
    frames: Frames,
    /// How many connections there were.
    connection: u32,
    /// The number that the master has given it.
    number: u32,
    /// That of the last message.
    packet: u32,
    /// Losses since one lasted.
    failures: u32,
    /// Places of subtrees whose refusal was told.
    denied: BTreeSet<usize>,
    /// What waits to be notified.
    notes: Notes,
    /// Messages that the master has not answered yet.
    awaited: BTreeMap<u32, Awaited>,
}

#[derive(Clone, Debug)]
enum State {
    /// No connection, until this time.
    Apart(Instant),
    /// The shell is making one.
    Connecting,
    /// The master is to say whether it wants a session.
    Opening,
    /// The master may ask.
    Serving {
        /// When it is asked whether it lives.
        ping: Instant,
        /// Places of subtrees that it refused, and when they are asked for again.
        refused: Vec<usize>,
        again: Option<Instant>,
    },
    /// Ended for good.
    Over,
}

#[derive(Clone, Debug)]
struct Awaited {
    until: Instant,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Open,
    /// The subtree at this place.
    Register(usize),
    Capability,
    Note(Note),
    Ping,
}

impl Session {
    /// One that connects at once.
    #[must_use]
    pub fn new(now: Instant, settings: Settings) -> Self {
        Self {
            settings,
            state: State::Apart(now),
            frames: Frames::default(),
            connection: 0,
            number: 0,
            packet: 0,
            failures: 0,
            denied: BTreeSet::new(),
            notes: Notes::default(),
            awaited: BTreeMap::new(),
        }
    }

    /// When it wants to hear [`Input::Timeout`].
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let own = match &self.state {
            State::Apart(until) => Some(*until),
            State::Serving { ping, again, .. } => Some(again.map_or(*ping, |it| it.min(*ping))),
            State::Connecting | State::Opening | State::Over => None,
        };
        self.awaited.values().map(|it| it.until).chain(own).min()
    }

    /// Whether the master has everything that was to be notified.
    #[must_use]
    pub fn has_told_everything(&self) -> bool {
        self.notes.is_empty() && self.unanswered_notes() == 0
    }

    fn unanswered_notes(&self) -> usize {
        self.awaited.values().filter(|it| matches!(it.what, What::Note(_))).count()
    }

    /// Takes something in. A call before [`Session::deadline`] does no harm.
    pub fn handle(&mut self, now: Instant, input: Input<'_>, outputs: &mut Vec<Output>) {
        match input {
            Input::Connected => self.connected(now, outputs),
            Input::Closed => self.lose(now, Lost::Connection, outputs),
            Input::Received(bytes) => self.received(now, bytes, outputs),
            Input::Timeout => self.time_out(now, outputs),
        }
    }

    /// Notifies of something: these values, the first of which says of what (RFC 2741 §6.2.10). Of more than fit, the
    /// oldest are lost.
    pub fn notify(&mut self, now: Instant, binds: Vec<VarBind>, outputs: &mut Vec<Output>) {
        self.notes.push(binds, outputs);
        self.send_notes(now, outputs);
    }

    /// Answers a request; without a view, that there is no answer. One of a session that is over is forgotten.
    pub fn answer(&self, request: &Request, view: Option<&dyn View>, outputs: &mut Vec<Output>) {
        if request.connection != self.connection || !self.is_connected() {
            return;
        }
        let response = view.map_or_else(|| Some(failure()), |view| answer(&request.body, view));
        if let Some(response) = response {
            let body = Body::Response(response);
            outputs.push(Output::Send(Pdu { header: request.header, body }.emit()));
        }
    }

    /// Ends it for good.
    pub fn end(&mut self, outputs: &mut Vec<Output>) {
        if self.is_connected() {
            self.say(Body::Close(Reason::Shutdown), outputs);
            outputs.push(Output::Disconnect);
        }
        self.state = State::Over;
        self.notes.give_up(self.unanswered_notes(), outputs);
        self.awaited.clear();
    }

    const fn is_connected(&self) -> bool {
        match self.state {
            State::Opening | State::Serving { .. } => true,
            State::Apart(_) | State::Connecting | State::Over => false,
        }
    }

    fn connected(&mut self, now: Instant, outputs: &mut Vec<Output>) {
        if !matches!(self.state, State::Connecting) {
            return;
        }
        self.state = State::Opening;
        let id = self.settings.id.clone();
        let description = self.settings.description.clone().into_bytes();
        self.ask(now, What::Open, Body::Open { timeout: TIMEOUT, id, description }, outputs);
    }

    fn received(&mut self, now: Instant, bytes: &[u8], outputs: &mut Vec<Output>) {
        if !self.is_connected() {
            return;
        }
        self.frames.push(bytes);
        while self.is_connected() {
            match self.frames.next_pdu() {
                Ok(Some(pdu)) => self.take(now, pdu, outputs),
                Ok(None) => return,
                Err(malformed) => {
                    self.say(Body::Close(Reason::Parse), outputs);
                    self.lose(now, Lost::Malformed(malformed), outputs);
                }
            }
        }
    }

    fn time_out(&mut self, now: Instant, outputs: &mut Vec<Output>) {
        if self.awaited.values().any(|it| it.until <= now) {
            self.say(Body::Close(Reason::Timeouts), outputs);
            return self.lose(now, Lost::Silent, outputs);
        }
        match &mut self.state {
            State::Apart(until) if *until <= now => {
                self.connection = self.connection.wrapping_add(1);
                self.state = State::Connecting;
                outputs.push(Output::Connect);
            }
            State::Serving { ping, refused, again } => {
                let is_time = again.is_some_and(|again| again <= now);
                let again = if is_time { std::mem::take(refused) } else { Vec::new() };
                let pings = *ping <= now;
                self.go_on(now, &again, pings, outputs);
            }
            State::Apart(_) | State::Connecting | State::Opening | State::Over => {}
        }
    }

    /// Asks again for subtrees that were refused, and whether the master lives.
    fn go_on(&mut self, now: Instant, places: &[usize], pings: bool, outputs: &mut Vec<Output>) {
        if let State::Serving { ping, again, .. } = &mut self.state {
            if pings {
                *ping = now + PING;
            }
            if !places.is_empty() {
                *again = None;
            }
        }
        if pings {
            self.ask(now, What::Ping, Body::Ping, outputs);
        }
        places.iter().for_each(|place| self.register(now, *place, outputs));
    }

    /// The only way back to the start.
    fn lose(&mut self, now: Instant, why: Lost, outputs: &mut Vec<Output>) {
        if matches!(self.state, State::Apart(_) | State::Over) {
            return;
        }
        if self.is_connected() && why != Lost::Connection {
            outputs.push(Output::Disconnect);
        }
        outputs.push(Output::Lost(why));
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(8)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.state = State::Apart(now + pause);
        self.frames = Frames::default();
        self.number = 0;
        let unanswered = std::mem::take(&mut self.awaited).into_values();
        let notes = unanswered.filter_map(|it| match it.what {
            What::Note(note) => Some(note),
            What::Open | What::Register(_) | What::Capability | What::Ping => None,
        });
        self.notes.take_back(notes, outputs);
    }

    fn take(&mut self, now: Instant, pdu: Pdu, outputs: &mut Vec<Output>) {
        let Pdu { header, body } = pdu;
        match body {
            Body::Response(response) => self.take_response(now, header, &response, outputs),
            Body::Close(reason) => self.lose(now, Lost::Closed(reason), outputs),
            body @ (Body::Get(_)
            | Body::GetNext(_)
            | Body::GetBulk { .. }
            | Body::TestSet(_)
            | Body::CommitSet
            | Body::UndoSet) => {
                let connection = self.connection;
                outputs.push(Output::Asked(Request { header, body, connection }));
            }
            // Nothing was set; the others no master sends, and they are not worth the session.
            Body::CleanupSet
            | Body::Open { .. }
            | Body::Register { .. }
            | Body::Notify(_)
            | Body::Ping
            | Body::AddCapabilities { .. } => {}
        }
    }

    fn take_response(
        &mut self,
        now: Instant,
        header: Header,
        response: &Response,
        outputs: &mut Vec<Output>,
    ) {
        let Some(awaited) = self.awaited.remove(&header.packet) else { return };
        match awaited.what {
            What::Open if response.error != 0 => {
                self.lose(now, Lost::Refused(response.error), outputs);
            }
            What::Open => {
                self.number = header.session;
                let ping = now + PING;
                self.state = State::Serving { ping, refused: Vec::new(), again: None };
                outputs.push(Output::Opened);
                let places = 0..self.settings.subtrees.len();
                places.for_each(|place| self.register(now, place, outputs));
                self.send_notes(now, outputs);
            }
            What::Register(place) if response.error != 0 => {
                if let State::Serving { refused, again, .. } = &mut self.state {
                    refused.push(place);
                    *again = Some(now + AGAIN);
                }
                if let Some(subtree) = self.settings.subtrees.get(place)
                    && self.denied.insert(place)
                {
                    outputs.push(Output::Refused(subtree.root.clone(), response.error));
                }
            }
            What::Register(place) => {
                self.denied.remove(&place);
                if let Some(Subtree { root, description }) = self.settings.subtrees.get(place) {
                    let (id, description) = (root.clone(), description.clone().into_bytes());
                    let body = Body::AddCapabilities { id, description };
                    self.ask(now, What::Capability, body, outputs);
                }
            }
            What::Note(_) => {
                self.send_notes(now, outputs);
                if self.has_told_everything() {
                    self.notes.say_missed(outputs);
                }
            }
            What::Ping => {
                self.failures = 0;
                outputs.push(Output::Steady);
            }
            What::Capability => {}
        }
    }

    fn register(&mut self, now: Instant, place: usize, outputs: &mut Vec<Output>) {
        if let Some(subtree) = self.settings.subtrees.get(place) {
            let body = Body::Register { priority: PRIORITY, subtree: subtree.root.clone() };
            self.ask(now, What::Register(place), body, outputs);
        }
    }

    /// Sends what waits, a few at a time.
    fn send_notes(&mut self, now: Instant, outputs: &mut Vec<Output>) {
        let is_serving = matches!(self.state, State::Serving { .. });
        while is_serving
            && self.unanswered_notes() < NOTES_AT_ONCE
            && let Some(note) = self.notes.take()
        {
            let body = Body::Notify(note.binds.clone());
            self.ask(now, What::Note(note), body, outputs);
        }
    }

    /// Says what is answered.
    fn ask(&mut self, now: Instant, what: What, body: Body, outputs: &mut Vec<Output>) {
        let packet = self.say(body, outputs);
        self.awaited.insert(packet, Awaited { until: now + PATIENCE, what });
    }

    fn say(&mut self, body: Body, outputs: &mut Vec<Output>) -> u32 {
        self.packet = self.packet.wrapping_add(1);
        let (session, packet) = (self.number, self.packet);
        let header = Header { session, transaction: 0, packet };
        outputs.push(Output::Send(Pdu { header, body }.emit()));
        packet
    }
}

/// Seconds that the master shall wait for answers: the VRRP process may have to be started first.
const TIMEOUT: u8 = 5;
/// RFC 2741 §6.2.3: what is usual.
const PRIORITY: u8 = 127;
/// How long the master may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// From one question whether the master lives to the next.
const PING: Duration = Duration::from_secs(15);
/// Until a refused subtree is asked for again: another agent may have it for now.
const AGAIN: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest time from a loss to the next attempt.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Notifications that the master has not answered.
const NOTES_AT_ONCE: usize = 16;

#[cfg(test)]
mod tests;
