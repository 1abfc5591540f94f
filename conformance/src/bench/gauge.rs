//! What a daemon costs: processor time and memory of all its processes, as the kernel accounts for them.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::time::{clock_getcpuclockid, clock_gettime};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::moment::Moment;
use crate::node::Node;

/// Processor time that these processes have used, with all threads that they have or had.
///
/// # Errors
/// When one of them is gone.
pub fn processor_time(processes: &[u32]) -> Result<Duration> {
    let mut sum = Duration::ZERO;
    for pid in processes {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(*pid)?);
        let used = clock_getcpuclockid(pid).and_then(clock_gettime).context("daemon is gone")?;
        sum += Duration::from(used);
    }
    Ok(sum)
}

/// Memory of these processes, pages that several share divided among them.
///
/// **Units**: megabytes of 1 000 000 bytes.
///
/// # Errors
/// When one of them is gone.
pub fn memory(processes: &[u32]) -> Result<f64> {
    let mut kilobytes = 0_u32;
    for pid in processes {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let line = text.lines().find_map(|l| l.strip_prefix("Pss:")).context("no Pss line")?;
        let number = line.split_whitespace().next().context("empty Pss line")?;
        kilobytes += number.parse::<u32>()?;
    }
    Ok(f64::from(kilobytes) * 1024.0 / 1e6)
}

/// Processor time that the daemon of `node` uses in `span` from now on.
///
/// # Errors
/// When it is gone.
pub fn usage(node: &Node, span: Duration) -> Result<Duration> {
    let processes = node.processes()?;
    let before = processor_time(&processes)?;
    thread::sleep(span);
    Ok(processor_time(&processes)?.saturating_sub(before))
}

/// Milliseconds of processor time for each second of `span`, in `windows` samples.
///
/// # Errors
/// When the daemon is gone.
pub fn load(node: &Node, windows: usize, span: Duration) -> Result<Vec<f64>> {
    let processes = node.processes()?;
    let mut samples = Vec::new();
    for _ in 0..windows {
        let (before, started) = (processor_time(&processes)?, Instant::now());
        thread::sleep(span);
        let used = processor_time(&processes)?.saturating_sub(before);
        samples.push(used.as_secs_f64() * 1e3 / started.elapsed().as_secs_f64());
    }
    Ok(samples)
}

/// Waits for the end of process `pid` and returns the moment of it, as near as a wake-up is.
///
/// # Errors
/// When it still runs after `within`.
pub fn wait_for_end(
    pid: u32,
    within: Duration,
    act: impl FnOnce() -> Result<()>,
) -> Result<Moment> {
    let pid = Pid::from_raw(i32::try_from(pid)?).context("process number")?;
    let handle = pidfd_open(pid, PidfdFlags::empty()).context("watch process")?;
    act()?;
    let mut set = [PollFd::new(&handle, PollFlags::IN)];
    let timeout = Timespec::try_from(within)?;
    if poll(&mut set, Some(&timeout))? == 0 {
        bail!("the process still runs after {within:?}");
    }
    Ok(Moment::now())
}
