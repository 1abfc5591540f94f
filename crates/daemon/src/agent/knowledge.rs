//! What the agent knows of how everything stands: asked of the parent when it is needed, and kept for a moment.
//!
//! Routers and virtual servers are asked about apart: other processes know them. However often the master asks, these are not
//! asked more often than `control::Freshness` says.

use std::io::{ErrorKind, Read as _, Result, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use agentx::Tree;
use clock::Instant;
use config::model::Model;
use control::Freshness;
use kernel::eventloop::{EventLoop, Token, now};
use kernel::netlink::RequestSocket;
use status::{Ask, Line, LineError, Only, Report, Request};

use super::{ANSWER, ANSWER_OF_SERVERS};
use crate::compat::mib::{self, Balanced, Facts, Heard, Links, Standing};

/// What is known of `L`, and what is being asked.
#[derive(Debug)]
pub(super) struct Knowledge<L: Lore> {
    known: Option<L>,
    asking: Option<Asking<L>>,
    freshness: Freshness,
}

/// Something that is known.
pub(super) trait Lore: Sized {
    /// What is asked for.
    const ONLY: Only;
    /// What says that an answer came.
    const TOKEN: Token;
    /// What is kept of an answer before it is whole.
    type Draft: Default + std::fmt::Debug;

    /// Takes out of a report what came of it.
    fn hear(draft: &mut Self::Draft, report: &mut Report);

    /// Makes it of a whole answer.
    fn learn(draft: Self::Draft, report: Report, model: &Model) -> Self;
}

/// How virtual routers stand.
#[derive(Debug)]
pub(super) struct Routers {
    report: Report,
    links: Links,
    tree: Tree,
}

impl Lore for Routers {
    const ONLY: Only = Only::Instances;
    const TOKEN: Token = ANSWER;
    type Draft = ();

    fn hear((): &mut (), _: &mut Report) {}

    fn learn((): (), report: Report, model: &Model) -> Self {
        let links = RequestSocket::open().and_then(|mut it| it.links()).unwrap_or_default();
        let links = Links::of(&links);
        let tree = mib::tree(&Facts { report: &report, model, links: &links });
        Self { report, links, tree }
    }
}

/// How virtual servers stand, of which numbers are kept alone.
#[derive(Debug)]
pub(super) struct Servers(Standing);

impl Lore for Servers {
    const ONLY: Only = Only::Servers;
    const TOKEN: Token = ANSWER_OF_SERVERS;
    type Draft = Heard;

    fn hear(draft: &mut Heard, report: &mut Report) {
        report.virtual_servers.drain(..).for_each(|server| draft.take(server));
    }

    fn learn(draft: Heard, _: Report, model: &Model) -> Self {
        Self(Standing::of(draft, model))
    }
}

impl Knowledge<Routers> {
    /// Everything that can be asked for.
    pub(super) fn tree(&self) -> Option<&Tree> {
        self.known.as_ref().map(|it| &it.tree)
    }

    /// What that was made of.
    pub(super) fn facts<'f>(&'f self, model: &'f Model) -> Option<Facts<'f>> {
        let Routers { report, links, .. } = self.known.as_ref()?;
        Some(Facts { report, model, links })
    }
}

impl Knowledge<Servers> {
    /// Everything that can be asked for.
    pub(super) fn balanced<'f>(&'f self, model: &'f Model) -> Option<Balanced<'f>> {
        self.known.as_ref().map(|Servers(standing)| Balanced { model, standing })
    }
}

#[derive(Debug)]
struct Asking<L: Lore> {
    stream: UnixStream,
    /// A line that has not come as a whole.
    line: Vec<u8>,
    draft: L::Draft,
    report: Report,
}

/// How far an inquiry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// There is none, or it goes on.
    Waiting,
    /// There is an answer.
    Known,
    /// There is none.
    Unknown,
}

impl<L: Lore> Default for Knowledge<L> {
    fn default() -> Self {
        Self { known: None, asking: None, freshness: Freshness::default() }
    }
}

impl<L: Lore> Knowledge<L> {
    /// When patience with an inquiry ends.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.freshness.asking_since().map(|since| since + PATIENCE)
    }

    /// What was found out, and when to find out more.
    pub(super) const fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    /// Tells an answer for so long without asking again, where nothing changes.
    pub(super) fn keep_for(&mut self, moment: Duration) {
        self.freshness.keep_for(moment);
    }

    /// Something changed.
    pub(super) fn changed(&mut self, now: Instant) {
        self.freshness.changed(now);
    }

    /// What is known belongs to another configuration.
    pub(super) fn forget(&mut self, events: &EventLoop) {
        self.give_up(events);
        self.forget_known();
    }

    fn forget_known(&mut self) {
        self.known = None;
        self.freshness.forget();
    }

    /// Nothing comes of an inquiry.
    pub(super) fn give_up(&mut self, events: &EventLoop) {
        if let Some(asking) = self.asking.take() {
            let _ = events.remove(&asking.stream);
            self.freshness.failed(now());
        }
    }

    /// Begins to ask; the stream is the parent's end.
    ///
    /// **Errors**: there are no descriptors.
    pub(super) fn ask(&mut self, events: &EventLoop) -> Result<UnixStream> {
        let begun = self.begin(events);
        match &begun {
            Ok(_) => self.freshness.asks(now()),
            Err(_) => self.freshness.failed(now()),
        }
        begun
    }

    fn begin(&mut self, events: &EventLoop) -> Result<UnixStream> {
        let (mut ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        let request = Request { only: Some(L::ONLY), ..Request::new(Ask::Status) };
        ours.write_all(request.to_line().as_bytes())?;
        events.add(&ours, L::TOKEN).map_err(std::io::Error::other)?;
        let (line, draft, report) = (Vec::new(), L::Draft::default(), Report::default());
        self.asking = Some(Asking { stream: ours, line, draft, report });
        Ok(theirs)
    }

    /// A part of the answer came.
    pub(super) fn take(&mut self, model: &Model, events: &EventLoop) -> Progress {
        let Some(asking) = &mut self.asking else { return Progress::Waiting };
        let end = match asking.read() {
            Ok(None) => return Progress::Waiting,
            Ok(Some(end)) => end,
            // It ended before it was whole: too many asked, or the parent is ending.
            Err(_) => return self.fail(events),
        };
        match (end, self.asking.take()) {
            (Line::End(_), Some(Asking { draft, report, .. })) => {
                self.known = Some(L::learn(draft, report, model));
                self.freshness.learned(now());
                Progress::Known
            }
            (end, _) => {
                self.freshness.failed(now());
                if matches!(end, Line::Error(LineError::Silent(_))) {
                    // What the process said before is true no longer.
                    self.forget_known();
                }
                Progress::Unknown
            }
        }
    }

    /// Gives up what takes too long.
    pub(super) fn time_out(&mut self, now: Instant, events: &EventLoop) -> Progress {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.fail(events)
        } else {
            Progress::Waiting
        }
    }

    fn fail(&mut self, events: &EventLoop) -> Progress {
        self.give_up(events);
        // What was true a while ago is better than nothing, but not for long.
        if self.freshness.staleness(now()).is_some_and(|staleness| staleness > STALE) {
            self.forget_known();
        }
        Progress::Unknown
    }
}

impl<L: Lore> Asking<L> {
    /// Reads what is there; the last line, once it came.
    ///
    /// **Errors**: it ended before that, or is no answer.
    fn read(&mut self) -> Result<Option<Line>> {
        let mut bytes = vec![0; PART];
        for _ in 0..PARTS_A_TURN {
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => {
                    self.line.extend_from_slice(bytes.get(..length).unwrap_or_default());
                    if let Some(end) = self.take_lines()? {
                        return Ok(Some(end));
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn take_lines(&mut self) -> Result<Option<Line>> {
        let mut begin = 0;
        while let Some(rest) = self.line.get(begin..)
            && let Some(length) = rest.iter().position(|byte| *byte == b'\n')
        {
            let line = rest.get(..length).unwrap_or_default();
            begin += length + 1;
            if let Some(end) = self.report.take(serde_json::from_slice(line)?) {
                return Ok(Some(end));
            }
            L::hear(&mut self.draft, &mut self.report);
        }
        self.line.drain(..begin);
        if self.line.len() > LONGEST {
            return Err(ErrorKind::InvalidData.into());
        }
        Ok(None)
    }
}

/// How long the parent may take, which itself waits three seconds for a process that says nothing.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long it is told when there is no newer one.
const STALE: Duration = Duration::from_secs(10);
/// Bytes that are read at once, and how often in one turn.
const PART: usize = 64 * 1024;
const PARTS_A_TURN: usize = 64;
/// Bytes of one line: an instance with thousands of addresses, a virtual server with thousands of real servers.
const LONGEST: usize = 16 << 20;
