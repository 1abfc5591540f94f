//! Addresses of a node as they come and go.

use std::io::{BufRead, BufReader};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::agent::Job;
use crate::moment::Moment;
use crate::node::Node;
use crate::stream::{Mark, Stream};

/// What happened to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It came.
    Added,
    /// It was there and was set again, as a renewal of its lifetime does.
    Renewed,
    /// It went.
    Removed,
}

/// When something happened to an address.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// When the watching job heard of it.
    pub at: Moment,
    /// What it was.
    pub kind: Kind,
}

/// Follows the IPv4 addresses of `node` until its lab ends.
///
/// # Errors
/// When the watching job does not come up.
pub fn watch(node: &Node) -> Result<Stream<Change>> {
    let mut job = Job::start(node.space(), &["addresses"])?;
    let mut lines = BufReader::new(job.child.stdout.take().context("job without output")?);
    let mut first = String::new();
    lines.read_line(&mut first)?;
    ensure!(first.trim() == "ready", "the watching of addresses did not come up");
    let stream = Stream::new();
    let sink = stream.clone();
    thread::spawn(move || {
        for line in lines.lines().map_while(Result::ok) {
            let mut words = line.split(' ');
            let at = words.next().and_then(|word| word.parse().ok());
            let kind = match words.next() {
                Some("+") => Some(Kind::Added),
                Some("=") => Some(Kind::Renewed),
                Some("-") => Some(Kind::Removed),
                _ => None,
            };
            if let (Some(at), Some(kind)) = (at, kind) {
                sink.push(Change { at: Moment(at), kind });
            }
        }
        drop(job);
    });
    Ok(stream)
}

/// How many changes of `kind` there were from `since` on.
#[must_use]
pub fn count(changes: &Stream<Change>, since: Mark, kind: Kind) -> usize {
    changes.since(since).iter().filter(|change| change.kind == kind).count()
}

/// Waits until `wanted` changes of `kind` happened from `since` on; when the last of them did.
///
/// # Errors
/// When they do not in eight seconds.
pub fn wait(changes: &Stream<Change>, since: Mark, wanted: usize, kind: Kind) -> Result<Moment> {
    let until = Instant::now() + Duration::from_secs(8);
    loop {
        let all = changes.since(since);
        let mut fitting = all.iter().filter(|change| change.kind == kind);
        if let Some(last) = fitting.nth(wanted.saturating_sub(1)) {
            return Ok(last.at);
        }
        let found = count(changes, since, kind);
        ensure!(Instant::now() < until, "{found} of {wanted} addresses: {kind:?}");
        thread::sleep(Duration::from_millis(10));
    }
}
