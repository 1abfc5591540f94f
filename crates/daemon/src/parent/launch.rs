//! From a command line to a daemon: the configuration, the place, the pid files, the background, in this order.

use std::os::fd::OwnedFd;
use std::process::ExitCode;

use control::Severity;
use rustix::fs::{Mode, OFlags};

use super::loaded::{self, Loaded};
use super::pid_file::PidFiles;
use super::succession::Origin;
use super::{Parent, place, upkeep};
use crate::cli::Options;
use crate::compat::{self, exit};
use crate::log::{Identity, Sinks, SinksOptions};
use crate::terminal::eprint;

/// Runs the daemon.
pub(crate) fn run(mut options: Options) -> ExitCode {
    let mut directory = None;
    if !options.foreground {
        options.make_absolute();
        directory = current_directory();
    }
    kernel::process::set_name(&options.invoked_name);
    upkeep::apply_umask(&options, None);
    let origin = Origin::find();
    let read = || Loaded::read(&options, loaded::start_options(&options));
    let mut loaded = match origin.configuration(&options).map_or_else(read, Ok) {
        Ok(loaded) => loaded,
        Err(refusal) => return refuse(&options, &refusal.lines, refusal.code),
    };
    let checker_place = match place::take_up(&mut options, &loaded.global.place, &origin) {
        Ok(checker_place) => checker_place,
        Err(problem) => return refuse(&options, &[problem], exit::FATAL),
    };
    loaded.settle(&options);
    upkeep::apply_umask(&options, loaded.global.upkeep.umask);
    if options.core_dump
        && let Err(errno) = kernel::process::allow_core_dumps()
    {
        options.warnings.push(format!("cannot allow core dumps: {errno}"));
    }
    let pid_files = match PidFiles::claim(&options) {
        Ok(pid_files) => pid_files,
        Err(error) => return refuse(&options, &[error.to_string()], exit::FATAL),
    };
    if !options.foreground
        && let Err(errno) = go_into_background(&origin)
    {
        eprint(&format!("cannot go into the background: {errno}\n"));
        return ExitCode::from(exit::FATAL);
    }
    match Parent::new(options, loaded, pid_files) {
        Ok(mut parent) => {
            parent.checker_place = checker_place;
            parent.directory = directory;
            ExitCode::from(parent.serve(origin))
        }
        Err(error) => {
            eprint(&format!("cannot start: {error:#}\n"));
            ExitCode::from(exit::FATAL)
        }
    }
}

/// Says why nothing is started, to whoever started us and to the log.
fn refuse(options: &Options, lines: &[String], code: u8) -> ExitCode {
    for line in lines {
        eprint(&format!("{line}\n"));
    }
    let mut sinks = Sinks::open(&SinksOptions { console: false, ..sinks_options(options) }).0;
    let identity = identity(options);
    lines.iter().for_each(|line| sinks.write(&identity, Severity::Error, line));
    sinks.finish();
    ExitCode::from(code)
}

fn current_directory() -> Option<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(".", flags, Mode::empty()).ok()
}

/// One that takes a daemon over is there already, but for its directory.
fn go_into_background(origin: &Origin) -> nix::Result<()> {
    if origin.is_daemon() { nix::unistd::chdir("/") } else { nix::unistd::daemon(false, false) }
}

pub(super) fn identity(options: &Options) -> Identity {
    let name = compat::ident(&options.invoked_name, None, &options.names());
    Identity { name, pid: std::process::id() }
}

pub(super) fn sinks_options(options: &Options) -> SinksOptions {
    SinksOptions {
        facility: options.facility,
        console: options.console && options.foreground,
        file: options.log_file.clone(),
    }
}
