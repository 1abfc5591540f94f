//! Signals that must not end a process of ours.

use nix::sys::signal::{SigSet, Signal};

/// Blocks the real-time signals, and says which they are.
///
/// Monitoring sends some of them for dumps, to any process that `pgrep` finds; the kernel's answer to one that is
/// not handled is to end the process.
///
/// **Errors**: the kernel refuses.
pub(crate) fn block_real_time() -> nix::Result<SigSet> {
    // Named are all but these.
    let mut set = SigSet::all();
    Signal::iterator().for_each(|signal| set.remove(signal));
    set.thread_block()?;
    Ok(set)
}

/// Blocks what is meant for the parent, and yet sent to all processes of a daemon: by a terminal, or by who asks for dumps; and
/// `also` these.
///
/// **Errors**: the kernel refuses.
pub(crate) fn leave_to_parent(also: &[Signal]) -> nix::Result<()> {
    block_real_time()?;
    let sent_to_all = [Signal::SIGINT, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2];
    sent_to_all.iter().chain(also).copied().collect::<SigSet>().thread_block()
}
