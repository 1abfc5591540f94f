//! Synchronisation of connections, which follows a VRRP instance.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use conformance::farm::{Farm, PATIENCE, Story};

pub(crate) const STORIES: &[Story] =
    &[Story::new("synchronisation_follows_a_virtual_router", follows).mixed().spoils()];

fn configuration(priority: u8) -> String {
    format!(
        "global_defs {{
    lvs_sync_daemon eth0 VI_1 id 7
}}
vrrp_instance VI_1 {{
    interface eth0
    virtual_router_id 51
    priority {priority}
    advert_int 1
    virtual_ipaddress {{
        192.0.2.10/24
    }}
}}
virtual_server 192.0.2.10 80 {{
    delay_loop 1
    lb_algo rr
    lb_kind NAT
    protocol TCP
    real_server 192.0.2.21 80 {{
    }}
}}
"
    )
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
