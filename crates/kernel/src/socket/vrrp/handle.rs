//! Who closes a socket.

use std::ops::Deref;
use std::sync::mpsc::{Receiver, Sender, channel};

use socket2::Socket;

/// A socket, closed by whoever lets go of it last, or aside.
///
/// Closing a packet socket waits until no processor looks at it any more, some 20 ms. In a loop that advertises that is
/// long, and at the end it adds up: a thread of its own waits for each, and all wait together.
#[derive(Debug)]
pub(super) struct Handle {
    socket: Socket,
    aside: Option<Receiver<()>>,
    /// Goes after the socket, which a thread waits for.
    _closed: Option<Sender<()>>,
}

impl Handle {
    pub(super) const fn closed_here(socket: Socket) -> Self {
        Self { socket, aside: None, _closed: None }
    }

    pub(super) fn closed_aside(socket: Socket) -> Self {
        let (closed, aside) = channel();
        Self { socket, aside: Some(aside), _closed: Some(closed) }
    }
}

impl Deref for Handle {
    type Target = Socket;

    fn deref(&self) -> &Socket {
        &self.socket
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let Some(closed) = self.aside.take() else { return };
        let Ok(last) = self.socket.try_clone() else { return };
        // Where there is no thread to be had, closing takes its time here.
        let _ = std::thread::Builder::new().name("close".to_owned()).stack_size(STACK).spawn(
            move || {
                let _ = closed.recv();
                drop(last);
            },
        );
    }
}

/// Bytes: it calls hardly anything.
const STACK: usize = 64 * 1024;
