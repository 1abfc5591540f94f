//! Reasons for Fault, and what helps.

use vrrp::{FaultReason, InstanceId};

use crate::compat::narration::{self, Names};

/// A reason with its name, its text and its remedy.
pub(super) fn fault(id: InstanceId, reason: FaultReason, names: &dyn Names) -> status::Fault {
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
        FaultReason::NoSourceAddress => format!(
            "give {interface} an address of its own of this family, or write the address to send from"
        ),
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
            "remove that line, or keep this instance on keepalived for now".to_owned()
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
