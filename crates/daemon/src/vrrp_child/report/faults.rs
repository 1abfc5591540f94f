//! Reasons for Fault, and what helps.

use std::net::IpAddr;

use kernel::observer::Usability;
use vrrp::{FaultReason, InstanceId};

use wire::Family;

use crate::compat::narration::{self, Names};

/// A reason with its name, its text and its remedy; `withheld` are addresses that are there and must not be sent from.
pub(super) fn fault(
    id: InstanceId,
    reason: FaultReason,
    names: &dyn Names,
    withheld: &[(IpAddr, Usability)],
) -> status::Fault {
    let interface = names.interface(id);
    let remedy = match reason {
        FaultReason::InterfaceDown | FaultReason::BaseInterfaceDown => format!(
            "`ip link show {interface}`: NO-CARRIER is the cable or the switch; DOWN ends with `ip link set {interface} up`"
        ),
        FaultReason::InterfaceMissing => format!(
            "create {interface}, or correct `interface`; the instance starts as soon as it is there"
        ),
        FaultReason::VirtualLinkMissing => {
            "the log says why the kernel refuses it; it is tried again each second".to_owned()
        }
        FaultReason::NoSourceAddress => no_source(interface, names.family(id), withheld),
        FaultReason::SourceMissing => {
            "give the host the address to send from, or correct the line that names it".to_owned()
        }
        FaultReason::SocketFailed => "the log says why; it is tried again each second".to_owned(),
        FaultReason::MissingPrivilege => {
            "start the daemon as root, or with CAP_NET_ADMIN and CAP_NET_RAW".to_owned()
        }
        FaultReason::DuplicateVrid => {
            "give each instance on this interface its own `virtual_router_id`".to_owned()
        }
        FaultReason::Configuration => {
            "correct or remove that line: `steadfast check` says what to write".to_owned()
        }
        FaultReason::Tracker(tracker) => {
            format!("see to {}, or give its tracking a weight", names.tracker(tracker))
        }
        FaultReason::SyncGroup(group) => {
            format!("see to the other members of {}", names.group(group))
        }
    };
    let text = narration::fault(id, reason, names);
    status::Fault { code: code(reason).to_owned(), text, remedy }
}

/// What helps an instance without an address to send from.
fn no_source(interface: &str, family: Family, withheld: &[(IpAddr, Usability)]) -> String {
    let of = |wanted| withheld.iter().find(|(_, usability)| *usability == wanted);
    if let Some((address, _)) = of(Usability::Tentative) {
        return format!(
            "wait: the link is being asked whether another host has {address} too; it is used once nobody answers"
        );
    }
    if let Some((address, _)) = of(Usability::Duplicate) {
        return format!(
            "another host on the link has {address} too (duplicate address detection): give {interface} another link-local address, or take this one from that host and set it here again"
        );
    }
    match family {
        Family::Ipv4 => format!(
            "give {interface} an address of its own of this family, or write the address to send from"
        ),
        Family::Ipv6 => format!(
            "give {interface} a link-local address of its own, or write the address to send from; the kernel makes one unless `sysctl net.ipv6.conf.{interface}.disable_ipv6` is 1 or `addr_gen_mode` is none"
        ),
    }
}

/// A name for programs.
const fn code(reason: FaultReason) -> &'static str {
    match reason {
        FaultReason::InterfaceDown => "interface_down",
        FaultReason::InterfaceMissing => "interface_missing",
        FaultReason::BaseInterfaceDown => "base_interface_down",
        FaultReason::VirtualLinkMissing => "virtual_link_missing",
        FaultReason::NoSourceAddress => "no_source_address",
        FaultReason::SourceMissing => "source_missing",
        FaultReason::SocketFailed => "socket_failed",
        FaultReason::MissingPrivilege => "missing_privilege",
        FaultReason::DuplicateVrid => "duplicate_vrid",
        FaultReason::Configuration => "configuration",
        FaultReason::Tracker(_) => "tracker",
        FaultReason::SyncGroup(_) => "sync_group",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_no_address_to_send_from_reads_which_one_is_withheld_and_why() {
        let [checked, twice]: [IpAddr; 2] =
            ["fe80::1", "fe80::2"].map(|text| text.parse().expect("an address"));
        let text = |withheld: &[_]| no_source("eth0", Family::Ipv6, withheld);
        let tentative = (checked, Usability::Tentative);
        let duplicate = (twice, Usability::Duplicate);
        assert!(text(&[duplicate, tentative]).starts_with("wait: "), "help is on its way");
        assert!(text(&[duplicate]).starts_with("another host on the link has fe80::2 too"));
        assert!(text(&[]).starts_with("give eth0 a link-local address"));
        assert!(no_source("eth0", Family::Ipv4, &[]).starts_with("give eth0 an address"));
    }
}
