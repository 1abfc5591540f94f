//! Synchronisation of connections, which follows a VRRP instance.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use conformance::farm::{Farm, PATIENCE, Story, real_server, router, service};

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

fn follows(farm: &mut Farm, global: &str, line: &str, id: u8) -> Result<()> {
    let daemon = |role| {
        format!(
            "{role} sync daemon (mcast=eth0, syncid={id}, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)"
        )
    };
    let (sender, receiver) = (daemon("master"), daemon("backup"));
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
