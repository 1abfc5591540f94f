//! A flood of adverts with a wrong checksum: what each costs, and how much is logged of it.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::bench::figure::{Figure, Wanted};
use crate::bench::gauge;
use crate::bench::ground::start;
use crate::bench::session::{Session, TURNS};
use crate::configuration::Instance;
use crate::flavour::Flavour;
use crate::forge::Forged;
use crate::lab::Lab;
use crate::moment::Moment;
use crate::stream::Mark;
use crate::subject::Subject;

const NAME: &str = "flood";

pub(super) fn run(session: &mut Session) -> Result<()> {
    let (packets, rounds) = session.pick((100_000, 2), (10_000, 1));
    let seconds = packets / 10_000;
    let row = |what: &str, unit, wanted| {
        let title = format!("{packets} malformed packets in {seconds} s: {what}");
        Figure::new(NAME, &title, unit, wanted)
    };
    let mut each = row("processor time of each", "us", Wanted::Ratio(0.5));
    let mut lines = row("log lines", "lines", Wanted::AtMost(200.0));
    let mut entered = row("changes of state", "", Wanted::AtMost(0.0));
    let mut pace = row("longest gap of adverts, over the interval", "ms", Wanted::Nothing);
    for _ in 0..rounds {
        for subject in TURNS {
            let outcome = repetition(subject, packets).map(|flood| {
                each.push(subject, flood.each);
                lines.push(subject, flood.lines);
                entered.push(subject, flood.entered);
                pace.push(subject, flood.gap);
            });
            session.note(NAME, subject, outcome);
        }
    }
    session.take_all([each, lines, entered, pace]);
    Ok(())
}

struct Flood {
    each: f64,
    lines: f64,
    entered: f64,
    gap: f64,
}

fn repetition(subject: Subject, packets: u32) -> Result<Flood> {
    let mut lab = Lab::build(&["a"])?;
    let (since, mark) = (Mark::START, lab.capture.mark());
    start(
        lab.node("a")?,
        subject,
        &Instance::new(Flavour::V2, 100).line("garp_master_delay 1").render(),
    )?;
    lab.capture.expect_advert("a", mark, Duration::from_secs(6), |_| true)?;
    // The second round of announcements comes a second after the first.
    thread::sleep(Duration::from_millis(1500));
    let quiet = gauge::usage(lab.node("a")?, Duration::from_secs(1))?;
    let node = lab.node("a")?;
    let before_lines = node.log_since(since).len();
    let log = node.log_mark();
    let processes = node.processes()?;
    let before = gauge::processor_time(&processes)?;
    let mark = lab.capture.mark();
    let mut forged = Forged::new(Flavour::V2, 200);
    forged.checksum_error = 1;
    let (begin, begun) = (Instant::now(), Moment::now());
    for _ in 0..packets / PART {
        lab.send_repeatedly(&forged, PART, Duration::from_micros(100))?;
    }
    // What is still queued belongs to the flood, and so does a summary of what was left out of the log.
    thread::sleep(Duration::from_secs(1));
    let took = begin.elapsed().as_secs_f64();
    let used = gauge::processor_time(&processes)?.saturating_sub(before);
    thread::sleep(Duration::from_millis(500));
    let node = lab.node("a")?;
    let lines = node.log_since(since).len() - before_lines;
    let entered = node.log_since(log).iter().filter(|l| l.text.contains("Entering")).count();
    let adverts = lab.capture.adverts("a", mark);
    // Silence from the beginning or to the end is a gap too: the incumbent sends nothing during a flood.
    let mut times = vec![begun];
    times.extend(adverts.iter().map(|(at, _)| *at));
    times.push(Moment::now());
    let pairs = times.iter().zip(times.iter().skip(1));
    let gap = pairs.map(|(a, b)| b.since(*a)).max().unwrap_or_default();
    Ok(Flood {
        each: (used.as_secs_f64() - quiet.as_secs_f64() * took) * 1e6 / f64::from(packets),
        lines: f64::from(u32::try_from(lines)?),
        entered: f64::from(u32::try_from(entered)?),
        gap: gap.as_secs_f64() * 1e3 - 1e3,
    })
}

/// Packets that one sender sends: its command ends in less than ten seconds.
const PART: u32 = 10_000;
