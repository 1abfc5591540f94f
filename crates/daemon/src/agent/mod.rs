//! The agent: a process that tells a master agent of SNMP how everything stands (AgentX, RFC 2741).
//!
//! It asks the parent over a stream of its own, keeps the answer for a moment, and answers requests from it; what the
//! parent tells it of changes, it notifies. Names are resolved and connections made here and nowhere else: whatever hangs,
//! hangs here. It holds no capability, has bounded memory, and is the first to go when there is none left. It stays the user
//! that started it, for a master's path that is for root alone, and reads the whole configuration, passwords among it.

mod answering;
mod connection;
mod knowledge;
mod narration;

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::time::Duration;

use agentx::{Input, Output, Request, Session, Settings, Tree};
use clock::Instant;
use config::RealServers;
use config::model::{Master, Model};
use control::{Change, FromAgent, Moved, Severity, StartOptions, ToAgent};
use kernel::eventloop::{EventLoop, Token, now};
use kernel::socket::{Channel, ChannelError};
use nix::sys::signal::Signal;

use self::connection::Connection;
use self::knowledge::{Knowledge, Routers, Servers};
use self::narration::Narration;
use crate::child::{self, PayloadError};
use crate::compat::mib::{self, Wanted};
use crate::compat::{self, exit};
use crate::{signals, terminal};

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
    // How the others end is to be told: the parent says when that is done, and its channel when it is gone.
    let _ = signals::leave_to_parent(&[Signal::SIGTERM]);
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
    model: Model,
    session: Session,
    connection: Option<Connection>,
    /// Why there was none last.
    refusal: String,
    routers: Knowledge<Routers>,
    servers: Knowledge<Servers>,
    /// What the configuration alone says.
    fixed: Tree,
    /// What the master asks, in order, each with what is to be known for it.
    requests: Vec<(Request, Wanted)>,
    /// Changes that are notified with what only a report tells that is newer, with when they came.
    changes: VecDeque<(Instant, Change)>,
    /// How many of them were lost since none waited.
    lost_changes: u64,
    narration: Narration,
    beat: Instant,
    /// Until when what is to be notified has time, once the end was asked for.
    ending: Option<Instant>,
}

/// The parent is gone, or what it says makes no sense.
struct Orphaned;

impl Agent {
    fn new(parent: Channel, memory: &OwnedFd) -> Result<Self, String> {
        let (options, model) = read(memory).map_err(|error| error.to_string())?;
        let events = EventLoop::new().map_err(|error| error.to_string())?;
        events.add(&parent, PARENT).map_err(|error| error.to_string())?;
        let session = Session::new(now(), settings(&model));
        let fixed = mib::fixed(&model, &version(&options));
        let mut servers = Knowledge::default();
        servers.keep_for(model.global.snmp.statistics());
        Ok(Self {
            parent,
            events,
            model,
            session,
            connection: None,
            refusal: String::new(),
            routers: Knowledge::default(),
            servers,
            fixed,
            requests: Vec::new(),
            changes: VecDeque::new(),
            lost_changes: 0,
            narration: Narration::default(),
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
        let inquiry = if self.changes.is_empty() { None } else { self.routers.freshness().next() };
        let patience = [self.routers.deadline(), self.servers.deadline()];
        let others = [self.session.deadline(), inquiry, self.ending].into_iter().chain(patience);
        others.flatten().fold(self.beat, Instant::min)
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
            let progress = self.routers.take(&self.model, &self.events);
            self.learned_of_routers(progress);
        }
        if ready.contains(&ANSWER_OF_SERVERS) {
            let progress = self.servers.take(&self.model, &self.events);
            self.learned_of_servers(progress);
        }
        let now = now();
        if self.beat <= now {
            self.beat = now + BEAT;
            self.say(&FromAgent::Beat)?;
        }
        let progress = self.routers.time_out(now, &self.events);
        self.learned_of_routers(progress);
        let progress = self.servers.time_out(now, &self.events);
        self.learned_of_servers(progress);
        self.perform(|session, outputs| session.handle(now, Input::Timeout, outputs));
        self.tend_requests();
        Ok(())
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
                (Ok(ToAgent::Moved(moved)), _) => self.moved(&moved),
                (Ok(ToAgent::End), _) => self.ending = Some(now() + FAREWELL),
                (Ok(ToAgent::Configuration), None) | (Err(_), _) => return Err(Orphaned),
            }
        }
    }

    /// Another configuration is in force. A session goes on where that says the same of it.
    fn configure(&mut self, memory: &OwnedFd) -> Result<(), Orphaned> {
        let (options, model) = read(memory).map_err(|_| Orphaned)?;
        let is_same = model.global.snmp.master == self.model.global.snmp.master
            && settings(&model) == settings(&self.model);
        self.fixed = mib::fixed(&model, &version(&options));
        self.model = model;
        self.routers.forget(&self.events);
        self.servers.forget(&self.events);
        self.servers.keep_for(self.model.global.snmp.statistics());
        if !is_same {
            self.perform(|session, outputs| session.end(outputs));
            self.requests.clear();
            self.session = Session::new(now(), settings(&self.model));
        }
        Ok(())
    }

    /// Something changed: what is known is old.
    fn changed(&mut self, change: Change) {
        let now = now();
        self.routers.changed(now);
        if !self.model.global.snmp.notifies {
            return;
        }
        if let Some(note) = mib::notification(&change, &self.model) {
            self.perform(|session, outputs| session.notify(now, note, outputs));
        }
        if !mib::is_told_by_others(&change, &self.model.global.snmp) {
            return;
        }
        if self.changes.len() >= CHANGES {
            self.changes.pop_front();
            self.lost_changes += 1;
        }
        self.changes.push_back((now, change));
    }

    /// A virtual server or real server came up or went down: what is known is old.
    fn moved(&mut self, moved: &Moved) {
        let now = now();
        self.servers.changed(now);
        if self.model.global.snmp.notifies
            && let Some(note) = mib::notification_of_move(moved, &self.model)
        {
            self.perform(|session, outputs| session.notify(now, note, outputs));
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

    /// Has the session do something, and does what comes of it.
    fn perform(&mut self, act: impl FnOnce(&mut Session, &mut Vec<Output>)) {
        let mut outputs = Vec::new();
        act(&mut self.session, &mut outputs);
        self.act(outputs);
    }

    fn act(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            let master = &self.model.global.snmp.master;
            if let Some((severity, text)) = self.narration.tell(&output, master, &self.refusal) {
                self.log(severity, text);
            }
            match output {
                Output::Connect => self.connect(),
                Output::Send(bytes) => {
                    let sent = self.connection.as_mut().map(|it| it.send(&bytes, &self.events));
                    if let Some(Err(error)) = sent {
                        return self.lost_connection(error.to_string());
                    }
                }
                Output::Disconnect => self.connection = None,
                Output::Lost(_) => self.requests.clear(),
                // That is told, and nothing else.
                Output::Opened
                | Output::Steady
                | Output::Refused(..)
                | Output::Missing
                | Output::Missed(_) => {}
                Output::Asked(request) => {
                    if self.requests.len() < REQUESTS {
                        let wanted = mib::wanted(&request, &self.model.global.snmp);
                        self.requests.push((request, wanted));
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

    fn log(&self, severity: Severity, text: String) {
        // A line that the parent does not take now is of no use later.
        let _ = self.say(&FromAgent::Log { severity, text });
    }

    fn say(&self, message: &FromAgent) -> Result<(), Orphaned> {
        match self.parent.send(&control::encode(message), None) {
            Ok(()) | Err(ChannelError::Full) => Ok(()),
            Err(_) => Err(Orphaned),
        }
    }
}

/// Reads a configuration: of real servers, which may be many, only where they are served.
fn read(memory: &OwnedFd) -> Result<(StartOptions, Model), PayloadError> {
    let (options, model) = child::read(memory, RealServers::Judged)?;
    if model.global.snmp.checker {
        drop(model);
        return child::read(memory, RealServers::Told);
    }
    Ok((options, model))
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
const ANSWER_OF_SERVERS: Token = Token(4);
const BEAT: Duration = Duration::from_secs(10);
/// How long notifications may take at the end.
const FAREWELL: Duration = Duration::from_secs(1);
/// Bytes that are read at once.
const PART: usize = 64 * 1024;
/// Requests that wait for one answer of the parent; a master asks some at a time.
const REQUESTS: usize = 1024;
/// Changes that wait for it: some for each of thousands of instances.
const CHANGES: usize = 16 * 1024;
/// Bytes of address space: thousands of instances, or tens of thousands of real servers, take a fifth of it.
const MEMORY: u64 = 1 << 30;
