//! Real requests over real servers, counted by the client: the configurations that tutorials print.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use conformance::farm::{Answer, Farm, PATIENCE, Story, real_server, service};
use conformance::moment::Moment;
use conformance::stream::Mark;
use conformance::subject::Subject;

pub(crate) const STORIES: &[Story] = &[
    Story::new("a_pair_with_direct_routing", direct_pair).mixed().spoils(),
    Story::new("a_gateway_that_rewrites", gateway).spoils(),
    Story::new("servers_at_the_end_of_tunnels", tunnels).spoils(),
    Story::new("datagrams_go_to_servers_that_are_there", datagrams).spoils(),
    Story::new("a_strict_pair_of_the_incumbent_does_not_answer", strict_pair)
        .only(Subject::Keepalived)
        .spoils(),
    Story::new("a_strict_pair_answers_for_its_services", strict_pair_of_ours)
        .only(Subject::Ours)
        .spoils(),
];

/// A file of `examples/`, with the interface that directors have.
fn example(name: &str) -> Result<String> {
    let path = format!("{}/../examples/{name}", env!("CARGO_MANIFEST_DIR"));
    Ok(std::fs::read_to_string(path)?.replace("ens33", "eth0"))
}

/// Gives the nodes addresses as the pair of examples with direct routing expects them.
fn wire_pair(farm: &mut Farm) -> Result<()> {
    for (name, last) in [("a", 10), ("b", 11), ("s1", 12), ("s2", 13), ("client", 200)] {
        farm.run(name, &[&format!("ip addr add 192.168.235.{last}/24 dev eth0")])?;
    }
    for server in ["s1", "s2"] {
        farm.run(
            server,
            &[
                "sysctl -qw net.ipv4.conf.all.arp_ignore=1",
                "sysctl -qw net.ipv4.conf.all.arp_announce=2",
                "ip addr add 192.168.235.100/32 dev lo",
            ],
        )?;
    }
    Ok(())
}

const PAIR: &[&str] = &[
    "-A -t 192.168.235.100:80 -s rr",
    "-a -t 192.168.235.100:80 -r 192.168.235.12:80 -g -w 1",
    "-a -t 192.168.235.100:80 -r 192.168.235.13:80 -g -w 1",
];

/// Has the kernel of directors forget connections of servers that are gone, and choose anew for a port that a client uses
/// again. As the kernel comes, a new connection from such a port goes to the server that had the old one, also when that
/// is gone: with some requests a second one in fifty is lost so.
pub(crate) fn forget_gone_servers(farm: &mut Farm) -> Result<()> {
    for name in ["a", "b"] {
        farm.run(
            name,
            &[
                "modprobe ip_vs",
                "sysctl -qw net.ipv4.vs.expire_nodest_conn=1",
                "sysctl -qw net.ipv4.vs.conn_reuse_mode=3",
            ],
        )?;
    }
    Ok(())
}

/// Starts the pair, with these files as they are or without strictness.
fn start_pair(farm: &mut Farm, strict: bool) -> Result<()> {
    wire_pair(farm)?;
    farm.serve(2)?;
    for (name, file) in [("a", "lvs-dr-master.conf"), ("b", "lvs-dr-backup.conf")] {
        let text = example(file)?;
        let text = if strict { text } else { text.replace("   vrrp_strict\n", "") };
        farm.start(name, &text)?;
        farm.expect_table(name, PAIR)?;
    }
    farm.lab.node("a")?.expect_address("eth0", "192.168.235.100".parse()?, PATIENCE)
}

fn strict_pair(farm: &mut Farm) -> Result<()> {
    start_pair(farm, true)?;
    let browser = farm.browse("192.168.235.100:80", 1, Duration::ZERO)?;
    let answers = browser.all(PATIENCE)?;
    ensure!(answers.iter().all(|answer| !answer.is_good()), "{answers:?}");
    Ok(())
}

fn strict_pair_of_ours(farm: &mut Farm) -> Result<()> {
    start_pair(farm, true)?;
    let browser = farm.browse("192.168.235.100:80", 10, Duration::ZERO)?;
    let shares = browser.shares(PATIENCE)?;
    ensure!(shares == [("s1".to_owned(), 5), ("s2".to_owned(), 5)].into(), "{shares:?}");
    Ok(())
}

fn direct_pair(farm: &mut Farm) -> Result<()> {
    forget_gone_servers(farm)?;
    start_pair(farm, false)?;
    let browser = farm.browse("192.168.235.100:80", 20, Duration::ZERO)?;
    let shares = browser.shares(PATIENCE)?;
    ensure!(shares == [("s1".to_owned(), 10), ("s2".to_owned(), 10)].into(), "{shares:?}");

    // A server dies: requests fail until its check has failed with all retries, and then none.
    let browser = farm.browse("192.168.235.100:80", 10_000, Duration::from_millis(100))?;
    farm.server(2)?.order("close 80")?;
    let alone: Vec<&str> = PAIR.iter().copied().filter(|line| !line.contains(".13:80")).collect();
    farm.expect_table("a", &alone)?;
    farm.expect_table("b", &alone)?;
    let (since, gone) = (browser.answers().mark(), Moment::now());
    let one = browser.answers().wait(since, PATIENCE, |answer| answer.text == "s1");
    ensure!(one.is_some(), "nobody answers any more: {:?}", browser.answers().since(since));
    farm.serve(2)?;
    farm.expect_table("a", PAIR)?;
    farm.expect_table("b", PAIR)?;
    expect_good(&browser.answers().since(since), gone)?;
    drop(browser);

    // The director dies: its peer takes over.
    let browser = farm.browse("192.168.235.100:80", 10_000, Duration::from_millis(100))?;
    let first = browser.answers().wait(Mark::START, PATIENCE, Answer::is_good);
    ensure!(first.is_some(), "nobody answers");
    farm.lab.node("a")?.crash()?;
    farm.lab.node("b")?.expect_address("eth0", "192.168.235.100".parse()?, PATIENCE)?;
    let since = browser.answers().mark();
    for name in ["s1", "s2"] {
        let found = browser.answers().wait(since, PATIENCE, |answer| answer.text == name);
        let answers = browser.answers().since(since);
        let last = answers.get(answers.len().saturating_sub(9)..).unwrap_or_default();
        ensure!(found.is_some(), "{name} does not answer any more: .. {last:?}");
    }
    farm.run("a", &["ipvsadm -C"])
}

/// That every request succeeded which began after `gone`: one that was open then may have been with the server that went.
fn expect_good(answers: &[Answer], gone: Moment) -> Result<()> {
    match answers.iter().find(|answer| answer.asked > gone && !answer.is_good()) {
        None => Ok(()),
        Some(answer) => {
            bail!(
                "a request failed {:?} after the server was gone: {answer:?}",
                answer.asked.since(gone)
            )
        }
    }
}

fn gateway(farm: &mut Farm) -> Result<()> {
    for (name, last) in [("a", 10), ("s1", 13), ("s2", 14), ("client", 200)] {
        farm.run(name, &[&format!("ip addr add 192.168.1.{last}/24 dev eth0")])?;
    }
    farm.route_back(&["s1", "s2"], "192.168.1.200", "192.168.1.10")?;
    farm.serve(2)?;
    farm.start("a", &example("gateway-lvs-nat.conf")?)?;
    let whole = [
        "-A -t 192.168.1.199:80 -s rr -p 10",
        "-a -t 192.168.1.199:80 -r 192.168.1.13:80 -m -w 1",
        "-a -t 192.168.1.199:80 -r 192.168.1.14:80 -m -w 1",
    ];
    farm.expect_table("a", &whole)?;
    farm.lab.node("a")?.expect_address("eth0", "192.168.1.199".parse()?, PATIENCE)?;
    let shares = farm.browse("192.168.1.199:80", 10, Duration::ZERO)?.shares(PATIENCE)?;
    ensure!(shares.len() == 1, "persistence keeps a client at one server: {shares:?}");
    // The server that the client is kept at dies.
    let number = if shares.contains_key("s1") { 1 } else { 2 };
    farm.server(number)?.order("close 80")?;
    let left = if number == 1 { [whole[0], whole[2]] } else { [whole[0], whole[1]] };
    farm.expect_table("a", &left)?;
    let shares = farm.browse("192.168.1.199:80", 10, Duration::ZERO)?.shares(PATIENCE)?;
    ensure!(shares == [(format!("s{}", 3 - number), 10)].into(), "{shares:?}");
    Ok(())
}

fn tunnels(farm: &mut Farm) -> Result<()> {
    for server in ["s1", "s2"] {
        farm.run(
            server,
            &[
                "modprobe --quiet ipip",
                "sysctl -qw net.ipv4.conf.all.arp_ignore=1",
                "sysctl -qw net.ipv4.conf.all.arp_announce=2",
                "sysctl -qw net.ipv4.conf.all.rp_filter=0",
                "ip link set tunl0 up",
                "sysctl -qw net.ipv4.conf.tunl0.rp_filter=0",
                "ip addr add 192.0.2.10/32 dev tunl0",
            ],
        )?;
    }
    farm.run("a", &["ip addr add 192.0.2.10/32 dev eth0"])?;
    farm.serve(2)?;
    let text = service(&[], &[real_server(1, CHECK), real_server(2, CHECK)]);
    farm.start("a", &text.replace("lb_kind NAT", "lb_kind TUN"))?;
    farm.expect_well(&[1, 2])?;
    let whole = [
        "-A -t 192.0.2.10:80 -s rr",
        "-a -t 192.0.2.10:80 -r 192.0.2.21:80 -i -w 1 --tun-type ipip",
        "-a -t 192.0.2.10:80 -r 192.0.2.22:80 -i -w 1 --tun-type ipip",
    ];
    farm.expect_table("a", &whole)?;
    let shares = farm.browse("192.0.2.10:80", 10, Duration::ZERO)?.shares(PATIENCE)?;
    ensure!(shares == [("s1".to_owned(), 5), ("s2".to_owned(), 5)].into(), "{shares:?}");
    farm.server(1)?.order("close 80")?;
    farm.expect_table("a", &[whole[0], whole[2]])?;
    let shares = farm.browse("192.0.2.10:80", 4, Duration::ZERO)?.shares(PATIENCE)?;
    ensure!(shares == [("s2".to_owned(), 4)].into(), "{shares:?}");
    Ok(())
}

const CHECK: &[&str] = &["TCP_CHECK {", "}"];

fn datagrams(farm: &mut Farm) -> Result<()> {
    farm.wire()?;
    // What they answer: s1, s2.
    let answers = ["echo 80 7331", "echo 80 7332"];
    for (number, answer) in (1..).zip(answers) {
        farm.server(number)?.order(answer)?;
    }
    let check = ["UDP_CHECK {", "connect_timeout 1", "retry 1", "delay_before_retry 1", "}"];
    let text = service(&[], &[real_server(1, &check), real_server(2, &check)]);
    farm.start("a", &text.replace("protocol TCP", "protocol UDP"))?;
    let whole = [
        "-A -u 192.0.2.10:80 -s rr",
        "-a -u 192.0.2.10:80 -r 192.0.2.21:80 -m -w 1",
        "-a -u 192.0.2.10:80 -r 192.0.2.22:80 -m -w 1",
    ];
    farm.expect_table("a", &whole)?;
    expect_answers(farm, &[("s1", 5), ("s2", 5)])?;
    farm.server(2)?.order("close 80")?;
    farm.expect_table("a", &whole[..2])?;
    expect_answers(farm, &[("s1", 6)])?;
    farm.server(2)?.order(answers[1])?;
    farm.expect_table("a", &whole)?;
    expect_answers(farm, &[("s1", 3), ("s2", 3)])
}

/// That so many datagrams are answered by these.
fn expect_answers(farm: &mut Farm, expected: &[(&str, usize)]) -> Result<()> {
    let count = expected.iter().map(|(_, share)| share).sum::<usize>();
    let browser = farm.send_datagrams("192.0.2.10:80", u32::try_from(count)?)?;
    let shares = browser.shares(PATIENCE)?;
    let expected = expected.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect();
    ensure!(shares == expected, "shares {shares:?}, expected {expected:?}");
    Ok(())
}
