//! What belongs to no service: the daemons that copy connections between balancers, and how long connections last.

use std::net::IpAddr;

/// A kernel thread that sends the connections of this balancer to others, or takes theirs in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SyncDaemon {
    /// Which of the two it is; one of each may run.
    pub role: SyncRole,
    /// Name of the link that it speaks on.
    pub interface: String,
    /// Only daemons of the same number hear each other.
    pub id: u8,
    /// Bytes of payload in a datagram, which the kernel may round up; without it, as many as the link takes.
    pub max_length: Option<u16>,
    /// Group that is spoken to; 224.0.0.81 without it.
    pub group: Option<IpAddr>,
    /// UDP port; 8848 without it.
    pub port: Option<u16>,
    /// Time to live, or hop limit; 1 without it.
    pub ttl: Option<u8>,
}

impl SyncDaemon {
    /// Whether what the kernel shows is this one: it tells what it chose itself, too.
    #[must_use]
    pub fn is_seen_as(&self, seen: &Self) -> bool {
        let own = (self.role, &self.interface, self.id);
        own == (seen.role, &seen.interface, seen.id)
            && (self.group.is_none() || self.group == seen.group)
            && (self.port.is_none() || self.port == seen.port)
            && (self.ttl.is_none() || self.ttl == seen.ttl)
            && self.max_length.is_none_or(|length| seen.max_length.is_some_and(|it| it >= length))
    }
}

/// What a daemon does with connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SyncRole {
    /// Tells others of ours.
    Sender,
    /// Takes in those of others.
    Receiver,
}

/// How long a silent connection is remembered, in seconds; what is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timeouts {
    /// TCP, while it is open.
    pub tcp: Option<u32>,
    /// TCP, after a FIN.
    pub tcp_fin: Option<u32>,
    /// UDP.
    pub udp: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_to_the_kernel_is_no_difference() {
        let wanted = SyncDaemon {
            role: SyncRole::Receiver,
            interface: "eth0".to_owned(),
            id: 7,
            max_length: Some(1000),
            group: None,
            port: None,
            ttl: None,
        };
        let seen = SyncDaemon {
            max_length: Some(1024),
            group: Some([224, 0, 0, 81].into()),
            port: Some(8848),
            ttl: Some(1),
            ..wanted.clone()
        };
        assert!(wanted.is_seen_as(&seen));
        for other in [
            SyncDaemon { role: SyncRole::Sender, ..wanted.clone() },
            SyncDaemon { interface: "eth1".to_owned(), ..wanted.clone() },
            SyncDaemon { id: 8, ..wanted.clone() },
            SyncDaemon { max_length: Some(1400), ..wanted.clone() },
            SyncDaemon { group: Some([239, 0, 0, 1].into()), ..wanted.clone() },
            SyncDaemon { port: Some(1), ..wanted.clone() },
            SyncDaemon { ttl: Some(2), ..wanted },
        ] {
            assert!(!other.is_seen_as(&seen), "{other:?}");
        }
    }
}
