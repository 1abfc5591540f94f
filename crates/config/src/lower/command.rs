//! Commands: `notify*`, `script`, and the like.

use super::report::Reports;
use crate::diagnostic::keyword as codes;
use crate::model::{Command, User};
use crate::syntax::{Directive, Word, split_command};

/// Lowers `KEYWORD COMMAND [USER [GROUP]]`; nothing where there is no command, or none that can be split.
pub(super) fn lower(directive: &Directive, reports: &Reports<'_>) -> Option<Command> {
    let (command, rest) = directive.arguments.split_first()?;
    let words = split_command(&command.text).ok().filter(|words| !words.is_empty())?;
    let location = reports.location(directive.keyword.span);
    Some(Command { words, user: user(rest), location })
}

/// Lowers `USER [[:]GROUP]`.
pub(super) fn user(words: &[Word]) -> Option<User> {
    let (user, rest) = words.split_first()?;
    let group = rest.iter().map(|word| word.text.trim_start_matches(':')).find(|it| !it.is_empty());
    Some(User { name: user.text.clone(), group: group.map(str::to_owned) })
}

/// Says that a block has no command, without which it is nothing.
pub(super) fn missing(block: &Directive, keyword: &str, reports: &mut Reports<'_>) {
    let name = block.arguments.first().unwrap_or(&block.keyword);
    reports
        .warning(
            codes::INVALID_ARGUMENT,
            format!("{} `{}` has no `{keyword}`: it is left out", block.keyword.text, name.text),
            name.span,
        )
        .help(format!("add `{keyword}` to the block"));
}
