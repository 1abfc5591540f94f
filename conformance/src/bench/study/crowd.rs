//! Thousands of checks of web servers a second, beside a virtual router whose adverts must not wait for them.
//!
//! Of ours alone: the incumbent checks nobody where the kernel has no IPVS. The study `checks` compares the two, with fewer,
//! in an emulated machine that has it.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::bench::figure::{Figure, Wanted};
use crate::bench::gauge;
use crate::bench::ground::{longest_gap, start};
use crate::bench::nginx::Nginx;
use crate::bench::session::Session;
use crate::lab::Lab;
use crate::moment::Moment;
use crate::subject::Subject;

const NAME: &str = "crowd";

pub(super) fn run(session: &mut Session) -> Result<()> {
    let rate = session.pick(5000, 500);
    let row = |what: &str, unit, wanted| {
        Figure::new(NAME, &format!("{rate} HTTP checks a second of nginx: {what}"), unit, wanted)
    };
    let mut rows = [
        row("processor time for each", "us", Wanted::Nothing),
        row("made each second", "", Wanted::Nothing),
        row("memory of all processes", "MB", Wanted::Nothing),
        // An interval of a second, and what an advertisement may be late.
        row("longest gap between adverts", "ms", Wanted::AtMost(1010.0)),
    ];
    for _ in 0..session.pick(3, 1) {
        let outcome = repetition(rate).map(|samples| {
            rows.iter_mut().zip(samples).for_each(|(row, sample)| row.push(Subject::Ours, sample));
        });
        session.note(NAME, Subject::Ours, outcome);
    }
    session.take_all(rows);
    Ok(())
}

/// One sample for each row.
fn repetition(rate: usize) -> Result<[f64; 4]> {
    let mut lab = Lab::build(&["a", "s1"])?;
    let servers = lab.node("s1")?;
    // All addresses are one web server's.
    servers.space().run(&format!("ip route add local {NETWORK} dev lo"))?;
    let nginx = Nginx::start(servers)?;
    let node = lab.node("a")?;
    node.space().run(&format!("ip route add {NETWORK} via 192.0.2.21"))?;
    start(node, Subject::Ours, &configuration(rate))?;
    thread::sleep(SETTLED);

    let mark = lab.capture.mark();
    let node = lab.node("a")?;
    let processes = node.processes()?;
    let (each, pace) = nginx.cost(&processes, SPAN)?;
    let wanted = f64::from(u32::try_from(rate)?);
    ensure!(pace > 0.9 * wanted, "{pace:.0} of {rate} are made each second");
    let memory = gauge::memory(&processes)?;
    ensure!(node.processes()? == processes, "the processes are not those of before");
    let gap = longest_gap(&lab.capture.since(mark), Moment::now())?;
    Ok([each, pace, memory, gap])
}

/// `rate` servers that are asked each second, ten to a service, and a virtual router.
fn configuration(rate: usize) -> String {
    let mut text = String::from(
        "global_defs {\n    router_id bench\n    lvs_data_plane nftables\n}\nvrrp_instance VI_1 {\n    interface eth0\n    \
         virtual_router_id 51\n    priority 150\n    advert_int 1\n    virtual_ipaddress {\n        \
         192.0.2.10/24\n    }\n}\n",
    );
    for index in 0..rate {
        let [.., high, low] = index.to_be_bytes();
        if index % SERVERS == 0 {
            let close = if index == 0 { "" } else { "}\n" };
            let address = Ipv4Addr::new(10, 200, high, low);
            let _ = writeln!(
                text,
                "{close}virtual_server {address} 80 {{\n    delay_loop 1\n    lvs_sched rr\n    lvs_method NAT\n    \
                 protocol TCP"
            );
        }
        let address = Ipv4Addr::new(10, 210, high, low);
        let _ = writeln!(
            text,
            "    real_server {address} 80 {{\n        HTTP_GET {{\n            connect_timeout 5\n            \
             url {{\n                path /index.html\n                status_code 200\n            }}\n        }}\n    }}"
        );
    }
    text.push_str("}\n");
    text
}

const SERVERS: usize = 10;
const NETWORK: &str = "10.210.0.0/16";
const SPAN: Duration = Duration::from_secs(10);
/// First looks are spread over a second, and begin after one; the rules of thousands of servers are written meanwhile.
const SETTLED: Duration = Duration::from_secs(8);
