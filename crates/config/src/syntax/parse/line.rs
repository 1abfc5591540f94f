//! A line of words as a directive.

use crate::diagnostic::{Diagnostic, language};
use crate::expand::slash_comment_at;
use crate::lexer::{Line, Words};
use crate::source::{IncludeVariant, Span};
use crate::syntax::{Body, Directive, Form, Quoting, Word};

use super::{Awaited, Before, Kind, Parser, Trust};

impl Parser<'_> {
    pub(super) fn text(&mut self, line: u64, text: Line<'_>) {
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
}
