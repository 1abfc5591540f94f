//! Keeps a lab alive: the first process of the lab's process namespace, and one process for each node.
//!
//! The first one makes the switch (a bridge in its own network namespace), starts one process for each node, wires them
//! up, reports `ready NAME=PID ...` and then waits for the end of its standard input. Since it is process 1 of a process
//! namespace, its end is the end of everything that was started inside, however the test process went.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;

use anyhow::{Context, Result, ensure};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::wait;

/// Runs a lab of `nodes` until standard input ends.
///
/// # Errors
/// When the kernel refuses a namespace, a mount or a link.
pub fn lab(nodes: &[String]) -> Result<()> {
    private_mounts()?;
    quiet_network()?;
    ip(&[
        "link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
        "link set br0 up",
    ])?;
    // The switch itself takes no part: without addresses it never answers for anyone.
    let mut children = Vec::new();
    let mut report = String::from("ready");
    for (index, name) in nodes.iter().enumerate() {
        let child = start_node(name, index)?;
        report.push_str(&format!(" {name}={}", child.id()));
        children.push(child);
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{report}")?;
    out.flush()?;
    thread::spawn(bury);
    // The children's inputs stay open until here; the end of this process ends them, and everything else inside.
    wait_for_end()?;
    drop(children);
    Ok(())
}

/// Waits for orphans, as the first process of a process namespace must: a dead daemon that nobody waited for looks
/// alive to its successor.
fn bury() {
    while wait().is_ok() {}
}

/// Runs one node: its own network and mount namespace, until standard input ends.
///
/// # Errors
/// When the kernel refuses a namespace or a mount.
pub fn node() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).context("unshare node")?;
    private_mounts()?;
    quiet_network()?;
    ip(&["link set lo up"])?;
    let mut out = io::stdout().lock();
    writeln!(out, "ready")?;
    out.flush()?;
    wait_for_end()
}

/// Starts the process of node `name` and gives it `eth0` on the switch, with fixed addresses.
fn start_node(name: &str, index: usize) -> Result<Child> {
    let this = std::env::current_exe().context("find own program")?;
    let mut child = Command::new(this)
        .arg("hold-node")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("start node")?;
    let out = child.stdout.take().context("node without output")?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    ensure!(line.trim() == "ready", "node {name} did not come up");
    let pid = child.id();
    let number = number_of(name, index);
    ip(&[
        &format!(
            "link add sw-{name} type veth peer name eth0 address 02:00:00:00:00:{number:02x} netns {pid}"
        ),
        &format!("link set sw-{name} master br0 up"),
    ])?;
    let inside = [
        format!("addr add 192.0.2.{number}/24 brd 192.0.2.255 dev eth0"),
        "link set eth0 up".to_owned(),
        format!("addr add 2001:db8::{number}/64 dev eth0 nodad"),
    ];
    in_node(pid, &inside)?;
    Ok(child)
}

/// The number that is the last part of a node's addresses. Routers count from 1; the client has one far from theirs, and
/// real servers `s1`, `s2`.. have 21, 22..
pub(crate) fn number_of(name: &str, index: usize) -> usize {
    match name.strip_prefix('s').and_then(|number| number.parse::<usize>().ok()) {
        Some(number) => 20 + number,
        None if name == "client" => 100,
        None => index + 1,
    }
}

/// Keeps mounts inside, and what subjects write under `/run`.
fn private_mounts() -> Result<()> {
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .context("private mounts")?;
    mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), Some("mode=755"))
        .context("mount /run")?;
    // Without privilege outside this one may be refused; nothing here depends on it.
    mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), none).ok();
    Ok(())
}

/// Makes IPv6 addresses usable at once: no duplicate address detection, no router solicitation.
fn quiet_network() -> Result<()> {
    for (key, value) in [
        ("accept_dad", "0"),
        ("dad_transmits", "0"),
        ("router_solicitations", "0"),
        ("accept_ra", "0"),
    ] {
        for scope in ["default", "all"] {
            fs::write(format!("/proc/sys/net/ipv6/conf/{scope}/{key}"), value)
                .with_context(|| format!("set {key}"))?;
        }
    }
    Ok(())
}

fn ip(commands: &[&str]) -> Result<()> {
    batch(Command::new("ip").args(["-batch", "-"]), &commands.join("\n"))
}

fn in_node(pid: u32, commands: &[String]) -> Result<()> {
    let mut enter = Command::new("nsenter");
    enter.args(["-t", &pid.to_string(), "-n", "--", "ip", "-batch", "-"]);
    batch(&mut enter, &commands.join("\n"))
}

fn batch(command: &mut Command, lines: &str) -> Result<()> {
    let mut child = command.stdin(Stdio::piped()).spawn().context("start ip")?;
    if let Some(mut input) = child.stdin.take() {
        writeln!(input, "{lines}")?;
    }
    ensure!(child.wait()?.success(), "ip refused one of: {lines}");
    Ok(())
}

fn wait_for_end() -> Result<()> {
    let mut rest = Vec::new();
    io::stdin().lock().read_to_end(&mut rest)?;
    Ok(())
}
