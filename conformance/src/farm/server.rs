//! A real server of a farm, as it is told what to answer.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use anyhow::{Context, Result, bail};

use crate::lab::{Space, reap};

/// A real server. It ends with this value.
#[derive(Debug)]
pub struct RealServer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl RealServer {
    /// Starts one in `space`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(space: &Space) -> Result<Self> {
        let mut child =
            space.agent(&["server"]).stdin(Stdio::piped()).spawn().context("start real server")?;
        let input = child.stdin.take().context("real server without input")?;
        let output = BufReader::new(child.stdout.take().context("real server without output")?);
        Ok(Self { child, input, output })
    }

    /// Has it do something, in the words of [`crate::agent::server`]; what it said. It is done on return.
    ///
    /// # Errors
    /// When it cannot do that.
    pub fn order(&mut self, order: &str) -> Result<String> {
        writeln!(self.input, "{order}").context("order something of a real server")?;
        let mut answer = String::new();
        self.output.read_line(&mut answer)?;
        match answer.trim_end().strip_prefix("error: ") {
            Some(reason) => bail!("{order}: {reason}"),
            None => Ok(answer.trim_end().to_owned()),
        }
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        reap(&mut self.child);
    }
}
