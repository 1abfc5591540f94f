//! keepalived's own flags, all of them, with their meaning.
//!
//! They stand in countless unit files, so what has no effect yet is accepted with a warning and only the unknown
//! is refused. Optional values are attached as getopt_long does: `-tFILE`, `--config-test=FILE`.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use lexopt::{Arg, Parser};

use super::usage;
use crate::compat;

/// What the flags say.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// `-f`.
    pub(crate) config: Option<PathBuf>,
    /// `-P` and `-C`: which children run.
    pub(crate) children: Children,
    /// `--all`: start children without configuration for them.
    pub(crate) all_children: bool,
    /// `-l`: log to standard error.
    pub(crate) console: bool,
    /// `-D`, counted.
    pub(crate) detail: u8,
    /// `-S`; none under `-G`.
    pub(crate) facility: Option<u8>,
    /// `-g`.
    pub(crate) log_file: Option<PathBuf>,
    /// `-u`.
    pub(crate) umask: Option<u32>,
    /// `-V`.
    pub(crate) keep_addresses: bool,
    /// `-I`: leave virtual servers at the end.
    pub(crate) keep_services: bool,
    /// `-R`.
    pub(crate) respawn: bool,
    /// `-n`.
    pub(crate) foreground: bool,
    /// `-p`.
    pub(crate) pid_file: Option<PathBuf>,
    /// `-r`.
    pub(crate) vrrp_pid_file: Option<PathBuf>,
    /// `-c`.
    pub(crate) checkers_pid_file: Option<PathBuf>,
    /// `--control-socket`.
    pub(crate) control_socket: Option<PathBuf>,
    /// `-s`, or what the configuration says.
    pub(crate) namespace: Option<String>,
    /// The name that the configuration gives this daemon.
    pub(crate) instance: Option<String>,
    /// `-x`.
    pub(crate) snmp: bool,
    /// `-A`.
    pub(crate) snmp_socket: Option<String>,
    /// `-m`.
    pub(crate) core_dump: bool,
    /// `-a`: log addresses that come and go.
    pub(crate) monitors_addresses: bool,
    /// `-e`.
    pub(crate) all_include_checks: bool,
    /// `-i`.
    pub(crate) config_id: Option<String>,
    /// `-t`, with where to report.
    pub(crate) config_test: Option<Option<PathBuf>>,
    /// `--ignore-sigint`.
    pub(crate) ignore_interrupt: bool,
    /// The name that the program was called by.
    pub(crate) invoked_name: String,
    /// Flags without effect yet, each with its reason.
    pub(crate) warnings: Vec<String>,
    /// Words that are no flags.
    pub(crate) unexpected: Vec<String>,
    /// All words, for the log.
    pub(crate) command_line: String,
}

/// Which children run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Children {
    /// Those that the configuration needs.
    Needed,
    /// `-P`.
    VrrpOnly,
    /// `-C`.
    CheckerOnly,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// Run, or test the configuration.
    Run(Box<Options>),
    /// Print this to standard error and end.
    Print {
        /// What to print.
        text: String,
        /// With this exit code.
        code: u8,
    },
    /// `--genhash`, with what follows it.
    Genhash(Vec<OsString>),
    /// `--signum`: print this to standard output and end.
    Number(i32),
}

/// Reads the flags.
///
/// **Errors**: an unknown flag, a missing or invalid value.
pub(crate) fn parse(
    program: &OsStr,
    arguments: impl Iterator<Item = OsString>,
) -> Result<Parsed, lexopt::Error> {
    let arguments: Vec<OsString> = arguments.collect();
    let mut options = Options::new(program, &arguments);
    let mut parser = Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        // Names first, so that the parser is free for values.
        let name = match argument {
            Arg::Short(letter) => Name::Short(letter),
            Arg::Long(word) => Name::Long(word.to_owned()),
            Arg::Value(word) => {
                options.unexpected.push(word.to_string_lossy().into_owned());
                continue;
            }
        };
        if let Some(end) = one(&mut options, &name, &mut parser)? {
            return Ok(end);
        }
    }
    Ok(Parsed::Run(Box::new(options)))
}

enum Name {
    Short(char),
    Long(String),
}

fn one(
    options: &mut Options,
    name: &Name,
    parser: &mut Parser,
) -> Result<Option<Parsed>, lexopt::Error> {
    let long = match name {
        Name::Short(letter) => match long_of(*letter) {
            Some(long) => long,
            None => return Err(Arg::Short(*letter).unexpected()),
        },
        Name::Long(long) => long.as_str(),
    };
    if let Some(end) = ends(options, long, parser)? {
        return Ok(Some(end));
    }
    match long {
        "use-file" => options.config = Some(parser.value()?.into()),
        "vrrp" => options.children = Children::VrrpOnly,
        "check" => options.children = Children::CheckerOnly,
        "all" => options.all_children = true,
        "log-console" => options.console = true,
        "log-detail" => options.detail = options.detail.saturating_add(1),
        "log-facility" => options.facility = Some(facility(&parser.value()?)?),
        "log-file" => {
            let file = parser.optional_value().map(PathBuf::from);
            options.log_file =
                Some(file.unwrap_or_else(|| compat::dump::temporary("keepalived.log")));
        }
        "no-syslog" => options.facility = None,
        "umask" => options.umask = Some(umask(&parser.value()?)?),
        "dont-release-vrrp" => options.keep_addresses = true,
        "dont-release-ipvs" => options.keep_services = true,
        "dont-respawn" => options.respawn = false,
        "dont-fork" => options.foreground = true,
        "pid" => options.pid_file = Some(parser.value()?.into()),
        "vrrp_pid" => options.vrrp_pid_file = Some(parser.value()?.into()),
        "checkers_pid" => options.checkers_pid_file = Some(parser.value()?.into()),
        "control-socket" => options.control_socket = Some(parser.value()?.into()),
        "namespace" => options.namespace = Some(parser.value()?.to_string_lossy().into_owned()),
        "core-dump" => options.core_dump = true,
        "all-config" => options.all_include_checks = true,
        "config-id" => options.config_id = Some(parser.value()?.to_string_lossy().into_owned()),
        "config-test" => options.config_test = Some(parser.optional_value().map(PathBuf::from)),
        "ignore-sigint" => options.ignore_interrupt = true,
        "flush-log-file" | "no-mem-check" | "no_bfd" | "release-vips" => {
            // Lines are written at once; there is no memory check and no BFD process; addresses go with the role.
        }
        "snmp" => options.snmp = true,
        "snmp-agent-socket" => options.snmp_socket = Some(snmp_socket(&parser.value()?)?),
        "bfd_pid" | "config-fd" => {
            let _ = parser.value()?;
            options.without_effect(name);
        }
        "core-dump-pattern" => {
            let _ = parser.optional_value();
            options.core_dump = true;
            options.warnings.push(
                "core dumps are allowed, and go where `sysctl kernel.core_pattern` says: that is the whole host's, and is not \
                 changed here"
                    .to_owned(),
            );
        }
        "address-monitoring" => options.monitors_addresses = true,
        "dump-conf" => options.warnings.push(
            "the configuration is not logged: SIGUSR1 writes it to a file, and `steadfast status` shows it at work"
                .to_owned(),
        ),
        "perf" | "debug" => {
            let _ = parser.optional_value();
            options.without_effect(name);
        }
        _ => return Err(Arg::Long(long).unexpected()),
    }
    Ok(None)
}

/// Flags that print something and end.
fn ends(
    options: &Options,
    long: &str,
    parser: &mut Parser,
) -> Result<Option<Parsed>, lexopt::Error> {
    let end = match long {
        "version" => Parsed::Print { text: compat::version_text(&options.invoked_name), code: 0 },
        "help" => Parsed::Print { text: usage::help(&options.invoked_name), code: 0 },
        "genhash" => Parsed::Genhash(parser.raw_args()?.collect()),
        "signum" => {
            let name = parser.value()?.to_string_lossy().into_owned();
            match compat::signal_number(&name) {
                Some(number) => Parsed::Number(number),
                None => Parsed::Print { text: format!("Unknown sigfunc {name}\n"), code: 1 },
            }
        }
        _ => return Ok(None),
    };
    Ok(Some(end))
}

impl Options {
    fn new(program: &OsStr, arguments: &[OsString]) -> Self {
        let path = PathBuf::from(program);
        let invoked_name = path
            .file_name()
            .map_or_else(|| "steadfast".to_owned(), |name| name.to_string_lossy().into_owned());
        let words: Vec<String> =
            arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        Self {
            config: None,
            children: Children::Needed,
            all_children: false,
            console: false,
            detail: 0,
            facility: Some(FACILITY_DAEMON),
            log_file: None,
            umask: None,
            keep_addresses: false,
            keep_services: false,
            respawn: true,
            foreground: false,
            pid_file: None,
            vrrp_pid_file: None,
            checkers_pid_file: None,
            control_socket: None,
            namespace: None,
            instance: None,
            snmp: false,
            snmp_socket: None,
            core_dump: false,
            monitors_addresses: false,
            all_include_checks: false,
            config_id: None,
            config_test: None,
            ignore_interrupt: false,
            command_line: format!("{invoked_name} {}", words.join(" ")),
            invoked_name,
            warnings: Vec::new(),
            unexpected: Vec::new(),
        }
    }

    /// Where the control socket of a daemon with these options is.
    pub(crate) fn control_socket(&self) -> PathBuf {
        crate::parent::control_socket(self.control_socket.as_deref(), self.pid_file.as_deref())
    }

    /// What tells this daemon from others in the names of its log and its files: namespace and instance.
    pub(crate) fn names(&self) -> String {
        compat::names(self.namespace.as_deref(), self.instance.as_deref())
    }

    /// Makes relative names absolute, for a daemon that changes its directory.
    pub(crate) fn make_absolute(&mut self) {
        let files = [
            &mut self.config,
            &mut self.log_file,
            &mut self.pid_file,
            &mut self.vrrp_pid_file,
            &mut self.checkers_pid_file,
            &mut self.control_socket,
        ];
        for file in files.into_iter().flatten() {
            if let Ok(absolute) = std::path::absolute(&file) {
                *file = absolute;
            }
        }
    }

    fn without_effect(&mut self, name: &Name) {
        let written = match name {
            Name::Short(letter) => format!("-{letter}"),
            Name::Long(long) => format!("--{long}"),
        };
        self.warnings.push(format!("option {written} has no effect in this release"));
    }
}

fn long_of(letter: char) -> Option<&'static str> {
    LETTERS.iter().find(|(short, _)| *short == letter).map(|(_, long)| *long)
}

fn facility(value: &OsStr) -> Result<u8, lexopt::Error> {
    let text = value.to_string_lossy();
    let local = text.strip_prefix("local").unwrap_or(&text);
    match (text.as_ref(), local.parse::<u8>()) {
        ("user", _) => Ok(1),
        ("daemon", _) => Ok(FACILITY_DAEMON),
        (_, Ok(number @ 0..=7)) => Ok(FACILITY_LOCAL0 + number),
        _ => {
            Err(format!("invalid log facility {text}: 0 to 7, local0 to local7, user or daemon")
                .into())
        }
    }
}

fn snmp_socket(value: &OsStr) -> Result<String, lexopt::Error> {
    let text = value.to_string_lossy().into_owned();
    match config::snmp_master(&text) {
        Some(_) => Ok(text),
        None => Err(format!(
            "invalid address {text} of a master agent: unix:/path, tcp:host:port or tcp6:[address]:port"
        )
        .into()),
    }
}

fn umask(value: &OsStr) -> Result<u32, lexopt::Error> {
    let text = value.to_string_lossy();
    config::umask_number(&text).ok_or_else(|| format!("invalid umask {text}").into())
}

const LETTERS: [(char, &str); 34] = [
    ('f', "use-file"),
    ('P', "vrrp"),
    ('C', "check"),
    ('B', "no_bfd"),
    ('l', "log-console"),
    ('D', "log-detail"),
    ('S', "log-facility"),
    ('g', "log-file"),
    ('G', "no-syslog"),
    ('u', "umask"),
    ('X', "release-vips"),
    ('V', "dont-release-vrrp"),
    ('I', "dont-release-ipvs"),
    ('R', "dont-respawn"),
    ('n', "dont-fork"),
    ('d', "dump-conf"),
    ('p', "pid"),
    ('r', "vrrp_pid"),
    ('c', "checkers_pid"),
    ('b', "bfd_pid"),
    ('T', "genhash"),
    ('a', "address-monitoring"),
    ('x', "snmp"),
    ('A', "snmp-agent-socket"),
    ('s', "namespace"),
    ('m', "core-dump"),
    ('M', "core-dump-pattern"),
    ('e', "all-config"),
    ('i', "config-id"),
    ('t', "config-test"),
    ('v', "version"),
    ('h', "help"),
    ('L', "no-mem-check"),
    ('O', "no-mem-check"),
];

const FACILITY_DAEMON: u8 = 3;
const FACILITY_LOCAL0: u8 = 16;
