//! What both children do alike: take over from the parent, find their place with the kernel, beat.

mod parts;
mod payload;
mod settle;

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clock::Instant;
use config::RealServers;
use config::model::Model;
use control::{
    Finding, Ran, Role, Run, Severity, StartOptions, Steering, Summary, ToChild, ToParent, Watched,
};
use kernel::socket::{Channel, ChannelError};

use rustix::event::{PollFd, PollFlags, Timespec};
use status::Seconds;

pub(crate) use parts::{PART, Parts, Progress};
pub(crate) use payload::{Payload, PayloadError};
pub(crate) use settle::{Needs, settle};

use crate::compat::exit;
use crate::log::Ring;
use crate::{load, signals, terminal};

/// The role of a process that the parent started; none for one that a person started.
pub(crate) fn role(arguments: &[OsString]) -> Option<Role> {
    Role::from_word(arguments.get(1)?.to_str()?.strip_prefix(ROLE_FLAG)?)
}

/// The argument that gives a process its role, and shows it in `ps`.
pub(crate) fn role_argument(role: Role) -> String {
    format!("{ROLE_FLAG}{}", role.word())
}

/// What a child starts with.
#[derive(Debug)]
pub(crate) struct Startup {
    /// Options of the whole daemon.
    pub(crate) options: StartOptions,
    /// The configuration.
    pub(crate) model: Model,
    /// To the parent.
    pub(crate) parent: Parent,
    /// Lines for the log.
    pub(crate) log: Ring,
}

/// Takes over what the parent left in descriptors 3 and 4.
///
/// **Errors**: the exit code of a process that was not started by a parent of this version.
pub(crate) fn take_over(real_servers: RealServers) -> Result<Startup, ExitCode> {
    let refuse = |why: &str| {
        terminal::eprint(&format!(
            "{ROLE_FLAG}... is for processes that steadfast starts itself: {why}\n"
        ));
        ExitCode::from(exit::FATAL)
    };
    let (channel, memory) = kernel::inherited_pair().ok_or_else(|| refuse("no channel"))?;
    let (options, model) =
        read_aside(&memory, real_servers).map_err(|error| refuse(&error.to_string()))?;
    let mut log = Ring::new(options.detail > 0);
    if let Err(error) = signals::block_real_time() {
        log.push(Severity::Warning, format!("cannot block real-time signals: {error}"));
    }
    let parent = Parent {
        channel: Channel::from_descriptor(channel),
        last_beat: None,
        unsent: VecDeque::new(),
    };
    Ok(Startup { options, model, parent, log })
}

/// As [`read`], in a thread where there may be much to read: a thread has a part of the heap of its own, which is given
/// back as a whole when the model is gone. What is kept would lie between what is not otherwise.
fn read_aside(
    memory: &OwnedFd,
    real_servers: RealServers,
) -> Result<(StartOptions, Model), PayloadError> {
    match real_servers {
        // Its stack would be memory that the VRRP process locks.
        RealServers::Judged => read(memory, real_servers),
        RealServers::Kept | RealServers::Told | RealServers::Examined => {
            std::thread::scope(|scope| {
                let reader = std::thread::Builder::new().name("reader".to_owned());
                let reader = reader.spawn_scoped(scope, || read(memory, real_servers));
                match reader.map(std::thread::ScopedJoinHandle::join) {
                    Ok(Ok(read)) => read,
                    // Without a thread it takes more memory. One that panics ends the process.
                    _ => read(memory, real_servers),
                }
            })
        }
    }
}

/// Reads a configuration that the parent has sealed.
///
/// **Errors**: it is not sealed, not of this version, or has errors that the parent did not see.
pub(crate) fn read(
    memory: &OwnedFd,
    real_servers: RealServers,
) -> Result<(StartOptions, Model), PayloadError> {
    let payload = Payload::read(memory)?;
    let (model, diagnostics) = load::understand(&payload.sources, &payload.options, real_servers);
    if config::diagnostic::worst(&diagnostics) == Some(config::diagnostic::Severity::Error) {
        return Err(PayloadError::Diagnostics);
    }
    Ok((payload.options, model))
}

/// The channel to the parent.
#[derive(Debug)]
pub(crate) struct Parent {
    channel: Channel,
    last_beat: Option<Instant>,
    /// Messages that a parent which did not read for a while has yet to get.
    unsent: VecDeque<Vec<u8>>,
}

/// The parent is gone: the child ends as after SIGTERM.
#[derive(Debug)]
pub(crate) struct Orphaned;

/// A request of the parent.
#[derive(Debug)]
pub(crate) enum Request {
    /// End in order.
    Stop,
    /// Take the configuration in this memory file.
    Reload(OwnedFd),
    /// Something new about watched things.
    Found(BTreeMap<Watched, Finding>),
    /// The program of a check has ended.
    Ran(Run, Ran),
    /// Order something of real servers.
    Steer {
        /// What the answer carries.
        serial: u32,
        /// The order.
        steering: Steering,
        /// When it was given, in microseconds since 1970-01-01T00:00:00Z.
        at: u64,
    },
    /// Say how everything stands.
    Report {
        /// What the answers carry.
        serial: u32,
        /// Whether counters begin anew behind it.
        clear: bool,
        /// Of what has this name only, where there is much to say.
        about: Option<String>,
    },
}

impl Parent {
    /// What to wait for.
    pub(crate) const fn channel(&self) -> &Channel {
        &self.channel
    }

    /// When the loop shall wake for a beat if nothing else wakes it.
    pub(crate) fn beat_due(&self) -> Instant {
        self.last_beat.map_or(Instant::ZERO, |last| last + LATEST_BEAT)
    }

    /// Whether a turn of now beats: sooner than it must, because each wake-up of its own costs.
    pub(crate) fn beats(&self, now: Instant) -> bool {
        self.last_beat.is_none_or(|last| now.since(last) >= BEAT)
    }

    /// Ends a turn of the loop: beats if it is time, and hands log lines over.
    pub(crate) fn end_turn(
        &mut self,
        now: Instant,
        log: &mut Ring,
        summary: impl FnOnce() -> Summary,
    ) -> Result<(), Orphaned> {
        self.send_unsent()?;
        if self.beats(now) {
            self.last_beat = Some(now);
            // A parent that does not read for now misses a beat; the next comes soon.
            self.send(&control::encode(&ToParent::Heartbeat(summary())))?;
        }
        log.drain(&self.channel).map_err(|_| Orphaned)
    }

    /// Whether the parent did not take everything yet.
    pub(crate) fn is_behind(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Hands over what is left to say, at the end: the parent has a moment for it.
    pub(crate) fn flush(&mut self, log: &mut Ring) -> Result<(), Orphaned> {
        let mut in_vain = 0;
        while in_vain < FLUSHES {
            self.send_unsent()?;
            log.drain(&self.channel).map_err(|_| Orphaned)?;
            if !log.is_waiting() && self.unsent.is_empty() {
                break;
            }
            let descriptor = PollFd::new(&self.channel, PollFlags::OUT);
            let moment = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
            // As long as it reads, it is told.
            if rustix::event::poll(&mut [descriptor], Some(&moment)) != Ok(1) {
                in_vain += 1;
            }
        }
        Ok(())
    }

    /// Says something, as soon as the parent reads.
    pub(crate) fn say(&mut self, message: &ToParent) -> Result<(), Orphaned> {
        // A parent that has not read so much for so long is about to be found out; its successor starts anew.
        if self.unsent.len() >= UNSENT {
            self.unsent.pop_front();
        }
        self.unsent.push_back(control::encode(message));
        self.send_unsent()
    }

    /// Says something if the parent takes it at once and nothing waits before it; whether it did.
    pub(crate) fn offer(&self, message: &ToParent) -> Result<bool, Orphaned> {
        if self.is_behind() {
            return Ok(false);
        }
        self.send(&control::encode(message))
    }

    fn send_unsent(&mut self) -> Result<(), Orphaned> {
        while let Some(message) = self.unsent.front() {
            if !self.send(message)? {
                break;
            }
            self.unsent.pop_front();
        }
        if self.unsent.is_empty() {
            self.unsent.shrink_to(FEW);
        }
        Ok(())
    }

    /// Whether the parent took it.
    fn send(&self, message: &[u8]) -> Result<bool, Orphaned> {
        match self.channel.send(message, None) {
            Ok(()) => Ok(true),
            Err(ChannelError::Full) => Ok(false),
            Err(_) => Err(Orphaned),
        }
    }

    /// The next request that waits.
    pub(crate) fn request(&mut self, log: &mut Ring) -> Result<Option<Request>, Orphaned> {
        let Some(message) = self.channel.receive().map_err(|_| Orphaned)? else { return Ok(None) };
        match (control::decode::<ToChild>(&message.bytes), message.descriptor) {
            (Ok(ToChild::Stop), _) => Ok(Some(Request::Stop)),
            (Ok(ToChild::Reload), Some(memory)) => Ok(Some(Request::Reload(memory))),
            (Ok(ToChild::Found(findings)), _) => Ok(Some(Request::Found(findings))),
            (Ok(ToChild::Ran(run, ran)), _) => Ok(Some(Request::Ran(run, ran))),
            (Ok(ToChild::Steer { serial, steering, at }), _) => {
                Ok(Some(Request::Steer { serial, steering, at }))
            }
            (Ok(ToChild::Report { serial, clear, about }), _) => {
                Ok(Some(Request::Report { serial, clear, about }))
            }
            (Ok(ToChild::Reload), None) | (Err(_), _) => {
                log.push(Severity::Error, "the parent says what this process does not understand");
                Err(Orphaned)
            }
        }
    }
}

/// The time of day of an instant that is past.
pub(crate) fn time_of(instant: Instant, now: Instant) -> Seconds {
    let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Seconds(today.saturating_sub(now.since(instant)))
}

const ROLE_FLAG: &str = "--role=";
/// From one beat to the next at least, and at most: an advertisement each second takes the beat along.
const BEAT: Duration = Duration::from_millis(800);
const LATEST_BEAT: Duration = Duration::from_millis(1100);
/// Messages that wait for the parent at most: some for each of thousands of instances.
const UNSENT: usize = 32 * 1024;
/// Messages for which room is kept.
const FEW: usize = 64;
/// Moments that a parent which does not read is given at the end.
const FLUSHES: usize = 20;
