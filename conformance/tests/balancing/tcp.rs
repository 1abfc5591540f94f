//! TCP_CHECK, and what is common to all checks: retries, their delay, what counts at the start.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use conformance::farm::{Farm, Story, pool, real_server, service};
use conformance::stream::Mark;

pub(crate) const STORIES: &[Story] = &[
    Story::new("a_server_that_refuses_goes_and_comes_back", back),
    Story::new("what_is_dead_at_the_start_goes_at_its_first_check", dead_at_the_start),
    Story::new("retries_are_made_before_a_server_goes", retries),
    Story::new("one_success_between_failures_makes_all_retries_good_again", good_again),
    Story::new("a_server_that_cannot_be_reached_goes_when_its_time_is_over", unreachable),
    Story::new("a_check_goes_to_another_address_and_port", elsewhere),
    Story::new("an_alpha_server_comes_with_its_first_success", alpha),
    Story::new("an_inhibited_server_stays_with_weight_0", inhibited),
    Story::new("a_server_with_two_checks_needs_both", both),
    Story::new("a_server_without_a_check_stays", unchecked),
];

const CHECK: &[&str] = &["TCP_CHECK {", "}"];

fn back(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    farm.start("a", &service(&[], &[real_server(1, CHECK), real_server(2, CHECK)]))?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))?;
    farm.expect_log(
        "Activating healthchecker for service [192.0.2.22]:tcp:80 for VS [192.0.2.10]:tcp:80",
    )?;
    farm.expect_log("TCP connection to [192.0.2.22]:tcp:80 success.")?;
    farm.server(2)?.order("close 80")?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    farm.expect_log("TCP_CHECK on service [192.0.2.22]:tcp:80 failed after 1 retries.")?;
    let removed = "Removing service [192.0.2.22]:tcp:80 from VS [192.0.2.10]:tcp:80";
    farm.expect_log(removed)?;
    let since = farm.a()?.log_mark();
    farm.serve(2)?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))?;
    farm.expect_log_since("TCP connection to [192.0.2.22]:tcp:80 success.", since)?;
    farm.expect_log_since("Adding service [192.0.2.22]:tcp:80 to VS [192.0.2.10]:tcp:80", since)?;
    farm.a()?.expect_no_log("[192.0.2.21]:tcp:80 failed", Mark::START)
}

fn dead_at_the_start(farm: &mut Farm) -> Result<()> {
    farm.serve(1)?;
    // More than there is time for, were they made.
    let check = ["TCP_CHECK {", "retry 100", "}"];
    farm.start("a", &service(&[], &[real_server(1, &check), real_server(2, &check)]))?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    farm.expect_log("TCP_CHECK on service [192.0.2.22]:tcp:80 failed.")?;
    farm.expect_log("Removing service [192.0.2.22]:tcp:80 from VS [192.0.2.10]:tcp:80").map(drop)
}

fn retries(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    let check = ["TCP_CHECK {", "retry 3", "delay_before_retry 1", "}"];
    farm.start("a", &service(&[], &[real_server(1, &check), real_server(2, &check)]))?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))?;
    farm.expect_log("TCP connection to [192.0.2.22]:tcp:80 success.")?;
    let died = Instant::now();
    farm.server(2)?.order("close 80")?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    let took = died.elapsed();
    ensure!(took >= Duration::from_millis(2900), "gone after {took:?}, with three retries");
    farm.expect_log("TCP_CHECK on service [192.0.2.22]:tcp:80 failed after 3 retries.").map(drop)
}

fn good_again(farm: &mut Farm) -> Result<()> {
    farm.serve(1)?;
    let check = ["TCP_CHECK {", "retry 1", "delay_before_retry 5", "log_all_failures", "}"];
    farm.start("a", &service(&[], &[real_server(1, &check)]))?;
    farm.expect_well(&[1])?;
    for _ in 0..3 {
        let since = farm.a()?.log_mark();
        farm.server(1)?.order("close 80")?;
        farm.expect_log_since("TCP connection to [192.0.2.21]:tcp:80 failed.", since)?;
        farm.serve(1)?;
        // Long enough for the retry, and for the next check.
        farm.expect_no_change("a", Duration::from_secs(7))?;
    }
    farm.a()?.expect_no_log("Removing service", Mark::START)
}

fn unreachable(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    let check = ["TCP_CHECK {", "connect_timeout 2", "retry 0", "}"];
    farm.start("a", &service(&[], &[real_server(1, &check), real_server(2, &check)]))?;
    farm.expect_log("TCP connection to [192.0.2.22]:tcp:80 success.")?;
    farm.lab.set_partition("s2", true)?;
    let expected = farm.expect_table("a", &pool(&[(1, 1)]));
    farm.lab.set_partition("s2", false)?;
    expected?;
    farm.expect_log("TCP_CHECK on service [192.0.2.22]:tcp:80 failed.")?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))
}

fn elsewhere(farm: &mut Farm) -> Result<()> {
    farm.serve(1)?;
    farm.server(3)?.order("web 8080 * 200 other")?;
    let check = ["TCP_CHECK {", "connect_ip 192.0.2.23", "connect_port 8080", "}"];
    farm.start("a", &service(&[], &[real_server(1, CHECK), real_server(2, &check)]))?;
    farm.expect_well(&[1, 2])?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))?;
    farm.server(3)?.order("close 8080")?;
    farm.expect_table("a", &pool(&[(1, 1)]))
}

fn alpha(farm: &mut Farm) -> Result<()> {
    farm.start("a", &service(&["alpha"], &[real_server(1, CHECK), real_server(2, CHECK)]))?;
    farm.expect_table("a", &pool(&[]))?;
    farm.expect_no_change("a", Duration::from_secs(3))?;
    farm.serve(1)?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    farm.expect_log("Adding service [192.0.2.21]:tcp:80 to VS [192.0.2.10]:tcp:80")?;
    farm.serve(2)?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))
}

fn inhibited(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    let check = ["inhibit_on_failure", "weight 7", "TCP_CHECK {", "}"];
    farm.start("a", &service(&[], &[real_server(1, &check), real_server(2, &check)]))?;
    farm.expect_table("a", &pool(&[(1, 7), (2, 7)]))?;
    farm.expect_log("TCP connection to [192.0.2.22]:tcp:80 success.")?;
    farm.server(2)?.order("close 80")?;
    farm.expect_table("a", &pool(&[(1, 7), (2, 0)]))?;
    farm.expect_log("Disabling service [192.0.2.22]:tcp:80 of VS [192.0.2.10]:tcp:80")?;
    farm.serve(2)?;
    farm.expect_table("a", &pool(&[(1, 7), (2, 7)]))?;
    farm.expect_log("Enabling service [192.0.2.22]:tcp:80 of VS [192.0.2.10]:tcp:80").map(drop)
}

fn both(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    farm.server(2)?.order("web 81 * 200 s2")?;
    let checks = ["TCP_CHECK {", "}", "TCP_CHECK {", "connect_port 81", "}"];
    farm.start("a", &service(&[], &[real_server(1, CHECK), real_server(2, &checks)]))?;
    farm.expect_logs("TCP connection to [192.0.2.22]:tcp:80 success.", 2)?;
    farm.server(2)?.order("close 81")?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    farm.server(2)?.order("close 80")?;
    farm.expect_logs("TCP_CHECK on service [192.0.2.22]:tcp:80 failed after 1 retries.", 2)?;
    farm.server(2)?.order("web 81 * 200 s2")?;
    farm.expect_logs("TCP connection to [192.0.2.22]:tcp:80 success.", 3)?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    farm.serve(2)?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))
}

fn unchecked(farm: &mut Farm) -> Result<()> {
    farm.serve(1)?;
    farm.start("a", &service(&[], &[real_server(1, CHECK), real_server(2, &["weight 5"])]))?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 5)]))?;
    farm.expect_well(&[1])?;
    farm.server(1)?.order("close 80")?;
    farm.expect_table("a", &pool(&[(2, 5)]))
}
