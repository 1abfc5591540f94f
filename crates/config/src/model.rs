//! What a configuration means: the resolved model whose parameter types are those of the run time.
//!
//! Lowering makes a [`Model`] from the syntax, whatever the syntax holds; diagnostics beside it say what
//! was refused or replaced. Interfaces stay names here: which of them exist is the kernel's word, not the
//! file's. Neighbours: `lower` writes it, the daemon reads it.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use vrrp::{DebounceDelays, GroupParameters, Parameters, Tracking};
use wire::vrrp::Authentication;

use crate::source::Span;

mod announce;
mod balancing;
mod check;
mod destination;
mod ipvlan;
mod mail;
mod path;
mod place;
mod proof;
mod script;
mod service;
mod snmp;
mod tracked;
mod unplaced;
mod upkeep;
mod vmac;

pub use announce::{ExtraLinks, GarpGroup};
pub use balancing::{AtStop, Balancing, Sync};
pub use check::{
    Check, CheckKind, Datagram, FileWeight, GrpcHealth, NamedBy, Pace, Page, Pages, Program, Regex,
    Tls, TlsFiles, Way,
};
pub use destination::{Destination, Peer, Strangers, Unicast, UnicastChecksum};
pub use ipvlan::Ipvlan;
pub use mail::{Alerts, Login, LoginPassword, Mail, MailSecurity, MailServer, Secret};
pub use path::{Following, RouteLine, RuleLine};
pub use place::{CheckerPlace, Place};
pub use proof::{Freshness, Proof, Trailer, TrailerMode};
pub use script::{Begins, Command, Deleted, Fifo, Notify, Once, Script, Scripts, User};
pub use service::{Balance, Common, DataPlane, Habits, RealServer, SorryServer, place};
pub use snmp::{Master, Snmp};
pub use tracked::{
    BfdInstance, BfdUsers, Initial, Parameters as ProcessParameters, TrackFile, TrackProcess,
    Tracker,
};
pub use upkeep::{ReloadFile, Upkeep};
pub use vmac::{AddressVmac, Transmit, VirtualLink, Vmac};

/// A whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// Settings of the whole daemon.
    pub global: Global,
    /// `static_ipaddress`, `static_routes`, `static_rules`.
    pub fixed: Fixed,
    /// `vrrp_instance` blocks in the order of the file; the index is the [`vrrp::InstanceId`].
    pub instances: Vec<Instance>,
    /// `vrrp_sync_group` blocks in the order of the file; the index is the [`vrrp::GroupId`].
    pub groups: Vec<SyncGroup>,
    /// Watched things; the index is the [`vrrp::TrackerId`].
    pub trackers: Vec<Tracker>,
    /// `vrrp_script` blocks that are tracked, by name.
    pub scripts: Vec<Script>,
    /// `track_file` blocks that are tracked, by name.
    pub files: Vec<TrackFile>,
    /// `vrrp_track_process` blocks that are tracked, by name.
    pub processes: Vec<TrackProcess>,
    /// `bfd_instance` blocks, by name.
    pub sessions: Vec<BfdInstance>,
    /// `SSL`.
    pub tls: Option<TlsFiles>,
    /// `virtual_server_group` blocks in the order of the file.
    pub server_groups: Vec<ServerGroup>,
    /// `virtual_server` blocks.
    pub virtual_servers: Vec<VirtualServer>,
    /// What of them is on addresses that [refuse](Acceptance::Refuse) packets, in order and without repetition.
    pub served: Vec<Served>,
}

/// What is there from start to stop, whoever is Active.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fixed {
    /// `static_ipaddress`; each has an interface.
    pub addresses: Vec<VirtualAddress>,
    /// `static_routes`.
    pub routes: Vec<RouteLine>,
    /// `static_rules`.
    pub rules: Vec<RuleLine>,
}

impl Fixed {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.routes.is_empty() && self.rules.is_empty()
    }
}

/// Settings of the whole daemon (`global_defs`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Global {
    /// `router_id`; the host name where not set.
    pub router_id: Option<String>,
    /// `vrrp_startup_delay`: instances start this long after the daemon.
    pub startup_delay: Duration,
    /// `child_wait_time`: how long stopping children may take before SIGKILL.
    pub child_wait_time: Duration,
    /// `vrrp_garp_interval`: least time between two gratuitous ARP of one interface.
    pub garp_interval: Duration,
    /// `vrrp_gna_interval`: least time between two unsolicited neighbour advertisements of one interface.
    pub gna_interval: Duration,
    /// `garp_group` blocks: no interface is in two of them.
    pub garp_groups: Vec<GarpGroup>,
    /// `interface_up_down_delays`, by interface.
    pub link_delays: BTreeMap<String, DebounceDelays>,
    /// `vrrp_delay_after_boot`: instances start no earlier after the start of the host.
    pub boot_delay: Duration,
    /// Files that are kept beside the work.
    pub upkeep: Upkeep,
    /// What tells this daemon from others of the host.
    pub place: Place,
    /// Process name of the parent; the invoked name where not set.
    pub process_name: Option<String>,
    /// `log_unknown_vrids`.
    pub log_unknown_vrids: bool,
    /// `disable_local_igmp`: the kernel tells switches nothing of the groups 224.0.0.0/24 that are joined.
    pub is_local_igmp_off: bool,
    /// `vrrp_fence`: what the kernel says for virtual addresses is silenced when nobody advertises them.
    pub is_fenced: bool,
    /// `nftables*`.
    pub nftables: Nftables,
    /// `iproute_usr_dir` and `iproute_etc_dir`, where set: where iproute2 has its names.
    pub name_directories: [Option<String>; 2],
    /// Programs that are run.
    pub programs: Scripts,
    /// E-mail.
    pub mail: Mail,
    /// Load balancing.
    pub balancing: Balancing,
    /// SNMP.
    pub snmp: Snmp,
    /// Files that are written upon signals.
    pub dumps: Dumps,
    /// `lvs_data_plane`.
    pub data_plane: DataPlane,
    /// The VRRP process.
    pub vrrp: Process,
    /// The checker process.
    pub checker: Process,
}

impl Default for Global {
    fn default() -> Self {
        Self {
            router_id: None,
            startup_delay: Duration::ZERO,
            child_wait_time: Duration::from_secs(5),
            garp_interval: Duration::ZERO,
            gna_interval: Duration::ZERO,
            garp_groups: Vec::new(),
            link_delays: BTreeMap::new(),
            boot_delay: Duration::ZERO,
            upkeep: Upkeep::default(),
            place: Place::default(),
            process_name: None,
            log_unknown_vrids: false,
            is_local_igmp_off: false,
            is_fenced: true,
            nftables: Nftables::default(),
            name_directories: [None, None],
            programs: Scripts::default(),
            mail: Mail::default(),
            balancing: Balancing::default(),
            snmp: Snmp::default(),
            dumps: Dumps::default(),
            data_plane: DataPlane::default(),
            vrrp: Process::default(),
            checker: Process::default(),
        }
    }
}

/// How tables that refuse packets are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nftables {
    /// `nftables`: the name of the tables; that of the incumbent where not set.
    pub table: Option<String>,
    /// `nftables_priority`: that of base chains.
    pub priority: i32,
    /// `nftables_counters`.
    pub counters: bool,
}

impl Default for Nftables {
    fn default() -> Self {
        Self { table: None, priority: -1, counters: false }
    }
}

/// Files that are written upon signals. A path that ends with a slash is a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dumps {
    /// `state_dump_file`; in the directory of temporary files where not set.
    pub state: Option<String>,
    /// `stats_dump_file`.
    pub stats: Option<String>,
    /// `json_dump_file`.
    pub json: Option<String>,
    /// `json_version`: 1 or 2.
    pub json_version: u8,
    /// `data_use_instance`: the names of an instance and a namespace are part of that of the state.
    pub are_named: bool,
}

impl Default for Dumps {
    fn default() -> Self {
        Self { state: None, stats: None, json: None, json_version: 1, are_named: false }
    }
}

/// How the kernel shall treat one child process. Nothing set means the default of that child.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// `*_process_name`, at most 15 characters.
    pub name: Option<String>,
    /// `*_priority`: nice value, −20 to 19.
    pub nice: Option<i32>,
    /// `*_rt_priority`: SCHED_RR priority, 1 to 99.
    pub realtime_priority: Option<u32>,
    /// `*_rlimit_rttime`: microseconds of uninterrupted real-time run.
    pub rttime_limit: Option<u64>,
    /// `*_cpu_affinity`: CPU numbers.
    pub cpu_affinity: Vec<u32>,
    /// `*_no_swap`: lock memory.
    pub no_swap: bool,
}

/// One virtual router and what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Label of the block.
    pub name: String,
    /// Where the name is written.
    pub at: Span,
    /// `interface`; the VRF where unicast names none.
    pub interface: String,
    /// `vrf`: where the interface is to be.
    pub vrf: Option<Box<str>>,
    /// `use_vmac`.
    pub vmac: Option<Box<Vmac>>,
    /// `use_ipvlan`; never beside `use_vmac`.
    pub ipvlan: Option<Box<Ipvlan>>,
    /// What the election needs, and keeps.
    pub parameters: Arc<Parameters>,
    /// Where advertisements go.
    pub destination: Destination,
    /// `unicast_src_ip` or `mcast_src_ip`; the interface's own address where not set.
    pub source: Option<IpAddr>,
    /// Whether the loss of a configured source is a fault: `track_src_ip`, and always for unicast.
    pub source_tracking: SourceTracking,
    /// `authentication`.
    pub authentication: Authentication,
    /// What adverts are proved with beside that; none for most.
    pub proof: Option<Box<Proof>>,
    /// `virtual_ipaddress`.
    pub addresses: Vec<VirtualAddress>,
    /// `virtual_ipaddress_excluded`: held like the others, not advertised.
    pub excluded: Vec<VirtualAddress>,
    /// `promote_secondaries`: on its interface, while the daemon runs.
    pub promotes_secondaries: bool,
    /// `virtual_routes`: set while Active, in this order.
    pub routes: Vec<RouteLine>,
    /// `virtual_rules`: set behind the routes.
    pub rules: Vec<RuleLine>,
    /// Whether the loss of `interface` is a fault; off with `dont_track_primary`.
    pub interface_tracking: InterfaceTracking,
    /// `vrrp_address_lifetime`.
    pub lifetime: AddressLifetime,
    /// `v3_checksum_as_v2`: the checksum of VRRPv3 over IPv4 leaves the pseudo header out.
    pub checksum: Checksum,
    /// `notify*`; none where nobody is told.
    pub notify: Option<Box<Notify>>,
    /// `smtp_alert`: changes are told by e-mail, where there is a server for it.
    pub mailed: bool,
    /// `no_virtual_ipaddress`: that there is no address is meant.
    pub without_addresses: bool,
    /// `strict_mode` or `vrrp_strict`.
    pub strict: bool,
    /// `accept`, `no_accept`, or what strict mode says.
    pub acceptance: Acceptance,
    /// `garp_extra_if`: on which links the announcements of its period are.
    pub extra_links: ExtraLinks,
    /// Keywords for which the instance stays in FAULT.
    pub held_back: Vec<HeldBack>,
}

/// Whether packets to the addresses are taken by a router that does not own them (Accept_Mode, RFC 9568 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// All packets.
    Accept,
    /// Neighbour discovery, and what a `virtual_server` on the address serves.
    Refuse,
}

/// How the checksum of VRRPv3 over IPv4 is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Over pseudo header and packet: so RFC 5798 §5.2.8 was read, and so keepalived does.
    Standard,
    /// Over the packet only, as VRRPv2 does (RFC 9568 §5.2.8).
    AsV2,
}

/// Whether the state of its own interface counts for an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterfaceTracking {
    /// Interface down is a fault.
    Tracked,
    /// `dont_track_primary`.
    Ignored,
}

/// Whether a configured source address that the host does not have counts for an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceTracking {
    /// Its absence is a fault.
    Tracked,
    /// It is sent from all the same.
    Ignored,
}

/// How long an address outlives the daemon that does not renew it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressLifetime {
    /// Three Active_Down_Intervals, at least 10 s.
    Default,
    /// Whole seconds.
    Seconds(u32),
    /// No lease: the address stays when the daemon is killed, as with keepalived.
    Forever,
}

/// A keyword because of which the instance must not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBack {
    /// The keyword.
    pub keyword: String,
    /// `file:line` of it, for the log.
    pub location: String,
    /// What is the matter with it.
    pub why: Hindrance,
}

/// Why a keyword keeps an instance from running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// It asks for unicast, and there is no peer.
    NoPeer,
    /// It makes a link that has no address to send from.
    NoAddress,
}

/// One address line (`virtual_ipaddress`, `static_ipaddress`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualAddress {
    /// Where it is written.
    pub at: Span,
    /// The address.
    pub address: IpAddr,
    /// Prefix length; 32 or 128 where not written.
    pub prefix: u8,
    /// `dev`; the instance's interface where not set.
    pub device: Option<String>,
    /// `use_vmac` or `use_vmac_addr`: it stands on a virtual MAC link of that interface.
    pub vmac: Option<Box<AddressVmac>>,
    /// `scope`, as the kernel numbers it.
    pub scope: u8,
    /// `label`.
    pub label: Option<String>,
    /// `brd`.
    pub broadcast: Broadcast,
    /// `peer`.
    pub peer: Option<IpAddr>,
    /// `home`.
    pub home: bool,
    /// `noprefixroute`.
    pub no_prefix_route: bool,
    /// `mngtmpaddr`.
    pub manage_temporary: bool,
    /// `autojoin`.
    pub auto_join: bool,
    /// `preferred_lft`: seconds, or without end; nothing where not written.
    pub preferred: Option<PreferredLifetime>,
    /// `no_track`, `track_group`.
    pub following: Following,
}

/// `brd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broadcast {
    /// None.
    None,
    /// `brd +`: all host bits one.
    HostOnes,
    /// `brd -`: all host bits zero.
    HostZeros,
    /// Written out.
    Address(core::net::Ipv4Addr),
}

/// `preferred_lft`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreferredLifetime {
    /// Seconds; 0 means deprecated at once.
    Seconds(u32),
    /// `forever`.
    Forever,
}

/// One `vrrp_sync_group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncGroup {
    /// Label of the block.
    pub name: String,
    /// Where the name is written.
    pub at: Span,
    /// Members.
    pub parameters: GroupParameters,
    /// What the group tracks, which is part of what each member tracks.
    pub tracking: Vec<Tracking>,
    /// `sync_group_tracking_weight`: weights of what members track count.
    pub keeps_weights: bool,
    /// `notify*`; none where nobody is told.
    pub notify: Option<Box<Notify>>,
    /// `smtp_alert`: changes are told by e-mail, where there is a server for it.
    pub mailed: bool,
}

/// One `virtual_server`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualServer {
    /// Where it is written.
    pub at: Span,
    /// The address, where the service has one (not for `fwmark` and `group`).
    pub address: Option<IpAddr>,
    /// Port, where written.
    pub port: Option<u16>,
    /// `protocol`.
    pub protocol: Protocol,
    /// `fwmark`.
    pub mark: Option<u32>,
    /// `group`: the name of a `virtual_server_group`.
    pub group: Option<String>,
    /// What it balances; none where that is nothing.
    pub balance: Option<Balance>,
}

/// One `virtual_server_group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerGroup {
    /// Its name.
    pub name: String,
    /// Its lines in their order.
    pub members: Vec<ServerGroupMember>,
}

/// What one line of a `virtual_server_group` covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerGroupMember {
    /// Addresses.
    Addresses {
        /// The first.
        first: IpAddr,
        /// The last, which may be the first.
        last: IpAddr,
        /// Their port, where one is written.
        port: Option<u16>,
    },
    /// `fwmark`.
    Mark {
        /// The mark.
        mark: u32,
        /// Its family, where one is written.
        family: Option<wire::Family>,
    },
}

/// `protocol` of a virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// `TCP`.
    Tcp,
    /// `UDP`, or not written.
    Udp,
    /// `SCTP`.
    Sctp,
}

/// Something that a virtual server serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Served {
    /// A port of an address.
    Address {
        /// The address.
        address: IpAddr,
        /// The protocol.
        protocol: Protocol,
        /// Its port; none or 0 for all.
        port: Option<u16>,
    },
    /// Packets that carry this mark.
    Mark(u32),
}
