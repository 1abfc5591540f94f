//! `cargo xtask lab COMMAND`: runs it on a virtual machine whose kernel is Debian's, which has what many kernels lack:
//! IPVS, ipvlan, dummy, VLAN and VRF links.
//!
//! The machine is QEMU without acceleration, so that it is the same everywhere. It sees this system's files, with
//! changes that end with it; nothing is written to them, and it has no network. The kernel is unpacked below the
//! `target` folder and never installed: removing `target/lab` fetches it anew.

mod archive;
mod machine;
mod parts;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::metadata;
use crate::packages::{self, Provision};
use crate::process::Guard;
pub(crate) use machine::{Ended, Script};
use parts::Parts;

/// A virtual machine that can be started.
pub(crate) struct Lab<'a> {
    guard: &'a Guard,
    folder: &'a Path,
    parts: Parts,
}

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    limit: Duration,
    command: Vec<String>,
}

/// Runs the command. Its output is ours, and so is its exit code; what we say of the machine goes to standard error.
///
/// **Errors**: the machine cannot be had, does not start, dies, or takes too long.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<ExitCode> {
    let request = Request::parse(arguments)?;
    let guard = Guard::new()?;
    let folder = metadata::of_workspace()?.target_directory.join(FOLDER);
    let say = |line: &str| eprintln!("lab: {line}");
    let lab = Lab::provide(&guard, &folder, true, say)?;
    let script = Script::of_command(&metadata::root()?, std::env::vars_os(), &request.command);
    match lab.play(&script, request.limit, say, |line| println!("{line}"))? {
        Ended::With(code) => Ok(ExitCode::from(code)),
        Ended::TooLate => bail!("ended after {} minutes", request.limit.as_secs() / 60),
        Ended::Died(reason) => bail!("{reason}"),
    }
}

impl<'a> Lab<'a> {
    /// Fetches what is missing of QEMU and the kernel. `say` hears of what takes long.
    ///
    /// **Errors**: it cannot be had here, with the remedy.
    pub(crate) fn provide(
        guard: &'a Guard,
        folder: &'a Path,
        installs: bool,
        mut say: impl FnMut(&str),
    ) -> anyhow::Result<Self> {
        if let Provision::Missing(remedy) =
            packages::provide(guard, packages::LAB, installs, &mut say)?
        {
            bail!("QEMU or what goes with it is {remedy}");
        }
        let parts = Parts::provide(guard, folder, say).context("cannot have Debian's kernel")?;
        Ok(Self { guard, folder, parts })
    }
}

impl Request {
    fn parse(arguments: &[String]) -> anyhow::Result<Self> {
        let mut limit = LIMIT;
        let mut rest = arguments;
        if let [option, value, after @ ..] = rest
            && option == "--minutes"
        {
            let minutes: u32 = value.parse().context("--minutes takes a number")?;
            limit = Duration::from_secs(u64::from(minutes) * 60);
            rest = after;
        }
        if let [option, after @ ..] = rest
            && option == "--"
        {
            rest = after;
        }
        match rest.first() {
            Some(command) if !command.starts_with('-') => {
                Ok(Self { limit, command: rest.to_vec() })
            }
            _ => bail!("usage: cargo xtask lab [--minutes N] COMMAND [ARGUMENT..]"),
        }
    }
}

/// `text` as one word of a shell.
pub(crate) fn quoted(text: impl Into<OsString>) -> Vec<u8> {
    let mut word = vec![b'\''];
    for &byte in text.into().as_bytes() {
        if byte == b'\'' { word.extend(b"'\\''") } else { word.push(byte) }
    }
    word.push(b'\'');
    word
}

/// Where everything is kept, below the `target` folder.
pub(crate) const FOLDER: &str = "lab";
/// For a command whose author says nothing.
const LIMIT: Duration = Duration::from_secs(10 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> anyhow::Result<Request> {
        Request::parse(&arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn what_follows_the_options_is_the_command() {
        let request = parse(&["ip", "--json", "link"]).unwrap();
        assert_eq!((request.limit.as_secs(), request.command.len()), (600, 3));
        let request = parse(&["--minutes", "2", "--", "ip"]).unwrap();
        assert_eq!((request.limit.as_secs(), request.command), (120, vec!["ip".to_owned()]));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for arguments in [&[][..], &["--"], &["--minutes", "2"], &["--help"]] {
            let error = parse(arguments).unwrap_err().to_string();
            assert!(error.starts_with("usage: "), "{error}");
        }
        assert_eq!(
            parse(&["--minutes", "x", "ip"]).unwrap_err().to_string(),
            "--minutes takes a number"
        );
    }

    #[test]
    fn words_survive_a_shell() {
        for word in ["", "a b", "it's", "$HOME `id` \\ \"", "line\nbreak", "*"] {
            let line = [b"printf %s ".to_vec(), quoted(word)].concat();
            let line = String::from_utf8(line).unwrap();
            let output = std::process::Command::new("sh").args(["-c", &line]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
    }
}
