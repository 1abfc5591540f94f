//! What it means that nftables refuses something.

use kernel::netlink::NetlinkError;
use rustix::io::Errno;

/// Whether something is not there that was to be changed.
pub(super) fn is_missing(error: &NetlinkError) -> bool {
    matches!(error, NetlinkError::Refused { errno, .. } if *errno == Errno::NOENT)
}

/// Whether the kernel has no nftables for this, or this process no right to them.
pub(super) fn is_impossible(error: &NetlinkError) -> bool {
    let impossible = [Errno::OPNOTSUPP, Errno::PERM, Errno::ACCESS, Errno::AFNOSUPPORT];
    match error {
        NetlinkError::Refused { errno, .. } => impossible.contains(errno),
        NetlinkError::Socket { source, .. } => {
            [Errno::PERM, Errno::ACCESS, Errno::PROTONOSUPPORT].contains(source)
        }
        NetlinkError::Unsteady { .. } => false,
    }
}
