//! Synchronisation of connections, which follows a VRRP instance.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use conformance::farm::{Farm, PATIENCE, Story, real_server, router, service};

pub(crate) const STORIES: &[Story] =
    &[Story::new("synchronisation_follows_a_virtual_router", follows).mixed().spoils()];

fn configuration(priority: u8) -> String {
    let global = "global_defs {\n    lvs_sync_daemon eth0 VI_1 id 7\n}\n";
    [global, &router(priority), &service(&[], &[real_server(1, &[])])].concat()
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

fn follows(farm: &mut Farm) -> Result<()> {
    const SENDER: &str = "master sync daemon (mcast=eth0, syncid=7, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)";
    const RECEIVER: &str = "backup sync daemon (mcast=eth0, syncid=7, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)";
    farm.start("a", &configuration(150))?;
    farm.start("b", &configuration(100))?;
    expect(farm, "a", &[SENDER])?;
    expect(farm, "b", &[RECEIVER])?;
    farm.a()?.stop()?;
    expect(farm, "b", &[SENDER])?;
    expect(farm, "a", &[])?;
    farm.start("a", &configuration(150))?;
    expect(farm, "a", &[SENDER])?;
    expect(farm, "b", &[RECEIVER])?;
    farm.lab.node("b")?.stop()?;
    expect(farm, "b", &[])
}
