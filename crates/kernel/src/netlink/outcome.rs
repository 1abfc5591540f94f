//! Which refusals mean that the kernel already is as wanted.

use rustix::io::Errno;

use super::NetlinkError;

/// What a request was to achieve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Something shall be there.
    Present,
    /// Something shall be gone.
    Absent,
    /// An answer is wanted.
    Answer,
}

impl Goal {
    /// Whether `errno` says that the goal is reached all the same.
    pub(crate) fn is_reached_despite(self, errno: Errno) -> bool {
        match self {
            Self::Present => errno == Errno::EXIST,
            Self::Absent => {
                [Errno::NODEV, Errno::SRCH, Errno::ADDRNOTAVAIL, Errno::NOENT].contains(&errno)
            }
            Self::Answer => false,
        }
    }

    /// An outcome, where a refusal that says that the goal is reached is none.
    pub(crate) fn converge(self, outcome: Result<(), NetlinkError>) -> Result<(), NetlinkError> {
        match outcome {
            Err(NetlinkError::Refused { errno, .. }) if self.is_reached_despite(errno) => Ok(()),
            other => other,
        }
    }
}
