//! Who is told: the pipe, and e-mail.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use conformance::farm::{Farm, PATIENCE, Story, pool, real_server, service};
use conformance::lab::reap;
use conformance::subject::Subject;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

pub(crate) const STORIES: &[Story] = &[
    Story::new("the_pipe_tells_servers_before_their_service", pipe),
    Story::new("servers_are_told_at_the_start_where_that_is_said", init),
    Story::new("letters_tell_of_servers_and_services", mail),
];

const CHECK: &[&str] = &["TCP_CHECK {", "}"];

/// Lets `a` tell a pipe from the start, plays `play`, and gives what was told.
fn tell(
    farm: &mut Farm,
    global: &str,
    service: &str,
    play: impl FnOnce(&mut Farm) -> Result<()>,
    expected: &str,
) -> Result<()> {
    let path = farm.a()?.file("pipe");
    mkfifo(&path, Mode::from_bits_truncate(0o600))?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(OFlag::O_NONBLOCK.bits());
    let mut reader = options.open(&path).context("open pipe")?;
    let global =
        format!("global_defs {{\n    lvs_notify_fifo {}\n    {global}\n}}\n", path.display());
    farm.start("a", &format!("{global}{service}"))?;
    play(farm)?;
    let (mut told, until) = (Vec::new(), Instant::now() + PATIENCE);
    while told != expected.as_bytes() {
        let mut buffer = [0; 4096];
        let count = reader.read(&mut buffer).unwrap_or(0);
        told.extend_from_slice(buffer.get(..count).unwrap_or_default());
        let text = String::from_utf8_lossy(&told);
        ensure!(Instant::now() < until, "told {text:?}, expected {expected:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn pipe(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    let service = service(&["quorum 2"], &[real_server(1, CHECK), real_server(2, CHECK)]);
    let play = |farm: &mut Farm| {
        farm.expect_well(&[1, 2])?;
        farm.server(2)?.order("close 80")?;
        farm.expect_table("a", &pool(&[(1, 1)]))?;
        farm.serve(2)?;
        farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))?;
        farm.a()?.stop().map(drop)
    };
    let expected = "VS [192.0.2.10]:tcp:80 UP\n\
        RS [192.0.2.22]:tcp:80 [192.0.2.10]:tcp:80 DOWN\n\
        VS [192.0.2.10]:tcp:80 DOWN\n\
        RS [192.0.2.22]:tcp:80 [192.0.2.10]:tcp:80 UP\n\
        VS [192.0.2.10]:tcp:80 UP\n";
    tell(farm, "", &service, play, expected)
}

fn init(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    let service = service(&[], &[real_server(1, CHECK), real_server(2, CHECK)]);
    let play = |farm: &mut Farm| farm.expect_well(&[1, 2]);
    let expected = "RS [192.0.2.21]:tcp:80 [192.0.2.10]:tcp:80 UP\n\
        RS [192.0.2.22]:tcp:80 [192.0.2.10]:tcp:80 UP\n\
        VS [192.0.2.10]:tcp:80 UP\n";
    tell(farm, "rs_init_notifies", &service, play, expected)
}

fn mail(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    let letters = farm.a()?.file("letters");
    let path = letters.display().to_string();
    let mut post = farm.a()?.space().agent(&["post", "127.0.0.1:2525", &path]).spawn()?;
    let played = play_mail(farm, &letters);
    reap(&mut post);
    played
}

fn play_mail(farm: &mut Farm, letters: &std::path::Path) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    while !letters.exists() {
        ensure!(Instant::now() < until, "no mail server");
        std::thread::sleep(Duration::from_millis(50));
    }
    let global = "global_defs {
    router_id lab
    notification_email {
        ops@example.com
    }
    notification_email_from lab@example.com
    smtp_server 127.0.0.1 2525
}
";
    let servers = [real_server(1, CHECK), real_server(2, CHECK)];
    farm.start("a", &format!("{global}{}", service(&["quorum 2", "smtp_alert"], &servers)))?;
    farm.expect_well(&[1, 2])?;
    farm.server(2)?.order("close 80")?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    farm.serve(2)?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))?;
    let service = "Virtualserver [192.0.2.10]:tcp:80";
    let server = "Realserver [192.0.2.22]:tcp:80 of virtual server [192.0.2.10]:tcp:80";
    let lost = match farm.subject("a") {
        Subject::Keepalived => "2+0=2 <= 1",
        Subject::Ours => "2-0=2 > 1",
    };
    // Each letter of the incumbent has a conversation of its own: they arrive in any order.
    let mut expected = [
        format!("[lab] {server} - DOWN: => TCP CHECK failed on service <="),
        format!("[lab] {server} - UP: => TCP CHECK succeed on service <="),
        format!("[lab] {service} - DOWN: => Lost quorum {lost} <="),
        format!("[lab] {service} - UP: => Gained quorum 2+0=2 <= 2 <="),
        format!("[lab] {service} - UP: => Starting with quorum up 2+0=2 <= 2 <="),
    ];
    expected.sort_unstable();
    let until = Instant::now() + PATIENCE;
    loop {
        let mut told = told(letters)?;
        told.sort_unstable();
        if told == expected {
            return Ok(());
        }
        ensure!(Instant::now() < until, "told {told:#?}, expected {expected:#?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Subject and text of each letter.
fn told(letters: &std::path::Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(letters)?;
    let letters = text.split_terminator("\u{c}\n").map(|letter| {
        let subject = letter.lines().find_map(|line| line.strip_prefix("Subject: "));
        let last = letter.lines().rfind(|line| line.starts_with("=>"));
        format!("{}: {}", subject.unwrap_or_default(), last.unwrap_or_default())
    });
    Ok(letters.collect())
}
