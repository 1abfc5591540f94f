//! Who closes a socket.

use std::ops::Deref;
use std::sync::mpsc::{Sender, channel};

use socket2::Socket;

use super::closing;

/// A socket, closed by whoever lets go of it last, or aside (see [`closing`]).
#[derive(Debug)]
pub(super) struct Handle {
    socket: Socket,
    is_slow: bool,
    /// Goes after the socket, which a thread waits for.
    closed: Option<Sender<()>>,
}

impl Handle {
    pub(super) const fn closed_here(socket: Socket) -> Self {
        Self { socket, is_slow: false, closed: None }
    }

    /// For a packet socket.
    pub(super) const fn closed_aside(socket: Socket) -> Self {
        Self { socket, is_slow: true, closed: None }
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
        if self.is_slow
            && let Ok(last) = self.socket.try_clone()
        {
            let (closed, ours_is_closed) = channel();
            self.closed = Some(closed);
            closing::close(last, ours_is_closed);
        }
    }
}
