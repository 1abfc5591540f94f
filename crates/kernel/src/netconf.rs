//! News of settings of links, as far as somebody here follows them.
//!
//! **Source**: linux/netconf.h.

use intent::IfIndex;

use crate::netlink::message::{Attributes, Message, number};

/// The link that begins or ceases to pass IPv4 packets on; nothing for another setting.
///
/// `all` and `default`, which have numbers below 0, are no links.
pub(crate) fn forwarding(message: &Message<'_>) -> Option<IfIndex> {
    if message.kind != RTM_NEWNETCONF {
        return None;
    }
    let (mut index, mut is_it) = (None, false);
    // A header of one byte, padded.
    for (kind, value) in Attributes(message.payload.get(4..)?) {
        match kind {
            NETCONFA_IFINDEX => index = number(value),
            NETCONFA_FORWARDING => is_it = true,
            _ => {}
        }
    }
    index.filter(|index| is_it && i32::try_from(*index).is_ok()).map(IfIndex)
}

/// The group of these events for IPv4, as a bit: `RTNLGRP_IPV4_NETCONF`.
pub(crate) const RTMGRP_IPV4_NETCONF: u32 = 1 << 23;
pub(crate) const RTM_NEWNETCONF: u16 = 80;
const NETCONFA_IFINDEX: u16 = 1;
const NETCONFA_FORWARDING: u16 = 2;
