//! Runs one program at a time, hands on its lines as they come, and ends it when the whole run is to end.
//!
//! A child gets a process group of its own and no input, so that an interrupt reaches us first: the group is then told
//! to end, what must be undone is undone, and nothing keeps running or waiting behind our back. Standard output and
//! error share one pipe, so that their order stays as it was.

use std::cell::Cell;
use std::io::{BufRead as _, BufReader, PipeReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::unistd::Pid;

/// What is running, and what has to be undone when it is cut short.
#[derive(Clone, Default)]
pub(crate) struct Guard(Arc<Mutex<Running>>);

#[derive(Default)]
struct Running {
    group: Option<Pid>,
    undo: Option<Undo>,
    interrupted: bool,
}

/// Takes a change of the machine back.
pub(crate) type Undo = Box<dyn FnOnce() + Send>;

impl Guard {
    /// From here on SIGINT, SIGTERM and SIGHUP end the child, undo what is to be undone, and end us with 130.
    ///
    /// Call it before any other thread exists: the signals are blocked in this thread and those it starts.
    #[expect(clippy::print_stderr, reason = "a program for a terminal")]
    pub(crate) fn new() -> anyhow::Result<Self> {
        let guard = Self::default();
        let mut signals = SigSet::empty();
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            signals.add(signal);
        }
        signals.thread_block().context("cannot block signals")?;
        let watching = guard.clone();
        thread::spawn(move || {
            if let Ok(signal) = signals.wait() {
                eprintln!("\ninterrupted by {signal}");
                watching.lock().interrupted = true;
                watching.end_child();
                watching.undo();
                std::process::exit(130);
            }
        });
        Ok(guard)
    }

    /// Does `act`, whose result is done at [`Self::undo`], at the latest when interrupted: no interrupt comes between.
    ///
    /// **Errors**: those of `act`.
    pub(crate) fn act(&self, act: impl FnOnce() -> anyhow::Result<Undo>) -> anyhow::Result<()> {
        let mut running = self.lock();
        running.undo = Some(act()?);
        Ok(())
    }

    /// Undoes what is to be undone, once. An interrupt waits until it is done.
    pub(crate) fn undo(&self) {
        let mut running = self.lock();
        if let Some(undo) = running.undo.take() {
            undo();
        }
    }

    /// Runs `command` for at most `limit`; `each` sees every line. Nothing is returned for a command that had to be
    /// ended.
    ///
    /// **Errors**: the program cannot be started.
    pub(crate) fn run(
        &self,
        command: Command,
        limit: Duration,
        each: impl FnMut(&str),
    ) -> anyhow::Result<Option<ExitStatus>> {
        self.run_until(command, &Cell::new(Instant::now() + limit), each)
    }

    /// As [`Self::run`], until a deadline that `each` may move.
    ///
    /// **Errors**: the program cannot be started.
    pub(crate) fn run_until(
        &self,
        mut command: Command,
        deadline: &Cell<Instant>,
        mut each: impl FnMut(&str),
    ) -> anyhow::Result<Option<ExitStatus>> {
        let (reader, writer) = std::io::pipe()?;
        let program = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child =
            self.spawn(&mut command).with_context(|| format!("cannot run {program}"))?;
        // The command holds the writing ends: without them the pipe ends with the child.
        drop(command);

        let lines = lines(reader);
        let mut in_time = true;
        loop {
            match lines.recv_timeout(deadline.get().saturating_duration_since(Instant::now())) {
                Ok(line) => each(&line),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    in_time = false;
                    self.end_child();
                    break;
                }
            }
        }
        let status = child.wait()?;
        self.lock_unless_interrupted().group = None;
        Ok(in_time.then_some(status))
    }

    /// Starts `command`.
    ///
    /// A child inherits the mask of signals, and with the handled ones blocked neither it nor a daemon that it tests
    /// would ever end: this thread lets them through for the moment of the start.
    fn spawn(&self, command: &mut Command) -> anyhow::Result<Child> {
        let mut running = self.lock_unless_interrupted();
        let blocked = SigSet::thread_get_mask()?;
        SigSet::empty().thread_set_mask()?;
        let child = command.spawn();
        blocked.thread_set_mask()?;
        let child = child?;
        running.group = group(&child);
        Ok(child)
    }

    /// Asks the child's group to end, and ends it after a moment.
    fn end_child(&self) {
        let Some(group) = self.lock().group else { return };
        for (signal, patience) in [(Signal::SIGTERM, 30), (Signal::SIGKILL, 1)] {
            if killpg(group, signal).is_err() {
                return;
            }
            for _ in 0..patience {
                thread::sleep(Duration::from_millis(100));
                if killpg(group, None).is_err() {
                    return;
                }
            }
        }
    }

    /// Once the run is being ended this never returns, and the other thread ends the process.
    fn lock_unless_interrupted(&self) -> std::sync::MutexGuard<'_, Running> {
        loop {
            let running = self.lock();
            if !running.interrupted {
                return running;
            }
            drop(running);
            thread::park();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn group(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().map(Pid::from_raw)
}

/// The lines of a pipe, until its last writer is gone.
fn lines(reader: PipeReader) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
            line.clear();
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn lines_of_both_outputs_come_in_their_order() {
        let mut seen = Vec::new();
        let status = Guard::default()
            .run(shell("echo a; echo b >&2; echo c; printf d; exit 3"), MINUTE, |line| {
                seen.push(line.to_owned());
            })
            .unwrap()
            .unwrap();
        assert_eq!(seen, ["a", "b", "c", "d"]);
        assert_eq!(status.code(), Some(3));
    }

    #[test]
    fn a_command_that_takes_too_long_is_ended_with_its_children() {
        let begun = Instant::now();
        let limit = Duration::from_millis(50);
        let status = Guard::default().run(shell("sleep 60 & sleep 60"), limit, |_| ()).unwrap();
        assert_eq!(status.map(ExitStatusExt::into_raw), None);
        assert!(begun.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_child_can_be_told_to_end() {
        let mut blocked = SigSet::empty();
        blocked.add(Signal::SIGTERM);
        blocked.thread_block().unwrap();
        let mut seen = Vec::new();
        Guard::default()
            .run(shell("grep SigBlk /proc/self/status"), MINUTE, |line| seen.push(line.to_owned()))
            .unwrap();
        assert_eq!(seen, ["SigBlk:\t0000000000000000"]);
        assert!(SigSet::thread_get_mask().unwrap().contains(Signal::SIGTERM));
    }

    #[test]
    fn what_was_done_is_undone_once() {
        let (sender, receiver) = mpsc::channel();
        let guard = Guard::default();
        guard.act(|| Ok(Box::new(move || sender.send("undone").unwrap()))).unwrap();
        guard.undo();
        guard.undo();
        assert_eq!(receiver.iter().collect::<Vec<_>>(), ["undone"]);
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let error =
            Guard::default().run(Command::new("no-such-program"), MINUTE, |_| ()).unwrap_err();
        assert_eq!(error.to_string(), "cannot run no-such-program");
    }

    const MINUTE: Duration = Duration::from_secs(60);
}
