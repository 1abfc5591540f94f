//! What the far end of the cable hears.

use kernel::netlink::RequestSocket;
use kernel::socket::{FrameSocket, Heard, Packet};

use wire::MacAddr;

use crate::world::{Cable, FAR};

/// Hears since it was opened.
pub struct Ear {
    socket: FrameSocket,
    buffers: Packet,
    /// Priorities of the advertisements, in order.
    pub priorities: Vec<u8>,
    /// Ethernet addresses that they came from.
    pub sources: Vec<MacAddr>,
    /// Ethernet addresses that ARP frames came from.
    pub announced: Vec<MacAddr>,
    /// How many ARP frames there were.
    pub announcements: usize,
}

impl Ear {
    pub fn at(cable: &Cable) -> Self {
        let open = || {
            let index = RequestSocket::open().unwrap().index_of(FAR).unwrap().expect("far end");
            FrameSocket::open(FAR, index, Heard::Everything).unwrap()
        };
        let socket = cable.there.within(open).unwrap();
        Self {
            socket,
            buffers: Packet::new(),
            priorities: Vec::new(),
            sources: Vec::new(),
            announced: Vec::new(),
            announcements: 0,
        }
    }

    /// Takes in what has arrived.
    pub fn listen(&mut self) -> &mut Self {
        let Self { socket, buffers, priorities, sources, announced, announcements } = self;
        loop {
            let outcome = socket.receive(buffers, |frame| match frame.get(12..14) {
                // VRRP in IPv4 without options: its priority is the third byte.
                Some([8, 0]) if frame.get(23) == Some(&112) => {
                    priorities.push(frame[36]);
                    sources.push(source(frame));
                }
                Some([8, 6]) => {
                    *announcements += 1;
                    announced.push(source(frame));
                }
                _ => {}
            });
            if !outcome.is_ok_and(|(count, more)| more && count > 0) {
                return self;
            }
        }
    }

    /// Forgets what was heard.
    pub fn forget(&mut self) {
        self.listen();
        self.priorities.clear();
        self.sources.clear();
        self.announced.clear();
        self.announcements = 0;
    }
}

/// From which Ethernet address a frame came.
fn source(frame: &[u8]) -> MacAddr {
    MacAddr(frame[6..12].try_into().unwrap())
}
