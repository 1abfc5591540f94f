//! Quorum, hysteresis and the sorry server: when a pool is enough, and what stands in for it.

use anyhow::Result;
use conformance::farm::{Farm, SECURE, Story, pool, real_server, service};
use conformance::stream::Mark;

pub(crate) const STORIES: &[Story] = &[
    Story::new("a_quorum_is_lost_and_gained_by_weights", weights),
    Story::new("a_quorum_that_is_lost_without_a_sorry_server_leaves_the_rest", rest),
    Story::new("hysteresis_keeps_a_pool_down_and_up", hysteresis),
    Story::new("a_sorry_server_stands_in_for_all", sorry),
    Story::new("a_sorry_server_stands_in_for_those_too_few", too_few),
    Story::new("an_inhibited_sorry_server_is_there_with_weight_0", sorry_inhibited),
    Story::new("inhibited_servers_stay_beside_the_sorry_server", inhibited_and_sorry),
    Story::new("a_sorry_server_of_another_kind_of_forwarding", sorry_forwarded),
    Story::new("alpha_servers_leave_the_sorry_server_at_the_start", alpha),
    Story::new("programs_are_told_of_the_quorum", told),
    Story::new("omega_tells_programs_of_the_end", omega),
    Story::new("a_quorum_above_all_weights_is_made_all_weights", too_much),
];

const CHECK: &[&str] = &["TCP_CHECK {", "}"];

/// Real servers 1 to 3 with these weights.
fn three(weights: [u32; 3]) -> [String; 3] {
    let mut number = 0;
    weights.map(|weight| {
        number += 1;
        real_server(number, &[&format!("weight {weight}"), "TCP_CHECK {", "}"])
    })
}

fn two() -> [String; 2] {
    [real_server(1, CHECK), real_server(2, CHECK)]
}

fn close(farm: &mut Farm, number: usize) -> Result<()> {
    farm.server(number)?.order("close 80").map(drop)
}

fn open(farm: &mut Farm, number: usize) -> Result<()> {
    farm.server(number)?.order(&format!("web 80 * 200 s{number}")).map(drop)
}

fn weights(farm: &mut Farm) -> Result<()> {
    farm.serve(3)?;
    farm.start("a", &service(&["quorum 3"], &three([3, 2, 1])))?;
    farm.expect_log("Gained quorum 3+0=3 <= 6 for VS [192.0.2.10]:tcp:80")?;
    farm.expect_well(&[1, 2, 3])?;
    close(farm, 1)?;
    farm.expect_table("a", &pool(&[(2, 2), (3, 1)]))?;
    farm.a()?.expect_no_log("Lost quorum", Mark::START)?;
    close(farm, 3)?;
    farm.expect_table("a", &pool(&[(2, 2)]))?;
    farm.expect_log("Lost quorum 3-0=3 > 2 for VS [192.0.2.10]:tcp:80")?;
    let since = farm.a()?.log_mark();
    open(farm, 3)?;
    farm.expect_log_since("Gained quorum 3+0=3 <= 3 for VS [192.0.2.10]:tcp:80", since)?;
    farm.expect_table("a", &pool(&[(2, 2), (3, 1)]))
}

fn rest(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    farm.start("a", &service(&["quorum 2"], &two()))?;
    farm.expect_well(&[1, 2])?;
    close(farm, 1)?;
    farm.expect_log("Lost quorum 2-0=2 > 1 for VS [192.0.2.10]:tcp:80")?;
    farm.expect_table("a", &pool(&[(2, 1)]))?;
    close(farm, 2)?;
    farm.expect_table("a", &pool(&[]))
}

fn hysteresis(farm: &mut Farm) -> Result<()> {
    farm.serve(3)?;
    let lines = ["quorum 2", "hysteresis 1", "sorry_server 192.0.2.99 80"];
    farm.start("a", &service(&lines, &three([1, 1, 1])))?;
    farm.expect_log("Gained quorum 2+1=3 <= 3 for VS [192.0.2.10]:tcp:80")?;
    farm.expect_well(&[1, 2, 3])?;
    close(farm, 1)?;
    close(farm, 2)?;
    farm.expect_table("a", &pool(&[(3, 1)]))?;
    farm.a()?.expect_no_log("Lost quorum", Mark::START)?;
    close(farm, 3)?;
    farm.expect_log("Lost quorum 2-1=1 > 0 for VS [192.0.2.10]:tcp:80")?;
    let mut sorry = pool(&[]);
    sorry.push("-a -t 192.0.2.10:80 -r 192.0.2.99:80 -m -w 1".to_owned());
    farm.expect_table("a", &sorry)?;
    let since = farm.a()?.log_mark();
    for number in [1, 2] {
        open(farm, number)?;
        let well = format!("TCP connection to [192.0.2.2{number}]:tcp:80 success.");
        farm.expect_log_since(&well, since)?;
    }
    farm.expect_table("a", &sorry)?;
    open(farm, 3)?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1), (3, 1)]))?;
    farm.expect_log_since("Gained quorum 2+1=3 <= 3 for VS [192.0.2.10]:tcp:80", since).map(drop)
}

fn with_sorry(servers: &[(u8, u32)], weight: u32) -> Vec<String> {
    let mut lines = pool(servers);
    lines.push(format!("-a -t 192.0.2.10:80 -r 192.0.2.23:80 -m -w {weight}"));
    lines
}

fn sorry(farm: &mut Farm) -> Result<()> {
    farm.serve(3)?;
    farm.start("a", &service(&["sorry_server 192.0.2.23 80"], &two()))?;
    farm.expect_well(&[1, 2])?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))?;
    close(farm, 1)?;
    farm.expect_table("a", &pool(&[(2, 1)]))?;
    close(farm, 2)?;
    farm.expect_table("a", &with_sorry(&[], 1))?;
    farm.expect_log("Adding sorry server [192.0.2.23]:tcp:80 to VS [192.0.2.10]:tcp:80")?;
    open(farm, 1)?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    farm.expect_log("Removing sorry server [192.0.2.23]:tcp:80 from VS [192.0.2.10]:tcp:80")
        .map(drop)
}

fn too_few(farm: &mut Farm) -> Result<()> {
    farm.serve(3)?;
    farm.start("a", &service(&["quorum 2", "sorry_server 192.0.2.23 80"], &two()))?;
    farm.expect_well(&[1, 2])?;
    close(farm, 1)?;
    farm.expect_table("a", &with_sorry(&[], 1))?;
    open(farm, 1)?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))
}

fn sorry_inhibited(farm: &mut Farm) -> Result<()> {
    farm.serve(3)?;
    farm.start("a", &service(&["sorry_server 192.0.2.23 80", "sorry_server_inhibit"], &two()))?;
    farm.expect_table("a", &with_sorry(&[(1, 1), (2, 1)], 0))?;
    farm.expect_well(&[1, 2])?;
    close(farm, 1)?;
    close(farm, 2)?;
    farm.expect_table("a", &with_sorry(&[], 1))?;
    open(farm, 1)?;
    farm.expect_table("a", &with_sorry(&[(1, 1)], 0))
}

fn inhibited_and_sorry(farm: &mut Farm) -> Result<()> {
    farm.serve(3)?;
    farm.start("a", &service(&["inhibit_on_failure", "sorry_server 192.0.2.23 80"], &two()))?;
    farm.expect_well(&[1, 2])?;
    close(farm, 1)?;
    farm.expect_table("a", &pool(&[(1, 0), (2, 1)]))?;
    close(farm, 2)?;
    farm.expect_table("a", &with_sorry(&[(1, 0), (2, 0)], 1))?;
    open(farm, 2)?;
    farm.expect_table("a", &pool(&[(1, 0), (2, 1)]))
}

fn sorry_forwarded(farm: &mut Farm) -> Result<()> {
    let lines = ["sorry_server 192.0.2.23 80", "sorry_server_lvs_method DR"];
    farm.start("a", &service(&lines, &two()))?;
    let mut expected = pool(&[]);
    expected.push("-a -t 192.0.2.10:80 -r 192.0.2.23:80 -g -w 1".to_owned());
    farm.expect_table("a", &expected)
}

fn alpha(farm: &mut Farm) -> Result<()> {
    farm.start("a", &service(&["alpha", "sorry_server 192.0.2.23 80"], &two()))?;
    farm.expect_table("a", &with_sorry(&[], 1))?;
    farm.serve(1)?;
    farm.expect_table("a", &pool(&[(1, 1)]))
}

/// Programs that write what they are called for into the file `told`.
fn programs(farm: &mut Farm) -> Result<[String; 4]> {
    let told = farm.a()?.file("told");
    let script = farm.script("script", &format!("echo \"$@\" >>{}", told.display()))?;
    Ok(["quorum_up", "quorum_down", "notify_up", "notify_down"]
        .map(|keyword| format!("{keyword} \"{} {keyword}\"", script.display())))
}

fn told(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    let [up, down, server_up, server_down] = programs(farm)?;
    let server = [server_up.as_str(), &server_down, "TCP_CHECK {", "}"];
    let servers = [real_server(1, &server), real_server(2, &server)];
    farm.start("a", &format!("{SECURE}{}", service(&["quorum 2", &up, &down], &servers)))?;
    farm.expect_well(&[1, 2])?;
    farm.expect_told("told", &["quorum_up"])?;
    close(farm, 1)?;
    // Programs of one moment run side by side.
    farm.expect_told("told", &["quorum_up", "notify_down", "quorum_down"])?;
    open(farm, 1)?;
    let all = ["quorum_up", "notify_down", "quorum_down", "notify_up", "quorum_up"];
    farm.expect_told("told", &all)?;
    farm.a()?.stop()?;
    farm.expect_told("told", &all)
}

fn omega(farm: &mut Farm) -> Result<()> {
    farm.serve(1)?;
    let [up, down, server_up, server_down] = programs(farm)?;
    let server = real_server(1, &[&server_up, &server_down, "TCP_CHECK {", "}"]);
    farm.start("a", &format!("{SECURE}{}", service(&["omega", &up, &down], &[server])))?;
    farm.expect_well(&[1])?;
    farm.a()?.stop()?;
    farm.expect_told("told", &["quorum_up", "notify_down", "quorum_down"])
}

fn too_much(farm: &mut Farm) -> Result<()> {
    farm.serve(2)?;
    farm.start("a", &service(&["quorum 9"], &two()))?;
    farm.expect_log("Gained quorum 2+0=2 <= 2 for VS [192.0.2.10]:tcp:80").map(drop)
}
