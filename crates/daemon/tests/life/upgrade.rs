//! Another program takes the daemon over: nobody on the link notices.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::Test;
use crate::daemon::{Background, Daemon, PROGRAM, Start};
use crate::ear::Ear;
use crate::processes::Process;
use crate::world::{
    Cable, GLOBAL, RESUMABLE, VIRTUAL, eventually, instance, never, steady, steady_instance,
};

pub const TESTS: &[Test] = &[
    ("another_program_goes_on_with_roles_and_addresses", goes_on),
    ("the_configuration_in_force_goes_on_whatever_the_file_says_by_then", keeps_configuration),
    ("a_program_that_others_could_change_is_not_executed", refuses_what_is_weak),
    ("what_is_no_program_of_ours_is_not_executed", refuses_strangers),
    ("two_upgrades_at_once_are_one", one_at_a_time),
    ("an_upgrade_waits_for_a_reload", waits_for_reload),
    ("relative_names_of_a_daemon_in_the_background_mean_the_same", in_background),
    ("what_is_tracked_is_known_as_before", knows_what_is_tracked),
    ("programs_are_told_in_order_and_collected", goes_on_with_programs),
    ("a_pipe_keeps_its_reader_and_its_lines", keeps_pipes),
    ("a_backup_stays_one_and_nobody_is_told_again", stays_backup),
    ("since_cause_and_counters_go_on", goes_on_counting),
    ("what_was_set_and_kept_before_is_put_back_and_kept", hands_on_what_was_set),
    ("it_can_be_done_again_and_a_child_that_dies_then_is_replaced", again),
];

/// The same program at another place, as a package would install a new version.
pub fn newer(daemon: &Daemon) -> PathBuf {
    let path = daemon.place.path("steadfast-new");
    // By another process: a thread that starts one meanwhile would hand on a file that is open for writing.
    assert!(Command::new("cp").arg(PROGRAM).arg(&path).status().unwrap().success());
    path
}

pub fn upgrade(daemon: &Daemon, program: &Path) -> Output {
    let pid = daemon.place.path("parent.pid");
    Command::new(program).arg("upgrade").arg("--pid").arg(pid).output().unwrap()
}

pub fn upgraded(daemon: &Daemon, program: &Path) {
    let output = upgrade(daemon, program);
    assert!(output.status.success(), "{output:?}\n{}", daemon.log());
}

/// Asks as the command would, with any file; the last line of the answer.
fn ask(daemon: &Daemon, program: &Path) -> BufReader<UnixStream> {
    let mut stream = UnixStream::connect(daemon.place.path("parent.sock")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let program = program.display();
    let request = format!("{{\"version\":1,\"ask\":\"upgrade\",\"file\":\"{program}\"}}\n");
    stream.write_all(request.as_bytes()).unwrap();
    BufReader::new(stream)
}

fn last_line(answer: BufReader<UnixStream>) -> String {
    answer.lines().map(Result::unwrap).last().unwrap_or_default()
}

fn program_of(process: Process) -> PathBuf {
    std::fs::read_link(format!("/proc/{}/exe", process.0)).unwrap()
}

fn goes_on() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&steady()).until("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    let (parent, child) = (daemon.process(), daemon.vrrp());
    let mut ear = Ear::at(&cable);
    let newer = newer(&daemon);
    daemon.mark();
    let output = upgrade(&daemon, &newer);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with(&format!("process {} went over from v", parent.0)), "{said}");
    daemon.wait_for("(VI_1) Entering MASTER STATE (resumed from the process before)");
    assert_eq!(program_of(parent), newer);
    assert_eq!(parent.name(), "steadfast");
    assert!(!child.lives());
    let successor = eventually("its successor", || {
        let children = parent.children();
        children.into_iter().find(|it| program_of(*it) == newer)
    });
    // Whoever asks is told of what happened before, and no restart was needed.
    let pid = daemon.place.path("parent.pid");
    let run = |word| {
        let output = Command::new(&newer).arg(word).arg("--pid").arg(&pid).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let why = run("why");
    assert!(why.contains("startup") && why.contains("upgraded from v"), "{why}");
    assert!(!why.contains("died"), "{why}");
    assert!(!run("status").contains("started again"), "{}", run("status"));
    never(Duration::from_millis(500), "the address went", || (!cable.holds(VIRTUAL)).then_some(()));
    assert!(!ear.listen().priorities.contains(&0), "it resigned");
    assert!(successor.lives());
    // What is left open would add up.
    let open = std::fs::read_dir(format!("/proc/{}/fd", parent.0)).unwrap().count();
    upgraded(&daemon, &newer);
    eventually("as few descriptors", || {
        let now = std::fs::read_dir(format!("/proc/{}/fd", parent.0)).unwrap().count();
        (now <= open).then_some(())
    });
    assert_eq!(daemon.stop().0, Some(0));
    cable.wait_until_gone(VIRTUAL);
    assert!(!daemon.place.path("parent.pid").exists());
    assert!(!daemon.place.path("parent.sock").exists());
}

fn keeps_configuration() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&steady()).until("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    daemon.place.write("keepalived.conf", "vrrp_instance VI_1 {\n");
    daemon.mark();
    upgraded(&daemon, &newer(&daemon));
    daemon.wait_for("(VI_1) Entering MASTER STATE (resumed from the process before)");
    assert!(cable.holds(VIRTUAL));
    // A reload reads the file.
    daemon.process().signal(Signal::HUP);
    daemon.wait_for("RELOAD FAILED");
    assert_eq!(daemon.stop().0, Some(0));
}

fn refuses_what_is_weak() {
    let _cable = Cable::new();
    let mut daemon = Start::with(&steady()).until("Entering MASTER");
    let child = daemon.vrrp();
    let newer = newer(&daemon);
    std::fs::set_permissions(&newer, std::fs::Permissions::from_mode(0o757)).unwrap();
    let output = upgrade(&daemon, &newer);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("can be written by others (mode 0757)"), "{said}");
    assert!(said.ends_with("NOT UPGRADED\n"), "{said}");
    assert!(child.lives());
    assert_eq!(daemon.stop().0, Some(0));
}

fn refuses_strangers() {
    let _cable = Cable::new();
    let mut daemon = Start::with(&steady()).until("Entering MASTER");
    let (parent, child) = (daemon.process(), daemon.vrrp());
    let write = |name: &str, bytes: &[u8], mode| {
        let path = daemon.place.path(name);
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let mut foreign = std::fs::read(PROGRAM).unwrap();
    // The machine that it is for (ELF: e_machine).
    foreign[18..20].copy_from_slice(&[0xf3, 0x7f]);
    let cases = [
        (daemon.place.path("missing"), "missing cannot be looked at: No such file"),
        (write("plain", &std::fs::read(PROGRAM).unwrap(), 0o644), "Permission denied"),
        (write("foreign", &foreign, 0o755), "it is no program, or not for this kind of machine"),
        ("/bin/true".into(), "exited with status 0 without an answer"),
        (write("script", b"#!/bin/sh\nsleep 1\n", 0o755), "it is no program, or not for this"),
        (daemon.place.directory().to_owned(), "it is no file"),
        ("steadfast".into(), "is no absolute path"),
    ];
    for (program, why) in cases {
        let answer = last_line(ask(&daemon, &program));
        assert!(answer.contains("\"code\":\"upgrade\"") && answer.contains(why), "{why}: {answer}");
        let logged = daemon.wait_for("UPGRADE REFUSED");
        assert!(logged.contains(why), "{logged}");
        daemon.mark();
    }
    assert_eq!(program_of(parent), Path::new(PROGRAM));
    assert!(child.lives());
    assert_eq!(daemon.stop().0, Some(0));
}

fn one_at_a_time() {
    let _cable = Cable::new();
    let mut daemon = Start::with(&steady()).until("Entering MASTER");
    let newer = newer(&daemon);
    let (first, second) = (ask(&daemon, &newer), ask(&daemon, &newer));
    let second = last_line(second);
    assert!(second.contains("another upgrade is under way"), "{second}");
    let first = last_line(first);
    assert!(first.starts_with("{\"upgraded\":{\"pid\":"), "{first}");
    assert_eq!(program_of(daemon.process()), newer);
    assert_eq!(daemon.stop().0, Some(0));
}

fn waits_for_reload() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&steady()).until("Entering MASTER");
    let child = daemon.vrrp();
    let newer = newer(&daemon);
    // The child answers nothing for now.
    child.signal(Signal::STOP);
    daemon.reload(&format!("{GLOBAL}{}", steady_instance(&[VIRTUAL, crate::world::SECOND], "")));
    daemon.wait_for("Reloading");
    let answer = ask(&daemon, &newer);
    never(Duration::from_millis(300), "an upgrade", || {
        daemon.news().contains("Going over").then_some(())
    });
    child.signal(Signal::CONT);
    assert!(last_line(answer).starts_with("{\"upgraded\":"));
    let news = daemon.news();
    let (reloaded, over) = (news.find("Reload finished"), news.find("Going over"));
    assert!(reloaded.is_some() && reloaded < over, "{news}");
    cable.wait_until_held(crate::world::SECOND);
    assert_eq!(daemon.stop().0, Some(0));
}

fn in_background() {
    let _cable = Cable::new();
    let start = Start::with(&steady());
    let directory = start.place.directory();
    let mut command = Command::new(PROGRAM);
    command.args(["-f", "keepalived.conf", "-p", "parent.pid", "-r", "vrrp.pid", "-c", "c.pid"]);
    command.args(["-G", "-g", "-l", "--log-file=a.log"]);
    command.current_dir(directory).stdin(Stdio::null());
    assert!(command.status().unwrap().success());
    let background = Background::find(&start.place.path("parent.pid"));
    let before =
        eventually("its child", || start.place.read("vrrp.pid").trim().parse::<u32>().ok());
    for _ in 0..2 {
        let output = Command::new(PROGRAM)
            .arg("upgrade")
            .arg("--pid")
            .arg(start.place.path("parent.pid"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let words = background.process.words();
    assert!(words.contains(&"keepalived.conf".to_owned()), "{words:?}");
    let directory_of = std::fs::read_link(format!("/proc/{}/cwd", background.process.0)).unwrap();
    assert_eq!(directory_of, Path::new("/"));
    let after: u32 = start.place.read("vrrp.pid").trim().parse().unwrap();
    assert_ne!(before, after, "the pid file of the child was written where it was before");
    assert_eq!(start.place.read("parent.pid").trim(), background.process.0.to_string());
    background.process.signal(Signal::TERM);
    background.wait_for_end();
    assert!(!start.place.path("parent.pid").exists());
}

fn knows_what_is_tracked() {
    let mut cable = Cable::new();
    let start = Start::with("");
    let place = start.place.directory().display().to_string();
    // What fails only now has done so too seldom to count; a file that is initialised anew would change everything.
    let script = start.place.path("check");
    let mut file = std::fs::OpenOptions::new();
    let mut file = file.write(true).create_new(true).mode(0o755).open(&script).unwrap();
    write!(file, "#!/bin/sh\ntest ! -e {place}/broken\n").unwrap();
    drop(file);
    let blocks = format!(
        "vrrp_script s {{\n script {place}/check\n interval 1\n fall 60\n}}\n\
         track_file f {{\n file {place}/number\n init_file 0 overwrite\n}}\n\
         vrrp_track_process p {{\n process no-such-process-1\n weight -1\n terminate_delay 100\n}}\n"
    );
    let lines = "track_script {\n s\n}\ntrack_file {\n f weight 1\n}\ntrack_process {\n p\n}\n";
    let lines = [RESUMABLE, lines].concat();
    let text = format!("{GLOBAL}{blocks}{}", instance("VI_1", 51, 150, &[VIRTUAL], &lines));
    start.place.write("keepalived.conf", &text);
    let mut daemon = start.words(&["-D"]).until("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    std::fs::write(daemon.place.path("number"), "7").unwrap();
    daemon.wait_for("Tracked file f says 7");
    daemon.mark();
    daemon.place.write("broken", "");
    daemon.wait_for("Script `s` now: exited with status 1");
    upgraded(&daemon, &newer(&daemon));
    daemon.wait_for("(VI_1) Entering MASTER STATE (resumed from the process before)");
    never(Duration::from_millis(1500), "a change", || {
        let news = daemon.news();
        let over = news.find("Took over").map_or("", |at| &news[at..]);
        let words = ["VRRP_Script(s)", "FAULT", "says", "Quorum", "BACKUP STATE\n"];
        words.into_iter().find(|word| over.contains(*word))
    });
    assert_eq!(daemon.place.read("number"), "7");
    assert_eq!(daemon.stop().0, Some(0));
}

fn goes_on_with_programs() {
    let _cable = Cable::new();
    let start = Start::with("");
    let place = start.place.directory().display().to_string();
    // The first takes long; the second waits for it.
    let lines = format!(
        "  notify_backup \"/bin/sh -c 'sleep 3; echo backup >>{place}/told'\"\n  \
         notify_master \"/bin/sh -c 'echo master >>{place}/told'\"\n"
    );
    let text = format!("{GLOBAL}{}", steady_instance(&[VIRTUAL], &lines));
    start.place.write("keepalived.conf", &text);
    let mut daemon = start.until("Entering MASTER");
    let parent = daemon.process();
    let sleeper = eventually("the program", || {
        let mut children = parent.children().into_iter();
        children.find(|it| it.words().first().is_some_and(|word| word.contains("sh")))
    });
    upgraded(&daemon, &newer(&daemon));
    assert!(sleeper.lives(), "it goes on");
    assert_eq!(daemon.place.read("told"), "", "nobody overtook it");
    eventually("both, in order", || {
        let told = daemon.place.read("told");
        (told == "backup\nmaster\n").then_some(())
    });
    eventually("its end, collected", || sleeper.state().is_none().then_some(()));
    assert_eq!(daemon.stop().0, Some(0));
}

fn keeps_pipes() {
    let _cable = Cable::new();
    let start = Start::with("");
    let place = start.place.directory().display().to_string();
    let globals = format!(
        "global_defs {{\n  vrrp_version 3\n  vrrp_notify_fifo {place}/pipe\n  \
         vrrp_notify_fifo_script \"/bin/sh -c 'sleep 1000; true'\"\n}}\n"
    );
    let text = format!("{globals}{}", steady_instance(&[VIRTUAL], ""));
    start.place.write("keepalived.conf", &text);
    let mut daemon = start.until("Entering MASTER");
    let parent = daemon.process();
    let readers = || -> Vec<Process> {
        let children = parent.children().into_iter();
        children.filter(|it| it.words().iter().any(|word| word.contains("1000"))).collect()
    };
    eventually("a reader", || (readers().len() == 1).then_some(()));
    let before = readers();
    upgraded(&daemon, &newer(&daemon));
    assert_eq!(readers(), before);
    // Nobody has read yet, and nothing is lost or said twice.
    let mut pipe = std::fs::OpenOptions::new();
    let pipe = pipe.read(true).custom_flags(libc::O_NONBLOCK).open(daemon.place.path("pipe"));
    let mut text = [0; 4096];
    let length = pipe.unwrap().read(&mut text).unwrap();
    let text = String::from_utf8_lossy(&text[..length]).into_owned();
    let expected = "INSTANCE \"VI_1\" BACKUP 255\nINSTANCE \"VI_1\" MASTER 255\n";
    assert_eq!(text, expected);
    assert_eq!(daemon.stop().0, Some(0));
    assert!(!daemon.place.path("pipe").exists(), "it is removed by whoever goes on with it");
    eventually("no reader", || before.iter().all(|it| !it.lives()).then_some(()));
}

fn stays_backup() {
    let _cable = Cable::new();
    let start = Start::with("");
    let place = start.place.directory().display().to_string();
    let told = |who: &str| format!("  notify \"/bin/sh -c 'echo {who} $3 >>{place}/told' sh\"\n");
    let lines = format!("  down_timer_adverts 100\n{}", told("instance"));
    let group = format!("vrrp_sync_group G {{\n  group {{\n    VI_1\n  }}\n{}}}\n", told("group"));
    // It must not be told at each upgrade that it begins.
    let delay = GLOBAL.replace("vrrp_version 3", "vrrp_version 3\n  vrrp_startup_delay 0.5");
    let text = format!("{delay}{group}{}", instance("VI_1", 51, 100, &[VIRTUAL], &lines));
    start.place.write("keepalived.conf", &text);
    let mut daemon = start.until("Entering BACKUP");
    let lines = || daemon.place.read("told");
    eventually("both are told", || (lines().lines().count() == 2).then_some(()));
    let before = lines();
    daemon.mark();
    upgraded(&daemon, &newer(&daemon));
    daemon.wait_for("(VI_1) Entering BACKUP STATE (resumed from the process before)");
    daemon.mark();
    daemon.vrrp().signal(Signal::KILL);
    daemon.wait_for("(VI_1) Entering BACKUP STATE (resumed from the process before)");
    never(Duration::from_millis(500), "somebody is told", || {
        (daemon.place.read("told") != before).then_some(())
    });
    assert!(!daemon.log().contains("Entering MASTER"), "{}", daemon.log());
    assert_eq!(daemon.stop().0, Some(0));
}

fn goes_on_counting() {
    let _cable = Cable::new();
    let mut daemon = Start::with(&steady()).until("Entering MASTER");
    let newer = newer(&daemon);
    let sent = |daemon: &Daemon| {
        let status = status(daemon);
        let sent = status["instances"][0]["counters"]["advertisements_sent"].as_u64();
        (sent.unwrap(), status["instances"][0].clone())
    };
    eventually("some adverts", || (sent(&daemon).0 > 8).then_some(()));
    let (mut least, first) = sent(&daemon);
    assert_eq!(first["cause"], "owner of the addresses");
    for upgrades in [true, false, true] {
        daemon.mark();
        if upgrades {
            upgraded(&daemon, &newer);
        } else {
            daemon.vrrp().signal(Signal::KILL);
        }
        daemon.wait_for("(VI_1) Entering MASTER STATE (resumed from the process before)");
        let (now, instance) = sent(&daemon);
        assert!(now > least, "{now} after {least}");
        least = now;
        assert_eq!(instance["cause"], first["cause"]);
        assert_eq!(instance["counters"]["became_active"], 1);
        assert_eq!(instance["counters"]["released"], 0);
        let since = |it: &serde_json::Value| it["since"].as_f64().unwrap();
        assert!((since(&instance) - since(&first)).abs() < 0.05, "{instance}\n{first}");
    }
    assert_eq!(daemon.stop().0, Some(0));
}

fn status(daemon: &Daemon) -> serde_json::Value {
    let pid = daemon.place.path("parent.pid");
    let output = Command::new(PROGRAM).args(["status", "--json", "--pid"]).arg(pid).output();
    serde_json::from_slice(&output.unwrap().stdout).unwrap()
}

fn again() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&steady()).until("Entering MASTER");
    let newer = newer(&daemon);
    for _ in 0..3 {
        daemon.mark();
        upgraded(&daemon, &newer);
        daemon.wait_for("(VI_1) Entering MASTER STATE (resumed from the process before)");
        assert!(cable.holds(VIRTUAL));
    }
    // And a child that dies then is replaced as ever.
    daemon.mark();
    daemon.vrrp().signal(Signal::KILL);
    daemon.wait_for("(VI_1) Entering MASTER STATE (resumed from the process before)");
    assert_eq!(daemon.stop().0, Some(0));
}

fn hands_on_what_was_set() {
    let _cable = Cable::new();
    kernel::sysctl::report_local_groups(true).unwrap();
    let start = Start::with(&steady().replacen(
        "global_defs {\n",
        "global_defs {\n  disable_local_igmp\n  config_save_dir @/kept\n",
        1,
    ));
    let text = start.place.read("keepalived.conf");
    let text = text.replace('@', &start.place.directory().display().to_string());
    start.place.write("keepalived.conf", &text);
    let mut daemon = start.until("Entering MASTER");
    assert!(!kernel::sysctl::reports_local_groups().unwrap());
    let copy = |number| format!("kept/keepalived.conf.{}.{number}", daemon.process().0);
    let (first, second) = (copy(0), copy(1));
    let kept = eventually("a copy", || {
        let text = daemon.place.read(&first);
        text.ends_with("}\n").then_some(text)
    });
    upgraded(&daemon, &newer(&daemon));
    assert!(!kernel::sysctl::reports_local_groups().unwrap());
    // The next copy has the next number.
    daemon.reload(&text.replace("down_timer_adverts 100", "down_timer_adverts 99"));
    eventually("another copy", || daemon.place.read(&second).contains("adverts 99").then_some(()));
    assert_eq!(daemon.place.read(&first), kept);
    assert_eq!(daemon.stop().0, Some(0));
    assert!(kernel::sysctl::reports_local_groups().unwrap());
}
