//! Checks that depend on others: on a BFD session, and on where the address of their service is.

use std::time::Duration;

use anyhow::Result;
use conformance::farm::{Farm, Story, pool, real_server, service};

pub(crate) const STORIES: &[Story] = &[
    Story::new("a_session_that_ends_takes_its_server_away", |farm| session_ends(farm, "")).mixed(),
    Story::new("a_session_for_checks_alone_takes_its_server_away", |farm| {
        session_ends(farm, "    checker\n")
    })
    .mixed(),
    Story::new("checks_rest_while_the_address_is_elsewhere", suspended),
];

/// A session of director `own` with director `other`, which waits for three seconds, with `more` lines.
fn session(own: u8, other: u8, more: &str) -> String {
    format!(
        "bfd_instance peer {{\n    neighbor_ip 192.0.2.{other}\n    source_ip 192.0.2.{own}\n    min_rx 300\n    \
         min_tx 300\n    multiplier 10\n{more}}}\n"
    )
}

fn session_ends(farm: &mut Farm, more: &str) -> Result<()> {
    let server = real_server(1, &["BFD_CHECK {", "name peer", "}"]);
    farm.start("b", &session(2, 1, more))?;
    farm.start(
        "a",
        &format!("{}{}", session(1, 2, more), service(&[], &[server, real_server(2, &[])])),
    )?;
    farm.expect_log("BFD check of [peer] RS([192.0.2.21]:tcp:80) is UP")?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))?;
    farm.lab.node("b")?.crash()?;
    farm.expect_log("BFD check of [peer] RS([192.0.2.21]:tcp:80) is DOWN")?;
    farm.expect_table("a", &pool(&[(2, 1)]))?;
    farm.start("b", &session(2, 1, more))?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))
}

fn suspended(farm: &mut Farm) -> Result<()> {
    const CHECK: &[&str] = &["TCP_CHECK {", "}"];
    farm.serve(1)?;
    let servers = [real_server(1, CHECK), real_server(2, CHECK)];
    farm.start("a", &service(&["ha_suspend"], &servers))?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))?;
    farm.expect_no_change("a", Duration::from_secs(4))?;
    farm.run("a", &["ip addr add 192.0.2.10/32 dev eth0"])?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    farm.expect_well(&[1])?;
    farm.run("a", &["ip addr del 192.0.2.10/32 dev eth0"])?;
    farm.expect_log("Suspending healthchecker")?;
    // Nobody looks at what comes and goes.
    farm.serve(2)?;
    farm.server(1)?.order("close 80")?;
    farm.expect_no_change("a", Duration::from_secs(4))?;
    farm.run("a", &["ip addr add 192.0.2.10/32 dev eth0"])?;
    farm.expect_table("a", &pool(&[(2, 1)]))?;
    farm.run("a", &["ip addr del 192.0.2.10/32 dev eth0"])
}
