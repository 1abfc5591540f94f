//! Checks of web servers: what each costs the daemon, and how soon a dead server is taken out while all others are asked.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::bench::figure::{Figure, Wanted};
use crate::bench::ground::{milliseconds, start};
use crate::bench::nginx::Nginx;
use crate::bench::pool;
use crate::bench::session::{Session, TURNS};
use crate::farm::RealServer;
use crate::lab::Lab;
use crate::moment::Moment;
use crate::stream::Mark;
use crate::subject::Subject;

const NAME: &str = "checks";

pub(super) fn run(session: &mut Session) -> Result<()> {
    for rate in session.pick(&[50, 200][..], &[50]) {
        let row = |what: &str, unit, wanted| {
            let name = format!("{rate} HTTP checks a second of nginx: {what}");
            Figure::new(NAME, &name, unit, wanted)
        };
        let mut rows = [
            row("processor time for each", "us", Wanted::Ratio(0.7)),
            row("made each second", "", Wanted::Nothing),
            // The check is made each second and believed at once.
            row("from a server's death to its removal", "ms", Wanted::AtMost(1200.0)),
        ];
        for _ in 0..session.pick(3, 1) {
            for subject in TURNS {
                let outcome = repetition(subject, *rate, session.pick(5, 2), &mut rows);
                session.note(NAME, subject, outcome);
            }
        }
        session.take_all(rows);
    }
    Ok(())
}

fn repetition(subject: Subject, rate: usize, deaths: u32, rows: &mut [Figure; 3]) -> Result<()> {
    let mut lab = Lab::build(&["a", "s1"])?;
    let node = lab.node("s1")?;
    let nginx = Nginx::start(node)?;
    // The one that dies.
    let mut mortal = RealServer::start(node.space())?;
    mortal.order("web 8080 * 200 well")?;
    let node = lab.node("a")?;
    let pool = pool::watch(node, SERVICE)?;
    start(node, subject, &configuration(rate))?;
    // Its checks have all been made when it is as it is after the first death.
    pool::wait(&pool, Mark::START, (2, 2), PATIENCE)?;
    thread::sleep(SETTLED);

    let processes = node.processes()?;
    let (each, made) = nginx.cost(&processes, SPAN)?;
    let [cost, pace, removal] = rows;
    cost.push(subject, each);
    pace.push(subject, made);

    for death in 0..deaths {
        let since = pool.mark();
        let told = Moment::now();
        mortal.order("close 8080")?;
        let gone = pool::wait(&pool, since, (1, 1), PATIENCE)?;
        removal.push(subject, milliseconds(told, gone));
        mortal.order("web 8080 * 200 well")?;
        pool::wait(&pool, since, (2, 2), PATIENCE)?;
        // Deaths come at other times of the second each.
        thread::sleep(Duration::from_millis(u64::from(1137 * (death + 1) % 1000)));
    }
    ensure!(node.processes()? == processes, "the processes are not those of before");
    Ok(())
}

/// `rate` servers that nginx plays, asked each second, and one service of two servers of which the other one can die.
fn configuration(rate: usize) -> String {
    let mut text = String::from("global_defs {\n    router_id bench\n}\n");
    service(&mut text, SERVICE, &[("192.0.2.21", 80), ("192.0.2.21", 8080)]);
    for group in 0..rate.div_ceil(SERVERS) {
        let address = Ipv4Addr::new(10, 200, 1, u8::try_from(group % 250).unwrap_or(0));
        let servers = [("192.0.2.21", 80); SERVERS];
        let count = SERVERS.min(rate - group * SERVERS);
        service(&mut text, address, servers.get(..count).unwrap_or_default());
    }
    text
}

fn service(text: &mut String, address: Ipv4Addr, asked: &[(&str, u16)]) {
    let _ = writeln!(
        text,
        "virtual_server {address} 80 {{\n    delay_loop 1\n    lvs_sched rr\n    lvs_method NAT\n    protocol TCP"
    );
    for (index, (server, port)) in asked.iter().enumerate() {
        let _ = writeln!(
            text,
            "    real_server 172.16.0.{} 80 {{\n        HTTP_GET {{\n            connect_ip {server}\n            \
             connect_port {port}\n            connect_timeout 5\n            retry 0\n            url {{\n                \
             path /index.html\n                status_code 200\n            }}\n        }}\n    }}",
            index + 1
        );
    }
    text.push_str("}\n");
}

const SERVERS: usize = 10;
/// The one that is watched.
const SERVICE: Ipv4Addr = Ipv4Addr::new(10, 200, 0, 1);
const SPAN: Duration = Duration::from_secs(10);
/// First looks are spread over a second, and begin after one.
const SETTLED: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_secs(60);
