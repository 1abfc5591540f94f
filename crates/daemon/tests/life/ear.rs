//! What the far end of the cable hears.

use kernel::netlink::RequestSocket;
use kernel::socket::{FrameSocket, Heard, Packet};

use crate::world::{Cable, FAR};

/// Hears since it was opened.
pub struct Ear {
    socket: FrameSocket,
    buffers: Packet,
    /// Priorities of the advertisements, in order.
    pub priorities: Vec<u8>,
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
        Self { socket, buffers: Packet::new(), priorities: Vec::new(), announcements: 0 }
    }

    /// Takes in what has arrived.
    pub fn listen(&mut self) -> &mut Self {
        let Self { socket, buffers, priorities, announcements } = self;
        loop {
            let outcome = socket.receive(buffers, |frame| match frame.get(12..14) {
                // VRRP in IPv4 without options: its priority is the third byte.
                Some([8, 0]) if frame.get(23) == Some(&112) => priorities.push(frame[36]),
                Some([8, 6]) => *announcements += 1,
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
        self.announcements = 0;
    }
}
