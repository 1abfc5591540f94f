//! What the roster asks of the shell, in the order in which it shall be done.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{CheckId, DestinationId, Failure, ServiceId, Verdict};

/// One thing to do or to report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// Probe a server. Each is answered by one [`crate::Input::Finished`], unless [`Output::Cancel`] comes first.
    Probe {
        /// For which check.
        check: CheckId,
        /// What the answer carries.
        run: u32,
        /// Which step of the check, from 0.
        step: u16,
    },
    /// Nobody waits for this probe any longer.
    Cancel {
        /// For which check it was.
        check: CheckId,
        /// Which.
        run: u32,
    },
    /// The pool of a virtual server changes.
    Change {
        /// Whose pool.
        service: ServiceId,
        /// How.
        change: Change,
    },
    /// Something to log.
    Noticed {
        /// Where.
        service: ServiceId,
        /// What.
        notice: Notice,
    },
    /// Whoever wants to be told is told.
    Notify {
        /// Where.
        service: ServiceId,
        /// About what.
        subject: Subject,
        /// What it is now.
        to: Verdict,
        /// Who that is.
        audience: Audience,
        /// How many of its real servers are up then.
        standing: Standing,
        /// Whether this comes of the end of the process.
        is_final: bool,
    },
    /// Somebody gets a mail.
    Alert {
        /// Where.
        service: ServiceId,
        /// About what.
        subject: Subject,
        /// What it is now, or what the check says now.
        to: Verdict,
        /// The check that led to it.
        check: Option<CheckId>,
    },
}

/// Who is told of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Audience {
    /// Scripts, the FIFO, and who watches.
    All,
    /// Scripts and the FIFO: who watches is told at another time.
    Actors,
    /// Who watches: nothing is done because of it.
    Watchers,
}

/// Real servers of a virtual server, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Those that are up.
    pub up: u32,
    /// All of them.
    pub total: u32,
}

/// A change of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A destination comes.
    Add {
        /// Which.
        destination: DestinationId,
        /// With which weight.
        weight: u32,
    },
    /// A destination goes.
    Remove {
        /// Which.
        destination: DestinationId,
    },
    /// A destination gets another weight.
    SetWeight {
        /// Which.
        destination: DestinationId,
        /// Its weight now.
        weight: u32,
    },
}

/// Whom a notification is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Subject {
    /// The virtual server.
    VirtualServer,
    /// One of its real servers.
    RealServer(DestinationId),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// A check that was down, or had not run, passed.
    CheckPassed {
        /// Of which server.
        destination: DestinationId,
        /// Which.
        check: CheckId,
    },
    /// A probe failed.
    CheckFailed {
        /// Of which server.
        destination: DestinationId,
        /// Which.
        check: CheckId,
        /// Why.
        failure: Failure,
        /// What follows.
        tolerance: Tolerance,
    },
    /// A real server came up or went down.
    ServerMoved {
        /// Which.
        destination: DestinationId,
        /// What it is now.
        to: Verdict,
        /// Why.
        cause: Cause,
    },
    /// A real server has another weight.
    WeightChanged {
        /// Which.
        destination: DestinationId,
        /// Before.
        from: u32,
        /// Now.
        to: u32,
        /// Whether it is up.
        verdict: Verdict,
    },
    /// The quorum was gained or lost.
    QuorumMoved {
        /// What the virtual server is now.
        to: Verdict,
        /// The weight that decided.
        threshold: u64,
        /// The weight that is up.
        weight: u64,
        /// Whether this is where the virtual server starts.
        at_start: bool,
    },
    /// The sorry server came into use or out of it.
    SorryServer {
        /// Which.
        destination: DestinationId,
        /// Whether it is used now.
        is_used: bool,
    },
    /// Real servers that are up leave the pool to the sorry server, or come back for it.
    ServersMoved {
        /// Whether they came.
        came: bool,
    },
    /// The address of the service came or went: its checks go on or pause.
    Suspended {
        /// Whether they pause.
        is_suspended: bool,
    },
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tolerance {
    /// It is tolerated.
    Tolerated {
        /// How many more would be.
        left: u32,
    },
    /// The verdict is Down now.
    Down {
        /// Failures that were tolerated before.
        retries: u32,
    },
    /// The verdict was Down already.
    StillDown,
}

/// Why a real server came up or went down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// The verdict of this check.
    Check(CheckId),
    /// A reload: its checks are others, or an order has ended.
    Reload,
    /// An operator's order, or its end.
    Order,
    /// It is no longer configured.
    Removed,
    /// The process ends.
    Shutdown,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Check(check) => write!(f, "check {}", check.0),
            Self::Reload => f.write_str("a reload"),
            Self::Order => f.write_str("an order"),
            Self::Removed => f.write_str("no longer configured"),
            Self::Shutdown => f.write_str("shutdown"),
        }
    }
}

/// Outputs in their order. The shell keeps one and drains it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outputs(Vec<Output>);

impl Outputs {
    /// No outputs.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Appends `output`.
    pub fn push(&mut self, output: Output) {
        self.0.push(output);
    }

    /// Removes and returns all outputs in order, keeping the memory.
    pub fn drain(&mut self) -> std::vec::Drain<'_, Output> {
        self.0.drain(..)
    }

    /// Puts behind all others, in their order, what `is_later`.
    pub fn put_last(&mut self, is_later: impl Fn(&Output) -> bool) {
        self.0.sort_by_key(is_later);
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Outputs {
    type Item = Output;
    type IntoIter = std::vec::IntoIter<Output>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The outputs of one virtual server.
pub(crate) struct Teller<'a> {
    pub(crate) service: ServiceId,
    pub(crate) outputs: &'a mut Outputs,
}

impl Teller<'_> {
    pub(crate) fn notice(&mut self, notice: Notice) {
        self.outputs.push(Output::Noticed { service: self.service, notice });
    }

    pub(crate) fn notify(&mut self, subject: Subject, to: Verdict, standing: Standing) {
        let (service, audience, is_final) = (self.service, Audience::All, false);
        self.outputs.push(Output::Notify { service, subject, to, audience, standing, is_final });
    }

    /// The same at the end of the process, or of the virtual server.
    pub(crate) fn notify_end(
        &mut self,
        subject: Subject,
        audience: Audience,
        standing: Standing,
        is_final: bool,
    ) {
        let (service, to) = (self.service, Verdict::Down);
        self.outputs.push(Output::Notify { service, subject, to, audience, standing, is_final });
    }

    pub(crate) fn alert(&mut self, subject: Subject, to: Verdict, check: Option<CheckId>) {
        self.outputs.push(Output::Alert { service: self.service, subject, to, check });
    }

    pub(crate) fn cancel(&mut self, check: CheckId, run: Option<u32>) {
        self.outputs.0.extend(run.map(|run| Output::Cancel { check, run }));
    }

    /// Leads a destination from what the pool has of it to what it shall have.
    pub(crate) fn place(
        &mut self,
        destination: DestinationId,
        installed: &mut Option<u32>,
        wanted: Option<u32>,
    ) {
        let change = match (*installed, wanted) {
            (None, None) => return,
            (Some(from), Some(to)) if from == to => return,
            (None, Some(weight)) => Change::Add { destination, weight },
            (Some(_), Some(weight)) => Change::SetWeight { destination, weight },
            (Some(_), None) => Change::Remove { destination },
        };
        *installed = wanted;
        self.outputs.push(Output::Change { service: self.service, change });
    }
}
