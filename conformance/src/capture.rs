//! The frames of a lab as they come in, and waiting for them.

use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::process::{Child, ChildStdout};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::lab::{Space, reap};
use crate::moment::Moment;
use crate::packet::{Advert, Frame};
use crate::stream::{Mark, Stream};

/// Everything that entered the switch of a lab.
#[derive(Debug)]
pub struct Capture {
    frames: Stream<Frame>,
    child: Child,
}

impl Capture {
    /// Starts to capture on the switch in `space`. Returns when nothing is missed any more.
    ///
    /// # Errors
    /// When the capturing process does not come up.
    pub fn start(space: &Space) -> Result<Self> {
        let mut child = space.agent(&["capture"]).spawn().context("start capture")?;
        let out = child.stdout.take().context("capture without output")?;
        let mut lines = BufReader::new(out);
        let mut first = String::new();
        lines.read_line(&mut first)?;
        ensure!(first.trim() == "ready", "capture did not come up");
        let frames = Stream::new();
        let sink = frames.clone();
        thread::spawn(move || read(lines, &sink));
        Ok(Self { frames, child })
    }

    /// The list that grows while frames come in.
    #[must_use]
    pub fn frames(&self) -> Stream<Frame> {
        self.frames.clone()
    }

    /// The present end of the capture.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.frames.mark()
    }

    /// All frames from `since` on.
    #[must_use]
    pub fn since(&self, since: Mark) -> Vec<Frame> {
        self.frames.since(since)
    }

    /// The advertisements that `node` sent from `since` on, with the time of each.
    #[must_use]
    pub fn adverts(&self, node: &str, since: Mark) -> Vec<(Moment, Advert)> {
        let frames = self.frames.since(since).into_iter();
        frames
            .filter(|f| f.node == node)
            .filter_map(|f| f.advert().cloned().map(|a| (f.at, a)))
            .collect()
    }

    /// The times at which `node` announced `address` from `since` on.
    #[must_use]
    pub fn announcements(&self, node: &str, address: IpAddr, since: Mark) -> Vec<Moment> {
        let frames = self.frames.since(since).into_iter();
        frames.filter(|f| f.node == node && f.announces() == Some(address)).map(|f| f.at).collect()
    }

    /// Waits for a frame that `wanted` accepts.
    ///
    /// # Errors
    /// Names `what` when it has not come `within` that time.
    pub fn expect(
        &self,
        what: &str,
        since: Mark,
        within: Duration,
        wanted: impl Fn(&Frame) -> bool,
    ) -> Result<Frame> {
        self.frames
            .wait(since, within, wanted)
            .with_context(|| format!("not seen within {within:?}: {what}"))
    }

    /// Waits for an advertisement of `node` that `wanted` accepts.
    ///
    /// # Errors
    /// When it has not come `within` that time.
    pub fn expect_advert(
        &self,
        node: &str,
        since: Mark,
        within: Duration,
        wanted: impl Fn(&Advert) -> bool,
    ) -> Result<(Moment, Advert)> {
        let what = format!("advertisement of {node}");
        let frame = self
            .expect(&what, since, within, |f| f.node == node && f.advert().is_some_and(&wanted))?;
        let advert = frame.advert().cloned().context("frame changed its kind")?;
        Ok((frame.at, advert))
    }

    /// Waits for an advertisement of whatever node.
    ///
    /// # Errors
    /// When none has come `within` that time.
    pub fn expect_advert_of_any(&self, since: Mark, within: Duration) -> Result<(Moment, Advert)> {
        let frame = self.expect("advertisement", since, within, |f| f.advert().is_some())?;
        let advert = frame.advert().cloned().context("frame changed its kind")?;
        Ok((frame.at, advert))
    }

    /// Watches for the whole of `span` that no frame comes that `unwanted` accepts.
    ///
    /// # Errors
    /// With the frame, when one came.
    pub fn expect_none(
        &self,
        what: &str,
        since: Mark,
        span: Duration,
        unwanted: impl Fn(&Frame) -> bool,
    ) -> Result<()> {
        match self.frames.wait(since, span, unwanted) {
            None => Ok(()),
            Some(frame) => bail!("unwanted {what}: {frame}"),
        }
    }

    /// The last frames as text, without pings, for a report of failure.
    #[must_use]
    pub fn tail(&self) -> String {
        let frames = self.frames.since(Mark::START);
        let shown: Vec<_> = frames.iter().filter(|f| !is_echo(f)).collect();
        let skipped = shown.len().saturating_sub(TAIL);
        shown.iter().skip(skipped).map(|f| format!("  {f}\n")).collect()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        reap(&mut self.child);
    }
}

const fn is_echo(frame: &Frame) -> bool {
    matches!(frame.content, crate::packet::Content::EchoReply { .. })
}

fn read(lines: BufReader<ChildStdout>, sink: &Stream<Frame>) {
    for line in lines.lines() {
        let Ok(line) = line else { return };
        let mut words = line.split(' ');
        let (Some(stamp), Some(node), Some(hex)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let Ok(stamp) = stamp.parse() else { continue };
        sink.push(Frame::parse(Moment(stamp), node, &bytes(hex)));
    }
}

/// Bytes of a string of hexadecimal digits; what is no digit ends them.
#[must_use]
pub fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().map_while(|c| c.to_digit(16)).filter_map(|d| u8::try_from(d).ok()).collect();
    digits.chunks_exact(2).filter_map(|pair| Some(pair.first()? << 4 | pair.get(1)?)).collect()
}

/// Frames shown of a failed scenario.
const TAIL: usize = 60;
