//! A client that pings a virtual address without pause, and what it noticed.

use std::net::IpAddr;
use std::process::Child;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::capture::Capture;
use crate::lab::{Space, reap};
use crate::moment::Moment;
use crate::packet::Content;
use crate::stream::Mark;

/// A running ping. It ends with this value.
#[derive(Debug)]
pub struct Pinger {
    address: IpAddr,
    identifier: u16,
    child: Child,
}

impl Pinger {
    pub(crate) fn start(
        client: &Space,
        job: &str,
        address: IpAddr,
        every: Duration,
    ) -> Result<Self> {
        static NEXT: AtomicU16 = AtomicU16::new(1);
        let identifier = NEXT.fetch_add(1, Ordering::Relaxed);
        let micros = every.as_micros().to_string();
        let arguments = [job, &address.to_string(), &micros, &identifier.to_string()];
        let child = client.agent(&arguments).spawn().context("start ping")?;
        Ok(Self { address, identifier, child })
    }

    /// The answers from `since` on: when, and from which node.
    #[must_use]
    pub fn answers(&self, capture: &Capture, since: Mark) -> Vec<(Moment, String)> {
        let frames = capture.since(since).into_iter();
        frames.filter(|f| self.is_answer(&f.content)).map(|f| (f.at, f.node)).collect()
    }

    /// Waits for an answer of `node`.
    ///
    /// # Errors
    /// When none came `within` that time.
    pub fn expect_answer(
        &self,
        capture: &Capture,
        node: &str,
        since: Mark,
        within: Duration,
    ) -> Result<Moment> {
        let what = format!("answer of {node} for {}", self.address);
        let frame = capture
            .expect(&what, since, within, |f| f.node == node && self.is_answer(&f.content))?;
        Ok(frame.at)
    }

    /// The longest time between two answers from `since` on.
    #[must_use]
    pub fn longest_gap(&self, capture: &Capture, since: Mark) -> Duration {
        let answers = self.answers(capture, since);
        let pairs = answers.iter().zip(answers.iter().skip(1));
        pairs.map(|((a, _), (b, _))| b.since(*a)).max().unwrap_or_default()
    }

    fn is_answer(&self, content: &Content) -> bool {
        matches!(content, Content::EchoReply { source, identifier, .. }
            if *source == self.address && *identifier == self.identifier)
    }
}

impl Drop for Pinger {
    fn drop(&mut self) {
        reap(&mut self.child);
    }
}
