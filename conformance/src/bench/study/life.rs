//! From the start of a daemon to its last instance Active, and from SIGTERM to its end.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;

use crate::bench::figure::{Figure, Wanted};
use crate::bench::gauge::wait_for_end;
use crate::bench::ground::{Ground, Wiring, milliseconds, start, wait_for_lines};
use crate::bench::layout::Herd;
use crate::bench::session::{Session, TURNS};
use crate::moment::Moment;
use crate::subject::Subject;

const NAME: &str = "life";

pub(super) fn run(session: &mut Session) -> Result<()> {
    let counts: &[(usize, usize)] = session.pick(&[(1, 5), (1000, 3), (4000, 3)], &[(1000, 1)]);
    for (count, repetitions) in counts {
        let wanted = if *count == 1000 { Wanted::Nothing } else { Wanted::Ratio(0.5) };
        let name = format!("start of {count}: last instance Active over the bound");
        let mut start = Figure::new(NAME, &name, "ms", wanted);
        let wanted = match count {
            1 => Wanted::AtMost(50.0),
            1000 => Wanted::AtMost(100.0),
            _ => Wanted::Nothing,
        };
        let mut stop = Figure::new(NAME, &format!("SIGTERM to exit of {count}"), "ms", wanted);
        for _ in 0..*repetitions {
            for subject in TURNS {
                let outcome = repetition(subject, *count).map(|(started, stopped)| {
                    start.push(subject, started);
                    stop.push(subject, stopped);
                });
                session.note(NAME, subject, outcome);
            }
        }
        session.take_all([start, stop]);
    }
    Ok(())
}

fn repetition(subject: Subject, count: usize) -> Result<(f64, f64)> {
    let mut ground = Ground::build(&["a"], count, Wiring::Bridged)?;
    let herd = Herd::new(count);
    let text = herd.render(&[]);
    let mark = ground.lab.capture.mark();
    let node = ground.first()?;
    let since = node.log_mark();
    let begin = Moment::now();
    start(node, subject, &text)?;
    wait_for_lines(node, "Entering MASTER STATE", count, since, Duration::from_secs(15))?;
    let first = caught_up(|| {
        let mut first: BTreeMap<(IpAddr, u8), Moment> = BTreeMap::new();
        let frames = ground.lab.capture.since(mark);
        for frame in &frames {
            if let Some(advert) = frame.advert() {
                first.entry((advert.source, advert.vrid)).or_insert(frame.at);
            }
        }
        let is_all = first.len() == count;
        (first, frames.len(), is_all)
    });
    ensure!(first.len() == count, "{} of {count} became Active", first.len());
    let last = first.values().max().context("no advert")?;
    let started = milliseconds(begin.after(DOWN), *last);

    let mark = ground.lab.capture.mark();
    let node = ground.first()?;
    let main = node.main_process()?;
    let mut told = Moment::now();
    let end = wait_for_end(main, Duration::from_secs(10), || {
        told = Moment::now();
        node.signal(Signal::SIGTERM)
    })?;
    node.wait_for_exit(Duration::from_secs(2))?;
    let resigned = caught_up(|| {
        let frames = ground.lab.capture.since(mark);
        let resigned = frames.iter().filter(|f| f.advert().is_some_and(|a| a.priority == 0));
        let resigned = resigned.count();
        (resigned, frames.len(), resigned >= count)
    });
    ensure!(resigned >= count, "{resigned} of {count} resigned");
    Ok((started, milliseconds(told, end)))
}

/// Looks until all is there, or no frame comes for a while: the capture is behind the daemon by what its reader is.
fn caught_up<T>(mut look: impl FnMut() -> (T, usize, bool)) -> T {
    let (mut most, mut until) = (0, Instant::now() + PATIENCE);
    let end = Instant::now() + LONGEST;
    loop {
        // Each look copies what was captured, and so holds its reader up.
        std::thread::sleep(Duration::from_secs(1));
        let (found, seen, is_all) = look();
        if seen > most {
            (most, until) = (seen, Instant::now() + PATIENCE);
        }
        if is_all || Instant::now() >= until.min(end) {
            return found;
        }
    }
}

/// How long nothing may come while something is still to come.
const PATIENCE: Duration = Duration::from_secs(8);
/// Active routers go on advertising, whoever is missing.
const LONGEST: Duration = Duration::from_secs(20);
/// Three intervals of a second and the skew of priority 100 in version 2.
const DOWN: Duration = Duration::from_nanos(3_609_375_000);
