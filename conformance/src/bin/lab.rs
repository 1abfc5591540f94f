//! A lab by hand, and the jobs that the harness runs inside its namespaces.
//!
//! `lab run NODE=SUBJECT:FILE ...` builds a lab, starts a daemon on each node and prints what happens as it happens;
//! commands on standard input take links down, stop and kill. The other sub-commands are the harness's own.

use std::io::{self, BufRead, Write};
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;
use std::{fs, thread};

use anyhow::{Context, Result, bail};
use conformance::agent;
use conformance::capture::bytes;
use conformance::lab::Lab;
use conformance::stream::Mark;
use conformance::subject::Subject;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(io::stderr(), "lab: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if !matches!(words.first(), Some(&("hold" | "hold-node" | "run"))) {
        // Whoever gives a job up ends the `nsenter` that carried it inside: two clients in step with each other, one of them
        // forgotten, see one server each of a service that takes turns.
        set_pdeathsig(Signal::SIGKILL).context("die with the parent")?;
    }
    match words.as_slice() {
        ["hold", ..] => agent::hold::lab(arguments.get(1..).unwrap_or_default()),
        ["hold-node"] => agent::hold::node(),
        ["obey"] => agent::hand::run(),
        ["capture"] => agent::capture::run(),
        ["server"] => agent::server::run(),
        ["pages", address, count, micros, millis] => {
            let every = Duration::from_micros(micros.parse()?);
            let patience = Duration::from_millis(millis.parse()?);
            let ask = |address| agent::fetch::page(address, patience);
            agent::fetch::run(ask, address.parse()?, count.parse()?, every)
        }
        ["datagrams", address, count, micros, _] => {
            let every = Duration::from_micros(micros.parse()?);
            agent::fetch::run(agent::fetch::datagram, address.parse()?, count.parse()?, every)
        }
        ["post", address, path] => agent::post::run(address.parse()?, path),
        [job @ ("ping" | "ask"), address, micros, identifier] => agent::ping::run(
            address.parse()?,
            Duration::from_micros(micros.parse()?),
            identifier.parse()?,
            *job == "ask",
        ),
        ["send", destination, ttl, message, count, micros] => {
            let destination: IpAddr = destination.parse()?;
            let every = Duration::from_micros(micros.parse()?);
            agent::send::run(destination, ttl.parse()?, &bytes(message), count.parse()?, every)
        }
        ["run", nodes @ ..] if !nodes.is_empty() => by_hand(nodes),
        _ => bail!("usage: lab run a=keepalived:FILE b=ours:FILE ... (then: help)"),
    }
}

/// Builds a lab for these `NAME=SUBJECT:FILE` words and obeys standard input.
fn by_hand(words: &[&str]) -> Result<()> {
    let mut cast = Vec::new();
    for word in words {
        let (name, rest) = word.split_once('=').context("expected NAME=SUBJECT:FILE")?;
        let (subject, file) = rest.split_once(':').context("expected NAME=SUBJECT:FILE")?;
        let subject = match subject {
            "keepalived" => Subject::Keepalived,
            "ours" => Subject::Ours,
            other => bail!("no subject {other}: keepalived or ours"),
        };
        let text = fs::read_to_string(file).with_context(|| format!("read {file}"))?;
        cast.push((name, subject, text));
    }
    let names: Vec<&str> = cast.iter().map(|(name, ..)| *name).collect();
    let mut lab = Lab::build(&names)?;
    for (name, subject, text) in &cast {
        lab.node(name)?.start(*subject, text)?;
        follow(&lab, name)?;
    }
    say("type help for the commands; the end of input ends the lab");
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Err(error) = obey(&mut lab, &cast, &words) {
            say(&format!("{error:#}"));
        }
    }
    Ok(())
}

fn obey(lab: &mut Lab, cast: &[(&str, Subject, String)], words: &[&str]) -> Result<()> {
    match words {
        [] => {}
        ["help"] => say(HELP),
        ["start", name] => {
            let (_, subject, text) = cast.iter().find(|c| c.0 == *name).context("no such node")?;
            lab.node(name)?.start(*subject, text)?;
        }
        ["stop", name] => say(&lab.node(name)?.stop()?.to_string()),
        ["crash", name] => {
            lab.node(name)?.crash()?;
        }
        ["freeze", name] => lab.node(name)?.freeze(true)?,
        ["thaw", name] => lab.node(name)?.freeze(false)?,
        ["reload", name] => lab.node(name)?.signal(nix::sys::signal::Signal::SIGHUP)?,
        ["reload", name, file] => {
            let text = fs::read_to_string(file).with_context(|| format!("read {file}"))?;
            lab.node(name)?.reload(&text)?;
        }
        ["link", name, state] => lab.node(name)?.set_link(*state == "up")?,
        ["port", name, state] => lab.set_port(name, *state == "up")?,
        ["cut", name] => lab.set_partition(name, true)?,
        ["heal", name] => lab.set_partition(name, false)?,
        ["in", name, rest @ ..] => say(&lab.node(name)?.space().run(&rest.join(" "))?),
        ["client", rest @ ..] => say(&lab.client().run(&rest.join(" "))?),
        ["wait", seconds] => thread::sleep(Duration::from_secs_f64(seconds.parse()?)),
        _ => say("unknown command; help lists them"),
    }
    Ok(())
}

/// Prints the frames and log lines of the lab from another thread.
fn follow(lab: &Lab, name: &str) -> Result<()> {
    let (frames, log, node) = lab.streams(name)?;
    let owner = node.clone();
    thread::spawn(move || {
        let mut mark = Mark::START;
        while let Some(frame) = frames.next(&mut mark) {
            if frame.node == owner {
                say(&frame.to_string());
            }
        }
    });
    thread::spawn(move || {
        let mut mark = Mark::START;
        while let Some(line) = log.next(&mut mark) {
            say(&format!("{} {node:<6} | {}", line.at, line.text));
        }
    });
    Ok(())
}

fn say(text: &str) {
    drop(writeln!(io::stdout(), "{text}"));
}

const HELP: &str = "\
start|stop|crash|freeze|thaw|reload NODE    the daemon (crash: SIGKILL to all its processes)
link NODE down|up                           the node's own interface
port NODE down|up                           the switch's end of the cable
cut|heal NODE                               a partition that keeps the carrier
in NODE COMMAND..., client COMMAND...       runs a command there, such as: in a ip addr
wait SECONDS                                for scripts";
