//! Directors and web servers die and return by chance, while clients ask on and on. Every request that is lost has to be
//! explained by something that happened, within the bound of that.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use conformance::dice::Dice;
use conformance::farm::{Answer, Browser, Farm, PATIENCE, Story, router};
use conformance::moment::Moment;
use conformance::stream::Mark;
use conformance::subject::Subject;

pub(crate) const STORIES: &[Story] =
    &[Story::new("every_lost_request_is_explained_by_what_happened", storm)
        .gap("it is chance: played by hand, because one play in many has found a reset on a busy machine that nothing explained")
        .only(Subject::Ours)
        .spoils()];

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The web server ends: who asks is refused.
    Dies(u8),
    /// The web server takes connections and says nothing.
    Hangs(u8),
    /// The cable of a web server is out.
    Unplugged(u8),
    /// All processes of a director are killed.
    Crash(&'static str),
    /// All processes of a director stand still.
    Freeze(&'static str),
    /// A director is stopped in order.
    Stop(&'static str),
    /// The cable of a director is out.
    Cut(&'static str),
}

const OF_SERVERS: [fn(u8) -> Fault; 3] = [Fault::Dies, Fault::Hangs, Fault::Unplugged];
const OF_DIRECTORS: [fn(&'static str) -> Fault; 4] =
    [Fault::Crash, Fault::Freeze, Fault::Stop, Fault::Cut];

/// Why requests may be lost, and when.
struct Excuse {
    from: Moment,
    until: Moment,
    why: String,
}

fn storm(farm: &mut Farm) -> Result<()> {
    let given = std::env::var("STEADFAST_SEED").ok().and_then(|text| text.parse().ok());
    let seed: u64 = given.unwrap_or_else(|| Moment::now().0);
    let mut ledger = Vec::new();
    let told = play(farm, &mut Dice::new(seed), &mut ledger);
    told.with_context(|| {
        let mut text = format!("STEADFAST_SEED={seed} tells this again:");
        for Excuse { from, until, why } in &ledger {
            let _ = write!(text, "\n  {from} to {until}: {why}");
        }
        text
    })
}

fn play(farm: &mut Farm, dice: &mut Dice, ledger: &mut Vec<Excuse>) -> Result<()> {
    super::traffic::forget_gone_servers(farm)?;
    wire(farm)?;
    farm.serve(3)?;
    farm.start("a", &configuration(150))?;
    farm.start("b", &configuration(100))?;
    expect_whole(farm)?;
    let clients = (0..CLIENTS)
        .map(|_| farm.browse_on("192.0.2.10:80", EVERY, REQUEST))
        .collect::<Result<Vec<Browser>>>()?;
    for client in &clients {
        let first = client.answers().wait(Mark::START, PATIENCE, Answer::is_good);
        ensure!(first.is_some(), "nobody answers");
    }
    let begun = Moment::now();
    let until = Instant::now() + SPAN;
    while Instant::now() < until {
        let faults = choose(dice)?;
        for fault in &faults {
            happen(farm, *fault, ledger)?;
        }
        thread::sleep(dice.about(LASTS));
        for fault in &faults {
            pass(farm, *fault)?;
        }
        // Whatever dies next, somebody who is well is left.
        expect_whole(farm)?;
    }
    let mut answers: Vec<Answer> = Vec::new();
    for client in clients {
        answers.extend(client.answers().since(Mark::START));
    }
    excuse_changes(farm, ledger)?;
    judge(&answers, begun, ledger)
}

/// Something that happens to a web server, to a director, or to both at a time.
fn choose(dice: &mut Dice) -> Result<Vec<Fault>> {
    let number = u8::try_from(dice.roll(3) + 1)?;
    let server = dice.one_of(&OF_SERVERS)?(number);
    let name = dice.one_of(&["a", "a", "b"])?;
    let director = dice.one_of(&OF_DIRECTORS)?(name);
    Ok(match dice.roll(4) {
        0 | 1 => vec![server],
        2 => vec![director],
        _ => vec![server, director],
    })
}

fn happen(farm: &mut Farm, fault: Fault, ledger: &mut Vec<Excuse>) -> Result<()> {
    let from = Moment::now();
    let bound = match fault {
        Fault::Dies(number) => {
            farm.server(number.into())?.order("close 80")?;
            REMOVAL
        }
        Fault::Hangs(number) => {
            farm.server(number.into())?.order("close 80")?;
            farm.server(number.into())?.order("silent 80")?;
            REMOVAL
        }
        Fault::Unplugged(number) => {
            farm.lab.node(&format!("s{number}"))?.set_link(false)?;
            REMOVAL
        }
        Fault::Crash(name) => {
            farm.lab.node(name)?.crash()?;
            TAKEOVER
        }
        Fault::Freeze(name) => {
            farm.lab.node(name)?.freeze(true)?;
            TAKEOVER
        }
        Fault::Stop(name) => {
            farm.lab.node(name)?.stop()?;
            TAKEOVER
        }
        Fault::Cut(name) => {
            farm.lab.node(name)?.set_link(false)?;
            TAKEOVER
        }
    };
    let until = Moment::now().after(bound + NOISE);
    ledger.push(Excuse { from, until, why: format!("{fault:?}") });
    Ok(())
}

/// It is over.
fn pass(farm: &mut Farm, fault: Fault) -> Result<()> {
    match fault {
        Fault::Dies(number) | Fault::Hangs(number) => {
            farm.server(number.into())?.order(&format!("web 80 * 200 s{number}")).map(drop)
        }
        Fault::Unplugged(number) => farm.lab.node(&format!("s{number}"))?.set_link(true),
        Fault::Crash(name) | Fault::Stop(name) => {
            farm.start(name, &configuration(if name == "a" { 150 } else { 100 }))
        }
        Fault::Freeze(name) => farm.lab.node(name)?.freeze(false),
        Fault::Cut(name) => farm.lab.node(name)?.set_link(true),
    }
}

/// Where another director takes over, and where it gives the address back, conversations that are under way are lost:
/// whoever gets their next packet knows nothing of them, and resets them.
fn excuse_changes(farm: &mut Farm, ledger: &mut Vec<Excuse>) -> Result<()> {
    for name in ["a", "b"] {
        for line in farm.lab.node(name)?.log_since(Mark::START) {
            let takes_over = line.text.contains("Entering MASTER STATE");
            let is_start = line.text.contains("(init)");
            if takes_over || line.text.contains("Entering BACKUP STATE") && !is_start {
                let from = Moment(line.at.0.saturating_sub(NANOS_OF_A_SECOND));
                let why = format!("{name} {}", if takes_over { "takes over" } else { "gives way" });
                ledger.push(Excuse { from, until: line.at.after(NOISE), why });
            }
        }
    }
    Ok(())
}

fn judge(answers: &[Answer], begun: Moment, ledger: &[Excuse]) -> Result<()> {
    let good = answers.iter().filter(|answer| answer.is_good()).count();
    ensure!(good > 100, "only {good} answers");
    let unexplained: Vec<String> = answers
        .iter()
        .filter(|answer| answer.asked >= begun && !answer.is_good())
        .filter(|answer| {
            let end = answer.asked.after(answer.took);
            !ledger.iter().any(|it| answer.asked <= it.until && end >= it.from)
        })
        .map(|answer| format!("asked at {}: {}", answer.asked, answer.text))
        .collect();
    let lost = answers.len() - good;
    ensure!(
        unexplained.is_empty(),
        "{} of {lost} lost requests are not explained, {good} were answered:\n{}",
        unexplained.len(),
        unexplained.join("\n")
    );
    Ok(())
}

/// Gives web servers the address of the service, for packets that come as they were sent.
fn wire(farm: &mut Farm) -> Result<()> {
    for server in ["s1", "s2", "s3"] {
        farm.run(
            server,
            &[
                "sysctl -qw net.ipv4.conf.all.arp_ignore=1",
                "sysctl -qw net.ipv4.conf.all.arp_announce=2",
                "ip addr add 192.0.2.10/32 dev lo",
            ],
        )?;
    }
    Ok(())
}

fn expect_whole(farm: &mut Farm) -> Result<()> {
    let mut whole = vec!["-A -t 192.0.2.10:80 -s rr".to_owned()];
    whole.extend((1..=3).map(|it| format!("-a -t 192.0.2.10:80 -r 192.0.2.2{it}:80 -g -w 1")));
    farm.expect_table("a", &whole)?;
    farm.expect_table("b", &whole)?;
    farm.lab.node("a")?.expect_address("eth0", "192.0.2.10".parse()?, PATIENCE)
}

fn configuration(priority: u8) -> String {
    let mut text = router(priority);
    text.push_str(
        "virtual_server 192.0.2.10 80 {\n    delay_loop 1\n    lb_algo rr\n    lb_kind DR\n    protocol TCP\n    alpha\n",
    );
    for number in 1..=3 {
        let _ = writeln!(
            text,
            "    real_server 192.0.2.2{number} 80 {{\n        HTTP_GET {{\n            connect_timeout 1\n            \
             retry 1\n            delay_before_retry 1\n            url {{\n                path /\n                \
             status_code 200\n            }}\n        }}\n    }}"
        );
    }
    text.push_str("}\n");
    text
}

const CLIENTS: usize = 3;
const EVERY: Duration = Duration::from_millis(60);
/// So long a client waits for each step of a request.
const REQUEST: Duration = Duration::from_secs(2);
const SPAN: Duration = Duration::from_secs(45);
const LASTS: Duration = Duration::from_secs(5);
/// (`delay_loop` + `connect_timeout`) * (`retry` + 1).
const REMOVAL: Duration = Duration::from_secs(4);
/// Active_Down_Interval of priority 100.
const TAKEOVER: Duration = Duration::from_nanos(3_609_375_000);
/// What an emulated machine may add.
const NOISE: Duration = Duration::from_secs(1);
const NANOS_OF_A_SECOND: u64 = 1_000_000_000;
