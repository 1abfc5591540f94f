//! BFD: how soon a session notices that the other end is gone, and what a hundred sessions cost.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::bench::figure::{Figure, Wanted};
use crate::bench::gauge;
use crate::bench::ground::{milliseconds, start, wait_for_lines};
use crate::bench::session::{Session, TURNS};
use crate::lab::Lab;
use crate::node::Node;
use crate::stream::Mark;
use crate::subject::Subject;

const NAME: &str = "sessions";

pub(super) fn run(session: &mut Session) -> Result<()> {
    let row = |what: &str, wanted| {
        let name = format!("BFD, 3 packets at 50 ms: {what}");
        Figure::new(NAME, &name, "ms", wanted)
    };
    // The last packet came up to 50 ms before the end.
    let mut noticed =
        row("from the end of one to the log line of the other", Wanted::AtMost(155.0));
    let mut late = row("how late by its own account", Wanted::Ratio(1.0));
    for _ in 0..session.pick(9, 1) {
        for subject in TURNS {
            let outcome = lose(subject).map(|(took, overdue)| {
                noticed.push(subject, took);
                late.push(subject, overdue);
            });
            session.note(NAME, subject, outcome);
        }
    }
    session.take_all([noticed, late]);

    let name = format!("{MANY} BFD sessions at 50 ms: processor time");
    let mut time = Figure::new(NAME, &name, "ms/s", Wanted::Ratio(1.0));
    let windows = session.pick(3, 1);
    for subject in TURNS {
        let outcome = load(subject, windows).map(|loads| {
            loads.into_iter().for_each(|load| time.push(subject, load));
        });
        session.note(NAME, subject, outcome);
    }
    session.take(time);
    Ok(())
}

/// One session, whose other end is killed: milliseconds until it is noticed, and how much of that was overdue.
fn lose(subject: Subject) -> Result<(f64, f64)> {
    let mut lab = Lab::build(&["a", "b"])?;
    for (name, own, other) in [("a", 1, 2), ("b", 2, 1)] {
        let addresses = (format!("192.0.2.{own}"), format!("192.0.2.{other}"));
        start(lab.node(name)?, subject, &file(&[addresses], 3))?;
    }
    lab.node("a")?.expect_log(UP, Mark::START, PATIENCE)?;
    // From the slow packets of the beginning to those that were agreed on.
    std::thread::sleep(SETTLED);
    let since = lab.node("a")?.log_mark();
    let end = lab.node("b")?.crash()?;
    let line = lab.node("a")?.expect_log("Expired after", since, PATIENCE)?;
    // "(s0) Expired after 150 ms (321 usec overdue)"
    let overdue = line.text.rsplit('(').next().and_then(|it| it.split_whitespace().next());
    let overdue: f64 = overdue.context("no overdue time")?.parse()?;
    Ok((milliseconds(end, line.at), overdue / 1e3))
}

/// Processor time of a daemon with many sessions, all of them up.
fn load(subject: Subject, windows: usize) -> Result<Vec<f64>> {
    let mut lab = Lab::build(&["a", "b"])?;
    for (name, own, other) in [("a", 0, 1), ("b", 1, 0)] {
        let node = lab.node(name)?;
        let pairs: Vec<(String, String)> = (1..=MANY)
            .map(|number| (format!("10.50.{own}.{number}"), format!("10.50.{other}.{number}")))
            .collect();
        add(node, &pairs)?;
        start(node, subject, &file(&pairs, 5))?;
    }
    let node = lab.node("a")?;
    wait_for_lines(node, UP, MANY, Mark::START, PATIENCE)?;
    std::thread::sleep(SETTLED);
    let since = node.log_mark();
    let loads = gauge::load(node, windows, Duration::from_secs(3))?;
    node.expect_no_log("Expired", since)?;
    Ok(loads)
}

/// Gives a node its own addresses of these pairs.
fn add(node: &Node, pairs: &[(String, String)]) -> Result<()> {
    let mut lines = String::new();
    for (own, _) in pairs {
        writeln!(lines, "addr add {own}/16 dev eth0")?;
    }
    let path = node.file("addresses");
    fs::write(&path, lines)?;
    node.space().run(&format!("ip -batch {}", path.display()))?;
    Ok(())
}

/// A session for each pair of own and other address, 50 ms each way.
fn file(pairs: &[(String, String)], multiplier: u8) -> String {
    let mut text = String::from("global_defs {\n    router_id bench\n}\n");
    for (number, (own, other)) in pairs.iter().enumerate() {
        text.push_str(&format!(
            "bfd_instance s{number} {{\n    neighbor_ip {other}\n    source_ip {own}\n    \
             min_rx 50\n    min_tx 50\n    multiplier {multiplier}\n}}\n"
        ));
    }
    text
}

const UP: &str = "Entering Up state";
const MANY: usize = 100;
const PATIENCE: Duration = Duration::from_secs(10);
const SETTLED: Duration = Duration::from_millis(2500);
