//! Three routers, to which something happens again and again, as a client sees it.
//!
//! The faults follow from a number, so that a run can be told again. The client asks all the time who has the address:
//! nobody else may answer once another does, and somebody always must, within the bounds of the protocol.

use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use conformance::configuration::Instance;
use conformance::dice::Dice;
use conformance::flavour::Flavour;
use conformance::moment::Moment;
use conformance::packet::Content;
use conformance::scenario::{START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("whatever_happens_one_router_answers_first", V3, |stage| storm(stage, 1))
        .three()
        .only(Subject::Ours),
    Scenario::new("whatever_happens_one_router_answers_second", V3, |stage| storm(stage, 2))
        .three()
        .only(Subject::Ours),
    Scenario::new("whatever_happens_one_router_answers_third", V3, |stage| storm(stage, 3))
        .three()
        .only(Subject::Ours),
];

const V3: &[Flavour] = &[Flavour::V3Ipv4];
const NODES: [(&str, u8); 3] = [("a", 150), ("b", 100), ("c", 50)];
const FAULTS: usize = 12;
const EVERY: Duration = Duration::from_millis(40);
/// What a machine that does something else meanwhile may add.
const NOISE: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// All processes are killed, and it is started again.
    Crash,
    /// All processes stand still for a while.
    Freeze,
    /// The VRRP process is killed alone.
    Child,
    /// It is stopped in order, and started again.
    Stop,
    /// Its cable is out for a while.
    Cable,
    /// The switch takes nothing from it for a while, and its link stays up.
    Partition,
    /// Its configuration is read again, with another priority.
    Reload,
}

const KINDS: [Fault; 7] = [
    Fault::Crash,
    Fault::Freeze,
    Fault::Child,
    Fault::Stop,
    Fault::Cable,
    Fault::Partition,
    Fault::Reload,
];

fn storm(stage: &mut Stage, number: u64) -> Result<()> {
    let mut dice = Dice::new(number);
    for (name, priority) in NODES {
        let instance = instance(stage, priority);
        stage.start(name, &instance)?;
    }
    stage.settle("a", "b", instance(stage, 1).vrid)?;
    let asker = stage.lab.ask(stage.address(), EVERY)?;
    asker.expect_answer(&stage.lab.capture, "a", Mark::START, START)?;
    let since = stage.lab.capture.mark();
    let mut told = Vec::new();
    let down = stage.flavour.down_interval(50);
    for _ in 0..FAULTS {
        let (name, priority) = dice.one_of(&NODES)?;
        let fault = dice.one_of(&KINDS)?;
        told.push(format!("{} {fault:?} of {name}", Moment::now()));
        happen(stage, &mut dice, name, priority, fault)?;
        // It has come back, and what follows from that has happened.
        thread::sleep(down + dice.about(down));
    }
    drop(asker);
    let answers = answers(stage, since);
    let check = judge(&answers, down);
    ensure!(check.is_ok(), "{check:?}\n{}", told.join("\n"));
    Ok(())
}

fn instance(stage: &Stage, priority: u8) -> Instance {
    stage.instance(priority)
}

/// One fault from its beginning to its end.
fn happen(
    stage: &mut Stage,
    dice: &mut Dice,
    name: &str,
    priority: u8,
    fault: Fault,
) -> Result<()> {
    let down = stage.flavour.down_interval(50);
    let own = instance(stage, priority).render();
    let while_it_lasts = dice.about(down * 2);
    match fault {
        Fault::Crash => {
            stage.lab.node(name)?.crash()?;
            thread::sleep(while_it_lasts);
            stage.start_with(name, &own)?;
        }
        Fault::Stop => {
            stage.lab.node(name)?.stop()?;
            thread::sleep(while_it_lasts);
            stage.start_with(name, &own)?;
        }
        Fault::Freeze => {
            stage.lab.node(name)?.freeze(true)?;
            // The parent replaces a process that it finds hanging, were it not standing still, too.
            thread::sleep(while_it_lasts);
            stage.lab.node(name)?.freeze(false)?;
        }
        Fault::Child => {
            // The parent, then the processes that it started.
            let processes = stage.lab.node(name)?.processes()?;
            if let Some(child) = processes.get(1) {
                kill(Pid::from_raw(i32::try_from(*child)?), Signal::SIGKILL)?;
            }
        }
        Fault::Cable => {
            stage.lab.set_port(name, false)?;
            thread::sleep(while_it_lasts);
            stage.lab.set_port(name, true)?;
        }
        Fault::Partition => {
            stage.lab.set_partition(name, true)?;
            thread::sleep(while_it_lasts);
            stage.lab.set_partition(name, false)?;
        }
        Fault::Reload => {
            let other = instance(stage, priority.saturating_add(70)).render();
            stage.lab.node(name)?.reload(&other)?;
            thread::sleep(while_it_lasts);
            stage.lab.node(name)?.reload(&own)?;
        }
    }
    Ok(())
}

/// Who answered the client, by ARP or to its ping, and when.
fn answers(stage: &Stage, since: Mark) -> Vec<(Moment, String)> {
    let address = stage.address();
    let is_answer = |content: &Content| match content {
        Content::ArpReply { address: of } => IpAddr::V4(*of) == address,
        Content::EchoReply { source, .. } => *source == address,
        Content::Advert(_)
        | Content::GratuitousArp { .. }
        | Content::NeighbourAdvert { .. }
        | Content::Other => false,
    };
    let frames = stage.lab.capture.since(since).into_iter();
    frames.filter(|frame| is_answer(&frame.content)).map(|frame| (frame.at, frame.node)).collect()
}

/// The bounds: while another answers, one that was replaced is silent; and somebody answers again after two elections at
/// most, for a fault may meet a router that has just come back.
fn judge(answers: &[(Moment, String)], down: Duration) -> Result<()> {
    ensure!(answers.len() > 100, "only {} answers", answers.len());
    for ((before, _), (after, node)) in answers.iter().zip(answers.iter().skip(1)) {
        let gap = after.since(*before);
        ensure!(gap <= down * 2 + NOISE, "unanswered for {gap:?} until {node} at {after}");
    }
    // Two that answer take turns, for everyone is asked each time.
    let mut turns: Vec<(Moment, Moment)> = Vec::new();
    for run in answers.chunk_by(|(_, one), (_, other)| one == other) {
        let (Some((begin, node)), Some((end, _))) = (run.first(), run.last()) else { continue };
        if end.since(*begin) < EVERY * 4 {
            turns.push((*begin, *end));
        } else {
            turns.clear();
        }
        if let (Some((first, _)), true) = (turns.first(), turns.len() > 2) {
            let both = end.since(*first);
            ensure!(both <= NOISE, "two answer for {both:?} from {first} on, the last is {node}");
        }
    }
    Ok(())
}
