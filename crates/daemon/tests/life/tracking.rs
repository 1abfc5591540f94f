//! Things that are tracked: what becomes of files, and what the daemon makes of it.

use std::fs;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::mount::{MntFlags, MsFlags};
use rustix::process::Signal;

use crate::Test;
use crate::daemon::{Daemon, Start};
use crate::world::{Cable, GLOBAL, NEAR, RESUMABLE, VIRTUAL, eventually, instance, never};

pub const TESTS: &[Test] = &[
    ("a_number_in_a_file_moves_the_priority", moves),
    ("a_file_without_weight_is_a_fault_while_it_is_not_0", faults),
    ("a_file_may_be_replaced_and_its_directory_be_made_anew", replaced),
    ("a_pipe_in_the_place_of_a_file_counts_as_0_and_blocks_nobody", pipe),
    ("init_file_makes_a_file_and_overwrites_only_when_told", initialises),
    ("a_reload_that_is_not_accepted_gives_no_file_its_beginning", waits_with_the_beginning),
    ("a_file_system_that_hangs_holds_up_nothing_but_its_own_files", hangs),
    ("a_daemon_starts_while_a_tracked_file_hangs", starts_beside_a_hang),
    ("a_successor_knows_what_files_say", succeeds),
    ("a_reload_takes_another_file_and_another_weight", reloads),
    ("a_link_that_flaps_within_its_delay_is_no_fault", flaps),
    ("hundreds_of_files_that_change_at_once_are_all_heard", hundreds),
];

/// A daemon whose only instance, of priority 150, has these lines; the blocks stand before it. `@` is its directory.
fn daemon(blocks: &str, lines: &str) -> Daemon {
    let start = Start::with("");
    let text = configuration(&start.place.directory().display().to_string(), blocks, lines);
    start.place.write("keepalived.conf", &text);
    start.words(&["-D"]).go()
}

fn configuration(place: &str, blocks: &str, lines: &str) -> String {
    let text = format!("{GLOBAL}{blocks}{}", instance("VI_1", 51, 150, &[VIRTUAL], lines));
    text.replace('@', place)
}

const FILE: &str = "track_file f {\n file @/number\n}\n";

fn moves() {
    let _cable = Cable::new();
    let mut daemon = daemon(FILE, "track_file {\n f weight 2\n}\n");
    daemon.wait_for("Entering MASTER STATE");
    let path = daemon.place.path("number");
    for (text, line) in [
        ("-30\n", "from 150 to 90"),
        ("0x14", "from 90 to 190"),
        ("nothing", "from 190 to 150"),
        ("99999", "from 150 to 254"),
        ("", "from 254 to 150"),
    ] {
        daemon.mark();
        fs::write(&path, text).unwrap();
        daemon.wait_for(&format!("Changing effective priority {line}"));
    }
    // As sed -i and most editors do it.
    daemon.mark();
    daemon.place.write("number", "1");
    daemon.wait_for("Changing effective priority from 150 to 152");
    // 254 times less than nothing.
    daemon.mark();
    fs::write(&path, "-127").unwrap();
    daemon.wait_for("Entering FAULT STATE (tracked file f");
    fs::write(&path, "-126").unwrap();
    daemon.wait_for("Entering MASTER STATE");
    // What does not fit into 32 bits is no number: the last one stays.
    daemon.mark();
    fs::write(&path, "99999999999").unwrap();
    daemon.wait_for("its number is out of range and is ignored");
    fs::write(&path, "-125").unwrap();
    daemon.wait_for("Tracked file f says -125");
}

fn faults() {
    let mut cable = Cable::new();
    let mut daemon = daemon(FILE, "track_file {\n f weight 0\n}\n");
    cable.wait_until_held(VIRTUAL);
    daemon.mark();
    fs::write(daemon.place.path("number"), "1").unwrap();
    daemon.wait_for("Entering FAULT STATE (tracked file f");
    cable.wait_until_gone(VIRTUAL);
    fs::remove_file(daemon.place.path("number")).unwrap();
    cable.wait_until_held(VIRTUAL);
}

fn replaced() {
    let _cable = Cable::new();
    let blocks = "track_file f {\n file @/a/b/number\n}\n";
    let mut daemon = daemon(blocks, "track_file {\n f\n}\n");
    daemon.wait_for("Entering MASTER STATE");
    let place = daemon.place.directory().to_owned();
    let mut expect = |line: &str, act: &dyn Fn()| {
        daemon.mark();
        act();
        daemon.wait_for(&format!("Changing effective priority {line}"));
    };
    let file = place.join("a/b/number");
    expect("from 150 to 157", &|| {
        fs::create_dir_all(place.join("a/b")).unwrap();
        fs::write(&file, "7").unwrap();
    });
    expect("from 157 to 150", &|| fs::remove_dir_all(place.join("a")).unwrap());
    expect("from 150 to 158", &|| {
        fs::create_dir_all(place.join("elsewhere/b")).unwrap();
        fs::write(place.join("elsewhere/b/number"), "8").unwrap();
        symlink("elsewhere", place.join("a")).unwrap();
    });
    expect("from 158 to 159", &|| fs::write(place.join("elsewhere/b/number"), "9").unwrap());
    expect("from 159 to 160", &|| {
        fs::write(place.join("elsewhere/b/new"), "10").unwrap();
        fs::rename(place.join("elsewhere/b/new"), place.join("elsewhere/b/number")).unwrap();
    });
    // Cut off without a writer's close: the kernel tells nobody of its content until there is one.
    expect("from 160 to 150", &|| {
        fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(0).unwrap();
    });
}

fn pipe() {
    let _cable = Cable::new();
    let mut daemon = daemon(FILE, "track_file {\n f\n}\n");
    let path = daemon.place.path("number");
    fs::write(&path, "5").unwrap();
    daemon.wait_for("Entering MASTER STATE");
    daemon.wait_for("Tracked file f says 5");
    fs::remove_file(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    daemon.wait_for("it is not a regular file and counts as 0");
    daemon.wait_for("Changing effective priority from 155 to 150");
    fs::remove_file(&path).unwrap();
    fs::write(&path, "6").unwrap();
    daemon.wait_for("Changing effective priority from 150 to 156");
    assert_eq!(daemon.stop().0, Some(0));
}

fn initialises() {
    let _cable = Cable::new();
    let start = Start::with("");
    let place = start.place.directory().to_owned();
    let blocks = "track_file new {\n file @/new\n init_file 3\n}\ntrack_file kept {\n file @/kept\n init_file 4\n}\n\
                  track_file over {\n file @/over\n init_file 5 overwrite\n}\n\
                  track_file link {\n file @/link\n init_file 6 overwrite\n}\n";
    let lines = "track_file {\n new\n kept\n over\n link\n}\n";
    for name in ["kept", "over", "target"] {
        fs::write(place.join(name), "-100 and a long rest\n").unwrap();
    }
    symlink("target", place.join("link")).unwrap();
    let text = configuration(&place.display().to_string(), blocks, lines);
    start.place.write("keepalived.conf", &text);
    let mut daemon = start.words(&["-D"]).until("Entering MASTER STATE");
    let read = |name: &str| fs::read_to_string(place.join(name)).unwrap();
    assert_eq!(read("new"), "3\n");
    assert_eq!(read("kept"), "-100 and a long rest\n");
    assert_eq!(read("over"), "5\n");
    assert_eq!(read("target"), "-100 and a long rest\n");
    assert!(daemon.log().contains("not initialised: it is not a regular file"), "{}", daemon.log());
    // 150 + 3 - 100 + 5 - 100
    assert!(daemon.log().contains("track_file link: "));
    fs::write(place.join("over"), "100").unwrap();
    daemon.wait_for("Changing effective priority from 1 to 53");
    // A reload does not begin anew.
    daemon.mark();
    daemon.process().signal(Signal::HUP);
    daemon.wait_for("Reload finished");
    assert_eq!(read("over"), "100");
}

fn waits_with_the_beginning() {
    let mut cable = Cable::new();
    let mut daemon = daemon("", "");
    cable.wait_until_held(VIRTUAL);
    let place = daemon.place.directory().display().to_string();
    let read = |name: &str| fs::read_to_string(format!("{place}/{name}")).unwrap_or_default();
    fs::write(format!("{place}/over"), "1\n").unwrap();
    let blocks = "track_file new {\n file @/new\n init_file 3\n}\n\
                  track_file over {\n file @/over\n init_file 0 overwrite\n}\n";
    // A process that stands still does not answer; nothing is in force before it does, or its successor starts.
    daemon.vrrp().signal(Signal::STOP);
    let lines = "track_file {\n new\n over weight 0\n}\n";
    daemon.reload(&configuration(&place, blocks, lines));
    daemon.wait_for("Reloading");
    never(Duration::from_millis(500), "a beginning", || {
        (!read("new").is_empty() || read("over") != "1\n").then_some(())
    });
    daemon.vrrp().signal(Signal::CONT);
    daemon.wait_for("Changing effective priority from 150 to 153");
    eventually("files have begun", || {
        (read("new") == "3\n" && read("over") == "0\n").then_some(())
    });
    // What the file says before it is overwritten is nobody's fault.
    assert!(!daemon.log().contains("FAULT"), "{}", daemon.log());
    daemon.mark();
    fs::write(format!("{place}/new"), "5").unwrap();
    daemon.wait_for("Changing effective priority from 153 to 155");
}

/// A file system whose server never answers, in place of this directory until it is dropped.
struct Hanging(PathBuf, #[expect(dead_code, reason = "all ends with it")] fs::File);

impl Hanging {
    fn over(directory: PathBuf) -> Option<Self> {
        let file = fs::OpenOptions::new().read(true).write(true).open("/dev/fuse").ok()?;
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", file.as_raw_fd());
        let (none, kind) = (MsFlags::empty(), Some("fuse"));
        nix::mount::mount(Some("hanging"), &directory, kind, none, Some(options.as_str())).ok()?;
        Some(Self(directory, file))
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        let _ = nix::mount::umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

const NO_FUSE: &str = "SKIPPED: kernel has no file systems in user space (FUSE) for us";

fn hangs() {
    let mut cable = Cable::new();
    let blocks = "track_file f {\n file @/way/number\n}\ntrack_file g {\n file @/other\n}\n";
    let start = Start::with("");
    let place = start.place.directory().to_owned();
    for name in ["good", "bad"] {
        fs::create_dir(place.join(name)).unwrap();
    }
    let Some(hanging) = Hanging::over(place.join("bad")) else { return println!("{NO_FUSE}") };
    let lead_to = |name: &str| {
        symlink(name, place.join("new")).unwrap();
        fs::rename(place.join("new"), place.join("way")).unwrap();
    };
    fs::write(place.join("good/number"), "5").unwrap();
    lead_to("good");
    let lines = format!("{RESUMABLE}track_file {{\n f\n g\n}}\n");
    let text = configuration(&place.display().to_string(), blocks, &lines);
    start.place.write("keepalived.conf", &text);
    let mut daemon = start.words(&["-D"]).go();
    cable.wait_until_held(VIRTUAL);
    daemon.wait_for("Tracked file f says 5");
    lead_to("bad");
    daemon.wait_for("track_file f: ");
    assert!(daemon.log().contains("/way/number: reading it hangs: what it said last counts"));
    fs::write(place.join("other"), "7").unwrap();
    daemon.wait_for("Changing effective priority from 155 to 162");
    daemon.reload(&text);
    daemon.wait_for("Reload finished");
    daemon.vrrp().signal(Signal::KILL);
    daemon.wait_for("resumed from the process before");
    assert_eq!(daemon.log().matches("hangs").count(), 1, "{}", daemon.log());
    fs::write(place.join("good/number"), "6").unwrap();
    lead_to("good");
    daemon.mark();
    drop(hanging);
    daemon.wait_for("Changing effective priority from 162 to 163");
    assert!(!daemon.log().contains("FAULT"), "{}", daemon.log());
    assert_eq!(daemon.stop().0, Some(0));
}

fn starts_beside_a_hang() {
    let _cable = Cable::new();
    let start = Start::with("");
    let place = start.place.directory().to_owned();
    fs::create_dir(place.join("bad")).unwrap();
    let Some(_hanging) = Hanging::over(place.join("bad")) else { return println!("{NO_FUSE}") };
    let blocks = "track_file f {\n file @/bad/number\n init_file 3 overwrite\n}\n";
    let text =
        configuration(&place.display().to_string(), blocks, "track_file {\n f weight 1\n}\n");
    start.place.write("keepalived.conf", &text);
    let mut daemon = start.words(&["-D"]).go();
    daemon.wait_for("Entering MASTER STATE");
    daemon.wait_for("reading it hangs");
    assert_eq!(daemon.stop().0, Some(0));
}

fn succeeds() {
    let mut cable = Cable::new();
    let mut daemon = daemon(FILE, &format!("{RESUMABLE}track_file {{\n f\n}}\n"));
    cable.wait_until_held(VIRTUAL);
    fs::write(daemon.place.path("number"), "-20").unwrap();
    daemon.wait_for("Changing effective priority from 150 to 130");
    daemon.mark();
    daemon.vrrp().signal(Signal::KILL);
    // It knows before it begins, and nothing changes afterwards.
    daemon.wait_for("Changing effective priority from 150 to 130");
    daemon.wait_for("resumed from the process before");
    daemon.mark();
    never(Duration::from_millis(200), "another priority", || {
        daemon.news().contains("Changing effective priority").then_some(())
    });
    cable.wait_until_held(VIRTUAL);
    fs::write(daemon.place.path("number"), "-10").unwrap();
    daemon.wait_for("Changing effective priority from 130 to 140");
}

fn reloads() {
    let mut cable = Cable::new();
    let mut daemon = daemon(FILE, "track_file {\n f\n}\n");
    cable.wait_until_held(VIRTUAL);
    let place = daemon.place.directory().display().to_string();
    fs::write(daemon.place.path("number"), "10").unwrap();
    daemon.wait_for("Changing effective priority from 150 to 160");
    daemon.reload(&configuration(&place, FILE, "track_file {\n f weight -3\n}\n"));
    daemon.wait_for("Changing effective priority from 160 to 120");
    fs::write(daemon.place.path("other"), "1").unwrap();
    let other = "track_file f {\n file @/other\n}\n";
    daemon.reload(&configuration(&place, other, "track_file {\n f weight -3\n}\n"));
    daemon.wait_for("Changing effective priority from 120 to 147");
    // The former file has no say any more, and neither has one that nobody tracks.
    fs::write(daemon.place.path("number"), "20").unwrap();
    daemon.reload(&configuration(&place, other, ""));
    daemon.wait_for("Changing effective priority from 147 to 150");
    daemon.wait_for("Reload finished");
    daemon.mark();
    fs::write(daemon.place.path("other"), "50").unwrap();
    never(Duration::from_millis(200), "another priority", || {
        daemon.news().contains("Changing effective priority").then_some(())
    });
    assert!(!daemon.log().contains("FAULT"), "{}", daemon.log());
    cable.wait_until_held(VIRTUAL);
}

fn flaps() {
    let mut cable = Cable::new();
    let delays = format!("interface_up_down_delays {{\n {NEAR} 3 1\n}}\n");
    let mut daemon = daemon(&delays, "");
    cable.wait_until_held(VIRTUAL);
    let mut set = |up| cable.requests.set_link_up(cable.near, up).unwrap();
    set(false);
    std::thread::sleep(Duration::from_millis(300));
    set(true);
    never(Duration::from_millis(3500), "a fault", || daemon.log().contains("FAULT").then_some(()));
    let down = Instant::now();
    set(false);
    daemon.wait_for("Entering FAULT STATE (interface near0 down)");
    assert!(down.elapsed() >= Duration::from_millis(2990), "{:?}", down.elapsed());
    let up = Instant::now();
    daemon.mark();
    set(true);
    daemon.wait_for("Entering BACKUP STATE");
    assert!(up.elapsed() >= Duration::from_millis(990), "{:?}", up.elapsed());
    // A reload without the delay: what is waited for counts at once.
    set(false);
    let place = daemon.place.directory().display().to_string();
    daemon.reload(&configuration(&place, "", ""));
    daemon.wait_for_within(Duration::from_millis(2500), "Entering FAULT STATE");
}

fn hundreds() {
    let mut cable = Cable::new();
    let blocks: String =
        (0..601).map(|n| format!("track_file f{n} {{\n file @/n{n}\n}}\n")).collect();
    let lines: String = (0..601).map(|n| format!("f{n} weight {}\n", 1 - n % 2 * 2)).collect();
    let daemon = daemon(&blocks, &format!("track_file {{\n{lines}}}\n"));
    cable.wait_until_held(VIRTUAL);
    let place = daemon.place.directory().to_owned();
    let write = |n: i32, text: &str| fs::write(place.join(format!("n{n}")), text).unwrap();
    (0..601).for_each(|n| write(n, "1"));
    let last = |daemon: &Daemon| {
        let log = daemon.news();
        let last = log.lines().rev().find(|line| line.contains("Changing effective priority"));
        last.map(|line| line.rsplit(' ').next().unwrap_or_default().to_owned())
    };
    eventually("all of them count", || {
        let said = daemon.log().matches("says 1").count();
        (said == 601 && last(&daemon).as_deref() == Some("151")).then_some(())
    });
}
