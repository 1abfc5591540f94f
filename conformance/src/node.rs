//! A router of a lab: its addresses, its link, and the daemon that runs there.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::lab::{POLL, Space, children, pause, reap};
use crate::moment::Moment;
use crate::stream::{Mark, Stream};
use crate::subject::Subject;

/// A router.
#[derive(Debug)]
pub struct Node {
    name: String,
    number: usize,
    space: Space,
    directory: PathBuf,
    daemon: Option<Daemon>,
    log: Stream<LogLine>,
}

/// A line that the daemon wrote.
#[derive(Clone, Debug)]
pub struct LogLine {
    /// When the harness read it.
    pub at: Moment,
    /// The line as it was written.
    pub text: String,
}

#[derive(Debug)]
struct Daemon {
    /// What it is called in complaints.
    name: String,
    /// When it was started.
    begun: Moment,
    /// Where the log was then.
    log_begun: Mark,
    /// The `nsenter` that carried it inside, and waits for it.
    carrier: Child,
}

impl Node {
    pub(crate) fn new(name: String, number: usize, space: Space, parent: &Path) -> Result<Self> {
        let directory = parent.join(&name);
        fs::create_dir_all(&directory)?;
        Ok(Self { name, number, space, directory, daemon: None, log: Stream::new() })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its namespaces, to run something beside the daemon.
    #[must_use]
    pub const fn space(&self) -> &Space {
        &self.space
    }

    /// Starts `subject` with `configuration`, in the foreground, with detailed log.
    ///
    /// # Errors
    /// When one runs already, or the program is missing.
    pub fn start(&mut self, subject: Subject, configuration: &str) -> Result<()> {
        let program = subject.program().map_err(anyhow::Error::msg)?;
        self.start_program(subject, &program, configuration)
    }

    /// As [`Self::start`], by the program at `program`: the same daemon by another name.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_program(
        &mut self,
        subject: Subject,
        program: &Path,
        configuration: &str,
    ) -> Result<()> {
        self.write_configuration(configuration)?;
        let mut command = self.space.command(program);
        command.args(["-n", "-l", "-D"]);
        for (flag, file) in [("-f", CONFIGURATION), ("-p", "p1"), ("-r", "p2"), ("-c", "p3")] {
            command.arg(flag).arg(self.directory.join(file));
        }
        // Dumps go beside the configuration instead of to the machine's /tmp.
        command.env("TMPDIR", &self.directory);
        self.launch(&subject.to_string(), command)
    }

    /// Starts `command`, which enters this node, as its daemon; its output is the log.
    ///
    /// # Errors
    /// When one runs already, or the command cannot be started.
    pub(crate) fn launch(&mut self, name: &str, mut command: Command) -> Result<()> {
        ensure!(self.daemon.is_none(), "a daemon runs on {} already", self.name);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let (begun, log_begun) = (Moment::now(), self.log.mark());
        let mut carrier = command.spawn().with_context(|| format!("start {name}"))?;
        if let Some(out) = carrier.stdout.take() {
            collect(out, self.log.clone());
        }
        if let Some(err) = carrier.stderr.take() {
            collect(err, self.log.clone());
        }
        self.daemon = Some(Daemon { name: name.to_owned(), begun, log_begun, carrier });
        Ok(())
    }

    /// Whether a daemon was started that nobody saw end.
    #[must_use]
    pub const fn has_daemon(&self) -> bool {
        self.daemon.is_some()
    }

    /// When the daemon that runs was started, and where its log begins.
    ///
    /// # Errors
    /// When none runs.
    pub fn begun(&self) -> Result<(Moment, Mark)> {
        let daemon = self.daemon.as_ref();
        let daemon = daemon.with_context(|| format!("no daemon runs on {}", self.name))?;
        Ok((daemon.begun, daemon.log_begun))
    }

    /// Begins anew: with an empty log, and nothing in its own directory.
    ///
    /// # Errors
    /// When the directory cannot be emptied.
    pub(crate) fn forget(&mut self) -> Result<()> {
        self.log = Stream::new();
        fs::remove_dir_all(&self.directory)?;
        Ok(fs::create_dir_all(&self.directory)?)
    }

    /// Runs the program of `subject` to its end, at most ten seconds: for flags that ask rather than start.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn ask(&self, subject: Subject, arguments: &[&str]) -> Result<Output> {
        let program = subject.program().map_err(anyhow::Error::msg)?;
        let mut command = self.space.command(Path::new("timeout"));
        command.arg("10").arg(program).args(arguments).stdin(Stdio::null());
        command.env("TMPDIR", &self.directory);
        command.output().with_context(|| format!("start {subject}"))
    }

    /// Puts another configuration in place, without telling the daemon.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_configuration(&self, text: &str) -> Result<()> {
        let path = self.directory.join(CONFIGURATION);
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))
    }

    /// The file `name` in this node's own directory, where configuration, process files and dumps are.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The configuration of the daemon replaced by `text`, and SIGHUP sent.
    ///
    /// # Errors
    /// When no daemon runs.
    pub fn reload(&self, text: &str) -> Result<()> {
        self.write_configuration(text)?;
        self.signal(Signal::SIGHUP)
    }

    /// Sends `signal` to the daemon's first process.
    ///
    /// # Errors
    /// When no daemon runs.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        send(self.main_process()?, signal)
    }

    /// Ends the daemon with SIGTERM and waits for it.
    ///
    /// # Errors
    /// When it does not end in ten seconds.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        self.wait_for_exit(Duration::from_secs(10))
    }

    /// Waits for the daemon to end by itself.
    ///
    /// # Errors
    /// When it does not `within` that time.
    pub fn wait_for_exit(&mut self, within: Duration) -> Result<ExitStatus> {
        let until = Instant::now() + within;
        let daemon = self.daemon.as_mut().context("no daemon runs")?;
        loop {
            if let Some(status) = daemon.carrier.try_wait()? {
                self.daemon = None;
                return Ok(status);
            }
            ensure!(Instant::now() < until, "{} does not end", daemon.name);
            thread::sleep(POLL);
        }
    }

    /// Kills every process of the daemon at once, so that none can say goodbye. Returns the moment.
    ///
    /// They are stopped first: the end of one is told to the others, and must not find them running.
    ///
    /// # Errors
    /// When no daemon runs.
    pub fn crash(&mut self) -> Result<Moment> {
        let processes = self.processes()?;
        for pid in &processes {
            send(*pid, Signal::SIGSTOP)?;
        }
        let at = Moment::now();
        for pid in &processes {
            send(*pid, Signal::SIGKILL)?;
        }
        let carrier = self.daemon.as_ref().context("no daemon runs")?.carrier.id();
        let until = Instant::now() + Duration::from_secs(5);
        loop {
            // nsenter stops itself when it sees its child stopped, and may do so after the child was killed.
            send(carrier, Signal::SIGCONT)?;
            if self.wait_for_exit(POLL).is_ok() {
                return Ok(at);
            }
            ensure!(Instant::now() < until, "killed processes do not end on {}", self.name);
        }
    }

    /// Stops every process of the daemon where it stands, or lets them go on.
    ///
    /// # Errors
    /// When no daemon runs.
    pub fn freeze(&self, frozen: bool) -> Result<()> {
        let signal = if frozen { Signal::SIGSTOP } else { Signal::SIGCONT };
        for pid in self.processes()? {
            send(pid, signal)?;
        }
        if let Some(daemon) = self.daemon.as_ref().filter(|_| !frozen) {
            // nsenter stops itself with its child.
            send(daemon.carrier.id(), Signal::SIGCONT)?;
        }
        Ok(())
    }

    /// The daemon's first process, as numbered out here.
    ///
    /// # Errors
    /// When none runs.
    pub fn main_process(&self) -> Result<u32> {
        let daemon = self.daemon.as_ref().context("no daemon runs")?;
        let until = Instant::now() + Duration::from_secs(2);
        loop {
            if let Some(pid) = children(daemon.carrier.id()).first() {
                return Ok(*pid);
            }
            ensure!(Instant::now() < until, "{} on {} is gone", daemon.name, self.name);
            thread::sleep(POLL);
        }
    }

    /// All processes of the daemon, its first one first.
    ///
    /// # Errors
    /// When none runs.
    pub fn processes(&self) -> Result<Vec<u32>> {
        let mut all = vec![self.main_process()?];
        let mut next = 0;
        while let Some(pid) = all.get(next).copied() {
            all.extend(children(pid));
            next += 1;
        }
        Ok(all)
    }

    /// Takes the node's own interface down or up.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn set_link(&self, up: bool) -> Result<()> {
        self.space.run(&format!("ip link set eth0 {}", if up { "up" } else { "down" }))?;
        if up {
            // The kernel drops global IPv6 addresses with the link.
            let number = self.number;
            drop(self.space.run(&format!("ip addr add 2001:db8::{number}/64 dev eth0 nodad")));
        }
        Ok(())
    }

    /// The addresses of `eth0` as `ip -json address` tells them, one object each.
    ///
    /// # Errors
    /// When the node cannot be asked.
    pub fn addresses(&self) -> Result<Vec<Value>> {
        self.addresses_of("eth0")
    }

    /// As [`Self::addresses`], of another interface.
    ///
    /// # Errors
    /// As [`Self::addresses`].
    pub fn addresses_of(&self, interface: &str) -> Result<Vec<Value>> {
        let text = self.space.run(&format!("ip -json address show dev {interface}"))?;
        let value: Value = serde_json::from_str(&text).context("read output of ip")?;
        let list = value.pointer("/0/addr_info").and_then(Value::as_array);
        Ok(list.cloned().unwrap_or_default())
    }

    /// Waits until `address` is on `interface`.
    ///
    /// # Errors
    /// When it has not come `within` that time, with what is there.
    pub fn expect_address(&self, interface: &str, address: IpAddr, within: Duration) -> Result<()> {
        let (text, until) = (address.to_string(), Instant::now() + within);
        loop {
            // None while the link has yet to come.
            let there = self.space.addresses(interface)?;
            if there.contains(&text) {
                return Ok(());
            }
            ensure!(Instant::now() < until, "{interface} has {there:?}, not {address}");
            pause();
        }
    }

    /// The description of `address` on `eth0`, if it is there.
    ///
    /// # Errors
    /// When the node cannot be asked.
    pub fn address(&self, address: IpAddr) -> Result<Option<Value>> {
        let text = address.to_string();
        let all = self.addresses()?.into_iter();
        Ok(all.into_iter().find(|a| a.get("local").and_then(Value::as_str) == Some(&text)))
    }

    /// Whether `address` is on `eth0`.
    ///
    /// # Errors
    /// When the node cannot be asked.
    pub fn holds(&self, address: IpAddr) -> Result<bool> {
        Ok(self.space.addresses("eth0")?.contains(&address.to_string()))
    }

    /// The list that grows while the daemon logs.
    #[must_use]
    pub fn log(&self) -> Stream<LogLine> {
        self.log.clone()
    }

    /// The present end of the log.
    #[must_use]
    pub fn log_mark(&self) -> Mark {
        self.log.mark()
    }

    /// The log from `since` on.
    #[must_use]
    pub fn log_since(&self, since: Mark) -> Vec<LogLine> {
        self.log.since(since)
    }

    /// Waits for a line that contains `text`.
    ///
    /// # Errors
    /// When none came `within` that time.
    pub fn expect_log(&self, text: &str, since: Mark, within: Duration) -> Result<LogLine> {
        let found = self.log.wait(since, within, |line| line.text.contains(text));
        found.with_context(|| format!("{} did not log within {within:?}: {text}", self.name))
    }

    /// That no line from `since` on contains `text`.
    ///
    /// # Errors
    /// With the line, when there is one.
    pub fn expect_no_log(&self, text: &str, since: Mark) -> Result<()> {
        match self.log.since(since).iter().find(|line| line.text.contains(text)) {
            None => Ok(()),
            Some(line) => bail!("{} logged: {}", self.name, line.text),
        }
    }

    pub(crate) fn log_tail(&self) -> String {
        let lines = self.log.since(Mark::START);
        let skipped = lines.len().saturating_sub(TAIL);
        lines.iter().skip(skipped).map(|l| format!("  {} {}\n", l.at, l.text)).collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(daemon) = self.daemon.as_mut() {
            // The daemon itself ends with the lab's process namespace.
            reap(&mut daemon.carrier);
        }
    }
}

fn send(pid: u32, signal: Signal) -> Result<()> {
    let number = i32::try_from(pid).context("process number")?;
    kill(Pid::from_raw(number), signal).with_context(|| format!("send {signal} to {pid}"))
}

fn collect(from: impl Read + Send + 'static, sink: Stream<LogLine>) {
    thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n') {
            let Ok(line) = line else { return };
            let text = String::from_utf8_lossy(&line).into_owned();
            sink.push(LogLine { at: Moment::now(), text });
        }
    });
}

const CONFIGURATION: &str = "daemon.conf";
/// Lines shown of a failed scenario.
const TAIL: usize = 60;
