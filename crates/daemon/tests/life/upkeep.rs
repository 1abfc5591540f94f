//! What a daemon keeps beside its work: files of a certain mode, a mark while it reads, copies of configurations; and
//! when it begins.

use std::io::Read as _;
use std::mem::MaybeUninit;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::process::Command;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::process::Signal;

use crate::Test;
use crate::daemon::{Daemon, PROGRAM, Start};
use crate::world::{Cable, SECOND, VIRTUAL, eventually, instance, steady};

pub const TESTS: &[Test] = &[
    ("files_have_the_mode_that_umask_leaves", masks),
    ("the_command_line_wins_over_the_umask_of_the_configuration", masks_as_told),
    ("a_file_is_there_while_the_configuration_is_read", marks),
    ("a_file_that_cannot_be_made_is_said_and_the_reload_goes_on", marks_in_vain),
    ("copies_of_configurations_in_use_are_kept_whole_and_private", keeps_copies),
    ("instances_wait_until_the_host_has_run_for_long_enough", waits_for_the_host),
    ("what_a_killed_daemon_silenced_speaks_again_after_the_next_one", unsilences),
    ("the_last_of_two_daemons_that_silenced_lets_speak_again", unsilences_last),
    ("pipes_are_told_all_states_behind_a_reload_only_where_that_is_said", repeats),
];

fn with(settings: &str) -> String {
    format!("global_defs {{\n{settings}\n}}\n{}", steady())
}

/// A daemon whose dumps and other files are in its directory, for which `@` stands.
fn start(settings: &str, words: &[&str]) -> Start {
    let start = Start::with("");
    let directory = start.place.directory().display().to_string();
    start.place.write("keepalived.conf", &with(&settings.replace('@', &directory)));
    start.words(words).environment("TMPDIR", &directory)
}

/// The mode of a dump that is written now.
fn mode(daemon: &Daemon) -> u32 {
    let path = daemon.place.path("keepalived.data");
    let _ = std::fs::remove_file(&path);
    daemon.process().signal(Signal::USR1);
    let metadata = eventually("a dump", || path.metadata().ok());
    metadata.permissions().mode() & 0o7777
}

fn masks() {
    let _cable = Cable::new();
    let mut daemon = start("umask 022", &[]).until("Entering MASTER");
    assert_eq!(mode(&daemon), 0o644);
    for (setting, expected) in [("umask IRWXO", 0o660), ("", 0o600)] {
        daemon.reload(&with(setting));
        daemon.wait_for("Reload finished");
        assert_eq!(mode(&daemon), expected, "{setting}");
    }
    let _ = daemon.stop();
}

fn masks_as_told() {
    let _cable = Cable::new();
    let mut daemon = start("umask 0", &["-u", "027"]).until("Entering MASTER");
    assert_eq!(mode(&daemon), 0o640);
    let _ = daemon.stop();
}

fn marks() {
    let _cable = Cable::new();
    for (setting, name) in [("reload_file @/reading", "reading"), ("reload_file", "parent.reload")]
    {
        let start = start(setting, &[]);
        // A daemon that was killed has left it.
        start.place.write(name, "");
        let text = start.place.read("keepalived.conf");
        let mut daemon = start.until("Entering MASTER");
        assert!(!daemon.place.path(name).exists());
        let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
        let flags = WatchFlags::CREATE | WatchFlags::DELETE;
        inotify::add_watch(&watch, daemon.place.directory(), flags).unwrap();
        for text in [text.clone(), text.replace("virtual_router_id 51", "virtual_router_id")] {
            daemon.reload(&text);
            let wanted = ["Reload finished", "RELOAD FAILED"];
            eventually("its end", || {
                wanted.iter().any(|it| daemon.news().contains(it)).then_some(())
            });
            let mut room = [MaybeUninit::uninit(); 4096];
            let mut reader = Reader::new(&watch, &mut room);
            let mut seen = Vec::new();
            while let Ok(event) = reader.next() {
                if event.file_name().is_some_and(|it| it.to_bytes() == name.as_bytes()) {
                    seen.push(event.events());
                }
            }
            assert_eq!(seen, [ReadFlags::CREATE, ReadFlags::DELETE], "{setting}");
        }
        let _ = daemon.stop();
    }
}

fn marks_in_vain() {
    let mut cable = Cable::new();
    let mut daemon = start("reload_file @/nowhere/reading", &[]).until("Entering MASTER");
    daemon.mark();
    daemon.process().signal(Signal::HUP);
    let line = daemon.wait_for("cannot make reload_file");
    assert!(line.contains("/nowhere/reading: "), "{line}");
    daemon.wait_for("Reload finished");
    assert!(cable.holds(VIRTUAL));
    let _ = daemon.stop();
}

fn keeps_copies() {
    let _cable = Cable::new();
    let start = start("config_save_dir @/kept\n}\ninclude other.conf\nglobal_defs {", &[]);
    start.place.write("other.conf", "global_defs {\n router_id kept\n}\n");
    let good = start.place.read("keepalived.conf");
    let mut daemon = start.until("Entering MASTER");
    daemon.reload(&good.replace("virtual_router_id 51", "virtual_router_id"));
    daemon.wait_for("RELOAD FAILED");
    daemon.reload(&good);
    daemon.wait_for("Reload finished");
    let name = |number| format!("kept/keepalived.conf.{}.{number}", daemon.process().0);
    for number in [0, 1] {
        let path = daemon.place.path(&name(number));
        eventually("a copy", || daemon.place.read(&name(number)).ends_with("}\n").then_some(()));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        let text = daemon.place.read(&name(number));
        assert!(text.contains("\n router_id kept\n") && !text.contains("include"), "{text}");
        // It is a configuration by itself.
        let check = Command::new(PROGRAM).arg("check").arg(path).output().unwrap();
        assert_eq!(check.status.code(), Some(0), "{check:?}");
    }
    // One that was refused was not in use.
    assert!(!daemon.place.path(&name(2)).exists());
    let _ = daemon.stop();
}

fn waits_for_the_host() {
    let mut cable = Cable::new();
    let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime).tv_sec;
    let settings = format!("vrrp_delay_after_boot {}", boot + 3);
    let mut daemon = start(&settings, &[]).until("Delaying startup for");
    assert!(!cable.holds(VIRTUAL));
    cable.wait_until_held(VIRTUAL);
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime).tv_sec;
    assert!(now >= boot + 3, "{now} is not 3 s behind {boot}");
    let _ = daemon.stop();
    let mut daemon = start("vrrp_delay_after_boot 1", &[]).until("Entering MASTER");
    assert!(!daemon.log().contains("Delaying startup"));
    let _ = daemon.stop();
}

fn repeats() {
    let _cable = Cable::new();
    let group = format!(
        "{}vrrp_sync_group G {{\n group {{\n VI_1\n VI_2\n }}\n}}\n",
        instance("VI_2", 52, 255, &[crate::world::SECOND], "")
    );
    let setting = "vrrp_notify_fifo @/pipe\nfifo_write_vrrp_states_on_reload";
    let start = start(setting, &[]);
    let text = format!("{}{group}", start.place.read("keepalived.conf"));
    start.place.write("keepalived.conf", &text);
    let mut daemon = start.until("(VI_2) Entering MASTER");
    let mut pipe = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(daemon.place.path("pipe"))
        .unwrap();
    let mut told = |daemon: &mut Daemon, text: &str| {
        daemon.reload(text);
        daemon.wait_for("Reload finished");
        let mut bytes = vec![0; 65536];
        let length = pipe.read(&mut bytes).unwrap_or(0);
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    // What was told before goes first.
    assert!(told(&mut daemon, &text).contains("INSTANCE \"VI_1\" MASTER 255\n"));
    assert_eq!(
        told(&mut daemon, &text),
        "INSTANCE \"VI_1\" MASTER 255\nINSTANCE \"VI_2\" MASTER 255\nGROUP \"G\" MASTER 0\n"
    );
    let silent = text.replace("fifo_write_vrrp_states_on_reload", "");
    assert_eq!(told(&mut daemon, &silent), "");
    let _ = daemon.stop();
}

/// Membership reports of local groups, with `disable_local_igmp`.
fn unsilences() {
    let _cable = Cable::new();
    let speaks = || kernel::sysctl::reports_local_groups().unwrap();
    let killed = || {
        kernel::sysctl::report_local_groups(true).unwrap();
        let mut daemon = start("disable_local_igmp", &[]).until("Entering MASTER");
        assert!(!speaks());
        daemon.kill_all();
        assert!(!speaks());
    };
    killed();
    let mut daemon = start("disable_local_igmp", &[]).until("Entering MASTER");
    assert!(!speaks());
    assert_eq!(daemon.stop().0, Some(0));
    assert!(speaks(), "the next one ends in order");
    killed();
    let mut daemon = start("", &[]).until("Entering MASTER");
    assert!(speaks(), "the next one does not want it");
    assert_eq!(daemon.stop().0, Some(0));
    // Who switched it off himself is left alone.
    kernel::sysctl::report_local_groups(false).unwrap();
    let mut daemon = start("disable_local_igmp", &[]).until("Entering MASTER");
    assert_eq!(daemon.stop().0, Some(0));
    assert!(!speaks());
}

fn unsilences_last() {
    let _cable = Cable::new();
    let speaks = || kernel::sysctl::reports_local_groups().unwrap();
    kernel::sysctl::report_local_groups(true).unwrap();
    let mut one = start("disable_local_igmp", &[]).until("Entering MASTER");
    // A router of its own beside that one.
    let other = || {
        let other = start("disable_local_igmp", &[]);
        let path = other.place.path("keepalived.conf");
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.replace("virtual_router_id 51", "virtual_router_id 52");
        other
            .place
            .write("keepalived.conf", &text.replace(&VIRTUAL.to_string(), &SECOND.to_string()));
        other.until("Entering MASTER")
    };
    let mut killed = other();
    killed.kill_all();
    let mut two = other();
    assert_eq!(one.stop().0, Some(0));
    assert!(!speaks(), "the other one still wants it");
    assert_eq!(two.stop().0, Some(0));
    assert!(speaks(), "nobody does");
}
