//! A pair loses its Active router: how long over what the protocol allows until the other announces and answers.
//!
//! Both routers have the same priority, so that whoever is Active stays so and the pair is soon ready for the next
//! loss. The bound counts from the last advert that the switch saw: three intervals and the skew, or the skew alone
//! after priority 0.

use std::net::{IpAddr, Ipv4Addr};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::bench::agent::Job;
use crate::bench::figure::{Figure, Wanted};
use crate::bench::ground::{self, milliseconds};
use crate::bench::session::{Session, TURNS};
use crate::lab::Lab;
use crate::packet::Content;
use crate::stream::Mark;
use crate::subject::Subject;

const NAME: &str = "failover";

pub(super) fn run(session: &mut Session) -> Result<()> {
    for pace in PACES {
        if session.quick && pace.version == 2 {
            continue;
        }
        let mut rows: Vec<Rows> = LOSSES.iter().map(|loss| Rows::new(pace, *loss)).collect();
        for _ in 0..session.pick(pace.repetitions, 1) {
            for subject in TURNS {
                let outcome = repetition(subject, pace, &mut rows);
                session.note(NAME, subject, outcome);
            }
        }
        for row in rows {
            session.take_all([row.announced, row.answered]);
        }
    }
    Ok(())
}

/// An advert interval with its times.
struct Pace {
    interval: Duration,
    written: &'static str,
    version: u8,
    skew: Duration,
    repetitions: usize,
}

const fn pace(written: &'static str, version: u8, interval: Duration, repetitions: usize) -> Pace {
    // (256 - 100) / 256 of a second in version 2, of the interval in version 3.
    let skew = Duration::from_nanos(match version {
        2 => 609_375_000,
        _ => interval.subsec_nanos() as u64 * 156 / 256,
    });
    Pace { interval, written, version, skew, repetitions }
}

const PACES: &[Pace] = &[
    pace("1", 2, Duration::from_secs(1), 3),
    pace("0.1", 3, Duration::from_millis(100), 15),
    pace("0.01", 3, Duration::from_millis(10), 15),
];

/// How the Active router goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Loss {
    Killed,
    Unplugged,
    Stopped,
}

const LOSSES: [Loss; 3] = [Loss::Killed, Loss::Unplugged, Loss::Stopped];

/// The two rows of one loss at one pace.
struct Rows {
    announced: Figure,
    answered: Figure,
}

impl Rows {
    fn new(pace: &Pace, loss: Loss) -> Self {
        let word = match loss {
            Loss::Killed => "killed",
            Loss::Unplugged => "unplugged",
            Loss::Stopped => "stopped",
        };
        let name =
            |what: &str| format!("{word}, advert_int {} s: {what} over the bound", pace.written);
        let first = Wanted::RatioAndWorst(1.0, 1.5);
        Self {
            announced: Figure::new(NAME, &name("first gratuitous ARP"), "ms", first),
            answered: Figure::new(NAME, &name("first echo reply"), "ms", Wanted::Ratio(1.0)),
        }
    }
}

fn repetition(subject: Subject, pace: &Pace, rows: &mut [Rows]) -> Result<()> {
    let mut lab = Lab::build(&["a", "b"])?;
    let since = lab.capture.mark();
    start(&mut lab, "a", subject, pace)?;
    lab.capture.expect_advert("a", since, pace.interval * 5 + PATIENCE, |_| true)?;
    start(&mut lab, "b", subject, pace)?;
    let (mut active, mut backup) = ("a", "b");
    for (loss, row) in LOSSES.into_iter().zip(rows) {
        // Two adverts heard in its state, and what the start brought with it is over.
        thread::sleep(pace.interval * 2 + SETTLED);
        let result = lose(&mut lab, active, backup, loss, pace)
            .with_context(|| format!("losing {active}:\n{}", lab.report()));
        let (announced, answered) = result?;
        row.announced.push(subject, announced);
        row.answered.push(subject, answered);
        let since = lab.node(active)?.log_mark();
        match loss {
            Loss::Killed | Loss::Stopped => start(&mut lab, active, subject, pace)?,
            Loss::Unplugged => {
                lab.set_port(active, true)?;
                lab.node(active)?.expect_log("Entering BACKUP STATE", since, PATIENCE)?;
            }
        }
        (active, backup) = (backup, active);
    }
    Ok(())
}

/// Starts `subject` and waits until it is Backup.
fn start(lab: &mut Lab, name: &str, subject: Subject, pace: &Pace) -> Result<()> {
    let text = format!(
        "global_defs {{\n    router_id bench\n}}\nvrrp_instance VI_1 {{\n    interface eth0\n    \
         version {}\n    virtual_router_id 51\n    priority 100\n    advert_int {}\n    \
         virtual_ipaddress {{\n        {ADDRESS}/24\n    }}\n}}\n",
        pace.version, pace.written
    );
    let node = lab.node(name)?;
    let since = node.log_mark();
    ground::start(node, subject, &text)?;
    node.expect_log("Entering BACKUP STATE", since, PATIENCE)?;
    Ok(())
}

/// Takes `active` away; milliseconds over the bound until `backup` announced, and until it answered a ping.
fn lose(lab: &mut Lab, active: &str, backup: &str, loss: Loss, pace: &Pace) -> Result<(f64, f64)> {
    let ping = ["ping", &ADDRESS.to_string(), PING_EVERY, "1"];
    let pings = Job::start(lab.client(), &ping)?;
    thread::sleep(SETTLED);
    let since = lab.capture.mark();
    match loss {
        Loss::Killed => {
            lab.node(active)?.crash()?;
        }
        Loss::Unplugged => lab.set_port(active, false)?,
        Loss::Stopped => {
            lab.node(active)?.stop()?;
        }
    }
    let within = pace.interval * 4 + PATIENCE;
    let first = lab.capture.expect("announcement", since, within, |f| {
        f.node == backup && f.announces() == Some(IpAddr::V4(ADDRESS))
    })?;
    let answer = lab.capture.expect("answer", since, within, |f| {
        f.node == backup && matches!(f.content, Content::EchoReply { .. })
    })?;
    drop(pings);
    let adverts = lab.capture.adverts(active, Mark::START);
    let (last, advert) =
        adverts.iter().rev().find(|(at, _)| *at < first.at).context("no last advert")?;
    let wait = if advert.priority == 0 { Duration::ZERO } else { pace.interval * 3 };
    let bound = last.after(wait + pace.skew);
    Ok((milliseconds(bound, first.at), milliseconds(bound, answer.at)))
}

const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
/// Microseconds between two pings.
const PING_EVERY: &str = "200";
/// How long anything may take that is not the protocol's own waiting.
const PATIENCE: Duration = Duration::from_secs(4);
const SETTLED: Duration = Duration::from_millis(100);
