//! What can go wrong with balancing by nftables, and what helps.

use intent::service::ServiceChange;
use intent::service::nftables::Refusal;
use rustix::io::Errno;

use crate::netlink::NetlinkError;

/// A request that failed.
#[derive(Debug, thiserror::Error)]
pub enum NftPlaneError {
    /// nftables cannot do what was asked.
    #[error("{change}: {refusal}; {}", refusal.remedy())]
    Unable {
        /// What was to be done.
        change: String,
        /// Why it cannot be.
        refusal: Refusal,
    },
    /// What was to be added is there.
    #[error("{change}: it is there already")]
    Exists {
        /// What was to be done.
        change: String,
    },
    /// What was to be changed is not there.
    #[error("{change}: it is not there")]
    Missing {
        /// What was to be done.
        change: String,
    },
    /// The kernel refused.
    #[error("{operation}{}", lacking(source))]
    Failed {
        /// What was to be done.
        operation: String,
        /// Why not.
        #[source]
        source: NetlinkError,
    },
}

impl NftPlaneError {
    /// Makes errors of `operation`.
    pub(super) fn of(operation: &'static str) -> impl Fn(NetlinkError) -> Self {
        move |source| Self::Failed { operation: operation.to_owned(), source }
    }
}

/// Why the changes of a service were not made, or not wholly.
#[derive(Debug)]
pub(super) enum Failure {
    Refusal(Refusal),
    Kernel(NetlinkError),
}

impl Failure {
    pub(super) fn of(error: &NetlinkError) -> Self {
        Self::Kernel(error.clone())
    }

    /// The error of one of these changes.
    pub(super) fn of_change(&self, change: &ServiceChange) -> NftPlaneError {
        let change = change.to_string();
        match self {
            Self::Refusal(refusal) => NftPlaneError::Unable { change, refusal: refusal.clone() },
            Self::Kernel(source) => {
                NftPlaneError::Failed { operation: change, source: source.clone() }
            }
        }
    }
}

/// What a kernel that knows not of something may lack.
fn lacking(source: &NetlinkError) -> &'static str {
    match source {
        NetlinkError::Refused { errno: Errno::NOENT | Errno::OPNOTSUPP, .. } => {
            ": the kernel may lack a part of nftables; load its modules (modprobe -a nft_chain_nat nft_nat nft_numgen \
             nft_hash nft_fib_ipv4 nft_fib_ipv6 nft_dup_ipv4 nft_dup_ipv6 nft_reject_ipv4 nft_reject_ipv6 nft_ct)"
        }
        NetlinkError::Refused { .. }
        | NetlinkError::Socket { .. }
        | NetlinkError::Unsteady { .. } => "",
    }
}
