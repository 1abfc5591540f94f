//! Processes that are tracked: starting, ending, changing their name, being many.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal};

use crate::Test;
use crate::daemon::{Daemon, Start};
use crate::world::{Cable, GLOBAL, RESUMABLE, VIRTUAL, instance, never};

pub const TESTS: &[Test] = &[
    ("the_end_of_a_process_is_a_fault_at_once_and_its_start_soon_ends_it", comes_and_goes),
    ("a_restart_within_the_delay_is_nobodys_fault", restarts),
    ("a_process_that_takes_its_name_by_exec_counts", takes_a_name),
    ("parameters_tell_processes_of_a_name_apart", parameters),
    ("hundreds_of_processes_count", hundreds),
    ("a_successor_knows_which_processes_run", succeeds),
    ("a_reload_takes_another_quorum", reloads),
    ("a_daemon_that_cannot_look_takes_nobody_for_ended", lacks_descriptors),
];

/// A program of its own name, so that no other test's processes count.
struct Program {
    path: String,
    running: Vec<Child>,
}

impl Program {
    fn new(daemon: &Start, name: &str) -> Self {
        let path = daemon.place.path(name);
        // By another process: a thread that starts one meanwhile would hand on a file that is open for writing.
        assert!(Command::new("cp").arg("/bin/sleep").arg(&path).status().unwrap().success());
        Self { path: path.display().to_string(), running: Vec::new() }
    }

    fn start(&mut self, words: &[&str]) {
        self.running.push(Command::new(&self.path).args(words).spawn().unwrap());
    }

    /// Ends the one that was started last; it stays a zombie.
    fn end(&mut self) {
        self.running.last_mut().unwrap().kill().unwrap();
    }

    fn collect(&mut self) {
        self.running.pop().unwrap().wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// An instance of priority 150 that tracks `p`, of which the block says this. `@` is the directory.
fn configuration(start: &Start, block: &str, weight: &str) -> String {
    let lines = format!("track_process {{\n p {weight}\n}}\n");
    let text = format!(
        "{GLOBAL}vrrp_track_process p {{\n{block}\n}}\n{}",
        instance("VI_1", 51, 150, &[VIRTUAL], &lines)
    );
    text.replace('@', &start.place.directory().display().to_string())
}

fn begin(start: Start, block: &str, weight: &str) -> Daemon {
    start.place.write("keepalived.conf", &configuration(&start, block, weight));
    start.words(&["-D"]).go()
}

const FAULT: &str = "Entering FAULT STATE (tracked process p quorum not achieved)";

fn comes_and_goes() {
    let mut cable = Cable::new();
    let start = Start::with("");
    let mut program = Program::new(&start, "goer");
    let mut daemon = begin(start, "process goer", "");
    daemon.wait_for("Entering FAULT STATE (init) (tracked process p quorum not achieved)");
    let mut fastest = Duration::MAX;
    for _ in 0..3 {
        daemon.mark();
        program.start(&["1000"]);
        daemon.wait_for("Quorum gained for tracked process p");
        cable.wait_until_held(VIRTUAL);
        daemon.mark();
        let ended = Instant::now();
        program.end();
        daemon.wait_for(FAULT);
        fastest = fastest.min(ended.elapsed());
        cable.wait_until_gone(VIRTUAL);
        program.collect();
    }
    // Not by looking, which it does four times a second at most.
    assert!(fastest < Duration::from_millis(150), "{fastest:?}");
}

fn restarts() {
    let mut cable = Cable::new();
    let start = Start::with("");
    let mut program = Program::new(&start, "restarter");
    program.start(&["1000"]);
    // Another one that waits a little longer shows how exact the delay is, however slow the machine.
    let block =
        |delay: &str| format!("process restarter\n terminate_delay {delay}\n fork_delay 0.1");
    let later = format!("vrrp_track_process q {{\n{}\n}}\n", block("3.4"));
    let text = configuration(&start, &block("3"), "\n q");
    start.place.write("keepalived.conf", &format!("{later}{text}"));
    let mut daemon = start.words(&["-D"]).go();
    cable.wait_until_held(VIRTUAL);
    // It may have begun before all were counted.
    daemon.mark();
    for _ in 0..2 {
        program.end();
        program.start(&["1000"]);
    }
    never(Duration::from_millis(3500), "a fault", || daemon.news().contains("FAULT").then_some(()));
    daemon.mark();
    let ended = Instant::now();
    program.end();
    daemon.wait_for(FAULT);
    assert!(ended.elapsed() > Duration::from_millis(2990), "{:?}", ended.elapsed());
    daemon.wait_for("Quorum lost for tracked process q");
    assert!(ended.elapsed() > Duration::from_millis(3390), "{:?}", ended.elapsed());
    let at = |text: &str| daemon.news().find(text).unwrap();
    assert!(at("Quorum lost for tracked process p") < at("Quorum lost for tracked process q"));
}

/// A shell becomes the program only after a while, without a new process.
fn takes_a_name() {
    let _cable = Cable::new();
    let start = Start::with("");
    let mut program = Program::new(&start, "namer");
    let shell = format!("sleep 2; exec {} 1000", program.path);
    let mut daemon = begin(start, "process namer", "weight 20");
    program.running.push(Command::new("sh").args(["-c", &shell]).spawn().unwrap());
    daemon.wait_for("Entering MASTER STATE");
    daemon.wait_for("Changing effective priority from 150 to 170");
    program.end();
    daemon.wait_for("Changing effective priority from 170 to 150");
}

fn parameters() {
    let _cable = Cable::new();
    let start = Start::with("");
    let mut program = Program::new(&start, "teller");
    let path = program.path.clone();
    let block = format!("process \"{path} 1000 2\"\n full_command\n param_match initial");
    let mut daemon = begin(start, &block, "weight 20");
    daemon.wait_for("Entering MASTER STATE");
    program.start(&["1000"]);
    program.start(&["1000", "1000"]);
    program.start(&["1000", "2", "3"]);
    never(Duration::from_secs(1), "a quorum", || {
        daemon.log().contains("Quorum gained").then_some(())
    });
    program.start(&["1000", "2000"]);
    daemon.wait_for("Changing effective priority from 150 to 170");
}

fn hundreds() {
    let mut cable = Cable::new();
    let start = Start::with("");
    let mut program = Program::new(&start, "many");
    let block = "process many\n quorum 300\n quorum_max 301";
    (0..300).for_each(|_| program.start(&["1000"]));
    let mut daemon = begin(start, block, "");
    cable.wait_until_held(VIRTUAL);
    // Of those whose end is not heard at once.
    program.end();
    daemon.wait_for(FAULT);
    program.collect();
    daemon.mark();
    program.start(&["1000"]);
    daemon.wait_for("Entering MASTER STATE");
    daemon.mark();
    program.start(&["1000"]);
    program.start(&["1000"]);
    daemon.wait_for(FAULT);
}

fn succeeds() {
    let mut cable = Cable::new();
    let start = Start::with("");
    let mut program = Program::new(&start, "stayer");
    program.start(&["1000"]);
    let text = configuration(&start, "process stayer", "");
    let text = text.replace("advert_int 0.1\n", &format!("advert_int 0.1\n{RESUMABLE}"));
    start.place.write("keepalived.conf", &text);
    let mut daemon = start.words(&["-D"]).go();
    cable.wait_until_held(VIRTUAL);
    daemon.vrrp().signal(Signal::KILL);
    daemon.wait_for("resumed from the process before");
    daemon.mark();
    program.end();
    daemon.wait_for(FAULT);
}

fn lacks_descriptors() {
    let mut cable = Cable::new();
    let start = Start::with("");
    // One by its name, the others by what only their command lines say; more than are heard of at once.
    let mut program = Program::new(&start, "lacker");
    (0..258).for_each(|_| program.start(&["1000"]));
    let path = program.path.clone();
    let block = format!("process \"{path} 1000\"\n full_command\n param_match exact\n quorum 258");
    let mut daemon = begin(start, &block, "");
    cable.wait_until_held(VIRTUAL);
    // It may have begun before all were counted.
    daemon.mark();
    let pid = Pid::from_raw(daemon.process().0.try_into().unwrap());
    let limit = |limit| {
        let both = Rlimit { current: limit, maximum: Some(4096) };
        rustix::process::prlimit(pid, Resource::Nofile, both).unwrap();
    };
    limit(Some(3));
    daemon.wait_for("cannot look at processes: Too many open files");
    // Long enough for every look that is made in any case.
    never(Duration::from_secs(3), "a fault", || daemon.news().contains("FAULT").then_some(()));
    assert_eq!(daemon.log().matches("cannot look at processes").count(), 1);
    limit(Some(4096));
    program.end();
    daemon.wait_for(FAULT);
}

fn reloads() {
    let _cable = Cable::new();
    let start = Start::with("");
    let mut program = Program::new(&start, "reloader");
    program.start(&["1000"]);
    let two = configuration(&start, "process reloader\n quorum 2", "");
    let none = configuration(&start, "process reloader\n quorum_max 0", "");
    let mut daemon = begin(start, "process reloader", "");
    daemon.wait_for("Entering MASTER STATE");
    daemon.reload(&two);
    daemon.wait_for(FAULT);
    program.start(&["1000"]);
    daemon.wait_for("Entering MASTER STATE");
    // It must not run at all.
    daemon.reload(&none);
    daemon.wait_for(FAULT);
    program.end();
    program.collect();
    program.end();
    daemon.wait_for("Entering MASTER STATE");
}
