//! The servers of one service in the kernel's load balancer, as they come, go and change.

use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::agent::Job;
use crate::moment::Moment;
use crate::node::Node;
use crate::stream::{Mark, Stream};

/// What a look has found that is other than before.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// When it was seen.
    pub at: Moment,
    /// How many servers the service has.
    pub count: usize,
    /// The sum of their weights.
    pub weight: u32,
}

/// Follows the service of TCP port 80 at `address` on `node` until its lab ends.
///
/// # Errors
/// When the watching job does not come up.
pub fn watch(node: &Node, address: Ipv4Addr) -> Result<Stream<Seen>> {
    let micros = EVERY.as_micros().to_string();
    let mut job = Job::start(node.space(), &["servers", &address.to_string(), &micros])?;
    let lines = BufReader::new(job.child.stdout.take().context("job without output")?);
    let stream = Stream::new();
    let sink = stream.clone();
    thread::spawn(move || {
        lines.lines().map_while(Result::ok).filter_map(|line| read(&line)).for_each(|seen| {
            sink.push(seen);
        });
        drop(job);
    });
    let first = stream.wait(Mark::START, Duration::from_secs(20), |_| true);
    ensure!(first.is_some(), "the watching of servers did not come up");
    Ok(stream)
}

/// Waits until the service has `count` servers of `weight` altogether, from `since` on; when that was seen.
///
/// # Errors
/// When it is not so `within` that time.
pub fn wait(
    pool: &Stream<Seen>,
    since: Mark,
    (count, weight): (usize, u32),
    within: Duration,
) -> Result<Moment> {
    let found = pool.wait(since, within, |seen| (seen.count, seen.weight) == (count, weight));
    let last = || pool.since(Mark::START).last().map(|seen| (seen.count, seen.weight));
    let found = found.with_context(|| {
        format!("{:?} servers and weight after {within:?}, not {:?}", last(), (count, weight))
    })?;
    Ok(found.at)
}

fn read(line: &str) -> Option<Seen> {
    let mut words = line.split(' ');
    let at = Moment(words.next()?.parse().ok()?);
    Some(Seen { at, count: words.next()?.parse().ok()?, weight: words.next()?.parse().ok()? })
}

const EVERY: Duration = Duration::from_millis(5);
