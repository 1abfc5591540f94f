//! The ground of a measurement: a lab with further links for many instances, and what is common to all studies.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::layout::{Herd, interface, links};
use crate::capture::Capture;
use crate::lab::Lab;
use crate::moment::Moment;
use crate::node::Node;
use crate::packet::Frame;
use crate::stream::Mark;
use crate::subject::Subject;

/// How the further links are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wiring {
    /// Each through a bridge of its own in the switch's namespace, where the capture sees every frame.
    Bridged,
    /// Each a cable from the first router to the client: nothing but the daemon's own work is charged to it.
    Direct,
}

/// A lab with links `w0`, `w1`, ... beside `eth0`.
#[derive(Debug)]
pub struct Ground {
    /// The lab.
    pub lab: Lab,
}

impl Ground {
    /// Builds a lab of `routers` and a client with as many links as `count` instances need.
    ///
    /// # Errors
    /// When namespaces or links are refused.
    pub fn build(routers: &[&str], count: usize, wiring: Wiring) -> Result<Self> {
        let mut lab = Lab::build(routers)?;
        let links = links(count);
        if links > 0 {
            wire(&lab, routers, links, wiring)?;
        }
        if links > 0 && wiring == Wiring::Bridged {
            // The capture knows the ports that were there when it started.
            lab.capture = Capture::start(lab.switch())?;
        }
        Ok(Self { lab })
    }

    /// The first router.
    ///
    /// # Errors
    /// When the lab has none.
    pub fn first(&mut self) -> Result<&mut Node> {
        let name = self.lab.nodes().first().context("lab without routers")?.name().to_owned();
        self.lab.node(&name)
    }

    /// Starts `subject` with `herd` on the first router and waits until all its instances are Active.
    ///
    /// # Errors
    /// When they are not after `within`.
    pub fn start_active(&mut self, subject: Subject, herd: Herd, within: Duration) -> Result<()> {
        let node = self.first()?;
        let since = node.log_mark();
        start(node, subject, &herd.render(&[]))?;
        wait_for_lines(node, "Entering MASTER STATE", herd.count, since, within)
    }
}

/// Starts `subject` with `configuration`, its log to the harness alone and without details: as it runs by default.
///
/// Where no syslog listens, the incumbent writes each line to the machine's console, and a slow one is then what is
/// measured. Neither logs there.
///
/// # Errors
/// When one runs already, or the program is missing.
pub fn start(node: &mut Node, subject: Subject, configuration: &str) -> Result<()> {
    let program = subject.program().map_err(anyhow::Error::msg)?;
    let script = node.file("start");
    let text = format!("#!/bin/sh\n{WITHOUT_DETAILS}\nexec '{}' -G \"$@\"\n", program.display());
    fs::write(&script, text)?;
    fs::set_permissions(&script, Permissions::from_mode(0o755))?;
    node.start_program(subject, &script, configuration)
}

/// Milliseconds between two adverts of one router, at most, and from the last one `until` somebody looks.
///
/// # Errors
/// When there are too few.
pub fn longest_gap(frames: &[Frame], until: Moment) -> Result<f64> {
    let adverts = frames.iter().filter(|frame| frame.advert().is_some());
    let mut times: Vec<Moment> = adverts.map(|frame| frame.at).collect();
    times.push(until);
    ensure!(times.len() > 3, "{} adverts", times.len());
    let gaps = times.iter().zip(times.iter().skip(1)).map(|(a, b)| milliseconds(*a, *b));
    Ok(gaps.fold(0.0, f64::max))
}

/// Waits until `count` lines from `since` on contain `text`, or nearly as many do and the log is quiet: a daemon may drop
/// lines rather than wait for whoever reads them.
///
/// # Errors
/// When fewer did `within` that time.
pub fn wait_for_lines(
    node: &Node,
    text: &str,
    count: usize,
    since: Mark,
    within: Duration,
) -> Result<()> {
    let until = Instant::now() + within;
    let (mut length, mut grown) = (0, Instant::now());
    loop {
        let lines = node.log_since(since);
        let found = lines.iter().filter(|line| line.text.contains(text)).count();
        if lines.len() > length {
            (length, grown) = (lines.len(), Instant::now());
        }
        if found >= count || (found * 2 > count && grown.elapsed() > QUIET) {
            return Ok(());
        }
        ensure!(
            Instant::now() < until,
            "{} logged {found} times, not {count} times: {text}",
            node.name()
        );
        thread::sleep(Duration::from_millis(50));
    }
}

/// Milliseconds from `earlier` to `later`; negative when they came the other way round.
#[must_use]
pub fn milliseconds(earlier: Moment, later: Moment) -> f64 {
    if later >= earlier {
        later.since(earlier).as_secs_f64() * 1e3
    } else {
        -(earlier.since(later).as_secs_f64() * 1e3)
    }
}

/// Makes the links by `ip -batch` in the switch's and each node's namespace, found through the lab's first process.
fn wire(lab: &Lab, routers: &[&str], links: usize, wiring: Wiring) -> Result<()> {
    let client = lab.client();
    let list = client.run("cat /proc/1/task/1/children")?;
    let processes: Vec<&str> = list.split_whitespace().collect();
    ensure!(processes.len() == routers.len() + 1, "the lab has other processes: {list}");
    let mut ends = Vec::new();
    for (index, (name, pid)) in routers.iter().zip(&processes).enumerate() {
        ends.push((*name, *pid, index + 1));
    }
    let last = processes.last().context("lab without client")?;
    ends.push(("client", last, 100));

    let mut switch = String::new();
    for link in 0..links {
        let interface = interface(link);
        if wiring == Wiring::Direct {
            let first = processes.first().context("lab without routers")?;
            writeln!(
                switch,
                "link add {interface} netns {first} type veth peer name {interface} netns {last}"
            )?;
            continue;
        }
        writeln!(
            switch,
            "link add b{link} type bridge stp_state 0 forward_delay 0 mcast_snooping 0\nlink set b{link} up"
        )?;
        for (name, pid, _) in &ends {
            writeln!(
                switch,
                "link add sw-{name}.{link} type veth peer name {interface} netns {pid}\n\
                 link set sw-{name}.{link} master b{link} up"
            )?;
        }
    }
    let file = lab.nodes().first().context("lab without routers")?.file("links");
    let batch = |pid: &str, lines: &str| -> Result<()> {
        fs::write(&file, lines)?;
        client.run(&format!("nsenter -t {pid} -n ip -batch {}", file.display()))?;
        Ok(())
    };
    batch("1", &switch)?;
    for (name, pid, number) in &ends {
        if wiring == Wiring::Direct && *name != "client" && *number != 1 {
            continue;
        }
        let mut lines = String::new();
        for link in 0..links {
            let (interface, net) = (interface(link), 100 + link);
            writeln!(
                lines,
                "addr add 10.{net}.0.{number}/16 dev {interface}\nlink set {interface} up"
            )?;
        }
        batch(pid, &lines)?;
    }
    Ok(())
}

/// Takes `-D` out of the arguments.
const WITHOUT_DETAILS: &str =
    r#"for word; do shift; [ "$word" = -D ] || set -- "$@" "$word"; done"#;
/// A log that has not grown for so long is complete.
const QUIET: Duration = Duration::from_millis(800);
