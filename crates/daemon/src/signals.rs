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
