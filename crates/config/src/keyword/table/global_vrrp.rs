//! `global_defs`: LVS, and defaults of instances.

use super::super::Keyword;
#[allow(clippy::enum_glob_use, unused_imports, reason = "rows are read as tables")]
use super::super::Kind::*;
#[allow(unused_imports, reason = "not every region has rows with a grammar")]
use super::super::words;
use super::rows::*;

/// LVS, and defaults of instances.
pub(super) const VRRP: &[Keyword] = &[
    grammar("lvs_timeouts", words("tcp|tcpfin|udp <seconds 0..2678400>...", 2, None, words::timeouts), "kernel", "IPVS connection timeouts").supported(),
    flag("lvs_flush", "off", "Flush the IPVS table at startup").supported(),
    value("lvs_flush_on_stop", &[optional(Choice(&["VS"]))], "off", "Flush whole IPVS at stop, or only configured virtual services (VS)").supported(),
    value("lvs_flush_onstop", &[optional(Choice(&["VS"]))], "", "DEPRECATED synonym of lvs_flush_on_stop").since("dep >2.1.5").supported(),
    grammar("lvs_sync_daemon", words("<interface> [[inst] <vrrp_instance>] [id 0..255] [maxlen 1..65507] [port 1..65535] [ttl 1..255] [group <ip>]", 1, None, words::sync_daemon), "id = VRID or 0", "IPVS connection sync daemon, optionally following a VRRP instance").supported(),
    value("lvs_data_plane", &[required(Choice(&["ipvs", "nftables", "auto"]))], "ipvs", "What balances: IPVS, rules of nftables, or auto, which is IPVS where the kernel has it and nftables elsewhere; docs/data-planes.md says what each can do").since("steadfast only").supported(),
    value("vrrp_mcast_group4", &[required(Multicast4)], "224.0.0.18", "IPv4 advert destination").supported(),
    value("vrrp_mcast_group6", &[required(Multicast6)], "ff02::12", "IPv6 advert destination").supported(),
    value("vrrp_garp_master_delay", &[required(Integer(0, 4294))], "5", "Delay of second GARP burst after becoming master; 0 = none").supported(),
    value("vrrp_garp_master_repeat", &[required(Integer(0, UNSIGNED))], "5", "Number of GARPs in a burst").supported(),
    value("vrrp_garp_master_refresh", &[required(Integer(0, 4294))], "0", "Period of refresh GARPs while master; 0 = none").supported(),
    value("vrrp_garp_master_refresh_repeat", &[required(Integer(0, UNSIGNED))], "1", "GARPs per refresh").supported(),
    value("vrrp_garp_lower_prio_delay", &[required(Integer(0, UNSIGNED))], "= garp_master_delay", "Delay of second burst after seeing a lower priority advert").supported(),
    value("vrrp_garp_lower_prio_repeat", &[required(Integer(0, UNSIGNED))], "= garp_master_repeat", "GARPs sent after lower priority advert").supported(),
    value("vrrp_down_timer_adverts", &[required(Integer(1, 100))], "3", "Adverts missed before backup takes over").supported(),
    value("vrrp_garp_interval", &[required(Seconds(1, i64::MAX))], "0", "Minimum gap between GARPs on an interface").supported(),
    value("vrrp_gna_interval", &[required(Seconds(1, i64::MAX))], "0", "Minimum gap between unsolicited NAs on an interface").supported(),
    boolean("vrrp_min_garp", "off", "Send only one GARP burst of 1 (repeat 1, delay 0, refresh_repeat 0) unless set explicitly").supported(),
    grammar("vrrp_garp_extra_if", words("[all] <seconds 1..86400>", 1, Some(2), words::extra_interface), "off", "Periodic GARP on other interfaces/VMAC interfaces of VIPs").supported(),
    grammar("vrrp_vmac_garp_intvl", words("[all] <seconds 0..86400>", 1, Some(2), words::extra_interface), "", "DEPRECATED synonym of vrrp_garp_extra_if").since("dep >2.2.2").supported(),
    boolean("vrrp_lower_prio_no_advert", "off", "Master does not answer lower priority adverts").supported(),
    boolean("vrrp_higher_prio_send_advert", "off", "Master sends one advert when it gets a higher priority one").supported(),
    value("vrrp_version", &[required(Choice(&["2", "3"]))], "2 (IPv6 instances always 3)", "Default VRRP version").supported(),
    value("vrrp_iptables", &[optional(Word("input chain")), optional(Word("output chain"))], "INPUT OUTPUT when no args", "Use iptables for no_accept/VMAC filtering; one arg = input only").ignored("nftables is used"),
    grammar("vrrp_ipsets", words("[<name4> [<name6> [<name_if6> [<igmp> [<mld> [<vmac_nd>]]]]]]", 0, Some(6), words::any), "keepalived keepalived6 keepalived_if6 keepalived_igmp keepalived_mld keepalived_vmac_nd", "ipset names with iptables; no args = no ipsets").ignored("nftables is used"),
    value("nftables", &[optional(Word("table"))], "keepalived", "Use nftables table of this name, which is this daemon's alone: what stands in it is replaced").supported(),
    value("nftables_priority", &[required(Integer(-2_147_483_648, 2_147_483_647))], "-1", "Base chain priority").supported(),
    flag("nftables_ifindex", "off", "Match interfaces by index instead of name").ignored("rules always match interfaces by index"),
    flag("nftables_counters", "off", "Add counters to nft rules").supported(),
    value("nftables_ipvs", &[optional(Word("table"))], "keepalived_ipvs", "nft table used to set fwmarks for virtual_server_group"),
    value("nftables_ipvs_priority", &[required(Integer(-2_147_483_648, 2_147_483_647))], "-1", "Base chain priority of that table"),
    value("nftables_ipvs_start_fwmark", &[required(Integer(0, UNSIGNED))], "1000", "First fwmark allocated"),
    flag("vrrp_check_unicast_src", "off", "Unicast adverts must come from a configured peer").supported(),
    boolean("vrrp_skip_check_adv_addr", "off", "Skip VIP list check when advert is from the same master as before").supported(),
    boolean("vrrp_strict", "off", "Enforce RFC rules; forbids several features").supported(),
    boolean("vrrp_fence", "on", "Silence the kernel for virtual addresses that nobody has advertised for the shortest Active_Down_Interval of a peer: ARP replies and neighbour advertisements are dropped by nftables until the next advertisement or the end of the lease").since("steadfast only").supported(),
    grammar("vrrp_address_lifetime", words("auto|forever|<seconds 3..>", 1, Some(1), words::lifetime), "auto", "Lease of the virtual addresses, after which the kernel removes what a dead daemon left; auto is three Active_Down_Intervals and at least 10 s").since("steadfast only").supported(),
];
