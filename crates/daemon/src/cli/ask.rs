//! Commands that ask a running daemon.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use status::{
    Ask, Event, Health, Line, LineError, Look, Reload, Report, Request, Step, Upgraded, VERSION,
};

use crate::compat::{self, exit};
use crate::terminal::{eprint, print};
use crate::{log, parent};

/// Which daemon is asked.
#[derive(Debug, Args)]
pub(super) struct Where {
    /// The control socket of the daemon.
    #[arg(long)]
    control_socket: Option<PathBuf>,
    /// The pid file of a daemon that was started with one: its socket lies beside it.
    #[arg(short, long)]
    pid: Option<PathBuf>,
}

impl Where {
    /// Where that one listens: at the usual place, or alone in the directory of daemons that have names.
    fn socket(&self) -> PathBuf {
        let usual = parent::control_socket(self.control_socket.as_deref(), self.pid.as_deref());
        if self.control_socket.is_some() || self.pid.is_some() || usual.exists() {
            return usual;
        }
        match named_sockets().as_slice() {
            [one] => one.clone(),
            [] | [_, ..] => usual,
        }
    }
}

/// The sockets of daemons that have names, and of those in a namespace.
fn named_sockets() -> Vec<PathBuf> {
    let beside = ["*.sock", "*/*.sock"].map(|it| format!("{}/{it}", compat::PID_DIRECTORY));
    let found = beside.iter().filter_map(|pattern| glob::glob(pattern).ok());
    found.flat_map(|paths| paths.take(SOCKETS).filter_map(Result::ok)).collect()
}

/// Why there is nothing to show.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nobody listens.
    NotRunning(PathBuf),
    /// The daemon says why.
    Refused(LineError),
    /// Something went wrong on the way.
    Broken(String),
}

impl Failure {
    /// Says it; the exit code.
    pub(super) fn say(&self) -> ExitCode {
        let (text, code) = match self {
            Self::NotRunning(path) => (
                {
                    let others: Vec<String> =
                        named_sockets().iter().map(|it| format!("\n  {}", it.display())).collect();
                    let others = match others.as_slice() {
                        [] => String::new(),
                        _ => format!("; there are (--control-socket):{}", others.concat()),
                    };
                    format!(
                        "no daemon listens at {}: none runs, or it was started with another pid file (-p) or --control-socket{others}",
                        path.display()
                    )
                },
                exit::NOT_RUNNING,
            ),
            Self::Refused(error) => (
                error.text().to_owned(),
                match error {
                    LineError::Instance(_) => exit::UNKNOWN,
                    LineError::Silent(_) => exit::IMPAIRED,
                    LineError::Request(_)
                    | LineError::Version(_)
                    | LineError::Busy(_)
                    | LineError::Upgrade(_) => exit::FATAL,
                    LineError::Configuration(_) => exit::CONFIG_TEST_FAILED,
                },
            ),
            Self::Broken(text) => (text.clone(), exit::FATAL),
        };
        eprint(&format!("{text}\n"));
        ExitCode::from(code)
    }
}

/// `status`.
pub(super) fn status(daemon: &Where, json: bool, name: Option<String>) -> ExitCode {
    let is_one = name.is_some();
    let mut report = Report::default();
    let request = Request { instance: name, ..Request::new(Ask::Status) };
    let end = ask(daemon, &request, PATIENCE, |line| report.take(line));
    // What is known is shown even where the rest is missing.
    let silent = matches!(end, Err(Failure::Refused(LineError::Silent(_))));
    if end.is_ok() || silent {
        let text = match (json, is_one) {
            (true, _) => format!("{}\n", report.to_json()),
            (false, true) => status::named(&report, &LOOK),
            (false, false) if silent && report.has_nothing() => status::head(&report, &LOOK),
            (false, false) => status::table(&report, &LOOK),
        };
        show(&text);
    }
    match (end, report.health()) {
        (Err(failure), _) => failure.say(),
        (Ok(_), Health::Fine) => ExitCode::SUCCESS,
        (Ok(_), Health::Impaired) => ExitCode::from(exit::IMPAIRED),
    }
}

/// `why`.
pub(super) fn why(daemon: &Where, json: bool, name: Option<String>) -> ExitCode {
    let mut report = Report::default();
    let request = Request { instance: name, ..Request::new(Ask::History) };
    if let Err(failure) = ask(daemon, &request, PATIENCE, |line| report.take(line)) {
        return failure.say();
    }
    show(&if json {
        events_to_json(&report.events)
    } else {
        status::history(&report.events, &LOOK)
    });
    ExitCode::SUCCESS
}

/// `reload`.
pub(super) fn reload(daemon: &Where) -> ExitCode {
    let request = Request::new(Ask::Reload);
    let mut report = Report::default();
    match ask(daemon, &request, RELOAD_PATIENCE, |line| report.take(line)) {
        Ok(Line::Reload(Reload { succeeded: true, lines, .. })) => {
            show(&lines.iter().map(|line| format!("{line}\n")).collect::<String>());
            ExitCode::SUCCESS
        }
        Ok(Line::Reload(Reload { lines, .. })) => {
            refused(&lines, "RELOAD FAILED: the running configuration stays in force")
        }
        Ok(_) => Failure::Broken("the daemon does not say how it went".to_owned()).say(),
        Err(failure) => failure.say(),
    }
}

/// `reload --plan`.
pub(super) fn plan(daemon: &Where, file: Option<&Path>) -> ExitCode {
    let file = file.map(|file| std::path::absolute(file).unwrap_or_else(|_| file.to_owned()));
    let file = file.map(|file| file.display().to_string());
    let request = Request { file, ..Request::new(Ask::Plan) };
    let (mut report, mut steps) = (Report::default(), Vec::new());
    let end = ask(daemon, &request, RELOAD_PATIENCE, |line| {
        let line = report.take(line)?;
        if let Line::Plan(planned) = line {
            steps.push(planned);
            return None;
        }
        Some(line)
    });
    match end {
        Ok(Line::Reload(Reload { lines, .. })) => {
            refused(&lines, "a reload would fail: the running configuration would stay in force")
        }
        Ok(_) => {
            show(&status::plan(&steps));
            let changes = steps.iter().any(|planned| planned.step != Step::Keep);
            if changes { ExitCode::from(exit::CHANGES) } else { ExitCode::SUCCESS }
        }
        Err(failure) => failure.say(),
    }
}

/// What is wrong with a configuration, and what comes of it.
fn refused(lines: &[String], outcome: &str) -> ExitCode {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    eprint(&printable(&format!("{text}{outcome}\n")));
    ExitCode::from(exit::CONFIG_TEST_FAILED)
}

/// `upgrade`.
pub(super) fn upgrade(daemon: &Where) -> ExitCode {
    let program = match std::env::current_exe() {
        Ok(program) => program.display().to_string(),
        Err(error) => return Failure::Broken(error.to_string()).say(),
    };
    let file = Some(program);
    let request = Request { file, ..Request::new(Ask::Upgrade) };
    let mut report = Report::default();
    match ask(daemon, &request, UPGRADE_PATIENCE, |line| report.take(line)) {
        Ok(Line::Upgraded(Upgraded { pid, from, to })) => {
            show(&format!("process {pid} went over from v{from} to v{to}\n"));
            ExitCode::SUCCESS
        }
        Ok(_) => Failure::Broken("the daemon does not say how it went".to_owned()).say(),
        Err(failure) => {
            let code = failure.say();
            if !matches!(failure, Failure::NotRunning(_)) {
                eprint("NOT UPGRADED\n");
            }
            code
        }
    }
}

/// Asks, and has the answer taken in line by line; gives the line that was not taken, which is the last.
pub(super) fn ask(
    daemon: &Where,
    request: &Request,
    patience: Duration,
    mut take: impl FnMut(Line) -> Option<Line>,
) -> Result<Line, Failure> {
    let path = daemon.socket();
    let broken = |error: std::io::Error| {
        let why = if error.kind() == ErrorKind::PermissionDenied {
            "only root may ask the daemon".to_owned()
        } else if error.kind() == ErrorKind::WouldBlock {
            format!("the daemon does not answer within {} s", patience.as_secs())
        } else {
            error.to_string()
        };
        Failure::Broken(format!("{}: {why}", path.display()))
    };
    let mut stream = UnixStream::connect(&path).map_err(|error| {
        let nobody = [ErrorKind::NotFound, ErrorKind::ConnectionRefused];
        if nobody.contains(&error.kind()) {
            Failure::NotRunning(path.clone())
        } else {
            broken(error)
        }
    })?;
    stream.set_read_timeout(Some(patience)).map_err(broken)?;
    stream.set_write_timeout(Some(patience)).map_err(broken)?;
    // A daemon that has no room says so without reading.
    let sent = stream.write_all(request.to_line().as_bytes());
    for line in BufReader::new(stream).lines() {
        let line = line.map_err(broken)?;
        let line: Line = serde_json::from_str(&line).map_err(|error| {
            Failure::Broken(format!("the daemon is of another version than this program: {error}"))
        })?;
        match take(line) {
            None => {}
            Some(Line::Error(error)) => return Err(Failure::Refused(error)),
            Some(end) => return Ok(end),
        }
    }
    sent.map_err(broken)?;
    Err(Failure::Broken("the daemon ended before it had answered".to_owned()))
}

fn events_to_json(events: &[Event]) -> String {
    let document = serde_json::json!({ "version": VERSION, "events": events });
    format!("{document}\n")
}

pub(super) fn show(text: &str) {
    print(&printable(text));
}

/// Without what would steer a terminal: names are free words.
fn printable(text: &str) -> String {
    let plain = |letter: char| if letter.is_control() && letter != '\n' { '?' } else { letter };
    text.chars().map(plain).collect()
}

/// keepalived's words, and the time where we are.
const LOOK: Look =
    Look { state: compat::state, condition: compat::condition, time: |time| log::time(time.0) };
/// Sockets that are named to whoever looks for one.
const SOCKETS: usize = 32;
/// How long the daemon may be silent.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// How long a reload may take: thousands of instances, or one behind another.
const RELOAD_PATIENCE: Duration = Duration::from_secs(60);
/// How long rehearsal, what is waited for and the start of the children may take.
const UPGRADE_PATIENCE: Duration = Duration::from_secs(40);
