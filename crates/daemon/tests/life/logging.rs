//! The log: its sinks never hold the daemon up, and lose nothing without saying so.

use std::io::Read as _;
use std::net::Ipv4Addr;
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;

use crate::Test;
use crate::daemon::Start;
use crate::processes::Process;
use crate::world::{
    Cable, GLOBAL, SECOND, VIRTUAL, eventually, instance, one_instance, steady, within,
};

pub const TESTS: &[Test] = &[
    ("a_reader_that_does_not_read_holds_nothing_up", goes_on_without_a_reader),
    ("a_reader_that_is_gone_is_no_reason_to_end", goes_on_with_a_closed_pipe),
    ("a_log_file_without_a_reader_is_said", says_what_it_cannot_open),
    ("a_log_file_that_is_rotated_is_opened_anew_at_a_reload", follows_rotation),
    ("syslog_gets_names_facility_and_severity_and_may_restart", speaks_to_syslog),
    ("a_burst_of_lines_waits_for_a_syslog_that_is_slow", waits_for_syslog),
    ("addresses_of_the_host_are_told_where_that_is_asked_for", tells_addresses),
    ("details_come_with_log_detail_only", says_details_where_wanted),
];

fn goes_on_without_a_reader() {
    let _cable = Cable::new();
    let start = Start::with(&steady());
    let (mut reader, writer) = std::io::pipe().unwrap();
    rustix::pipe::fcntl_setpipe_size(&writer, 4096).unwrap();
    let mut child = start.command().stdout(Stdio::null()).stderr(writer).spawn().unwrap();
    let process = Process(child.id());
    eventually("it runs", || start.place.path("vrrp.pid").exists().then_some(()));
    // Two lines a reload, far more than the pipe holds.
    let fill = || {
        for _ in 0..100 {
            process.signal(Signal::HUP);
            std::thread::sleep(Duration::from_millis(3));
        }
    };
    fill();
    rustix::io::ioctl_fionbio(&reader, true).unwrap();
    let mut said = String::new();
    let mut bytes = vec![0; 1 << 16];
    eventually("what did not fit", || {
        let count = reader.read(&mut bytes).unwrap_or(0);
        assert!(count <= 4096);
        said.push_str(&String::from_utf8_lossy(&bytes[..count]));
        (said.len() > 2 * 4096).then_some(())
    });
    assert!(!said.contains("dropped"), "{said}");
    // Nor does the end wait for long for one who does not read.
    fill();
    process.signal(Signal::TERM);
    let status = within(Duration::from_secs(2), "it ends", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
}

fn goes_on_with_a_closed_pipe() {
    let _cable = Cable::new();
    let start = Start::with(&steady());
    let (reader, writer) = std::io::pipe().unwrap();
    let mut child = start.command().stdout(Stdio::null()).stderr(writer).spawn().unwrap();
    let process = Process(child.id());
    eventually("it runs", || start.place.path("vrrp.pid").exists().then_some(()));
    drop(reader);
    process.signal(Signal::HUP);
    crate::world::never(Duration::from_millis(300), "it ended", || child.try_wait().unwrap());
    process.signal(Signal::TERM);
    let status = within(Duration::from_secs(2), "it ends", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
}

fn says_what_it_cannot_open() {
    let _cable = Cable::new();
    let start = Start::with(&one_instance());
    let fifo = start.place.path("fifo");
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let file = format!("--log-file={}", fifo.display());
    let mut daemon = start.words(&[&file]).until("Entering MASTER");
    assert!(daemon.log().contains("cannot open log file"), "{}", daemon.log());
    assert_eq!(daemon.stop().0, Some(0));
}

fn follows_rotation() {
    let _cable = Cable::new();
    let start = Start::with(&steady());
    let path = |name: &str| start.place.path(name);
    let (file, old) = (path("own.log"), path("own.log.1"));
    let word = format!("--log-file={}", file.display());
    let mut daemon = start.words(&[&word]).until("Entering MASTER");
    std::fs::rename(&file, &old).unwrap();
    daemon.reload(&steady());
    daemon.wait_for("Reload finished");
    assert!(daemon.place.read("own.log").contains("Reload finished"));
    assert!(!daemon.place.read("own.log.1").contains("Reload finished"));
    assert_eq!(daemon.stop().0, Some(0));
}

/// Syslog for this test alone: daemons of others find one as well, and its queue is short.
fn own_devices(directory: &str) {
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).unwrap();
    crate::devices(directory).unwrap();
}

fn listen() -> UnixDatagram {
    let _ = std::fs::remove_file("/dev/log");
    let socket = UnixDatagram::bind("/dev/log").unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

/// The next line that contains `text`.
fn read(socket: &UnixDatagram, text: &str) -> String {
    let mut bytes = [0; 4096];
    let mut line = || {
        let length = socket.recv(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
    };
    eventually(text, || std::iter::from_fn(&mut line).find(|line| line.contains(text)))
}

fn waits_for_syslog() {
    let mut cable = Cable::new();
    own_devices("/run/dev-with-slow-syslog");
    let syslog = listen();
    let address = |number: u8| Ipv4Addr::new(10, 9, 1, number);
    let all = (1..=60).map(|it| instance(&format!("VI_{it}"), it, 255, &[address(it)], ""));
    let start = Start::with(&[GLOBAL.to_owned(), all.collect()].concat());
    let mut child = start.bare().args(["-n", "-S", "3"]).stderr(Stdio::null()).spawn().unwrap();
    // Nobody reads until all has been said.
    (1..=60).for_each(|it| cable.wait_until_held(address(it)));
    for number in 1..=60 {
        let line = read(&syslog, "Entering MASTER STATE");
        assert!(line.contains(&format!("(VI_{number}) ")), "{number}: {line}");
        assert!(!line.contains("dropped"), "{line}");
    }
    Process(child.id()).signal(Signal::TERM);
    // The end waits for a moment, too.
    read(&syslog, "Stopped steadfast");
    let status = within(Duration::from_secs(2), "it ends", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
}

fn speaks_to_syslog() {
    let _cable = Cable::new();
    own_devices("/run/dev-with-syslog");
    let syslog = listen();
    let start = Start::with(&one_instance()).called("keepalived");
    let mut command = start.bare();
    let mut child = command.args(["-n", "-S", "3"]).stderr(Stdio::null()).spawn().unwrap();
    let process = Process(child.id());
    // local3 is facility 19; 6 is information, 4 a warning.
    let line = read(&syslog, "Starting Keepalived v");
    assert!(line.starts_with("<158>"), "{line}");
    assert!(line.contains(&format!(" Keepalived[{}]: ", process.0)), "{line}");
    let line = read(&syslog, "(VI_1) Entering MASTER STATE");
    let pid = start.place.read("vrrp.pid");
    assert!(line.contains(&format!(" Keepalived_vrrp[{}]: ", pid.trim())), "{line}");
    drop(syslog);
    let syslog = listen();
    process.signal(Signal::HUP);
    // Not even the first line is lost.
    read(&syslog, ": Reloading");
    drop(syslog);
    let _ = std::fs::remove_file("/dev/log");
    process.signal(Signal::HUP);
    std::thread::sleep(Duration::from_millis(300));
    let syslog = listen();
    process.signal(Signal::TERM);
    read(&syslog, "lines before it dropped");
    let status = within(Duration::from_secs(2), "it ends", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
}

fn says_details_where_wanted() {
    let _cable = Cable::new();
    let plain = Start::with(&steady()).until("Entering MASTER");
    assert!(!plain.log().contains("setting VIPs."), "{}", plain.log());
    drop(plain);
    let mut detailed = Start::with(&steady()).words(&["-D"]).until("Entering MASTER");
    detailed.wait_for("(VI_1) setting VIPs.");
}

fn tells_addresses() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&one_instance()).words(&["-a"]).until("Entering MASTER");
    daemon.wait_for("Netlink reflector reports IP 10.9.0.1 added to near0");
    cable.wait_until_held(VIRTUAL);
    cable.add(SECOND);
    daemon.wait_for("Netlink reflector reports IP 10.9.0.101 added to near0");
    let key = cable.find(SECOND).unwrap().key();
    for result in cable.requests.remove_addresses(&[key]) {
        result.unwrap();
    }
    daemon.wait_for("Netlink reflector reports IP 10.9.0.101 removed from near0");
    assert_eq!(daemon.stop().0, Some(0));
    // What comes and goes with the role is told with it.
    assert!(!daemon.log().contains("reports IP 10.9.0.100"), "{}", daemon.log());
}
