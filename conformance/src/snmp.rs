//! Net-SNMP as those who watch a router by SNMP: the agent that daemons speak AgentX to, the one who walks through what it
//! knows, and the one whom it notifies.
//!
//! Its packages are fetched and unpacked below `target/lab`, never installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;

use crate::lab::{POLL, Space, reap};
use crate::node::Node;
use crate::packages::Unpacked;

/// Whether it is to be had.
///
/// # Errors
/// The reason why it is not, fit for a `SKIPPED:` line.
pub fn provide() -> Result<(), String> {
    SNMP.provide().map(|_| ())
}

/// An agent on a node, with somebody whom it notifies. It ends with this value.
#[derive(Debug)]
pub struct Agent {
    space: Space,
    directory: PathBuf,
    unpacked: PathBuf,
    agent: Option<Child>,
    notified: Child,
}

impl Agent {
    /// Starts both on `node`, and waits until the agent answers.
    ///
    /// # Errors
    /// When they cannot be started.
    pub fn start(node: &Node) -> Result<Self> {
        let unpacked = SNMP.provide().map_err(anyhow::Error::msg)?;
        let (space, directory) = (node.space().clone(), node.file(""));
        space.run("ip link set lo up")?;
        let socket = Self::socket(node);
        let agent = format!(
            "rocommunity public\nagentaddress udp:127.0.0.1:1161\nmaster agentx\nagentXSocket {socket}\n\
             trap2sink 127.0.0.1:1162 public\n"
        );
        fs::write(directory.join("snmpd.conf"), agent)?;
        let notified = "disableAuthorization yes\nsnmpTrapdAddr udp:127.0.0.1:1162\n";
        fs::write(directory.join("snmptrapd.conf"), notified)?;
        let mut command = command(&space, &unpacked, &directory, "usr/sbin/snmptrapd");
        command.args(["-f", "-Lo", "-On", "-F", "%v\\n", "-C", "-c"]);
        command.arg(directory.join("snmptrapd.conf"));
        command.arg("-p").arg(directory.join(NOTIFIED));
        let told = fs::File::create(directory.join("notified"))?;
        let notified = command.stdin(Stdio::null()).stdout(told).stderr(Stdio::null()).spawn()?;
        let mut this = Self { space, directory, unpacked, agent: None, notified };
        this.start_agent()?;
        Ok(this)
    }

    /// Where a daemon on `node` finds it.
    #[must_use]
    pub fn socket(node: &Node) -> String {
        format!("unix:{}", node.file("agentx").display())
    }

    /// Starts the agent again.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_agent(&mut self) -> Result<()> {
        let mut command = command(&self.space, &self.unpacked, &self.directory, "usr/sbin/snmpd");
        command.args(["-f", "-Lo", "-I", "-smux", "-C", "-c"]);
        command.arg(self.directory.join("snmpd.conf"));
        command.arg("-p").arg(self.directory.join(AGENT));
        let log = fs::File::create(self.directory.join("snmpd.log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.agent = Some(command.spawn().context("start snmpd")?);
        let until = Instant::now() + PATIENCE;
        while self.walk(SYSTEM).map_or(true, |lines| lines.is_empty()) {
            ensure!(
                Instant::now() < until,
                "snmpd does not answer: {}",
                fs::read_to_string(self.directory.join("snmpd.log")).unwrap_or_default()
            );
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Kills the agent.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill_agent(&mut self) -> Result<()> {
        self.signal(Signal::SIGKILL)?;
        fs::remove_file(self.directory.join(AGENT))?;
        if let Some(mut agent) = self.agent.take() {
            agent.wait()?;
        }
        Ok(())
    }

    /// Sends the agent a signal.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.signal_to(AGENT, signal)
    }

    /// Sends a signal to the program that wrote this file. A child of ours is only what carried it into the node.
    fn signal_to(&self, file: &str, signal: Signal) -> Result<()> {
        let pid = fs::read_to_string(self.directory.join(file))?;
        self.space.run(&format!("kill -{} {}", signal as i32, pid.trim())).map(|_| ())
    }

    /// What the agent knows below a name: `NAME = TYPE: VALUE`, names as numbers. Nothing where it does not answer.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn walk(&self, below: &str) -> Result<Vec<String>> {
        let mut command = command(&self.space, &self.unpacked, &self.directory, "usr/bin/snmpwalk");
        command.args(["-On", "-Oe", "-v2c", "-c", "public", "-t", "3", "-r", "0"]);
        let output = command.args(["127.0.0.1:1161", below]).output().context("start snmpwalk")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = text.lines().filter(|line| !line.contains("No Such ") && line.contains(" = "));
        Ok(lines.map(|line| line.trim_end().to_owned()).collect())
    }

    /// Waits until the agent knows something below a name.
    ///
    /// # Errors
    /// When it does not `within` that time.
    pub fn expect(&self, below: &str, within: Duration) -> Result<Vec<String>> {
        let until = Instant::now() + within;
        loop {
            let lines = self.walk(below)?;
            if !lines.is_empty() {
                return Ok(lines);
            }
            ensure!(Instant::now() < until, "nothing is known of {below}");
            std::thread::sleep(POLL);
        }
    }

    /// What was notified so far, each with what it is and its values, apart from the time.
    #[must_use]
    pub fn notified(&self) -> Vec<String> {
        let text = fs::read_to_string(self.directory.join("notified")).unwrap_or_default();
        let notes = text.lines().filter_map(|line| line.split_once(NOTIFICATION));
        let notes = notes.filter(|(_, told)| !told.starts_with(OF_THE_AGENT));
        notes.map(|(_, told)| told.replace('\t', " ")).collect()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Farms are kept: what runs on would hold the ports that the agent of the next story needs.
        for file in [AGENT, NOTIFIED] {
            drop(self.signal_to(file, Signal::SIGKILL));
        }
        self.agent.iter_mut().chain([&mut self.notified]).for_each(reap);
    }
}

fn command(space: &Space, unpacked: &Path, directory: &Path, program: &str) -> Command {
    let mut command = space.command(&unpacked.join(program));
    let libraries = unpacked.join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH));
    command.env("LD_LIBRARY_PATH", libraries).env("MIBS", "");
    // What they remember, they keep in files that are called like their configuration.
    command.env("SNMP_PERSISTENT_DIR", directory.join("remembered"));
    command
}

const SNMP: Unpacked = Unpacked {
    name: "snmp",
    packages: &["snmpd", "snmp", "snmptrapd", "libsnmp40", "libnetsnmptrapd40", "libmariadb3"],
    program: "usr/sbin/snmpd",
};
/// Where the agent, and who is notified, write which process they are.
const AGENT: &str = "snmpd.pid";
const NOTIFIED: &str = "snmptrapd.pid";
/// The group `system` of MIB-2.
const SYSTEM: &str = ".1.3.6.1.2.1.1.1";
/// snmpTrapOID.0, which says what is notified.
const NOTIFICATION: &str = ".1.3.6.1.6.3.1.1.4.1.0 = OID: ";
/// What the agent notifies of itself.
const OF_THE_AGENT: &str = ".1.3.6.1.6.3.1.1.5.";
const PATIENCE: Duration = Duration::from_secs(10);
