//! What the parent and the process that speaks SNMP say to each other.

use serde::{Deserialize, Serialize};

use crate::{Change, Moved, Severity};

/// What the parent says to the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToAgent {
    /// The configuration in the memory file that comes along is in force.
    Configuration,
    /// An instance or a group changed.
    Changed(Change),
    /// A virtual server or real server came up or went down.
    Moved(Moved),
    /// End, when all that was said before is notified.
    End,
}

/// What the agent says to the parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromAgent {
    /// It lives.
    Beat,
    /// A line for the log.
    Log {
        /// How much it matters.
        severity: Severity,
        /// The text.
        text: String,
    },
    /// It wants to know how everything stands: the stream that comes along is to be answered as one of the control
    /// socket.
    Ask,
}
