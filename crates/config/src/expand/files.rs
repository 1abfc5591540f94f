//! The open files, and what an `include` line may fail on.

use crate::diagnostic::{Code, Diagnostic, language};
use crate::lexer::{Glyph, glyphs, remove_comment, span, text, trim, words};
use crate::source::{
    Alternative, FileId, Found, IncludeVariant, Inclusion, Refusal, SourceSet, Span, physical_lines,
};
use crate::syntax::{Environment, Quoting};

use super::{Expander, Findings, LINE, Task};

/// What makes an `include` line an error: the value of `include_check`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four independent words of the language, each on or off"
)]
pub(crate) struct Checks {
    readable: bool,
    matching: bool,
    wildcard_matching: bool,
    brace_matching: bool,
}

impl Checks {
    const ALL: Self =
        Self { readable: true, matching: true, wildcard_matching: true, brace_matching: true };

    fn of(variant: IncludeVariant, current: Self) -> Self {
        let readable = Self { readable: true, ..Self::default() };
        match variant {
            IncludeVariant::Plain => current,
            IncludeVariant::Readable => readable,
            IncludeVariant::Match => Self { matching: true, ..readable },
            IncludeVariant::WildcardMatch => {
                Self { matching: true, wildcard_matching: true, ..readable }
            }
            IncludeVariant::BraceMatch => Self { brace_matching: true, ..readable },
            IncludeVariant::All => Self::ALL,
        }
    }

    /// Sets one word of `include_check`; false for an unknown one.
    fn set(&mut self, word: &str, on: bool) -> bool {
        let check = match word {
            "read" | "readable" => &mut self.readable,
            "match" => &mut self.matching,
            "wildcard_match" => &mut self.wildcard_matching,
            "brace_match" => &mut self.brace_matching,
            _ => return false,
        };
        *check = on;
        true
    }
}

struct OpenFile<'a> {
    id: FileId,
    lines: Box<dyn Iterator<Item = (u32, &'a str)> + 'a>,
    directory: &'a str,
    utf8: bool,
    /// `include_check` of the including file, given back at the end of this one.
    checks_outside: Checks,
}

/// The open files, innermost last.
pub(crate) struct Files<'a> {
    open: Vec<OpenFile<'a>>,
    checks: Checks,
}

/// Characters of the longest include keyword.
const KEYWORD: usize = 8;
/// Open files, at most; each may hold several that wait.
const OPEN: usize = 512;

/// One physical line.
pub(crate) struct PhysicalLine<'a> {
    pub(super) file: FileId,
    pub(super) start: u32,
    pub(super) text: &'a str,
    utf8: bool,
}

impl<'a> Files<'a> {
    pub(crate) fn open_top(
        sources: &'a SourceSet,
        environment: &Environment,
        findings: &mut Findings,
    ) -> Self {
        let checks = if environment.all_include_checks { Checks::ALL } else { Checks::default() };
        let mut files = Self { open: Vec::new(), checks };
        let top = sources.top();
        let opened = files.open(sources, top);
        for (name, reason) in refusals(top) {
            let message = format!("`{name}` is not read: {reason}");
            findings.push(Diagnostic::error(language::UNREADABLE_FILE, message));
        }
        if opened == 0 && refusals(top).next().is_none() {
            let message = format!("configuration file `{}` does not exist", top.pattern);
            findings.push(Diagnostic::error(language::NO_FILE, message));
        } else if opened > 1 {
            let message = format!("`{}` matches {opened} files, all are read", top.pattern);
            findings.push(Diagnostic::warning(language::SEVERAL_FILES, message));
        }
        files
    }

    /// Opens the files of an inclusion so that the first is read next; says how many.
    fn open(&mut self, sources: &'a SourceSet, inclusion: &Inclusion) -> usize {
        let found = inclusion.alternatives.iter().flat_map(|alternative| &alternative.found);
        let ids: Vec<FileId> = found
            .filter_map(|found| match found {
                Found::File(id) => Some(*id),
                Found::Refused { .. } => None,
            })
            .collect();
        for id in ids.iter().rev() {
            let Some(file) = sources.file(*id) else { continue };
            self.open.push(OpenFile {
                id: *id,
                lines: Box::new(physical_lines(file.text())),
                directory: file.directory(),
                utf8: file.is_utf8(),
                checks_outside: self.checks,
            });
        }
        ids.len()
    }

    /// Directory of the file being read.
    pub(crate) fn directory(&self) -> &'a str {
        self.open.last().map_or(".", |file| file.directory)
    }

    pub(crate) fn close_all(&mut self) {
        self.open.clear();
    }

    fn next_line(&mut self) -> Option<PhysicalLine<'a>> {
        loop {
            let file = self.open.last_mut()?;
            if let Some((start, text)) = file.lines.next() {
                return Some(PhysicalLine { file: file.id, start, text, utf8: file.utf8 });
            }
            self.checks = file.checks_outside;
            self.open.pop();
        }
    }

    /// The next line of the same file, for a definition that goes on.
    fn next_line_here(&mut self) -> Option<PhysicalLine<'a>> {
        let file = self.open.last_mut()?;
        let (start, text) = file.lines.next()?;
        Some(PhysicalLine { file: file.id, start, text, utf8: file.utf8 })
    }
}

impl Expander<'_> {
    /// Reads one physical line and puts what it says on the stack; none at the end of all files.
    pub(crate) fn read_line(&mut self) -> Option<()> {
        let line = self.files.next_line()?;
        let number = self.begin_line();
        if self.short_way && self.take_plain(&line, number) {
            return Some(());
        }
        let Some(glyphs) = self.clean(&line) else { return Some(()) };
        if super::line::is_open_definition(&glyphs) {
            let mut lines = vec![glyphs];
            while lines.last().is_some_and(|line| super::line::goes_on(line)) {
                let Some(next) = self.files.next_line_here() else { break };
                lines.push(self.clean(&next).unwrap_or_default());
            }
            self.define_lines(&lines);
        } else {
            self.push_line(glyphs.into(), 0, number, 0);
        }
        Some(())
    }

    pub(crate) fn push_line(
        &mut self,
        glyphs: std::rc::Rc<[Glyph]>,
        from: usize,
        line: u64,
        depth: usize,
    ) {
        self.tasks.push(Task::Line(super::Pending { glyphs, from, line, depth }));
    }

    /// The characters of a physical line without its comment; none where the line is dropped or blank.
    fn clean(&mut self, line: &PhysicalLine<'_>) -> Option<Vec<Glyph>> {
        let end = line.start.saturating_add(crate::source::offset(line.text.len()));
        let whole = Span::new(line.file, line.start, end);
        if line.text.contains('\0') {
            let finding = Diagnostic::warning(
                language::NUL_IN_LINE,
                "the line has a NUL byte and is ignored",
            );
            self.findings.push(finding.at(whole));
            return None;
        }
        if line.text.len() > LINE {
            let first = Span::new(line.file, line.start, line.start.saturating_add(1));
            self.findings.push(
                Diagnostic::warning(
                    language::LINE_TOO_LONG,
                    format!("the line has {} bytes and is ignored whole", line.text.len()),
                )
                .at(first)
                .help(format!("a line may have {LINE} bytes, its comment included")),
            );
            return None;
        }
        let all = glyphs(line.file, line.start, line.text);
        if trim(&all).starts_with_slashes() {
            self.slash_comment(trim(&all));
            return None;
        }
        let (kept, _) = remove_comment(&all);
        if !line.utf8
            && let Some(bad) = kept.iter().find(|glyph| glyph.c == '\u{fffd}')
        {
            let finding = Diagnostic::warning(
                language::NOT_UTF8,
                "the text is not UTF-8; what cannot be read is replaced by `\u{fffd}`",
            );
            self.findings.push(finding.at(bad.at));
        }
        (!trim(&kept).is_empty()).then_some(kept)
    }

    /// Tells that a `//` is taken as a comment.
    pub(crate) fn slash_comment(&mut self, comment: &[Glyph]) {
        let marks = comment.get(..2).unwrap_or_default();
        let Some(span) = span(marks) else { return };
        self.findings.push(slash_comment_at(language::SLASH_COMMENT, span));
    }

    /// Opens the files of an include that the rest of a line is; false where it is none, or one that was not
    /// found where it is written.
    pub(super) fn include(&mut self, rest: &[Glyph]) -> bool {
        let length = rest.iter().take(KEYWORD + 1).take_while(|glyph| !glyph.is_blank()).count();
        let (keyword, pattern) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        let Some(variant) = IncludeVariant::of(&text(keyword)) else { return false };
        let Some(first) = keyword.first() else { return false };
        let at = span(trim(rest)).unwrap_or(first.at);
        if trim(pattern).is_empty() {
            let finding =
                Diagnostic::error(language::NO_INCLUDE_PATTERN, "the file name is missing");
            self.findings.push(finding.at(at));
            return true;
        }
        let written = first.definition.unwrap_or(first.at);
        let Some(inclusion) = self.sources.inclusion(written.file, written.start) else {
            return false;
        };
        for finding in judge(inclusion, Checks::of(variant, self.files.checks)) {
            self.findings.push(finding.at(at));
        }
        if self.files.open.len() >= OPEN {
            let finding =
                Diagnostic::error(language::INCLUDE_FAILED, "includes within includes do not end");
            self.findings.push(finding.at(at));
        } else {
            self.files.open(self.sources, inclusion);
        }
        true
    }

    /// Takes over the words of an `include_check` line.
    pub(crate) fn include_check(&mut self, arguments: &[Glyph]) {
        let words = words(arguments, Quoting::Ordinary).words;
        if words.is_empty() {
            self.files.checks = Checks::ALL;
        }
        let mut replaced = false;
        for word in words {
            let (name, on) = match (word.text.strip_prefix('+'), word.text.strip_prefix('-')) {
                (Some(name), _) => (name, true),
                (None, Some(name)) => (name, false),
                (None, None) => {
                    if !replaced && Checks::default().set(&word.text, true) {
                        self.files.checks = Checks::default();
                        replaced = true;
                    }
                    (word.text.as_str(), true)
                }
            };
            if !self.files.checks.set(name, on) {
                let message = format!("`{name}` is not a check of include lines and is ignored");
                self.findings.push(
                    Diagnostic::warning(language::INCLUDE_CHECK_WORD, message)
                        .at_word(&word)
                        .help("one of `readable`, `match`, `wildcard_match`, `brace_match`"),
                );
            }
        }
    }
}

/// The warning about a `//` comment.
pub(crate) fn slash_comment_at(code: Code, span: Span) -> Diagnostic {
    Diagnostic::warning(
        code,
        "`//` is no comment mark of this language; the rest of the line is taken as a comment",
    )
    .at(span)
    .help("begin the comment with `#` or `!`")
}

/// Whether text begins with `//`.
pub(crate) trait StartsWithSlashes {
    fn starts_with_slashes(&self) -> bool;
}

impl StartsWithSlashes for [Glyph] {
    fn starts_with_slashes(&self) -> bool {
        matches!(self, [first, second, ..] if first.is('/') && second.is('/'))
    }
}

fn refusals(inclusion: &Inclusion) -> impl Iterator<Item = (&str, &Refusal)> {
    let found = inclusion.alternatives.iter().flat_map(|alternative| &alternative.found);
    found.filter_map(|found| match found {
        Found::File(_) => None,
        Found::Refused { name, reason } => Some((name.as_str(), reason)),
    })
}

/// What there is to say of an include line.
fn judge(inclusion: &Inclusion, checks: Checks) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for (name, reason) in refusals(inclusion) {
        let message = format!("`{name}` is not read: {reason}");
        let endless = matches!(reason, Refusal::Recursive | Refusal::TooMuch);
        findings.push(if checks.readable || endless {
            Diagnostic::error(language::INCLUDE_FAILED, message)
        } else {
            Diagnostic::warning(language::INCLUDE_PROBLEM, message)
        });
    }
    let empty = |alternative: &&Alternative| alternative.found.is_empty();
    let several = inclusion.alternatives.len() > 1;
    let nothing = inclusion.alternatives.iter().all(|alternative| empty(&alternative));
    for alternative in inclusion.alternatives.iter().filter(empty) {
        let wildcard = alternative.has_wildcard();
        let failed = (several && checks.brace_matching)
            || (wildcard && checks.wildcard_matching)
            || (!wildcard && checks.matching);
        let message = format!("nothing matches `{}`", alternative.pattern);
        findings.push(if failed {
            Diagnostic::error(language::INCLUDE_FAILED, message)
        } else if wildcard || !nothing {
            Diagnostic::note(language::INCLUDE_PROBLEM, message)
        } else {
            Diagnostic::warning(language::INCLUDE_PROBLEM, message)
        });
    }
    findings
}
