//! Waiting: epoll, one timerfd with absolute deadlines, signals and process ends as readable descriptors.
//!
//! The loop belongs to its caller, who waits, reads the clock once, and looks at what is ready. Nothing here
//! calls back.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use clock::Instant;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::thread::clock_nanosleep_absolute;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
};

/// What a caller recognises a descriptor by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// A set of descriptors and one deadline to wait for.
pub struct EventLoop {
    epoll: OwnedFd,
    timer: OwnedFd,
    armed: Option<Instant>,
    events: Vec<epoll::Event>,
}

/// What a descriptor is watched for instead of something to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// That there is something to read, as from the start.
    Readable,
    /// That it can be written to.
    Writable,
    /// That its other end is gone.
    End,
}

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Woken {
    ByTimer,
    Otherwise,
}

/// A wait that cannot be set up or made.
#[derive(Debug, thiserror::Error)]
#[error("event loop: {operation}")]
pub struct LoopError {
    operation: &'static str,
    #[source]
    source: Errno,
}

impl EventLoop {
    /// Creates the loop.
    ///
    /// **Errors**: the kernel refuses a descriptor.
    pub fn new() -> Result<Self, LoopError> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(failed("create epoll"))?;
        let timer = rustix::time::timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
        )
        .map_err(failed("create timerfd"))?;
        let events = vec![empty_event(); EVENTS_A_WAIT];
        let this = Self { epoll, timer, armed: None, events };
        this.add(&this.timer, TIMER)?;
        Ok(this)
    }

    /// Waits for `descriptor` to become readable, from now on.
    ///
    /// **Errors**: the kernel refuses it.
    pub fn add(&self, descriptor: impl AsFd, token: Token) -> Result<(), LoopError> {
        let data = epoll::EventData::new_u64(token.0);
        epoll::add(&self.epoll, descriptor, data, epoll::EventFlags::IN)
            .map_err(failed("add descriptor"))
    }

    /// Waits for something else than before of a descriptor that was added.
    ///
    /// **Errors**: it was not added.
    pub fn watch(
        &self,
        descriptor: impl AsFd,
        token: Token,
        interest: Interest,
    ) -> Result<(), LoopError> {
        let data = epoll::EventData::new_u64(token.0);
        let flags = match interest {
            Interest::Readable => epoll::EventFlags::IN,
            Interest::Writable => epoll::EventFlags::OUT,
            Interest::End => epoll::EventFlags::empty(),
        };
        epoll::modify(&self.epoll, descriptor, data, flags).map_err(failed("watch descriptor"))
    }

    /// Waits for `descriptor` no longer.
    ///
    /// **Errors**: it was not waited for.
    pub fn remove(&self, descriptor: impl AsFd) -> Result<(), LoopError> {
        epoll::delete(&self.epoll, descriptor).map_err(failed("remove descriptor"))
    }

    /// Waits until a descriptor is readable or `deadline` has come; `ready` then holds the tokens of the readable
    /// ones. A signal that interrupts the wait looks like nothing ready.
    ///
    /// **Errors**: the kernel refuses the wait.
    pub fn wait(
        &mut self,
        deadline: Option<Instant>,
        ready: &mut Vec<Token>,
    ) -> Result<(), LoopError> {
        loop {
            self.arm(deadline)?;
            let woken = self.collect(None, ready)?;
            // It may have been an earlier deadline, of a call before.
            let early = || deadline.is_none_or(|deadline| now() < deadline);
            if !(woken == Woken::ByTimer && ready.is_empty() && early()) {
                return Ok(());
            }
        }
    }

    /// Sleeps until `until` whatever comes, and says then what is readable: many things that come one by one cost
    /// one wake-up.
    ///
    /// **Errors**: the kernel refuses the wait.
    pub fn sleep(&mut self, until: Instant, ready: &mut Vec<Token>) -> Result<(), LoopError> {
        // Waking early for a signal does no harm.
        let _ = clock_nanosleep_absolute(ClockId::Monotonic, &timespec(until));
        self.collect(Some(&Timespec { tv_sec: 0, tv_nsec: 0 }), ready).map(|_| ())
    }

    fn collect(
        &mut self,
        patience: Option<&Timespec>,
        ready: &mut Vec<Token>,
    ) -> Result<Woken, LoopError> {
        let mut woken = Woken::Otherwise;
        ready.clear();
        let count = match epoll::wait(&self.epoll, self.events.as_mut_slice(), patience) {
            Ok(count) => count,
            Err(Errno::INTR) => 0,
            Err(source) => return Err(LoopError { operation: "wait", source }),
        };
        for event in self.events.iter().take(count) {
            let token = Token(event.data.u64());
            if token == TIMER {
                let mut expirations = [0; 8];
                // Nothing to read means that the timer was armed anew since.
                let _ = rustix::io::read(&self.timer, &mut expirations);
                self.armed = None;
                woken = Woken::ByTimer;
            } else {
                ready.push(token);
            }
        }
        Ok(woken)
    }

    fn arm(&mut self, deadline: Option<Instant>) -> Result<(), LoopError> {
        // A timer that is set earlier stays: to wake once for nothing is cheaper than to set it anew each time that
        // a deadline is put off, as each packet does.
        let stays = |armed| deadline.is_none_or(|deadline| armed <= deadline);
        if self.armed.is_some_and(stays) || self.armed == deadline {
            return Ok(());
        }
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        // All zeros disarm, so the epoch itself is one nanosecond late.
        let value =
            deadline.map_or(zero, |deadline| timespec(deadline.max(Instant::from_nanos(1))));
        let timer = Itimerspec { it_interval: zero, it_value: value };
        rustix::time::timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &timer)
            .map_err(failed("set timer"))?;
        self.armed = deadline;
        Ok(())
    }
}

impl std::fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventLoop").field("armed", &self.armed).finish_non_exhaustive()
    }
}

/// CLOCK_MONOTONIC.
#[must_use]
pub fn now() -> Instant {
    instant(clock_gettime(ClockId::Monotonic))
}

/// CLOCK_BOOTTIME, which goes on while the machine is suspended.
#[must_use]
pub fn boot_time() -> Instant {
    instant(clock_gettime(ClockId::Boottime))
}

/// CLOCK_REALTIME: the time since 1970, which people and other programs may set.
#[must_use]
pub fn wall_clock() -> Duration {
    let time = clock_gettime(ClockId::Realtime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0).min(999_999_999))
}

/// Signals as a readable descriptor.
#[derive(Debug)]
pub struct Signals {
    descriptor: SignalFd,
}

impl Signals {
    /// Blocks `signals` for this thread and its future children, and reads them instead.
    ///
    /// **Errors**: the kernel refuses.
    pub fn open(signals: &[Signal]) -> Result<Self, LoopError> {
        let failed = |source: nix::Error| LoopError {
            operation: "open signalfd",
            source: crate::sys::errno(source as i32),
        };
        let set: SigSet = signals.iter().copied().collect();
        nix::sys::signal::pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&set), None)
            .map_err(failed)?;
        let descriptor = SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
            .map_err(failed)?;
        Ok(Self { descriptor })
    }

    /// The next signal that waits.
    pub fn take(&mut self) -> Option<Signal> {
        let info = self.descriptor.read_signal().ok().flatten()?;
        i32::try_from(info.ssi_signo).ok().and_then(|number| Signal::try_from(number).ok())
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

fn failed(operation: &'static str) -> impl Fn(Errno) -> LoopError {
    move |source| LoopError { operation, source }
}

fn empty_event() -> epoll::Event {
    epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) }
}

fn instant(time: Timespec) -> Instant {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
    Instant::from_nanos(seconds.saturating_mul(NANOS).saturating_add(nanoseconds))
}

fn timespec(instant: Instant) -> Timespec {
    let nanoseconds = instant.as_nanos();
    Timespec {
        tv_sec: i64::try_from(nanoseconds / NANOS).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(nanoseconds % NANOS).unwrap_or(0),
    }
}

const NANOS: u64 = 1_000_000_000;
const TIMER: Token = Token(u64::MAX);
const EVENTS_A_WAIT: usize = 64;
