//! Hearing that routes and rules were taken away.
//!
//! A router may hold a full table of the Internet that changes all the time, and a host of containers changes its
//! routes by hundreds: the kernel drops what is not about routes like ours before it wakes us.

use std::os::fd::{AsFd, BorrowedFd};

use intent::PathKey;

use super::{NLM_F_REPLACE, parse, route, rule};
use crate::netlink::message::Message;
use crate::netlink::{EventSocket, Events, NetlinkError};
use crate::socket::filter;

/// What was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathNews {
    /// A path of this key went, or another one took its place.
    Disturbed(PathKey),
    /// News were lost: any path may be gone.
    Lost,
}

/// Listens for paths that go.
#[derive(Debug)]
pub struct PathSocket {
    events: EventSocket,
}

impl PathSocket {
    /// Subscribes to routes of these protocols and to rules.
    ///
    /// **Errors**: the kernel refuses the socket.
    pub fn open(protocols: impl IntoIterator<Item = u8>) -> Result<Self, NetlinkError> {
        let groups = RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE | RTMGRP_IPV6_ROUTE | RTMGRP_IPV6_RULE;
        let protocols: Vec<u8> = protocols.into_iter().collect();
        let program = filter::paths(&protocols);
        Ok(Self { events: EventSocket::open_filtered(groups, Some(&program))? })
    }

    /// Takes in what waits, up to a bound; while more waits the socket stays readable.
    ///
    /// **Errors**: the socket failed.
    pub fn drain(&mut self, news: &mut Vec<PathNews>) -> Result<(), NetlinkError> {
        let outcome = self.events.drain(|message| news.extend(disturbance(message)))?;
        if outcome == Events::Lost {
            news.push(PathNews::Lost);
        }
        Ok(())
    }
}

impl AsFd for PathSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }
}

fn disturbance(message: &Message<'_>) -> Option<PathNews> {
    let goes = match message.kind {
        route::RTM_DELROUTE | rule::RTM_DELRULE => true,
        route::RTM_NEWROUTE => message.flags & NLM_F_REPLACE != 0,
        _ => false,
    };
    let path = if goes { parse(message) } else { None };
    path.map(|path| PathNews::Disturbed(path.key()))
}

const RTMGRP_IPV4_ROUTE: u32 = 0x40;
const RTMGRP_IPV4_RULE: u32 = 0x80;
const RTMGRP_IPV6_ROUTE: u32 = 0x400;
const RTMGRP_IPV6_RULE: u32 = 0x4_0000;
