//! `vrrp_instance` and the blocks in it.

use super::super::Keyword;
#[allow(clippy::enum_glob_use, unused_imports, reason = "rows are read as tables")]
use super::super::Kind::*;
#[allow(unused_imports, reason = "not every region has rows with a grammar")]
use super::super::words;
use super::rows::*;

/// One virtual router.
pub(super) const INSTANCE: &[Keyword] = &[
    value("state", &[required(Choice(&["MASTER", "BACKUP"]))], "BACKUP", "Initial state only; unknown value -> BACKUP with error").supported(),
    value("interface", &[required(Interface)], "none; required", "Interface for adverts; loopback refused; needed for unicast too").supported(),
    value("virtual_router_id", &[required(Integer(1, 255))], "required", "VRID; duplicate on same interface/family is fatal").supported(),
    value("priority", &[required(Integer(1, 255))], "100 (255 if unset and state MASTER)", "Base priority; 255 = address owner").supported(),
    value("advert_int", &[required(Seconds(10_000, 255_000_000))], "1", "Advert interval; v2 rounds to whole seconds").supported(),
    value("version", &[required(Choice(&["2", "3"]))], "vrrp_version", "VRRP version of instance").supported(),
    list("virtual_ipaddress", NOTHING, line("<ip>[/<prefix>] [dev <interface>] [label <label>] ...", words::any), "", "Virtual IPs; carried in adverts").supported(),
    list("virtual_ipaddress_excluded", NOTHING, line("<ip>[/<prefix>] [dev <interface>] [label <label>] ...", words::any), "", "VIPs not carried in adverts (may be other family)").supported(),
    flag("no_virtual_ipaddress", "off", "Declare that no VIPs are wanted (silences warning)").supported(),
    list("virtual_routes", NOTHING, line("[<kind>] <destination> [via <ip>] [dev <interface>] [table <table>] [metric <n>] ...", words::any), "", "Routes present while master").supported(),
    list("virtual_rules", NOTHING, line("[from <prefix>] [to <prefix>] [iif <interface>] [priority <n>] table <table> | <action>", words::any), "", "Policy rules present while master").supported(),
    block("authentication", NOTHING, "", "VRRPv2 authentication").supported(),
    block("auth_hmac", NOTHING, "", "HMAC-SHA256 trailer for VRRPv2/v3; excludes authentication").since("HEAD (after 2.3)").supported(),
    list("unicast_peer", NOTHING, line("<ip> [min_ttl <0..255>] [max_ttl <0..255>]", words::peer), "", "Unicast adverts to these peers; without one the instance stays in FAULT").supported(),
    value("unicast_src_ip", &[required(Address)], "first address of interface", "Source of unicast adverts").supported(),
    value("mcast_src_ip", &[required(Address)], "first address of interface", "Source of multicast adverts").supported(),
    value("mcast_dst_ip", &[required(Address)], "global group", "Per-instance multicast destination").supported(),
    flag("track_src_ip", "off", "FAULT when configured source address is absent").supported(),
    value("unicast_ttl", &[required(Integer(0, 255))], "255", "TTL/hop limit of unicast adverts").supported(),
    flag("unicast_fault_no_peer", "off", "Unicast keyword but no peers: config fault (FAULT) instead of multicast fallback").supported(),
    flag("unicast_allow_no_peer", "off", "An empty unicast_peer block means multicast, as with keepalived, and not FAULT").since("steadfast only").supported(),
    flag("check_unicast_src", "global", "Unicast adverts must come from listed peer").supported(),
    value("old_unicast_checksum", &[optional(Choice(&["never"]))], "auto", "Pre-1.3.6 VRRPv3 unicast checksum compatibility").supported(),
    grammar("use_vmac", words("[[name] <interface>] [<mac>] [netlink_notify_msg] [group <gid>]", 0, Some(6), words::vmac), "vrrp.<vrid>, 00:00:5e:00:0{1,2}:vrid", "Macvlan with virtual MAC for VIPs and adverts").supported(),
    flag("use_vmac_addr", "off", "Make VMAC for every VIP on another interface").supported(),
    flag("vmac_xmit_base", "off", "Send adverts from base interface instead of VMAC").supported(),
    grammar("use_ipvlan", words("[[name] <interface>] [<ip>[/<prefix>]] [bridge|private|vepa] [group <gid>]", 0, Some(6), words::ipvlan), "vrrp.<vrid>, bridge", "Adverts leave through an ipvlan link with this address of its own; virtual addresses stand on the interface").supported(),
    flag("native_ipv6", "", "DEPRECATED, family now found from VIPs/unicast src").ignored("the family follows from the addresses"),
    value("vrf", &[required(Interface)], "none", "VRF that the interface is in; unicast without interface goes through the VRF itself").supported(),
    flag("dont_track_primary", "off", "Ignore faults of the VRRP interface itself").supported(),
    list("track_interface", NOTHING, line("<interface> [weight <-253..253> [reverse]]", words::tracked), "weight 0 (fault)", "Interfaces to monitor").supported(),
    list("track_script", NOTHING, line("<script> [weight <-253..253> [reverse|noreverse]]", words::tracked), "weight of script", "Scripts to monitor").supported(),
    list("track_file", NOTHING, line("<file> [weight <-254..254> [reverse|noreverse]]", words::tracked), "weight of file", "Files to monitor").supported(),
    list("track_process", NOTHING, line("<process> [weight <-254..254> [reverse|noreverse]]", words::tracked), "weight of process", "Processes to monitor").supported(),
    list("track_bfd", NOTHING, line("<bfd_instance> [weight <-253..253> [reverse|noreverse]]", words::tracked), "weight of bfd", "BFD sessions to monitor").supported(),
    flag("promote_secondaries", "off", "Set promote_secondaries on the interface").supported(),
    flag("linkbeat_use_polling", "", "DEPRECATED per-instance link polling").ignored("the kernel reports every change of a link"),
    boolean("v3_checksum_as_v2", "global", "No pseudo header in VRRPv3 IPv4 checksum").supported(),
    flag("accept", "on except strict", "Accept packets to VIPs when not owner").supported(),
    flag("no_accept", "off", "Drop packets to VIPs when not owner (nftables); what a virtual_server on the address serves is let through").supported(),
    boolean("skip_check_adv_addr", "global", "See global; `no` value sets it anyway (bug)").supported(),
    boolean("strict_mode", "global", "Per-instance strict RFC mode").supported(),
    flag("preempt", "on", "Explicitly (re)enable preemption").supported(),
    flag("nopreempt", "off", "Do not take over from a lower priority master; needs state BACKUP").supported(),
    value("preempt_delay", &[required(Seconds(0, 1_000_000_000))], "0", "Wait before preempting a lower priority master").supported(),
    value("debug", &[required(Integer(0, 4))], "0", "No effect").ignored("keepalived has no use for it either"),
    value("garp_master_delay", &[required(Integer(0, UNSIGNED))], "global 5", "Delay of second GARP burst").supported(),
    value("garp_master_repeat", &[required(Integer(0, UNSIGNED))], "global 5", "GARPs per burst").supported(),
    value("garp_master_refresh", &[required(Integer(0, UNSIGNED))], "global 0", "Refresh period").supported(),
    value("garp_master_refresh_repeat", &[required(Integer(0, UNSIGNED))], "global 1", "GARPs per refresh").supported(),
    value("garp_lower_prio_delay", &[required(Integer(0, UNSIGNED))], "global", "Delay of second burst after lower priority advert").supported(),
    value("garp_lower_prio_repeat", &[required(Integer(0, UNSIGNED))], "global", "GARPs after lower priority advert").supported(),
    value("down_timer_adverts", &[required(Integer(1, 100))], "global 3", "Missed adverts before takeover").supported(),
    value("timer_expired_backup", &[optional(Integer(1, 254))], "254 when given", "If scheduler was late long enough for another master, go to BACKUP; needs nopreempt").ignored("an Active router that did not run for as long as others wait goes to BACKUP, unless it finds a lower priority in its socket"),
    value("thread_timer_expired", &[optional(Integer(1, 254))], "", "DEPRECATED synonym of timer_expired_backup").ignored("an Active router that did not run for as long as others wait goes to BACKUP, unless it finds a lower priority in its socket"),
    grammar("garp_extra_if", words("[all] <seconds 0..86400>", 1, Some(2), words::extra_interface), "global", "Periodic GARPs on extra interfaces").supported(),
    grammar("vmac_garp_intvl", words("[all] <seconds 0..86400>", 1, Some(2), words::extra_interface), "", "DEPRECATED synonym of garp_extra_if").supported(),
    boolean("lower_prio_no_advert", "global", "Do not answer lower priority adverts").supported(),
    boolean("higher_prio_send_advert", "global", "Send one advert on higher priority advert").supported(),
    boolean("owner_ignore_adverts", "global", "Owner ignores adverts").supported(),
    value("kernel_rx_buf_size", &[required(Integer(1, 2_147_483_647))], "global policy", "SO_RCVBUF of VRRP socket").ignored("buffers are sized for all instances of an interface"),
    grammar("vrrp_address_lifetime", words("auto|forever|<seconds 3..>", 1, Some(1), words::lifetime), "auto", "Lease of the virtual addresses, after which the kernel removes what a dead daemon left; auto is three Active_Down_Intervals and at least 10 s").since("steadfast only").supported(),
];

/// What an instance tells others.
pub(super) const NOTIFY: &[Keyword] = &[
    value("notify_master", COMMAND, "none", "Script on entering MASTER").supported(),
    value("notify_backup", COMMAND, "none", "Script on entering BACKUP").supported(),
    value("notify_fault", COMMAND, "none", "Script on entering FAULT").supported(),
    value("notify_stop", COMMAND, "none", "Script on entering STOP").supported(),
    value(
        "notify_deleted",
        OPTIONAL_COMMAND,
        "FAULT is reported",
        "Notify DELETED instead of FAULT when instance vanishes on reload",
    )
    .supported(),
    value("notify", COMMAND, "none", "Generic script; args appended: INSTANCE name state prio")
        .supported(),
    value(
        "notify_master_rx_lower_pri",
        COMMAND,
        "none",
        "Script when master receives lower priority advert",
    )
    .supported(),
    boolean("smtp_alert", "global", "Mail on state change").supported(),
    boolean("notify_priority_changes", "global", "Write priority lines to FIFO").supported(),
    value(
        "lvs_sync_daemon_interface",
        &[required(Interface)],
        "",
        "DEPRECATED; use global lvs_sync_daemon",
    )
    .since("dep >1.2.19")
    .supported(),
];

/// The eight bytes of VRRPv2.
pub(super) const AUTHENTICATION: &[Keyword] = &[
    value(
        "auth_type",
        &[required(Choice(&["PASS", "AH"]))],
        "none",
        "VRRPv2 auth type; ignored for v3/strict",
    )
    .supported(),
    value(
        "auth_pass",
        &[required(Word("password, 8 bytes"))],
        "none",
        "Password / AH key; longer is truncated with a message",
    )
    .supported(),
];

/// The trailer of keepalived.
pub(super) const AUTH_HMAC: &[Keyword] = &[
    grammar(
        "key",
        words("<id 1..255> [hex:|file:]<key of 32 to 64 bytes>", 2, Some(2), words::any),
        "",
        "Key; may be repeated",
    )
    .supported(),
    value("active_key", &[required(Integer(1, 255))], "first key", "Key used for sending")
        .supported(),
    value("time_window", &[required(Integer(1, 300))], "max(3*advert_int,5)", "Freshness window")
        .supported(),
    value(
        "anti_replay",
        &[required(Choice(&["time", "monotonic"]))],
        "time",
        "Replay protection kind",
    )
    .supported(),
    value(
        "mode",
        &[required(Choice(&["enforce", "permissive", "receive-only"]))],
        "enforce",
        "Migration mode",
    )
    .supported(),
];
