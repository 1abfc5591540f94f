//! From pieces of lines to the tree.
//!
//! The parser keeps a stack of open blocks. As long as the braces of a configuration balance, it believes them. Where
//! they do not, the text is read a second time, and then keywords and indentation tell which block was left
//! open, so that the message points there and not at the end of the file.
//!
//! A block behind a keyword that is unknown is kept as raw lines, whatever it holds: its contents mean nothing
//! where it stands. (Incumbent: it reads them as the enclosing block's own.)

mod braces;

use crate::diagnostic::{Diagnostic, language, sort};
use crate::expand::{Event, Expander, Findings, What, slash_comment_at};
use crate::lexer::{Line, Words};
use crate::source::{IncludeVariant, SourceSet, Span};

use super::{Block, Body, Directive, Environment, Form, Grammar, Quoting, Tree, Word};

/// Parses all files of a set. Total: whatever the text, there is a tree, and diagnostics beside it in the order
/// of the files.
pub fn parse(
    sources: &SourceSet,
    environment: &Environment,
    grammar: &dyn Grammar,
) -> (Tree, Vec<Diagnostic>) {
    read(sources, environment, grammar, true)
}

/// Parses; plain lines take the short way through the expansion, or as all others the long one.
fn read(
    sources: &SourceSet,
    environment: &Environment,
    grammar: &dyn Grammar,
    short_way: bool,
) -> (Tree, Vec<Diagnostic>) {
    let run = |trust| {
        let mut parser = Parser::new(sources, environment, grammar, trust);
        parser.expander.short_way = short_way;
        parser.run()
    };
    let believing = run(Trust::Braces);
    let parsed = if believing.balanced { believing } else { run(Trust::Layout) };
    let mut diagnostics = parsed.diagnostics;
    sort(&mut diagnostics);
    (parsed.tree, diagnostics)
}

/// What tells where a block ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// Braces alone.
    Braces,
    /// Keywords and indentation too: the braces are known not to balance.
    Layout,
}

struct Parsed {
    tree: Tree,
    diagnostics: Vec<Diagnostic>,
    balanced: bool,
}

/// How the lines of a block are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Directives,
    List,
    /// Of an unknown or misplaced block.
    Raw,
}

/// An open block.
struct Frame {
    /// Its head; none for a brace without one, whose contents are dropped.
    head: Option<Directive>,
    kind: Kind,
    open: Span,
    directives: Vec<Directive>,
}

/// The head of a block whose opening brace is still to come.
struct Awaited {
    head: Directive,
    body: Body,
}

/// What stands directly before an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// A line that is the last directive of the current block.
    Directive { known: bool },
    /// A brace, or nothing.
    Brace,
}

struct Parser<'a> {
    sources: &'a SourceSet,
    grammar: &'a dyn Grammar,
    expander: Expander<'a>,
    findings: Findings,
    trust: Trust,
    frames: Vec<Frame>,
    directives: Vec<Directive>,
    awaited: Option<Awaited>,
    before: Before,
    /// The line of which the rest is a `//` comment.
    commented: Option<u64>,
    balanced: bool,
    /// Open braces beyond the depth that is kept.
    too_deep: usize,
    /// The brace that closed the last outermost block.
    last_closed: Option<Span>,
}

/// Blocks within blocks, at most; the deepest of the language is five.
const DEPTH: usize = 32;

impl<'a> Parser<'a> {
    fn new(
        sources: &'a SourceSet,
        environment: &'a Environment,
        grammar: &'a dyn Grammar,
        trust: Trust,
    ) -> Self {
        Self {
            sources,
            grammar,
            expander: Expander::new(sources, environment),
            findings: Findings::default(),
            trust,
            frames: Vec::new(),
            directives: Vec::new(),
            awaited: None,
            before: Before::Brace,
            commented: None,
            balanced: true,
            too_deep: 0,
            last_closed: None,
        }
    }

    fn run(mut self) -> Parsed {
        while let Some(Event { line, what }) = self.expander.next() {
            if self.commented == Some(line) {
                continue;
            }
            match what {
                What::Text(text) => self.text(line, Line::Glyphs(&text)),
                What::Plain(text) => self.text(line, Line::Plain(text)),
                What::Open(at) => self.open(at),
                What::Close(at) => self.close(at),
            }
        }
        self.end();
        let mut diagnostics = self.expander.findings.finish();
        diagnostics.extend(self.findings.finish());
        let tree = Tree { directives: self.directives };
        Parsed { tree, diagnostics, balanced: self.balanced }
    }

    fn kind(&self) -> Kind {
        self.frames.last().map_or(Kind::Directives, |frame| frame.kind)
    }

    /// Keywords of the open blocks up to a depth.
    fn path(&self, depth: usize) -> Vec<&str> {
        let heads = self.frames.iter().take(depth).filter_map(|frame| frame.head.as_ref());
        heads.map(|head| head.keyword.as_str()).collect()
    }

    /// The form of a keyword within the outermost `depth` open blocks.
    fn form(&self, depth: usize, keyword: &str) -> Option<Form> {
        let outside = self.frames.iter().take(depth);
        if outside.clone().any(|frame| frame.kind != Kind::Directives) {
            return None;
        }
        self.grammar.form(&self.path(depth), keyword)
    }

    fn push(&mut self, directive: Directive) {
        match self.frames.last_mut() {
            Some(frame) => frame.directives.push(directive),
            None => self.directives.push(directive),
        }
    }

    /// The last directive of the current block, taken back.
    fn take_last(&mut self) -> Option<Directive> {
        match self.frames.last_mut() {
            Some(frame) => frame.directives.pop(),
            None => self.directives.pop(),
        }
    }

    fn text(&mut self, line: u64, text: Line<'_>) {
        let Some((keyword, rest)) = text.first_word() else { return };
        if self.awaited.is_some() {
            self.missing_brace_before(&keyword);
        }
        if self.trust == Trust::Layout {
            self.leave_blocks_left_open(&keyword);
        }
        let form = match self.kind() {
            Kind::Directives => self.form(self.frames.len(), &keyword.text),
            Kind::List | Kind::Raw => None,
        };
        let include = IncludeVariant::of(&keyword.text).is_some() && !keyword.quoted;
        if include && self.kind() != Kind::Raw {
            let message =
                format!("`{}` is put together by parameters and reads no file", keyword.text);
            self.findings.push(
                Diagnostic::error(language::INCLUDE_MISPLACED, message)
                    .at_word(&keyword)
                    .help("write the whole directive on a line of its own"),
            );
            return;
        }
        let quoting = form.map_or(Quoting::Ordinary, |form| form.quoting);
        let directive = self.directive(line, keyword, rest, text, quoting, form);
        self.before = Before::Directive { known: form.is_some() };
        match form.map(|form| form.body) {
            Some(body @ (Body::Block | Body::List)) => {
                self.awaited = Some(Awaited { head: directive, body });
            }
            Some(Body::None) | None => self.push(directive),
        }
    }

    /// A line as a directive, its `//` comment removed.
    fn directive(
        &mut self,
        line: u64,
        keyword: Word,
        rest: Line<'_>,
        text: Line<'_>,
        quoting: Quoting,
        form: Option<Form>,
    ) -> Directive {
        // A quoted first word takes part in the splitting of the whole line.
        let whole = keyword.quoted.then(|| text.words(Quoting::Ordinary).unmatched).flatten();
        let Words { words: mut arguments, unmatched } = rest.words(quoting);
        // In list blocks a lone `//` is never an entry's word.
        let least = form.map_or(0, |form| form.min_arguments);
        let most = form.and_then(|form| form.max_arguments).unwrap_or(usize::MAX);
        let comment = arguments.iter().enumerate().position(|(index, word)| {
            let lone = word.text == "//" && index >= least;
            let behind = word.text.starts_with("//") && index >= most;
            !word.quoted && (lone || behind)
        });
        let comment = comment.map(|index| arguments.split_off(index));
        let mut unmatched = whole.or(unmatched);
        if let Some(mark) = comment.as_ref().and_then(|words| words.first()) {
            let begin = mark.span.start;
            let marks = Span::new(mark.span.file, begin, mark.span.end.min(begin + 2));
            let code = if arguments.len() >= most {
                language::SLASH_COMMENT_BEHIND
            } else {
                language::SLASH_COMMENT
            };
            self.findings.push(slash_comment_at(code, marks));
            self.commented = Some(line);
            unmatched = unmatched.filter(|quote| quote.start < begin);
        }
        if let Some(quote) = unmatched {
            let finding = Diagnostic::warning(
                language::UNMATCHED_QUOTE,
                "the quote is not closed on its line",
            );
            self.findings.push(finding.at(quote).help("the text goes to the end of the line"));
        }
        let end = arguments.last().map_or(keyword.span, |word| word.span);
        let span = keyword.span.to(end);
        Directive { keyword, arguments, block: None, span }
    }

    fn open(&mut self, at: Span) {
        let before = core::mem::replace(&mut self.before, Before::Brace);
        if self.frames.len() >= DEPTH {
            self.awaited = None;
            self.nested_too_deep(at);
            return;
        }
        if let Some(Awaited { head, body }) = self.awaited.take() {
            self.enter(head, body, at);
            return;
        }
        match (self.kind(), before) {
            (Kind::Directives, Before::Directive { known: false }) => {
                if self.trust == Trust::Layout && self.belongs_further_out(at) {
                    return;
                }
                let head = self.take_last();
                self.frames.push(Frame { head, kind: Kind::Raw, open: at, directives: Vec::new() });
            }
            (Kind::Raw, Before::Directive { .. }) => {
                let head = self.take_last();
                self.frames.push(Frame { head, kind: Kind::Raw, open: at, directives: Vec::new() });
            }
            (Kind::List, Before::Directive { .. })
                if self.trust == Trust::Layout && self.belongs_further_out(at) => {}
            (kind, before) => self.stray_opening_brace(at, kind, before),
        }
    }

    fn enter(&mut self, head: Directive, body: Body, open: Span) {
        let kind = if body == Body::List { Kind::List } else { Kind::Directives };
        self.frames.push(Frame { head: Some(head), kind, open, directives: Vec::new() });
    }

    fn close(&mut self, at: Span) {
        self.before = Before::Brace;
        if let Some(deeper) = self.too_deep.checked_sub(1) {
            self.too_deep = deeper;
            return;
        }
        if let Some(Awaited { head, .. }) = self.awaited.take() {
            self.block_not_opened(&head, at, "expected before this");
            self.push(head);
        }
        if self.trust == Trust::Layout {
            self.leave_blocks_by_indentation(at);
        }
        if self.frames.is_empty() {
            self.stray_closing_brace(at);
        } else {
            self.leave(Some(at));
            if self.frames.is_empty() {
                self.last_closed = Some(at);
            }
        }
    }

    /// Ends the innermost block.
    fn leave(&mut self, close: Option<Span>) {
        let Some(Frame { head, open, directives, .. }) = self.frames.pop() else { return };
        let Some(mut head) = head else { return };
        let span = close.map_or(open, |close| open.to(close));
        head.block = Some(Block { directives, span });
        self.push(head);
    }

    fn end(&mut self) {
        if let Some(Awaited { head, .. }) = self.awaited.take() {
            self.block_not_opened(&head, head.span, "");
            self.push(head);
        }
        while !self.frames.is_empty() {
            self.block_not_closed(None);
            self.leave(None);
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod ways;
