//! BFD sessions on this host: their sockets, and what becomes of what they say.
//!
//! The sessions themselves are `bfd::Session`s. One socket for each family and port hears them all; each sends from a
//! socket of its own, since it has a source port and a TTL of its own.

mod roll;
mod running;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bfd::{Cause, Memory, Output, Session};
use clock::Instant;
use config::model::BfdInstance;
use control::{SessionMemory, Severity, ToParent};
use kernel::socket::{BfdDatagram, BfdReceiver};
use wire::bfd::{BfdControl, BfdDiscard};

use self::roll::{Mine, Roll};
use self::running::{Door, Running};
use super::Shell;
use super::receive::Complaint;
use crate::log::with_silenced;

/// All sessions of this process.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    roll: Roll,
    receivers: BTreeMap<Door, Option<BfdReceiver>>,
    /// When sockets that could not be opened are tried again.
    retry_at: Option<Instant>,
    /// Room for what one session puts out, used again and again.
    outputs: Vec<Output>,
}

/// Whether everything that arrived was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hearing {
    /// It was.
    Whole,
    /// More waits.
    Behind,
}

/// Why a packet is not taken.
enum Refusal {
    Malformed(BfdDiscard),
    Nobody,
    Ttl { name: String, ttl: u8, least: u8 },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(why) => why.fmt(f),
            Self::Nobody => f.write_str("there is no such session"),
            Self::Ttl { name, ttl, least } => {
                write!(f, "its TTL is {ttl}, less than the {least} of ({name})")
            }
        }
    }
}

impl Sessions {
    /// When something is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.roll.deadline().into_iter().chain(self.retry_at).min()
    }

    /// Whether the other end of a session is reached.
    pub(super) fn is_reached(&self, name: &str) -> bool {
        self.roll.named(name).is_some_and(|it| it.session.is_reached())
    }
}

impl Shell {
    /// Brings the sessions in line with the configuration in force.
    pub(super) fn arrange_sessions(&mut self, now: Instant) {
        // Those of which checks alone are told are here, too: there is one socket for all.
        let wanted = self.settled.sessions.clone();
        let mut former = self.sessions.roll.take();
        let mut fresh = Vec::new();
        for instance in wanted {
            let key = |it: &BfdInstance| (it.neighbor, it.source, it.multihop);
            match former.remove(&instance.name) {
                Some(mut known) if key(&known.instance) == key(&instance) => {
                    known.session.adjust(now, instance.parameters);
                    if known.instance.ttl != instance.ttl {
                        known.sender = None;
                    }
                    known.instance = instance;
                    self.sessions.roll.insert(known);
                }
                other => {
                    former.extend(other.map(|other| (instance.name.clone(), other)));
                    fresh.push(instance);
                }
            }
        }
        for (name, mut gone) in former {
            let mut outputs = Vec::new();
            gone.session.shutdown(now, &mut outputs);
            let _ = gone.perform(&outputs);
            self.keep_session(&name, None);
        }
        for instance in fresh {
            let kept = self.startup.options.handover.sessions.remove(&instance.name);
            let kept = kept.and_then(remembered);
            let roll = &mut self.sessions.roll;
            let session = match kept.filter(|memory| roll.get(memory.mine).is_none()) {
                Some(memory) => Session::resume(now, instance.parameters, memory),
                None => Session::new(now, instance.parameters, roll.fresh()),
            };
            roll.insert(Running::new(instance, session));
        }
        self.open_session_sockets(now);
    }

    /// Opens what is missing, closes what nobody uses.
    fn open_session_sockets(&mut self, now: Instant) {
        let Self { sessions, events, startup, .. } = self;
        let mut complete = true;
        for door in Door::ALL {
            let users = sessions.roll.iter().filter(|it| Door::of(&it.instance) == door).count();
            if users == 0 {
                if let Some(Some(receiver)) = sessions.receivers.remove(&door) {
                    let _ = events.remove(&receiver);
                }
                continue;
            }
            if let Some(Some(receiver)) = sessions.receivers.get(&door) {
                receiver.make_room(users);
                continue;
            }
            let opened = BfdReceiver::open(door.family, door.port()).map_err(|it| it.to_string());
            let opened = opened.and_then(|receiver| {
                let added = events.add(&receiver, door.token());
                added.map(|()| receiver).map_err(|error| error.to_string())
            });
            // Said once: afterwards there is an entry without a socket.
            if let (Err(why), None) = (&opened, sessions.receivers.get(&door)) {
                startup.log.push(Severity::Error, format!("BFD sessions hear nothing: {why}"));
            }
            if let Ok(receiver) = &opened {
                receiver.make_room(users);
            }
            complete &= opened.is_ok();
            sessions.receivers.insert(door, opened.ok());
        }
        for running in sessions.roll.iter_mut().filter(|it| it.sender.is_none()) {
            match running.open_sender() {
                Ok(()) => running.problem = None,
                Err(why) => {
                    complete = false;
                    if running.problem.as_ref() != Some(&why) {
                        let text = format!("({}) {why}", running.instance.name);
                        startup.log.push(Severity::Error, text);
                    }
                    running.problem = Some(why);
                }
            }
        }
        sessions.retry_at = (!complete).then(|| now + RETRY);
    }

    /// Takes in what waits, at most [`PACKETS`] of each socket.
    pub(super) fn hear_sessions(&mut self, now: Instant) -> Hearing {
        let mut hearing = Hearing::Whole;
        for door in Door::ALL {
            for taken in 1.. {
                let Some(Some(receiver)) = self.sessions.receivers.get(&door) else { break };
                let Some(datagram) = receiver.receive() else { break };
                if let Err(why) = self.hear_one(now, door, &datagram) {
                    let complaint = Complaint::Session(datagram.source);
                    if let Some(silenced) = self.discarded.admit(now, &complaint) {
                        let text = format!("BFD packet of {}: {why}", datagram.source);
                        self.startup.log.push(Severity::Warning, with_silenced(text, silenced));
                    }
                }
                if taken == PACKETS {
                    hearing = Hearing::Behind;
                    break;
                }
            }
        }
        hearing
    }

    /// One packet. **Errors**: why it is not taken.
    fn hear_one(
        &mut self,
        now: Instant,
        door: Door,
        datagram: &BfdDatagram,
    ) -> Result<(), Refusal> {
        let bytes = datagram.bytes.get(..datagram.length).unwrap_or_default();
        let control = BfdControl::parse(bytes).map_err(Refusal::Malformed)?;
        let roll = &self.sessions.roll;
        let mine = roll.find(door, datagram, &control).ok_or(Refusal::Nobody)?;
        let running = roll.get(mine).ok_or(Refusal::Nobody)?;
        let (ttl, least) = (datagram.ttl, running.least_ttl());
        if ttl < least {
            return Err(Refusal::Ttl { name: running.instance.name.clone(), ttl, least });
        }
        self.drive_session(now, mine, |running, outputs| {
            running.session.receive(now, &control, outputs);
        });
        Ok(())
    }

    /// Does what is due. `late` is by how much this process overslept.
    pub(super) fn tend_sessions(&mut self, now: Instant, late: Duration, hearing: Hearing) {
        if self.sessions.retry_at.is_some_and(|at| at <= now) {
            self.open_session_sockets(now);
        }
        while let Some(mine) = self.sessions.roll.pop_due(now) {
            self.drive_session(now, mine, |running, outputs| {
                match hearing {
                    Hearing::Whole => running.session.stalled(now, late),
                    Hearing::Behind => running.session.behind(now),
                }
                running.session.timeout(now, outputs);
            });
        }
    }

    /// Ends all sessions; the other ends are told that it is meant.
    pub(super) fn end_sessions(&mut self, now: Instant) {
        for running in self.sessions.roll.iter_mut() {
            let mut outputs = Vec::new();
            running.session.shutdown(now, &mut outputs);
            let _ = running.perform(&outputs);
        }
    }

    /// Hands a session to `act` and performs what it puts out.
    fn drive_session(
        &mut self,
        now: Instant,
        mine: Mine,
        act: impl FnOnce(&mut Running, &mut Vec<Output>),
    ) {
        let mut outputs = std::mem::take(&mut self.sessions.outputs);
        self.sessions.roll.drive(mine, &mut outputs, act);
        self.follow_session(now, mine, &outputs);
        outputs.clear();
        self.sessions.outputs = outputs;
    }

    /// Performs what a session puts out: packets first, then what is said of it.
    fn follow_session(&mut self, now: Instant, mine: Mine, outputs: &[Output]) {
        let Some(running) = self.sessions.roll.get_mut(mine) else { return };
        if let Err(error) = running.perform(outputs) {
            let text = format!("({}) {error}", running.instance.name);
            if let Some(silenced) = self.complaints.admit(now, &Complaint::Unsent(mine)) {
                self.startup.log.push(Severity::Warning, with_silenced(text, silenced));
            }
        }
        let memory = running.session.memory();
        let is_news = memory != running.kept;
        running.kept = memory;
        let is_told = |output: &Output| !matches!(output, Output::Send(_));
        if !is_news && !outputs.iter().any(is_told) {
            return;
        }
        let name = running.instance.name.clone();
        for output in outputs {
            if let Output::Changed { to, cause } = output {
                if let Cause::Expired { after, overdue } = cause {
                    let text = format!(
                        "({name}) Expired after {} ms ({} usec overdue)",
                        after.as_millis(),
                        overdue.as_micros()
                    );
                    self.startup.log.push(Severity::Warning, text);
                }
                let said = match cause {
                    Cause::Heard(state) => format!(" (the other end is {state})"),
                    Cause::Expired { .. } | Cause::Shutdown => String::new(),
                };
                let text = format!("({name}) Entering {to} state{said}");
                self.startup.log.push(Severity::Info, text);
            }
        }
        if is_news {
            self.keep_session(&name, memory);
        }
        if outputs.iter().any(|output| matches!(output, Output::Reached(_))) {
            self.tell_session(now, &name);
        }
    }

    /// Hands the parent what a successor needs.
    fn keep_session(&mut self, name: &str, memory: Option<Memory>) {
        let memory = memory.map(|memory| SessionMemory {
            mine: memory.mine.get(),
            yours: memory.yours.get(),
            multiplier: memory.multiplier.get(),
            min_tx: memory.min_tx,
            min_rx: memory.min_rx,
        });
        // A parent that is gone is noticed by the loop.
        let _ = self.startup.parent.say(&ToParent::Session { name: name.to_owned(), memory });
    }
}

fn remembered(memory: SessionMemory) -> Option<Memory> {
    Some(Memory {
        mine: memory.mine.try_into().ok()?,
        yours: memory.yours.try_into().ok()?,
        multiplier: memory.multiplier.try_into().ok()?,
        min_tx: memory.min_tx,
        min_rx: memory.min_rx,
    })
}

/// Packets that are taken from one socket before others have their turn.
const PACKETS: usize = 128;
const RETRY: Duration = Duration::from_secs(1);
