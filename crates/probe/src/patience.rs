//! The deadline of a whole conversation, and how its failures read.

use std::future::Future;
use std::io;
use std::time::Duration;

use health::{Failure, FailureKind};
use tokio::time::{Instant, timeout_at};

/// How long a conversation may last. Each wait of it ends at the same time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    deadline: Instant,
}

impl Patience {
    pub(crate) const fn until(deadline: Instant) -> Self {
        Self { deadline }
    }

    /// How long it still may last.
    pub(crate) fn left(self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// What `future` gives, unless the deadline comes first: then `what` did not come.
    pub(crate) async fn wait<T>(
        self,
        what: &str,
        future: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        timeout_at(self.deadline, future)
            .await
            .map_err(|_| Failure { kind: FailureKind::TimedOut, why: format!("no {what} in time") })
    }

    /// As [`Self::wait`], for what may fail by itself.
    pub(crate) async fn attempt<T>(
        self,
        what: &str,
        future: impl Future<Output = io::Result<T>>,
    ) -> Result<T, Failure> {
        self.wait(what, future).await?.map_err(|error| broken(what, &error))
    }
}

/// The server answers, and wrongly.
pub(crate) fn wrong(why: impl Into<String>) -> Failure {
    Failure { kind: FailureKind::WrongAnswer, why: why.into() }
}

/// `what` did not come for an error of the kernel.
pub(crate) fn broken(what: &str, error: &io::Error) -> Failure {
    use io::ErrorKind;
    let is = |kinds: &[ErrorKind]| kinds.contains(&error.kind());
    let kind = if is(&[ErrorKind::TimedOut]) {
        FailureKind::TimedOut
    } else if is(&[ErrorKind::UnexpectedEof, ErrorKind::InvalidData]) {
        FailureKind::WrongAnswer
    } else if is(&[
        ErrorKind::AddrInUse,
        ErrorKind::AddrNotAvailable,
        ErrorKind::PermissionDenied,
        ErrorKind::InvalidInput,
        ErrorKind::OutOfMemory,
    ]) {
        FailureKind::NotMade
    } else {
        FailureKind::Unreachable
    };
    Failure { kind, why: format!("no {what}: {}", reason(error)) }
}

/// The check could not be made.
pub(crate) fn not_made(what: &str, error: &io::Error) -> Failure {
    Failure { kind: FailureKind::NotMade, why: format!("{what}: {}", reason(error)) }
}

/// A short phrase: the kind where the error has one, its text otherwise.
fn reason(error: &io::Error) -> String {
    let kind = error.kind().to_string();
    let has_text = error.kind() == io::ErrorKind::InvalidData || kind == "uncategorized error";
    if has_text { error.to_string() } else { kind }
}
