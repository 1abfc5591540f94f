//! HTTP_GET: pages, what may be said of them, and what a checker asks.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use conformance::farm::{Farm, PATIENCE, Story, pool, real_server, service};
use conformance::subject::Subject;

pub(crate) const STORIES: &[Story] = &[
    Story::new("a_status_that_is_not_expected_fails", status),
    Story::new("a_redirect_is_no_success_unless_it_is_listed", redirect),
    Story::new("a_digest_is_that_of_the_body", digest),
    Story::new("a_digest_over_chunks_is_that_of_the_raw_bytes", chunks),
    Story::new("a_regular_expression_is_looked_for_in_the_body", regex),
    Story::new("what_is_asked_for_with_each_protocol", asked),
    Story::new("pages_are_asked_for_one_after_the_other", pages),
    Story::new("a_page_that_failed_is_asked_for_until_it_is_there", failed_page),
    Story::new("a_server_that_says_nothing_fails_when_its_time_is_over", silent),
    Story::new("an_answer_without_end_keeps_the_incumbent_waiting", drip_believed)
        .only(Subject::Keepalived),
    Story::new("an_answer_without_end_fails_when_the_time_is_over", drip_refused)
        .only(Subject::Ours),
];

fn check(lines: &[&str]) -> Vec<String> {
    let mut all = vec!["HTTP_GET {".to_owned()];
    all.extend(lines.iter().map(|line| (*line).to_owned()));
    all.extend(["retry 1", "delay_before_retry 1", "}"].map(str::to_owned));
    all
}

fn one(number: u8, lines: &[&str]) -> String {
    let lines = check(lines);
    real_server(number, &lines.iter().map(String::as_str).collect::<Vec<_>>())
}

const ANY: &[&str] = &["url {", "path /", "}"];

fn status(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    farm.start(
        "a",
        &service(&[], &[one(1, ANY), one(2, &["url {", "path /", "status_code 200", "}"])]),
    )?;
    farm.expect_log("Remote Web server [192.0.2.22]:tcp:80 succeed on service.")?;
    farm.expect_well(&[1, 2])?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))?;
    farm.server(2)?.order("web 80 * 500 broken")?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    farm.expect_log("HTTP_CHECK on service [192.0.2.22]:tcp:80 failed after 1 retries.")?;
    farm.server(1)?.order("web 80 * 503 broken")?;
    farm.expect_table("a", &pool(&[]))?;
    farm.serve(2)?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))
}

fn redirect(farm: &mut Farm) -> Result<()> {
    farm.server(1)?.order("web 80 * 301 elsewhere")?;
    farm.server(2)?.order("web 80 * 301 elsewhere")?;
    let listed = ["url {", "path /", "status_code 200 301-302", "}"];
    farm.start("a", &service(&[], &[one(1, ANY), one(2, &listed)]))?;
    farm.expect_table("a", &pool(&[(2, 1)]))?;
    farm.expect_log("HTTP_CHECK on service [192.0.2.21]:tcp:80 failed")?;
    farm.expect_log("Remote Web server [192.0.2.22]:tcp:80 succeed on service.").map(drop)
}

/// `printf web | md5sum`
const OF_WEB: &str = "digest 2567a5ec9705eb7ac2c984033e06189d";

fn digest(farm: &mut Farm) -> Result<()> {
    farm.server(1)?.order("web 80 * 200 web")?;
    farm.server(2)?.order("web 80 * 200 web")?;
    farm.server(3)?.order("web 80 * 404 web")?;
    let url = ["url {", "path /", OF_WEB, "}"];
    farm.start("a", &service(&[], &[one(1, &url), one(2, &url), one(3, &url)]))?;
    farm.expect_well(&[1, 2])?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))?;
    farm.server(2)?.order("web 80 * 200 webb")?;
    farm.expect_table("a", &pool(&[(1, 1)]))
}

fn chunks(farm: &mut Farm) -> Result<()> {
    farm.server(1)?.order("chunked 80 * 200 web")?;
    farm.server(2)?.order("chunked 80 * 200 web")?;
    // printf '3\r\nweb\r\n0\r\n\r\n' | md5sum
    let raw =
        ["http_protocol 1.1", "url {", "path /", "digest 2b48d44d15e6485abcf42253ada0e272", "}"];
    let decoded = ["http_protocol 1.1", "url {", "path /", OF_WEB, "}"];
    farm.start("a", &service(&[], &[one(1, &raw), one(2, &decoded)]))?;
    farm.expect_table("a", &pool(&[(1, 1)]))
}

fn regex(farm: &mut Farm) -> Result<()> {
    farm.server(1)?.order("web 80 * 200 all is well here")?;
    farm.server(2)?.order("web 80 * 200 all is well here")?;
    let found = ["url {", "path /", "regex \"is +w[a-f]ll\"", "}"];
    let not = ["url {", "path /", "regex \"broken\"", "regex_no_match", "}"];
    // Its status counts as well.
    farm.server(3)?.order("web 80 * 500 all is well here")?;
    farm.start("a", &service(&[], &[one(1, &found), one(2, &not), one(3, &not)]))?;
    farm.expect_well(&[1, 2])?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))?;
    farm.server(3)?.order("web 80 * 200 all is well here")?;
    farm.expect_well(&[3])?;
    farm.server(1)?.order("web 80 * 200 nothing is")?;
    farm.server(2)?.order("web 80 * 200 it is broken")?;
    farm.expect_table("a", &pool(&[(3, 1)]))
}

fn asked(farm: &mut Farm) -> Result<()> {
    farm.serve(3)?;
    let named = ["http_protocol 1.1", "url {", "path /a?b=c", "virtualhost www.example.com", "}"];
    let closing = ["http_protocol 1.0C", "virtualhost all.example.com", "url {", "path /", "}"];
    farm.start("a", &service(&[], &[one(1, ANY), one(2, &named), one(3, &closing)]))?;
    farm.expect_well(&[1, 2, 3])?;
    let agent = r"User-Agent: KeepAliveClient\r\n";
    let close = r"Connection: close\r\n";
    let expected = [
        format!(r"GET / HTTP/1.0\r\n{agent}Host: 192.0.2.21:80\r\n\r\n"),
        format!(r"GET /a?b=c HTTP/1.1\r\n{agent}{close}Host: www.example.com\r\n\r\n"),
        format!(r"GET / HTTP/1.0\r\n{agent}{close}Host: all.example.com\r\n\r\n"),
    ];
    for (number, expected) in (1..).zip(&expected) {
        let asked = farm.server(number)?.order("asked")?;
        let first = asked.split('"').nth(1).unwrap_or_default();
        ensure!(first == expected, "asked {first}, expected {expected}");
    }
    Ok(())
}

/// Real server 1 with pages `/one`, `/two` and `/three`.
fn serve_pages(farm: &mut Farm) -> Result<[String; 1]> {
    for page in ["one", "two", "three"] {
        farm.server(1)?.order(&format!("web 80 /{page} 200 {page}"))?;
    }
    let urls = ["url {", "path /one", "}", "url {", "path /two", "}", "url {", "path /three", "}"];
    Ok([one(1, &urls)])
}

/// The paths that real server 1 was asked for since somebody looked.
fn paths(farm: &mut Farm) -> Result<Vec<String>> {
    let asked = farm.server(1)?.order("asked")?;
    Ok(asked
        .split("GET ")
        .skip(1)
        .filter_map(|it| Some(it.split(' ').next()?.to_owned()))
        .collect())
}

fn pages(farm: &mut Farm) -> Result<()> {
    let servers = serve_pages(farm)?;
    let start = Instant::now();
    farm.start("a", &service(&[], &servers))?;
    farm.expect_well(&[1])?;
    let (took, paths) = (start.elapsed(), paths(farm)?);
    let first = paths.get(..3).unwrap_or_default();
    ensure!(first == ["/one", "/two", "/three"], "asked for {paths:?}");
    // A second before the first one, and one between each two.
    ensure!(took >= Duration::from_millis(2900), "all asked for after {took:?}");
    Ok(())
}

fn failed_page(farm: &mut Farm) -> Result<()> {
    let servers = serve_pages(farm)?;
    farm.start("a", &service(&[], &servers))?;
    farm.expect_well(&[1])?;
    farm.server(1)?.order("web 80 /two 500 2")?;
    farm.expect_table("a", &pool(&[]))?;
    paths(farm)?;
    let since = farm.a()?.log_mark();
    let (until, mut asked) = (Instant::now() + PATIENCE, Vec::new());
    while asked.len() < 3 {
        asked.extend(paths(farm)?);
        ensure!(Instant::now() < until, "asked for {asked:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
    ensure!(asked.iter().all(|path| path == "/two"), "asked for {asked:?} while /two failed");
    farm.server(1)?.order("web 80 /two 200 2")?;
    farm.expect_log_since("Remote Web server [192.0.2.21]:tcp:80 succeed on service.", since)?;
    let asked = paths(farm)?;
    let whole = asked.windows(4).any(|it| it == ["/two", "/one", "/two", "/three"]);
    ensure!(whole, "asked for {asked:?}");
    farm.expect_table("a", &pool(&[(1, 1)]))
}

fn silent(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    let url = ["connect_timeout 2", "url {", "path /", "}"];
    farm.start("a", &service(&[], &[one(1, &url), one(2, &url)]))?;
    farm.expect_well(&[1, 2])?;
    farm.server(2)?.order("silent 80")?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    let failed = "HTTP_CHECK on service [192.0.2.22]:tcp:80 failed after 1 retries.";
    farm.expect_log(failed).map(drop)
}

fn drip(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    let url = ["connect_timeout 2", "url {", "path /", "}"];
    farm.start("a", &service(&[], &[one(1, &url), one(2, &url)]))?;
    farm.expect_well(&[1, 2])?;
    farm.server(2)?.order("drip 80").map(drop)
}

fn drip_believed(farm: &mut Farm) -> Result<()> {
    drip(farm)?;
    farm.expect_no_change("a", Duration::from_secs(12))
}

fn drip_refused(farm: &mut Farm) -> Result<()> {
    drip(farm)?;
    farm.expect_table("a", &pool(&[(1, 1)]))
}
