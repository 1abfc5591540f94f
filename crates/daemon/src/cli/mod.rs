//! The command line: keepalived's flags, and sub-commands of our own.

mod ask;
mod check;
mod commands;
mod flags;
mod genhash;
mod server;
mod usage;

use std::ffi::OsString;
use std::process::ExitCode;

#[cfg(test)]
pub(crate) use flags::Parsed;
pub(crate) use flags::parse;
pub(crate) use flags::{Children, Options};

use crate::terminal::{eprint, print};
use crate::{compat, demo, parent};

/// How an invocation is to be answered.
pub(crate) fn run(arguments: Vec<OsString>) -> ExitCode {
    let program = arguments.first().cloned().unwrap_or_default();
    let first = arguments.get(1).map(|argument| argument.to_string_lossy().into_owned());
    if is_called(&program, "genhash") {
        return genhash::run(arguments.into_iter().skip(1));
    }
    match first.as_deref() {
        Some("--genhash" | "-T") => genhash::run(arguments.into_iter().skip(2)),
        Some(word) if usage::is_command(word) => commands::run(arguments),
        // `run` takes the same flags as none at all.
        Some("run") => daemon(&program, arguments.into_iter().skip(2)),
        // keepalived ignores words that are no flags; under our own name one in this place is a slip.
        Some(word) if !word.starts_with('-') && !is_called(&program, "keepalived") => {
            eprint(&format!(
                "{}: unknown command `{word}`\nTry `{0} --help`.\n",
                program.to_string_lossy()
            ));
            ExitCode::from(compat::exit::FATAL)
        }
        _ => daemon(&program, arguments.into_iter().skip(1)),
    }
}

/// What the flags of a daemon say.
///
/// **Errors**: they start no daemon; why, in words.
pub(crate) fn options(arguments: Vec<OsString>) -> Result<Options, String> {
    let program = arguments.first().cloned().unwrap_or_default();
    let is_named = arguments.get(1).is_some_and(|word| word == "run");
    match parse(&program, arguments.into_iter().skip(if is_named { 2 } else { 1 })) {
        Ok(flags::Parsed::Run(options)) if options.config_test.is_none() => Ok(*options),
        Ok(_) => Err("it asks for something else than a daemon".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn is_called(program: &OsString, word: &str) -> bool {
    std::path::Path::new(program).file_name().is_some_and(|name| name == word)
}

fn daemon(program: &OsString, arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let options = match parse(program, arguments) {
        Ok(flags::Parsed::Run(options)) => options,
        Ok(flags::Parsed::Print { text, code }) => {
            eprint(&text);
            return ExitCode::from(code);
        }
        Ok(flags::Parsed::Genhash(arguments)) => {
            eprint("Warning -- `genhash` not used as first option, previous options ignored\n");
            return genhash::run(arguments);
        }
        Ok(flags::Parsed::Number(number)) => {
            print(&format!("{number}\n"));
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprint(&format!("{}: {error}\nTry `{0} --help`.\n", program.to_string_lossy()));
            return ExitCode::from(1);
        }
    };
    if !options.unexpected.is_empty() {
        print(&format!("Unexpected argument(s): {}\n", options.unexpected.join(" ")));
    }
    match &options.config_test {
        Some(report) => check::config_test(&options, report.as_deref()),
        None => parent::run(*options),
    }
}

/// Runs the demonstration.
fn demonstrate(options: &demo::Options) -> ExitCode {
    demo::run(options)
}
