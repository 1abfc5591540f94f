//! Reload of 1000 Active instances: nothing changed, and one address added. What it costs, and what others notice.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::bench::changes::{Kind, count, watch};
use crate::bench::figure::{Figure, Wanted};
use crate::bench::gauge;
use crate::bench::ground::{Ground, Wiring};
use crate::bench::layout::Herd;
use crate::bench::session::{Session, TURNS};
use crate::moment::Moment;
use crate::packet::Frame;
use crate::subject::Subject;

const NAME: &str = "reload";

pub(super) fn run(session: &mut Session) -> Result<()> {
    let mut rows = [Rows::new("nothing changed", 0), Rows::new("one address added", 1)];
    for _ in 0..session.pick(3, 1) {
        for subject in TURNS {
            let outcome = repetition(subject, &mut rows, session.pick(SPAN, SPAN / 2));
            session.note(NAME, subject, outcome);
        }
    }
    for row in rows {
        session.take_all([row.time, row.late, row.early, row.transitions, row.addresses]);
    }
    Ok(())
}

struct Rows {
    time: Figure,
    late: Figure,
    early: Figure,
    transitions: Figure,
    addresses: Figure,
    /// How many addresses differ.
    needed: usize,
}

impl Rows {
    fn new(what: &str, needed: usize) -> Self {
        let row = |name: &str, unit, wanted| {
            Figure::new(NAME, &format!("reload of 1000, {what}: {name}"), unit, wanted)
        };
        Self {
            time: row("processor time more than without", "ms", Wanted::Ratio(0.5)),
            late: row("adverts missed", "adverts", Wanted::AtMost(0.0)),
            early: row("adverts out of turn", "adverts", Wanted::AtMost(0.0)),
            transitions: row("transitions and resignations", "", Wanted::AtMost(0.0)),
            addresses: row("needless changes of addresses", "", Wanted::AtMost(0.0)),
            needed,
        }
    }
}

fn repetition(subject: Subject, rows: &mut [Rows; 2], span: Duration) -> Result<()> {
    let mut ground = Ground::build(&["a"], COUNT, Wiring::Bridged)?;
    let herd = Herd::new(COUNT);
    let changes = watch(ground.first()?)?;
    ground.start_active(subject, herd, Duration::from_secs(10))?;
    // The second round of announcements comes a second after the first.
    thread::sleep(Duration::from_secs(2));
    for (row, more) in rows.iter_mut().zip([&[][..], &["10.100.2.1/32"][..]]) {
        let quiet = gauge::usage(ground.first()?, span)?;
        let mark = ground.lab.capture.mark();
        thread::sleep(Duration::from_millis(1500));
        let node = ground.first()?;
        let (since, present) = (node.log_mark(), changes.mark());
        let processes = node.processes()?;
        let before = gauge::processor_time(&processes)?;
        node.reload(&herd.render(more))?;
        thread::sleep(span);
        ensure!(node.processes()? == processes, "the processes are not those of before");
        let used = gauge::processor_time(&processes)?.saturating_sub(before);
        let entered = node.log_since(since).iter().filter(|l| l.text.contains("Entering")).count();
        let gaps = gaps(&ground.lab.capture.since(mark))?;
        row.time.push(subject, (used.as_secs_f64() - quiet.as_secs_f64()) * 1e3);
        row.late.push(subject, gaps.late);
        row.early.push(subject, gaps.early);
        let resigned = gaps.resigned + f64::from(u32::try_from(entered)?);
        row.transitions.push(subject, resigned);
        let added = count(&changes, present, Kind::Added);
        let removed = count(&changes, present, Kind::Removed);
        ensure!(added >= row.needed, "the address did not come");
        row.addresses.push(subject, f64::from(u32::try_from(added + removed - row.needed)?));
    }
    Ok(())
}

struct Gaps {
    late: f64,
    early: f64,
    resigned: f64,
}

/// Gaps of an instance's adverts that are far from a second: more than half of it longer or a tenth shorter.
fn gaps(frames: &[Frame]) -> Result<Gaps> {
    let mut times: BTreeMap<(IpAddr, u8), Vec<Moment>> = BTreeMap::new();
    let mut gaps = Gaps { late: 0.0, early: 0.0, resigned: 0.0 };
    for frame in frames {
        if let Some(advert) = frame.advert() {
            times.entry((advert.source, advert.vrid)).or_default().push(frame.at);
            if advert.priority == 0 {
                gaps.resigned += 1.0;
            }
        }
    }
    ensure!(times.len() == COUNT, "{} of {COUNT} sent", times.len());
    for series in times.values() {
        for (a, b) in series.iter().zip(series.iter().skip(1)) {
            let gap = b.since(*a);
            if gap > Duration::from_millis(1500) {
                gaps.late += 1.0;
            } else if gap < Duration::from_millis(900) {
                gaps.early += 1.0;
            }
        }
    }
    Ok(gaps)
}

const COUNT: usize = 1000;
/// Over which the work of a reload is looked for, twelve seconds' worth of lease renewals divided evenly.
const SPAN: Duration = Duration::from_millis(3500);
