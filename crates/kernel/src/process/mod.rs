//! Processes: starting children, how the kernel schedules us, what we may do, bytes to hand down.

mod child;
mod memory;
mod memory_file;
mod privilege;
mod program;
mod schedule;
pub mod table;

use rustix::io::Errno;

pub use child::{Child, Ended, Spawn, Stdio};
pub use memory::give_back_memory;
pub use memory_file::MemoryFile;
pub use privilege::{Privilege, drop_to, forbid_new_privileges, may};
pub use program::{Identity, Program};
pub use schedule::{
    Heirs, allow_core_dumps, go_first_when_memory_is_out, keep_realtime, limit_memory, lock_memory,
    prefault, processor_time, raise_descriptor_limit, set_affinity, set_name, set_nice,
    set_realtime,
};

/// An operation on this process, or on a child, that failed.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {source}")]
pub struct ProcessError {
    /// What was tried.
    pub operation: &'static str,
    /// Why it failed.
    #[source]
    pub source: Errno,
}

impl ProcessError {
    pub(crate) const fn new(operation: &'static str, source: Errno) -> Self {
        Self { operation, source }
    }

    pub(crate) fn failed(operation: &'static str) -> impl Fn(Errno) -> Self {
        move |source| Self { operation, source }
    }

    pub(crate) fn io(operation: &'static str) -> impl Fn(std::io::Error) -> Self {
        move |error| {
            let raw = error.raw_os_error().unwrap_or(libc::EIO);
            Self { operation, source: crate::sys::errno(raw) }
        }
    }
}
