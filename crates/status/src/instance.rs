//! One virtual router, as far as an observer may see it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

use crate::Seconds;

/// One virtual router.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Its name.
    pub name: String,
    /// Its interface.
    pub interface: String,
    /// The virtual MAC link that it works through.
    #[serde(default)]
    pub virtual_link: Option<VirtualLink>,
    /// Its virtual router identifier, 1 to 255.
    pub vrid: u8,
    /// Internet protocol of its addresses: 4 or 6.
    pub ip: u8,
    /// Version of VRRP: 2 or 3.
    pub vrrp: u8,
    /// Its state.
    pub state: State,
    /// Since when.
    pub since: Seconds,
    /// Why it entered this state; empty before the start.
    pub cause: String,
    /// Its sync group.
    pub group: Option<String>,
    /// Priority of the configuration; 255 for an owner.
    pub base_priority: u8,
    /// Priority with all weights.
    pub priority: u8,
    /// The Active router that it listens to, while Backup.
    pub active_router: Option<Peer>,
    /// The address that it sends from.
    pub source: Option<IpAddr>,
    /// Configured interval of advertisements.
    pub advertisement_interval: Seconds,
    /// Interval of the Active router.
    pub active_advertisement_interval: Seconds,
    /// How long it waits for an advertisement before it takes over.
    pub active_down_interval: Seconds,
    /// How long until it sends, or takes over.
    pub due: Option<Seconds>,
    /// Its virtual addresses.
    pub addresses: Vec<Address>,
    /// Its routes, in the order in which they are set.
    #[serde(default)]
    pub routes: Vec<Path>,
    /// Its rules, set behind them.
    #[serde(default)]
    pub rules: Vec<Path>,
    /// That another router stays Active beside it, and why.
    pub contested: Option<Contested>,
    /// Why it cannot take part: every condition that is not met.
    pub faults: Vec<Fault>,
    /// What it tracks.
    pub trackers: Vec<Tracked>,
    /// What happened so far.
    pub counters: Counters,
    /// What else the configuration says of it.
    pub settings: Settings,
}

/// A virtual MAC link, or an ipvlan link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualLink {
    /// Its name.
    pub name: String,
    /// Whether it is there, and up.
    pub up: bool,
    /// Whether advertisements leave through it, and not through the interface below.
    pub transmits: bool,
    /// The mode of an ipvlan link: `bridge`, `private` or `vepa`.
    pub ipvlan: Option<String>,
}

/// State of a virtual router or a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not started.
    Initialize,
    /// Another router holds the addresses, or will.
    Backup,
    /// It holds the addresses.
    Active,
    /// It cannot take part.
    Fault,
}

/// Another router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// The address that it sends from.
    pub address: IpAddr,
    /// The priority that it advertises.
    pub priority: u8,
}

/// One virtual address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The address.
    pub address: IpAddr,
    /// Prefix length.
    pub prefix: u8,
    /// The interface that it belongs on.
    pub interface: String,
    /// What that stands on, where it is a virtual MAC link.
    #[serde(default)]
    pub below: Option<String>,
    /// Whether it stands there now.
    pub installed: bool,
    /// Whether it is advertised (`virtual_ipaddress_excluded` ones are not).
    pub advertised: bool,
    /// Scope, as the kernel numbers it.
    pub scope: u8,
    /// Label.
    pub label: Option<String>,
    /// Broadcast address.
    pub broadcast: Option<Ipv4Addr>,
    /// Address of the other end.
    pub peer: Option<IpAddr>,
    /// Seconds for which it is preferred as a source; as long as it stands where not set.
    pub preferred: Option<u32>,
    /// `home`, `noprefixroute`, `mngtmpaddr`, `autojoin`, as far as they are set.
    pub flags: Vec<String>,
}

/// One route or rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path {
    /// It, about as `ip route` or `ip rule` shows it.
    pub text: String,
    /// Whether the kernel has it now, as far as is known.
    pub installed: bool,
    /// Whether it is put back when somebody removes it.
    pub tracked: bool,
}

/// A reason for Fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// A name for programs that stays the same between releases.
    pub code: String,
    /// What is wrong.
    pub text: String,
    /// What helps.
    pub remedy: String,
}

/// Another router that stays Active beside this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contested {
    /// Since when.
    pub since: Seconds,
    /// A name for programs that stays the same between releases.
    pub code: String,
    /// Who it is, and what is wrong between the two.
    pub text: String,
    /// What helps.
    pub remedy: String,
}

/// A watched thing and what it does to one router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracked {
    /// What kind of thing it is.
    pub kind: Tracker,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: TrackedState,
    /// −254 to 254; with 0 its failure is a fault.
    pub weight: i16,
    /// Whether what the weight adds is subtracted, and the other way round; without a weight, whether success is a fault.
    pub reverse: bool,
}

impl Tracked {
    /// What it adds to the priority now.
    #[must_use]
    pub fn sum(&self) -> i16 {
        let up = match self.state {
            TrackedState::Unknown => return 0,
            TrackedState::Value(value) => return product(value, self.weight, self.reverse),
            TrackedState::Up => true,
            TrackedState::Down => false,
        };
        let sum = if (self.weight > 0) == up { self.weight } else { 0 };
        if self.reverse { sum.saturating_neg() } else { sum }
    }
}

/// What a number adds with its weight: nothing where that is a fault.
fn product(value: i32, weight: i16, reverse: bool) -> i16 {
    let weight = i32::from(weight);
    let points = value.saturating_mul(if reverse { -weight } else { weight });
    if points <= -254 { 0 } else { i16::try_from(points.min(253)).unwrap_or(0) }
}

/// Kinds of watched things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tracker {
    /// An interface.
    Interface,
    /// A script.
    Script,
    /// A file with a number.
    File,
    /// Processes of a kind.
    Process,
    /// What is static and names a `track_group`.
    Group,
    /// A BFD session.
    Bfd,
}

impl Tracker {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Interface => "interface",
            Self::Script => "script",
            Self::File => "file",
            Self::Process => "process",
            Self::Group => "track_group",
            Self::Bfd => "bfd",
        }
    }
}

/// State of a watched thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrackedState {
    /// Not looked at yet.
    Unknown,
    /// It works.
    Up,
    /// It does not.
    Down,
    /// It says a number.
    Value(i32),
}

impl TrackedState {
    /// It in words.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Unknown => "not known yet".to_owned(),
            Self::Up => "up".to_owned(),
            Self::Down => "down".to_owned(),
            Self::Value(value) => format!("at {value}"),
        }
    }
}

/// What happened since the instance was added, or its counters were cleared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// Advertisements sent, those with priority 0 among them.
    pub advertisements_sent: u64,
    /// Advertisements heard, refused ones of the right form among them.
    pub advertisements_received: u64,
    /// Times that it became Active.
    pub became_active: u64,
    /// Times that it was Active no longer.
    pub released: u64,
    /// Times that it entered Fault.
    pub faulted: u64,
    /// Advertisements with priority 0 sent.
    pub resignations_sent: u64,
    /// Advertisements with priority 0 heard.
    pub resignations_received: u64,
    /// Advertisements of a lower priority that a Backup did not heed.
    pub lower_discarded: u64,
    /// Advertisements with other addresses than ours, which were heeded all the same.
    pub address_mismatches: u64,
    /// Packets refused, by reason; only reasons that occurred.
    pub discards: BTreeMap<String, u64>,
}

impl Counters {
    /// Adds what happened at another time.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.advertisements_sent, other.advertisements_sent),
            (&mut self.advertisements_received, other.advertisements_received),
            (&mut self.became_active, other.became_active),
            (&mut self.released, other.released),
            (&mut self.faulted, other.faulted),
            (&mut self.resignations_sent, other.resignations_sent),
            (&mut self.resignations_received, other.resignations_received),
            (&mut self.lower_discarded, other.lower_discarded),
            (&mut self.address_mismatches, other.address_mismatches),
        ] {
            *sum = sum.saturating_add(more);
        }
        for (reason, more) in &other.discards {
            let sum = self.discards.entry(reason.clone()).or_default();
            *sum = sum.saturating_add(*more);
        }
    }
}

/// What the configuration says of an instance beside the election.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Whether and when it takes over from a lower priority.
    pub preemption: Preemption,
    /// Advertisements that may be missed.
    pub down_timer_adverts: u8,
    /// The multicast group; none for unicast.
    pub multicast: Option<IpAddr>,
    /// Unicast peers.
    pub peers: Vec<UnicastPeer>,
    /// Whether the address to send from is written in the configuration.
    pub source_configured: bool,
    /// Whether a password is written. It is never shown.
    pub password: bool,
    /// What adverts are proved with.
    #[serde(default)]
    pub authentication: Authentication,
    /// Whether secondary addresses of its interface take the place of primary ones that go.
    #[serde(default)]
    pub promotes_secondaries: bool,
    /// Whether the loss of the interface is a fault.
    pub tracks_interface: bool,
    /// Whether addresses of later advertisements of the same sender are not looked at.
    pub trusts_known_sender: bool,
    /// `strict_mode`.
    pub strict: bool,
    /// Whether packets to the addresses are taken.
    pub accepts: bool,
    /// Whether a lower priority is answered.
    pub answers_lower_priority: bool,
    /// Whether a higher priority is answered before it is heeded.
    pub answers_higher_priority: bool,
    /// Whether an old form of checksum is used.
    pub checksum_as_v2: bool,
    /// Gratuitous ARP and unsolicited neighbour advertisements.
    pub announcements: Announcements,
    /// Programs that are told of changes.
    pub programs: Programs,
}

/// What adverts are proved with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Authentication {
    /// Nothing.
    #[default]
    None,
    /// A password in the packet.
    Password,
    /// An IP authentication header.
    Header,
    /// A trailer with a keyed digest.
    Trailer,
}

/// Another router by unicast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnicastPeer {
    /// Its address.
    pub address: IpAddr,
    /// Least TTL or hop limit of its adverts.
    pub min_ttl: u8,
    /// Greatest TTL or hop limit of its adverts.
    pub max_ttl: u8,
}

/// Whether and when a router takes over from one of lower priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preemption {
    /// At once.
    Immediately,
    /// After this long.
    After(Seconds),
    /// Never.
    Never,
}

/// When addresses are announced, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcements {
    /// Times at a takeover.
    pub repeat: u32,
    /// Until the second burst; none without one.
    pub again_after: Option<Seconds>,
    /// Between later bursts; none without them.
    pub refresh: Option<Seconds>,
    /// Times in each later burst.
    pub refresh_repeat: u32,
    /// Between those on links that carry no advertisements; none without them.
    #[serde(default)]
    pub extra: Option<Extra>,
    /// Times after a lower priority was heard.
    pub lower_priority_repeat: u32,
    /// Until the second burst of these.
    pub lower_priority_again_after: Option<Seconds>,
}

/// Announcements on links that carry no advertisements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extra {
    /// Between two of them.
    pub period: Seconds,
    /// Whether they are on all such links, not only on virtual ones.
    pub on_all: bool,
}

/// Who is told of changes: programs, as lists of words; empty where none is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Programs {
    /// Told that the instance is Active.
    pub active: Vec<String>,
    /// Told that it is Backup.
    pub backup: Vec<String>,
    /// Told that it is in Fault.
    pub fault: Vec<String>,
    /// Told that it stops.
    pub stop: Vec<String>,
    /// Told that it is configured no longer.
    pub deleted: Vec<String>,
    /// Told every change.
    pub any: Vec<String>,
    /// Told of a lower priority that was heard while Active.
    pub lower_priority: Vec<String>,
    /// Whether it is told as such that the instance is configured no longer.
    pub tells_deletion: bool,
    /// Whether changes of the priority are told.
    pub tells_priority: bool,
    /// Whether changes are told by e-mail.
    pub mailed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_counts_while_up_where_positive_and_while_down_where_negative() {
        let sum = |weight, state, reverse| {
            let (kind, name) = (Tracker::Interface, String::new());
            Tracked { kind, name, state, weight, reverse }.sum()
        };
        use TrackedState::{Down, Unknown, Up};
        assert_eq!([sum(5, Up, false), sum(5, Down, false), sum(5, Unknown, false)], [5, 0, 0]);
        assert_eq!([sum(-5, Up, false), sum(-5, Down, false), sum(-5, Unknown, true)], [0, -5, 0]);
        assert_eq!([sum(5, Up, true), sum(5, Down, true)], [-5, 0]);
        assert_eq!([sum(-5, Up, true), sum(-5, Down, true)], [0, 5]);
        assert_eq!([sum(0, Up, false), sum(0, Down, false)], [0, 0]);
    }
}
