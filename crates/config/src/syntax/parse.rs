//! From pieces of lines to the tree.
//!
//! The parser keeps a stack of open blocks. As long as the braces of a configuration balance, it believes them. Where
//! they do not, the text is read a second time, and then keywords and indentation tell which block was left
//! open, so that the message points there and not at the end of the file.
//!
//! A block behind a keyword that is unknown is kept as raw lines, whatever it holds: its contents mean nothing
//! where it stands. (Incumbent: it reads them as the enclosing block's own.)

mod braces;
mod line;

use crate::diagnostic::{Diagnostic, sort};
use crate::expand::{Event, Expander, Findings, What};
use crate::lexer::Line;
use crate::source::{SourceSet, Span};

use super::{Block, Body, Directive, Environment, Form, Grammar, PlaceId, Tree};

/// Parses all files of a set. Total: whatever the text, there is a tree, and diagnostics beside it in the order
/// of the files.
pub fn parse(
    sources: &SourceSet,
    environment: &Environment,
    grammar: &dyn Grammar,
) -> (Tree, Vec<Diagnostic>) {
    parse_into(sources, environment, grammar, Tree::default)
}

/// Takes the outermost directives of a configuration in order, each as soon as it is complete.
pub(crate) trait Sink {
    /// Takes one.
    fn take(&mut self, directive: Directive);
}

impl Sink for Tree {
    fn take(&mut self, directive: Directive) {
        self.directives.push(directive);
    }
}

/// Parses as [`parse`] does, without keeping the tree. Where the text is read twice, a second sink takes what the
/// second reading makes.
pub(crate) fn parse_into<S: Sink>(
    sources: &SourceSet,
    environment: &Environment,
    grammar: &dyn Grammar,
    sink: impl Fn() -> S,
) -> (S, Vec<Diagnostic>) {
    read(sources, environment, grammar, true, sink)
}

/// Parses; plain lines take the short way through the expansion, or as all others the long one.
fn read<S: Sink>(
    sources: &SourceSet,
    environment: &Environment,
    grammar: &dyn Grammar,
    short_way: bool,
    sink: impl Fn() -> S,
) -> (S, Vec<Diagnostic>) {
    let run = |trust| {
        let mut sink = sink();
        let mut take = |directive| sink.take(directive);
        let mut parser = Parser::new(sources, environment, grammar, trust, &mut take);
        parser.expander.short_way = short_way;
        let parsed = parser.run();
        (sink, parsed)
    };
    let (mut sink, mut parsed) = run(Trust::Braces);
    if !parsed.balanced {
        (sink, parsed) = run(Trust::Layout);
    }
    let mut diagnostics = parsed.diagnostics;
    sort(&mut diagnostics);
    (sink, diagnostics)
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
    /// The grammar's number for it; only where all around it is [`Kind::Directives`] too.
    place: Option<PlaceId>,
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
    /// The grammar's number for what is outside all blocks.
    top: Option<PlaceId>,
    sink: &'a mut dyn FnMut(Directive),
    frames: Vec<Frame>,
    /// Lists of closed blocks, empty, to be filled again.
    spare: Vec<Vec<Directive>>,
    /// The last outermost directive, which may turn out to be the head of a block.
    last: Option<Directive>,
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
        sink: &'a mut dyn FnMut(Directive),
    ) -> Self {
        Self {
            sources,
            grammar,
            expander: Expander::new(sources, environment),
            findings: Findings::default(),
            trust,
            top: grammar.place(&[]),
            sink,
            frames: Vec::new(),
            spare: Vec::new(),
            last: None,
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
            if self.trust == Trust::Braces && !self.balanced {
                // The text is read again: what else there is to say of it is said then.
                break;
            }
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
        if let Some(last) = self.last.take() {
            (self.sink)(last);
        }
        let mut diagnostics = self.expander.findings.finish();
        diagnostics.extend(self.findings.finish());
        Parsed { diagnostics, balanced: self.balanced }
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
        let place = match depth.checked_sub(1) {
            None => self.top,
            Some(innermost) => self.frames.get(innermost).and_then(|frame| frame.place),
        };
        if let Some(place) = place {
            return self.grammar.form_at(place, keyword);
        }
        let outside = self.frames.iter().take(depth);
        if outside.clone().any(|frame| frame.kind != Kind::Directives) {
            return None;
        }
        self.grammar.form(&self.path(depth), keyword)
    }

    fn push(&mut self, directive: Directive) {
        match self.frames.last_mut() {
            Some(frame) => frame.directives.push(directive),
            None => {
                if let Some(complete) = self.last.replace(directive) {
                    (self.sink)(complete);
                }
            }
        }
    }

    /// The last directive of the current block.
    fn last(&self) -> Option<&Directive> {
        match self.frames.last() {
            Some(frame) => frame.directives.last(),
            None => self.last.as_ref(),
        }
    }

    /// The last directive of the current block, taken back.
    fn take_last(&mut self) -> Option<Directive> {
        match self.frames.last_mut() {
            Some(frame) => frame.directives.pop(),
            None => self.last.take(),
        }
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
                self.begin(head, Kind::Raw, at, None);
            }
            (Kind::Raw, Before::Directive { .. }) => {
                let head = self.take_last();
                self.begin(head, Kind::Raw, at, None);
            }
            (Kind::List, Before::Directive { .. })
                if self.trust == Trust::Layout && self.belongs_further_out(at) => {}
            (kind, before) => self.stray_opening_brace(at, kind, before),
        }
    }

    fn enter(&mut self, head: Directive, body: Body, open: Span) {
        let kind = if body == Body::List { Kind::List } else { Kind::Directives };
        let around = self.frames.last().map_or(self.top, |frame| frame.place);
        let place = around
            .filter(|_| kind == Kind::Directives)
            .and_then(|around| self.grammar.inside(around, &head.keyword.text));
        self.begin(Some(head), kind, open, place);
    }

    fn begin(&mut self, head: Option<Directive>, kind: Kind, open: Span, place: Option<PlaceId>) {
        let directives = self.spare.pop().unwrap_or_default();
        self.frames.push(Frame { head, kind, open, directives, place });
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
        let Some(Frame { head, open, mut directives, .. }) = self.frames.pop() else { return };
        // A block takes no more room than it needs; what its list grew to serves the next.
        let mut kept = Vec::with_capacity(directives.len());
        kept.append(&mut directives);
        self.spare.push(directives);
        let Some(mut head) = head else { return };
        let span = close.map_or(open, |close| open.to(close));
        head.block = Some(Block { directives: kept, span });
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
