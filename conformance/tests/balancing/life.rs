//! Start, end and death of a director's daemon, and what the kernel holds then.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use conformance::farm::{Farm, PATIENCE, SECURE, Story, pool, real_server, service};
use conformance::stream::Mark;
use conformance::subject::Subject;
use nix::sys::signal::Signal;

pub(crate) const STORIES: &[Story] = &[
    Story::new("a_stop_takes_away_its_own_and_nothing_else", stop),
    Story::new("the_lines_of_a_start_and_a_stop", lines),
    Story::new("a_flush_at_the_start_takes_everything_away", flush),
    Story::new("a_flush_at_the_stop_takes_everything_away", flush_at_stop),
    Story::new("timeouts_of_connections_are_set", timeouts),
    Story::new("a_killed_checker_is_replaced_and_servers_stay", killed),
    Story::new("no_request_is_lost_while_the_checker_is_replaced", killed_under_traffic).spoils(),
    Story::new("a_dead_server_comes_back_with_a_new_checker_of_the_incumbent", killed_with_dead)
        .only(Subject::Keepalived),
    Story::new("a_dead_server_stays_away_with_a_new_checker", killed_with_dead_ours)
        .only(Subject::Ours),
    Story::new("after_a_crash_the_table_is_adopted", crash),
    Story::new("what_a_crash_left_is_not_changed_by_the_incumbent", left_as_it_was)
        .only(Subject::Keepalived),
    Story::new("what_a_crash_left_is_made_as_configured", made_as_configured).only(Subject::Ours),
    Story::new("a_dynamic_weight_outlives_the_checker", dynamic),
    Story::new("what_others_change_stays_changed_for_the_incumbent", interference)
        .only(Subject::Keepalived),
    Story::new("what_others_change_is_put_right", repaired).only(Subject::Ours),
];

const CHECK: &[&str] = &["TCP_CHECK {", "}"];

fn two() -> String {
    service(&[], &[real_server(1, CHECK), real_server(2, CHECK)])
}

fn global(lines: &str) -> String {
    format!("global_defs {{\n{lines}\n}}\n{}", two())
}

const FOREIGN: &str = "ipvsadm -A -t 192.0.2.99:80 -s wlc";
const FOREIGN_SHOWN: &str = "-A -t 192.0.2.99:80 -s wlc";

fn with_foreign() -> Vec<String> {
    let mut expected = pool(&[(1, 1), (2, 1)]);
    expected.push(FOREIGN_SHOWN.to_owned());
    expected
}

fn stop(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    farm.run("a", &[FOREIGN])?;
    farm.start("a", &two())?;
    farm.expect_table("a", &with_foreign())?;
    let status = farm.a()?.stop()?;
    let left = farm.expect_table("a", &[FOREIGN_SHOWN]);
    farm.run("a", &["ipvsadm -C"])?;
    ensure!(status.success(), "ended with {status}");
    left
}

fn lines(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    farm.start("a", &two())?;
    farm.expect_well(&[1, 2])?;
    farm.a()?.stop()?;
    let expected = [
        "Gained quorum 1+0=1 <= 2 for VS [192.0.2.10]:tcp:80",
        "Activating healthchecker for service [192.0.2.21]:tcp:80 for VS [192.0.2.10]:tcp:80",
        "Activating healthchecker for service [192.0.2.22]:tcp:80 for VS [192.0.2.10]:tcp:80",
        "TCP connection to [192.0.2.21]:tcp:80 success.",
        "Shutting down service [192.0.2.21]:tcp:80 from VS [192.0.2.10]:tcp:80",
        "Shutting down service [192.0.2.22]:tcp:80 from VS [192.0.2.10]:tcp:80",
    ];
    let log = farm.a()?.log_since(Mark::START);
    let place = |text: &&str| {
        let place = log.iter().position(|line| line.text.contains(text));
        place.with_context(|| format!("not logged: {text}"))
    };
    let places = expected.iter().map(place).collect::<Result<Vec<_>>>()?;
    ensure!(places.is_sorted(), "in another order: {places:?}");
    Ok(())
}

fn flush(farm: &mut Farm) -> Result<()> {
    farm.run("a", &[FOREIGN])?;
    farm.start("a", &global("lvs_flush"))?;
    farm.expect_table("a", &pool(&[]))
}

fn flush_at_stop(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    farm.run("a", &[FOREIGN])?;
    farm.start("a", &global("lvs_flush_on_stop"))?;
    farm.expect_table("a", &with_foreign())?;
    farm.a()?.stop()?;
    farm.expect_table("a", &[""; 0])
}

fn timeouts(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    farm.start("a", &global("lvs_timeouts tcp 1000 tcpfin 50 udp 60"))?;
    farm.expect_well(&[1, 2])?;
    let shown = farm.a()?.space().run("ipvsadm -L --timeout")?;
    ensure!(shown.trim() == "Timeout (tcp tcpfin udp): 1000 50 60", "{shown}");
    farm.run("a", &["ipvsadm --set 900 120 300"])
}

/// Kills the checker process of `a` and waits until another one runs.
fn kill_checker(farm: &mut Farm) -> Result<()> {
    let path = farm.a()?.file("p3");
    let pid = std::fs::read_to_string(&path)?;
    let since = farm.a()?.log_mark();
    farm.a()?.space().run(&format!("kill -KILL {}", pid.trim()))?;
    farm.expect_log_since("Starting Healthcheck child process", since).map(drop)
}

fn killed(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    farm.start("a", &two())?;
    farm.expect_well(&[1, 2])?;
    kill_checker(farm)?;
    farm.expect_logs("TCP connection to [192.0.2.22]:tcp:80 success.", 2)?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))?;
    farm.server(2)?.order("close 80")?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    farm.a()?.stop()?;
    farm.expect_table("a", &[""; 0])
}

fn killed_under_traffic(farm: &mut Farm) -> Result<()> {
    farm.wire()?;
    farm.serve(2)?;
    farm.start("a", &two())?;
    farm.expect_well(&[1, 2])?;
    let browser = farm.browse("192.0.2.10:80", 100, Duration::from_millis(100))?;
    for times in [2, 3] {
        kill_checker(farm)?;
        farm.expect_logs("TCP connection to [192.0.2.22]:tcp:80 success.", times)?;
    }
    let shares = browser.shares(PATIENCE)?;
    ensure!(shares == [("s1".to_owned(), 50), ("s2".to_owned(), 50)].into(), "{shares:?}");
    Ok(())
}

fn killed_with_dead(farm: &mut Farm) -> Result<()> {
    farm.serve(1)?;
    farm.start("a", &two())?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    kill_checker(farm)?;
    // Which it can only be again if it was there.
    farm.expect_logs("Removing service [192.0.2.22]:tcp:80 from VS [192.0.2.10]:tcp:80", 2)?;
    farm.expect_table("a", &pool(&[(1, 1)]))
}

fn killed_with_dead_ours(farm: &mut Farm) -> Result<()> {
    farm.serve(1)?;
    farm.start("a", &two())?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    kill_checker(farm)?;
    farm.expect_no_change("a", Duration::from_secs(4))?;
    farm.serve(2)?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))
}

fn crash(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    farm.start("a", &two())?;
    farm.expect_well(&[1, 2])?;
    farm.a()?.crash()?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))?;
    farm.start("a", &two())?;
    farm.expect_logs("TCP connection to [192.0.2.22]:tcp:80 success.", 2)?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))
}

/// Starts anew after a crash, with another weight of server 1 and with server 3 in place of 2.
fn crash_and_change(farm: &mut Farm) -> Result<()> {
    farm.serve(3)?;
    farm.start("a", &two())?;
    farm.expect_well(&[1, 2])?;
    farm.a()?.crash()?;
    farm.start("a", &service(&[], &[real_server(1, &["weight 7"]), real_server(3, CHECK)]))?;
    farm.expect_well(&[3])
}

fn left_as_it_was(farm: &mut Farm) -> Result<()> {
    crash_and_change(farm)?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1), (3, 1)]))?;
    farm.a()?.stop()?;
    farm.expect_table("a", &[""; 0])
}

fn made_as_configured(farm: &mut Farm) -> Result<()> {
    crash_and_change(farm)?;
    farm.expect_table("a", &pool(&[(1, 7), (3, 1)]))
}

fn dynamic(farm: &mut Farm) -> Result<()> {
    let script = farm.script("check", "exit 12")?;
    let path = format!("misc_path \"{}\"", script.display());
    let lines = ["weight 3", "MISC_CHECK {", &path, "misc_timeout 20", "misc_dynamic", "}"];
    farm.start("a", &format!("{SECURE}{}", service(&[], &[real_server(1, &lines)])))?;
    farm.expect_table("a", &pool(&[(1, 10)]))?;
    let since = farm.a()?.log_mark();
    kill_checker(farm)?;
    // Its first run is after a second at the earliest.
    farm.expect_kept("a", &pool(&[(1, 10)]), Duration::from_secs(4))?;
    farm.expect_log_since("Misc check for [[192.0.2.21]:tcp:80 VS", since)?;
    farm.expect_kept("a", &pool(&[(1, 10)]), Duration::from_secs(1))
}

/// Somebody removes a server, changes the weight of another, and adds one.
fn interfere(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    farm.start("a", &two())?;
    farm.expect_well(&[1, 2])?;
    farm.run(
        "a",
        &[
            "ipvsadm -d -t 192.0.2.10:80 -r 192.0.2.22:80",
            "ipvsadm -e -t 192.0.2.10:80 -r 192.0.2.21:80 -m -w 9",
        ],
    )
}

fn interference(farm: &mut Farm) -> Result<()> {
    interfere(farm)?;
    farm.expect_table("a", &pool(&[(1, 9)]))?;
    farm.expect_no_change("a", Duration::from_secs(5))
}

fn repaired(farm: &mut Farm) -> Result<()> {
    interfere(farm)?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))?;
    farm.run("a", &["ipvsadm -D -t 192.0.2.10:80"])?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))?;
    farm.a()?.signal(Signal::SIGHUP)?;
    farm.expect_no_change("a", Duration::from_secs(3))
}
