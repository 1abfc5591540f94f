//! One session with its socket, and the ports that packets of sessions come in by.

use std::net::SocketAddr;

use bfd::{Memory, Output, Session};
use config::model::BfdInstance;
use kernel::eventloop::Token;
use kernel::socket::{BfdSender, SocketError};
use rustix::io::Errno;
use wire::Family;

/// Where packets come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Door {
    pub(super) family: Family,
    multihop: bool,
}

/// A session that runs.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) instance: BfdInstance,
    pub(super) session: Session,
    pub(super) sender: Option<BfdSender>,
    /// What the parent keeps of it for a successor.
    pub(super) kept: Option<Memory>,
    /// Why its socket cannot be opened; said once.
    pub(super) problem: Option<String>,
    /// Why the last packet could not be sent, where it could not.
    unsent: Option<Errno>,
}

impl Door {
    pub(super) const ALL: [Self; 4] = [
        Self { family: Family::Ipv4, multihop: false },
        Self { family: Family::Ipv4, multihop: true },
        Self { family: Family::Ipv6, multihop: false },
        Self { family: Family::Ipv6, multihop: true },
    ];

    pub(super) fn of(instance: &BfdInstance) -> Self {
        Self { family: Family::of(instance.neighbor), multihop: instance.multihop }
    }

    /// RFC 5881 §4, RFC 5883 §5.
    pub(super) const fn port(self) -> u16 {
        if self.multihop { 4784 } else { 3784 }
    }

    pub(super) fn token(self) -> Token {
        let index = Self::ALL.iter().position(|door| *door == self).unwrap_or(0);
        Token(FIRST_TOKEN + u64::try_from(index).unwrap_or(0))
    }
}

impl Running {
    pub(super) fn new(instance: BfdInstance, session: Session) -> Self {
        let kept = session.memory();
        Self { instance, session, sender: None, kept, problem: None, unsent: None }
    }

    pub(super) fn open_sender(&mut self) -> Result<(), String> {
        let BfdInstance { source, neighbor, ttl, .. } = &self.instance;
        let to = SocketAddr::new(*neighbor, Door::of(&self.instance).port());
        // Sessions begin at ports of their own, so that two daemons seldom meet.
        let [_, _, high, low] = self.session.mine().get().to_be_bytes();
        let first = u16::from_be_bytes([high, low]) & 0x3fff;
        let sender = BfdSender::open(*source, to, ttl.unwrap_or(TTL), first);
        self.sender = Some(sender.map_err(|error| error.to_string())?);
        Ok(())
    }

    /// Sends what a session puts out. What cannot be sent is missed by the other end, whose business it is to notice.
    ///
    /// **Errors**: why it cannot, where that is new.
    pub(super) fn perform(&mut self, outputs: &[Output]) -> Result<(), SocketError> {
        let mut news = Ok(());
        for output in outputs {
            if let (Output::Send(control), Some(sender)) = (output, &self.sender) {
                let sent = sender.send(&control.emit());
                let why = sent.as_ref().err().map(|error| error.source);
                let before = std::mem::replace(&mut self.unsent, why);
                if why != before && why.is_some() {
                    news = sent;
                }
            }
        }
        news
    }

    /// RFC 5881 §5: 255. keepalived sends 64 over IPv6 where nothing is written, so that is taken then.
    pub(super) fn least_ttl(&self) -> u8 {
        let usual = match Family::of(self.instance.neighbor) {
            Family::Ipv4 => TTL,
            Family::Ipv6 => INCUMBENT_HOP_LIMIT,
        };
        let hops = self.instance.max_hops;
        hops.map_or(0, |hops| self.instance.ttl.unwrap_or(usual).saturating_sub(hops))
    }
}

const FIRST_TOKEN: u64 = 1 << 40;
const TTL: u8 = 255;
const INCUMBENT_HOP_LIMIT: u8 = 64;
