//! The control socket: who asks how things stand is answered here.
//!
//! Everybody who may connect is root, and yet nobody can disturb the parent: requests are short, clients are few,
//! answers are made line by line as they are read, and who neither asks nor reads is let go.

mod answer;
mod client;
mod listener;
mod selection;

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clock::Instant;
use control::{Role, Severity};
use kernel::eventloop::{EventLoop, Token, now};
use status::{Ask, Event, Line, LineError, Only, Planned, Reload, Report, Request};

use self::answer::Answer;
use self::client::{Connection, Heard, Reach};
pub(super) use self::listener::Listener;
use self::selection::Selection;
use super::Parent;
use super::inquiry::Asker;
use super::loaded::Refusal;
use super::view::today;

/// The socket and who is connected.
#[derive(Debug, Default)]
pub(super) struct ControlSocket {
    listener: Option<Listener>,
    connections: [Option<Connection>; CLIENTS],
    next: u64,
    /// Who waits for the reload that is under way, and who for the one behind it.
    reloading: Vec<Client>,
    wants_reload: Vec<Client>,
}

/// One who is connected; a number is never given again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Client {
    slot: usize,
    number: u64,
    /// Of which instance or server he asks.
    pub(super) instance: Option<String>,
    /// Of which kind of things.
    pub(super) only: Option<Only>,
}

impl ControlSocket {
    /// Begins to listen at `path`.
    ///
    /// **Errors**: in words; another daemon listens there, or nothing can be made there.
    fn open(
        &mut self,
        path: &Path,
        left: Option<OwnedFd>,
        events: &EventLoop,
    ) -> Result<(), String> {
        let left = left.and_then(|socket| Listener::adopt(socket, path));
        let listener = left.map_or_else(|| Listener::open(path), Ok)?;
        events.add(&listener, LISTENER).map_err(|error| error.to_string())?;
        self.listener = Some(listener);
        Ok(())
    }

    /// Whether a token is one of ours.
    pub(super) const fn owns(token: Token) -> bool {
        token.0 >= LISTENER.0 && token.0 <= LISTENER.0 + CLIENTS as u64
    }

    /// When somebody has kept us waiting for long enough.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.connections.iter().flatten().filter_map(Connection::until).min()
    }

    /// Lets go who keeps us waiting.
    pub(super) fn tend(&mut self) {
        let now = now();
        for slot in &mut self.connections {
            if slot.as_ref().and_then(Connection::until).is_some_and(|until| until <= now) {
                // Its descriptor leaves the loop as it is closed.
                *slot = None;
            }
        }
    }

    /// What another program goes on listening with.
    pub(super) const fn listener(&self) -> Option<&Listener> {
        self.listener.as_ref()
    }

    /// The connection of a client who is still there.
    pub(super) fn stream(&self, client: &Client) -> Option<&UnixStream> {
        let connection = self.connections.get(client.slot)?.as_ref()?;
        (connection.number == client.number).then(|| connection.stream())
    }

    /// Somebody who was asking another program and waits for the answer.
    pub(super) fn adopt(&mut self, stream: UnixStream, events: &EventLoop) -> Option<Client> {
        let slot = self.connections.iter().position(Option::is_none)?;
        self.next = self.next.wrapping_add(1);
        let (token, number) = (token(slot), self.next);
        events.add(&stream, token).ok()?;
        let mut connection = Connection::new(stream, number, Reach::Everything);
        connection.wait(token, events);
        *self.connections.get_mut(slot)? = Some(connection);
        Some(Client { slot, number, instance: None, only: None })
    }

    fn find(&mut self, client: &Client) -> Option<&mut Connection> {
        let connection = self.connections.get_mut(client.slot)?.as_mut()?;
        (connection.number == client.number).then_some(connection)
    }

    fn answer(&mut self, client: &Client, answer: Answer, events: &EventLoop) {
        let token = token(client.slot);
        if let Some(connection) = self.find(client)
            && connection.begin_answer(answer, token, events).is_err()
            && let Some(slot) = self.connections.get_mut(client.slot)
        {
            *slot = None;
        }
    }

    fn accept(&mut self, events: &EventLoop) {
        for _ in 0..ACCEPTED_A_TURN {
            let Some(stream) = self.listener.as_ref().and_then(Listener::accept) else { return };
            let Some(slot) = self.connections.iter().position(Option::is_none) else {
                let text = "too many ask at once: try again in a moment".to_owned();
                client::refuse(&stream, &Line::Error(LineError::Busy(text)));
                continue;
            };
            self.admit(stream, slot, Reach::Everything, events);
        }
    }

    /// Lets an observer of ours in, who may ask how everything stands. Where there is no room, he finds his stream at its
    /// end.
    pub(super) fn admit_observer(&mut self, stream: UnixStream, events: &EventLoop) {
        if let Some(slot) = self.connections.iter().position(Option::is_none)
            && stream.set_nonblocking(true).is_ok()
        {
            self.admit(stream, slot, Reach::Status, events);
        }
    }

    fn admit(&mut self, stream: UnixStream, slot: usize, reach: Reach, events: &EventLoop) {
        self.next = self.next.wrapping_add(1);
        if events.add(&stream, token(slot)).is_ok()
            && let Some(place) = self.connections.get_mut(slot)
        {
            *place = Some(Connection::new(stream, self.next, reach));
        }
    }
}

impl Parent {
    /// Opens the socket, or goes on with that of a program before this one; a daemon without one works all the same.
    pub(super) fn open_control_socket(&mut self, left: Option<OwnedFd>) {
        let path = self.options.control_socket();
        if let Err(why) = self.control.open(&path, left, &self.events) {
            let text = format!("no control socket at {}: {why}", path.display());
            self.log(Severity::Warning, &text);
        }
    }

    /// Somebody connects, asks or reads.
    pub(super) fn take_control(&mut self, token: Token) {
        if token == LISTENER {
            return self.control.accept(&self.events);
        }
        let Some(slot) =
            token.0.checked_sub(LISTENER.0 + 1).and_then(|it| usize::try_from(it).ok())
        else {
            return;
        };
        let Some(place) = self.control.connections.get_mut(slot) else { return };
        let Some(connection) = place.as_mut() else { return };
        match connection.take() {
            Ok(Heard::Nothing) => {}
            Ok(Heard::Request(line)) => {
                let (number, reach) = (connection.number, connection.reach);
                connection.wait(token, &self.events);
                self.take_request(slot, number, reach, &line);
            }
            Err(_) => *place = None,
        }
    }

    fn take_request(&mut self, slot: usize, number: u64, reach: Reach, line: &[u8]) {
        let request = Request::parse(line);
        let (request, error) = match request {
            Ok(request) => (request, None),
            Err(error) => (Request::new(Ask::Status), Some(error)),
        };
        let Request { ask, instance, file, only, steer, version: _ } = request;
        let client = Client { slot, number, instance, only };
        match error.map_or(Ok(ask), Err) {
            Ok(ask) if reach == Reach::Status && ask != Ask::Status => {
                let text = "an observer asks for the status only".to_owned();
                self.refuse(&client, LineError::Request(text));
            }
            Ok(Ask::Plan) => self.plan_for(client, file),
            Ok(Ask::Status) => self.inquire(Asker::Client(client)),
            Ok(Ask::History) => {
                let events = self.events_about(client.instance.as_deref());
                self.control.answer(&client, Answer::of_events(events), &self.events);
            }
            Ok(Ask::Reload) => self.reload_for(client),
            Ok(Ask::Upgrade) => self.upgrade_for(client, file),
            Ok(Ask::Steer) => self.steer_for(&client, steer),
            Err(error) => self.refuse(&client, error),
        }
    }

    /// Tells a client why there is no answer.
    pub(super) fn refuse(&mut self, client: &Client, error: LineError) {
        self.answer_line(client, Line::Error(error));
    }

    /// Tells a client all in one line.
    pub(super) fn answer_line(&mut self, client: &Client, line: Line) {
        self.control.answer(client, Answer::of_line(line), &self.events);
    }

    /// Tells a client how everything stands.
    ///
    /// `silent` are those who were asked for him and do not answer.
    pub(super) fn answer_client(&mut self, client: &Client, silent: &[Role], report: &Arc<Report>) {
        let name = client.instance.as_deref();
        let selection = Selection::new(name, client.only);
        if silent.is_empty()
            && let Some(name) = name
            && !selection.has_any(report)
        {
            let text = if report.daemon.processes.iter().any(|it| it.role == CHECKER) {
                format!("there is no instance or server `{name}`")
            } else {
                format!("there is no instance `{name}`")
            };
            return self.refuse(client, LineError::Instance(text));
        }
        let events = name.map_or_else(Vec::new, |name| self.events_about(Some(name)));
        let end = silent.first().map(|role| {
            let text = match role {
                Role::Vrrp => {
                    "the VRRP process does not answer, so that nothing is known of instances"
                }
                Role::Checker => {
                    "the checker process does not answer, so that nothing is known of virtual servers"
                }
            };
            LineError::Silent(text.to_owned())
        });
        let answer = Answer::of_report(Arc::clone(report), selection, events, end);
        self.control.answer(client, answer, &self.events);
    }

    /// What happened to an instance or server, and to the daemon; to all without a name.
    fn events_about(&self, name: Option<&str>) -> Vec<Event> {
        let selection = Selection::new(name, None);
        self.history.events(|about| selection.wants(about))
    }

    /// Tells a client what a reload would do, or why it would do nothing.
    pub(super) fn answer_plan(&mut self, client: &Client, outcome: Result<Vec<Planned>, Refusal>) {
        let answer = match outcome {
            Ok(steps) => Answer::of_plan(steps),
            Err(Refusal { lines, .. }) => {
                Answer::of_line(Line::Reload(Reload { at: today(), succeeded: false, lines }))
            }
        };
        self.control.answer(client, answer, &self.events);
    }

    fn reload_for(&mut self, client: Client) {
        if self.stopping.is_some() {
            let text = "the daemon is ending".to_owned();
            return self.refuse(&client, LineError::Busy(text));
        }
        // Whoever came and went while one is under way is not remembered.
        let mut waiting = std::mem::take(&mut self.control.wants_reload);
        waiting.retain(|other| self.control.find(other).is_some());
        waiting.push(client);
        self.control.wants_reload = waiting;
        self.reload();
    }

    /// A reload begins: it is that of everyone who asked so far.
    pub(super) fn begin_reload_for_clients(&mut self) {
        let mut new = std::mem::take(&mut self.control.wants_reload);
        self.control.reloading.append(&mut new);
    }

    /// Tells everyone who waited how a reload went.
    pub(super) fn answer_reload(&mut self) {
        let Some(reload) = self.last_reload.clone() else { return };
        for client in std::mem::take(&mut self.control.reloading) {
            let answer = Answer::of_line(Line::Reload(reload.clone()));
            self.control.answer(&client, answer, &self.events);
        }
    }
}

/// Where the socket of a daemon with this pid file is.
pub(crate) fn path(given: Option<&Path>, pid_file: Option<&Path>) -> PathBuf {
    match (given, pid_file) {
        (Some(path), _) => path.to_owned(),
        (None, Some(pid_file)) => pid_file.with_extension("sock"),
        (None, None) => DEFAULT.into(),
    }
}

const fn token(slot: usize) -> Token {
    Token(LISTENER.0 + 1 + slot as u64)
}

/// Of a daemon with the usual pid file.
const DEFAULT: &str = "/run/steadfast.sock";
/// The role of the checker process in a report.
const CHECKER: &str = Role::Checker.word();
const LISTENER: Token = Token(100);
/// Clients at one time.
const CLIENTS: usize = 16;
/// Clients that are let in before others have their turn.
const ACCEPTED_A_TURN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_lies_beside_the_pid_file() {
        let pid = Path::new("/run/b/two.pid");
        assert_eq!(path(None, None), Path::new("/run/steadfast.sock"));
        assert_eq!(path(None, Some(pid)), Path::new("/run/b/two.sock"));
        assert_eq!(path(Some(Path::new("/x")), Some(pid)), Path::new("/x"));
    }
}
