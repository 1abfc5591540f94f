//! Watched things: what instances and groups track, and the blocks that say how.

use core::net::IpAddr;
use core::time::Duration;
use std::sync::Arc;

use vrrp::{Tracking, Weight};

use super::Instance;
use crate::source::Span;

/// One watched thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tracker {
    /// `track_interface`: an interface by name.
    Interface(String),
    /// `track_script`: a script by name.
    Script(String),
    /// `track_file`: a file by the name of its block.
    File(String),
    /// `track_process`: processes by the name of their block.
    Process(String),
    /// `track_group`: what is static and names this group stands.
    Group(String),
    /// `track_bfd`: a session by name.
    Bfd(String),
}

impl Instance {
    /// What it tracks, to be changed as long as no election has it.
    pub fn tracking_mut(&mut self) -> &mut Vec<Tracking> {
        &mut Arc::make_mut(&mut self.parameters).tracking
    }
}

impl Tracker {
    /// What is watched, by its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Interface(name)
            | Self::Script(name)
            | Self::File(name)
            | Self::Process(name)
            | Self::Group(name)
            | Self::Bfd(name) => name,
        }
    }
}

/// One `track_file`: a file whose first line is a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackFile {
    /// Label of the block.
    pub name: String,
    /// Where the name is written.
    pub at: Span,
    /// `file`.
    pub path: String,
    /// `weight`, where a line of `track_file` has none.
    pub weight: Weight,
    /// `init_file`.
    pub initial: Option<Initial>,
}

/// What a tracked file is given at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Initial {
    /// The number.
    pub value: i32,
    /// Whether a file that is there already gets it too.
    pub overwrites: bool,
}

/// One `vrrp_track_process`: how many processes of a kind run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackProcess {
    /// Label of the block.
    pub name: String,
    /// Where the name is written.
    pub at: Span,
    /// `process`: the name, then parameters.
    pub words: Vec<String>,
    /// `param_match`.
    pub parameters: Parameters,
    /// `full_command`: the name is the first word of the command line, not that of the process.
    pub full_command: bool,
    /// `weight`, where a line of `track_process` has none.
    pub weight: Weight,
    /// `quorum`: as many must run.
    pub quorum: u32,
    /// `quorum_max`: more must not run.
    pub quorum_max: Option<u32>,
    /// `fork_delay`: how long a change by new processes is waited for.
    pub fork_delay: Duration,
    /// `terminate_delay`: how long a change by processes that ended is waited for.
    pub terminate_delay: Duration,
}

/// How the parameters of a process are compared with the written ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameters {
    /// Not at all.
    Any,
    /// They are the same.
    Exact,
    /// They begin with the written ones.
    Partial,
    /// They are the same, but that the last may go on behind the written one.
    Initial,
}

/// One `bfd_instance`: a session with another router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BfdInstance {
    /// Label of the block.
    pub name: String,
    /// Where the name is written.
    pub at: Span,
    /// `neighbor_ip`.
    pub neighbor: IpAddr,
    /// `source_ip`; what the kernel chooses where not set.
    pub source: Option<IpAddr>,
    /// What the session needs.
    pub parameters: bfd::Parameters,
    /// `ttl` or `hoplimit`.
    pub ttl: Option<u8>,
    /// `max_hops`: how many routers a packet may have passed; none for any number.
    pub max_hops: Option<u8>,
    /// `multihop`: port 4784 instead of 3784.
    pub multihop: bool,
    /// `weight`, where a line of `track_bfd` has none.
    pub weight: Weight,
    /// `vrrp` and `checker`.
    pub users: BfdUsers,
}

/// Who is told of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BfdUsers {
    /// Instances and groups.
    Vrrp,
    /// Checks of real servers.
    Checkers,
    /// Both.
    Both,
}
