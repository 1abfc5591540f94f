//! Thousands of services in the kernel's load balancer: until all stand, what a reload costs, what each server takes of
//! memory, and until all are gone.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use nix::sys::signal::Signal;

use crate::bench::figure::{Figure, Wanted};
use crate::bench::gauge::{self, wait_for_end};
use crate::bench::ground::{longest_gap, milliseconds, start};
use crate::bench::pool::{self, Seen};
use crate::bench::session::{Session, TURNS};
use crate::farm::RealServer;
use crate::lab::Lab;
use crate::moment::Moment;
use crate::node::Node;
use crate::stream::{Mark, Stream};
use crate::subject::Subject;

const NAME: &str = "services";

pub(super) fn run(session: &mut Session) -> Result<()> {
    let (count, repetitions) = session.pick((1000, 3), (200, 1));
    let mut rows: Vec<Figure> = [start_rows(count), later_rows(count)].concat();
    for _ in 0..repetitions {
        for subject in TURNS {
            let outcome =
                repetition(subject, count).map(|samples| push(&mut rows, subject, samples));
            session.note(NAME, subject, outcome);
        }
    }
    session.take_all(rows);
    // Where IPVS is in an emulated machine, the incumbent takes half a minute to reload a tenth of these: it only starts.
    let count = session.pick(10_000, 400);
    let mut rows: Vec<Figure> = [start_rows(count), later_rows(count)].concat();
    for subject in TURNS {
        let samples = match subject {
            Subject::Keepalived => start_alone(subject, count).map(|samples| samples.to_vec()),
            Subject::Ours => repetition(subject, count).map(|samples| samples.to_vec()),
        };
        session.note(NAME, subject, samples.map(|samples| push(&mut rows, subject, samples)));
    }
    session.take_all(rows);
    Ok(())
}

/// Of a start.
fn start_rows(count: usize) -> Vec<Figure> {
    vec![
        row(count, "start until all stand", "ms", Wanted::Ratio(0.5)),
        row(count, "processor time of the start", "ms", Wanted::Nothing),
        row(count, "memory for each server", "bytes", Wanted::Ratio(0.5)),
    ]
}

/// Of what comes after the start, in the order in which it is measured.
fn later_rows(count: usize) -> Vec<Figure> {
    vec![
        row(count, "processor time of a reload without change", "ms", Wanted::Ratio(0.5)),
        row(count, "reload until another weight stands", "ms", Wanted::Ratio(0.5)),
        row(count, "processor time of that reload", "ms", Wanted::Ratio(0.5)),
        row(count, "processes that were replaced", "", Wanted::AtMost(0.0)),
        // Nothing of this is to delay the adverts of the one virtual router beside it.
        row(count, "longest gap between adverts", "ms", Wanted::AtMost(1500.0)),
        row(count, "SIGTERM to exit", "ms", Wanted::Nothing),
    ]
}

fn row(count: usize, what: &str, unit: &'static str, wanted: Wanted) -> Figure {
    Figure::new(NAME, &format!("{count} services of {SERVERS} servers: {what}"), unit, wanted)
}

fn push(rows: &mut [Figure], subject: Subject, samples: impl IntoIterator<Item = f64>) {
    rows.iter_mut().zip(samples).for_each(|(figure, sample)| figure.push(subject, sample));
}

/// One sample for each row of a start.
fn start_alone(subject: Subject, count: usize) -> Result<[f64; 3]> {
    let alone = start_of(subject, 1)?.memory;
    let started = start_of(subject, count)?;
    Ok([started.took, started.used, started.for_each(alone, count)?])
}

/// One sample for each row.
fn repetition(subject: Subject, count: usize) -> Result<[f64; 9]> {
    let alone = start_of(subject, 1)?.memory;
    let started = start_of(subject, count)?;
    let memory = started.for_each(alone, count)?;
    let Started { mut lab, pool, took, used, _server, .. } = started;
    let node = lab.node("a")?;
    let processes = node.processes()?;

    let (_, unchanged) = reload(node, &configuration(count, 1), || Ok(Moment::now()))?;
    let since = pool.mark();
    let weighed = weight(2);
    let stands = || pool::wait(&pool, since, weighed, PATIENCE);
    let (changed, used_for_it) = reload(node, &configuration(count, 2), stands)?;
    let replaced = processes.iter().filter(|it| !node.processes().is_ok_and(|p| p.contains(it)));
    let replaced = replaced.count();

    let gap = longest_gap(&lab.capture.since(Mark::START), Moment::now())?;
    let node = lab.node("a")?;
    let mut told = Moment::now();
    let end = wait_for_end(node.main_process()?, PATIENCE, || {
        told = Moment::now();
        node.signal(Signal::SIGTERM)
    })?;
    node.wait_for_exit(Duration::from_secs(5))?;
    let left = lines(node)?;
    ensure!(left == 0, "{left} entries are left behind");
    let replaced = f64::from(u32::try_from(replaced)?);
    let stopped = milliseconds(told, end);
    Ok([took, used, memory, unchanged, changed, used_for_it, replaced, gap, stopped])
}

/// A daemon whose services all stand.
struct Started {
    lab: Lab,
    pool: Stream<Seen>,
    /// Milliseconds until then.
    took: f64,
    /// Milliseconds of processor time, until it was quiet.
    used: f64,
    /// Megabytes of all its processes.
    memory: f64,
    /// Whom checks ask.
    _server: RealServer,
}

impl Started {
    /// Bytes for each server, more than what a daemon with one service takes.
    fn for_each(&self, alone: f64, count: usize) -> Result<f64> {
        Ok((self.memory - alone) * 1e6 / f64::from(u32::try_from((count - 1) * SERVERS)?))
    }
}

fn start_of(subject: Subject, count: usize) -> Result<Started> {
    let mut lab = Lab::build(&["a"])?;
    let node = lab.node("a")?;
    let mut server = RealServer::start(node.space())?;
    server.order(&format!("web {PORT} * 200 ok"))?;
    let pool = pool::watch(node, address(count - 1))?;
    let begin = Moment::now();
    start(node, subject, &configuration(count, 1))?;
    // Services are made in their order, so that the last one is whole when all are.
    let end = pool::wait(&pool, Mark::START, weight(1), PATIENCE)?;
    let used = settle(node)?;
    let seen = lines(node)?;
    ensure!(seen == count * (SERVERS + 1), "{seen} entries of {count} services");
    let memory = gauge::memory(&node.processes()?)?;
    let took = milliseconds(begin, end);
    Ok(Started { lab, pool, took, used, memory, _server: server })
}

/// Reloads; milliseconds until `done`, and of processor time until the daemon is quiet.
fn reload(node: &Node, text: &str, done: impl FnOnce() -> Result<Moment>) -> Result<(f64, f64)> {
    let before = settle(node)?;
    node.write_configuration(text)?;
    let since = node.log_mark();
    let begin = Moment::now();
    node.signal(Signal::SIGHUP)?;
    node.expect_log("Reloading", since, PATIENCE)?;
    let end = done()?;
    Ok((milliseconds(begin, end), settle(node)? - before))
}

/// Waits until the daemon does little; milliseconds of processor time that it has used in its life.
fn settle(node: &Node) -> Result<f64> {
    let until = Instant::now() + PATIENCE;
    let mut quiet = 0;
    let mut last = gauge::processor_time(&node.processes()?)?;
    while quiet < 4 {
        ensure!(Instant::now() < until, "the daemon does not come to rest");
        thread::sleep(WINDOW);
        let now = gauge::processor_time(&node.processes()?)?;
        // Of the most servers 25 are asked a second, which takes its share where the machine is emulated.
        quiet = if now.saturating_sub(last) < WINDOW / 3 { quiet + 1 } else { 0 };
        last = now;
    }
    Ok(last.as_secs_f64() * 1e3)
}

/// How many services and servers the kernel has.
fn lines(node: &Node) -> Result<usize> {
    let text = node.space().run("wc -l /proc/net/ip_vs")?;
    let all: usize = text.split_whitespace().next().unwrap_or_default().parse()?;
    Ok(all.saturating_sub(HEADING))
}

/// What the last service has, whose last server has this weight.
const fn weight(last: u32) -> (usize, u32) {
    (SERVERS, 9 + last)
}

const fn address(index: usize) -> Ipv4Addr {
    let [.., high, low] = index.to_be_bytes();
    Ipv4Addr::new(10, 200, high, low)
}

/// `count` services, each of whose servers has a check; `weight` is that of the last one of all.
fn configuration(count: usize, weight: u32) -> String {
    let mut text = String::from(
        "global_defs {\n    router_id bench\n}\nvrrp_instance VI_1 {\n    interface eth0\n    \
         virtual_router_id 51\n    priority 150\n    advert_int 1\n    virtual_ipaddress {\n        \
         192.0.2.10/24\n    }\n}\n",
    );
    for index in 0..count {
        let address = address(index);
        let _ = writeln!(
            text,
            "virtual_server {address} 80 {{\n    delay_loop 4000\n    lvs_sched rr\n    lvs_method NAT\n    protocol TCP"
        );
        for server in 1..=SERVERS {
            let is_last = index + 1 == count && server == SERVERS;
            let weight = if is_last { weight } else { 1 };
            let _ = writeln!(
                text,
                "    real_server 172.16.{}.{server} 80 {{\n        weight {weight}\n        TCP_CHECK {{\n            \
                 connect_ip 127.0.0.1\n            connect_port {PORT}\n            connect_timeout 3\n        }}\n    }}",
                index % 250
            );
        }
        text.push_str("}\n");
    }
    text
}

const SERVERS: usize = 10;
/// Where the server listens that all checks ask.
const PORT: u16 = 8080;
/// Lines of `/proc/net/ip_vs` before the first service.
const HEADING: usize = 3;
/// Emulated time is slow, and one of the two may be as well.
const PATIENCE: Duration = Duration::from_secs(400);
const WINDOW: Duration = Duration::from_millis(400);
