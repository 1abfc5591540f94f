//! Orders about real servers from the command line, under real requests.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use conformance::farm::{Answer, Farm, PATIENCE, Story, pool, real_server, service};
use conformance::subject::Subject;

pub(crate) const STORIES: &[Story] = &[
    Story::new("an_order_drains_a_server_without_a_failed_request", drained)
        .only(Subject::Ours)
        .spoils(),
    Story::new("a_drain_waits_for_the_connections_that_are_open", waits)
        .only(Subject::Ours)
        .spoils(),
];

const CHECK: &[&str] = &["TCP_CHECK {", "}"];
const ADDRESS: &str = "192.0.2.10:80";

/// Orders something of real server 2: exit code, and what was said.
fn order(farm: &mut Farm, words: &[&str]) -> Result<(Option<i32>, String)> {
    let pid = farm.a()?.file("p1");
    let mut all = vec!["server"];
    all.extend(words);
    all.extend([ADDRESS, "192.0.2.22:80", "-p", pid.to_str().context("a path")?]);
    let said = farm.a()?.ask(Subject::Ours, &all)?;
    let text = [said.stdout, said.stderr].concat();
    Ok((said.status.code(), String::from_utf8_lossy(&text).into_owned()))
}

fn begin(farm: &mut Farm) -> Result<()> {
    farm.wire()?;
    farm.serve(2)?;
    farm.start("a", &service(&[], &[real_server(1, CHECK), real_server(2, CHECK)]))?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))?;
    farm.expect_well(&[1, 2])
}

fn drained(farm: &mut Farm) -> Result<()> {
    begin(farm)?;
    let browser = farm.browse(ADDRESS, 10_000, Duration::from_millis(100))?;
    let (code, text) = order(farm, &["drain"])?;
    ensure!(code == Some(0) && text.ends_with("no connections remain\n"), "{code:?}: {text}");
    farm.expect_table("a", &pool(&[(1, 1), (2, 0)]))?;
    let since = browser.answers().mark();
    let shares = farm.browse(ADDRESS, 6, Duration::ZERO)?.shares(PATIENCE)?;
    ensure!(shares == [("s1".to_owned(), 6)].into(), "{shares:?}");
    let (code, text) = order(farm, &["enable"])?;
    ensure!(code == Some(0), "{code:?}: {text}");
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))?;
    let back = browser.answers().wait(since, PATIENCE, |answer| answer.text == "s2");
    ensure!(back.is_some(), "it gets nothing any more");
    let all = browser.answers().since(conformance::stream::Mark::START);
    ensure!(all.iter().all(Answer::is_good), "a request failed: {all:?}");
    Ok(())
}

fn waits(farm: &mut Farm) -> Result<()> {
    begin(farm)?;
    farm.server(2)?.order("close 80")?;
    farm.server(2)?.order("silent 80")?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))?;
    // Whenever it comes to the silent server it waits there for ten seconds.
    let _browser = farm.browse(ADDRESS, 10_000, Duration::from_millis(100))?;
    let until = std::time::Instant::now() + PATIENCE;
    loop {
        let (code, text) = order(farm, &["drain", "--timeout", "0"])?;
        if code == Some(2) {
            ensure!(text.contains("1 connection remains"), "{text}");
            ensure!(text.contains("what is drained stays so"), "{text}");
            break;
        }
        // The client is not there yet.
        let (code, _) = order(farm, &["enable"])?;
        ensure!(code == Some(0) && std::time::Instant::now() < until, "nobody is waited for");
    }
    farm.expect_table("a", &pool(&[(1, 1), (2, 0)]))?;
    loop {
        let (code, text) = order(farm, &["drain", "--timeout", "6"])?;
        if code == Some(0) {
            ensure!(text.ends_with("no connections remain\n"), "{text}");
            return farm.expect_table("a", &pool(&[(1, 1), (2, 0)]));
        }
        ensure!(std::time::Instant::now() < until, "it waits for ever: {text}");
    }
}
