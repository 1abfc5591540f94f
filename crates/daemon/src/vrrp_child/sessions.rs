//! BFD sessions on this host: their sockets, and what becomes of what they say.
//!
//! The sessions themselves are `bfd::Session`s. One socket for each family and port hears them all; each sends from a
//! socket of its own, since it has a source port and a TTL of its own.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use bfd::{Cause, Memory, Output, Session};
use clock::Instant;
use config::model::{BfdInstance, BfdUsers};
use control::{SessionMemory, Severity, ToParent};
use kernel::eventloop::Token;
use kernel::socket::{BfdDatagram, BfdReceiver, BfdSender};
use wire::Family;
use wire::bfd::BfdControl;

use super::Shell;
use super::receive::Complaint;
use crate::log::with_silenced;

/// All sessions of this process.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    running: BTreeMap<String, Running>,
    receivers: BTreeMap<Door, Option<BfdReceiver>>,
    /// When sockets that could not be opened are tried again.
    retry_at: Option<Instant>,
}

/// Where packets come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Door {
    family: Family,
    multihop: bool,
}

#[derive(Debug)]
struct Running {
    instance: BfdInstance,
    session: Session,
    sender: Option<BfdSender>,
    /// What the parent keeps of it for a successor.
    kept: Option<Memory>,
    /// Why nothing can be sent; said once.
    problem: Option<String>,
}

impl Sessions {
    /// When something is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let sessions = self.running.values().filter_map(|it| it.session.deadline());
        sessions.chain(self.retry_at).min()
    }

    /// Whether the other end of a session is reached.
    pub(super) fn is_reached(&self, name: &str) -> bool {
        self.running.get(name).is_some_and(|it| it.session.is_reached())
    }

    /// The session that a packet is for: by our name of it, or by who sent it.
    fn find(&self, door: Door, source: IpAddr, control: &BfdControl) -> Option<&str> {
        let fits = |it: &Running| {
            Door::of(&it.instance) == door
                && it.instance.neighbor == source
                && control.yours.is_none_or(|yours| yours == it.session.mine())
        };
        self.running.iter().find(|(_, it)| fits(it)).map(|(name, _)| name.as_str())
    }

    /// A name of ours that no other session has.
    fn fresh_name(&self) -> NonZeroU32 {
        loop {
            let mut bytes = [0; 4];
            let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
            let taken = |name| self.running.values().any(|it| it.session.mine() == name);
            if let Some(name) = NonZeroU32::new(u32::from_ne_bytes(bytes)).filter(|it| !taken(*it))
            {
                return name;
            }
        }
    }
}

impl Door {
    const ALL: [Self; 4] = [
        Self { family: Family::Ipv4, multihop: false },
        Self { family: Family::Ipv4, multihop: true },
        Self { family: Family::Ipv6, multihop: false },
        Self { family: Family::Ipv6, multihop: true },
    ];

    fn of(instance: &BfdInstance) -> Self {
        Self { family: Family::of(instance.neighbor), multihop: instance.multihop }
    }

    /// RFC 5881 §4, RFC 5883 §5.
    const fn port(self) -> u16 {
        if self.multihop { 4784 } else { 3784 }
    }

    fn token(self) -> Token {
        let index = Self::ALL.iter().position(|door| *door == self).unwrap_or(0);
        Token(FIRST_TOKEN + u64::try_from(index).unwrap_or(0))
    }
}

impl Shell {
    /// Brings the sessions in line with the configuration in force.
    pub(super) fn arrange_sessions(&mut self, now: Instant) {
        let wanted = |it: &&BfdInstance| it.users != BfdUsers::Checkers;
        let wanted: Vec<BfdInstance> =
            self.settled.sessions.iter().filter(wanted).cloned().collect();
        let mut former = std::mem::take(&mut self.sessions.running);
        let mut fresh = Vec::new();
        for instance in wanted {
            let name = instance.name.clone();
            let key = |it: &BfdInstance| (it.neighbor, it.source, it.multihop);
            match former.remove(&name) {
                Some(mut known) if key(&known.instance) == key(&instance) => {
                    known.session.adjust(now, instance.parameters);
                    if known.instance.ttl != instance.ttl {
                        known.sender = None;
                    }
                    known.instance = instance;
                    self.sessions.running.insert(name, known);
                }
                other => {
                    former.extend(other.map(|other| (name, other)));
                    fresh.push(instance);
                }
            }
        }
        for (name, mut gone) in former {
            let mut outputs = Vec::new();
            gone.session.shutdown(now, &mut outputs);
            gone.perform(&outputs);
            self.keep_session(&name, None);
        }
        for instance in fresh {
            let kept = self.startup.options.handover.sessions.remove(&instance.name);
            let session = match kept.and_then(remembered) {
                Some(memory) => Session::resume(now, instance.parameters, memory),
                None => Session::new(now, instance.parameters, self.sessions.fresh_name()),
            };
            let kept = session.memory();
            let running = Running { session, sender: None, kept, problem: None, instance };
            self.sessions.running.insert(running.instance.name.clone(), running);
        }
        self.open_session_sockets(now);
    }

    /// Opens what is missing, closes what nobody uses.
    fn open_session_sockets(&mut self, now: Instant) {
        let Self { sessions, events, startup, .. } = self;
        let mut complete = true;
        for door in Door::ALL {
            let is_used = sessions.running.values().any(|it| Door::of(&it.instance) == door);
            if !is_used {
                if let Some(Some(receiver)) = sessions.receivers.remove(&door) {
                    let _ = events.remove(&receiver);
                }
                continue;
            }
            if matches!(sessions.receivers.get(&door), Some(Some(_))) {
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
            complete &= opened.is_ok();
            sessions.receivers.insert(door, opened.ok());
        }
        for running in sessions.running.values_mut().filter(|it| it.sender.is_none()) {
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

    /// Takes in what waits.
    pub(super) fn hear_sessions(&mut self, now: Instant) {
        for door in Door::ALL {
            for _ in 0..PACKETS {
                let Some(Some(receiver)) = self.sessions.receivers.get(&door) else { break };
                let Some(datagram) = receiver.receive() else { break };
                if let Err((name, why)) = self.hear_one(now, door, &datagram) {
                    let complaint = Complaint::Session(datagram.source);
                    if let Some(silenced) = self.discarded.admit(now, &complaint) {
                        let text = format!("{name}BFD packet of {}: {why}", datagram.source);
                        self.startup.log.push(Severity::Warning, with_silenced(text, silenced));
                    }
                }
            }
        }
    }

    /// One packet. **Errors**: whose it was, and why it is not taken.
    fn hear_one(
        &mut self,
        now: Instant,
        door: Door,
        datagram: &BfdDatagram,
    ) -> Result<(), (String, String)> {
        let bytes = datagram.bytes.get(..datagram.length).unwrap_or_default();
        let nobody = |why: String| (String::new(), why);
        let control = BfdControl::parse(bytes).map_err(|why| nobody(why.to_string()))?;
        let name = self.sessions.find(door, datagram.source, &control).map(str::to_owned);
        let name = name.ok_or_else(|| nobody("there is no such session".to_owned()))?;
        let Some(running) = self.sessions.running.get_mut(&name) else { return Ok(()) };
        let least = running.least_ttl();
        if datagram.ttl < least {
            let why = format!("its TTL is {}, less than {least}", datagram.ttl);
            return Err((format!("({name}) "), why));
        }
        let mut outputs = Vec::new();
        running.session.receive(now, &control, &mut outputs);
        self.follow_session(now, &name, &outputs);
        Ok(())
    }

    /// Does what is due.
    pub(super) fn tend_sessions(&mut self, now: Instant) {
        if self.sessions.retry_at.is_some_and(|at| at <= now) {
            self.open_session_sockets(now);
        }
        let due = |it: &Running| it.session.deadline().is_some_and(|at| at <= now);
        let due: Vec<String> = self
            .sessions
            .running
            .iter()
            .filter(|(_, it)| due(it))
            .map(|(name, _)| name.clone())
            .collect();
        for name in due {
            let Some(running) = self.sessions.running.get_mut(&name) else { continue };
            let mut outputs = Vec::new();
            running.session.timeout(now, &mut outputs);
            self.follow_session(now, &name, &outputs);
        }
    }

    /// Ends all sessions; the other ends are told that it is meant.
    pub(super) fn end_sessions(&mut self, now: Instant) {
        for running in self.sessions.running.values_mut() {
            let mut outputs = Vec::new();
            running.session.shutdown(now, &mut outputs);
            running.perform(&outputs);
        }
    }

    /// Performs what a session puts out: packets first, then what is said of it.
    fn follow_session(&mut self, now: Instant, name: &str, outputs: &[Output]) {
        let Some(running) = self.sessions.running.get_mut(name) else { return };
        running.perform(outputs);
        let memory = running.session.memory();
        let is_news = memory != running.kept;
        running.kept = memory;
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
            self.keep_session(name, memory);
        }
        if outputs.iter().any(|output| matches!(output, Output::Reached(_))) {
            self.tell_session(now, name);
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

impl Running {
    fn open_sender(&mut self) -> Result<(), String> {
        let BfdInstance { source, neighbor, ttl, .. } = &self.instance;
        let to = SocketAddr::new(*neighbor, Door::of(&self.instance).port());
        // Sessions begin at ports of their own, so that two daemons seldom meet.
        let [_, _, high, low] = self.session.mine().get().to_be_bytes();
        let first = u16::from_be_bytes([high, low]) & 0x3fff;
        let sender = BfdSender::open(*source, to, ttl.unwrap_or(TTL), first);
        self.sender = Some(sender.map_err(|error| error.to_string())?);
        Ok(())
    }

    fn perform(&mut self, outputs: &[Output]) {
        for output in outputs {
            if let (Output::Send(control), Some(sender)) = (output, &self.sender) {
                // What cannot be sent is missed by the other end, whose business it is to notice.
                let _ = sender.send(&control.emit());
            }
        }
    }

    /// RFC 5881 §5: 255. keepalived sends 64 over IPv6 where nothing is written, so that is taken then.
    fn least_ttl(&self) -> u8 {
        let usual = match Family::of(self.instance.neighbor) {
            Family::Ipv4 => TTL,
            Family::Ipv6 => INCUMBENT_HOP_LIMIT,
        };
        let hops = self.instance.max_hops;
        hops.map_or(0, |hops| self.instance.ttl.unwrap_or(usual).saturating_sub(hops))
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

const FIRST_TOKEN: u64 = 1 << 40;
/// Packets that are taken from one socket before others have their turn.
const PACKETS: usize = 128;
const RETRY: Duration = Duration::from_secs(1);
const TTL: u8 = 255;
const INCUMBENT_HOP_LIMIT: u8 = 64;
