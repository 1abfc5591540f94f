//! The agent: a process that tells a master agent of SNMP how everything stands (AgentX, RFC 2741).
//!
//! It asks the parent over a stream of its own, keeps the answer for a moment, and answers requests from it; what the
//! parent tells it of changes, it notifies. Names are resolved and connections made here and nowhere else: whatever hangs,
//! hangs here. It holds no capability, has bounded memory, is the first to go when there is none left, and whoever
//! takes it over can ask what anybody may know.

mod connection;
mod knowledge;

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::time::Duration;

use agentx::{Input, Lost, Output, Request, Session, Settings};
use clock::Instant;
use config::RealServers;
use config::model::{Master, Model};
use control::{Change, FromAgent, Severity, StartOptions, ToAgent};
use kernel::eventloop::{EventLoop, Token, now};
use kernel::socket::{Channel, ChannelError};

use self::connection::Connection;
use self::knowledge::{Knowledge, Progress};
use crate::compat::{self, exit, mib};
use crate::{child, terminal};

/// The argument that makes a process an agent.
pub(crate) const ARGUMENT: &str = "--role=snmp";

/// Whether the parent started this process to speak SNMP.
pub(crate) fn is_wanted(arguments: &[OsString]) -> bool {
    arguments.get(1).is_some_and(|argument| argument == OsStr::new(ARGUMENT))
}

/// Serves the configuration in descriptor 4 until the parent at descriptor 3 says otherwise, or is gone.
pub(crate) fn run() -> ExitCode {
    // Observers are worth less than whatever else runs here. Without these it serves all the same.
    let _ = kernel::process::limit_memory(MEMORY);
    let _ = kernel::process::go_first_when_memory_is_out();
    let taken = kernel::inherited_pair().ok_or_else(|| "no channel".to_owned()).and_then(|pair| {
        let (channel, memory) = pair;
        kernel::process::drop_to(&[]).map_err(|error| error.to_string())?;
        kernel::process::forbid_new_privileges().map_err(|error| error.to_string())?;
        Agent::new(Channel::from_descriptor(channel), &memory)
    });
    match taken {
        Ok(mut agent) => agent.serve(),
        Err(why) => {
            let text = format!("{ARGUMENT} is for processes that steadfast starts itself: {why}\n");
            terminal::eprint(&text);
            ExitCode::from(exit::FATAL)
        }
    }
}

/// The agent and everything that it keeps.
struct Agent {
    parent: Channel,
    events: EventLoop,
    /// What this program calls itself.
    version: String,
    model: Model,
    session: Session,
    connection: Option<Connection>,
    /// Why there was none last.
    refusal: String,
    knowledge: Knowledge,
    /// What the master asks, in order.
    requests: Vec<Request>,
    /// Changes that are notified with what only a report tells.
    changes: Vec<Change>,
    /// What was said of the session last.
    said: Option<String>,
    beat: Instant,
    /// Until when what is to be notified has time, once the end was asked for.
    ending: Option<Instant>,
}

/// The parent is gone, or what it says makes no sense.
struct Orphaned;

impl Agent {
    fn new(parent: Channel, memory: &OwnedFd) -> Result<Self, String> {
        let (options, model) =
            child::read(memory, RealServers::Judged).map_err(|error| error.to_string())?;
        let events = EventLoop::new().map_err(|error| error.to_string())?;
        events.add(&parent, PARENT).map_err(|error| error.to_string())?;
        let session = Session::new(now(), settings(&model));
        Ok(Self {
            parent,
            events,
            version: version(&options),
            model,
            session,
            connection: None,
            refusal: String::new(),
            knowledge: Knowledge::default(),
            requests: Vec::new(),
            changes: Vec::new(),
            said: None,
            beat: now(),
            ending: None,
        })
    }

    fn serve(&mut self) -> ExitCode {
        let mut ready = Vec::new();
        loop {
            if self.turn(&ready).is_err() {
                // The master shall not wait for what will not come.
                self.perform(|session, outputs| session.end(outputs));
                return ExitCode::from(exit::FATAL);
            }
            if self.ending.is_some_and(|until| until <= now() || self.session.has_told_everything())
            {
                self.perform(|session, outputs| session.end(outputs));
                return ExitCode::SUCCESS;
            }
            if self.events.wait(Some(self.deadline()), &mut ready).is_err() {
                return ExitCode::from(exit::FATAL);
            }
        }
    }

    fn deadline(&self) -> Instant {
        let others = [self.session.deadline(), self.knowledge.deadline(), self.ending];
        others.into_iter().flatten().fold(self.beat, Instant::min)
    }

    /// Hears everybody, and does what is due.
    fn turn(&mut self, ready: &[Token]) -> Result<(), Orphaned> {
        if ready.contains(&PARENT) {
            self.hear_parent()?;
        }
        if ready.contains(&MASTER) {
            self.hear_master();
        }
        if ready.contains(&ANSWER) {
            let progress = self.knowledge.take(&self.model, &self.version, &self.events);
            self.learned(progress);
        }
        let now = now();
        if self.beat <= now {
            self.beat = now + BEAT;
            self.say(&FromAgent::Beat)?;
        }
        let progress = self.knowledge.time_out(now, &self.events);
        self.learned(progress);
        self.perform(|session, outputs| session.handle(now, Input::Timeout, outputs));
        self.tend_requests()
    }

    /// What the parent says.
    fn hear_parent(&mut self) -> Result<(), Orphaned> {
        loop {
            let message = match self.parent.receive() {
                Ok(None) => return Ok(()),
                Ok(Some(message)) => message,
                Err(_) => return Err(Orphaned),
            };
            match (control::decode::<ToAgent>(&message.bytes), message.descriptor) {
                (Ok(ToAgent::Configuration), Some(memory)) => self.configure(&memory)?,
                (Ok(ToAgent::Changed(change)), _) => self.changed(change),
                (Ok(ToAgent::End), _) => self.ending = Some(now() + FAREWELL),
                (Ok(ToAgent::Configuration), None) | (Err(_), _) => return Err(Orphaned),
            }
        }
    }

    /// Another configuration is in force. A session goes on where that says the same of it.
    fn configure(&mut self, memory: &OwnedFd) -> Result<(), Orphaned> {
        let (options, model) = child::read(memory, RealServers::Judged).map_err(|_| Orphaned)?;
        let is_same = model.global.snmp.master == self.model.global.snmp.master
            && settings(&model) == settings(&self.model);
        self.version = version(&options);
        self.model = model;
        self.knowledge.forget(&self.events);
        if !is_same {
            self.perform(|session, outputs| session.end(outputs));
            self.requests.clear();
            self.session = Session::new(now(), settings(&self.model));
        }
        Ok(())
    }

    /// Something changed: what is known is old.
    fn changed(&mut self, change: Change) {
        self.knowledge.age();
        if !self.model.global.snmp.notifies {
            return;
        }
        if let Some(note) = mib::notification(&change, &self.model) {
            self.perform(|session, outputs| session.notify(now(), note, outputs));
        }
        if mib::is_told_by_others(&change, &self.model.global.snmp) && self.changes.len() < CHANGES
        {
            self.changes.push(change);
        }
    }

    /// What the master says.
    fn hear_master(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        let mut bytes = vec![0; PART];
        match connection.take(&mut bytes, &self.events) {
            Ok(bytes) => {
                let bytes = bytes.to_vec();
                if !bytes.is_empty() {
                    self.perform(|session, outputs| {
                        session.handle(now(), Input::Received(&bytes), outputs);
                    });
                }
            }
            Err(error) => self.lost_connection(error.to_string()),
        }
    }

    fn lost_connection(&mut self, why: String) {
        self.connection = None;
        self.refusal = why;
        self.perform(|session, outputs| session.handle(now(), Input::Closed, outputs));
    }

    /// Answers what waits, once enough is known.
    fn tend_requests(&mut self) -> Result<(), Orphaned> {
        if self.requests.is_empty() && self.changes.is_empty() {
            return Ok(());
        }
        if self.knowledge.is_fresh(now()) {
            self.answer();
        } else if !self.knowledge.is_asking() {
            match self.knowledge.ask(&self.events) {
                Ok(theirs) => {
                    let message = control::encode(&FromAgent::Ask);
                    let sent = self.parent.send(&message, Some(std::os::fd::AsFd::as_fd(&theirs)));
                    if sent.is_err() {
                        // A parent that does not read is about to; there is another chance.
                        self.knowledge.give_up(&self.events);
                        self.answer();
                    }
                }
                Err(_) => self.answer(),
            }
        }
        Ok(())
    }

    /// An answer of the parent has come, or will not.
    fn learned(&mut self, progress: Progress) {
        match progress {
            Progress::Waiting => {}
            Progress::Known | Progress::Unknown => self.answer(),
        }
    }

    fn answer(&mut self) {
        let requests = std::mem::take(&mut self.requests);
        let changes = std::mem::take(&mut self.changes);
        let mut outputs = Vec::new();
        let tree = self.knowledge.tree();
        for request in &requests {
            self.session.answer(request, tree, &mut outputs);
        }
        if let Some(facts) = self.knowledge.facts(&self.model, &self.version) {
            for note in changes.iter().flat_map(|change| mib::notifications(change, &facts)) {
                self.session.notify(now(), note, &mut outputs);
            }
        }
        self.act(outputs);
    }

    /// Has the session do something, and does what comes of it.
    fn perform(&mut self, act: impl FnOnce(&mut Session, &mut Vec<Output>)) {
        let mut outputs = Vec::new();
        act(&mut self.session, &mut outputs);
        self.act(outputs);
    }

    fn act(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Connect => self.connect(),
                Output::Send(bytes) => {
                    let sent = self.connection.as_mut().map(|it| it.send(&bytes, &self.events));
                    if let Some(Err(error)) = sent {
                        return self.lost_connection(error.to_string());
                    }
                }
                Output::Disconnect => self.connection = None,
                Output::Opened => {
                    let text =
                        format!("SNMP: session with the master agent at {} is open", self.master());
                    self.note(Severity::Info, text);
                }
                Output::Refused(subtree, error) => {
                    let text = format!(
                        "SNMP: the master agent does not give {subtree} to this agent (error {error}): another one may have it"
                    );
                    self.note(Severity::Warning, text);
                }
                Output::Lost(why) => {
                    self.requests.clear();
                    let is_ours = why == Lost::Connection;
                    let why = if is_ours { self.refusal.clone() } else { why.to_string() };
                    let text = format!(
                        "SNMP: no session with the master agent at {}: {why}",
                        self.master()
                    );
                    self.note(Severity::Warning, text);
                }
                Output::Asked(request) => {
                    if self.requests.len() < REQUESTS {
                        self.requests.push(request);
                    }
                }
            }
        }
    }

    fn connect(&mut self) {
        let made = Connection::open(self.master(), &self.events);
        let input = match made {
            Ok(connection) => {
                self.connection = Some(connection);
                Input::Connected
            }
            Err(error) => {
                self.refusal = error.to_string();
                Input::Closed
            }
        };
        self.perform(|session, outputs| session.handle(now(), input, outputs));
    }

    const fn master(&self) -> &Master {
        &self.model.global.snmp.master
    }

    /// Says something of the session, once.
    fn note(&mut self, severity: Severity, text: String) {
        if self.said.as_ref() != Some(&text) {
            // A line that the parent does not take now is of no use later.
            let _ = self.say(&FromAgent::Log { severity, text: text.clone() });
            self.said = Some(text);
        }
    }

    fn say(&self, message: &FromAgent) -> Result<(), Orphaned> {
        match self.parent.send(&control::encode(message), None) {
            Ok(()) | Err(ChannelError::Full) => Ok(()),
            Err(_) => Err(Orphaned),
        }
    }
}

fn version(options: &StartOptions) -> String {
    compat::version_text(&options.invoked_name).trim_end().to_owned()
}

/// What the session is begun with.
fn settings(model: &Model) -> Settings {
    Settings {
        id: mib::identity(),
        description: mib::DESCRIPTION.to_owned(),
        subtrees: mib::subtrees(&model.global.snmp),
    }
}

const PARENT: Token = Token(1);
const MASTER: Token = Token(2);
const ANSWER: Token = Token(3);
const BEAT: Duration = Duration::from_secs(10);
/// How long notifications may take at the end.
const FAREWELL: Duration = Duration::from_secs(1);
/// Bytes that are read at once.
const PART: usize = 64 * 1024;
/// Requests that wait for one answer of the parent; a master asks some at a time.
const REQUESTS: usize = 1024;
/// Changes that wait for it.
const CHANGES: usize = 1024;
/// Bytes of address space: thousands of instances take a fifth of it.
const MEMORY: u64 = 1 << 30;
