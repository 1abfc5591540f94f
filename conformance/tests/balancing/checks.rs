//! Checks of other kinds: programs, files, mail, names, datagrams, echoes.

use std::fs;

use anyhow::{Result, ensure};
use conformance::farm::{Farm, SECURE, Story, pool, real_server, service};

pub(crate) const STORIES: &[Story] = &[
    Story::new("a_program_decides_by_its_exit_code", program),
    Story::new("a_program_that_hangs_has_failed", program_that_hangs),
    Story::new("a_dynamic_program_sets_the_weight", dynamic),
    Story::new("a_file_changes_the_weight", file),
    Story::new("a_file_without_weight_takes_a_server_away", file_without_weight),
    Story::new("a_mail_server_greets_with_220", mail),
    Story::new("a_name_server_answers_without_an_error", name),
    Story::new("a_datagram_that_is_refused_fails", datagram),
    Story::new("a_datagram_that_needs_an_answer", datagram_answered),
    Story::new("an_echo_is_an_answer", echo),
];

/// Under emulation a shell takes longer than the second that would be its time.
const PATIENT: &str = "misc_timeout 20";

/// A script that ends with the code in the file `code`, which says 0.
fn by_code(farm: &mut Farm) -> Result<String> {
    let code = farm.a()?.file("code");
    fs::write(&code, "0")?;
    let script = farm.script("check", &format!("exit $(cat {})", code.display()))?;
    Ok(format!("misc_path \"{}\"", script.display()))
}

fn set_code(farm: &mut Farm, code: u8) -> Result<()> {
    let path = farm.a()?.file("code");
    fs::write(farm.a()?.file("new"), code.to_string())?;
    Ok(fs::rename(farm.a()?.file("new"), path)?)
}

fn program(farm: &mut Farm) -> Result<()> {
    let path = by_code(farm)?;
    let lines =
        ["weight 3", "MISC_CHECK {", &path, PATIENT, "retry 1", "delay_before_retry 1", "}"];
    farm.start("a", &format!("{SECURE}{}", service(&[], &[real_server(1, &lines)])))?;
    let script = farm.a()?.file("check");
    let name = "Misc check for [[192.0.2.21]:tcp:80 VS [192.0.2.10]:tcp:80] by";
    farm.expect_log(&format!("{name} [{}] succeeded.", script.display()))?;
    farm.expect_table("a", &pool(&[(1, 3)]))?;
    set_code(farm, 7)?;
    farm.expect_table("a", &pool(&[]))?;
    let failed = "failed after 1 retry (exited with status 7).";
    farm.expect_log(&format!("{name} [{}] {failed}", script.display()))?;
    set_code(farm, 0)?;
    farm.expect_table("a", &pool(&[(1, 3)]))
}

fn program_that_hangs(farm: &mut Farm) -> Result<()> {
    let flag = farm.a()?.file("hang");
    let script =
        farm.script("check", &format!("test -e {} && sleep 1000; exit 0", flag.display()))?;
    let path = format!("misc_path \"{}\"", script.display());
    let server = real_server(1, &["MISC_CHECK {", &path, "misc_timeout 6", "}"]);
    farm.start("a", &format!("{SECURE}{}", service(&[], &[server])))?;
    farm.expect_log("succeeded")?;
    fs::write(&flag, "")?;
    farm.expect_table("a", &pool(&[]))?;
    farm.expect_log("timed out with retry disabled.")?;
    fs::remove_file(&flag)?;
    farm.expect_table("a", &pool(&[(1, 1)]))
}

fn dynamic(farm: &mut Farm) -> Result<()> {
    let path = by_code(farm)?;
    let server = real_server(1, &["weight 3", "MISC_CHECK {", &path, PATIENT, "misc_dynamic", "}"]);
    farm.start("a", &format!("{SECURE}{}", service(&[], &[server])))?;
    farm.expect_table("a", &pool(&[(1, 3)]))?;
    for (code, weight) in [(2, 0), (100, 98), (255, 253), (0, 3), (3, 1)] {
        set_code(farm, code)?;
        farm.expect_table("a", &pool(&[(1, weight)]))?;
    }
    set_code(farm, 1)?;
    farm.expect_table("a", &pool(&[]))?;
    set_code(farm, 12)?;
    farm.expect_table("a", &pool(&[(1, 10)]))?;
    farm.expect_log("Changing weight from 3 to 0 for active service [192.0.2.21]:tcp:80 of VS [192.0.2.10]:tcp:80").map(drop)
}

/// A tracked file with this number, and its definition.
fn tracked(farm: &mut Farm, number: i64) -> Result<String> {
    let path = farm.a()?.file("load");
    fs::write(&path, number.to_string())?;
    Ok(format!("track_file load {{\n    file {}\n}}\n", path.display()))
}

fn file(farm: &mut Farm) -> Result<()> {
    let definition = tracked(farm, 0)?;
    let server = real_server(1, &["weight 10", "FILE_CHECK {", "track_file load", "weight 2", "}"]);
    farm.start("a", &format!("{definition}{}", service(&[], &[server])))?;
    farm.expect_table("a", &pool(&[(1, 10)]))?;
    for (number, weight) in [(5, 20), (-3, 4), (0, 10), (-20, 0)] {
        tracked(farm, number)?;
        farm.expect_table("a", &pool(&[(1, weight)]))?;
    }
    Ok(())
}

fn file_without_weight(farm: &mut Farm) -> Result<()> {
    let definition = tracked(farm, 0)?;
    let server = real_server(1, &["FILE_CHECK {", "track_file load", "weight 0", "}"]);
    farm.start("a", &format!("{definition}{}", service(&[], &[server])))?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    tracked(farm, 1)?;
    farm.expect_table("a", &pool(&[]))?;
    tracked(farm, 0)?;
    farm.expect_table("a", &pool(&[(1, 1)]))
}

fn mail(farm: &mut Farm) -> Result<()> {
    farm.server(1)?.order("mail 25 220")?;
    let lines = [
        "SMTP_CHECK {",
        "connect_port 25",
        "helo_name director",
        "retry 1",
        "delay_before_retry 1",
        "}",
    ];
    farm.start("a", &service(&[], &[real_server(1, &lines)]))?;
    farm.expect_log("Remote SMTP server [192.0.2.21]:tcp:80 succeed on service.")?;
    let asked = farm.server(1)?.order("asked")?;
    ensure!(asked.starts_with("\"HELO director\" \"QUIT\""), "asked {asked}");
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    farm.server(1)?.order("mail 25 554")?;
    farm.expect_table("a", &pool(&[]))?;
    farm.server(1)?.order("mail 25 220")?;
    farm.expect_table("a", &pool(&[(1, 1)]))
}

fn name(farm: &mut Farm) -> Result<()> {
    farm.server(1)?.order("name 53 0")?;
    let lines = [
        "DNS_CHECK {",
        "connect_port 53",
        "type A",
        "name www.example.com",
        "connect_timeout 2",
        "retry 1",
        "delay_before_retry 1",
        "}",
    ];
    farm.start("a", &service(&[], &[real_server(1, &lines)]))?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    farm.server(1)?.order("name 53 2")?;
    farm.expect_table("a", &pool(&[]))?;
    farm.server(1)?.order("name 53 0")?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    farm.server(1)?.order("close 53")?;
    farm.expect_table("a", &pool(&[]))
}

fn datagram(farm: &mut Farm) -> Result<()> {
    farm.server(1)?.order("echo 7000 -")?;
    let lines = [
        "UDP_CHECK {",
        "connect_port 7000",
        "connect_timeout 1",
        "retry 1",
        "delay_before_retry 1",
        "}",
    ];
    farm.start("a", &service(&[], &[real_server(1, &lines)]))?;
    farm.expect_log("success")?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    farm.server(1)?.order("close 7000")?;
    farm.expect_table("a", &pool(&[]))?;
    farm.server(1)?.order("echo 7000 -")?;
    farm.expect_table("a", &pool(&[(1, 1)]))
}

fn datagram_answered(farm: &mut Farm) -> Result<()> {
    farm.server(1)?.order("echo 7000 0a1b2c")?;
    let lines = [
        "UDP_CHECK {",
        "connect_port 7000",
        "connect_timeout 1",
        "payload 01 02 03",
        "require_reply 0a xb 2x",
        "min_reply_length 3",
        "retry 1",
        "delay_before_retry 1",
        "}",
    ];
    farm.start("a", &service(&[], &[real_server(1, &lines)]))?;
    farm.expect_log("success")?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    farm.server(1)?.order("echo 7000 0a1b3c")?;
    farm.expect_table("a", &pool(&[]))?;
    farm.server(1)?.order("echo 7000 0afb2f")?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    farm.server(1)?.order("echo 7000 -")?;
    farm.expect_table("a", &pool(&[]))
}

fn echo(farm: &mut Farm) -> Result<()> {
    let lines = ["PING_CHECK {", "connect_timeout 1", "retry 1", "delay_before_retry 1", "}"];
    farm.start("a", &service(&[], &[real_server(1, &lines), real_server(2, &lines)]))?;
    farm.expect_log("ICMP connection to [192.0.2.21]:tcp:80 success.")?;
    farm.expect_log("ICMP connection to [192.0.2.22]:tcp:80 success.")?;
    farm.lab.set_partition("s2", true)?;
    let gone = farm.expect_table("a", &pool(&[(1, 1)]));
    farm.lab.set_partition("s2", false)?;
    gone?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))
}
