//! The courier: a process that takes e-mail to its server and ends.
//!
//! Names are resolved and connections made here, and nowhere else: whatever hangs, hangs here. The parent gives it an
//! [`Errand`] in a sealed memory file, hears of each letter over the channel, and kills it when its time is over. It
//! holds no capability when it speaks to the world, has bounded memory, and is the first to go when there is none left.

mod conversation;
mod plain;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::ExitCode;

use control::{Credentials, Errand, Letter, Password, Report, Security};
use kernel::process::MemoryFile;
use kernel::socket::Channel;
use lettre::transport::smtp::authentication::Credentials as Login;
use lettre::transport::smtp::client::Certificate;

use self::conversation::{Conversation, Refusal};
use crate::compat::exit;
use crate::{load, signals, terminal};

/// The argument that makes a process a courier.
pub(crate) const ARGUMENT: &str = "--role=mail";

/// Whether the parent started this process to take e-mail.
pub(crate) fn is_wanted(arguments: &[OsString]) -> bool {
    arguments.get(1).is_some_and(|argument| argument == OsStr::new(ARGUMENT))
}

/// Takes the letters of the errand in descriptor 4, and says how that went over descriptor 3.
pub(crate) fn run() -> ExitCode {
    // Mail is worth less than whatever else runs here. Without these it is taken all the same.
    let _ = kernel::process::limit_memory(MEMORY);
    let _ = kernel::process::go_first_when_memory_is_out();
    let _ = signals::leave_to_parent(&[]);
    let errand = kernel::inherited_pair().and_then(|(channel, memory)| {
        let bytes = MemoryFile::read(memory.as_fd()).ok()?;
        Some((Channel::from_descriptor(channel), control::decode::<Errand>(&bytes).ok()?))
    });
    let Some((channel, errand)) = errand else {
        terminal::eprint(&format!("{ARGUMENT} is for processes that steadfast starts itself\n"));
        return ExitCode::from(exit::FATAL);
    };
    // There is room for more than a run says; a parent that is gone needs no word.
    let mut report = |report: Report| drop(channel.send(&control::encode(&report.brief()), None));
    match deliver(&errand, &mut report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            report(Report::Failed { why });
            ExitCode::from(exit::FATAL)
        }
    }
}

/// Takes one letter after the other; what is not reported when this ends was not sent.
///
/// **Errors**: why, in a phrase.
fn deliver(errand: &Errand, report: &mut impl FnMut(Report)) -> Result<(), String> {
    let login = errand.credentials.as_ref().map(login).transpose()?;
    let trusted = errand.trusted.as_deref().map(certificate).transpose()?;
    let failed = |what: &str, error: &dyn std::fmt::Display| format!("{what}: {error}");
    kernel::process::drop_to(&[]).map_err(|error| failed("privileges", &error))?;
    kernel::process::forbid_new_privileges().map_err(|error| failed("privileges", &error))?;
    let mut conversation = Conversation::begin(errand, login, trusted)?;
    let mut busy = BTreeSet::new();
    for letter in &errand.letters {
        report(one(&mut conversation, errand, letter, &mut busy)?);
    }
    conversation.end();
    Ok(())
}

/// Takes one letter. Recipients that the server wants to be asked about later are `busy` from then on: what follows
/// shall not overtake what they did not get.
///
/// **Errors**: it could not be sent, and may be tried again.
fn one<'e>(
    conversation: &mut Conversation,
    errand: &'e Errand,
    letter: &'e Letter,
    busy: &mut BTreeSet<&'e str>,
) -> Result<Report, String> {
    let number = letter.number;
    let mut answers = Answers::default();
    let all_are_busy = letter.recipients.iter().all(|it| busy.contains(it.as_str()));
    if !all_are_busy {
        let sender = conversation.command(&format!("MAIL FROM:<{}>", errand.from));
        if let Err(refusal) = sender {
            return refused(conversation, number, "sender", refusal);
        }
    }
    for (place, recipient) in (0..).zip(&letter.recipients) {
        if busy.contains(recipient.as_str()) {
            answers.places.push(place);
            continue;
        }
        match conversation.command(&format!("RCPT TO:<{recipient}>")) {
            Ok(()) => answers.somebody = true,
            Err(Refusal::ForGood(why)) => answers.without.push(format!("{recipient}: {why}")),
            Err(Refusal::ForNow(why)) => {
                busy.insert(recipient);
                answers.places.push(place);
                answers.later.push(format!("{recipient}: {why}"));
            }
            Err(Refusal::Gone(why)) => return Err(why),
        }
    }
    if answers.somebody {
        if let Err(refusal) = conversation.text(&letter.text) {
            return refused(conversation, number, "text", refusal);
        }
    } else if answers.places.is_empty() {
        let refusal = Refusal::ForGood(answers.without.join(", "));
        return refused(conversation, number, "every recipient", refusal);
    } else if !all_are_busy {
        let _ = conversation.command("RSET");
    }
    Ok(answers.into_report(number))
}

/// What a server says of the recipients of one letter.
#[derive(Default)]
struct Answers {
    /// It takes the letter for one of them.
    somebody: bool,
    /// Places of those whom it wants to be asked about later.
    places: Vec<u32>,
    /// Why, of those that were asked for.
    later: Vec<String>,
    /// Whom it refuses for good, and why.
    without: Vec<String>,
}

impl Answers {
    fn into_report(self, number: u64) -> Report {
        let Self { places, later, without, .. } = self;
        if places.is_empty() {
            Report::Delivered { number, without }
        } else {
            Report::Deferred { number, places, later, without }
        }
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
            let said = |why: &str| format!("password file {path}: {why}");
            let bytes = load::secret(Path::new(path), PASSWORD).map_err(|why| said(&why))?;
            let text = String::from_utf8(bytes).map_err(|_| said("not text"))?;
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

/// Bytes of address space: libraries, certificates and letters take a tenth of it.
const MEMORY: u64 = 256 << 20;
/// Bytes in the file of a password.
const PASSWORD: u64 = 4096;
