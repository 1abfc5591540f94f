//! E-mail: what is told, by which servers it is taken, and that none of them holds anything up.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use crate::Test;
use crate::daemon::{Daemon, Start};
use crate::postmaster::{Manner, Postmaster};
use crate::upgrade::{newer, upgraded};
use crate::world::{Cable, FAR, SECOND, VIRTUAL, eventually, instance, never, steady_instance};

pub const TESTS: &[Test] = &[
    ("each_state_is_told_in_the_incumbents_words_to_a_server_of_old", tells_each_state),
    ("a_state_that_was_told_last_is_not_told_again", tells_once),
    ("who_is_not_to_be_told_of_is_not", chooses),
    ("what_a_reload_removes_is_told_as_deleted_where_that_is_written", tells_of_deletion),
    ("one_recipient_who_is_refused_keeps_nobody_else_from_a_letter", goes_without_one),
    ("a_recipient_who_is_put_off_gets_each_letter_later_and_in_order", puts_off),
    ("a_server_of_very_many_words_gets_each_letter_once", hears_many_words),
    ("until_a_reload_is_accepted_letters_go_where_they_went", goes_the_former_way),
    ("a_password_that_others_can_read_is_not_used", guards_a_password),
    ("a_courier_is_bounded_and_the_first_to_go", bounds_a_courier),
    ("a_server_that_hangs_holds_nothing_up_and_gets_the_letters_later", waits_for_nobody),
    ("a_server_that_drips_is_left_after_a_bounded_time", ends_a_drip),
    ("a_conversation_that_breaks_off_goes_on_with_the_next_letter", goes_on),
    ("a_stop_does_not_wait_long_for_a_server_that_hangs", leaves),
    ("a_login_goes_through_starttls_with_a_private_authority", logs_in),
    ("smtps_is_spoken_from_the_first_byte", speaks_smtps),
    ("nothing_goes_to_a_server_whose_certificate_nobody_vouches_for", distrusts),
    ("nothing_goes_in_clear_to_a_server_that_lacks_starttls", goes_without_tls_to_nobody),
    ("letters_of_many_instances_share_conversations_and_all_arrive", tells_of_many),
    ("a_reload_sends_later_letters_to_another_server", moves_on),
    ("a_replaced_vrrp_process_tells_nothing_that_was_told", resumes_silently),
    ("an_upgrade_loses_no_letter_and_tells_nothing_twice", upgrades),
];

/// Settings of mail for this server, and the rest of a file.
fn file(server: &Postmaster, more: &str, rest: &str) -> String {
    let port = server.port;
    format!(
        "global_defs {{\n  vrrp_version 3\n  router_id lab\n  notification_email {{\n    one@example.org two@example.org\n  }}\n  \
         notification_email_from me@example.net\n  smtp_server 127.0.0.1 {port}\n  smtp_helo_name router.example.net\n  \
         smtp_connect_timeout 1\n{more}}}\n{rest}"
    )
}

fn alerting(server: &Postmaster, more: &str) -> String {
    file(server, more, &steady_instance(&[VIRTUAL], "  smtp_alert\n"))
}

const BACKUP: &str = "[lab] VRRP Instance VI_1 - Entering BACKUP state";
const MASTER: &str = "[lab] VRRP Instance VI_1 - Entering MASTER state";
const FAULT: &str = "[lab] VRRP Instance VI_1 - Entering FAULT state";
const STOPPING: &str = "[lab] VRRP Instance VI_1 - Stopping";

fn set_carrier(cable: &Cable, up: bool) {
    let set = || {
        let mut requests = kernel::netlink::RequestSocket::open().unwrap();
        let far = requests.index_of(FAR).unwrap().expect("far end");
        requests.set_link_up(far, up).unwrap();
    };
    cable.there.within(set).unwrap();
}

fn tells_each_state() {
    let cable = Cable::new();
    let server = Postmaster::open(Manner::Old);
    let mut daemon = Start::with(&alerting(&server, "")).until("Entering MASTER");
    server.wait_for(&[BACKUP, MASTER]);
    set_carrier(&cable, false);
    server.wait_for(&[BACKUP, MASTER, FAULT]);
    assert_eq!(daemon.stop().0, Some(0));
    server.wait_for(&[BACKUP, MASTER, FAULT, STOPPING]);
    let taken = server.taken();
    for letter in &taken {
        assert_eq!(letter.sender, "<me@example.net>");
        assert_eq!(letter.recipients, ["<one@example.org>", "<two@example.org>"]);
    }
    let (date, rest) = taken[1].text.split_once("\r\n").unwrap();
    assert!(
        date.starts_with("Date: ") && date.len() == "Date: Sat, 21 Nov 2026 13:07:44 +0000".len()
    );
    assert_eq!(
        rest,
        "From: me@example.net\r\nSubject: [lab] VRRP Instance VI_1 - Entering MASTER state\r\n\
         X-Mailer: steadfast\r\nTo: one@example.org, two@example.org\r\n\r\n\
         => VRRP Instance is now owning VRRP VIPs <=\r\n\r\n"
    );
    let heard = server.heard();
    assert!(heard.contains(&"HELO router.example.net".to_owned()), "{heard:?}");
    assert!(!heard.iter().any(|line| line.starts_with("EHLO")), "{heard:?}");
    assert_eq!(heard.last().map(String::as_str), Some("QUIT"));
}

fn tells_once() {
    let cable = Cable::new();
    let server = Postmaster::open(Manner::Old);
    // It stays Backup for long, and is in fault in between, which is not to be told.
    let waiting = instance("VI_1", 51, 100, &[VIRTUAL], "  smtp_alert\n  down_timer_adverts 100\n");
    let configuration = file(&server, "  no_email_faults\n", &waiting);
    let mut daemon = Start::with(&configuration).until("Entering BACKUP");
    server.wait_for(&[BACKUP]);
    for _ in 0..2 {
        daemon.mark();
        set_carrier(&cable, false);
        daemon.wait_for("FAULT");
        set_carrier(&cable, true);
        daemon.wait_for("Entering BACKUP");
    }
    assert_eq!(daemon.stop().0, Some(0));
    server.wait_for(&[BACKUP, STOPPING]);
}

fn chooses() {
    let _cable = Cable::new();
    let server = Postmaster::open(Manner::Old);
    let silent =
        instance("VI_2", 52, 255, &[SECOND], "  smtp_alert off\n  down_timer_adverts 100\n");
    let group = "vrrp_sync_group G1 {\n  group {\n    VI_1 VI_2\n  }\n}\n";
    let rest = format!("{}{silent}{group}", steady_instance(&[VIRTUAL], ""));
    let configuration = file(&server, "  smtp_alert_vrrp\n  smtp_alert off\n", &rest);
    let mut daemon = Start::with(&configuration).until("(VI_1) Entering MASTER");
    eventually("the group is told of", || (server.subjects().len() == 4).then_some(()));
    assert_eq!(daemon.stop().0, Some(0));
    let mut subjects = server.subjects();
    subjects.sort();
    assert_eq!(
        subjects,
        [
            "[lab] VRRP Group G1 - Entering BACKUP state",
            "[lab] VRRP Group G1 - Entering MASTER state",
            "[lab] VRRP Group G1 - Stopping",
            BACKUP,
            MASTER,
            STOPPING,
        ]
    );
}

fn tells_of_deletion() {
    let _cable = Cable::new();
    let server = Postmaster::open(Manner::Old);
    let told = "told";
    let place = crate::world::Place::new();
    let script = place.path("script");
    std::fs::write(&script, format!("#!/bin/sh\necho \"$*\" >>{}\n", place.path(told).display()))
        .unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let second = |more: &str| {
        let more = format!("  smtp_alert\n  down_timer_adverts 100\n{more}");
        instance("VI_2", 52, 255, &[SECOND], &more)
    };
    let deleted = format!("  notify_deleted \"{} deleted\"\n", script.display());
    let first = steady_instance(&[VIRTUAL], "");
    let with = format!("{first}{}", second(&deleted));
    let mut daemon = Start::with(&file(&server, "", &with)).until("(VI_2) Entering MASTER");
    daemon.wait_for("(VI_1) Entering MASTER");
    daemon.reload(&file(&server, "", &first));
    daemon.wait_for("Reload finished");
    let master = "[lab] VRRP Instance VI_2 - Entering MASTER state";
    let backup = "[lab] VRRP Instance VI_2 - Entering BACKUP state";
    server.wait_for(&[backup, master, "[lab] VRRP Instance VI_2 - Deleted"]);
    assert!(server.taken()[2].text.ends_with("\r\n\r\n=> VRRP Deleted at reload <=\r\n\r\n"));
    eventually("its program is run", || (place.read(told) == "deleted\n").then_some(()));
    // Without that it is told as a fault.
    daemon.reload(&file(&server, "", &format!("{first}{}", second(""))));
    daemon.wait_for("(VI_2) Entering MASTER");
    daemon.reload(&file(&server, "", &first));
    daemon.wait_for("Reload finished");
    let fault = "[lab] VRRP Instance VI_2 - Entering FAULT state";
    let deleted = "[lab] VRRP Instance VI_2 - Deleted";
    server.wait_for(&[backup, master, deleted, backup, master, fault]);
}

fn goes_without_one() {
    let _cable = Cable::new();
    let server = Postmaster::open(Manner::Refuses("one@example.org"));
    let mut daemon = Start::with(&alerting(&server, "")).until("Entering MASTER");
    server.wait_for(&[BACKUP, MASTER]);
    assert_eq!(server.taken()[0].recipients, ["<two@example.org>"]);
    daemon.wait_for("not taken for one@example.org: 550 nobody here");
    server.behave(Manner::Refuses("two@example.org"));
    assert_eq!(daemon.stop().0, Some(0));
    server.wait_for(&[BACKUP, MASTER, STOPPING]);
    assert_eq!(server.taken()[2].recipients, ["<one@example.org>"]);
}

fn puts_off() {
    let _cable = Cable::new();
    let server = Postmaster::open(Manner::Defers("one@example.org"));
    let mut daemon = Start::with(&alerting(&server, "")).until("Entering MASTER");
    server.wait_for(&[BACKUP, MASTER]);
    let recipients = |number: usize| server.taken()[number].recipients.clone();
    assert_eq!((recipients(0), recipients(1)), (two(), two()));
    let line = daemon.wait_for("for now not taken for one@example.org: 450 not yet");
    assert!(line.contains("BACKUP"), "{line}");
    server.behave(Manner::Old);
    // In order, and the other one gets nothing twice.
    server.wait_for(&[BACKUP, MASTER, BACKUP, MASTER]);
    let one = ["<one@example.org>".to_owned()];
    assert_eq!((recipients(2), recipients(3)), (one.to_vec(), one.to_vec()));
    assert!(!daemon.log().contains("cannot send e-mail"), "{}", daemon.log());
    // For one who is put off for long, nobody else waits; a daemon that ends does not either.
    server.behave(Manner::Defers("one@example.org"));
    assert_eq!(daemon.stop().0, Some(0));
    server.wait_for(&[BACKUP, MASTER, BACKUP, MASTER, STOPPING]);
    assert_eq!(recipients(4), two());
    daemon.wait_for("1 e-mails were not sent");
}

fn two() -> Vec<String> {
    vec!["<two@example.org>".to_owned()]
}

fn hears_many_words() {
    let _cable = Cable::new();
    let server = Postmaster::open(Manner::RefusesAtLength);
    let many: String = (0..60).map(|number| format!("r{number}@example.org ")).collect();
    let configuration = alerting(&server, "").replace("one@example.org two@example.org", &many);
    let mut daemon = Start::with(&configuration).until("Entering MASTER");
    server.wait_for(&[BACKUP, MASTER]);
    daemon.wait_for("not taken for r20@example.org: 550 never never");
    daemon.wait_for("not taken for and 39 more");
    assert_eq!(daemon.stop().0, Some(0));
    server.wait_for(&[BACKUP, MASTER, STOPPING]);
    let longest = daemon.log().lines().map(str::len).max();
    assert!(longest.is_some_and(|longest| longest < 400), "{longest:?}");
}

fn goes_the_former_way() {
    let _cable = Cable::new();
    let server = Postmaster::open(Manner::Busy);
    let mut daemon = Start::with(&alerting(&server, "")).until("Entering MASTER");
    daemon.wait_for("the next attempt is in 5 s");
    let next = Instant::now() + Duration::from_secs(5);
    server.behave(Manner::Old);
    // A process that stands still does not accept the new configuration until it is replaced.
    std::thread::sleep(next - Duration::from_secs(1) - Instant::now());
    daemon.vrrp().signal(rustix::process::Signal::STOP);
    daemon.reload(&format!("{}{}", crate::world::GLOBAL, steady_instance(&[VIRTUAL], "")));
    daemon.wait_for("Reloading");
    server.wait_for(&[BACKUP, MASTER]);
    daemon.wait_for("Reload finished");
    assert!(!daemon.log().contains("there is no server"), "{}", daemon.log());
}

fn guards_a_password() {
    let _cable = Cable::new();
    let server = Postmaster::open(Manner::StartTls);
    let more = "  smtp_user alerts\n  smtp_password_file HERE/password\n  smtp_ca_file HERE/authority.pem\n";
    let start = with_secrets(&alerting(&server, more));
    let set_mode = |path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let password = start.place.path("password");
    set_mode(&password, 0o640);
    let mut daemon = start.until("Entering MASTER");
    daemon.wait_for("password: others may read or change it (mode 0640): chmod 600 it");
    assert_eq!(server.heard(), Vec::<String>::new());
    set_mode(&password, 0o600);
    server.wait_for(&[BACKUP, MASTER]);
}

fn bounds_a_courier() {
    let _cable = Cable::new();
    let server = Postmaster::open(Manner::Hangs);
    let daemon = Start::with(&alerting(&server, "")).until("Entering MASTER");
    let read = |courier: &crate::processes::Process, name: &str| {
        std::fs::read_to_string(format!("/proc/{}/{name}", courier.0)).unwrap_or_default()
    };
    eventually("a courier that is bounded", || {
        let children = daemon.process().children();
        let courier = children.into_iter().find(is_courier)?;
        let limits = read(&courier, "limits");
        let memory = limits.lines().find(|line| line.starts_with("Max address space"))?;
        let bounded = memory.split_whitespace().skip(3).take(2).eq(["268435456", "268435456"]);
        (bounded && read(&courier, "oom_score_adj") == "1000\n").then_some(())
    });
}

fn waits_for_nobody() {
    let mut cable = Cable::new();
    let server = Postmaster::open(Manner::Hangs);
    let begin = Instant::now();
    let mut daemon = Start::with(&alerting(&server, "")).until("Entering MASTER");
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    cable.wait_until_held(VIRTUAL);
    let line = daemon.wait_for("cannot send e-mail");
    assert!(
        line.contains("the server does not answer; 2 wait, the next attempt is in 5 s"),
        "{line}"
    );
    server.behave(Manner::Busy);
    let line = daemon.wait_for_within(Duration::from_secs(12), "421 come back later");
    assert!(line.contains("the next attempt is in 10 s"), "{line}");
    server.behave(Manner::Old);
    server.wait_for(&[BACKUP, MASTER]);
    // Nothing of all that is left behind.
    eventually("no courier", || (couriers(&daemon) == 0).then_some(()));
}

fn couriers(daemon: &Daemon) -> usize {
    daemon.process().children().iter().filter(|it| is_courier(it)).count()
}

fn is_courier(process: &crate::processes::Process) -> bool {
    process.words().iter().any(|word| word == "--role=mail")
}

fn ends_a_drip() {
    let _cable = Cable::new();
    let server = Postmaster::open(Manner::Drips);
    let mut daemon = Start::with(&alerting(&server, "")).until("Entering MASTER");
    let line = daemon.wait_for("cannot send e-mail");
    assert!(line.contains("it took longer than 4 s; "), "{line}");
    eventually("no courier", || (couriers(&daemon) == 0).then_some(()));
    server.behave(Manner::Old);
    server.wait_for(&[BACKUP, MASTER]);
}

fn goes_on() {
    let _cable = Cable::new();
    let server = Postmaster::open(Manner::Busy);
    let mut daemon = Start::with(&alerting(&server, "")).until("Entering MASTER");
    daemon.wait_for("421 come back later");
    server.behave(Manner::BreaksOff);
    // The first of two is taken, the second is left; it comes alone the next time.
    daemon.wait_for_within(Duration::from_secs(12), "; 1 waits");
    server.wait_for(&[BACKUP, MASTER]);
    assert_eq!(daemon.stop().0, Some(0));
    server.wait_for(&[BACKUP, MASTER, STOPPING]);
}

fn leaves() {
    let mut cable = Cable::new();
    let server = Postmaster::open(Manner::Drips);
    let mut daemon = Start::with(&alerting(&server, "")).until("Entering MASTER");
    cable.wait_until_held(VIRTUAL);
    let begin = Instant::now();
    daemon.process().signal(rustix::process::Signal::TERM);
    cable.wait_until_gone(VIRTUAL);
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    assert_eq!(daemon.wait_for_end(), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    daemon.wait_for("e-mails were not sent");
}

/// Nobody else may read it.
fn set_password(place: &crate::world::Place, text: &str) {
    place.write("password", text);
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(place.path("password"), mode).unwrap();
}

/// Writes what TLS needs beside the configuration.
fn with_secrets(configuration: &str) -> Start {
    let start = Start::with(configuration);
    start.place.write("authority.pem", include_str!("certificates/authority.pem"));
    set_password(&start.place, "hunter2\nsecond line\n");
    let here = start.place.directory().display().to_string();
    start.place.write("keepalived.conf", &configuration.replace("HERE", &here));
    start
}

fn logs_in() {
    let _cable = Cable::new();
    let server = Postmaster::open(Manner::StartTls);
    let more = "  smtp_user alerts\n  smtp_password_file HERE/password\n  smtp_ca_file HERE/authority.pem\n";
    let start = with_secrets(&alerting(&server, more)).words(&["-D", "-D", "-d"]);
    let mut daemon = start.until("Entering MASTER");
    server.wait_for(&[BACKUP, MASTER]);
    let line = daemon.wait_for("sent");
    assert!(
        line.contains("e-mail `[lab] VRRP Instance VI_1 - Entering BACKUP state` sent"),
        "{line}"
    );
    let heard = server.heard();
    let expected = ["EHLO router.example.net", "STARTTLS", "EHLO router.example.net"];
    assert_eq!(heard[..3], expected);
    assert!(heard[3].starts_with("AUTH PLAIN "), "{heard:?}");
    // Another password is another login, and no word of it is said.
    set_password(&daemon.place, "wrong\n");
    assert_eq!(daemon.stop().0, Some(0));
    daemon.wait_for("login: ");
    daemon.wait_for("e-mails were not sent");
    let log = daemon.log();
    assert!(!log.contains("hunter2") && !log.contains("wrong") && !log.contains("AGFs"), "{log}");
}

fn speaks_smtps() {
    let _cable = Cable::new();
    let server = Postmaster::open(Manner::Smtps);
    let more = "  smtp_tls smtps\n  smtp_user alerts\n  smtp_password hunter2\n  smtp_ca_file HERE/authority.pem\n";
    let mut daemon = with_secrets(&alerting(&server, more)).until("Entering MASTER");
    server.wait_for(&[BACKUP, MASTER]);
    assert!(!server.heard().contains(&"STARTTLS".to_owned()));
    assert_eq!(daemon.stop().0, Some(0));
    assert!(!daemon.log().contains("hunter2"), "{}", daemon.log());
}

fn distrusts() {
    let _cable = Cable::new();
    let server = Postmaster::open(Manner::Smtps);
    // Nobody of the system knows its authority.
    let mut daemon = Start::with(&alerting(&server, "  smtp_tls smtps\n")).until("Entering MASTER");
    let line = daemon.wait_for("cannot send e-mail");
    assert!(line.contains("UnknownIssuer"), "{line}");
    assert!(server.taken().is_empty());
    drop(daemon);
    // The authority is known, and it has vouched for another name.
    let more = "  smtp_tls smtps\n  smtp_ca_file HERE/authority.pem\n";
    let configuration =
        alerting(&server, more).replace("smtp_server 127.0.0.1", "smtp_server localhost");
    let mut daemon = with_secrets(&configuration).until("Entering MASTER");
    let line = daemon.wait_for("cannot send e-mail");
    assert!(line.contains("not valid for name"), "{line}");
    assert!(server.taken().is_empty());
}

fn goes_without_tls_to_nobody() {
    let _cable = Cable::new();
    let server = Postmaster::open(Manner::Modern);
    let more = "  smtp_user alerts\n  smtp_password hunter2\n";
    let mut daemon = Start::with(&alerting(&server, more)).until("Entering MASTER");
    let line = daemon.wait_for("cannot send e-mail");
    assert!(line.contains("STARTTLS is not supported"), "{line}");
    let heard = server.heard();
    assert!(
        !heard.iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")),
        "{heard:?}"
    );
}

fn tells_of_many() {
    let _cable = Cable::new();
    let server = Postmaster::open(Manner::Old);
    let instances: String = (1..=120)
        .map(|number| {
            let address = std::net::Ipv4Addr::new(10, 9, 1, number);
            let more = "  down_timer_adverts 100\n";
            instance(&format!("VI_{number}"), number, 255, &[address], more)
        })
        .collect();
    let mut daemon = Start::with(&file(&server, "  smtp_alert\n", &instances)).go();
    eventually("all are told", || (server.taken().len() == 240).then_some(()));
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!(server.taken().len(), 360, "{}", daemon.log());
    let subjects = server.subjects();
    for number in 1..=120 {
        let its = format!("[lab] VRRP Instance VI_{number} - ");
        let mut told = subjects.iter().filter_map(|subject| subject.strip_prefix(&its));
        let expected = ["Entering BACKUP state", "Entering MASTER state", "Stopping"];
        assert!(told.by_ref().eq(expected), "{number}");
    }
    let conversations = server.heard().iter().filter(|line| line.starts_with("HELO")).count();
    assert!(conversations < 60, "{conversations}");
}

fn moves_on() {
    let _cable = Cable::new();
    let (first, second) = (Postmaster::open(Manner::Old), Postmaster::open(Manner::Old));
    let mut daemon = Start::with(&alerting(&first, "")).until("Entering MASTER");
    first.wait_for(&[BACKUP, MASTER]);
    daemon.reload(&alerting(&second, ""));
    daemon.wait_for("Reload finished");
    // A reload changes no state: there is nothing to tell.
    never(Duration::from_millis(200), "a letter", || (!second.taken().is_empty()).then_some(()));
    assert_eq!(daemon.stop().0, Some(0));
    second.wait_for(&[STOPPING]);
    first.wait_for(&[BACKUP, MASTER]);
}

fn upgrades() {
    let _cable = Cable::new();
    let server = Postmaster::open(Manner::Busy);
    let mut daemon = Start::with(&alerting(&server, "")).until("Entering MASTER");
    daemon.wait_for("cannot send e-mail");
    server.behave(Manner::Old);
    // With letters that wait for the next attempt, seconds from now; then with none.
    let newer = newer(&daemon);
    for _ in 0..2 {
        upgraded(&daemon, &newer);
        server.wait_for(&[BACKUP, MASTER]);
    }
    assert_eq!(daemon.stop().0, Some(0));
    server.wait_for(&[BACKUP, MASTER, STOPPING]);
}

fn resumes_silently() {
    let _cable = Cable::new();
    let server = Postmaster::open(Manner::Old);
    let mut daemon = Start::with(&alerting(&server, "")).until("Entering MASTER");
    server.wait_for(&[BACKUP, MASTER]);
    daemon.mark();
    daemon.vrrp().signal(rustix::process::Signal::KILL);
    daemon.wait_for("Respawning");
    daemon.wait_for("Entering MASTER");
    assert_eq!(daemon.stop().0, Some(0));
    server.wait_for(&[BACKUP, MASTER, STOPPING]);
}
