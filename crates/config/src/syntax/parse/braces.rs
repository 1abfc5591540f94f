//! What is said and done about braces that are missing or too many.

use crate::diagnostic::{Diagnostic, language};
use crate::source::Span;
use crate::syntax::{Body, Directive, Word};

use super::{Awaited, Before, DEPTH, Kind, Parser, Trust};

impl Parser<'_> {
    /// A line comes where the opening brace of a block should be.
    ///
    /// The block is taken as opened where the line can belong to it; where it can only belong to the enclosing
    /// block, the block is taken as absent.
    pub(super) fn missing_brace_before(&mut self, keyword: &Word) {
        let Some(Awaited { head, body }) = self.awaited.take() else { return };
        let depth = self.frames.len();
        let outside = self.form(depth, &keyword.text).is_some();
        let mut path = self.path(depth);
        path.push(head.keyword.as_str());
        let inside = match body {
            Body::List => self.trust == Trust::Braces,
            Body::Block | Body::None => self.grammar.form(&path, &keyword.text).is_some(),
        };
        self.block_not_opened(&head, keyword.span, "expected before this");
        if outside && !inside {
            self.push(head);
        } else {
            let open = head.span;
            self.enter(head, body, open);
        }
    }

    pub(super) fn block_not_opened(&mut self, head: &Directive, next: Span, what: &str) {
        let message = format!("`{}` has no `{{`", title(head));
        let mut finding = Diagnostic::error(language::BLOCK_NOT_OPENED, message)
            .at(head.span)
            .help(format!("write `{} {{`", title(head)));
        if !what.is_empty() {
            finding = finding.label(next, what);
        }
        self.findings.push(finding);
    }

    pub(super) fn stray_opening_brace(&mut self, at: Span, kind: Kind, before: Before) {
        let mut finding = Diagnostic::error(
            language::STRAY_OPENING_BRACE,
            "unexpected `{`: no block begins here; it is ignored with everything up to its `}`",
        )
        .at(at);
        if let Some(last) = self.last().filter(|_| before != Before::Brace) {
            let message = match kind {
                Kind::List => "this is an entry of a list",
                Kind::Directives | Kind::Raw => "this directive has no block",
            };
            finding = finding.label(last.span, message);
        }
        self.findings.push(finding.help("put a brace that belongs to a value in double quotes"));
        self.begin(None, Kind::Raw, at, None);
    }

    pub(super) fn stray_closing_brace(&mut self, at: Span) {
        self.balanced = false;
        let mut finding =
            Diagnostic::error(language::STRAY_CLOSING_BRACE, "extra `}`: no block is open here")
                .at(at);
        if let Some(closed) = self.last_closed {
            finding = finding.label(closed, "the block before ended here");
        }
        self.findings.push(finding.help("remove it, or find the `{` that is missing above"));
    }

    /// Tells that the innermost block is not closed: at the end of the file, or before something that cannot
    /// be in it.
    pub(super) fn block_not_closed(&mut self, before: Option<(Span, &str)>) {
        self.balanced = false;
        let Some(frame) = self.frames.last() else { return };
        let name = frame.head.as_ref().map_or_else(|| "{".to_owned(), title);
        let message = format!("`{name}` is not closed: its `}}` is missing");
        let mut finding = Diagnostic::error(language::BLOCK_NOT_CLOSED, message).at(frame.open);
        if let Some((span, what)) = before {
            finding = finding.label(span, what);
        }
        self.findings.push(finding.help("write `}` where the block ends"));
    }

    pub(super) fn nested_too_deep(&mut self, at: Span) {
        self.too_deep += 1;
        if self.too_deep == 1 {
            let message = format!("blocks are nested more than {DEPTH} deep");
            self.findings.push(Diagnostic::error(language::NESTED_TOO_DEEP, message).at(at));
        }
    }

    /// The last directive is followed by a brace and unknown where it stands. Where it begins a block of an
    /// enclosing block or of the file, the blocks between were left open: they are closed, and it is entered.
    pub(super) fn belongs_further_out(&mut self, open: Span) -> bool {
        let Some(keyword) = self.last().map(|last| last.keyword.clone()) else { return false };
        let body = |depth| {
            let form = self.form(depth, &keyword.text);
            form.map(|form| form.body).filter(|body| *body != Body::None)
        };
        let levels = (0..self.frames.len()).rev();
        let Some((depth, body)) = levels.filter_map(|depth| Some((depth, body(depth)?))).next()
        else {
            return false;
        };
        let Some(head) = self.take_last() else { return false };
        let what = format!("`{}` cannot be inside it", keyword.text);
        self.close_down_to(depth, head.keyword.span, &what);
        self.enter(head, body, open);
        true
    }

    /// Closes the blocks that a line shows to have been left open: it is unknown in the innermost one, known in
    /// an enclosing one, and not indented further than the head of the block it cannot be in.
    pub(super) fn leave_blocks_left_open(&mut self, keyword: &Word) {
        let depth = self.frames.len();
        if self.form(depth, &keyword.text).is_some() || self.kind() == Kind::Raw {
            return;
        }
        let Some(column) = self.indentation(keyword.span) else { return };
        let outward = (0..depth).rev().find(|outer| {
            let block = self.frames.get(*outer).and_then(|frame| frame.head.as_ref());
            let shallow = block
                .and_then(|head| self.indentation(head.keyword.span))
                .is_some_and(|indentation| column <= indentation);
            shallow && self.form(*outer, &keyword.text).is_some()
        });
        if let Some(outer) = outward {
            let what = format!("`{}` cannot be inside it", keyword.text);
            self.close_down_to(outer, keyword.span, &what);
        }
    }

    /// Closes the blocks inside the one whose head is indented as a closing brace is.
    pub(super) fn leave_blocks_by_indentation(&mut self, close: Span) {
        let Some(column) = self.indentation(close) else { return };
        let indentations: Vec<Option<usize>> = self
            .frames
            .iter()
            .map(|frame| self.indentation(frame.head.as_ref()?.keyword.span))
            .collect();
        let Some(Some(innermost)) = indentations.last() else { return };
        if column >= *innermost {
            return;
        }
        if let Some(depth) = indentations.iter().rposition(|found| *found == Some(column)) {
            let outer = self.frames.get(depth).and_then(|frame| frame.head.as_ref());
            let outer = outer.map(title).unwrap_or_default();
            let what = format!("this `}}` is indented as that of `{outer}`");
            self.close_down_to(depth + 1, close, &what);
        }
    }

    fn close_down_to(&mut self, depth: usize, at: Span, what: &str) {
        while self.frames.len() > depth {
            self.block_not_closed(Some((at, what)));
            self.leave(None);
        }
    }

    /// Column of a span that is the first thing of its line.
    fn indentation(&self, span: Span) -> Option<usize> {
        let location = self.sources.location(span);
        let (_, line) = self.sources.file(span.file)?.line(location.line);
        let blanks = line.chars().take_while(|c| c.is_whitespace()).count();
        (location.column == blanks + 1).then_some(location.column)
    }
}

/// A block as it is named in messages: keyword and arguments.
fn title(head: &Directive) -> String {
    let words: Vec<&str> = head.words().map(|word| word.as_str()).collect();
    words.join(" ")
}
