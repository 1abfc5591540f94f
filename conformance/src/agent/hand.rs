//! Runs command lines inside, one after the other: for each a line of JSON comes in and one goes out.
//!
//! To start three programs for each look at a node costs an emulated machine more than everything that is looked at.

use std::io::{self, BufRead, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// Obeys until standard input ends.
///
/// # Errors
/// When standard input or output fails, or a line is no list of words.
pub fn run() -> Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let words: Vec<String> = serde_json::from_str(&line?).context("read command")?;
        let answer = match ended(&words) {
            Ok(output) => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                json!({
                    "good": output.status.success(),
                    "out": text(&output.stdout),
                    "err": text(&output.stderr),
                })
            }
            Err(error) => json!({ "good": false, "out": "", "err": format!("{error:#}") }),
        };
        writeln!(out, "{}", Value::to_string(&answer))?;
        out.flush()?;
    }
    Ok(())
}

/// What a command has written until its end.
fn ended(words: &[String]) -> Result<Output> {
    let (program, arguments) = words.split_first().context("no words")?;
    let mut command = Command::new(program);
    command.args(arguments).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().with_context(|| format!("start {program}"))?;
    let pid = Pid::from_raw(i32::try_from(child.id())?);
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(child.wait_with_output()));
    let Ok(output) = told.recv_timeout(LIMIT) else {
        let _ = killpg(pid, Signal::SIGKILL);
        bail!("ended after {} s", LIMIT.as_secs());
    };
    Ok(output?)
}

const LIMIT: Duration = Duration::from_secs(10);
