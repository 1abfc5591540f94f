//! Reads what `cargo test` prints: how many tests passed, failed and were skipped, which, and why.
//!
//! Programs with the standard harness and with libtest-mimic print the same lines. A test that finds that it cannot run
//! prints a line `SKIPPED: reason` and passes; it counts as skipped. The output of passing tests is there because they
//! run with `--show-output`; libtest-mimic does not capture it, so there the line stands alone.

/// What came of the tests so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    /// Names of failed tests, with their program.
    pub(crate) failures: Vec<String>,
    pub(crate) skips: Vec<Skip>,
    program: Option<Program>,
}

/// A test that did not run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Skip {
    /// Name of the test, with its program.
    pub(crate) test: String,
    pub(crate) reason: String,
    pub(crate) kind: SkipKind,
}

/// Who decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SkipKind {
    /// The source: `#[ignore]`, a known gap.
    Ignored,
    /// The kernel: it was built without what the test is about. Nobody can help that here.
    Kernel,
    /// The machine: no privilege, no package. In CI a failure.
    Lacking,
}

/// A line worth showing while tests run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Remark {
    /// A test program starts.
    Started(String),
    /// A test program ended.
    Finished,
    /// A line about a failure.
    Failure,
}

/// The test program whose lines are being read.
#[derive(Debug, Default)]
struct Program {
    name: String,
    /// Test whose captured output is being read.
    section: Option<String>,
    /// Between `failures:` and the result. The harness lists the names last, without a section: the one place where
    /// they cannot be torn by what other tests print.
    in_failures: bool,
    announced: bool,
    /// Tests that passed in the words of the harness and said themselves that they were skipped.
    unplayed: u64,
}

impl Tally {
    /// Takes the next line of output into account.
    pub(crate) fn read(&mut self, line: &str) -> Option<Remark> {
        if let Some(name) = program_name(line) {
            self.end_program();
            self.program = Some(Program { name: name.clone(), ..Program::default() });
            return Some(Remark::Started(name));
        }
        let program = self.program.as_mut()?;
        if let Some(rest) = line.strip_prefix("test result: ") {
            return self.result(rest);
        }
        if is_announcement(line) {
            program.announced = true;
            return None;
        }
        if line == "successes:" || line == "failures:" {
            program.in_failures = line == "failures:";
            program.section = None;
            return None;
        }
        if let Some(name) = section_name(line) {
            program.section = Some(name.to_owned());
            return program.in_failures.then_some(Remark::Failure);
        }
        if program.in_failures {
            if let (None, Some(test)) = (&program.section, line.strip_prefix("    ")) {
                let failure = program.named(Some(test));
                self.failures.push(failure);
            }
            return Some(Remark::Failure);
        }
        if let Some(reason) = line.strip_prefix("SKIPPED: ") {
            let test = program.section.clone();
            self.skip(test.as_deref(), reason, kind_of(reason));
            return None;
        }
        let (test, verdict) = line.strip_prefix("test ")?.split_once(" ... ")?;
        let (label, test) = label_and_name(test);
        if verdict.starts_with("FAILED") {
            return Some(Remark::Failure);
        } else if let Some(reason) = verdict.strip_prefix("SKIPPED: ") {
            self.skip(Some(test), reason, kind_of(reason));
        } else if let Some(reason) = verdict.strip_prefix("ignored") {
            let reason = reason.strip_prefix(", ").or(label).unwrap_or("ignored without a reason");
            self.skip(Some(test), reason, SkipKind::Ignored);
        }
        None
    }

    /// Ends the reading: `success` is whether cargo says that all is well.
    pub(crate) fn end(&mut self, success: bool) {
        self.end_program();
        if !success && self.failed == 0 {
            self.failed += 1;
            self.failures.push("cargo test failed outside of any test".to_owned());
        }
    }

    /// A program that announced tests and ended without a result has crashed: that is one failure.
    fn end_program(&mut self) {
        if let Some(program) = self.program.take()
            && program.announced
        {
            self.failed += 1;
            self.failures.push(format!("{} ended without a result", program.name));
        }
    }

    fn skip(&mut self, test: Option<&str>, reason: &str, kind: SkipKind) {
        let Some(program) = &mut self.program else { return };
        if kind != SkipKind::Ignored {
            program.unplayed += 1;
        }
        let test = program.named(test);
        self.skips.push(Skip { test, reason: reason.trim().to_owned(), kind });
    }

    /// Takes in `ok. 3 passed; 0 failed; 1 ignored; ...`.
    fn result(&mut self, text: &str) -> Option<Remark> {
        let program = self.program.as_mut()?;
        let passed = count(text, "passed").saturating_sub(program.unplayed);
        let failed = count(text, "failed");
        let name = program.name.clone();
        // Another summary may follow: documentation tests come in several groups.
        *program = Program { name, ..Program::default() };
        self.passed += passed;
        self.failed += failed;
        Some(Remark::Finished)
    }
}

impl Program {
    /// `test` with the program's name, or the program's name alone.
    fn named(&self, test: Option<&str>) -> String {
        match test {
            Some(test) => format!("{}: {test}", self.name),
            None => self.name.clone(),
        }
    }
}

/// `wire tests/fuzz.rs` from `     Running tests/fuzz.rs (target/debug/deps/fuzz-0123)`: cargo names the file below
/// the crate and, by the program, the crate or the file once more.
fn program_name(line: &str) -> Option<String> {
    let line = line.trim_start();
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(format!("{name} documentation"));
    }
    let (file, program) = line.strip_prefix("Running ")?.split_once(" (")?;
    let file = file.strip_prefix("unittests ").unwrap_or(file);
    let program = program.strip_suffix(')')?.rsplit('/').next()?;
    let (stem, _hash) = program.rsplit_once('-')?;
    Some(format!("{stem} {file}"))
}

/// Whether `line` is `running 3 tests`.
fn is_announcement(line: &str) -> bool {
    line.strip_prefix("running ").is_some_and(|rest| {
        matches!(rest.split_once(' '), Some((count, "test" | "tests")) if count.parse::<u64>().is_ok())
    })
}

/// The test in `---- name stdout ----`.
fn section_name(line: &str) -> Option<&str> {
    let name = line.strip_prefix("---- ")?.strip_suffix(" ----")?;
    Some(name.strip_suffix(" stdout").unwrap_or(name))
}

/// `[gap: no reload]` and `ours::reload` from `[gap: no reload] ours::reload`: the label is how libtest-mimic says why
/// a test is ignored. Both are padded to columns.
fn label_and_name(test: &str) -> (Option<&str>, &str) {
    let test = test.trim();
    test.strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
        .map_or((None, test), |(label, name)| (Some(label), name.trim_start()))
}

/// Whose fault a reason is that a test gave.
fn kind_of(reason: &str) -> SkipKind {
    if reason.contains("kernel has no ") { SkipKind::Kernel } else { SkipKind::Lacking }
}

/// The number before `what` in a summary.
fn count(text: &str, what: &str) -> u64 {
    text.split([';', '.'])
        .filter_map(|part| part.trim().split_once(' '))
        .find(|(_, word)| *word == what)
        .and_then(|(number, _)| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
