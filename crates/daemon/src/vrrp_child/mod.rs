//! The VRRP process: sockets, addresses and timers around the election.
//!
//! It decides nothing: what it hears and sees becomes inputs of [`vrrp::Election`], and what the election puts out
//! is performed. [`turn`] is the loop, [`perform`] does what was decided, [`receive`] reads packets, [`watch`]
//! reads the kernel's news, [`reload`] takes a new configuration over.

mod advert;
mod announcer;
mod binding;
mod changes;
mod conflict;
mod difference;
mod fixed;
mod holdings;
mod learned;
mod names;
mod paths;
mod perform;
mod ports;
mod promotion;
mod receive;
mod reload;
mod report;
mod rivals;
mod roster;
mod sessions;
mod source;
mod start;
mod trackers;
mod turn;
mod vmac;
mod vrf;
mod walls;
mod watch;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use clock::Instant;
use config::RealServers;
use control::{Change, Finding, Severity, Subject, ToParent, Watched};
use kernel::eventloop::{EventLoop, Signals, Token, now};
use kernel::observer::Observer;
use kernel::process::{Heirs, Privilege};
use kernel::socket::Packet;
use vrrp::{Debounce, Election, InstanceId, Outputs, TrackerId, TrackerState};
use wire::vrrp::DiscardCounters;

pub(crate) use self::difference::compare;
pub(crate) use self::report::view_of_line;

use self::announcer::Announcer;
use self::binding::Binding;
use self::conflict::Conflicts;
use self::holdings::Holdings;
use self::paths::Paths;
use self::ports::Ports;
use self::receive::Complaint;
use self::rivals::Rivals;
use self::roster::{Roster, Settled};
use self::turn::Ended;
use self::walls::Walls;
use crate::child::{self, Needs, Startup};
use crate::compat::exit;
use crate::log::RateLimit;

/// The process and everything that it keeps.
struct Shell {
    startup: Startup,
    roster: Roster,
    settled: Settled,
    /// The configuration before a reload, while outputs about it are performed.
    former: Option<Settled>,
    election: Election,
    outputs: Outputs,
    bindings: BTreeMap<InstanceId, Binding>,
    /// Addresses that come and go with a role.
    floating: BTreeSet<IpAddr>,
    trackers: BTreeMap<TrackerId, TrackerState>,
    /// Instances that go on where a process before this one ended.
    resuming: BTreeSet<InstanceId>,
    /// What the parent will be told of the start of a process that goes on where another one ended, during that start.
    withheld: Option<BTreeMap<Subject, Change>>,
    /// Whose counters the parent was told last, for a successor.
    tallied: Option<InstanceId>,
    /// When the parent was told last of a lower priority that an Active instance heard.
    contested: BTreeMap<InstanceId, Instant>,
    /// What the parent found out about things that it watches.
    findings: BTreeMap<Watched, Finding>,
    events: EventLoop,
    signals: Signals,
    observer: Observer,
    /// Links whose flapping is not news, by name.
    debounced: BTreeMap<String, Debounce>,
    ports: Ports,
    packet: Packet,
    holdings: Holdings,
    walls: Walls,
    paths: Paths,
    /// Links with `promote_secondaries`, and whether it was off before us.
    promoted: BTreeMap<intent::IfIndex, bool>,
    /// Static addresses that we have added.
    fixed: Vec<intent::AddressKey>,
    announcer: Announcer,
    sessions: sessions::Sessions,
    conflicts: Conflicts,
    rivals: Rivals,
    /// Instances that have heard proved adverts since the parent was told of their numbers.
    proved: BTreeSet<InstanceId>,
    /// Packets refused, by whom they were for.
    discards: BTreeMap<InstanceId, DiscardCounters>,
    vmacs: vmac::Vmacs,
    complaints: RateLimit<Complaint>,
    /// Those about packets, apart: whoever sends them must not silence the others.
    discarded: RateLimit<Complaint>,
    reload: reload::Progress,
    /// What the parent is being told of how everything stands.
    telling: Option<report::Telling>,
    /// When the election begins (`vrrp_startup_delay`), while it has not.
    start_at: Option<Instant>,
    /// When sockets that could not be opened are tried again.
    retry_ports_at: Option<Instant>,
    scratch: perform::Scratch,
    /// Room for what was received in one call, used again and again.
    batch: Vec<receive::Heard>,
    /// How many instances have which role, while that did not change.
    summary: Option<control::Summary>,
    /// Packets received so far, when the last came, and whether many come one by one.
    heard: u64,
    heard_at: Instant,
    is_flooded: bool,
    /// Whether so many came in one turn that those of the next are not to wait longer than they have room.
    is_crowded: bool,
    /// How long packets may wait while all instances are Backups.
    patience: Duration,
    slept: turn::Slept,
    work: work::Work,
    /// When the host was looked at last, how long that took, and when to look again.
    looked: watch::Looked,
    /// Whether adverts carry the time, so that setting the clock matters.
    is_timed: bool,
    steps: vrrp::Steps,
    /// The process is resigning for good.
    ending: bool,
}

/// Runs until the parent says otherwise, or is gone.
pub(crate) fn run() -> ExitCode {
    let mut startup = match child::take_over(RealServers::Judged) {
        Ok(startup) => startup,
        Err(code) => return code,
    };
    let needs = Needs {
        realtime_priority: Some(REALTIME_PRIORITY),
        heirs: Heirs::UntilKept,
        lock_memory: true,
        privileges: &[Privilege::NetAdmin, Privilege::NetRaw],
    };
    let process = startup.model.global.vrrp.clone();
    child::settle(&startup.options.invoked_name, &process, needs, &mut startup.log);
    let mut shell = match Shell::open(startup) {
        Ok(shell) => shell,
        Err(code) => return code,
    };
    shell.begin(now());
    if shell.startup.parent.say(&ToParent::Ready).is_err() {
        return ExitCode::SUCCESS;
    }
    let ended = shell.serve();
    shell.end(now(), matches!(ended, Ended::Told));
    let code = match ended {
        Ended::Told | Ended::Orphaned => ExitCode::SUCCESS,
        Ended::Failed(error) => {
            shell.startup.log.push(Severity::Error, format!("cannot go on: {error}"));
            let _ = shell.startup.parent.flush(&mut shell.startup.log);
            ExitCode::from(exit::FATAL)
        }
    };
    drop(shell);
    kernel::socket::wait_for_closing(CLOSING);
    code
}

/// Among real-time processes of the system one of the middle: the election waits for nobody for long.
const REALTIME_PRIORITY: u32 = 50;
/// At the end sockets of hundreds of links may have to be closed.
const CLOSING: Duration = Duration::from_secs(1);
const PARENT: Token = Token(1);
const SIGNALS: Token = Token(2);
const NEWS: Token = Token(3);
const RELOAD: Token = Token(4);
const PATHS: Token = Token(5);
