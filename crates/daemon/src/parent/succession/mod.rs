//! `upgrade`: another program takes this process over, with its number, its programs and what it knows.
//!
//! It rehearses first ([`rehearsal`]): what cannot take over is refused, and nothing has happened. Then the children are
//! ended, all that they said is heard, what is known is left in a memory file ([`document`]), and the other program is
//! executed in place of this one ([`departure`]). It runs the configuration in force, not the file, and its children go on
//! where the former ones ended, as after any death of a child: nobody resigns, and no address is touched.

mod arrival;
mod departure;
mod document;
pub(crate) mod rehearsal;

use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::path::PathBuf;

use config::source::SourceSet;
use kernel::namespace::Namespace;
use kernel::process::MemoryFile;

pub(super) use self::departure::{Departure, Luggage};
use self::document::Document;
pub(super) use self::document::{
    LeftChild, LeftLetter, LeftPipe, LeftProgram, LeftScript, Waiting,
};
pub(super) use self::rehearsal::Rehearsal;
use super::loaded::{self, Loaded};
use crate::cli::Options;

/// How this program came to run in this process.
#[derive(Debug)]
pub(super) enum Origin {
    /// It was started.
    Started,
    /// It takes a daemon over.
    Succeeds(Box<Succession>),
    /// It takes a daemon over of which nothing is known; why, in words.
    Blind(String),
}

/// What the program before has left.
#[derive(Debug)]
pub(super) struct Succession {
    document: Document,
    sources: Vec<u8>,
}

impl Origin {
    /// Looks for what a program before has left to this one.
    pub(super) fn find() -> Self {
        let Ok(text) = std::env::var(VARIABLE) else { return Self::Started };
        let (pid, descriptor) = text.split_once(':').unwrap_or_default();
        // Whoever else inherits the variable is another process.
        if pid.parse() != Ok(std::process::id()) {
            return Self::Started;
        }
        let memory = descriptor.parse().ok().and_then(kernel::inherited);
        let bytes = memory
            .ok_or_else(|| "there is no memory file".to_owned())
            .and_then(|memory| MemoryFile::read(memory.as_fd()).map_err(|error| error.to_string()));
        match bytes.and_then(|bytes| Succession::parse(&bytes)) {
            Ok(succession) => Self::Succeeds(Box::new(succession)),
            Err(why) => Self::Blind(why),
        }
    }

    /// Whether the process is that of a daemon already.
    pub(super) const fn is_daemon(&self) -> bool {
        matches!(self, Self::Succeeds(_) | Self::Blind(_))
    }

    /// The network namespace of the checker process, where it is another one than that of this process.
    pub(super) fn checker_place(&self) -> Option<Namespace> {
        let Self::Succeeds(succession) = self else { return None };
        let descriptor = succession.document.checker_place.and_then(kernel::inherited);
        descriptor.map(Namespace::from_descriptor)
    }

    /// The configuration that this program runs: that in force, where one is.
    pub(super) fn configuration(&self, options: &Options) -> Option<Loaded> {
        match self {
            Self::Started | Self::Blind(_) => None,
            Self::Succeeds(succession) => succession.configuration(options).ok(),
        }
    }
}

impl Succession {
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let (document, sources) = Document::parse(bytes)?;
        Ok(Self { document, sources })
    }

    /// The configuration in force, as this program understands it.
    ///
    /// **Errors**: it does not take it; why, in lines.
    fn configuration(&self, options: &Options) -> Result<Loaded, Vec<String>> {
        let unreadable =
            |error| vec![format!("the configuration in force cannot be read: {error}")];
        let sources = SourceSet::from_bytes(&self.sources).map_err(unreadable)?;
        let mut start = loaded::start_options(options);
        start.seed = self.document.seed;
        start.name_files.clone_from(&self.document.name_files);
        let path = self.document.configuration.clone();
        Loaded::again(path, sources, start).map_err(|refusal| refusal.lines)
    }
}

/// A name by which this process, and one that it starts, can execute an open file.
fn path_of(program: &OwnedFd) -> PathBuf {
    format!("/proc/self/fd/{}", program.as_raw_fd()).into()
}

/// Tells the next program what is left to it: the number of the process, and that of the descriptor.
pub(super) const VARIABLE: &str = "STEADFAST_SUCCESSION";
