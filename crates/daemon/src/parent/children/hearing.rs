//! What a child says, and what of it concerns others than its log and its watchdog.

use std::collections::BTreeMap;

use control::{
    Alert, Change, Event, Moved, Numbers, Role, Run, SessionMemory, Severity, Steered, ToParent,
    Unsteered,
};
use kernel::eventloop::now;
use kernel::socket::ChannelError;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::Signal;

use super::{Context, Managed, Running};
use crate::compat;

/// Something that concerns the whole daemon.
#[derive(Debug)]
pub(in super::super) enum News {
    /// The child has taken the new configuration; what changed.
    Reloaded(Role, String),
    /// The child has not.
    ReloadFailed(Role, String),
    /// Programs and pipes are to be told of something.
    Changed(Change),
    /// Programs and pipes are to be told of a virtual server.
    Moved(Moved),
    /// Somebody gets a letter.
    Alert(Alert),
    /// The program of a check is to be run.
    Run(Run, String),
    /// Nobody waits for it any longer.
    GiveUp(Run),
    /// Another router is Active beside an instance, or is so no longer.
    Contested { instance: String, text: String },
    /// What a successor needs of a BFD session.
    Session(String, Option<SessionMemory>),
    /// What a successor needs to refuse adverts that are repeated.
    Numbers(BTreeMap<String, Numbers>),
    /// Counters of some instances.
    Tally(Vec<u8>),
    /// A part of how everything stands.
    Report { role: Role, serial: u32, part: Vec<u8>, last: bool },
    /// What became of an order.
    Steered { serial: u32, outcome: Result<Vec<Steered>, Unsteered>, last: bool },
    /// The child ended, in these words; its successor reads the new configuration.
    Gone(Role, String),
}

impl Running {
    /// Whether it said something that was not read yet.
    pub(super) fn has_word(&self) -> bool {
        let mut channel = [PollFd::new(&self.channel, PollFlags::IN)];
        let nothing = Timespec { tv_sec: 0, tv_nsec: 0 };
        self.open && rustix::event::poll(&mut channel, Some(&nothing)) == Ok(1)
    }
}

impl Managed {
    /// Takes in what it said, up to a bound for each turn.
    pub(super) fn read(&mut self, context: &mut Context<'_>, news: &mut Vec<News>) {
        // Thousands of lines come at a start.
        context.sinks.gather(true);
        self.read_some(context, news);
        context.sinks.gather(false);
    }

    fn read_some(&mut self, context: &mut Context<'_>, news: &mut Vec<News>) {
        for _ in 0..MESSAGES_A_TURN {
            let Some(running) = self.running.as_mut().filter(|running| running.open) else {
                return;
            };
            let message = match running.channel.receive() {
                Ok(Some(message)) => {
                    control::decode::<ToParent>(&message.bytes).map_err(|error| error.to_string())
                }
                Ok(None) => return,
                Err(ChannelError::Closed) => {
                    running.open = false;
                    let _ = context.events.remove(&running.channel);
                    return;
                }
                Err(error) => Err(error.to_string()),
            };
            self.watchdog.handle(now(), Event::Heard);
            if !self.is_late {
                self.alive_until = now();
            }
            match message {
                Ok(ToParent::Log { severity, text }) => {
                    context.sinks.write(&running.identity, severity, &text);
                }
                Ok(ToParent::Ready) => running.ready = true,
                Ok(ToParent::Changed(change)) => news.push(News::Changed(change)),
                Ok(ToParent::Moved(moved)) => news.push(News::Moved(moved)),
                Ok(ToParent::Alert(alert)) => news.push(News::Alert(alert)),
                Ok(ToParent::Run(run, key)) => news.push(News::Run(run, key)),
                Ok(ToParent::GiveUp(run)) => news.push(News::GiveUp(run)),
                Ok(ToParent::Contested { instance, text }) => {
                    news.push(News::Contested { instance, text });
                }
                Ok(ToParent::Session { name, memory }) => news.push(News::Session(name, memory)),
                Ok(ToParent::Numbers(numbers)) => news.push(News::Numbers(numbers)),
                Ok(ToParent::Tally(list)) => news.push(News::Tally(list)),
                Ok(ToParent::Report { serial, part, last }) => {
                    news.push(News::Report { role: self.role, serial, part, last });
                }
                Ok(ToParent::Steered { serial, outcome, last }) => {
                    news.push(News::Steered { serial, outcome, last });
                }
                Ok(ToParent::Heartbeat(summary)) => {
                    self.summary = summary;
                    // Mostly nothing follows; what does wakes us again.
                    return;
                }
                Ok(ToParent::Reloaded { changes }) => {
                    if !changes.is_empty() {
                        context.sinks.write(&running.identity, Severity::Info, &changes);
                    }
                    news.push(News::Reloaded(self.role, changes));
                }
                Ok(ToParent::ReloadFailed { reason }) => {
                    news.push(News::ReloadFailed(self.role, reason))
                }
                Err(error) => {
                    let name = compat::child_name(self.role);
                    context.log(
                        Severity::Error,
                        &format!("{name} child process cannot be understood: {error}"),
                    );
                    running.open = false;
                    let _ = running.child.signal(Signal::KILL);
                }
            }
        }
    }
}

/// Messages of one child that are read before others have their turn.
const MESSAGES_A_TURN: usize = 256;
