//! 1000 Backups lose the same Active router at the same moment.
//!
//! The Active router is the neutral sender: all its adverts go out in one burst, so the instances of both daemons are
//! due within a few milliseconds of each other.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::bench::agent::Job;
use crate::bench::figure::{Figure, Wanted};
use crate::bench::ground::{Ground, Wiring, milliseconds, start, wait_for_lines};
use crate::bench::layout::Herd;
use crate::bench::session::{Session, TURNS};
use crate::moment::Moment;
use crate::subject::Subject;

const NAME: &str = "thousand";

pub(super) fn run(session: &mut Session) -> Result<()> {
    let row =
        |what: &str, wanted| Figure::new(NAME, &format!("1000 at once: {what}"), "ms", wanted);
    let mut first = row("first gratuitous ARP over the bound", Wanted::Ratio(1.0));
    let mut all = row("all announced, from the first bound on", Wanted::Ratio(0.5));
    let mut middle = row("median lateness of an instance", Wanted::Nothing);
    for _ in 0..session.pick(3, 1) {
        for subject in TURNS {
            let outcome = repetition(subject).map(|times| {
                first.push(subject, times.first);
                all.push(subject, times.all);
                middle.push(subject, times.middle);
            });
            session.note(NAME, subject, outcome);
        }
    }
    session.take_all([first, all, middle]);
    Ok(())
}

struct Times {
    first: f64,
    all: f64,
    middle: f64,
}

fn repetition(subject: Subject) -> Result<Times> {
    let mut ground = Ground::build(&["a"], COUNT, Wiring::Bridged)?;
    let herd = Herd::new(COUNT);
    let count = COUNT.to_string();
    // Longer than the daemon's start, shorter than anyone's patience.
    let mut flock = Job::start(ground.lab.client(), &["flock", &count, "200", "burst", "4"])?;
    let node = ground.first()?;
    let since = node.log_mark();
    start(node, subject, &herd.render(&[]))?;
    wait_for_lines(node, "Entering BACKUP STATE", COUNT, since, Duration::from_secs(4))?;
    let mark = ground.lab.capture.mark();
    ensure!(flock.child.wait()?.success(), "the sender failed");
    thread::sleep(DOWN + AFTERWARDS);
    let frames = ground.lab.capture.since(mark);
    let mut last: BTreeMap<IpAddr, Moment> = BTreeMap::new();
    let mut announced: BTreeMap<IpAddr, Moment> = BTreeMap::new();
    for frame in &frames {
        let own = frame.node.starts_with("a.");
        if let Some(advert) = frame.advert().filter(|_| !own) {
            let address = *advert.addresses.first().context("advert without address")?;
            last.insert(address, frame.at);
        } else if let Some(address) = frame.announces().filter(|_| own) {
            announced.entry(address).or_insert(frame.at);
        }
    }
    ensure!(announced.len() == COUNT, "{} of {COUNT} were announced", announced.len());
    let late: Vec<f64> = announced
        .iter()
        .filter_map(|(address, at)| Some(milliseconds(last.get(address)?.after(DOWN), *at)))
        .collect();
    ensure!(late.len() == COUNT, "only {} were advertised before", late.len());
    let begin = last.values().min().context("no advert")?.after(DOWN);
    let end = announced.values().max().context("no announcement")?;
    let earliest = announced.values().min().context("no announcement")?;
    Ok(Times {
        first: milliseconds(begin, *earliest),
        all: milliseconds(begin, *end),
        middle: crate::bench::figure::median(&late).context("no samples")?,
    })
}

const COUNT: usize = 1000;
/// Three intervals of a second and the skew of priority 100 in version 2.
const DOWN: Duration = Duration::from_nanos(3_609_375_000);
const AFTERWARDS: Duration = Duration::from_millis(1500);
