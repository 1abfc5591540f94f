//! The rehearsal: a process that executes the other program, and does all that could go wrong when it takes over.
//!
//! It reads the command line, what is left, and the configuration in force, from the same bytes that it gets later; it
//! changes nothing, says how it went, and ends. Only a program that answers here is executed in place of this one.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::ExitCode;
use std::time::Duration;

use clock::Instant;
use kernel::eventloop::{EventLoop, Token, now};
use kernel::process::{Child, MemoryFile};
use kernel::socket::Channel;
use serde::{Deserialize, Serialize};

use super::super::VERSION;
use super::super::spawning::Start;
use super::Succession;
use crate::compat::exit;
use crate::{cli, terminal};

/// The argument that makes a process a rehearsal.
const ARGUMENT: &str = "--role=rehearsal";

/// Whether a running daemon started this process to see whether it could take over.
pub(crate) fn is_wanted(arguments: &[OsString]) -> bool {
    arguments.get(1).is_some_and(|argument| argument == OsStr::new(ARGUMENT))
}

/// What the other program says: as JSON, since it may be of any version.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Verdict {
    /// Its version.
    pub(super) version: String,
    /// Why it cannot take over; empty where it can.
    pub(super) why: Vec<String>,
    /// Whether that is about the configuration.
    pub(super) is_configuration: bool,
}

/// Rehearses: what is left is in descriptor 4, and how it went is said over descriptor 3.
pub(crate) fn run(arguments: Vec<OsString>) -> ExitCode {
    let Some((channel, memory)) = kernel::inherited_pair() else {
        terminal::eprint(&format!("{ARGUMENT} is for processes that steadfast starts itself\n"));
        return ExitCode::from(exit::FATAL);
    };
    let bytes = MemoryFile::read(memory.as_fd()).map_err(|error| error.to_string());
    let verdict = rehearse(arguments, bytes);
    let bytes = serde_json::to_vec(&verdict).unwrap_or_default();
    // Who does not read knows better already.
    let _ = Channel::from_descriptor(channel).send(&bytes, None);
    ExitCode::SUCCESS
}

fn rehearse(mut arguments: Vec<OsString>, left: Result<Vec<u8>, String>) -> Verdict {
    let refuse = |why: String| Verdict {
        version: VERSION.to_owned(),
        why: vec![why],
        is_configuration: false,
    };
    arguments.remove(1);
    let options = match cli::options(arguments) {
        Ok(options) => options,
        Err(why) => return refuse(format!("the command line is refused: {why}")),
    };
    let succession = match left.and_then(|bytes| Succession::parse(&bytes)) {
        Ok(succession) => succession,
        Err(why) => return refuse(format!("what is left cannot be read: {why}")),
    };
    match succession.configuration(&options) {
        Ok(_) => Verdict { version: VERSION.to_owned(), ..Verdict::default() },
        Err(mut why) => {
            why.truncate(LINES);
            why.iter_mut().for_each(|line| *line = line.chars().take(WIDTH).collect());
            Verdict { version: VERSION.to_owned(), why, is_configuration: true }
        }
    }
}

/// A rehearsal under way.
#[derive(Debug)]
pub(in super::super) struct Rehearsal {
    child: Child,
    channel: Channel,
    pub(super) until: Instant,
}

impl Rehearsal {
    /// Starts one: `program` is open, `bytes` is what would be left.
    ///
    /// **Errors**: it cannot be executed, in words.
    pub(super) fn begin(
        program: &OwnedFd,
        invoked_name: &str,
        bytes: &[u8],
        events: &EventLoop,
    ) -> Result<Self, String> {
        let begin = || -> anyhow::Result<Self> {
            let memory = MemoryFile::seal("rehearsal", bytes)?;
            let mut arguments = vec![ARGUMENT.into()];
            arguments.extend(std::env::args_os().skip(1));
            let (child, channel) = Start {
                program: super::path_of(program),
                invoked_name,
                arguments,
                memory: &memory,
                namespace: None,
                process: PROCESS,
                channel: CHANNEL,
            }
            .begin(events)?;
            Ok(Self { child, channel, until: now() + LONGEST })
        };
        begin().map_err(|error| format!("{error:#}"))
    }

    /// Hears how it went, once that is known.
    pub(super) fn verdict(&mut self, events: &EventLoop) -> Option<Result<Verdict, String>> {
        match self.channel.receive() {
            Ok(Some(message)) => {
                let verdict = serde_json::from_slice(&message.bytes);
                return Some(
                    verdict.map_err(|error| format!("its answer makes no sense: {error}")),
                );
            }
            Ok(None) if now() >= self.until => {
                return Some(Err(format!("it does not answer within {} s", LONGEST.as_secs())));
            }
            Ok(None) => return None,
            // Its end is closed, which is to be heard once only: how it ends says more.
            Err(_) => drop(events.remove(&self.channel)),
        }
        match self.child.ended() {
            Ok(None) if now() < self.until => None,
            Ok(None) => Some(Err("it does not answer".to_owned())),
            Ok(Some(ended)) => Some(Err(format!(
                "it is no steadfast that can take over: it {ended} without an answer"
            ))),
            Err(error) => Some(Err(error.to_string())),
        }
    }

    /// Ends it, whatever it does.
    pub(super) fn end(self, events: &EventLoop) {
        let _ = events.remove(&self.child);
        let _ = events.remove(&self.channel);
        self.child.put_down();
    }

    /// Whether a token is about one.
    pub(in super::super) fn owns(token: Token) -> bool {
        token == CHANNEL || token == PROCESS
    }
}

const CHANNEL: Token = Token(40);
const PROCESS: Token = Token(41);
/// How long the other program may take to read thousands of instances on a busy machine.
const LONGEST: Duration = Duration::from_secs(10);
/// Lines about a configuration that are passed on, and characters of each: altogether less than a message may have.
const LINES: usize = 20;
const WIDTH: usize = 400;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic fails the test, as it should")]
mod tests {
    use config::source::{IncludeAnswer, IncludedFile, SourceSet};

    use super::super::document::{Document, FORMAT};
    use super::*;

    /// How a rehearsal goes of a program that is called with `words` and gets this configuration.
    fn verdict(words: &[&str], configuration: &str) -> Verdict {
        let content = configuration.as_bytes().to_vec();
        let mut answer = |_: &config::source::IncludeRequest<'_>| IncludeAnswer {
            files: vec![IncludedFile { name: "a.conf".to_owned(), content: Ok(content.clone()) }],
        };
        let sources = SourceSet::load("a.conf", &mut answer).to_bytes();
        let document = Document { format: FORMAT, ..Document::default() };
        let left = document.emit(&sources);
        let words = ["steadfast", ARGUMENT].iter().chain(words).map(Into::into).collect();
        rehearse(words, left)
    }

    const FINE: &str = "vrrp_instance V {\n interface lo\n virtual_router_id 1\n}\n";

    #[test]
    fn who_takes_flags_and_configuration_can_take_over() {
        for words in [&["-n", "-D"][..], &["run", "--dont-fork"], &[]] {
            let can = Verdict { version: VERSION.to_owned(), ..Verdict::default() };
            assert_eq!(verdict(words, FINE), can);
        }
    }

    #[test]
    fn a_configuration_that_is_not_taken_is_refused_line_by_line() {
        let verdict = verdict(&["-n"], "vrrp_instance V {\n");
        assert!(verdict.is_configuration);
        assert!(verdict.why.iter().any(|line| line.contains("a.conf:1")), "{:?}", verdict.why);
    }

    #[test]
    fn flags_that_are_not_known_and_bytes_that_cannot_be_read_are_refused() {
        let refused = verdict(&["--moon"], FINE);
        assert!(!refused.is_configuration);
        assert!(refused.why[0].contains("command line is refused"), "{:?}", refused.why);
        let words = ["steadfast", ARGUMENT].map(Into::into).to_vec();
        let refused = rehearse(words, Ok(b"nonsense".to_vec()));
        assert_eq!(refused.why, ["what is left cannot be read: it ends early"]);
    }

    #[test]
    fn an_answer_of_any_version_is_understood() {
        let later = br#"{"version":"9.1","why":[],"mood":"good"}"#;
        let verdict: Verdict = serde_json::from_slice(later).unwrap();
        assert_eq!(verdict, Verdict { version: "9.1".to_owned(), ..Verdict::default() });
    }
}
