//! One router's daemon: the real one, started in the router's namespace with an example configuration.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use anyhow::Context as _;
use kernel::eventloop::{EventLoop, Token};
use kernel::namespace::Namespace;
use kernel::process::{Child, Ended, Spawn, Stdio};
use rustix::process::{Pid, Signal, WaitOptions};

use super::directory::{Directory, read_pid};
use super::topology::Router;

/// A router's daemon, running or not.
#[derive(Debug)]
pub(super) struct Daemon {
    router: Router,
    config: PathBuf,
    pid_files: [PathBuf; 3],
    child: Option<Child>,
    /// Processes of a killed parent: they are process 1's to collect, which is this one.
    orphans: Vec<Pid>,
    log: Option<OwnedFd>,
    unfinished: Vec<u8>,
    /// What it said last, for when something goes wrong.
    recent: VecDeque<String>,
    /// Its end is part of the play.
    dismissed: bool,
}

impl Daemon {
    /// The daemon of a router, with its configuration written.
    ///
    /// **Errors**: the configuration cannot be written.
    pub(super) fn prepare(router: Router, directory: &Directory) -> anyhow::Result<Self> {
        let addresses = match router {
            Router::A => include_str!("../../../../examples/active-active-a.conf"),
            Router::B => include_str!("../../../../examples/active-active-b.conf"),
        };
        let farm = include_str!("../../../../examples/web-farm.conf");
        let name = router.name();
        let text = format!("{addresses}\n{farm}");
        let config = directory.write(&format!("active-active-{name}.conf"), &text)?;
        let pid_file = |which: &str| directory.file(&format!("{name}-{which}.pid"));
        Ok(Self {
            router,
            config,
            pid_files: [pid_file("parent"), pid_file("vrrp"), pid_file("checkers")],
            child: None,
            orphans: Vec::new(),
            log: None,
            unfinished: Vec::new(),
            recent: VecDeque::new(),
            dismissed: false,
        })
    }

    /// Starts it.
    ///
    /// **Errors**: the kernel refuses.
    pub(super) fn start(&mut self, home: &Namespace, events: &EventLoop) -> anyhow::Result<()> {
        self.close_log(events);
        let (reader, writer) =
            rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).context("pipe for a log")?;
        rustix::io::ioctl_fionbio(&reader, true).context("pipe for a log")?;
        let [parent, vrrp, checkers] = &self.pid_files;
        let mut arguments = vec!["-n".into(), "-l".into(), "-G".into(), "--ignore-sigint".into()];
        let files = [("-f", &self.config), ("-p", parent), ("-r", vrrp), ("-c", checkers)];
        for (flag, path) in files {
            arguments.extend([flag.into(), path.clone().into_os_string()]);
        }
        let child = Spawn {
            program: "/proc/self/exe".into(),
            arg0: "steadfast".into(),
            arguments,
            without: vec!["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"],
            descriptors: Vec::new(),
            stdio: Stdio::ErrorsTo(writer),
            namespace: Some(home.descriptor()?),
        }
        .start()?;
        events.add(&child, self.process_token())?;
        events.add(&reader, self.log_token())?;
        (self.child, self.log, self.dismissed) = (Some(child), Some(reader), false);
        Ok(())
    }

    /// Kills all its processes at one stroke, as a machine's crash would: none of them can say goodbye.
    ///
    /// **Errors**: it does not run, or its pid file is missing.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        let child = self.child.as_ref().context("daemon does not run")?;
        self.dismissed = true;
        let [_, vrrp, checkers] = &self.pid_files;
        let vrrp = read_pid(vrrp).context("pid file of the VRRP process")?;
        self.orphans = [Some(vrrp), read_pid(checkers)].into_iter().flatten().collect();
        // The parent would replace a dead child, and a dead parent's children would resign.
        child.signal(Signal::STOP)?;
        for pid in &self.orphans {
            let _ = rustix::process::kill_process(*pid, Signal::KILL);
        }
        child.signal(Signal::KILL)?;
        Ok(())
    }

    /// Asks it to end in order.
    ///
    /// **Errors**: it must not be signalled.
    pub(super) fn stop(&mut self) -> anyhow::Result<()> {
        self.dismissed = true;
        if let Some(child) = &self.child {
            child.signal(Signal::TERM)?;
        }
        Ok(())
    }

    /// Whether any process of it is left.
    pub(super) const fn runs(&self) -> bool {
        self.child.is_some() || !self.orphans.is_empty()
    }

    /// Whether it wants to be tended though none of its descriptors is ready.
    pub(super) const fn lingers(&self) -> bool {
        self.child.is_none() && !self.orphans.is_empty()
    }

    /// Looks whether its end has come.
    ///
    /// **Errors**: it ended although nobody made it.
    pub(super) fn tend(&mut self, events: &EventLoop) -> anyhow::Result<Option<Ended>> {
        let Some(child) = &mut self.child else {
            self.orphans.retain(|pid| {
                matches!(rustix::process::waitpid(Some(*pid), WaitOptions::NOHANG), Ok(None))
            });
            return Ok(None);
        };
        let Some(ended) = child.ended()? else { return Ok(None) };
        let _ = events.remove(&*child);
        self.child = None;
        anyhow::ensure!(self.dismissed, "the daemon of {} {ended}", self.router.name());
        Ok(Some(ended))
    }

    /// Reads what it logs and shows each whole line.
    pub(super) fn read_log(&mut self, events: &EventLoop, mut each: impl FnMut(&str)) {
        let mut buffer = [0; 4096];
        while let Some(log) = &self.log {
            match rustix::io::read(log, &mut buffer) {
                Ok(0) => self.close_log(events),
                Ok(count) => self.unfinished.extend(buffer.get(..count).unwrap_or_default()),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => break,
                Err(_) => self.close_log(events),
            }
        }
        while let Some(end) = self.unfinished.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unfinished.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            each(text_of(&line));
            self.recent.push_back(line);
            if self.recent.len() > RECENT {
                self.recent.pop_front();
            }
        }
    }

    /// What it said last.
    pub(super) fn recent(&self) -> impl Iterator<Item = &str> {
        self.recent.iter().map(String::as_str)
    }

    /// Which router it makes.
    pub(super) const fn router(&self) -> Router {
        self.router
    }

    /// Its end.
    pub(super) const fn process_token(&self) -> Token {
        Token(10 + 2 * self.router as u64)
    }

    /// Its log.
    pub(super) const fn log_token(&self) -> Token {
        Token(11 + 2 * self.router as u64)
    }

    fn close_log(&mut self, events: &EventLoop) {
        if let Some(log) = self.log.take() {
            let _ = events.remove(&log);
        }
    }
}

/// A log line without the stamp and the process before it.
fn text_of(line: &str) -> &str {
    line.split_once("]: ").map_or(line, |(_, text)| text)
}

/// Whether a log line is a change of role, such as `(ha-internal-1) Entering BACKUP STATE (init)`.
pub(super) fn is_transition(text: &str) -> bool {
    text.strip_prefix('(').and_then(|rest| rest.split_once(") ")).is_some_and(|(_, what)| {
        what.starts_with("Entering ") || what == "Stopping" || what.starts_with("Stopping (")
    })
}

/// Whether a log line is about a web server that came or went, such as
/// `Removing service [10.101.1.188]:tcp:80 from VS [10.101.0.101]:tcp:80`.
pub(super) fn is_about_servers(text: &str) -> bool {
    ["Removing service ", "Adding service "].iter().any(|begin| text.starts_with(begin))
}

/// Log lines that are kept.
const RECENT: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_role_are_told_from_other_lines() {
        let stamped =
            "Mon Jan  5 10:00:00 2026: steadfast_vrrp[7]: (x) Entering BACKUP STATE (init)";
        assert!(is_transition(text_of(stamped)));
        assert!(is_transition("(x) Stopping (shutdown)"));
        assert!(!is_transition("Stopping"));
        assert!(is_about_servers(
            "Removing service [10.101.1.188]:tcp:80 from VS [10.101.0.101]:tcp:80"
        ));
        assert!(!is_transition("(x) received lower priority (99) advert from 10.101.1.186"));
    }
}
