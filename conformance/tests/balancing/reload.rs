//! A reload is a difference: what stays is not touched, and keeps its counters and verdicts.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use conformance::farm::{Farm, PATIENCE, SECURE, Story, plain, pool, real_server, service};

pub(crate) const STORIES: &[Story] = &[
    Story::new("servers_come_go_and_change_and_the_rest_keeps_its_counters", difference).spoils(),
    Story::new("a_reload_without_change_touches_nothing", equal).spoils(),
    Story::new("a_server_is_drained_without_a_failed_request", drained).spoils(),
    Story::new("a_dead_server_stays_away_over_a_reload", dead),
    Story::new("services_come_go_and_change", services),
    Story::new("a_check_that_a_reload_takes_away_brings_its_server_back", unchecked),
    Story::new("a_dynamic_weight_stays_over_a_reload", dynamic),
    Story::new("a_sorry_server_stays_over_a_reload", sorry),
    Story::new("a_server_that_a_reload_adds_counts_at_once", added),
];

const CHECK: &[&str] = &["TCP_CHECK {", "}"];

/// Connections of the client to real server `number` that the kernel counted, where it has that server.
fn counted(farm: &mut Farm, number: u8) -> Result<Option<u64>> {
    let shown = farm.a()?.space().run("ipvsadm -Ln --stats --exact")?;
    let name = format!("192.0.2.2{number}:80");
    let row =
        shown.lines().map(str::trim).find(|line| line.starts_with("->") && line.contains(&name));
    let Some(row) = row else { return Ok(None) };
    let count = row.split_whitespace().nth(2).context("no count")?;
    Ok(Some(count.parse()?))
}

fn expect_counted(farm: &mut Farm, number: u8, expected: u64) -> Result<()> {
    // The kernel sums up every two seconds.
    let until = Instant::now() + PATIENCE;
    loop {
        let seen = counted(farm, number)?;
        if seen == Some(expected) {
            return Ok(());
        }
        ensure!(Instant::now() < until, "{seen:?} connections to s{number}, not {expected}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn browse(farm: &mut Farm, expected: &[(&str, usize)]) -> Result<()> {
    let count = expected.iter().map(|(_, share)| share).sum::<usize>();
    let browser = farm.browse("192.0.2.10:80", u32::try_from(count)?, Duration::ZERO)?;
    let shares = browser.shares(PATIENCE)?;
    let expected = expected.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect();
    ensure!(shares == expected, "shares {shares:?}, expected {expected:?}");
    Ok(())
}

fn difference(farm: &mut Farm) -> Result<()> {
    farm.wire()?;
    farm.serve(3)?;
    farm.start("a", &service(&[], &[real_server(1, CHECK), real_server(2, CHECK)]))?;
    farm.expect_well(&[1, 2])?;
    browse(farm, &[("s1", 3), ("s2", 3)])?;
    expect_counted(farm, 1, 3)?;
    let heavier = ["weight 5", "TCP_CHECK {", "}"];
    let text = service(&[], &[real_server(1, &heavier), real_server(3, CHECK)]);
    farm.a()?.reload(&text)?;
    farm.expect_table("a", &pool(&[(1, 5), (3, 1)]))?;
    expect_counted(farm, 1, 3)?;
    browse(farm, &[("s1", 2), ("s3", 2)])?;
    expect_counted(farm, 1, 5)?;
    // Another scheduler, in place.
    farm.a()?.reload(&text.replace("lb_algo rr", "lb_algo wlc"))?;
    let wlc: Vec<_> =
        pool(&[(1, 5), (3, 1)]).iter().map(|line| line.replace("-s rr", "-s wlc")).collect();
    farm.expect_table("a", &wlc)?;
    expect_counted(farm, 1, 5)
}

fn equal(farm: &mut Farm) -> Result<()> {
    farm.wire()?;
    farm.serve(2)?;
    let text = service(&[], &[real_server(1, CHECK), real_server(2, CHECK)]);
    farm.start("a", &text)?;
    farm.expect_well(&[1, 2])?;
    let browser = farm.browse("192.0.2.10:80", 40, Duration::from_millis(100))?;
    for _ in 0..3 {
        farm.a()?.reload(&text)?;
        farm.expect_no_change("a", Duration::from_secs(1))?;
    }
    let shares = browser.shares(PATIENCE)?;
    ensure!(shares == [("s1".to_owned(), 20), ("s2".to_owned(), 20)].into(), "{shares:?}");
    expect_counted(farm, 1, 20)
}

fn drained(farm: &mut Farm) -> Result<()> {
    farm.wire()?;
    farm.serve(2)?;
    let servers = [real_server(1, CHECK), real_server(2, CHECK)];
    farm.start("a", &service(&[], &servers))?;
    farm.expect_well(&[1, 2])?;
    let browser = farm.browse("192.0.2.10:80", 60, Duration::from_millis(100))?;
    farm.a()?.reload(&service(
        &[],
        &[real_server(1, CHECK), real_server(2, &["weight 0", "TCP_CHECK {", "}"])],
    ))?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 0)]))?;
    let since = browser.answers().mark();
    // Every request is answered: those before by both, those from now on by the one that is left.
    browser.shares(PATIENCE)?;
    let rest = browser.answers().since(since);
    ensure!(rest.iter().skip(1).all(|answer| answer.text == "s1"), "answers afterwards: {rest:?}");
    farm.a()?.reload(&service(&[], &[real_server(1, CHECK)]))?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    browse(farm, &[("s1", 4)])
}

fn dead(farm: &mut Farm) -> Result<()> {
    farm.serve(1)?;
    farm.start("a", &service(&[], &[real_server(1, CHECK), real_server(2, CHECK)]))?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    let text = service(
        &[],
        &[real_server(1, CHECK), real_server(2, CHECK), real_server(3, &["weight 2"])],
    );
    farm.a()?.reload(&text)?;
    farm.expect_table("a", &pool(&[(1, 1), (3, 2)]))?;
    farm.expect_no_change("a", Duration::from_secs(3))?;
    farm.serve(2)?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1), (3, 2)]))
}

fn services(farm: &mut Farm) -> Result<()> {
    let one =
        |last: u8, algorithm: &str| plain(last, 80, &format!("lb_algo {algorithm}\n protocol TCP"));
    let shown = |last: u8, scheduling: &str| {
        [
            format!("-A -t 192.0.2.{last}:80 -s {scheduling}"),
            format!("-a -t 192.0.2.{last}:80 -r 192.0.2.21:80 -m -w 1"),
        ]
    };
    farm.start("a", &[one(10, "rr"), one(11, "rr")].concat())?;
    farm.expect_table("a", &[shown(10, "rr"), shown(11, "rr")].concat())?;
    let kept = one(11, "wrr").replace("protocol", "persistence_timeout 50\n protocol");
    farm.a()?.reload(&[kept, one(12, "lc")].concat())?;
    farm.expect_table("a", &[shown(11, "wrr -p 50"), shown(12, "lc")].concat())?;
    farm.a()?.reload(&one(11, "rr"))?;
    farm.expect_table("a", &shown(11, "rr"))
}

fn unchecked(farm: &mut Farm) -> Result<()> {
    farm.serve(1)?;
    farm.start("a", &service(&[], &[real_server(1, CHECK), real_server(2, CHECK)]))?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    farm.a()?.reload(&service(&[], &[real_server(1, CHECK), real_server(2, &["weight 4"])]))?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 4)]))?;
    farm.a()?.reload(&service(&[], &[real_server(1, CHECK), real_server(2, CHECK)]))?;
    farm.expect_table("a", &pool(&[(1, 1)]))
}

fn dynamic(farm: &mut Farm) -> Result<()> {
    let script = farm.script("check", "exit 12")?;
    let path = format!("misc_path \"{}\"", script.display());
    let server = real_server(
        1,
        &["weight 3", "MISC_CHECK {", &path, "misc_timeout 20", "misc_dynamic", "}"],
    );
    farm.start("a", &format!("{SECURE}{}", service(&[], std::slice::from_ref(&server))))?;
    farm.expect_table("a", &pool(&[(1, 10)]))?;
    let more = service(&[], &[server, real_server(2, &[])]);
    farm.a()?.reload(&format!("{SECURE}{more}"))?;
    farm.expect_table("a", &pool(&[(1, 10), (2, 1)]))?;
    farm.expect_no_change("a", Duration::from_secs(3))
}

fn sorry(farm: &mut Farm) -> Result<()> {
    let lines = ["sorry_server 192.0.2.23 80"];
    farm.start("a", &service(&lines, &[real_server(1, CHECK)]))?;
    let mut expected = pool(&[]);
    expected.push("-a -t 192.0.2.10:80 -r 192.0.2.23:80 -m -w 1".to_owned());
    farm.expect_table("a", &expected)?;
    farm.a()?.reload(&service(&lines, &[real_server(1, &["weight 2", "TCP_CHECK {", "}"])]))?;
    farm.expect_no_change("a", Duration::from_secs(4))?;
    farm.serve(1)?;
    farm.expect_table("a", &pool(&[(1, 2)]))
}

fn added(farm: &mut Farm) -> Result<()> {
    let lines = ["sorry_server 192.0.2.23 80"];
    farm.start("a", &service(&lines, &[real_server(1, CHECK)]))?;
    let mut sorry = pool(&[]);
    sorry.push("-a -t 192.0.2.10:80 -r 192.0.2.23:80 -m -w 1".to_owned());
    farm.expect_table("a", &sorry)?;
    let since = farm.a()?.log_mark();
    farm.a()?.reload(&service(&lines, &[real_server(1, CHECK), real_server(2, CHECK)]))?;
    farm.expect_log_since("Gained quorum 1+0=1 <= 1 for VS [192.0.2.10]:tcp:80", since)?;
    farm.expect_log_since("Lost quorum 1-0=1 > 0 for VS [192.0.2.10]:tcp:80", since)?;
    farm.expect_table("a", &sorry)
}
