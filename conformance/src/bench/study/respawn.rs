//! The VRRP process alone is killed: what a client sees until its successor has taken up the work.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bench::agent::Job;
use crate::bench::figure::{Figure, Wanted};
use crate::bench::ground::start;
use crate::bench::session::{Session, TURNS};
use crate::configuration::Instance;
use crate::flavour::Flavour;
use crate::lab::Lab;
use crate::moment::Moment;
use crate::node::Node;
use crate::packet::Content;
use crate::subject::Subject;

const NAME: &str = "respawn";

pub(super) fn run(session: &mut Session) -> Result<()> {
    let row = |what: &str, wanted| {
        Figure::new(NAME, &format!("VRRP process killed: {what}"), "ms", wanted)
    };
    let mut silence = row("longest silence that a client sees", Wanted::AtMost(50.0));
    let mut gap = row("longest gap of adverts, over the interval", Wanted::AtMost(200.0));
    for _ in 0..session.pick(3, 1) {
        for subject in TURNS {
            let outcome = repetition(subject).map(|(longest, late)| {
                silence.push(subject, longest);
                gap.push(subject, late);
            });
            session.note(NAME, subject, outcome);
        }
    }
    session.take_all([silence, gap]);
    Ok(())
}

fn repetition(subject: Subject) -> Result<(f64, f64)> {
    let mut lab = Lab::build(&["a"])?;
    let since = lab.capture.mark();
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));
    start(lab.node("a")?, subject, &Instance::new(Flavour::V2, 200).render())?;
    lab.capture.expect_advert("a", since, Duration::from_secs(6), |_| true)?;
    let _pings = Job::start(lab.client(), &["ping", &address.to_string(), "1000", "1"])?;
    thread::sleep(Duration::from_millis(500));
    let mark = lab.capture.mark();
    thread::sleep(Duration::from_millis(1200));
    kill(Pid::from_raw(i32::try_from(vrrp_process(lab.node("a")?)?)?), Signal::SIGKILL)?;
    thread::sleep(Duration::from_millis(4500));
    let frames = lab.capture.since(mark);
    let answers: Vec<Moment> = frames
        .iter()
        .filter(|f| matches!(f.content, Content::EchoReply { .. }))
        .map(|f| f.at)
        .collect();
    let adverts: Vec<Moment> =
        frames.iter().filter(|f| f.advert().is_some()).map(|f| f.at).collect();
    Ok((longest(&answers)?, longest(&adverts)? - 1e3))
}

/// The longest time between two of these, in milliseconds.
fn longest(times: &[Moment]) -> Result<f64> {
    let pairs = times.iter().zip(times.iter().skip(1));
    let gap = pairs.map(|(a, b)| b.since(*a)).max().context("nothing was seen")?;
    Ok(gap.as_secs_f64() * 1e3)
}

/// The process that the daemon's own file names, as it is numbered out here.
fn vrrp_process(node: &Node) -> Result<u32> {
    let inner = fs::read_to_string(node.file("p2")).context("read the VRRP process file")?;
    for pid in node.processes()? {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|l| l.strip_prefix("NSpid:")).unwrap_or_default();
        if line.split_whitespace().last() == Some(inner.trim()) {
            return Ok(pid);
        }
    }
    anyhow::bail!("no process of the daemon has number {}", inner.trim())
}
