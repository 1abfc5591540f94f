//! On what the measurements were made.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use rustix::fs::{Advice, fadvise};

use super::session::Session;
use crate::subject::Subject;

/// Has the kernel read a program from its disk again. What was just written lies in memory in large pieces, which are
/// mapped whole and would be counted; what was installed before the machine started does not.
///
/// # Errors
/// When it cannot be opened or written out.
pub fn settle(program: &Path) -> Result<()> {
    let file = File::open(program).with_context(|| format!("open {}", program.display()))?;
    file.sync_all().context("write the program out")?;
    fadvise(&file, 0, None, Advice::DontNeed).context("forget the program")?;
    Ok(())
}

/// Facts about machine and subjects, a name and a value each.
#[must_use]
pub fn facts() -> Vec<(String, String)> {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores = processors.lines().filter(|line| line.starts_with("processor")).count();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.and_then(|m| m.split_once(':')).map_or("unknown", |(_, name)| name.trim());
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let gigabytes = kilobytes
        .and_then(|text| text.split_whitespace().next())
        .and_then(|number| number.parse::<f64>().ok())
        .map_or("unknown".to_owned(), |number| format!("{:.1} GB", number * 1024.0 / 1e9));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split(' ').take(3).collect();
    let facts = [
        ("date", output(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]))),
        ("processor", format!("{cores} cores, {model}")),
        ("memory", gigabytes),
        ("kernel", kernel.trim().to_owned()),
        ("load before the run (1, 5, 15 minutes)", load.join(", ")),
        ("keepalived", version(Subject::Keepalived)),
        ("ours", version(Subject::Ours)),
    ];
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The same about the lab's machine, as far as it is another one.
#[must_use]
pub fn lab_facts(session: &Session) -> Vec<(String, String)> {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let seconds = session.elapsed().as_secs_f64();
    let text = format!("kernel {}, emulated processors, {seconds:.0} s", kernel.trim());
    vec![("the lab's machine".to_owned(), text)]
}

fn version(subject: Subject) -> String {
    let Ok(program) = subject.program() else { return "missing".to_owned() };
    output(Command::new(program).arg("--version"))
}

/// The first line that `command` writes, wherever it writes it.
fn output(command: &mut Command) -> String {
    let Ok(output) = command.output() else { return "unknown".to_owned() };
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).lines().next().unwrap_or("unknown").trim().to_owned()
}
