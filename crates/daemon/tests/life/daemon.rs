//! A daemon under test: the real program, with a directory of its own, ended with the test.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::processes::Process;
use crate::world::{Place, eventually, within};

/// The program: a copy, so that a build beside a run does not disturb it.
pub const PROGRAM: &str = "/run/steadfast";

/// A daemon in the foreground that logs to a file.
#[derive(Debug)]
pub struct Daemon {
    pub place: Place,
    child: Child,
    children_seen: Vec<Process>,
    /// What was read of its log already.
    read: usize,
}

/// How a daemon is started.
pub struct Start {
    pub place: Place,
    program: PathBuf,
    /// What starts it, before its own words.
    starter: Vec<String>,
    words: Vec<String>,
    environment: Vec<(String, String)>,
    are_files_given: bool,
}

impl Start {
    /// With this configuration.
    pub fn with(configuration: &str) -> Self {
        let place = Place::new();
        place.write("keepalived.conf", configuration);
        let (program, environment) = (PROGRAM.into(), Vec::new());
        let (starter, words) = (Vec::new(), Vec::new());
        Self { place, program, starter, words, environment, are_files_given: true }
    }

    /// As process 1 of a container that has the network of the host.
    pub fn in_container(mut self) -> Self {
        let words = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
        self.starter = words.map(str::to_owned).into();
        self
    }

    /// With these words more.
    pub fn words(mut self, words: &[&str]) -> Self {
        self.words.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Called by another name.
    pub fn called(mut self, name: &str) -> Self {
        let link = self.place.path(name);
        std::os::unix::fs::symlink(PROGRAM, &link).unwrap();
        self.program = link;
        self
    }

    /// In the foreground, with its log on standard error.
    pub fn command(&self) -> Command {
        let mut command = self.bare();
        command.args(["-n", "-l", "-G"]).args(&self.words);
        command
    }

    /// With the pid files that the configuration gives it.
    pub fn files_by_configuration(mut self) -> Self {
        self.are_files_given = false;
        self
    }

    /// Configuration and pid files in the directory of the test, nothing else.
    pub fn bare(&self) -> Command {
        let mut command = match self.starter.split_first() {
            None => Command::new(&self.program),
            Some((starter, words)) => {
                let mut command = Command::new(starter);
                command.args(words).arg(&self.program);
                command
            }
        };
        let files = [
            ("-f", "keepalived.conf"),
            ("-p", "parent.pid"),
            ("-r", "vrrp.pid"),
            ("-c", "checkers.pid"),
        ];
        let given = if self.are_files_given { files.len() } else { 1 };
        for (flag, name) in files.into_iter().take(given) {
            command.arg(flag).arg(self.place.path(name));
        }
        for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// Starts it and goes on.
    pub fn go(self) -> Daemon {
        let errors = File::create(self.place.path("log")).unwrap();
        let child = self.command().stdout(Stdio::null()).stderr(errors).spawn().unwrap();
        Daemon { place: self.place, child, children_seen: Vec::new(), read: 0 }
    }

    /// Starts it and waits until it holds its role.
    pub fn until(self, line: &str) -> Daemon {
        let mut daemon = self.go();
        daemon.wait_for(line);
        daemon
    }

    /// Runs it to its end: exit code and what it wrote to standard error.
    pub fn run_to_end(self) -> (Option<i32>, String) {
        let mut daemon = self.go();
        let code = daemon.wait_for_end();
        (code, daemon.log())
    }
}

impl Daemon {
    pub fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// The VRRP process, by its pid file.
    pub fn vrrp(&mut self) -> Process {
        let place = &self.place;
        let process = eventually("pid file of the VRRP process", || {
            place.read("vrrp.pid").trim().parse().ok().map(Process)
        });
        self.children_seen.push(process);
        process
    }

    /// All of its log.
    pub fn log(&self) -> String {
        self.place.read("log")
    }

    /// What it has logged since the last [`Daemon::mark`].
    pub fn news(&self) -> String {
        self.log().get(self.read..).unwrap_or_default().to_owned()
    }

    /// What is logged from now on is news.
    pub fn mark(&mut self) {
        self.read = self.log().len();
    }

    /// Waits for news with this text; gives the line.
    pub fn wait_for(&mut self, text: &str) -> String {
        self.wait_for_within(Duration::from_secs(8), text)
    }

    pub fn wait_for_within(&mut self, bound: Duration, text: &str) -> String {
        let end = Instant::now() + bound;
        loop {
            let news = self.news();
            let complete = news.rfind('\n').map_or("", |end| &news[..end]);
            if let Some(line) = complete.lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            assert!(Instant::now() < end, "not logged within {bound:?}: {text}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until it has ended.
    pub fn wait_for_end(&mut self) -> Option<i32> {
        let end = Instant::now() + Duration::from_secs(8);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < end, "still runs\n{}", self.log());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Whether it runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Asks it to end in order, and says how that went and how long it took.
    pub fn stop(&mut self) -> (Option<i32>, Duration) {
        let begin = Instant::now();
        self.process().signal(Signal::TERM);
        let code = self.wait_for_end();
        (code, begin.elapsed())
    }

    /// Asks one in a container to end in order, and says how that went.
    pub fn stop_in_container(&mut self) -> Option<i32> {
        self.process().children().iter().for_each(|first| first.signal(Signal::TERM));
        self.wait_for_end()
    }

    /// All of its processes, the parent last.
    pub fn all(&self) -> Vec<Process> {
        let mut all = self.process().children();
        all.push(self.process());
        all
    }

    /// Kills all of its processes before the parent can replace one.
    pub fn kill_all(&mut self) {
        let children = self.process().children();
        self.process().signal(Signal::STOP);
        children.iter().for_each(|child| child.signal(Signal::KILL));
        eventually("no child lives", || children.iter().all(|child| !child.lives()).then_some(()));
        self.process().signal(Signal::KILL);
        assert_eq!(self.wait_for_end(), None);
    }

    /// Puts another configuration in place and asks for a reload.
    pub fn reload(&mut self, configuration: &str) {
        self.place.write("keepalived.conf", configuration);
        self.mark();
        self.process().signal(Signal::HUP);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Children of a killed parent resign by themselves; one that was stopped by the test cannot.
        let mut all = self.process().children();
        all.append(&mut self.children_seen);
        let _ = self.child.kill();
        let _ = self.child.wait();
        for process in all.into_iter().filter(|process| process.lives()) {
            if process.words().iter().any(|word| word.starts_with("--role=")) {
                process.signal(Signal::KILL);
            }
        }
        if std::thread::panicking() {
            println!("log of {}:\n{}", self.place.directory().display(), self.log());
        }
    }
}

/// A daemon that went into the background, known by its pid file.
#[derive(Debug)]
pub struct Background {
    pub process: Process,
}

impl Background {
    pub fn find(pid_file: &Path) -> Self {
        let process = eventually("pid file of a daemon in the background", || {
            std::fs::read_to_string(pid_file).ok()?.trim().parse().ok().map(Process)
        });
        Self { process }
    }

    pub fn wait_for_end(&self) {
        within(Duration::from_secs(8), "it ends", || (!self.process.lives()).then_some(()));
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if self.process.lives() {
            self.process.signal(Signal::KILL);
        }
    }
}
