//! Runs command lines inside, one after the other: for each a line of JSON comes in and one goes out.
//!
//! To start three programs for each look at a node costs an emulated machine more than everything that is looked at. What is
//! looked at again and again until it changes needs no program at all.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, Write};
use std::net::IpAddr;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::ifaddrs::getifaddrs;
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
        let answer = answer(&words).unwrap_or_else(
            |error| json!({ "good": false, "out": "", "err": format!("{error:#}") }),
        );
        writeln!(out, "{}", Value::to_string(&answer))?;
        out.flush()?;
    }
    Ok(())
}

fn answer(words: &[String]) -> Result<Value> {
    let good = |text: String| Ok(json!({ "good": true, "out": text, "err": "" }));
    match words {
        [word, link] if word == ADDRESSES => good(addresses(link)?),
        [word, path] if word == READ => good(fs::read_to_string(path)?),
        words => {
            let output = ended(words)?;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Ok(json!({
                "good": output.status.success(),
                "out": text(&output.stdout),
                "err": text(&output.stderr),
            }))
        }
    }
}

/// The addresses of a link, one in a line; none where there is no such link.
fn addresses(link: &str) -> Result<String> {
    let mut text = String::new();
    // An address with a label has that for the name of its link: `eth0:1`.
    let is_of_it = |name: &str| name.split(':').next() == Some(link);
    for it in getifaddrs()?.filter(|it| is_of_it(&it.interface_name)) {
        let Some(address) = it.address else { continue };
        let address = match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
            (Some(v4), _) => IpAddr::V4(v4.ip()),
            (_, Some(v6)) => IpAddr::V6(v6.ip()),
            (None, None) => continue,
        };
        writeln!(text, "{address}")?;
    }
    Ok(text)
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

/// Asks for the addresses of a link, instead of a program.
pub(crate) const ADDRESSES: &str = "@addresses";
/// Asks for the content of a file.
pub(crate) const READ: &str = "@read";
const LIMIT: Duration = Duration::from_secs(10);
