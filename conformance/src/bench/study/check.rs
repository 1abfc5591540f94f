//! Checking long configurations: time and peak memory of a process that reads, judges and ends. And sizes on disk.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::bench::agent::own_program;
use crate::bench::figure::{Figure, Wanted};
use crate::bench::ground::{Ground, Wiring};
use crate::bench::layout::Herd;
use crate::bench::session::{Session, TURNS};
use crate::lab::Lab;
use crate::subject::Subject;

const NAME: &str = "check";

pub(super) fn run(session: &mut Session) -> Result<()> {
    // A lab, so that interfaces and /run are the same for both, and nobody else's.
    let Ground { lab } = Ground::build(&["a"], 1000, Wiring::Direct)?;
    let instances = Herd::new(1000).render(&[]);
    let runs = session.pick(9, 3);
    file(session, &lab, "1000 instances", &instances, runs, 0.4, None);
    let servers = session.pick(10_000, 1_000);
    let text = virtual_servers(servers);
    let title = format!("{servers} virtual servers, {} lines", text.lines().count());
    file(session, &lab, &title, &text, session.pick(5, 3), 0.3, Some(0.6));
    let mut size = Figure::new(NAME, "size of the binary", "MB", Wanted::AtMost(12.0));
    for subject in TURNS {
        let program = subject.program().map_err(anyhow::Error::msg)?;
        let bytes = u32::try_from(fs::metadata(program)?.len())?;
        size.push(subject, f64::from(bytes) / 1e6);
    }
    session.take(size);
    Ok(())
}

/// Checks `text` by both daemons in turn.
fn file(
    session: &mut Session,
    lab: &Lab,
    title: &str,
    text: &str,
    runs: usize,
    time: f64,
    memory: Option<f64>,
) {
    let named = |what: &str| format!("check of {title}: {what}");
    let mut wall = Figure::new(NAME, &named("time"), "ms", Wanted::Ratio(time));
    let mut cpu = Figure::new(NAME, &named("processor time"), "ms", Wanted::Nothing);
    let wanted = memory.map_or(Wanted::Nothing, Wanted::Ratio);
    let mut peak = Figure::new(NAME, &named("peak memory"), "MB", wanted);
    // One run before, not counted: it brings the files into memory.
    for run in 0..=runs {
        for subject in TURNS {
            let outcome = measure(subject, lab, text).map(|cost| {
                if run > 0 {
                    wall.push(subject, cost.wall);
                    cpu.push(subject, cost.cpu);
                    peak.push(subject, cost.peak);
                }
            });
            session.note(NAME, subject, outcome);
        }
    }
    session.take_all([wall, cpu, peak]);
}

struct Cost {
    wall: f64,
    cpu: f64,
    peak: f64,
}

fn measure(subject: Subject, lab: &Lab, text: &str) -> Result<Cost> {
    let node = lab.nodes().first().context("lab without routers")?;
    node.write_configuration(text)?;
    let program = subject.program().map_err(anyhow::Error::msg)?;
    let mut command = node.space().command(&own_program()?);
    command.args(["agent", "measure"]).arg(program).arg("-t").arg("-f");
    command.arg(node.file("daemon.conf")).env("TMPDIR", node.file(""));
    let output = command.output().context("start the check")?;
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<f64> =
        line.split_whitespace().map(str::parse).collect::<Result<_, _>>().context("no figures")?;
    let [wall, cpu, peak, status] = numbers.as_slice() else {
        anyhow::bail!("no figures: {line}{}", String::from_utf8_lossy(&output.stderr));
    };
    ensure!(*status == 0.0, "the check ended with status {status}");
    Ok(Cost { wall: wall / 1e3, cpu: cpu / 1e3, peak: peak * 1024.0 / 1e6 })
}

/// `count` virtual servers with ten real servers each, 66 lines a virtual server.
fn virtual_servers(count: usize) -> String {
    let mut text = String::from("global_defs {\n    router_id bench\n}\n");
    for index in 0..count {
        let (high, low) = (index / 250, index % 250 + 1);
        text.push_str(&format!(
            "virtual_server 10.{}.{}.{low} 80 {{\n    delay_loop 10\n    lvs_sched rr\n    lvs_method NAT\n    \
             protocol TCP\n",
            high / 250,
            high % 250
        ));
        for server in 1..=10 {
            text.push_str(&format!(
                "    real_server 172.16.{}.{server} 80 {{\n        weight 1\n        TCP_CHECK {{\n            \
                 connect_timeout 3\n        }}\n    }}\n",
                index % 250
            ));
        }
        text.push_str("}\n");
    }
    text
}
