//! One child: its process, its channel, and the watchdog that says what is to be done about it.

mod hearing;

use std::os::fd::AsFd;
use std::time::Duration;

use clock::Instant;
use control::{Action, Death, Event, Handover, Role, Severity, Summary, ToChild, Watchdog};
use kernel::eventloop::{EventLoop, Token, now};
use kernel::namespace::Namespace;
use kernel::process::{Child, Ended, MemoryFile};
use kernel::socket::{Channel, ChannelError};
use rustix::process::Signal;

pub(super) use self::hearing::News;
use super::loaded::Loaded;
use super::pid_file::PidFiles;
use super::spawning::{self, Start};
use super::succession::LeftChild;
use crate::child;
use crate::cli::Options;
use crate::compat;
use crate::log::{Identity, Sinks};

/// A child that shall run.
#[derive(Debug)]
pub(super) struct Managed {
    pub(super) role: Role,
    /// What it said of itself last.
    pub(super) summary: Summary,
    watchdog: Watchdog,
    running: Option<Running>,
    generation: u32,
    /// How often of these only for an upgrade.
    replaced: u32,
    /// Until when it is known to have worked.
    alive_until: Instant,
    /// Whether this process did not listen: nobody knows when it said what it reads now.
    is_late: bool,
}

#[derive(Debug)]
struct Running {
    child: Child,
    channel: Channel,
    identity: Identity,
    ready: bool,
    /// Whether the channel is still worth reading.
    open: bool,
}

/// What a child needs of its parent.
pub(super) struct Context<'a> {
    pub(super) sinks: &'a mut Sinks,
    pub(super) identity: &'a Identity,
    pub(super) events: &'a EventLoop,
    pub(super) loaded: &'a Loaded,
    pub(super) options: &'a Options,
    pub(super) pid_files: &'a mut PidFiles,
    pub(super) handover: &'a Handover,
    /// The network namespace of the checker process, where it is not that of the others.
    pub(super) checker_place: Option<&'a Namespace>,
}

impl Context<'_> {
    fn log(&mut self, severity: Severity, text: &str) {
        self.sinks.write(self.identity, severity, text);
    }
}

impl Managed {
    /// Successor of a child that a program before this one has ended.
    pub(super) fn successor(left: &LeftChild, respawn: bool) -> Self {
        Self {
            generation: left.generation,
            replaced: left.replaced,
            alive_until: Instant::from_nanos(left.alive_until),
            ..Self::new(left.role, respawn)
        }
    }

    /// Ends it, hears what it said until then, and says what its successor needs, which is started by another program;
    /// or by this one, if it goes on after all.
    pub(super) fn hand_over(
        &mut self,
        context: &mut Context<'_>,
        news: &mut Vec<News>,
    ) -> LeftChild {
        if let Some(running) = &mut self.running {
            let _ = running.child.signal(Signal::KILL);
            let _ = running.child.wait(TIME_TO_DIE);
        }
        for _ in 0..LAST_TURNS {
            self.read(context, news);
        }
        if let Some(running) = self.running.take() {
            if self.watchdog.is_healthy() && !self.is_late {
                self.alive_until = now();
            }
            let _ = context.events.remove(&running.child);
            if running.open {
                let _ = context.events.remove(&running.channel);
            }
            self.replaced = self.replaced.saturating_add(1);
        }
        self.watchdog = watchdog(self.role, context.options.respawn);
        LeftChild {
            role: self.role,
            generation: self.generation,
            replaced: self.replaced,
            alive_until: self.alive_until.as_nanos(),
        }
    }

    /// A child that is to be started.
    pub(super) fn new(role: Role, respawn: bool) -> Self {
        Self {
            role,
            summary: Summary::default(),
            watchdog: watchdog(role, respawn),
            running: None,
            generation: 0,
            replaced: 0,
            alive_until: Instant::ZERO,
            is_late: false,
        }
    }

    /// When it wants attention.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.watchdog.deadline()
    }

    /// Whether it runs and does not hang.
    pub(super) const fn is_healthy(&self) -> bool {
        self.watchdog.is_healthy()
    }

    /// What an observer may see.
    pub(super) fn view(&self) -> status::Process {
        status::Process {
            role: self.role.word().to_owned(),
            pid: self.running.as_ref().map(|running| running.child.pid()),
            healthy: self.is_healthy() && self.is_ready() && !self.watchdog.is_quiet(now()),
            restarts: self.generation.saturating_sub(self.replaced.saturating_add(1)),
        }
    }

    /// Whether it does its work.
    pub(super) fn is_ready(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.ready)
    }

    /// Whether it is gone and shall stay so.
    pub(super) const fn has_ended(&self) -> bool {
        self.watchdog.has_ended() && self.running.is_none()
    }

    /// Whether an event is about it.
    pub(super) fn owns(&self, token: Token) -> bool {
        token == self.channel_token() || token == self.process_token()
    }

    /// Tells it to end, and how long it may take.
    pub(super) fn stop(&mut self, patience: Duration, sinks: &mut Sinks, identity: &Identity) {
        self.watchdog.handle(now(), Event::Stop { patience });
        self.tell(&ToChild::Stop, None, sinks, identity);
    }

    /// Sends it a message. One that does not read is told by a signal to end or to start anew.
    pub(super) fn tell(
        &mut self,
        message: &ToChild,
        memory: Option<&MemoryFile>,
        sinks: &mut Sinks,
        identity: &Identity,
    ) {
        let Some(running) = &self.running else { return };
        let sent = running.channel.send(&control::encode(message), memory.map(AsFd::as_fd));
        // One that is gone already is reported when it is collected.
        if let Err(error) = sent
            && !matches!(error, ChannelError::Closed)
        {
            let name = compat::child_name(self.role);
            sinks.write(identity, Severity::Warning, &format!("{name} child process: {error}"));
            let _ = running.child.signal(Signal::TERM);
        }
    }

    /// Sends it what it may also hear later; says whether that is over. One that is gone hears it from its successor's
    /// start.
    pub(super) fn offer(&self, message: &ToChild) -> bool {
        let Some(running) = &self.running else { return true };
        !matches!(running.channel.send(&control::encode(message), None), Err(ChannelError::Full))
    }

    /// Counts its silence from now on: this process did not listen.
    pub(super) fn excuse(&mut self) {
        self.watchdog.handle(now(), Event::Heard);
        self.is_late = true;
    }

    /// What it says from now on is read when it is said.
    pub(super) const fn listen(&mut self) {
        self.is_late = false;
    }

    /// Does what is due. An exit code means that the daemon cannot go on.
    pub(super) fn tend(&mut self, context: &mut Context<'_>) -> Option<u8> {
        let now = now();
        if self.watchdog.deadline().is_none_or(|deadline| deadline > now) {
            return None;
        }
        if self.is_healthy() && self.running.as_ref().is_some_and(Running::has_word) {
            // It spoke, and was not heard yet.
            self.watchdog.handle(now, Event::Heard);
            return None;
        }
        let action = self.watchdog.handle(now, Event::Timeout)?;
        self.act(action, context)
    }

    /// Its channel is readable, or it ended. An exit code means that the daemon cannot go on.
    pub(super) fn take(
        &mut self,
        token: Token,
        context: &mut Context<'_>,
        news: &mut Vec<News>,
    ) -> Option<u8> {
        self.read(context, news);
        if token != self.process_token() {
            return None;
        }
        // What it said at last counts as much, and all of it is here already.
        for _ in 0..LAST_TURNS {
            self.read(context, news);
        }
        let running = self.running.as_mut()?;
        let ended = match running.child.ended() {
            Ok(ended) => ended?,
            Err(error) => {
                context.log(Severity::Error, &error.to_string());
                Ended::Signalled(0)
            }
        };
        let pid = running.child.pid();
        if self.watchdog.is_healthy() && !self.is_late {
            // Not one that hung: it worked until this moment.
            self.alive_until = now();
        }
        let _ = context.events.remove(&running.child);
        if running.open {
            let _ = context.events.remove(&running.channel);
        }
        self.running = None;
        self.summary = Summary::default();
        let death = match ended {
            Ended::Exited(code) => Death::Exited(code),
            Ended::Signalled(signal) => Death::Signalled(signal),
        };
        let name = compat::child_name(self.role);
        let Some(action) = self.watchdog.handle(now(), Event::Died(death)) else {
            let text = format!("{name} child process({pid}) stopped");
            context.log(Severity::Info, &text);
            news.push(News::Gone(self.role, text));
            return None;
        };
        let outlook = match action {
            Action::GiveUp { .. } => "Exiting",
            Action::Start | Action::Abort | Action::Kill | Action::Respawn { .. } => "Respawning",
        };
        let text = format!("{name} child process({pid}) died: {outlook} ({ended})");
        context.log(Severity::Error, &text);
        news.push(News::Gone(self.role, text));
        if let (Action::GiveUp { .. }, Death::Exited(code)) = (action, death)
            && let Some(error) = compat::permanent_error(code)
        {
            let text =
                format!("{name} child process exited with permanent error {error}. Terminating");
            context.log(Severity::Error, &text);
        }
        self.act(action, context)
    }

    fn act(&mut self, action: Action, context: &mut Context<'_>) -> Option<u8> {
        let name = compat::child_name(self.role);
        match action {
            Action::Start => self.start(context),
            Action::Abort => {
                let silence = self.watchdog.silence().as_secs();
                let text =
                    format!("{name} child process hangs: no sign of life for {silence} seconds");
                context.log(Severity::Error, &text);
                self.signal(Signal::ABORT);
                None
            }
            Action::Kill => {
                context.log(
                    Severity::Error,
                    &format!("{name} child process does not end: killing it"),
                );
                self.signal(Signal::KILL);
                None
            }
            Action::Respawn { after } if after.is_zero() => None,
            Action::Respawn { after } => {
                let seconds = after.as_secs();
                context.log(
                    Severity::Warning,
                    &format!(
                        "Restart of {name} process delayed {seconds} seconds to limit respawn rate"
                    ),
                );
                None
            }
            Action::GiveUp { code } => Some(u8::try_from(code).unwrap_or(compat::exit::FATAL)),
        }
    }

    fn start(&mut self, context: &mut Context<'_>) -> Option<u8> {
        let name = compat::child_name(self.role);
        match self.spawn(context) {
            Ok(running) => {
                let pid = running.child.pid();
                context.log(Severity::Info, &format!("Starting {name} child process, pid={pid}"));
                let (sinks, identity) = (&mut *context.sinks, context.identity);
                context.pid_files.write(Some(self.role), pid, &mut |line| {
                    sinks.write(identity, Severity::Warning, line);
                });
                self.running = Some(running);
                self.generation = self.generation.saturating_add(1);
                self.watchdog.handle(now(), Event::Started);
                None
            }
            Err(error) => {
                let text = format!("cannot start {name} child process: {error:#}");
                context.log(Severity::Error, &text);
                if self.generation == 0 {
                    return Some(compat::exit::FATAL);
                }
                // It could be started before: what is missing, such as memory, may come back.
                self.generation = self.generation.saturating_add(1);
                self.watchdog.handle(now(), Event::Started);
                let action = self.watchdog.handle(now(), Event::Died(Death::Signalled(0)))?;
                self.act(action, context)
            }
        }
    }

    fn spawn(&self, context: &Context<'_>) -> anyhow::Result<Running> {
        let handover =
            Handover { alive_until: self.alive_until.as_nanos(), ..context.handover.clone() };
        let (child, channel) = Start {
            program: spawning::itself(),
            invoked_name: &context.options.invoked_name,
            arguments: vec![child::role_argument(self.role).into()],
            memory: &context.loaded.seal(self.generation, &handover)?,
            namespace: (self.role == Role::Checker)
                .then(|| context.checker_place.map(Namespace::descriptor))
                .flatten()
                .transpose()?,
            process: self.process_token(),
            channel: self.channel_token(),
        }
        .begin(context.events)?;
        let name =
            compat::ident(&context.options.invoked_name, Some(self.role), &context.options.names());
        let identity = Identity { name, pid: child.pid() };
        Ok(Running { child, channel, identity, ready: false, open: true })
    }

    fn signal(&self, signal: Signal) {
        if let Some(running) = &self.running {
            let _ = running.child.signal(signal);
        }
    }

    const fn channel_token(&self) -> Token {
        Token(10 + 2 * self.role as u64)
    }

    const fn process_token(&self) -> Token {
        Token(11 + 2 * self.role as u64)
    }
}

fn watchdog(role: Role, respawn: bool) -> Watchdog {
    let silence = match role {
        Role::Vrrp => control::SILENCE_OF_ROUTERS,
        Role::Checker => control::SILENCE_OF_CHECKS,
    };
    Watchdog::new(now(), respawn, silence)
}

/// How long a killed process may take to end.
const TIME_TO_DIE: Duration = Duration::from_secs(1);
/// How often as many messages are read once a child has ended: more than its socket holds.
const LAST_TURNS: usize = 8;
