//! `global_defs`: settings of the daemon, and defaults for instances.

use core::net::{Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use vrrp::{AddressCheck, DebounceDelays, OwnerAdverts, Reply};
use wire::Version;

use super::announce::Announce;
use super::balancing;
use super::mail;
use super::program;
use super::read::seconds;
use super::report::Reports;
use super::snmp;
use super::upkeep;
use crate::model::{AddressLifetime, Checksum, DataPlane, Global, Process, Strangers};
use crate::syntax::Directive;

/// What `global_defs` says of instances that do not say it themselves.
#[derive(Clone, Debug)]
pub(super) struct Defaults {
    pub(super) version: Version,
    pub(super) interface: Option<String>,
    pub(super) group4: Ipv4Addr,
    pub(super) group6: Ipv6Addr,
    pub(super) announce: Announce,
    pub(super) down_timer_adverts: u8,
    pub(super) on_lower_priority: Reply,
    pub(super) on_higher_priority: Reply,
    pub(super) owner_adverts: OwnerAdverts,
    pub(super) address_check: AddressCheck,
    pub(super) strict: bool,
    pub(super) checksum: Checksum,
    pub(super) lifetime: AddressLifetime,
    pub(super) strangers: Strangers,
    /// Not of instances, and read all the same wherever it stands.
    pub(super) mail: mail::Written,
    pub(super) vmac_prefix: String,
    /// `vmac_prefix` where not set.
    pub(super) vmac_addr_prefix: Option<String>,
}

impl Defaults {
    pub(super) fn vmac_addr_prefix(&self) -> &str {
        self.vmac_addr_prefix.as_ref().unwrap_or(&self.vmac_prefix)
    }
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            version: Version::V2,
            interface: None,
            group4: Ipv4Addr::new(224, 0, 0, 18),
            group6: Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12),
            announce: Announce::default(),
            down_timer_adverts: 3,
            on_lower_priority: Reply::Advertise,
            on_higher_priority: Reply::Silent,
            owner_adverts: OwnerAdverts::Heed,
            address_check: AddressCheck::Always,
            strict: false,
            checksum: Checksum::Standard,
            lifetime: AddressLifetime::Default,
            strangers: Strangers::Heard,
            mail: mail::Written::default(),
            vmac_prefix: "vrrp".to_owned(),
            vmac_addr_prefix: None,
        }
    }
}

/// Reads a `global_defs` block; a later setting replaces an earlier one.
pub(super) fn read(
    global: &mut Global,
    defaults: &mut Defaults,
    block: &Directive,
    reports: &mut Reports<'_>,
) {
    for directive in block.children() {
        let keyword = directive.keyword.text.as_str();
        if !process(global, keyword, directive)
            && !instance_default(defaults, keyword, directive)
            && !defaults.mail.read(keyword, directive)
            && !snmp::read(&mut global.snmp, keyword, directive, reports)
            && !upkeep::read(&mut global.upkeep, keyword, directive)
            && !program::read(&mut global.programs, keyword, directive, reports)
            && !balancing::read(&mut global.balancing, keyword, directive)
        {
            daemon(global, keyword, directive);
        }
    }
}

/// Reads a setting of the whole daemon.
pub(super) fn daemon(global: &mut Global, keyword: &str, directive: &Directive) {
    let text = directive.text(0);
    let time = |old: Duration| text.and_then(|text| seconds(text, 6)).unwrap_or(old);
    match keyword {
        "router_id" => global.router_id = text.map(str::to_owned),
        "vrrp_startup_delay" => global.startup_delay = time(global.startup_delay),
        "vrrp_delay_after_boot" => global.boot_delay = time(global.boot_delay),
        "child_wait_time" => global.child_wait_time = time(global.child_wait_time),
        "vrrp_garp_interval" => global.garp_interval = time(global.garp_interval),
        "vrrp_gna_interval" => global.gna_interval = time(global.gna_interval),
        "process_name" => global.process_name = text.map(process_name),
        "log_unknown_vrids" => global.log_unknown_vrids = true,
        "disable_local_igmp" => global.is_local_igmp_off = true,
        "lvs_data_plane" => {
            global.data_plane = match text {
                Some("ipvs") => DataPlane::Ipvs,
                Some("nftables") => DataPlane::Nftables,
                Some("auto") => DataPlane::Auto,
                _ => global.data_plane,
            };
        }
        "vrrp_fence" => global.is_fenced = directive.flag().unwrap_or(global.is_fenced),
        "nftables" => global.nftables.table = text.map(str::to_owned),
        "nftables_priority" => {
            global.nftables.priority =
                text.and_then(|text| text.parse().ok()).unwrap_or(global.nftables.priority);
        }
        "nftables_counters" => global.nftables.counters = true,
        "state_dump_file" => global.dumps.state = text.map(str::to_owned),
        "stats_dump_file" => global.dumps.stats = text.map(str::to_owned),
        "json_dump_file" => global.dumps.json = text.map(str::to_owned),
        "data_use_instance" => {
            global.dumps.are_named = directive.flag().unwrap_or(global.dumps.are_named);
        }
        "json_version" => {
            let version = text.and_then(|text| text.parse().ok());
            let known = version.filter(|version| (1..=2).contains(version));
            global.dumps.json_version = known.unwrap_or(global.dumps.json_version);
        }
        "iproute_usr_dir" | "iproute_etc_dir" => {
            let [usr, etc] = &mut global.name_directories;
            let directory = if keyword == "iproute_usr_dir" { usr } else { etc };
            *directory = directive.text(0).map(str::to_owned);
        }
        _ => {}
    }
}

/// `vrrp_*` and `checker_*` settings of the child processes.
fn process(global: &mut Global, keyword: &str, directive: &Directive) -> bool {
    if keyword == "process_names" {
        global.vrrp.name.get_or_insert_with(|| "keepalived_vrrp".to_owned());
        global.checker.name.get_or_insert_with(|| "keepalived_lvs".to_owned());
        return true;
    }
    let keyword = if keyword == "lvs_process_name" { "checker_process_name" } else { keyword };
    let (process, setting): (&mut Process, _) = if let Some(setting) = keyword.strip_prefix("vrrp_")
    {
        (&mut global.vrrp, setting)
    } else if let Some(setting) = keyword.strip_prefix("checker_") {
        (&mut global.checker, setting)
    } else {
        return false;
    };
    let text = directive.text(0);
    match setting {
        "process_name" => process.name = text.map(process_name),
        "priority" => {
            process.nice = text
                .and_then(|text| text.parse().ok())
                .filter(|nice| (-20..=19).contains(nice))
                .or(process.nice);
        }
        "rt_priority" => {
            process.realtime_priority = text
                .and_then(|text| text.parse::<u32>().ok())
                .map(|priority| priority.clamp(1, 99))
                .or(process.realtime_priority);
        }
        "rlimit_rttime" | "rlimit_rtime" => {
            process.rttime_limit = text
                .and_then(|text| text.parse::<u64>().ok())
                .map(|limit| limit.max(2))
                .or(process.rttime_limit);
        }
        "cpu_affinity" => {
            process.cpu_affinity =
                directive.arguments.iter().filter_map(|word| word.text.parse().ok()).collect();
        }
        "no_swap" => process.no_swap = true,
        _ => return false,
    }
    true
}

fn instance_default(defaults: &mut Defaults, keyword: &str, directive: &Directive) -> bool {
    let text = directive.text(0);
    match keyword {
        "vrrp_version" => match text {
            Some("2") => defaults.version = Version::V2,
            Some("3") => defaults.version = Version::V3,
            _ => {}
        },
        "default_interface" => defaults.interface = text.map(str::to_owned),
        "vrrp_mcast_group4" => {
            if let Some(group) =
                text.and_then(|text| text.parse().ok()).filter(Ipv4Addr::is_multicast)
            {
                defaults.group4 = group;
            }
        }
        "vrrp_mcast_group6" => {
            if let Some(group) =
                text.and_then(|text| text.parse().ok()).filter(Ipv6Addr::is_multicast)
            {
                defaults.group6 = group;
            }
        }
        "vmac_prefix" | "vmac_addr_prefix" => {
            // A number and the VRID follow: `vrrp10.255` has seven characters more than the prefix.
            if let Some(prefix) = text.filter(|prefix| prefix.len() <= VMAC_PREFIX_MAX) {
                match keyword {
                    "vmac_prefix" => prefix.clone_into(&mut defaults.vmac_prefix),
                    _ => defaults.vmac_addr_prefix = Some(prefix.to_owned()),
                }
            }
        }
        "vrrp_min_garp" => {
            defaults.announce.minimal = directive.flag().unwrap_or(defaults.announce.minimal);
        }
        "vrrp_down_timer_adverts" => {
            if let Some(adverts) = down_timer_adverts(directive) {
                defaults.down_timer_adverts = adverts;
            }
        }
        "vrrp_lower_prio_no_advert" => {
            if let Some(silent) = directive.flag() {
                defaults.on_lower_priority = if silent { Reply::Silent } else { Reply::Advertise };
            }
        }
        "vrrp_higher_prio_send_advert" => {
            if let Some(send) = directive.flag() {
                defaults.on_higher_priority = if send { Reply::Advertise } else { Reply::Silent };
            }
        }
        "vrrp_owner_ignore_adverts" => {
            if let Some(ignore) = directive.flag() {
                defaults.owner_adverts =
                    if ignore { OwnerAdverts::Ignore } else { OwnerAdverts::Heed };
            }
        }
        "vrrp_skip_check_adv_addr" | "vrrp_skip_check_adv_adr" => {
            if let Some(skip) = directive.flag() {
                defaults.address_check =
                    if skip { AddressCheck::NewSender } else { AddressCheck::Always };
            }
        }
        "vrrp_strict" => defaults.strict = directive.flag().unwrap_or(defaults.strict),
        // The incumbent ignores the argument: the keyword alone sets it.
        "v3_checksum_as_v2" => defaults.checksum = Checksum::AsV2,
        "vrrp_check_unicast_src" => defaults.strangers = Strangers::Refused,
        "vrrp_address_lifetime" => {
            if let Some(lifetime) = lifetime(directive) {
                defaults.lifetime = lifetime;
            }
        }
        _ => {
            return keyword
                .strip_prefix("vrrp_")
                .is_some_and(|name| defaults.announce.read(name, directive));
        }
    }
    true
}

/// `down_timer_adverts`, 1 to 100.
pub(super) fn down_timer_adverts(directive: &Directive) -> Option<u8> {
    directive.text(0)?.parse().ok().filter(|adverts| (1..=100).contains(adverts))
}

/// A line of `interface_up_down_delays`: whole seconds; without the second number a link is up at once.
pub(super) fn link_delays(line: &Directive) -> Option<(String, DebounceDelays)> {
    let delay = |index| {
        let seconds: Option<u8> = line.text(index).and_then(|text| text.parse().ok());
        seconds.map(|seconds| Duration::from_secs(seconds.into()))
    };
    let delays = DebounceDelays { down: delay(0)?, up: delay(1).unwrap_or_default() };
    Some((line.keyword.text.clone(), delays))
}

/// `vrrp_address_lifetime`: `auto`, `forever` or whole seconds.
pub(super) fn lifetime(directive: &Directive) -> Option<AddressLifetime> {
    match directive.text(0)? {
        "auto" => Some(AddressLifetime::Default),
        "forever" => Some(AddressLifetime::Forever),
        seconds => seconds
            .parse()
            .ok()
            .filter(|seconds| *seconds >= LIFETIME_MIN)
            .map(AddressLifetime::Seconds),
    }
}

fn process_name(name: &str) -> String {
    name.chars().take(PROCESS_NAME_MAX).collect()
}

/// Longest process name that the kernel keeps: TASK_COMM_LEN without its NUL.
const PROCESS_NAME_MAX: usize = 15;
/// Longest prefix that leaves room in the 15 bytes of a link's name.
const VMAC_PREFIX_MAX: usize = 7;
/// Shortest lease: the kernel counts whole seconds, and a renewal at half of it must fit.
const LIFETIME_MIN: u32 = 3;
