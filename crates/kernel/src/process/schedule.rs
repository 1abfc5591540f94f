//! How the kernel runs this process: when, where, and whether its memory may be paged out.
//!
//! **Source**: sched(7), mlock(2), getrlimit(2).

use std::time::Duration;

use rustix::mm::MlockAllFlags;
use rustix::process::{Resource, Rlimit};
use rustix::thread::CpuSet;

use super::ProcessError;
use crate::sys;

/// Who runs under SCHED_RR beside the thread that asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heirs {
    /// Nobody: threads and processes that it starts are ordinary.
    Nobody,
    /// Whatever it starts, until it [keeps](keep_realtime) real time for itself.
    UntilKept,
}

/// Puts this process under SCHED_RR, and under a limit of how long it may run without waiting, so that an endless
/// loop of ours does not take a processor from everyone: the kernel sends SIGXCPU then.
///
/// `priority` is 1 to 99.
///
/// **Errors**: not permitted (`CAP_SYS_NICE` or `RLIMIT_RTPRIO`).
pub fn set_realtime(priority: u32, limit: Duration, heirs: Heirs) -> Result<(), ProcessError> {
    let microseconds = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
    // The hard limit stays higher: SIGXCPU comes first, SIGKILL only if that is not heeded. One that is there
    // already is not raised, which would need a privilege of its own.
    let ceiling = rustix::process::getrlimit(Resource::Rttime).maximum.unwrap_or(u64::MAX);
    let maximum = microseconds.saturating_mul(4).min(ceiling);
    let limits = Rlimit { current: Some(microseconds.min(maximum)), maximum: Some(maximum) };
    rustix::process::setrlimit(Resource::Rttime, limits)
        .map_err(ProcessError::failed("limit real-time run"))?;
    sys::set_round_robin(priority, heirs == Heirs::Nobody)
        .map_err(ProcessError::failed("set real-time scheduling"))
}

/// What this thread starts from now on is ordinary. Nothing where it runs so itself.
///
/// A thread that is to be as urgent is started before: to become so later takes a privilege, which is dropped by then.
///
/// **Errors**: none are known; it takes nothing that this thread did not have.
pub fn keep_realtime() -> Result<(), ProcessError> {
    let Some(priority) = sys::round_robin() else { return Ok(()) };
    sys::set_round_robin(priority, true).map_err(ProcessError::failed("keep real-time scheduling"))
}

/// Lets this process and its children leave core dumps of any size, as far as the hard limit allows.
///
/// **Errors**: the kernel refuses.
pub fn allow_core_dumps() -> Result<(), ProcessError> {
    let maximum = rustix::process::getrlimit(Resource::Core).maximum;
    let limits = Rlimit { current: maximum, maximum };
    rustix::process::setrlimit(Resource::Core, limits)
        .map_err(ProcessError::failed("allow core dumps"))
}

/// Sets the nice value, −20 to 19.
///
/// **Errors**: not permitted (`CAP_SYS_NICE`) for values below the present one.
pub fn set_nice(nice: i32) -> Result<(), ProcessError> {
    rustix::process::setpriority_process(None, nice).map_err(ProcessError::failed("set priority"))
}

/// Lets this process run on these processors only.
///
/// **Errors**: none of them exists.
pub fn set_affinity(processors: &[u32]) -> Result<(), ProcessError> {
    let mut set = CpuSet::new();
    for processor in processors.iter().filter_map(|processor| usize::try_from(*processor).ok()) {
        if processor < CpuSet::MAX_CPU {
            set.set(processor);
        }
    }
    rustix::thread::sched_setaffinity(None, &set).map_err(ProcessError::failed("set CPU affinity"))
}

/// Keeps the memory of this process, now and later, from being paged out once it was touched.
///
/// The limit of locked memory is lifted first: once the privilege is given up, a process with a limit could allocate
/// no more than that.
///
/// **Errors**: not permitted (`CAP_IPC_LOCK`), or the limit cannot be lifted (`CAP_SYS_RESOURCE`); nothing is locked
/// then.
pub fn lock_memory() -> Result<(), ProcessError> {
    let unlimited = Rlimit { current: None, maximum: None };
    rustix::process::setrlimit(Resource::Memlock, unlimited)
        .map_err(ProcessError::failed("lift limit of locked memory"))?;
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    rustix::mm::mlockall(flags).map_err(ProcessError::failed("lock memory"))
}

/// Bounds the memory that this process may ask for, in bytes of address space; what is beyond is refused to it.
///
/// **Errors**: not permitted: it is bounded already, by less.
pub fn limit_memory(bytes: u64) -> Result<(), ProcessError> {
    let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
    rustix::process::setrlimit(Resource::As, limit).map_err(ProcessError::failed("limit memory"))
}

/// Lets this process have as many descriptors as it may; says how many that are.
pub fn raise_descriptor_limit() -> u64 {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let _ = rustix::process::setrlimit(Resource::Nofile, raised);
    rustix::process::getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Has the kernel end this process before any other when memory is out. **Source**: proc_pid_oom_score_adj(5).
///
/// **Errors**: there is no `/proc`.
pub fn go_first_when_memory_is_out() -> Result<(), ProcessError> {
    std::fs::write("/proc/self/oom_score_adj", "1000").map_err(ProcessError::io("offer memory"))
}

/// Touches stack that later calls will need, so that the first failover does not wait for a page.
pub fn prefault() {
    let mut stack = [0u8; 128 * 1024];
    for byte in stack.iter_mut().step_by(4096) {
        *byte = 1;
    }
    std::hint::black_box(&stack);
}

/// The time that processors have given to this thread.
#[must_use]
pub fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Sets the name that `ps -o comm` and `pgrep` see, cut to 15 bytes.
pub fn set_name(name: &str) {
    let bytes: Vec<u8> = name.bytes().filter(|byte| *byte != 0).take(15).collect();
    if let Ok(name) = std::ffi::CString::new(bytes) {
        let _ = rustix::thread::set_name(&name);
    }
}
