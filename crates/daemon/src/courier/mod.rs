//! The courier: a process that takes e-mail to its server and ends.
//!
//! Names are resolved and connections made here, and nowhere else: whatever hangs, hangs here. The parent gives it an
//! [`Errand`] in a sealed memory file, hears of each letter over the channel, and kills it when its time is over. It
//! holds no capability when it speaks to the world.

mod conversation;
mod plain;

use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd as _;
use std::process::ExitCode;

use control::{Credentials, Errand, Letter, Password, Report, Security};
use kernel::process::MemoryFile;
use kernel::socket::Channel;
use lettre::transport::smtp::authentication::Credentials as Login;
use lettre::transport::smtp::client::Certificate;

use self::conversation::{Conversation, Refusal};
use crate::compat::exit;
use crate::terminal;

/// The argument that makes a process a courier.
pub(crate) const ARGUMENT: &str = "--role=mail";

/// Whether the parent started this process to take e-mail.
pub(crate) fn is_wanted(arguments: &[OsString]) -> bool {
    arguments.get(1).is_some_and(|argument| argument == OsStr::new(ARGUMENT))
}

/// Takes the letters of the errand in descriptor 4, and says how that went over descriptor 3.
pub(crate) fn run() -> ExitCode {
    let errand = kernel::inherited_pair().and_then(|(channel, memory)| {
        let bytes = MemoryFile::read(memory.as_fd()).ok()?;
        Some((Channel::from_descriptor(channel), control::decode::<Errand>(&bytes).ok()?))
    });
    let Some((channel, errand)) = errand else {
        terminal::eprint(&format!("{ARGUMENT} is for processes that steadfast starts itself\n"));
        return ExitCode::from(exit::FATAL);
    };
    // There is room for more than a run says; a parent that is gone needs no word.
    let mut report = |report: &Report| drop(channel.send(&control::encode(report), None));
    match deliver(&errand, &mut report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            report(&Report::Failed { why });
            ExitCode::from(exit::FATAL)
        }
    }
}

/// Takes one letter after the other; what is not reported when this ends was not sent.
///
/// **Errors**: why, in a phrase.
fn deliver(errand: &Errand, report: &mut impl FnMut(&Report)) -> Result<(), String> {
    let login = errand.credentials.as_ref().map(login).transpose()?;
    let trusted = errand.trusted.as_deref().map(certificate).transpose()?;
    let failed = |what: &str, error: &dyn std::fmt::Display| format!("{what}: {error}");
    kernel::process::drop_to(&[]).map_err(|error| failed("privileges", &error))?;
    kernel::process::forbid_new_privileges().map_err(|error| failed("privileges", &error))?;
    let mut conversation = Conversation::begin(errand, login, trusted)?;
    for letter in &errand.letters {
        report(&one(&mut conversation, errand, letter)?);
    }
    conversation.end();
    Ok(())
}

/// Takes one letter.
///
/// **Errors**: it could not be sent, and may be tried again.
fn one(
    conversation: &mut Conversation,
    errand: &Errand,
    letter: &Letter,
) -> Result<Report, String> {
    let number = letter.number;
    let sender = conversation.command(&format!("MAIL FROM:<{}>", errand.from));
    if let Err(refusal) = sender {
        return refused(conversation, number, "sender", refusal);
    }
    let mut without = Vec::new();
    let mut later = None;
    let mut somebody = false;
    for recipient in &errand.recipients {
        match conversation.command(&format!("RCPT TO:<{recipient}>")) {
            Ok(()) => somebody = true,
            Err(Refusal::ForGood(why)) => without.push(format!("{recipient}: {why}")),
            Err(Refusal::Gone(why)) => return Err(why),
            Err(Refusal::ForNow(why)) => {
                without.push(format!("{recipient}: {why}"));
                later = Some(why);
            }
        }
    }
    if !somebody {
        // Who is asked to come back later by all comes back; who is refused by all does not.
        let refusal = later.map_or_else(|| Refusal::ForGood(without.join(", ")), Refusal::ForNow);
        return refused(conversation, number, "every recipient", refusal);
    }
    match conversation.text(&letter.text) {
        Ok(()) => Ok(Report::Delivered { number, without }),
        Err(refusal) => refused(conversation, number, "text", refusal),
    }
}

/// What is made of a refusal of something that a letter cannot do without.
fn refused(
    conversation: &mut Conversation,
    number: u64,
    what: &str,
    refusal: Refusal,
) -> Result<Report, String> {
    match refusal {
        Refusal::ForGood(why) => {
            // The next letter begins anew; a server that is gone by now is noticed there.
            let _ = conversation.command("RSET");
            Ok(Report::Refused { number, why: format!("{what}: {why}") })
        }
        Refusal::ForNow(why) | Refusal::Gone(why) => Err(format!("{what}: {why}")),
    }
}

fn login(credentials: &Credentials) -> Result<Login, String> {
    let password = match &credentials.password {
        Password::Text(text) => text.clone(),
        Password::File(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("password file {path}: {error}"))?;
            text.lines().next().unwrap_or_default().to_owned()
        }
    };
    Ok(Login::new(credentials.user.clone(), password))
}

fn certificate(path: &str) -> Result<Certificate, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("certificates {path}: {error}"))?;
    Certificate::from_pem(&bytes).map_err(|error| format!("certificates {path}: {error}"))
}

/// What a server is spoken to with, where it is not spoken to in plain text.
const fn is_protected(errand: &Errand) -> bool {
    !matches!(errand.security, Security::None) || errand.credentials.is_some()
}
