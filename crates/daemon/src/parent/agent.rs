//! The process that speaks SNMP: started where something is served, told what changes, and otherwise left alone.
//!
//! When it is started and given up, `control::Revival` says. It is never waited for: what it does not take is lost, and
//! it asks how everything stands as anybody at the control socket does.

use std::collections::VecDeque;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use clock::Instant;
use control::{Change, FromAgent, Handover, Moved, Revival, RevivalAction, Severity, ToAgent};
use kernel::eventloop::{Token, now};
use kernel::process::{Child, MemoryFile};
use kernel::socket::{Channel, ChannelError};
use rustix::process::Signal;

use super::Parent;
use super::spawning::{self, Start};
use crate::agent;

/// The process, and when it shall run.
#[derive(Debug, Default)]
pub(super) struct Agent {
    revival: Revival,
    running: Option<Running>,
    /// Changes that it has not taken yet.
    unsent: VecDeque<Vec<u8>>,
    /// How many of them were lost since none waited.
    lost: u64,
}

#[derive(Debug)]
struct Running {
    child: Child,
    channel: Channel,
    /// Whether the channel is still worth reading.
    is_open: bool,
}

impl Agent {
    /// When it wants attention.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let again = (!self.unsent.is_empty()).then(|| now() + AGAIN);
        again.into_iter().chain(self.revival.deadline()).min()
    }

    /// Whether a token is about it.
    pub(super) fn owns(token: Token) -> bool {
        token == CHANNEL || token == PROCESS
    }

    /// Whether it does not run.
    pub(super) const fn has_left(&self) -> bool {
        self.revival.is_down()
    }

    /// Hands it a configuration; says whether it has it.
    fn configure(&mut self, memory: &MemoryFile) -> bool {
        self.send_unsent();
        let message = control::encode(&ToAgent::Configuration);
        let sent = self.running.as_ref().map(|it| it.channel.send(&message, Some(memory.as_fd())));
        // One that is gone reads it when it is started.
        !matches!(sent, Some(Err(ChannelError::Full)))
    }

    /// Says something as soon as it reads; of more than fits, the oldest is lost.
    fn tell_in_turn(&mut self, message: &ToAgent) {
        if self.running.is_none() {
            return;
        }
        if self.unsent.len() >= UNSENT {
            self.unsent.pop_front();
            self.lost += 1;
        }
        self.unsent.push_back(control::encode(message));
        self.send_unsent();
    }

    fn send_unsent(&mut self) {
        let Some(running) = &self.running else { return self.unsent.clear() };
        while let Some(message) = self.unsent.front() {
            match running.channel.send(message, None) {
                Err(ChannelError::Full) => return,
                Ok(()) | Err(_) => self.unsent.pop_front(),
            };
        }
    }
}

impl Parent {
    /// Brings it in line with the configuration in force.
    pub(super) fn arrange_agent(&mut self) {
        let is_wanted = self.loaded.global.snmp.is_wanted() && self.stopping.is_none();
        self.want_agent(is_wanted);
        if is_wanted && self.agent.running.is_some() {
            match self.loaded.seal(0, &Handover::default()) {
                Ok(memory) if self.agent.configure(&memory) => {}
                // One that does not read begins anew.
                Ok(_) => self.end_agent(),
                Err(error) => {
                    self.log(Severity::Error, &format!("SNMP serves what was configured: {error}"));
                }
            }
        }
    }

    fn want_agent(&mut self, is_wanted: bool) {
        if self.agent.revival.want(now(), is_wanted) == Some(RevivalAction::End) {
            self.agent.tell_in_turn(&ToAgent::End);
        }
    }

    /// The children have ended: it has a moment to tell that.
    pub(super) fn leave_agent(&mut self) {
        self.want_agent(false);
    }

    /// Tells it of a change.
    pub(super) fn tell_agent(&mut self, change: &Change) {
        self.agent.tell_in_turn(&ToAgent::Changed(change.clone()));
    }

    /// Tells it that a server came up or went down, where it serves such.
    pub(super) fn tell_agent_of_move(&mut self, moved: &Moved) {
        if self.loaded.global.snmp.checker {
            self.agent.tell_in_turn(&ToAgent::Moved(moved.clone()));
        }
    }

    /// Starts or kills it, where that is due.
    pub(super) fn tend_agent(&mut self) {
        self.agent.send_unsent();
        if self.agent.unsent.is_empty() && self.agent.lost > 0 {
            let lost = std::mem::take(&mut self.agent.lost);
            let text = format!(
                "SNMP: {lost} changes are not notified of: the SNMP process did not take them"
            );
            self.log(Severity::Warning, &text);
        }
        match self.agent.revival.due(now()) {
            None | Some(RevivalAction::End) => {}
            Some(RevivalAction::Start) => match self.start_agent() {
                Ok(running) => {
                    self.agent.running = Some(running);
                    self.agent.revival.started(now());
                }
                Err(error) => self.agent_ended(&format!("cannot be started: {error:#}")),
            },
            Some(RevivalAction::Kill) => {
                if let Some(running) = &self.agent.running {
                    let _ = running.child.signal(Signal::KILL);
                }
            }
        }
    }

    /// Ends it at once; where it is wanted, it is started again.
    pub(super) fn end_agent(&mut self) {
        if let Some(mut running) = self.agent.running.take() {
            let _ = self.events.remove(&running.child);
            if running.is_open {
                let _ = self.events.remove(&running.channel);
            }
            let _ = running.child.signal(Signal::KILL);
            let _ = running.child.wait(TIME_TO_DIE);
            self.agent.revival.ended(now());
        }
    }

    /// It says something, or ended.
    pub(super) fn take_agent(&mut self, token: Token) {
        self.hear_agent();
        if token != PROCESS {
            return;
        }
        let Some(running) = &mut self.agent.running else { return };
        let how = match running.child.ended() {
            Ok(None) => return,
            Ok(Some(ended)) => ended.to_string(),
            Err(error) => error.to_string(),
        };
        let _ = self.events.remove(&running.child);
        if running.is_open {
            let _ = self.events.remove(&running.channel);
        }
        self.agent.running = None;
        self.agent_ended(&how);
    }

    fn agent_ended(&mut self, how: &str) {
        if let Some(pause) = self.agent.revival.ended(now()) {
            let text = format!("SNMP process {how}: it is started again in {} s", pause.as_secs());
            self.log(Severity::Warning, &text);
        }
    }

    /// Hears what it says, a bounded part of it in one turn.
    fn hear_agent(&mut self) {
        for _ in 0..MESSAGES_A_TURN {
            let running = self.agent.running.as_mut().filter(|running| running.is_open);
            let Some(running) = running else { return };
            let message = match running.channel.receive() {
                Ok(None) => return,
                Ok(Some(message)) => message,
                Err(error) => {
                    // It has nothing more to say, or what it says cannot be taken; its end follows.
                    running.is_open = false;
                    let _ = self.events.remove(&running.channel);
                    if !matches!(error, ChannelError::Closed) {
                        let _ = running.child.signal(Signal::KILL);
                    }
                    return;
                }
            };
            self.agent.revival.heard(now());
            match (control::decode::<FromAgent>(&message.bytes), message.descriptor) {
                (Ok(FromAgent::Beat), _) => {}
                (Ok(FromAgent::Log { severity, text }), _) => self.log(severity, &text),
                (Ok(FromAgent::Ask), Some(stream)) => {
                    self.control.admit_observer(UnixStream::from(stream), &self.events);
                }
                (Ok(FromAgent::Ask), None) | (Err(_), _) => {
                    let _ = running.child.signal(Signal::KILL);
                }
            }
        }
    }

    fn start_agent(&self) -> anyhow::Result<Running> {
        let (child, channel) = Start {
            program: spawning::itself(),
            invoked_name: &self.options.invoked_name,
            arguments: vec![agent::ARGUMENT.into()],
            memory: &self.loaded.seal(0, &Handover::default())?,
            namespace: None,
            process: PROCESS,
            channel: CHANNEL,
        }
        .begin(&self.events)?;
        Ok(Running { child, channel, is_open: true })
    }
}

const CHANNEL: Token = Token(32);
const PROCESS: Token = Token(33);
/// How long a killed one may take to end.
const TIME_TO_DIE: Duration = Duration::from_millis(500);
/// When what it did not take is offered again.
const AGAIN: Duration = Duration::from_millis(50);
/// Changes that wait for it: some for each of thousands of instances.
const UNSENT: usize = 16 * 1024;
/// Messages that are heard before others have their turn.
const MESSAGES_A_TURN: usize = 64;
