//! What this process may do, and giving it up.
//!
//! **Source**: capabilities(7).

use rustix::thread::{CapabilitySet, CapabilitySets};

use super::ProcessError;

/// A capability that a process of ours needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// Addresses, links, packet sockets' promiscuity.
    NetAdmin,
    /// Raw and packet sockets.
    NetRaw,
}

impl Privilege {
    const fn capability(self) -> CapabilitySet {
        match self {
            Self::NetAdmin => CapabilitySet::NET_ADMIN,
            Self::NetRaw => CapabilitySet::NET_RAW,
        }
    }
}

/// Whether this process may do something now.
#[must_use]
pub fn may(privilege: Privilege) -> bool {
    rustix::thread::capabilities(None)
        .is_ok_and(|sets| sets.effective.contains(privilege.capability()))
}

/// Gives up every capability but these, for good.
///
/// **Errors**: the kernel refuses; nothing or part is given up.
pub fn drop_to(kept: &[Privilege]) -> Result<(), ProcessError> {
    let failed = ProcessError::failed("give up capabilities");
    let wanted =
        kept.iter().fold(CapabilitySet::empty(), |set, privilege| set | privilege.capability());
    let now = rustix::thread::capabilities(None).map_err(&failed)?;
    for capability in CapabilitySet::all().iter() {
        // Dropping from the bounding set needs SETPCAP, and a capability that the kernel knows.
        if !wanted.contains(capability) && now.effective.contains(CapabilitySet::SETPCAP) {
            let _ = rustix::thread::remove_capability_from_bounding_set(capability);
        }
    }
    let left = now.permitted & wanted;
    let sets =
        CapabilitySets { effective: left, permitted: left, inheritable: CapabilitySet::empty() };
    rustix::thread::set_capabilities(None, sets).map_err(&failed)
}

/// No program that this process executes can gain privileges.
///
/// **Errors**: the kernel is older than 3.5.
pub fn forbid_new_privileges() -> Result<(), ProcessError> {
    rustix::thread::set_no_new_privs(true).map_err(ProcessError::failed("forbid new privileges"))
}
