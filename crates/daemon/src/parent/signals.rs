//! The signals that the parent answers.

use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::Signal;
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// Those that are read instead of delivered.
pub(super) const WATCHED: [Signal; 5] =
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2];

/// The real-time signals: some of them ask for dumps, and no other may end the daemon either.
#[derive(Debug)]
pub(super) struct RealTime(SignalFd);

impl RealTime {
    /// Blocks them, and reads them instead.
    ///
    /// **Errors**: the kernel refuses.
    pub(super) fn open() -> nix::Result<Self> {
        let set = crate::signals::block_real_time()?;
        SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC).map(Self)
    }

    /// Those that came since this was asked last.
    pub(super) fn take(&self) -> Vec<i32> {
        let mut signals = Vec::new();
        while let Ok(Some(signal)) = self.0.read_signal() {
            signals.extend(i32::try_from(signal.ssi_signo));
        }
        signals
    }
}

impl AsFd for RealTime {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
