//! The pace of adverts: its mean, and how far single gaps are from it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::bench::agent::Job;
use crate::bench::figure::{Figure, Wanted, median, percentile};
use crate::bench::ground::{Ground, Wiring};
use crate::bench::layout::Herd;
use crate::bench::session::{Session, TURNS};
use crate::moment::Moment;
use crate::subject::Subject;

const NAME: &str = "jitter";

pub(super) fn run(session: &mut Session) -> Result<()> {
    let quiet = Herd::new(255);
    let loaded = Herd::new(20).quick("0.05");
    // A host whose hypervisor takes the processors away for some milliseconds delays whoever runs: a program that does
    // nothing but wait is 8 ms late in one of five runs then. Many short runs have a median that this does not move.
    let seconds = session.pick(5, 3);
    pace(session, "255 at 1 s, quiet machine", quiet, 0, seconds, 0.55, 0.01);
    let seconds = session.pick(4, 3);
    pace(session, "20 at 0.05 s, 8 busy loops", loaded, 8, seconds, 0.5, f64::INFINITY);
    Ok(())
}

/// Both daemons send as `herd` does beside so many busy loops.
fn pace(
    session: &mut Session,
    title: &str,
    herd: Herd,
    loops: usize,
    seconds: u64,
    deviation: f64,
    drift: f64,
) {
    let named = |what: &str| format!("{title}: {what}");
    let wanted = if drift.is_finite() { Wanted::AtMost(drift) } else { Wanted::Nothing };
    let mut mean = Figure::new(NAME, &named("mean interval, error"), "%", wanted);
    let wanted = Wanted::AtMost(deviation);
    let mut high = Figure::new(NAME, &named("error of a gap, 99th percentile"), "ms", wanted);
    let mut worst = Figure::new(NAME, &named("error of a gap, worst"), "ms", Wanted::Nothing);
    for _ in 0..session.pick(7, 1) {
        for subject in TURNS {
            let outcome = measure(subject, herd, loops, seconds).map(|gaps| {
                mean.push(subject, gaps.drift);
                high.push(subject, gaps.high);
                worst.push(subject, gaps.worst);
            });
            session.note(NAME, subject, outcome);
        }
    }
    session.take_all([mean, high, worst]);
}

struct Gaps {
    /// Error of the mean interval, in percent, whatever its sign.
    drift: f64,
    /// 99 % of all gaps are no further from the interval, in milliseconds.
    high: f64,
    /// The furthest one.
    worst: f64,
}

fn measure(subject: Subject, herd: Herd, loops: usize, seconds: u64) -> Result<Gaps> {
    let mut ground = Ground::build(&["a"], herd.count, Wiring::Bridged)?;
    let mut spinning = Vec::new();
    ground.start_active(subject, herd, Duration::from_secs(10))?;
    // The second round of announcements comes a second after the first.
    thread::sleep(Duration::from_secs(2));
    for _ in 0..loops {
        spinning.push(Job::start(ground.lab.client(), &["spin"])?);
    }
    thread::sleep(Duration::from_millis(500));
    let mark = ground.lab.capture.mark();
    thread::sleep(Duration::from_secs(seconds));
    let frames = ground.lab.capture.since(mark);
    drop(spinning);
    let mut times: BTreeMap<(IpAddr, u8), Vec<Moment>> = BTreeMap::new();
    for frame in &frames {
        if let Some(advert) = frame.advert() {
            times.entry((advert.source, advert.vrid)).or_default().push(frame.at);
        }
    }
    ensure!(times.len() == herd.count, "{} of {} sent", times.len(), herd.count);
    let interval = herd.interval.parse::<f64>()? * 1e3;
    let (mut means, mut errors) = (Vec::new(), Vec::new());
    for series in times.values() {
        let gaps: Vec<f64> = series
            .iter()
            .zip(series.iter().skip(1))
            .map(|(a, b)| b.since(*a).as_secs_f64() * 1e3)
            .collect();
        let count = u32::try_from(gaps.len())?;
        ensure!(count > 0, "an instance sent once only");
        means.push(gaps.iter().sum::<f64>() / f64::from(count));
        errors.extend(gaps.iter().map(|gap| (gap - interval).abs()));
    }
    let mean = median(&means).context("no means")?;
    Ok(Gaps {
        drift: ((mean - interval) / interval * 100.0).abs(),
        high: percentile(&errors, 99).context("no gaps")?,
        worst: percentile(&errors, 100).context("no gaps")?,
    })
}
