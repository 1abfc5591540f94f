//! The loop: wait, hear the parent, take in how probes ended, let the roster decide, perform.

use std::future::{Future as _, poll_fn};
use std::os::fd::{AsFd, OwnedFd};
use std::pin::pin;
use std::task::{Context, Poll};

use clock::Instant;
use control::{Summary, ToParent};
use health::Input;
use kernel::eventloop::now;
use kernel::process;
use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, Ready};

use super::Shell;
use super::probes::Finished;
use super::reload::Read;
use super::report::Telling;
use crate::child::{Orphaned, Request};

/// Why the loop ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// The parent said so.
    Told,
    /// The parent is gone.
    Orphaned,
    /// The kernel refuses what a loop needs.
    Failed(std::io::Error),
}

impl From<Orphaned> for Ended {
    fn from(_: Orphaned) -> Self {
        Self::Orphaned
    }
}

impl From<std::io::Error> for Ended {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error)
    }
}

impl Shell {
    /// Serves until there is a reason to end.
    pub(super) async fn serve(&mut self) -> Ended {
        match self.turns().await {
            Ok(never) => never,
            Err(ended) => ended,
        }
    }

    async fn turns(&mut self) -> Result<Ended, Ended> {
        let channel = watch(self.startup.parent.channel())?;
        self.begin();
        // What was read is planned now.
        process::give_back_memory();
        self.startup.parent.say(&ToParent::Ready)?;
        loop {
            self.tend(now());
            self.go_on_telling(now())?;
            self.startup.parent.end_turn(now(), &mut self.startup.log, Summary::default)?;
            let Woken { finished, read, is_told } = self.wait(&channel).await?;
            let now = now();
            // What came in counts before what is late.
            for Finished { check, run, outcome } in finished {
                self.roster.handle(now, Input::Finished { check, run, outcome }, &mut self.outputs);
                self.perform(now);
            }
            self.take_addresses(now);
            if let Some(read) = read {
                self.reload(now, read)?;
                process::give_back_memory();
            }
            while is_told
                && let Some(request) = self.startup.parent.request(&mut self.startup.log)?
            {
                if self.take(now, request) {
                    return Ok(Ended::Told);
                }
            }
            self.roster.handle(now, Input::Timeout, &mut self.outputs);
            self.perform(now);
        }
    }

    /// Does what the parent asks for; says whether it asks for the end.
    fn take(&mut self, now: Instant, request: Request) -> bool {
        match request {
            Request::Stop => return true,
            Request::Report { serial, about, clear: _ } => {
                self.telling = Some(Telling::new(serial, about.as_deref()));
            }
            Request::Found(findings) => self.take_findings(now, findings),
            Request::Ran(run, ran) => self.take_run(now, run, ran),
            Request::Steer { serial, steering, at } => self.steer(now, serial, &steering, at),
            Request::Reload(memory) => self.reading.begin(memory),
        }
        false
    }

    /// Waits for whatever comes first; gives what ended meanwhile.
    async fn wait(&mut self, channel: &AsyncFd<OwnedFd>) -> Result<Woken, Ended> {
        let roster = self.roster.deadline().map(|deadline| deadline.at);
        let telling = self.telling.as_ref().map(Telling::due);
        let due = [roster, self.tending_due(), telling, Some(self.startup.parent.beat_due())];
        let due = due.into_iter().flatten().min().unwrap_or(Instant::ZERO);
        let mut sleep = pin!(tokio::time::sleep(due.since(now())));
        let (probes, reading) = (&mut self.probes, &mut self.reading);
        let addresses = self.presence.as_ref().map(|presence| &presence.news);
        poll_fn(|context| {
            let mut is_over = sleep.as_mut().poll(context).is_ready();
            // First, because a turn of a task may look at so many things only, and a thousand conversations may have ended.
            let is_told = is_readable(channel, context)?;
            is_over |= is_told;
            if let Some(addresses) = addresses {
                is_over |= is_readable(addresses, context)?;
            }
            let finished = probes.finished(context);
            let read = reading.poll(context);
            is_over |= !finished.is_empty() || read.is_some();
            if is_over { Poll::Ready(Ok(Woken { finished, read, is_told })) } else { Poll::Pending }
        })
        .await
        .map_err(Ended::Failed)
    }
}

/// Whether there is something to read, all of which is read behind this; wakes the task of `context` when more comes.
fn is_readable(descriptor: &AsyncFd<OwnedFd>, context: &mut Context<'_>) -> std::io::Result<bool> {
    let mut has_something = false;
    while let Poll::Ready(ready) = descriptor.poll_read_ready(context) {
        ready?.clear_ready_matching(Ready::ALL);
        has_something = true;
    }
    Ok(has_something)
}

/// Has the runtime tell when there is something to read.
#[expect(
    deprecated,
    reason = "what takes its place is unsafe, for types that lie of their descriptor; OwnedFd does not"
)]
pub(super) fn watch(descriptor: impl AsFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(descriptor.as_fd().try_clone_to_owned()?, Interest::READABLE)
}

/// What a wait has brought.
struct Woken {
    /// Probes that have ended.
    finished: Vec<Finished>,
    /// A configuration.
    read: Option<Result<Read, String>>,
    /// Whether the parent may have said something.
    is_told: bool,
}
