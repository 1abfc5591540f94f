//! The signals that the parent answers.

use nix::sys::signal::Signal;

/// Those that are read instead of delivered.
pub(super) const WATCHED: [Signal; 5] =
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2];
