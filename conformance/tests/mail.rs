//! E-mail that tells of changes.

use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use conformance::configuration::{Instance, file};
use conformance::flavour::Flavour;
use conformance::lab::reap;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::subject::Subject;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("every_state_has_its_letter", ONCE, states),
    Scenario::new("a_fault_that_is_not_mailed_leaves_the_last_state_told", ONCE, silent_fault),
    Scenario::new("a_group_has_its_letters_beside_its_members", ONCE, group),
    Scenario::new("what_a_reload_deletes_has_its_letter", ONCE, deleted),
    Scenario::new("a_stop_is_not_mailed_by_the_incumbent", ONCE, unmailed_stop)
        .only(Subject::Keepalived),
    Scenario::new("a_stop_is_mailed", ONCE, mailed_stop).only(Subject::Ours),
];

const ONCE: &[Flavour] = &[Flavour::V3Ipv4];

/// A mail server on node `a`. It ends with this value.
struct Post {
    child: Child,
    letters: PathBuf,
}

impl Post {
    fn open(stage: &mut Stage) -> Result<Self> {
        let node = stage.lab.node("a")?;
        let letters = node.file("letters");
        node.space().run("ip link set lo up")?;
        let path = letters.display().to_string();
        let mut child = node.space().agent(&["post", "127.0.0.1:2525", &path]).spawn()?;
        let until = Instant::now() + START;
        while !letters.exists() {
            if Instant::now() > until {
                reap(&mut child);
                anyhow::bail!("no mail server");
            }
            std::thread::sleep(SLACK / 20);
        }
        Ok(Self { child, letters })
    }

    /// What was taken, without the lines that differ from daemon to daemon and from time to time.
    fn letters(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.letters).unwrap_or_default();
        let differs = |line: &&str| line.starts_with("Date: ") || line.starts_with("X-Mailer: ");
        let letters = text.split_terminator("\u{c}\n");
        let same = letters.map(|letter| letter.lines().filter(|line| !differs(line)).collect());
        same.map(|lines: Vec<&str>| lines.join("\n")).collect()
    }

    fn subjects(&self) -> Vec<String> {
        let subject = |letter: &String| {
            letter.lines().find_map(|line| line.strip_prefix("Subject: ").map(str::to_owned))
        };
        self.letters().iter().filter_map(subject).collect()
    }

    /// Waits until these are the subjects of all letters, in any order: the incumbent has a conversation for each.
    fn expect(&self, subjects: &[&str], within: Duration) -> Result<()> {
        let mut wanted: Vec<&str> = subjects.to_vec();
        wanted.sort_unstable();
        let until = Instant::now() + within;
        loop {
            let mut told = self.subjects();
            told.sort_unstable();
            if told == wanted {
                return Ok(());
            }
            ensure!(Instant::now() < until, "told {told:?}, expected {wanted:?}");
            std::thread::sleep(SLACK / 20);
        }
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        reap(&mut self.child);
    }
}

fn settings(more: &str) -> String {
    format!(
        "global_defs {{\n    notification_email {{\n        one@example.org two@example.org\n        three@example.org\n    }}\n    \
         notification_email_from me@example.net\n    smtp_server 127.0.0.1 2525\n{more}}}"
    )
}

/// Starts `a` alone and waits until it is Active.
fn active_a(stage: &mut Stage, blocks: &[&str], instances: &[Instance]) -> Result<()> {
    stage.start_with("a", &file(blocks, instances))?;
    let within = stage.flavour.down_interval(150) + START;
    stage.lab.expect_holders(stage.address(), &["a"], within)
}

fn letter(subject: &str, text: &str) -> String {
    format!(
        "MAIL FROM:<me@example.net>\nRCPT TO:<one@example.org>\nRCPT TO:<two@example.org>\n\
         RCPT TO:<three@example.org>\nFrom: me@example.net\nSubject: {subject}\n\
         To: one@example.org, two@example.org, three@example.org\n\n{text}\n"
    )
}

const BACKUP: &str = "[lab] VRRP Instance VI_1 - Entering BACKUP state";
const MASTER: &str = "[lab] VRRP Instance VI_1 - Entering MASTER state";
const FAULT: &str = "[lab] VRRP Instance VI_1 - Entering FAULT state";

fn states(stage: &mut Stage) -> Result<()> {
    let post = Post::open(stage)?;
    let instance = stage.instance(150).line("smtp_alert");
    active_a(stage, &[&settings("")], &[instance])?;
    post.expect(&[BACKUP, MASTER], SLACK)?;
    stage.lab.set_port("a", false)?;
    post.expect(&[BACKUP, MASTER, FAULT], START)?;
    stage.lab.set_port("a", true)?;
    let within = stage.flavour.down_interval(150) + START;
    post.expect(&[BACKUP, MASTER, FAULT, BACKUP, MASTER], within)?;
    let no_longer = letter(BACKUP, "=> VRRP Instance is no longer owning VRRP VIPs <=");
    let owning = letter(MASTER, "=> VRRP Instance is now owning VRRP VIPs <=");
    let fault = letter(FAULT, "=> VRRP Instance is no longer owning VRRP VIPs <=");
    let told = post.letters();
    let expected = [&no_longer, &owning, &fault, &no_longer, &owning];
    ensure!(told.iter().eq(expected), "told {told:#?}, expected {expected:#?}");
    Ok(())
}

fn silent_fault(stage: &mut Stage) -> Result<()> {
    let post = Post::open(stage)?;
    let slow = stage.instance(150).interval(Duration::from_secs(20)).line("smtp_alert");
    stage.start_with("a", &file(&[&settings("    no_email_faults\n")], &[slow]))?;
    post.expect(&[BACKUP], START)?;
    let since = stage.lab.node("a")?.log_mark();
    stage.lab.set_port("a", false)?;
    stage.lab.node("a")?.expect_log("FAULT", since, START)?;
    let since = stage.lab.node("a")?.log_mark();
    stage.lab.set_port("a", true)?;
    stage.lab.node("a")?.expect_log("Entering BACKUP", since, START)?;
    std::thread::sleep(SLACK);
    post.expect(&[BACKUP], SLACK)
}

fn group(stage: &mut Stage) -> Result<()> {
    let post = Post::open(stage)?;
    let first = stage.instance(150).line("smtp_alert off");
    let second = stage.instance(150).named("VI_2", 52).addresses(&["192.0.2.11/24"]);
    let group = "vrrp_sync_group G1 {\n    group {\n        VI_1\n        VI_2\n    }\n}";
    active_a(stage, &[&settings("    smtp_alert\n"), group], &[first, second])?;
    let told = [
        "[lab] VRRP Group G1 - Entering BACKUP state",
        "[lab] VRRP Group G1 - Entering MASTER state",
        "[lab] VRRP Instance VI_2 - Entering BACKUP state",
        "[lab] VRRP Instance VI_2 - Entering MASTER state",
    ];
    post.expect(&told, START)?;
    let text = "=> All VRRP group instances are now in MASTER state <=";
    let [_, subject, ..] = told;
    let letter = letter(subject, text);
    ensure!(post.letters().contains(&letter), "no {letter:?} in {:#?}", post.letters());
    Ok(())
}

fn deleted(stage: &mut Stage) -> Result<()> {
    let post = Post::open(stage)?;
    let stays = stage.instance(150).line("smtp_alert off");
    let goes = stage.instance(150).named("VI_2", 52).addresses(&["192.0.2.11/24"]);
    let goes = goes.line("smtp_alert").line("notify_deleted");
    active_a(stage, &[&settings("")], &[stays.clone(), goes])?;
    let backup = "[lab] VRRP Instance VI_2 - Entering BACKUP state";
    let master = "[lab] VRRP Instance VI_2 - Entering MASTER state";
    post.expect(&[backup, master], START)?;
    stage.lab.node("a")?.reload(&file(&[&settings("")], &[stays]))?;
    let subject = "[lab] VRRP Instance VI_2 - Deleted";
    post.expect(&[backup, master, subject], START)?;
    let letters = post.letters();
    let last = letters.last().context("a letter")?;
    ensure!(*last == letter(subject, "=> VRRP Deleted at reload <="), "told {last:?}");
    Ok(())
}

fn unmailed_stop(stage: &mut Stage) -> Result<()> {
    let post = Post::open(stage)?;
    let instance = stage.instance(150).line("smtp_alert");
    active_a(stage, &[&settings("")], &[instance])?;
    post.expect(&[BACKUP, MASTER], START)?;
    stage.lab.node("a")?.stop()?;
    std::thread::sleep(SLACK);
    post.expect(&[BACKUP, MASTER], SLACK)
}

fn mailed_stop(stage: &mut Stage) -> Result<()> {
    let post = Post::open(stage)?;
    let instance = stage.instance(150).line("smtp_alert");
    active_a(stage, &[&settings("")], &[instance])?;
    post.expect(&[BACKUP, MASTER], START)?;
    stage.lab.node("a")?.stop()?;
    let subject = "[lab] VRRP Instance VI_1 - Stopping";
    // It is sent before the daemon ends.
    post.expect(&[BACKUP, MASTER, subject], Duration::ZERO)?;
    let letters = post.letters();
    let last = letters.last().context("a letter")?;
    ensure!(*last == letter(subject, "=> VRRP Instance stopping <="), "told {last:?}");
    Ok(())
}
