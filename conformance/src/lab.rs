//! One lab: a switch, routers and a client in namespaces of their own.
//!
//! Root uses namespaces directly; without root a user namespace comes first. Every process of a lab lives in one
//! process namespace whose first process ends when this process closes its standard input, so nothing outlives a test,
//! also not one that was killed.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::agent::hand::{ADDRESSES, READ};
use crate::agent::hold::number_of;
use crate::capture::Capture;
use crate::client::Pinger;
use crate::forge::Forged;
use crate::hand::Hand;
use crate::node::{LogLine, Node};
use crate::packet::Frame;
use crate::stream::Stream;
use crate::subject::{beside_test, pinned};

/// A switch with nodes on it.
///
/// Router number n (from 1) has MAC `02:00:00:00:00:0n`, `192.0.2.n/24`, `2001:db8::n/64` and its link-local address on
/// `eth0`; the client has `192.0.2.100` and `2001:db8::100`, real server `sN` `192.0.2.2N` and `2001:db8::2N`. The switch forwards without learning delay or snooping.
#[derive(Debug)]
pub struct Lab {
    /// Frames of the switch.
    pub capture: Capture,
    nodes: Vec<Node>,
    switch: Space,
    client: Space,
    directory: PathBuf,
    holder: Child,
}

impl Lab {
    /// Builds a lab with these routers and a client.
    ///
    /// # Errors
    /// When namespaces or links are refused.
    pub fn build(routers: &[&str]) -> Result<Self> {
        let directory = fresh_directory()?;
        let mut command = unshare_command();
        command.arg(lab_program()?).arg("hold").args(routers).arg("client");
        let mut holder = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start unshare")?;
        let out = holder.stdout.take().context("holder without output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let Some(rest) = line.trim().strip_prefix("ready ") else {
            reap(&mut holder);
            bail!("lab did not come up");
        };
        let first = *children(holder.id()).first().context("holder without process")?;
        let switch = Space::of(first);
        let spaces = node_spaces(first, rest)?;
        let mut nodes = Vec::new();
        let mut client = None;
        for (name, space) in spaces {
            if name == "client" {
                client = Some(space);
            } else {
                let number = number_of(&name, nodes.len());
                nodes.push(Node::new(name, number, space, &directory)?);
            }
        }
        let capture = Capture::start(&switch)?;
        let client = client.context("lab without client")?;
        Ok(Self { capture, nodes, switch, client, directory, holder })
    }

    /// The node called `name`.
    ///
    /// # Errors
    /// When there is none.
    pub fn node(&mut self, name: &str) -> Result<&mut Node> {
        self.nodes.iter_mut().find(|n| n.name() == name).with_context(|| format!("no node {name}"))
    }

    /// All routers.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Gives router `name` a second interface on the switch, `eth1` with MAC `02:00:00:00:01:0n` and this address. Frames
    /// from there are those of `NAME.eth1`.
    ///
    /// # Errors
    /// When there is no such router, or the kernel refuses.
    pub fn add_cable(&self, name: &str, address: &str) -> Result<()> {
        let mut nodes = (1..).zip(&self.nodes);
        let (number, node) = nodes
            .find(|(_, node)| node.name() == name)
            .with_context(|| format!("no node {name}"))?;
        let space = node.space();
        // Process 1 is the switch.
        space.run(&format!(
            "ip link add eth1 address 02:00:00:00:01:{number:02x} type veth peer name sw-{name}.eth1 netns 1"
        ))?;
        self.switch.run(&format!("ip link set sw-{name}.eth1 master br0 up"))?;
        space.run(&format!("ip addr add {address} dev eth1"))?;
        space.run("ip link set eth1 up")?;
        Ok(())
    }

    /// Takes the switch's end of the cable to `node` down or up: the node loses its carrier.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn set_port(&self, node: &str, up: bool) -> Result<()> {
        self.switch.run(&format!("ip link set sw-{node} {}", if up { "up" } else { "down" }))?;
        Ok(())
    }

    /// Lets nothing through the port of `node`, while its carrier stays: a partition that the node cannot see.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn set_partition(&self, node: &str, cut: bool) -> Result<()> {
        self.switch
            .run(&format!("bridge link set dev sw-{node} state {}", if cut { 0 } else { 3 }))?;
        Ok(())
    }

    /// Starts to ping `address` from the client.
    ///
    /// # Errors
    /// When the pinging process cannot be started.
    pub fn ping(&self, address: IpAddr, every: Duration) -> Result<Pinger> {
        Pinger::start(&self.client, "ping", address, every)
    }

    /// Starts to ping `address` from the client, which asks each time anew who has it.
    ///
    /// # Errors
    /// When the pinging process cannot be started.
    pub fn ask(&self, address: IpAddr, every: Duration) -> Result<Pinger> {
        Pinger::start(&self.client, "ask", address, every)
    }

    /// Sends one hand-made VRRP message, in hexadecimal, from the client with TTL 255.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn send_vrrp(&self, destination: &str, message: &str) -> Result<()> {
        let message: String = message.chars().filter(|c| !c.is_whitespace()).collect();
        self.send_hex(destination, 255, &message, 1, Duration::ZERO)
    }

    /// Sends a forged advertisement from the client.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn send(&self, forged: &Forged) -> Result<()> {
        self.send_repeatedly(forged, 1, Duration::ZERO)
    }

    /// Sends a forged advertisement from the client `count` times, one each `every`.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn send_repeatedly(&self, forged: &Forged, count: u32, every: Duration) -> Result<()> {
        let bytes = forged.message();
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        self.send_hex(forged.destination(), forged.ttl, &hex, count, every)
    }

    fn send_hex(
        &self,
        destination: &str,
        ttl: u8,
        message: &str,
        count: u32,
        every: Duration,
    ) -> Result<()> {
        let (ttl, count) = (ttl.to_string(), count.to_string());
        let every = every.as_micros().to_string();
        let arguments = ["send", destination, &ttl, message, &count, &every];
        let status = self.client.agent(&arguments).status().context("start sender")?;
        ensure!(status.success(), "packet was not sent");
        Ok(())
    }

    /// The client's namespaces.
    #[must_use]
    pub const fn client(&self) -> &Space {
        &self.client
    }

    /// The switch's namespaces.
    #[must_use]
    pub const fn switch(&self) -> &Space {
        &self.switch
    }

    /// Who holds `address` on `eth0` now, by name.
    ///
    /// # Errors
    /// When a node cannot be asked.
    pub fn holders(&self, address: IpAddr) -> Result<Vec<&str>> {
        let mut holders = Vec::new();
        for node in &self.nodes {
            if node.holds(address)? {
                holders.push(node.name());
            }
        }
        Ok(holders)
    }

    /// Waits until exactly `names` hold `address`.
    ///
    /// # Errors
    /// When they do not `within` that time, with who does.
    pub fn expect_holders(&self, address: IpAddr, names: &[&str], within: Duration) -> Result<()> {
        let until = Instant::now() + within;
        loop {
            let holders = self.holders(address)?;
            if holders == names {
                return Ok(());
            }
            ensure!(Instant::now() < until, "{address} is held by {holders:?}, not by {names:?}");
            pause();
        }
    }

    /// The frames of the lab and the log of node `name`, to be followed from another thread.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn streams(&self, name: &str) -> Result<(Stream<Frame>, Stream<LogLine>, String)> {
        let node = self.nodes.iter().find(|n| n.name() == name).context("no such node")?;
        Ok((self.capture.frames(), node.log(), node.name().to_owned()))
    }

    /// What happened, for a report of failure: frames, then each node's log.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = format!("frames at the switch:\n{}", self.capture.tail());
        for node in &self.nodes {
            text.push_str(&format!("log of {}:\n{}", node.name(), node.log_tail()));
        }
        text
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Closing its input ends the first process, and the kernel everything inside with it.
        reap(&mut self.holder);
        drop(fs::remove_dir_all(&self.directory));
    }
}

/// A set of namespaces, named by a process inside.
#[derive(Clone, Debug)]
pub struct Space {
    pid: u32,
    /// Runs command lines inside, from the first one on.
    hand: Arc<Mutex<Option<Hand>>>,
}

impl Space {
    fn of(pid: u32) -> Self {
        Self { pid, hand: Arc::default() }
    }

    /// A command that will run `program` inside.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.pid.to_string()]);
        if !nix::unistd::geteuid().is_root() {
            command.args(["-U", "--preserve-credentials"]);
        }
        command.args(["-n", "-m", "-p", "--"]).arg(program);
        command
    }

    /// A command that will run one of the `lab` program's jobs inside, with its output to be read.
    #[must_use]
    pub fn agent(&self, arguments: &[&str]) -> Command {
        let program = lab_program().unwrap_or_else(|_| PathBuf::from("lab"));
        let mut command = self.command(&program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        command
    }

    /// Runs a command line (words parted by spaces) inside, at most ten seconds, and gives its output.
    ///
    /// # Errors
    /// When it cannot be started or fails, with what it wrote.
    pub fn run(&self, line: &str) -> Result<String> {
        let mut hand = self.hand.lock().unwrap_or_else(PoisonError::into_inner);
        if hand.is_none() {
            *hand = Some(Hand::start(self.agent(&["obey"]))?);
        }
        let outcome = hand.as_mut().context("nobody runs it")?.run(line);
        if outcome.is_err() {
            *hand = None;
        }
        let outcome = outcome.with_context(|| format!("{line}: the namespaces are gone"))?;
        outcome.map_err(|text| anyhow!("{line}: {text}"))
    }

    /// The addresses of a link, as they are written without prefixes; none where there is no such link.
    ///
    /// # Errors
    /// When nobody answers inside.
    pub fn addresses(&self, link: &str) -> Result<Vec<String>> {
        let text = self.run(&format!("{ADDRESSES} {link}"))?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// The content of a file that ends at once, such as those of `/proc`, as it is seen inside.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, path: &str) -> Result<String> {
        self.run(&format!("{READ} {path}"))
    }
}

/// Why no lab can be built here, if so. Fit for a `SKIPPED:` line.
#[must_use]
pub fn missing() -> Option<String> {
    for (program, package) in [
        ("ip", "iproute2"),
        ("nft", "nftables"),
        ("nsenter", "util-linux"),
        ("unshare", "util-linux"),
    ] {
        let found = Command::new(program)
            .arg("--version")
            .output()
            .or_else(|_| Command::new(program).arg("-V").output());
        if found.is_err() {
            return Some(format!("the program {program} is missing (package {package})"));
        }
    }
    let mut probe = unshare_command();
    let output = probe.arg("true").stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!(
            "namespaces are refused: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Err(error) => Some(format!("namespaces are refused: {error}")),
    }
}

/// Kills and waits for a process that this one started.
pub fn reap(child: &mut Child) {
    drop(child.stdin.take());
    drop(child.kill());
    drop(child.wait());
}

/// The direct children of `pid`, oldest first.
#[must_use]
pub fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists = tasks.flatten().filter_map(|t| fs::read_to_string(t.path().join("children")).ok());
    let all: Vec<String> = lists.collect();
    all.iter().flat_map(|l| l.split_whitespace()).filter_map(|w| w.parse().ok()).collect()
}

/// Waits until a state that sends no event is looked at again by starting a program, which costs an emulated machine as
/// much as all that it looks at.
pub fn pause() {
    let is_emulated = std::env::var_os("STEADFAST_LAB").is_some();
    thread::sleep(if is_emulated { 10 * POLL } else { POLL });
}

/// How often a state that sends no event is looked at.
pub const POLL: Duration = Duration::from_millis(20);

fn unshare_command() -> Command {
    let mut command = Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc"]);
    command.arg("--");
    command
}

/// The `lab` program, beside the test program.
fn lab_program() -> Result<PathBuf> {
    let program = beside_test("lab").filter(|p| p.is_file());
    pinned(&program.context("the lab program is not built")?).context("copy the lab program")
}

/// Finds the nodes' processes as they are numbered out here, from `NAME=INNER-PID` words.
fn node_spaces(first: u32, ready: &str) -> Result<Vec<(String, Space)>> {
    let mut inner = Vec::new();
    for pid in children(first) {
        let mut status = String::new();
        fs::File::open(format!("/proc/{pid}/status"))?.read_to_string(&mut status)?;
        let line = status.lines().find_map(|l| l.strip_prefix("NSpid:"));
        let number = line.and_then(|l| l.split_whitespace().last()).context("no NSpid")?;
        inner.push((number.to_owned(), pid));
    }
    let mut spaces = Vec::new();
    for word in ready.split(' ') {
        let (name, number) = word.split_once('=').context("bad answer of the lab")?;
        let pid = inner.iter().find(|(n, _)| n == number).map(|(_, pid)| *pid);
        spaces.push((name.to_owned(), Space::of(pid.context("node process is gone")?)));
    }
    Ok(spaces)
}

/// A directory for configurations and process files, apart from every other lab's.
fn fresh_directory() -> Result<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let parent = beside_test("lab-runs").context("no place for lab files")?;
    let directory = parent.join(format!("{}-{number}", std::process::id()));
    fs::create_dir_all(&directory).with_context(|| format!("make {}", directory.display()))?;
    Ok(directory)
}
