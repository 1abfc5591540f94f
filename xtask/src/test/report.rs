//! What a run says: one line for each stage, what went wrong in it, and at the end every failure, every skip with its
//! reason, and the counts.
//!
//! A check counts as one test. All output of a stage is kept in a file of its name, and only what explains a failure is
//! shown.

use std::fs::{self, File};
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::tally::{Skip, SkipKind, Tally};

/// The state of a run.
pub(crate) struct Report {
    strict: bool,
    folder: PathBuf,
    begun: Instant,
    passed: u64,
    failures: Vec<String>,
    /// Failures that have no name in `failures`.
    unnamed: u64,
    skips: Vec<Skip>,
}

/// How a stage ended.
pub(crate) enum Outcome {
    Passed,
    Failed,
    /// It was not done, because the machine lacks something.
    Skipped(String),
    Tests(Tally),
}

/// Where a stage writes.
pub(crate) struct Log {
    stage: &'static str,
    file: File,
    shown: Vec<String>,
    terminal: bool,
}

impl Log {
    /// Keeps a line.
    pub(crate) fn keep(&mut self, line: &str) {
        // A full disk must not end the run, and what fails is shown anyway.
        drop(writeln!(self.file, "{line}"));
    }

    /// Keeps a line, and shows it if the stage fails.
    pub(crate) fn show(&mut self, line: &str) {
        self.keep(line);
        self.shown.push(line.to_owned());
    }

    /// Says on a terminal what the stage is at.
    #[expect(clippy::print_stdout, reason = "a program for a terminal")]
    pub(crate) fn now_at(&self, what: &str) {
        if self.terminal {
            print!("{CLEAR}{:<WIDTH$}{what}", self.stage);
            drop(std::io::stdout().flush());
        }
    }
}

#[expect(clippy::print_stdout, reason = "a program for a terminal")]
impl Report {
    /// Begins a run whose output goes to files in `folder`.
    ///
    /// **Errors**: the folder cannot be created.
    pub(crate) fn new(strict: bool, folder: PathBuf) -> anyhow::Result<Self> {
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(Self {
            strict,
            folder,
            begun: Instant::now(),
            passed: 0,
            failures: Vec::new(),
            unnamed: 0,
            skips: Vec::new(),
        })
    }

    /// Runs a stage; whether nothing in it failed.
    pub(crate) fn stage(
        &mut self,
        name: &'static str,
        run: impl FnOnce(&mut Log) -> anyhow::Result<Outcome>,
    ) -> bool {
        let begun = Instant::now();
        print!("{name:<WIDTH$}");
        drop(std::io::stdout().flush());
        let path = self.folder.join(format!("{}.log", name.replace([' ', ','], "-")));
        let mut shown = Vec::new();
        let mut terminal = false;
        let outcome = File::create(&path)
            .with_context(|| format!("cannot create {}", path.display()))
            .and_then(|file| {
                terminal = std::io::stdout().is_terminal();
                let mut log = Log { stage: name, file, shown: Vec::new(), terminal };
                let outcome = run(&mut log);
                shown = log.shown;
                outcome
            })
            .unwrap_or_else(|error| {
                shown.push(format!("{error:#}"));
                Outcome::Failed
            });
        let failed_before = self.failed();
        let verdict = self.count(name, outcome);
        let start = if terminal { format!("{CLEAR}{name:<WIDTH$}") } else { String::new() };
        println!("{start}{verdict:<40} {:>9}", seconds(begun.elapsed()));
        let well = self.failed() == failed_before;
        if !well {
            for line in shown.iter().take(SHOWN) {
                println!("    {line}");
            }
            let more = shown.len().saturating_sub(SHOWN);
            println!("    ({more} more lines; everything is in {})", path.display());
        }
        well
    }

    /// Says how it went.
    pub(crate) fn close(self) -> ExitCode {
        if !self.failures.is_empty() {
            println!("\nfailed:");
        }
        for failure in &self.failures {
            println!("  {failure}");
        }
        if !self.skips.is_empty() {
            println!("\nskipped:");
        }
        for Skip { test, reason, .. } in &self.skips {
            println!("  {test}: {reason}");
        }
        println!("\nafter {}, output in {}", seconds(self.begun.elapsed()), self.folder.display());
        println!("{}", self.counts());
        if self.failed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// Takes in what came of a stage, and says it in a few words.
    fn count(&mut self, name: &str, outcome: Outcome) -> String {
        match outcome {
            Outcome::Passed => {
                self.passed += 1;
                "ok".to_owned()
            }
            Outcome::Failed => {
                self.failures.push(name.to_owned());
                "FAILED".to_owned()
            }
            Outcome::Skipped(reason) => {
                let text = format!("skipped: {reason}");
                self.skip(Skip { test: name.to_owned(), reason, kind: SkipKind::Lacking });
                text
            }
            Outcome::Tests(tally) => {
                let (failed, skipped) = (self.failed(), self.skips.len() as u64);
                let passed = tally.passed;
                self.passed += passed;
                self.unnamed += tally.failed.saturating_sub(tally.failures.len() as u64);
                self.failures.extend(tally.failures);
                tally.skips.into_iter().for_each(|skip| self.skip(skip));
                counts(passed, self.failed() - failed, self.skips.len() as u64 - skipped)
            }
        }
    }

    fn skip(&mut self, skip: Skip) {
        if self.strict && skip.kind == SkipKind::Lacking {
            self.failures.push(format!("{}: skipped: {}", skip.test, skip.reason));
        } else {
            self.skips.push(skip);
        }
    }

    fn failed(&self) -> u64 {
        self.unnamed + self.failures.len() as u64
    }

    fn counts(&self) -> String {
        counts(self.passed, self.failed(), self.skips.len() as u64)
    }
}

fn counts(passed: u64, failed: u64, skipped: u64) -> String {
    format!("{passed} passed, {failed} failed, {skipped} skipped")
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// Width of the name of a stage.
const WIDTH: usize = 30;
/// Lines of a failed stage that are shown.
const SHOWN: usize = 200;
/// Back to the start of the line, and nothing on it.
const CLEAR: &str = "\r\x1b[2K";

#[cfg(test)]
mod tests {
    use super::*;

    fn check(strict: bool, outcomes: Vec<Outcome>) -> String {
        let mut report = Report::new(strict, std::env::temp_dir()).unwrap();
        for outcome in outcomes {
            report.count("stage", outcome);
        }
        report.counts()
    }

    fn skips(kinds: &[SkipKind]) -> Outcome {
        let skips =
            kinds.iter().map(|&kind| Skip { test: "a".to_owned(), reason: "b".to_owned(), kind });
        let mut tally = Tally::default();
        tally.passed = 3;
        tally.skips = skips.collect();
        Outcome::Tests(tally)
    }

    #[test]
    fn a_check_counts_as_a_test() {
        let outcomes = vec![Outcome::Passed, Outcome::Failed, Outcome::Skipped("no".to_owned())];
        assert_eq!(check(false, outcomes), "1 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn a_failure_without_a_name_counts() {
        let mut tally = Tally::default();
        tally.failed = 2;
        tally.failures = vec!["a".to_owned()];
        assert_eq!(check(false, vec![Outcome::Tests(tally)]), "0 passed, 2 failed, 0 skipped");
    }

    #[test]
    fn in_ci_what_the_machine_lacks_is_a_failure() {
        let kinds = [SkipKind::Ignored, SkipKind::Kernel, SkipKind::Lacking];
        assert_eq!(check(false, vec![skips(&kinds)]), "3 passed, 0 failed, 3 skipped");
        assert_eq!(check(true, vec![skips(&kinds)]), "3 passed, 1 failed, 2 skipped");
        let packages = Outcome::Skipped("missing".to_owned());
        assert_eq!(check(true, vec![packages]), "0 passed, 1 failed, 0 skipped");
    }
}
