//! The process inside of a set of namespaces that runs command lines there.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::lab::reap;

/// What a command has written: its output, or all of it where it failed.
pub(crate) type Outcome = Result<String, String>;

/// A job `obey` of the `lab` program. It ends with its handle.
#[derive(Debug)]
pub(crate) struct Hand {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Hand {
    /// Starts it by `command`.
    ///
    /// # Errors
    /// When that is refused.
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("start obey")?;
        let orders = child.stdin.take().context("obey without input")?;
        let answers = BufReader::new(child.stdout.take().context("obey without output")?);
        Ok(Self { child, orders, answers })
    }

    /// Runs a command line (words parted by spaces), at most ten seconds.
    ///
    /// # Errors
    /// When nobody answers any more.
    pub(crate) fn run(&mut self, line: &str) -> Result<Outcome> {
        let words: Vec<&str> = line.split(' ').collect();
        writeln!(self.orders, "{}", Value::from(words))?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        let answer: Value = serde_json::from_str(&answer)?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
        let is_good = answer.get("good").and_then(Value::as_bool) == Some(true);
        let (output, errors) = (text("out").to_owned(), text("err"));
        Ok(if is_good { Ok(output) } else { Err(output + errors) })
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        reap(&mut self.child);
    }
}
