//! Synchronisation of connections, which follows a VRRP instance.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use conformance::farm::{Farm, PATIENCE, Story, real_server, router, service};
use conformance::stream::Mark;

pub(crate) const STORIES: &[Story] = &[
    Story::new("synchronisation_follows_a_virtual_router", |farm| {
        follows(farm, "lvs_sync_daemon eth0 VI_1 id 7", "", 7)
    })
    .mixed()
    .spoils(),
    Story::new("synchronisation_follows_the_router_that_names_its_interface", |farm| {
        follows(farm, "", "lvs_sync_daemon_interface eth0", 0)
    })
    .mixed()
    .spoils(),
    Story::new("synchronisation_needs_no_virtual_server", alone).spoils(),
    Story::new("synchronisation_moves_to_another_router_with_a_reload", moves).spoils(),
];

fn configuration(priority: u8, global: &str, line: &str) -> String {
    let global = format!("global_defs {{\n    {global}\n}}\n");
    let interval = "advert_int 1\n";
    let router = router(priority).replace(interval, &format!("{interval}    {line}\n"));
    [global, router, service(&[], &[real_server(1, &[])])].concat()
}

fn expect(farm: &mut Farm, name: &str, expected: &[&str]) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        let shown = farm.lab.node(name)?.space().run("ipvsadm -L --daemon")?;
        let mut lines: Vec<&str> = shown.lines().map(str::trim).collect();
        lines.sort_unstable();
        if lines == expected {
            return Ok(());
        }
        ensure!(Instant::now() < until, "{name} has {lines:?}, not {expected:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// How `ipvsadm` shows those who send and receive.
fn daemons(id: u8) -> (String, String) {
    let daemon = |role| {
        format!(
            "{role} sync daemon (mcast=eth0, syncid={id}, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)"
        )
    };
    (daemon("master"), daemon("backup"))
}

/// Somebody else may make the services.
fn alone(farm: &mut Farm) -> Result<()> {
    let (sender, _) = daemons(7);
    let of_somebody = ["-A -t 192.0.2.99:80 -s rr".to_owned()];
    farm.run("a", &["ipvsadm -A -t 192.0.2.99:80 -s rr"])?;
    farm.start(
        "a",
        &format!("global_defs {{\n    lvs_sync_daemon eth0 VI_1 id 7\n    lvs_flush\n    lvs_flush_on_stop\n}}\n{}", router(150)),
    )?;
    expect(farm, "a", &[sender.as_str()])?;
    farm.expect_table("a", &of_somebody)?;
    farm.a()?.stop()?;
    expect(farm, "a", &[])?;
    farm.expect_table("a", &of_somebody)?;
    farm.run("a", &["ipvsadm -D -t 192.0.2.99:80"])
}

fn moves(farm: &mut Farm) -> Result<()> {
    let (sender, receiver) = daemons(7);
    let second = |priority| {
        let router = router(priority).replace("VI_1", "VI_2").replace("_id 51", "_id 52");
        router.replace("192.0.2.10/24", "192.0.2.11/24")
    };
    let following = |router_name: &str| {
        let global = format!("global_defs {{\n    lvs_sync_daemon eth0 {router_name} id 7\n}}\n");
        [global, router(150), second(100), service(&[], &[real_server(1, &[])])].concat()
    };
    farm.start("b", &second(200))?;
    let active = "(VI_2) Entering MASTER STATE";
    farm.lab.node("b")?.expect_log(active, Mark::START, PATIENCE)?;
    farm.start("a", &following("VI_1"))?;
    expect(farm, "a", &[sender.as_str()])?;
    // Neither role changes at these.
    farm.a()?.reload(&following("VI_2"))?;
    expect(farm, "a", &[receiver.as_str()])?;
    farm.a()?.reload(&following("VI_1"))?;
    expect(farm, "a", &[sender.as_str()])?;
    farm.lab.node("b")?.stop().map(drop)
}

fn follows(farm: &mut Farm, global: &str, line: &str, id: u8) -> Result<()> {
    let (sender, receiver) = daemons(id);
    let configuration = |priority| configuration(priority, global, line);
    farm.start("a", &configuration(150))?;
    expect(farm, "a", &[sender.as_str()])?;
    // Not before: which of two comes up first is another question.
    farm.start("b", &configuration(100))?;
    expect(farm, "b", &[receiver.as_str()])?;
    farm.a()?.stop()?;
    expect(farm, "b", &[sender.as_str()])?;
    expect(farm, "a", &[])?;
    farm.start("a", &configuration(150))?;
    expect(farm, "a", &[sender.as_str()])?;
    expect(farm, "b", &[receiver.as_str()])?;
    farm.lab.node("b")?.stop()?;
    expect(farm, "b", &[])
}
